//! What audits found, and which are due.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{account, audit, ledger, mailbox};
use sea_orm::sea_query::OnConflict;
use sea_orm::{Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait, Set};
use uuid::Uuid;

use crate::source::choice::LEFT;
use crate::store::{Store, StoreError};

/// UIDs of holes that are kept.
const KEPT: usize = 100;

/// What an audit of one mailbox found, as it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The mailbox.
    pub mailbox: Uuid,
    /// Its UIDVALIDITY on the server.
    pub uid_validity: u32,
    /// Messages on the server.
    pub on_server: usize,
    /// Of those, messages with a verdict.
    pub judged: usize,
    /// Of those, messages that the cursor has not reached.
    pub waiting: usize,
    /// Of those, messages passed without a verdict.
    pub holes: usize,
    /// Of those, messages that were judged since.
    pub healed: usize,
    /// The first of their UIDs.
    pub first_holes: &'a [u32],
}

impl Store {
    /// Keeps what an audit found in the place of what the one before did.
    pub async fn audited(&self, found: &Found<'_>, at: DateTime<Utc>) -> Result<(), StoreError> {
        let count = |number: usize| Set(i64::try_from(number).unwrap_or(i64::MAX));
        let first_holes = found.first_holes.get(..KEPT).unwrap_or(found.first_holes);
        let row = audit::ActiveModel {
            mailbox_id: Set(found.mailbox),
            uid_validity: Set(i64::from(found.uid_validity)),
            at: Set(at),
            on_server: count(found.on_server),
            judged: count(found.judged),
            waiting: count(found.waiting),
            holes: count(found.holes),
            healed: count(found.healed),
            first_holes: Set(first_holes.into()),
        };
        let replaced = [
            audit::Column::UidValidity,
            audit::Column::At,
            audit::Column::OnServer,
            audit::Column::Judged,
            audit::Column::Waiting,
            audit::Column::Holes,
            audit::Column::Healed,
            audit::Column::FirstHoles,
        ];
        let conflict = OnConflict::column(audit::Column::MailboxId).update_columns(replaced).to_owned();
        audit::Entity::insert(row).on_conflict(conflict).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// The last audits, by mailbox.
    pub async fn last_audits(&self) -> Result<HashMap<Uuid, audit::Model>, StoreError> {
        let rows = audit::Entity::find().all(&self.db).await?;
        Ok(rows.into_iter().map(|row| (row.mailbox_id, row)).collect())
    }

    /// Accounts that are well, with a mailbox whose last audit was before that moment or has never been: some, by their
    /// ids, from behind `after` on.
    pub async fn audits_due(
        &self,
        before: DateTime<Utc>,
        after: Option<Uuid>,
        some: u64,
    ) -> Result<Vec<Uuid>, StoreError> {
        let due = Condition::any().add(audit::COLUMN.at.is_null()).add(audit::COLUMN.at.lt(before));
        let mut query = mailbox::Entity::find()
            .select_only()
            .column(mailbox::Column::AccountId)
            .distinct()
            .join(JoinType::InnerJoin, mailbox::Relation::Account.def())
            .join_rev(JoinType::LeftJoin, audit::Relation::Mailbox.def())
            .filter(account::COLUMN.state.eq("active"))
            .filter(account::COLUMN.last_success.is_not_null())
            .filter(mailbox::COLUMN.role.ne(LEFT))
            .filter(due);
        if let Some(after) = after {
            query = query.filter(mailbox::COLUMN.account_id.gt(after));
        }
        let ids = query.order_by_asc(mailbox::Column::AccountId).limit(some).into_tuple().all(&self.db).await?;
        Ok(ids)
    }

    /// The UIDs from `first` to `last` of a mailbox's epoch that have a verdict, as ascending ranges.
    pub async fn judged_between(
        &self,
        mailbox: Uuid,
        uid_validity: i64,
        first: u32,
        last: Option<u32>,
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let (first, last) = (i64::from(first), last.map_or(i64::MAX, i64::from));
        let ranges = || {
            ledger::Entity::find()
                .select_only()
                .columns([ledger::Column::UidFirst, ledger::Column::UidLast])
                .filter(ledger::COLUMN.mailbox_id.eq(mailbox))
                .filter(ledger::COLUMN.uid_validity.eq(uid_validity))
        };
        // A range that begins before may reach into these; the one that begins last is the only one that can.
        let before: Option<(i64, i64)> = ranges()
            .filter(ledger::COLUMN.uid_first.lt(first))
            .order_by_desc(ledger::Column::UidFirst)
            .into_tuple()
            .one(&self.db)
            .await?;
        let begun: Vec<(i64, i64)> = ranges()
            .filter(ledger::COLUMN.uid_first.gte(first))
            .filter(ledger::COLUMN.uid_first.lte(last))
            .order_by_asc(ledger::Column::UidFirst)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(before.filter(|(_, end)| *end >= first).into_iter().chain(begun).collect())
    }
}
