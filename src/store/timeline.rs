//! The timeline as programs and people read it: activities with everything they are tied to.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    account, activity, activity_company, activity_contact, activity_deal, attachment, company, contact_address, deal,
    mailbox, sighting, user,
};
use sea_orm::{Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use uuid::Uuid;

use crate::store::{Store, StoreError};

/// Activities read at a time.
const PAGE: u64 = 250;

/// A logged mail with its records, as `activity list --json` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct TimelineEntry {
    /// Identifier.
    pub id: Uuid,
    /// `outgoing` or `incoming`.
    pub direction: String,
    /// How it came in.
    pub kind: String,
    /// Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Subject as sent.
    pub subject: String,
    /// Sender.
    pub from: serde_json::Value,
    /// To recipients.
    pub to: serde_json::Value,
    /// Cc recipients.
    pub cc: serde_json::Value,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// Login of the user it counts for.
    pub user: Option<String>,
    /// By which rule (C2).
    pub attribution: Option<String>,
    /// The conversation.
    pub thread: Uuid,
    /// First address of each contact.
    pub contacts: Vec<String>,
    /// Key of each company.
    pub companies: Vec<String>,
    /// Key of each deal.
    pub deals: Vec<String>,
    /// The new text.
    pub reply_text: Option<String>,
    /// The whole text.
    pub text: Option<String>,
    /// What is remarkable about it.
    pub flags: serde_json::Value,
    /// Who may see it (G5).
    pub visibility: String,
    /// Attachments, stored or left out.
    pub attachments: Vec<AttachmentEntry>,
    /// Whether it came back.
    pub bounced: bool,
    /// Text above a forward.
    pub note: Option<String>,
    /// Who forwarded it.
    pub forwarded_by: Option<String>,
    /// The id a provider replaced.
    pub original_message_id: Option<String>,
    /// Every mailbox it was seen in.
    pub sightings: Vec<SightingEntry>,
}

/// An attachment on the timeline.
#[derive(Debug, Clone, Serialize)]
pub struct AttachmentEntry {
    /// File name.
    pub name: String,
    /// Media type.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Decoded size in bytes.
    pub size: i64,
    /// SHA-256, the key in the attachment store.
    pub sha256: Option<String>,
    /// Whether its bytes are kept.
    pub stored: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Shown inside the text rather than listed.
    pub inline: bool,
}

/// A place where a message was seen.
#[derive(Debug, Clone, Serialize)]
pub struct SightingEntry {
    /// The account's address.
    pub account: String,
    /// The mailbox.
    pub mailbox: String,
    /// Its UIDVALIDITY.
    pub uid_validity: i64,
    /// The message's UID.
    pub uid: i64,
}

/// Reads a workspace's timeline page by page, newest first.
pub struct Timeline<'a> {
    store: &'a Store,
    workspace: Uuid,
    after: Option<(DateTime<Utc>, Uuid)>,
    left: u64,
}

impl Store {
    /// The newest `limit` activities of a workspace.
    pub fn timeline(&self, workspace: Uuid, limit: Option<u64>) -> Timeline<'_> {
        Timeline { store: self, workspace, after: None, left: limit.unwrap_or(u64::MAX) }
    }

    /// One activity of a workspace.
    pub async fn activity(
        &self,
        workspace: Uuid,
        id: Uuid,
    ) -> Result<Option<(TimelineEntry, Option<String>)>, StoreError> {
        let row =
            activity::Entity::find_by_id(id).filter(activity::COLUMN.workspace_id.eq(workspace)).one(&self.db).await?;
        let html = row.as_ref().and_then(|row| row.html.clone());
        let entry = decorate(self, row.into_iter().collect()).await?.pop();
        Ok(entry.map(|entry| (entry, html)))
    }
}

impl Timeline<'_> {
    /// The next page; empty at the end.
    pub async fn next_page(&mut self) -> Result<Vec<TimelineEntry>, StoreError> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let mut query = activity::Entity::find().filter(activity::COLUMN.workspace_id.eq(self.workspace));
        if let Some((sent_at, id)) = self.after {
            let same_time = Condition::all().add(activity::COLUMN.sent_at.eq(sent_at)).add(activity::COLUMN.id.lt(id));
            query = query.filter(Condition::any().add(activity::COLUMN.sent_at.lt(sent_at)).add(same_time));
        }
        let rows = query
            .order_by_desc(activity::Column::SentAt)
            .order_by_desc(activity::Column::Id)
            .limit(PAGE.min(self.left))
            .all(&self.store.db)
            .await?;
        self.after = rows.last().map(|row| (row.sent_at, row.id)).or(self.after);
        self.left -= rows.len() as u64;
        decorate(self.store, rows).await
    }
}

/// Adds to activities what they are tied to, in a fixed number of queries.
async fn decorate(store: &Store, rows: Vec<activity::Model>) -> Result<Vec<TimelineEntry>, StoreError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut users = logins(store, rows.iter().filter_map(|row| row.user_id).collect()).await?;
    let mut contacts = contacts(store, &ids).await?;
    let mut companies = companies(store, &ids).await?;
    let mut deals = deals(store, &ids).await?;
    let mut attachments = attachments(store, &ids).await?;
    let mut sightings = sightings(store, &ids).await?;
    let entries = rows.into_iter().map(|row| {
        let mut recipients = row.recipients;
        let mut list =
            |name: &str| recipients.get_mut(name).map_or_else(|| serde_json::json!([]), serde_json::Value::take);
        TimelineEntry {
            id: row.id,
            direction: row.direction,
            kind: row.kind,
            message_id: row.message_id,
            subject: row.subject,
            from: row.sender,
            to: list("to"),
            cc: list("cc"),
            sent_at: row.sent_at,
            user: row.user_id.and_then(|user| users.get_mut(&user).cloned()),
            attribution: row.attribution,
            thread: row.thread_id,
            contacts: contacts.remove(&row.id).unwrap_or_default(),
            companies: companies.remove(&row.id).unwrap_or_default(),
            deals: deals.remove(&row.id).unwrap_or_default(),
            reply_text: row.reply_text.or_else(|| row.text.clone()),
            text: row.text,
            flags: row.flags,
            visibility: row.visibility,
            attachments: attachments.remove(&row.id).unwrap_or_default(),
            bounced: row.bounced,
            note: row.note,
            forwarded_by: row.forwarded_by,
            original_message_id: row.original_message_id,
            sightings: sightings.remove(&row.id).unwrap_or_default(),
        }
    });
    Ok(entries.collect())
}

async fn logins(store: &Store, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, String>, StoreError> {
    let rows = user::Entity::find().filter(user::COLUMN.id.is_in(ids)).all(&store.db).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.login)).collect())
}

async fn contacts(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let links =
        activity_contact::Entity::find().filter(activity_contact::COLUMN.activity_id.is_in(ids.iter().copied()));
    let links = links.all(&store.db).await?;
    let wanted: HashSet<Uuid> = links.iter().map(|link| link.contact_id).collect();
    let first = contact_address::Entity::find()
        .filter(contact_address::COLUMN.contact_id.is_in(wanted))
        .order_by_desc(contact_address::Column::Position)
        .all(&store.db)
        .await?;
    // Descending, so that the first position is what remains.
    let first: HashMap<Uuid, String> = first.into_iter().map(|row| (row.contact_id, row.address)).collect();
    Ok(grouped(links.into_iter().filter_map(|link| Some((link.activity_id, first.get(&link.contact_id)?.clone())))))
}

async fn companies(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let links = activity_company::Entity::find()
        .filter(activity_company::COLUMN.activity_id.is_in(ids.iter().copied()))
        .find_also_related(company::Entity);
    let links = links.all(&store.db).await?;
    Ok(grouped(links.into_iter().filter_map(|(link, company)| Some((link.activity_id, company?.key)))))
}

async fn deals(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<String>>, StoreError> {
    let links = activity_deal::Entity::find()
        .filter(activity_deal::COLUMN.activity_id.is_in(ids.iter().copied()))
        .find_also_related(deal::Entity);
    let links = links.all(&store.db).await?;
    Ok(grouped(links.into_iter().filter_map(|(link, deal)| Some((link.activity_id, deal?.key)))))
}

async fn attachments(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<AttachmentEntry>>, StoreError> {
    let rows = attachment::Entity::find()
        .filter(attachment::COLUMN.activity_id.is_in(ids.iter().copied()))
        .order_by_asc(attachment::Column::Position)
        .all(&store.db)
        .await?;
    let mut by_activity: HashMap<Uuid, Vec<AttachmentEntry>> = HashMap::new();
    for row in rows {
        by_activity.entry(row.activity_id).or_default().push(AttachmentEntry {
            name: row.name,
            media_type: row.media_type,
            size: row.size,
            sha256: row.sha256,
            stored: row.stored,
            reason: row.reason,
            inline: row.is_inline,
        });
    }
    Ok(by_activity)
}

async fn sightings(store: &Store, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<SightingEntry>>, StoreError> {
    let rows = sighting::Entity::find()
        .filter(sighting::COLUMN.activity_id.is_in(ids.iter().copied()))
        .order_by_asc(sighting::Column::UidValidity)
        .order_by_asc(sighting::Column::Uid)
        .all(&store.db)
        .await?;
    let names = store.mailbox_names(rows.iter().map(|row| row.mailbox_id).collect()).await?;
    let mut by_activity: HashMap<Uuid, Vec<SightingEntry>> = HashMap::new();
    for row in rows {
        let (account, mailbox) = names.get(&row.mailbox_id).cloned().unwrap_or_default();
        by_activity.entry(row.activity_id).or_default().push(SightingEntry {
            account,
            mailbox,
            uid_validity: row.uid_validity,
            uid: row.uid,
        });
    }
    Ok(by_activity)
}

impl Store {
    /// Account address and name of mailboxes.
    pub async fn mailbox_names(&self, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, (String, String)>, StoreError> {
        let rows = mailbox::Entity::find()
            .filter(mailbox::COLUMN.id.is_in(ids))
            .find_also_related(account::Entity)
            .all(&self.db)
            .await?;
        let named = rows.into_iter().map(|(mailbox, account)| {
            (mailbox.id, (account.map(|account| account.address).unwrap_or_default(), mailbox.name))
        });
        Ok(named.collect())
    }
}

fn grouped(pairs: impl Iterator<Item = (Uuid, String)>) -> HashMap<Uuid, Vec<String>> {
    let mut by_activity: HashMap<Uuid, Vec<String>> = HashMap::new();
    for (id, value) in pairs {
        by_activity.entry(id).or_default().push(value);
    }
    by_activity.values_mut().for_each(|values| values.sort());
    by_activity
}
