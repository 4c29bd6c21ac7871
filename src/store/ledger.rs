//! The verdicts: listed, looked up for `explain`, and held against the server by `audit`.

use entity::{account_workspace, activity, ledger, mailbox, quarantine, sighting, thread_message};
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::decide::{Code, MessageKey, Trace};
use crate::store::{Store, StoreError};

/// Rows read at a time.
const PAGE: u64 = 2_000;

/// Places where a message was seen that `explain` looks at, beyond those whose verdict names it.
const PLACES: u64 = 100;

/// Where the next page of a ledger begins: mailbox, UIDVALIDITY, UID.
type Place = (Uuid, i64, i64);

/// Reads the verdicts of a workspace's accounts page by page, in UID order.
pub struct Verdicts<'a> {
    store: &'a Store,
    workspace: Uuid,
    mailboxes: Vec<Uuid>,
    after: Option<Place>,
}

impl Store {
    /// The verdicts on every mailbox that serves a workspace.
    pub async fn verdicts(&self, workspace: Uuid) -> Result<Verdicts<'_>, StoreError> {
        Ok(Verdicts { store: self, workspace, mailboxes: self.mailboxes_of(workspace).await?, after: None })
    }

    /// The mailboxes of every account that serves a workspace.
    pub async fn mailboxes_of(&self, workspace: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let accounts: Vec<Uuid> = account_workspace::Entity::find()
            .select_only()
            .column(account_workspace::Column::AccountId)
            .filter(account_workspace::COLUMN.workspace_id.eq(workspace))
            .into_tuple()
            .all(&self.db)
            .await?;
        let rows = mailbox::Entity::find().filter(mailbox::COLUMN.account_id.is_in(accounts)).all(&self.db).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// The last `count` messages of a mailbox before `uid` that the server has handed out; of those that were logged it was
    /// the whole, of others maybe a header.
    pub async fn handed_out(
        &self,
        row: &mailbox::Model,
        uid: u32,
        logged: bool,
        count: u64,
    ) -> Result<Vec<u32>, StoreError> {
        let never_asked = [Code::ParseError, Code::Expunged, Code::BeforeStart, Code::MessageTooLarge];
        let fits = match logged {
            true => ledger::Column::Code.eq(Code::Logged.as_str()),
            false => ledger::Column::Code.is_not_in(never_asked.map(Code::as_str)),
        };
        let last: Vec<i64> = ledger::Entity::find()
            .select_only()
            .column(ledger::Column::UidLast)
            .filter(ledger::COLUMN.mailbox_id.eq(row.id))
            .filter(ledger::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(ledger::COLUMN.uid_first.lt(i64::from(uid)))
            .filter(fits)
            .order_by_desc(ledger::Column::UidFirst)
            .limit(count)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(last.into_iter().filter_map(|uid| u32::try_from(uid).ok()).collect())
    }

    /// The verdict on one UID of a mailbox's present or a past epoch.
    pub async fn verdict(&self, mailbox: Uuid, uid: u32) -> Result<Option<ledger::Model>, StoreError> {
        let uid = i64::from(uid);
        let found = ledger::Entity::find()
            .filter(ledger::COLUMN.mailbox_id.eq(mailbox))
            .filter(ledger::COLUMN.uid_first.lte(uid))
            .filter(ledger::COLUMN.uid_last.gte(uid))
            .order_by_desc(ledger::Column::At)
            .one(&self.db)
            .await?;
        Ok(found)
    }

    /// The verdicts on every copy of a message: by its activity, and by the keyed hash of its Message-ID where it was not
    /// logged.
    pub async fn verdicts_on(
        &self,
        workspace: Uuid,
        key: MessageKey,
        hash: Vec<u8>,
    ) -> Result<Vec<ledger::Model>, StoreError> {
        let activities: Vec<Uuid> = thread_message::Entity::find()
            .select_only()
            .column(thread_message::Column::ActivityId)
            .filter(thread_message::COLUMN.workspace_id.eq(workspace))
            .filter(thread_message::COLUMN.message_key.eq(key.as_bytes().to_vec()))
            .into_tuple()
            .all(&self.db)
            .await?;
        let mut of_message = Condition::any()
            .add(ledger::COLUMN.message_hash.eq(hash))
            .add(ledger::COLUMN.activity_id.is_in(activities.iter().copied()));
        // A verdict names one activity only, also where the message brought several.
        let seen = sighting::Entity::find().filter(sighting::COLUMN.activity_id.is_in(activities));
        for place in seen.limit(PLACES).all(&self.db).await? {
            let here = Condition::all()
                .add(ledger::COLUMN.mailbox_id.eq(place.mailbox_id))
                .add(ledger::COLUMN.uid_validity.eq(place.uid_validity))
                .add(ledger::COLUMN.uid_first.eq(place.uid));
            of_message = of_message.add(here);
        }
        let found = ledger::Entity::find()
            .filter(of_message)
            .filter(ledger::COLUMN.mailbox_id.is_in(self.mailboxes_of(workspace).await?))
            .order_by_asc(ledger::Column::At)
            .all(&self.db)
            .await?;
        Ok(found)
    }

    /// Whether a message, in the mailbox's present epoch, is on the timeline.
    pub async fn is_seen(&self, mailbox: &mailbox::Model, uid: u32) -> Result<bool, StoreError> {
        Ok(!self.activities_at(mailbox.id, mailbox.uid_validity, i64::from(uid)).await?.is_empty())
    }

    /// The activities that a message shows: several, where it is a forward of several originals.
    pub async fn activities_at(&self, mailbox: Uuid, epoch: i64, uid: i64) -> Result<Vec<Uuid>, StoreError> {
        let found = sighting::Entity::find()
            .filter(sighting::COLUMN.mailbox_id.eq(mailbox))
            .filter(sighting::COLUMN.uid_validity.eq(epoch))
            .filter(sighting::COLUMN.uid.eq(uid))
            .order_by_asc(sighting::Column::ActivityId)
            .all(&self.db)
            .await?;
        Ok(found.into_iter().map(|row| row.activity_id).collect())
    }

    /// The ranges of UIDs after `cursor` that have a verdict: none, but for mail that a resync left judged.
    pub async fn judged_after(&self, row: &mailbox::Model, cursor: u32) -> Result<Vec<(i64, i64)>, StoreError> {
        let ranges = ledger::Entity::find()
            .select_only()
            .columns([ledger::Column::UidFirst, ledger::Column::UidLast])
            .filter(ledger::COLUMN.mailbox_id.eq(row.id))
            .filter(ledger::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(ledger::COLUMN.uid_last.gt(i64::from(cursor)))
            .order_by_asc(ledger::Column::UidFirst)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(ranges)
    }

    /// Messages set aside that were never had, after that one, oldest first, at most a page.
    pub async fn quarantined_without_bytes(&self, after: Option<Uuid>) -> Result<Vec<quarantine::Model>, StoreError> {
        let mut query = quarantine::Entity::find().filter(quarantine::COLUMN.sha256.is_null());
        if let Some(after) = after {
            query = query.filter(quarantine::COLUMN.id.gt(after));
        }
        Ok(query.order_by_asc(quarantine::Column::Id).limit(PAGE).all(&self.db).await?)
    }

    /// Messages set aside, oldest first.
    pub async fn quarantined(&self, workspace: Uuid) -> Result<Vec<quarantine::Model>, StoreError> {
        let found = quarantine::Entity::find()
            .filter(quarantine::COLUMN.mailbox_id.is_in(self.mailboxes_of(workspace).await?))
            .order_by_asc(quarantine::Column::CreatedAt)
            .all(&self.db)
            .await?;
        Ok(found)
    }
}

impl Verdicts<'_> {
    /// The next page; empty at the end.
    pub async fn next_page(&mut self) -> Result<Vec<ledger::Model>, StoreError> {
        // What another workspace of the same mailbox logged is not this one's business.
        let own = Query::select()
            .column(activity::Column::Id)
            .from(activity::Entity)
            .and_where(activity::Column::WorkspaceId.eq(self.workspace))
            .to_owned();
        let visible =
            Condition::any().add(ledger::COLUMN.activity_id.is_null()).add(ledger::Column::ActivityId.in_subquery(own));
        let mut query = ledger::Entity::find()
            .filter(ledger::COLUMN.mailbox_id.is_in(self.mailboxes.iter().copied()))
            .filter(visible);
        if let Some((mailbox, epoch, uid)) = self.after {
            let same_mailbox = ledger::COLUMN.mailbox_id.eq(mailbox);
            let later_uid = Condition::all()
                .add(same_mailbox.clone())
                .add(ledger::COLUMN.uid_validity.eq(epoch))
                .add(ledger::COLUMN.uid_first.gt(uid));
            let later_epoch = Condition::all().add(same_mailbox).add(ledger::COLUMN.uid_validity.gt(epoch));
            query = query
                .filter(Condition::any().add(later_uid).add(later_epoch).add(ledger::COLUMN.mailbox_id.gt(mailbox)));
        }
        let rows = query
            .order_by_asc(ledger::Column::MailboxId)
            .order_by_asc(ledger::Column::UidValidity)
            .order_by_asc(ledger::Column::UidFirst)
            .limit(PAGE)
            .all(&self.store.db)
            .await?;
        self.after = rows.last().map(|row| (row.mailbox_id, row.uid_validity, row.uid_first)).or(self.after);
        Ok(rows)
    }
}

/// The steps of a stored verdict.
pub fn trace_of(row: &ledger::Model) -> Trace {
    row.trace.clone().and_then(|trace| serde_json::from_value(trace).ok()).unwrap_or_default()
}
