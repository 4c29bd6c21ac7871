//! What the worker asks about accounts, and what it notes on them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{account, account_workspace, grant, ledger, mailbox, quarantine};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
};
use uuid::Uuid;

use crate::clock::Clock;
use crate::decide::Code;
use crate::mail::address::Address;
use crate::seam::seam;
use crate::store::accounts::{self, changed};
use crate::store::facts::Scope;
use crate::store::grants::State;
use crate::store::{Store, StoreError, notices, padded};
use crate::trouble::Trouble;

/// A state, how many accounts are in it, and when the last of them was made and connected.
pub type Glance = (String, i64, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Not so of an account whose consent was taken back while its last session was reading.
fn has_consent() -> Condition {
    let revoked = grant::Column::State.eq(State::Revoked.as_str());
    let consents =
        Query::select().column(grant::Column::AccountId).from(grant::Entity).and_where(revoked.not()).to_owned();
    Condition::any().add(account::COLUMN.auth.ne("oauth")).add(account::COLUMN.id.in_subquery(consents))
}

/// Accounts noted with one statement.
const ROWS: usize = 1_024;

fn watched() -> Select<account::Entity> {
    account::Entity::find()
        .filter(account::COLUMN.kind.is_in(["bcc", "forwarding", "personal"]))
        .filter(account::COLUMN.state.is_in(["active", "needs-reauth", "needs-admin-consent", "broken"]))
        .order_by_asc(account::Column::AddressFolded)
}

impl Store {
    /// The accounts that are to be read now: mailboxes behind BCC addresses and personal inboxes.
    pub async fn watched(&self) -> Result<Vec<account::Model>, StoreError> {
        Ok(watched().all(&self.db).await?)
    }

    /// Those of them that are among these.
    pub async fn watched_among(&self, accounts: &HashSet<Uuid>) -> Result<Vec<account::Model>, StoreError> {
        let accounts: Vec<Uuid> = accounts.iter().copied().collect();
        let mut found = Vec::new();
        for some in accounts.chunks(ROWS) {
            let some = watched().filter(account::COLUMN.id.is_in(padded(some.iter().copied())));
            found.extend(some.all(&self.db).await?);
        }
        Ok(found)
    }

    /// What changes when an account is added, removed, paused, mended or connected anew: how many are in each state, and
    /// when the last of them was made and connected. Much less to read than all of them.
    pub async fn accounts_at_a_glance(&self) -> Result<Vec<Glance>, StoreError> {
        self.glance(account::Entity::find()).await
    }

    /// The same of some accounts.
    pub(super) async fn glance(&self, accounts: Select<account::Entity>) -> Result<Vec<Glance>, StoreError> {
        let rows = accounts
            .select_only()
            .column(account::Column::State)
            .column_as(account::Column::Id.count(), "accounts")
            .column_as(account::Column::CreatedAt.max(), "made")
            .column_as(account::Column::ConnectedAt.max(), "connected")
            .group_by(account::Column::State)
            .order_by_asc(account::Column::State)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows)
    }

    /// How many accounts are to be read, and how many of those cannot be at present.
    pub async fn headcount(&self) -> Result<(u64, u64), StoreError> {
        let all = watched();
        let failing = all
            .clone()
            .filter(Condition::any().add(account::COLUMN.state.ne("active")).add(account::COLUMN.failures.gt(0)));
        Ok((all.count(&self.db).await?, failing.count(&self.db).await?))
    }

    /// An account and the workspaces it serves, the one it served first in front.
    pub async fn scope(&self, account: &account::Model) -> Result<Scope, StoreError> {
        let rows = account_workspace::Entity::find()
            .filter(account_workspace::COLUMN.account_id.eq(account.id))
            .order_by_asc(account_workspace::Column::CreatedAt)
            .order_by_asc(account_workspace::Column::WorkspaceId)
            .all(&self.db)
            .await?;
        let address = Address::parse(&account.address)
            .ok_or_else(|| StoreError::Data("an account's address is none".to_owned()))?;
        let workspaces = rows.into_iter().map(|row| row.workspace_id).collect();
        Ok(Scope { account: account.id, address, workspaces })
    }

    /// Notes that an account whose login was refused is connected again (D2c). Whether it was.
    pub async fn returned(&self, account: Uuid, clock: &Clock) -> Result<bool, StoreError> {
        let returned = account::Entity::update_many()
            .col_expr(account::Column::ConnectedAt, Expr::value(clock.now()))
            .filter(account::COLUMN.id.eq(account))
            .filter(account::COLUMN.state.is_in(["needs-reauth", "needs-admin-consent"]))
            .exec(&self.db)
            .await?;
        Ok(returned.rows_affected > 0)
    }

    /// Notes that an account was read to its end.
    pub async fn succeeded(&self, account: Uuid, clock: &Clock) -> Result<(), StoreError> {
        seam("note.before")?;
        let now = clock.now();
        account::Entity::update_many()
            .set(account::ActiveModel {
                last_success: Set(Some(now)),
                last_attempt: Set(Some(now)),
                failures: Set(0),
                next_try: Set(None),
                trouble: Set(None),
                ..Default::default()
            })
            .filter(account::COLUMN.id.eq(account))
            .exec(&self.db)
            .await?;
        let well = account::Entity::update_many()
            .set(account::ActiveModel { reason: Set(None), ..Default::default() })
            .filter(account::COLUMN.id.eq(account))
            .filter(account::COLUMN.state.eq("active"))
            .filter(has_consent())
            .exec(&self.db)
            .await?;
        if well.rows_affected == 0 {
            self.mended(account, clock).await?;
        }
        Ok(seam("note.after")?)
    }

    /// An account that a person had to mend was read: it is mended.
    async fn mended(&self, account: Uuid, clock: &Clock) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let before = account::Entity::find_by_id(account)
            .filter(account::COLUMN.state.is_in(["needs-reauth", "needs-admin-consent", "broken"]))
            .filter(has_consent())
            .lock_exclusive()
            .one(&*tx)
            .await?;
        let Some(before) = before else { return Ok(()) };
        let row = account::ActiveModel { state: Set("active".to_owned()), reason: Set(None), ..Default::default() };
        account::Entity::update_many().set(row).filter(account::COLUMN.id.eq(account)).exec(&*tx).await?;
        changed::tell(&tx, (account, &before.state), accounts::State::Active, None, clock).await?;
        tx.commit().await
    }

    /// Notes that these accounts, all of them well before, were read to their ends and had no news.
    pub async fn succeeded_quietly(&self, accounts: HashSet<Uuid>, clock: &Clock) -> Result<(), StoreError> {
        let now = clock.now();
        let accounts: Vec<Uuid> = accounts.into_iter().collect();
        for some in accounts.chunks(ROWS) {
            let noted = account::ActiveModel {
                last_success: Set(Some(now)),
                last_attempt: Set(Some(now)),
                ..Default::default()
            };
            account::Entity::update_many()
                .set(noted)
                .filter(account::COLUMN.id.is_in(padded(some.iter().copied())))
                .filter(account::COLUMN.state.eq("active"))
                .exec(&self.db)
                .await?;
        }
        Ok(())
    }

    /// Notes why an account could not be read, and when that is tried again by itself. Whatever a person must mend shows as a
    /// state; the rest as a reason.
    pub async fn failed(
        &self,
        account: Uuid,
        trouble: &Trouble,
        next_try: Option<DateTime<Utc>>,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        let noted = account::ActiveModel {
            last_attempt: Set(Some(clock.now())),
            next_try: Set(next_try),
            trouble: Set(Some(trouble.kind().to_owned())),
            ..Default::default()
        };
        account::Entity::update_many()
            .set(noted)
            .col_expr(account::Column::Failures, Expr::col(account::Column::Failures).add(1))
            .filter(account::COLUMN.id.eq(account))
            .exec(&self.db)
            .await?;
        let reason = trouble.to_string();
        let state = match trouble {
            Trouble::NeedsReauth { .. } => accounts::State::NeedsReauth,
            Trouble::NeedsAdminConsent { .. } => accounts::State::NeedsAdminConsent,
            Trouble::Operator { .. } => accounts::State::Broken,
            // What passes does not hide what a person has to mend, nor why somebody paused it.
            _ => {
                account::Entity::update_many()
                    .set(account::ActiveModel { reason: Set(Some(reason)), ..Default::default() })
                    .filter(account::COLUMN.id.eq(account))
                    .filter(account::COLUMN.state.eq("active"))
                    .exec(&self.db)
                    .await?;
                return Ok(());
            }
        };
        self.parked(account, state, &reason, clock).await
    }

    /// A person has to mend an account. That somebody has paused or removed it meanwhile stays as it is.
    async fn parked(
        &self,
        account: Uuid,
        state: accounts::State,
        reason: &str,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let left_alone = [accounts::State::Paused, accounts::State::Removed].map(accounts::State::as_str);
        let before = changed::locked(&tx, account).await?;
        let Some(before) = before.filter(|one| !left_alone.contains(&one.state.as_str())) else { return Ok(()) };
        let row = account::ActiveModel {
            state: Set(state.as_str().to_owned()),
            reason: Set(Some(reason.to_owned())),
            ..Default::default()
        };
        account::Entity::update_many().set(row).filter(account::COLUMN.id.eq(account)).exec(&*tx).await?;
        changed::tell(&tx, (account, &before.state), state, Some(reason), clock).await?;
        // Its users are told once (J15).
        if state == accounts::State::NeedsReauth && before.state != state.as_str() {
            notices::needs_reauth(&tx, account, clock).await?;
        }
        tx.commit().await
    }

    /// The account of that identifier.
    pub async fn account(&self, id: Uuid) -> Result<Option<account::Model>, StoreError> {
        Ok(account::Entity::find_by_id(id).one(&self.db).await?)
    }

    /// Addresses of accounts.
    pub async fn account_addresses(&self, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
        let rows = account::Entity::find().filter(account::COLUMN.id.is_in(ids)).all(&self.db).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.address)).collect())
    }

    /// The account and mailbox of a message that was set aside.
    pub async fn place_of(&self, row: &quarantine::Model) -> Result<(account::Model, mailbox::Model), StoreError> {
        let account = account::Entity::find_by_id(row.account_id).one(&self.db).await?;
        let mailbox = mailbox::Entity::find_by_id(row.mailbox_id).one(&self.db).await?;
        account.zip(mailbox).ok_or_else(|| StoreError::refused("the account of this message is gone"))
    }

    /// Forgets a message that was set aside; its verdict stays.
    pub async fn drop_quarantined(&self, id: Uuid) -> Result<(), StoreError> {
        quarantine::Entity::delete_by_id(id).exec(&self.db).await?;
        Ok(())
    }

    /// Takes back every verdict of an account that did not log its message, so that it is judged again. Says how many.
    pub async fn resync(&self, account: Uuid) -> Result<u64, StoreError> {
        let tx = self.begin().await?;
        let mailboxes = mailbox::Entity::find().filter(mailbox::COLUMN.account_id.eq(account)).all(&*tx).await?;
        let mut forgotten = 0;
        for row in mailboxes {
            let gone = ledger::Entity::delete_many()
                .filter(ledger::COLUMN.mailbox_id.eq(row.id))
                .filter(ledger::COLUMN.uid_validity.eq(row.uid_validity))
                .filter(ledger::COLUMN.activity_id.is_null())
                .filter(ledger::COLUMN.code.ne(Code::Expunged.as_str()))
                .exec(&*tx)
                .await?;
            forgotten += gone.rows_affected;
            // What was set aside before the server numbered anew is not met again.
            quarantine::Entity::delete_many()
                .filter(quarantine::COLUMN.mailbox_id.eq(row.id))
                .filter(quarantine::COLUMN.uid_validity.eq(row.uid_validity))
                .exec(&*tx)
                .await?;
            mailbox::Entity::update_many()
                .col_expr(mailbox::Column::Cursor, Expr::value(row.first_uid - 1))
                .col_expr(mailbox::Column::UidNext, Expr::value(Option::<i64>::None))
                .filter(mailbox::COLUMN.id.eq(row.id))
                .exec(&*tx)
                .await?;
        }
        tx.commit().await?;
        Ok(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ActiveModelTrait;

    use super::*;
    use crate::config::{AccountKind, Provider, Security};
    use crate::store::accounts::NewAccount;
    use crate::store::{testing::on_each_engine, workspaces};

    async fn account(store: &Store, clock: &Clock) -> account::Model {
        let new = NewAccount {
            address: Address::parse("log@ours.example").unwrap(),
            kind: AccountKind::Bcc,
            provider: Provider::Google,
            host: None,
            port: None,
            auth: None,
            security: Security::Tls,
            imap_user: None,
            password_file: None,
            since: None,
            user: None,
            declared: false,
        };
        let workspace = workspaces::ensure_default(store, clock).await.unwrap();
        accounts::add(store, &workspace, &new, clock).await.unwrap()
    }

    #[tokio::test]
    async fn a_glance_shows_what_people_change_and_not_what_a_sync_notes() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let account = account(store, &clock).await;
            let address = Address::parse(&account.address).unwrap();
            let before = store.accounts_at_a_glance().await.unwrap();
            store.succeeded_quietly(HashSet::from([account.id]), &clock).await.unwrap();
            assert_eq!(store.accounts_at_a_glance().await.unwrap(), before);
            let noted = accounts::named(store, &address).await.unwrap();
            assert!(noted.last_success.is_some() && noted.last_attempt.is_some());
            accounts::pause(store, &address, "for a test", &clock).await.unwrap();
            let paused = store.accounts_at_a_glance().await.unwrap();
            assert_ne!(paused, before);
            accounts::resume(store, &address, &clock).await.unwrap();
            let resumed = store.accounts_at_a_glance().await.unwrap();
            assert!(resumed != before && resumed != paused);
        })
        .await;
    }

    #[tokio::test]
    async fn a_resync_keeps_what_was_set_aside_before_the_server_numbered_anew() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let account = account(store, &clock).await;
            let mailbox = mailbox::ActiveModel {
                id: Set(clock.id()),
                account_id: Set(account.id),
                name: Set("INBOX".into()),
                wire_name: Set("INBOX".into()),
                role: Set("inbox".into()),
                uid_validity: Set(2),
                first_uid: Set(1),
                cursor: Set(9),
                ..Default::default()
            };
            let mailbox = mailbox.insert(&store.db).await.unwrap();
            for uid_validity in [1, 2] {
                let aside = quarantine::ActiveModel {
                    id: Set(clock.id()),
                    account_id: Set(account.id),
                    mailbox_id: Set(mailbox.id),
                    uid_validity: Set(uid_validity),
                    uid: Set(7),
                    code: Set("quarantined".into()),
                    reason: Set("no mail".into()),
                    created_at: Set(clock.now()),
                    ..Default::default()
                };
                aside.insert(&store.db).await.unwrap();
            }
            store.resync(account.id).await.unwrap();
            let left = quarantine::Entity::find().all(&store.db).await.unwrap();
            assert_eq!(left.iter().map(|row| row.uid_validity).collect::<Vec<_>>(), [1]);
        })
        .await;
    }
}
