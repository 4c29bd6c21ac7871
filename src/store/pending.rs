//! Unlogged mail that waits for its conversation (D21), and what is known of a personal inbox.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{activity, ledger, mailbox, pending_reference};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::decide::decision::Kind;
use crate::decide::facts::Facts;
use crate::store::{Store, StoreError, padded};

/// Messages of one mailbox that are to be judged again.
#[derive(Debug)]
pub struct Due {
    /// The mailbox.
    pub mailbox: mailbox::Model,
    /// The epoch of the UIDs.
    pub uid_validity: i64,
    /// The messages, in order.
    pub uids: Vec<u32>,
}

/// What is stored of a mailbox's mail (G, L9).
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    /// Verdicts on mail that was not logged: a code and the steps that led to it, without evidence.
    pub verdicts: u64,
    /// Keyed hashes of Message-IDs, of addresses where contacts count, and of subject and minute where mail is forwarded, by
    /// which unlogged mail waits, and is found by `explain`.
    pub hashes: u64,
    /// Messages that were set aside.
    pub quarantined: u64,
    /// Activities that were seen here.
    pub activities: u64,
}

impl Store {
    /// The accounts that have messages to judge again.
    pub async fn accounts_due(&self) -> Result<HashSet<Uuid>, StoreError> {
        let due = Query::select()
            .column(pending_reference::Column::MailboxId)
            .from(pending_reference::Entity)
            .and_where(pending_reference::Column::Due.eq(true))
            .to_owned();
        let accounts = mailbox::Entity::find().select_only().column(mailbox::Column::AccountId);
        let accounts = accounts.filter(mailbox::Column::Id.in_subquery(due)).into_tuple::<Uuid>().all(&self.db).await?;
        Ok(accounts.into_iter().collect())
    }

    /// The messages of an account to judge again.
    pub async fn due(&self, account: Uuid) -> Result<Vec<Due>, StoreError> {
        let mut found = Vec::new();
        for mailbox in self.mailboxes_of_account(account).await? {
            let rows: Vec<(i64, i64)> = pending_reference::Entity::find()
                .select_only()
                .columns([pending_reference::Column::UidValidity, pending_reference::Column::Uid])
                .distinct()
                .filter(pending_reference::COLUMN.mailbox_id.eq(mailbox.id))
                .filter(pending_reference::COLUMN.due.eq(true))
                .order_by_asc(pending_reference::Column::Uid)
                .into_tuple()
                .all(&self.db)
                .await?;
            let mut epochs: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
            for (uid_validity, uid) in rows {
                epochs.entry(uid_validity).or_default().extend(u32::try_from(uid));
            }
            let due = |(uid_validity, uids)| Due { mailbox: mailbox.clone(), uid_validity, uids };
            found.extend(epochs.into_iter().map(due));
        }
        Ok(found)
    }

    /// Forgets messages that are no longer where they waited.
    pub async fn stop_waiting(&self, mailbox: Uuid, uid_validity: i64, uids: &[u32]) -> Result<(), StoreError> {
        for uids in uids.chunks(1_000) {
            pending_reference::Entity::delete_many()
                .filter(pending_reference::COLUMN.mailbox_id.eq(mailbox))
                .filter(pending_reference::COLUMN.uid_validity.eq(uid_validity))
                .filter(pending_reference::COLUMN.uid.is_in(uids.iter().map(|uid| i64::from(*uid))))
                .exec(&self.db)
                .await?;
        }
        Ok(())
    }

    /// Forgets what has waited long enough, and what waited in an epoch of UIDs that is over.
    pub async fn expire_waiting(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let expired = pending_reference::Entity::delete_many().filter(pending_reference::COLUMN.expires_at.lte(now));
        Ok(expired.exec(&self.db).await?.rows_affected)
    }

    /// The verdicts on unlogged messages that are known by this hash of their own id.
    pub async fn verdicts_waiting(&self, hash: Vec<u8>) -> Result<Vec<(u32, ledger::Model)>, StoreError> {
        let rows = pending_reference::Entity::find()
            .filter(pending_reference::COLUMN.hash.eq(hash))
            .filter(pending_reference::COLUMN.own.eq(true))
            .all(&self.db)
            .await?;
        let mut verdicts = Vec::new();
        for row in rows {
            let found = ledger::Entity::find()
                .filter(ledger::COLUMN.mailbox_id.eq(row.mailbox_id))
                .filter(ledger::COLUMN.uid_validity.eq(row.uid_validity))
                .filter(ledger::COLUMN.uid_first.lte(row.uid))
                .filter(ledger::COLUMN.uid_last.gte(row.uid))
                .one(&self.db)
                .await?;
            verdicts.extend(found.and_then(|verdict| Some((u32::try_from(row.uid).ok()?, verdict))));
        }
        Ok(verdicts)
    }

    /// The mailboxes of an account, by name.
    pub async fn mailboxes_of_account(&self, account: Uuid) -> Result<Vec<mailbox::Model>, StoreError> {
        let rows = mailbox::Entity::find().filter(mailbox::COLUMN.account_id.eq(account));
        Ok(rows.order_by_asc(mailbox::Column::Name).all(&self.db).await?)
    }

    /// Marks which of the known messages are follow-ups.
    pub async fn mark_follow_ups(&self, facts: &mut Facts) -> Result<(), StoreError> {
        for workspace in facts.workspaces.iter_mut().filter(|workspace| !workspace.known.is_empty()) {
            let rows: Vec<Uuid> = activity::Entity::find()
                .select_only()
                .column(activity::Column::Id)
                .filter(activity::COLUMN.id.is_in(padded(workspace.known.values().copied())))
                .filter(activity::COLUMN.kind.eq(Kind::Sent.as_str()))
                .into_tuple()
                .all(&self.db)
                .await?;
            workspace.follow_ups.extend(rows);
        }
        Ok(())
    }

    /// When the first mail of each of these threads was sent.
    pub async fn began(&self, threads: HashSet<Uuid>) -> Result<HashMap<Uuid, DateTime<Utc>>, StoreError> {
        if threads.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<(Uuid, Option<DateTime<Utc>>)> = activity::Entity::find()
            .select_only()
            .column(activity::Column::ThreadId)
            .column_as(activity::Column::SentAt.min(), "began")
            .filter(activity::Column::ThreadId.is_in(padded(threads)))
            .group_by(activity::Column::ThreadId)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().filter_map(|(thread, began)| Some((thread, began?))).collect())
    }

    /// What is stored of a mailbox's mail.
    pub async fn kept(&self, mailbox: Uuid) -> Result<Kept, StoreError> {
        let rows = ledger::Entity::find().filter(ledger::COLUMN.mailbox_id.eq(mailbox));
        let logged = entity::sighting::Entity::find().filter(entity::sighting::COLUMN.mailbox_id.eq(mailbox));
        // Numbered anew, a mailbox shows the same mail again.
        let activities = logged.select_only().column(entity::sighting::Column::ActivityId).distinct();
        let waiting = pending_reference::Entity::find().filter(pending_reference::COLUMN.mailbox_id.eq(mailbox));
        let aside = entity::quarantine::Entity::find().filter(entity::quarantine::COLUMN.mailbox_id.eq(mailbox));
        let hashed = rows.clone().filter(ledger::COLUMN.message_hash.is_not_null()).count(&self.db).await?;
        Ok(Kept {
            verdicts: rows.filter(ledger::COLUMN.activity_id.is_null()).count(&self.db).await?,
            hashes: hashed + waiting.count(&self.db).await?,
            quarantined: aside.count(&self.db).await?,
            activities: activities.count(&self.db).await?,
        })
    }
}
