//! The conversation each activity belongs to (D4, D18, A16).

use std::collections::{BTreeSet, HashMap};

use entity::{thread, thread_message};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::{Entrant, rows};
use crate::clock::Clock;
use crate::decide::MessageKey;
use crate::mail::subject::BaseSubject;
use crate::store::{StoreError, padded};

/// The thread of each entrant, in order: one that the batch or the store knows under the same base subject, or a new one.
/// With them the ids by which the messages are known from now on, to be stored after their activities.
pub(super) async fn assign(
    db: &DatabaseTransaction,
    entrants: &[(Uuid, &Entrant)],
    clock: &Clock,
) -> Result<(Vec<Uuid>, Vec<thread_message::ActiveModel>), StoreError> {
    let mut known = Known::load(db, entrants).await?;
    let mut made = Vec::new();
    let mut assigned = Vec::with_capacity(entrants.len());
    for (activity, entrant) in entrants {
        let subject = BaseSubject::of_mail(&entrant.envelope);
        let thread = entrant.activity.thread.or_else(|| known.find(entrant, subject.as_str())).unwrap_or_else(|| {
            let id = clock.id();
            made.push(thread::ActiveModel {
                id: Set(id),
                workspace_id: Set(entrant.activity.workspace),
                base_subject: Set(subject.as_str().to_owned()),
                created_at: Set(clock.now()),
            });
            id
        });
        known.add(*activity, entrant, thread, subject.as_str());
        assigned.push(thread);
    }
    rows::insert(db, made).await?;
    Ok((assigned, known.added))
}

type Key = (Uuid, MessageKey);

struct Known {
    threads: HashMap<Key, (Uuid, String)>,
    added: Vec<thread_message::ActiveModel>,
}

impl Known {
    async fn load(db: &DatabaseTransaction, entrants: &[(Uuid, &Entrant)]) -> Result<Self, StoreError> {
        let workspaces: BTreeSet<Uuid> = entrants.iter().map(|(_, entrant)| entrant.activity.workspace).collect();
        let keys: BTreeSet<MessageKey> = entrants
            .iter()
            .flat_map(|(_, entrant)| {
                let activity = &entrant.activity;
                names(entrant).chain(activity.ancestors.iter().chain(&activity.conversations).copied())
            })
            .collect();
        let rows = thread_message::Entity::find()
            .filter(thread_message::COLUMN.workspace_id.is_in(workspaces))
            .filter(thread_message::Column::MessageKey.is_in(padded(keys.iter().map(|key| key.as_bytes().to_vec()))))
            .find_also_related(thread::Entity)
            .all(db)
            .await?;
        let threads = rows.into_iter().filter_map(|(message, thread)| {
            let key = MessageKey::from_bytes(&message.message_key)?;
            Some(((message.workspace_id, key), (message.thread_id, thread?.base_subject)))
        });
        Ok(Self { threads: threads.collect(), added: Vec::new() })
    }

    /// The thread of the nearest ancestor that has the same base subject (D4, D18).
    fn find(&self, entrant: &Entrant, subject: &str) -> Option<Uuid> {
        let ancestors = entrant.activity.ancestors.iter();
        let mut threads = ancestors.filter_map(|key| self.threads.get(&(entrant.activity.workspace, *key)));
        threads.find(|(_, base)| base == subject).map(|(thread, _)| *thread)
    }

    /// Makes the thread findable by every id of the message. An id that names a thread already keeps it (RFC 5256: of
    /// two messages with one id, the second has none).
    fn add(&mut self, activity: Uuid, entrant: &Entrant, thread: Uuid, subject: &str) {
        let workspace = entrant.activity.workspace;
        for key in names(entrant).chain(entrant.activity.conversations.iter().copied()) {
            self.threads.entry((workspace, key)).or_insert_with(|| {
                self.added.push(thread_message::ActiveModel {
                    workspace_id: Set(workspace),
                    message_key: Set(key.as_bytes().to_vec()),
                    thread_id: Set(thread),
                    activity_id: Set(activity),
                });
                (thread, subject.to_owned())
            });
        }
    }
}

/// Every id by which a later mail may refer to this one.
pub(super) fn names(entrant: &Entrant) -> impl Iterator<Item = MessageKey> {
    std::iter::once(entrant.key).chain(entrant.activity.aliases.iter().copied())
}
