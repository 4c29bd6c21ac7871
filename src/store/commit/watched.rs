//! What a commit keeps besides verdicts: whom unlogged mail of an inbox waits for (D21), other names of logged mail
//! (D18, D20), and how many messages were seen and opened.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use entity::{activity, contact_address, mailbox, pending_reference, thread_message};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter, Set};
use uuid::Uuid;

use super::activities::Logged;
use super::runs::Runs;
use super::{Batch, CommitPolicy, Outcome, WaitingKey};
use crate::decide::MessageKey;
use crate::decide::key::waiting_hash;
use crate::store::{StoreError, padded};

/// Rows of one statement at most.
const ROWS: usize = 64;

/// A message as a workspace knows it.
pub type Name = (Uuid, MessageKey);

/// What goes with a batch from a personal inbox.
#[derive(Debug, Default)]
pub struct Watched {
    /// Messages that wait.
    pub waiting: Vec<Waiting>,
    /// Messages of the batch that wait for nothing any more.
    pub settled: Vec<u32>,
    /// Messages of the batch that were judged again and wait on.
    pub unsettled: Vec<u32>,
    /// What was seen and opened.
    pub tally: Tally,
    /// Which equal verdicts share a row.
    pub runs: Runs,
}

/// A message that may belong to a conversation that is not known yet.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Its UID.
    pub uid: u32,
    /// Itself, in case a copy is logged.
    pub own: Vec<Name>,
    /// What it refers to.
    pub refers: Vec<Name>,
    /// What a forward of it would be told by, its sender aside.
    pub moments: Vec<Name>,
    /// Whether its sender was looked at, so that no forward that is known by now is of it.
    pub whole: bool,
    /// Folded addresses that it would be logged on if they were contacts' (K2).
    pub people: Vec<(Uuid, String)>,
    /// How long it waits.
    pub until: DateTime<Utc>,
}

/// Further names of a logged message.
#[derive(Debug)]
pub struct Tie {
    /// Its activity.
    pub activity: Uuid,
    /// The names.
    pub names: Vec<MessageKey>,
    /// The places that forwards keep for their originals, of which no other mail may claim this activity's any more.
    pub fills: Vec<MessageKey>,
}

/// Messages counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Whose header was judged.
    pub seen: u32,
    /// Whose body was fetched.
    pub opened: u32,
    /// Whose body was fetched without a verdict to log it.
    pub opened_unlogged: u32,
}

impl Watched {
    /// The workspaces that it reads or writes in.
    pub(super) fn workspaces(&self) -> impl Iterator<Item = Uuid> + '_ {
        let names =
            self.waiting.iter().flat_map(|waiting| waiting.own.iter().chain(&waiting.refers).chain(&waiting.moments));
        let people = self.waiting.iter().flat_map(|waiting| &waiting.people);
        names.map(|(workspace, _)| *workspace).chain(people.map(|(workspace, _)| *workspace))
    }
}

/// Writes it, after the batch's activities; the names of further copies come to those that are `logged`.
pub(super) async fn write(
    db: &DatabaseTransaction,
    batch: &Batch,
    watched: &Watched,
    logged: &mut Logged,
    policy: CommitPolicy,
) -> Result<(), StoreError> {
    let sightings = batch.entries.iter().filter_map(|entry| match &entry.outcome {
        Outcome::Sighting(tie) => Some(tie),
        _ => None,
    });
    for tie in sightings.chain(&std::mem::take(&mut logged.copies)) {
        logged.names.extend(add_names(db, tie).await?);
        fill(db, tie).await?;
    }
    settle(db, batch, &watched.settled, true).await?;
    settle(db, batch, &watched.unsettled, false).await?;
    wait(db, batch, &watched.waiting, policy).await?;
    count(db, batch.mailbox, watched.tally).await
}

/// Has whoever waits for one of these messages judged again.
pub(in crate::store) async fn wake(
    db: &DatabaseTransaction,
    known: &[Name],
    waiting: WaitingKey,
) -> Result<(), StoreError> {
    for names in known.chunks(ROWS) {
        let hashes = names.iter().map(|(workspace, key)| waiting_hash(waiting.expose(), *workspace, key));
        pending_reference::Entity::update_many()
            .col_expr(pending_reference::Column::Due, Expr::value(true))
            .filter(pending_reference::Column::Hash.is_in(padded(hashes)))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Has the mail judged again that waits for somebody with one of these folded addresses to become a contact (K2).
pub(in crate::store) async fn wake_people<'a>(
    db: &DatabaseTransaction,
    people: impl Iterator<Item = (Uuid, &'a str)>,
    waiting: WaitingKey,
) -> Result<(), StoreError> {
    let names: Vec<Name> = people.map(|(workspace, folded)| (workspace, MessageKey::of_address(folded))).collect();
    wake(db, &names, waiting).await
}

/// The names that the message did not have before.
async fn add_names(db: &DatabaseTransaction, tie: &Tie) -> Result<Vec<Name>, StoreError> {
    let Some(activity) = activity::Entity::find_by_id(tie.activity).one(db).await? else { return Ok(Vec::new()) };
    let keys = tie.names.iter().map(|key| key.as_bytes().to_vec());
    let rows = thread_message::Entity::find()
        .filter(thread_message::COLUMN.workspace_id.eq(activity.workspace_id))
        .filter(thread_message::Column::MessageKey.is_in(padded(keys)))
        .all(db)
        .await?;
    let taken: HashSet<MessageKey> = rows.iter().filter_map(|row| MessageKey::from_bytes(&row.message_key)).collect();
    let fresh: BTreeSet<MessageKey> = tie.names.iter().copied().filter(|key| !taken.contains(key)).collect();
    let rows = fresh.iter().map(|key| thread_message::ActiveModel {
        workspace_id: Set(activity.workspace_id),
        message_key: Set(key.as_bytes().to_vec()),
        thread_id: Set(activity.thread_id),
        activity_id: Set(activity.id),
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        // Of two copies that are committed at the same time, each may bring the same name.
        let columns = [thread_message::Column::WorkspaceId, thread_message::Column::MessageKey];
        let once = OnConflict::columns(columns).do_nothing().to_owned();
        thread_message::Entity::insert_many(rows).on_conflict(once).exec_without_returning(db).await?;
    }
    Ok(fresh.into_iter().map(|key| (activity.workspace_id, key)).collect())
}

async fn fill(db: &DatabaseTransaction, tie: &Tie) -> Result<(), StoreError> {
    if tie.fills.is_empty() {
        return Ok(());
    }
    let places = tie.fills.iter().map(|key| key.as_bytes().to_vec());
    thread_message::Entity::delete_many()
        .filter(thread_message::COLUMN.activity_id.eq(tie.activity))
        .filter(thread_message::Column::MessageKey.is_in(padded(places)))
        .exec(db)
        .await?;
    Ok(())
}

async fn settle(db: &DatabaseTransaction, batch: &Batch, uids: &[u32], for_good: bool) -> Result<(), StoreError> {
    for uids in uids.chunks(ROWS) {
        let those = pending_reference::COLUMN
            .mailbox_id
            .eq(batch.mailbox)
            .and(pending_reference::COLUMN.uid_validity.eq(i64::from(batch.uid_validity)))
            .and(pending_reference::COLUMN.uid.is_in(uids.iter().map(|uid| i64::from(*uid))));
        if for_good {
            pending_reference::Entity::delete_many().filter(those).exec(db).await?;
        } else {
            let update = pending_reference::Entity::update_many();
            update.col_expr(pending_reference::Column::Due, Expr::value(false)).filter(those).exec(db).await?;
        }
    }
    Ok(())
}

/// What became known between the look at the facts and this transaction is due at once: commits of a workspace follow one
/// another, so that either this one sees the other's message or the other one sees who waits.
async fn wait(
    db: &DatabaseTransaction,
    batch: &Batch,
    waiting: &[Waiting],
    policy: CommitPolicy,
) -> Result<(), StoreError> {
    let names: BTreeSet<Name> =
        waiting.iter().flat_map(|one| one.own.iter().chain(&one.refers).chain(&one.moments)).copied().collect();
    let mut known = known_among(db, &names).await?;
    known.extend(contacts_among(db, waiting).await?);
    let mut rows = Vec::new();
    for Waiting { uid, own, refers, moments, whole, people, until } in waiting {
        let people = people.iter().map(|(workspace, folded)| (*workspace, MessageKey::of_address(folded)));
        let named =
            own.iter().map(|name| (*name, true)).chain(refers.iter().copied().chain(people).map(|name| (name, false)));
        let named = named.map(|name| (name, true)).chain(moments.iter().map(|name| ((*name, false), !whole)));
        let mut seen = HashSet::new();
        for (((workspace, key), own), may_be_due) in named.filter(|((name, _), _)| seen.insert(*name)) {
            rows.push(pending_reference::ActiveModel {
                mailbox_id: Set(batch.mailbox),
                uid_validity: Set(i64::from(batch.uid_validity)),
                uid: Set(i64::from(*uid)),
                hash: Set(waiting_hash(policy.waiting.expose(), workspace, &key)),
                own: Set(own),
                due: Set(may_be_due && known.contains(&(workspace, key))),
                expires_at: Set(*until),
            });
        }
    }
    while !rows.is_empty() {
        let chunk: Vec<_> = rows.drain(..rows.len().min(ROWS)).collect();
        let columns = [
            pending_reference::Column::MailboxId,
            pending_reference::Column::UidValidity,
            pending_reference::Column::Uid,
            pending_reference::Column::Hash,
        ];
        let again = OnConflict::columns(columns).update_column(pending_reference::Column::Due).to_owned();
        pending_reference::Entity::insert_many(chunk).on_conflict(again).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn known_among(db: &DatabaseTransaction, names: &BTreeSet<Name>) -> Result<HashSet<Name>, StoreError> {
    let names: Vec<&Name> = names.iter().collect();
    let mut known = HashSet::new();
    for names in names.chunks(1_024) {
        let workspaces: BTreeSet<Uuid> = names.iter().map(|(workspace, _)| *workspace).collect();
        let rows = thread_message::Entity::find()
            .filter(thread_message::COLUMN.workspace_id.is_in(workspaces))
            .filter(
                thread_message::Column::MessageKey.is_in(padded(names.iter().map(|(_, key)| key.as_bytes().to_vec()))),
            )
            .all(db)
            .await?;
        known.extend(rows.iter().filter_map(|row| Some((row.workspace_id, MessageKey::from_bytes(&row.message_key)?))));
    }
    Ok(known)
}

/// The people waited for who became contacts meanwhile.
async fn contacts_among(db: &DatabaseTransaction, waiting: &[Waiting]) -> Result<HashSet<Name>, StoreError> {
    let people: BTreeSet<&(Uuid, String)> = waiting.iter().flat_map(|one| &one.people).collect();
    let people: Vec<_> = people.into_iter().collect();
    let mut known = HashSet::new();
    for people in people.chunks(1_024) {
        let workspaces: BTreeSet<Uuid> = people.iter().map(|(workspace, _)| *workspace).collect();
        let rows = contact_address::Entity::find()
            .filter(contact_address::COLUMN.workspace_id.is_in(workspaces))
            .filter(contact_address::COLUMN.address_folded.is_in(padded(people.iter().map(|(_, folded)| folded))))
            .all(db)
            .await?;
        known.extend(rows.iter().map(|row| (row.workspace_id, MessageKey::of_address(&row.address_folded))));
    }
    Ok(known)
}

async fn count(db: &DatabaseTransaction, mailbox: Uuid, tally: Tally) -> Result<(), StoreError> {
    if tally == Tally::default() {
        return Ok(());
    }
    let more = |column: mailbox::Column, by: u32| Expr::col(column).add(i64::from(by));
    mailbox::Entity::update_many()
        .col_expr(mailbox::Column::Seen, more(mailbox::Column::Seen, tally.seen))
        .col_expr(mailbox::Column::Opened, more(mailbox::Column::Opened, tally.opened))
        .col_expr(mailbox::Column::OpenedUnlogged, more(mailbox::Column::OpenedUnlogged, tally.opened_unlogged))
        .filter(mailbox::COLUMN.id.eq(mailbox))
        .exec(db)
        .await?;
    Ok(())
}
