//! The activities of a batch and their links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    activity, activity_company, activity_contact, activity_deal, attachment, notice, thread_message, workspace,
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::associations::{self, Associations};
use super::contacts::{self, Contacts};
use super::inherited::{self, Inherited};
use super::late::{self, Arrived};
use super::watched::{Name, Tie};
use super::{Attachment, Batch, CommitPolicy, Content, Entrant, Outcome, completed, rows, threads};
use crate::clock::Clock;
use crate::decide::MessageKey;
use crate::decide::decision::Kind;
use crate::events::Event;
use crate::store::notices::{self, About};
use crate::store::{StoreError, outbox, padded};

/// The activity each logged entry of the batch belongs to, and whether this batch made it.
#[derive(Debug, Default)]
pub(super) struct Logged {
    by_place: HashMap<usize, (Uuid, bool)>,
    /// The names by which messages of this batch are known from now on.
    pub(super) names: Vec<Name>,
    /// Ids of copies, by which their messages may not be known yet.
    pub(super) copies: Vec<Tie>,
}

impl Logged {
    /// The activity of the entry at this place of the batch; `true` when it is new.
    pub(super) fn get(&self, at: usize) -> Option<(Uuid, bool)> {
        self.by_place.get(&at).copied()
    }
}

/// Writes what is new among the batch's entrants; copies of known messages become sightings (D20).
pub(super) async fn write(
    db: &DatabaseTransaction,
    batch: &Batch,
    mut contents: HashMap<usize, Content>,
    policy: CommitPolicy,
    clock: &Clock,
) -> Result<Logged, StoreError> {
    let Sorted { mut logged, places, fresh, copies, again } = sort_out(db, batch, clock).await?;
    for copy in copies {
        completed::write(db, batch, copy, policy, clock).await?;
    }
    if !fresh.is_empty() {
        logged.names = insert(db, batch, &places, &fresh, &mut contents, policy, clock).await?;
    }
    for (at, activity, entrant) in again {
        let attachments = contents.remove(&at).unwrap_or_default().attachments;
        let arrived = Arrived { attachments, notice: entrant.notice.clone() };
        late::complete(db, activity, arrived, clock).await?;
    }
    Ok(logged)
}

/// Writes the new ones; gives the names by which they are known from now on.
async fn insert(
    db: &DatabaseTransaction,
    batch: &Batch,
    places: &[usize],
    fresh: &[(Uuid, &Entrant)],
    contents: &mut HashMap<usize, Content>,
    policy: CommitPolicy,
    clock: &Clock,
) -> Result<Vec<Name>, StoreError> {
    let entrants: Vec<&Entrant> = fresh.iter().map(|(_, entrant)| *entrant).collect();
    let contacts = contacts::ensure(db, &entrants, batch.account, policy, clock).await?;
    let associations = associations::load(db, &contacts, policy, clock).await?;
    let (threads, names) = threads::assign(db, fresh, clock).await?;
    let mut known_by: Vec<Name> = names.iter().filter_map(name).collect();
    // What a forward knows of its original another may have known of its own: who waits looks at each.
    for entrant in entrants.iter().filter(|entrant| entrant.activity.forward.is_some()) {
        known_by.extend(entrant.activity.conversations.iter().map(|key| (entrant.activity.workspace, *key)));
    }
    let visibility = visibilities(db, &entrants).await?;
    let continued = inherited::of_threads(db, &entrants).await?;
    let mut rows = Rows { names, ..Rows::default() };
    for (((id, entrant), thread), at) in fresh.iter().zip(threads).zip(places) {
        let content = contents.remove(at).unwrap_or_default();
        let inherited = inherited::by(db, &entrant.activity, &continued).await?;
        let visibility = visibility.get(&entrant.activity.workspace).map_or("everyone", String::as_str);
        rows.link(*id, entrant, &contacts, &associations, inherited);
        rows.attach(*id, &content);
        rows.activities.push(row(*id, batch, entrant, content, thread, visibility, clock));
        rows.announce(*id, batch, entrant, clock);
    }
    rows.insert(db).await?;
    let uids = places.iter().filter_map(|at| batch.entries.get(*at)).map(|entry| entry.uid);
    let placed: Vec<_> = uids.zip(fresh).map(|(uid, (id, entrant))| (uid, *id, *entrant)).collect();
    late::wait(db, batch, &placed, policy.patience, clock).await?;
    Ok(known_by)
}

fn name(row: &thread_message::ActiveModel) -> Option<Name> {
    Some((*row.workspace_id.as_ref(), MessageKey::from_bytes(row.message_key.as_ref())?))
}

/// What is new among the entrants of a batch, and what is not.
#[derive(Default)]
struct Sorted<'a> {
    logged: Logged,
    /// The places of the new ones in the batch.
    places: Vec<usize>,
    /// The same with the activity that each becomes.
    fresh: Vec<(Uuid, &'a Entrant)>,
    /// Copies that may complete the activity that stands for them.
    copies: Vec<(Uuid, &'a Entrant)>,
    /// Copies that may bring the attachments that one waits for.
    again: Vec<(usize, Uuid, &'a Entrant)>,
}

/// Tells new messages from those that are known, in the store or earlier in the batch.
async fn sort_out<'a>(db: &DatabaseTransaction, batch: &'a Batch, clock: &Clock) -> Result<Sorted<'a>, StoreError> {
    let entrants: Vec<(usize, &Entrant)> = batch
        .entries
        .iter()
        .enumerate()
        .filter_map(|(at, entry)| match &entry.outcome {
            Outcome::Log(entrant) => Some((at, entrant.as_ref())),
            _ => None,
        })
        .collect();
    let mut known = known(db, &entrants).await?;
    let mut sorted = Sorted::default();
    for (at, entrant) in entrants {
        let names = || threads::names(entrant).map(|key| (entrant.activity.workspace, key));
        if let Some(id) = names().find_map(|key| known.get(&key)) {
            sorted.logged.by_place.insert(at, (*id, false));
            if entrant.activity.kind == Kind::Bcc {
                sorted.copies.push((*id, entrant));
            }
            if !late::is_pending(entrant) {
                sorted.again.push((at, *id, entrant));
            }
            let conversations = entrant.activity.conversations.iter().copied();
            sorted.logged.copies.push(Tie {
                activity: *id,
                names: threads::names(entrant).chain(conversations).collect(),
                fills: Vec::new(),
            });
        } else {
            let id = clock.id();
            known.extend(names().map(|key| (key, id)));
            sorted.logged.by_place.insert(at, (id, true));
            sorted.places.push(at);
            sorted.fresh.push((id, entrant));
        }
    }
    Ok(sorted)
}

/// The activities of messages that are known by any of their ids (D20).
async fn known(
    db: &DatabaseTransaction,
    entrants: &[(usize, &Entrant)],
) -> Result<HashMap<(Uuid, MessageKey), Uuid>, StoreError> {
    let workspaces: BTreeSet<Uuid> = entrants.iter().map(|(_, entrant)| entrant.activity.workspace).collect();
    let keys: BTreeSet<MessageKey> = entrants.iter().flat_map(|(_, entrant)| threads::names(entrant)).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = thread_message::Entity::find()
        .filter(thread_message::COLUMN.workspace_id.is_in(workspaces))
        .filter(thread_message::Column::MessageKey.is_in(padded(keys.iter().map(|key| key.as_bytes().to_vec()))))
        .all(db)
        .await?;
    let known = rows
        .into_iter()
        .filter_map(|row| Some(((row.workspace_id, MessageKey::from_bytes(&row.message_key)?), row.activity_id)));
    Ok(known.collect())
}

/// What a new activity may be seen by: the workspace's default (G5).
async fn visibilities(db: &DatabaseTransaction, entrants: &[&Entrant]) -> Result<HashMap<Uuid, String>, StoreError> {
    let ids: BTreeSet<Uuid> = entrants.iter().map(|entrant| entrant.activity.workspace).collect();
    let rows = workspace::Entity::find().filter(workspace::COLUMN.id.is_in(ids)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.visibility)).collect())
}

fn row(
    id: Uuid,
    batch: &Batch,
    entrant: &Entrant,
    content: Content,
    thread: Uuid,
    visibility: &str,
    clock: &Clock,
) -> activity::ActiveModel {
    let Entrant { activity, envelope, .. } = entrant;
    activity::ActiveModel {
        id: Set(id),
        workspace_id: Set(activity.workspace),
        message_key: Set(entrant.key.as_bytes().to_vec()),
        account_id: Set(batch.account),
        thread_id: Set(thread),
        direction: Set(activity.direction.as_str().to_owned()),
        kind: Set(activity.kind.as_str().to_owned()),
        message_id: Set(envelope.message_id.as_ref().map(|id| id.as_str().to_owned())),
        subject: Set(envelope.subject.clone()),
        sender: Set(serde_json::json!(envelope.from.first())),
        recipients: Set(serde_json::json!({"to": envelope.to, "cc": envelope.cc})),
        sent_at: Set(entrant.sent_at),
        user_id: Set(activity.user.map(|(user, _)| user)),
        attribution: Set(activity.user.map(|(_, rule)| rule.as_str().to_owned())),
        visibility: Set(visibility.to_owned()),
        text: Set(content.text),
        html: Set(content.html),
        reply_text: Set(content.reply_text),
        flags: Set(serde_json::json!(activity.flags)),
        bounced: Set(false),
        note: Set(activity.forward.as_ref().and_then(|forward| forward.note.clone())),
        forwarded_by: Set(activity.forward.as_ref().map(|forward| forward.by.address.as_str().to_owned())),
        original_message_id: Set(envelope.original_message_id.as_ref().map(|id| id.as_str().to_owned())),
        created_at: Set(clock.now()),
    }
}

pub(super) fn attachment_rows(id: Uuid, attachments: &[Attachment]) -> Vec<attachment::ActiveModel> {
    let row = |(position, part): (i32, &Attachment)| attachment::ActiveModel {
        activity_id: Set(id),
        position: Set(position),
        name: Set(part.name.clone()),
        media_type: Set(part.media_type.clone()),
        size: Set(i64::try_from(part.size).unwrap_or(i64::MAX)),
        sha256: Set(part.sha256.clone()),
        content_id: Set(part.content_id.clone()),
        is_inline: Set(part.inline),
        stored: Set(part.sha256.is_some()),
        reason: Set(part.reason.clone()),
    };
    (0_i32..).zip(attachments).map(row).collect()
}

#[derive(Default)]
struct Rows {
    activities: Vec<activity::ActiveModel>,
    names: Vec<thread_message::ActiveModel>,
    contacts: Vec<activity_contact::ActiveModel>,
    companies: Vec<activity_company::ActiveModel>,
    deals: Vec<activity_deal::ActiveModel>,
    attachments: Vec<attachment::ActiveModel>,
    notices: Vec<notice::ActiveModel>,
    events: Vec<entity::outbox::ActiveModel>,
}

impl Rows {
    /// Contacts, the company of each and the deals of each, every record once (E1, E4, D11).
    fn link(
        &mut self,
        id: Uuid,
        entrant: &Entrant,
        contacts: &Contacts,
        associations: &Associations,
        inherited: Inherited,
    ) {
        let mut roles: BTreeMap<Uuid, &'static str> = BTreeMap::new();
        for counterparty in &entrant.activity.counterparties {
            if let Some(contact) = contacts.get(entrant.activity.workspace, &counterparty.party.address) {
                roles.entry(contact).or_insert(counterparty.role.as_str());
            }
        }
        let mut companies: BTreeSet<Uuid> = inherited.companies.into_iter().collect();
        let mut deals: BTreeSet<Uuid> = inherited.deals.into_iter().collect();
        for contact in roles.keys() {
            companies.extend(associations.company(*contact));
            deals.extend(associations.deals(*contact));
        }
        for contact in inherited.contacts {
            roles.entry(contact).or_insert("thread");
        }
        self.contacts.extend(roles.into_iter().map(|(contact, role)| activity_contact::ActiveModel {
            activity_id: Set(id),
            contact_id: Set(contact),
            role: Set(role.to_owned()),
        }));
        self.companies.extend(
            companies
                .into_iter()
                .map(|company| activity_company::ActiveModel { activity_id: Set(id), company_id: Set(company) }),
        );
        self.deals.extend(
            deals.into_iter().map(|deal| activity_deal::ActiveModel { activity_id: Set(id), deal_id: Set(deal) }),
        );
    }

    fn attach(&mut self, id: Uuid, content: &Content) {
        self.attachments.extend(attachment_rows(id, &content.attachments));
    }

    /// The events for other programs, and the notice to the sender if there is one (H2). That somebody replied is an event
    /// of its own (D15), which no automatic mail causes (L11).
    fn announce(&mut self, id: Uuid, batch: &Batch, entrant: &Entrant, clock: &Clock) {
        let replied = entrant.activity.is_reply(&entrant.envelope).then_some(Event::ReplyReceived { activity: id });
        for event in std::iter::once(Event::ActivityLogged { activity: id }).chain(replied) {
            self.events.push(outbox::row(entrant.activity.workspace, Some(batch.account), &event, clock));
        }
        if let Some(notice) = &entrant.notice {
            let about = About {
                message_id: entrant.envelope.message_id.as_ref().map(|id| id.as_str().to_owned()),
                activity: Some(id),
                ..About::new(entrant.activity.workspace, notices::Kind::AttachmentDropped)
            };
            let recipient = notice.recipient.address.as_str();
            self.notices.push(notices::row(about, recipient, notice.body.clone(), clock));
        }
    }

    async fn insert(self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        rows::insert(db, self.activities).await?;
        rows::insert(db, self.names).await?;
        rows::insert(db, self.contacts).await?;
        rows::insert(db, self.companies).await?;
        rows::insert(db, self.deals).await?;
        rows::insert(db, self.attachments).await?;
        rows::insert(db, self.notices).await?;
        rows::insert(db, self.events).await
    }
}
