//! Mailboxes, their cursors, and attempts at messages that would not come.

use std::collections::BTreeMap;

use entity::{attempt, ledger, mailbox, quarantine, sighting};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, Set};
use uuid::Uuid;

use crate::clock::Clock;
use crate::seam::seam;
use crate::source::choice::{Choice, LEFT};
use crate::store::leases::Fence;
use crate::store::{Store, StoreError};

impl Store {
    /// The mailbox row of an account, made when it is first seen. UIDVALIDITY 0 means that it was never examined.
    pub async fn mailbox(
        &self,
        account: Uuid,
        wire_name: &str,
        name: &str,
        role: &str,
        clock: &Clock,
    ) -> Result<mailbox::Model, StoreError> {
        let row = mailbox::ActiveModel {
            id: Set(clock.id()),
            account_id: Set(account),
            name: Set(name.to_owned()),
            wire_name: Set(wire_name.to_owned()),
            role: Set(role.to_owned()),
            uid_validity: Set(0),
            first_uid: Set(1),
            cursor: Set(0),
            uid_next: Set(None),
            highest_modseq: Set(None),
            last_poll: Set(None),
            seen: Set(0),
            opened: Set(0),
            opened_unlogged: Set(0),
        };
        let once = OnConflict::columns([mailbox::Column::AccountId, mailbox::Column::WireName])
            .do_nothing_on([mailbox::Column::Id])
            .to_owned();
        mailbox::Entity::insert(row).on_conflict(once).exec_without_returning(&self.db).await?;
        let found = mailbox::Entity::find()
            .filter(mailbox::COLUMN.account_id.eq(account))
            .filter(mailbox::COLUMN.wire_name.eq(wire_name))
            .one(&self.db)
            .await?;
        found.ok_or(StoreError::CursorMoved)
    }

    /// The same row as it is now.
    pub async fn mailbox_again(&self, row: &mailbox::Model) -> Result<mailbox::Model, StoreError> {
        mailbox::Entity::find_by_id(row.id).one(&self.db).await?.ok_or(StoreError::CursorMoved)
    }

    /// Notes which mailboxes of a personal inbox are watched, and for what; the others keep their cursors.
    pub async fn watch_only(&self, account: Uuid, chosen: &[Choice]) -> Result<(), StoreError> {
        for row in self.mailboxes_of_account(account).await? {
            let role = chosen.iter().find(|one| one.wire_name == row.wire_name).map_or(LEFT, |one| one.role);
            if row.role != role {
                mailbox::Entity::update_many()
                    .col_expr(mailbox::Column::Role, Expr::value(role))
                    .filter(mailbox::COLUMN.id.eq(row.id))
                    .exec(&self.db)
                    .await?;
            }
        }
        Ok(())
    }

    /// Begins a new epoch of a mailbox: its UIDs mean nothing any more (RFC 3501 §2.3.1.1), messages are told apart by
    /// their Message-ID.
    pub async fn adopt(
        &self,
        row: &mailbox::Model,
        uid_validity: u32,
        first_uid: u32,
        fence: Fence,
    ) -> Result<(), StoreError> {
        let transaction = self.begin_fenced(fence).await?;
        let moved = mailbox::Entity::update_many()
            .col_expr(mailbox::Column::UidValidity, Expr::value(i64::from(uid_validity)))
            .col_expr(mailbox::Column::FirstUid, Expr::value(i64::from(first_uid)))
            .col_expr(mailbox::Column::Cursor, Expr::value(i64::from(first_uid.saturating_sub(1))))
            .col_expr(mailbox::Column::UidNext, Expr::value(Option::<i64>::None))
            .filter(mailbox::COLUMN.id.eq(row.id))
            .filter(mailbox::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(mailbox::COLUMN.cursor.eq(row.cursor))
            .exec(&*transaction)
            .await?;
        if moved.rows_affected != 1 {
            return Err(StoreError::CursorMoved);
        }
        transaction.commit().await
    }

    /// The server gives out UIDs again that it gave out before, as after a restore: the verdicts on those from `first_uid`
    /// on may speak of messages that are no more. The mailbox begins there now.
    pub async fn regress(&self, row: &mailbox::Model, first_uid: u32, fence: Fence) -> Result<(), StoreError> {
        let transaction = self.begin_fenced(fence).await?;
        let last = i64::from(first_uid.saturating_sub(1));
        attempt::Entity::delete_many()
            .filter(attempt::COLUMN.mailbox_id.eq(row.id))
            .filter(attempt::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(attempt::COLUMN.uid.gt(last))
            .exec(&*transaction)
            .await?;
        ledger::Entity::delete_many()
            .filter(ledger::COLUMN.mailbox_id.eq(row.id))
            .filter(ledger::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(ledger::COLUMN.uid_first.gt(last))
            .exec(&*transaction)
            .await?;
        sighting::Entity::delete_many()
            .filter(sighting::COLUMN.mailbox_id.eq(row.id))
            .filter(sighting::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(sighting::COLUMN.uid.gt(last))
            .exec(&*transaction)
            .await?;
        quarantine::Entity::delete_many()
            .filter(quarantine::COLUMN.mailbox_id.eq(row.id))
            .filter(quarantine::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(quarantine::COLUMN.uid.gt(last))
            .exec(&*transaction)
            .await?;
        let moved = mailbox::Entity::update_many()
            .col_expr(mailbox::Column::FirstUid, Expr::value(last + 1))
            .col_expr(mailbox::Column::Cursor, Expr::value(last))
            .col_expr(mailbox::Column::UidNext, Expr::value(Option::<i64>::None))
            .filter(mailbox::COLUMN.id.eq(row.id))
            .filter(mailbox::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(mailbox::COLUMN.cursor.eq(row.cursor))
            .exec(&*transaction)
            .await?;
        if moved.rows_affected != 1 {
            return Err(StoreError::CursorMoved);
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Notes that a mailbox was read to its end, and the UIDNEXT that it had.
    pub async fn polled(
        &self,
        mailbox: Uuid,
        uid_next: Option<u32>,
        fence: Fence,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        seam("poll.before")?;
        let transaction = self.begin_fenced(fence).await?;
        mailbox::Entity::update_many()
            .col_expr(mailbox::Column::UidNext, Expr::value(uid_next.map(i64::from)))
            .col_expr(mailbox::Column::LastPoll, Expr::value(clock.now()))
            .filter(mailbox::COLUMN.id.eq(mailbox))
            .exec(&*transaction)
            .await?;
        transaction.commit().await?;
        Ok(seam("poll.after")?)
    }

    /// Where the cursors of an account stand, and how many messages are suspected: equal answers mean that nothing was
    /// passed or narrowed down in between.
    pub async fn positions(&self, account: Uuid) -> Result<Vec<(Uuid, i64, i64, u64)>, StoreError> {
        let rows = mailbox::Entity::find()
            .filter(mailbox::COLUMN.account_id.eq(account))
            .order_by_asc(mailbox::Column::Id)
            .all(&self.db)
            .await?;
        let mut positions = Vec::with_capacity(rows.len());
        for row in rows {
            let suspects =
                attempt::Entity::find().filter(attempt::COLUMN.mailbox_id.eq(row.id)).count(&self.db).await?;
            positions.push((row.id, row.uid_validity, row.cursor, suspects));
        }
        Ok(positions)
    }

    /// How often each message of the present epoch was tried in vain.
    pub async fn attempts(&self, row: &mailbox::Model) -> Result<BTreeMap<u32, u32>, StoreError> {
        let rows = attempt::Entity::find()
            .filter(attempt::COLUMN.mailbox_id.eq(row.id))
            .filter(attempt::COLUMN.uid_validity.eq(row.uid_validity))
            .all(&self.db)
            .await?;
        let counted = rows
            .into_iter()
            .filter_map(|row| Some((u32::try_from(row.uid).ok()?, u32::try_from(row.count).unwrap_or(u32::MAX))));
        Ok(counted.collect())
    }

    /// The vain attempts at a message.
    pub async fn attempt(&self, row: &mailbox::Model, uid: u32) -> Result<Option<attempt::Model>, StoreError> {
        Ok(attempt::Entity::find_by_id((row.id, row.uid_validity, i64::from(uid))).one(&self.db).await?)
    }

    /// What went wrong the last time a message was tried.
    pub async fn last_reason(&self, row: &mailbox::Model, uid: u32) -> Result<String, StoreError> {
        let found = self.attempt(row, uid).await?;
        Ok(found.map_or_else(|| "it could not be fetched".to_owned(), |row| row.reason))
    }

    /// Counts one more vain attempt at a message.
    pub async fn attempted(
        &self,
        row: &mailbox::Model,
        uid: u32,
        reason: &str,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        self.count_attempt(row, uid, 1, reason, clock).await
    }

    /// Marks every message up to `uid` as one that may be what an unfinished answer was about: they are tried alone.
    pub async fn suspected(&self, row: &mailbox::Model, uid: u32, clock: &Clock) -> Result<(), StoreError> {
        self.count_attempt(row, uid, 0, "it was asked for together with a message that did not come", clock).await
    }

    async fn count_attempt(
        &self,
        row: &mailbox::Model,
        uid: u32,
        by: i32,
        reason: &str,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        let attempt = attempt::ActiveModel {
            mailbox_id: Set(row.id),
            uid_validity: Set(row.uid_validity),
            uid: Set(i64::from(uid)),
            count: Set(by),
            reason: Set(reason.to_owned()),
            at: Set(clock.now()),
        };
        let mut again =
            OnConflict::columns([attempt::Column::MailboxId, attempt::Column::UidValidity, attempt::Column::Uid]);
        again.value(attempt::Column::Count, Expr::col((attempt::Entity, attempt::Column::Count)).add(by));
        if by > 0 {
            again.update_columns([attempt::Column::Reason, attempt::Column::At]);
        }
        attempt::Entity::insert(attempt).on_conflict(again).exec_without_returning(&self.db).await?;
        Ok(())
    }
}
