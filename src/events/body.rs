//! The one place that makes what a receiver gets of an event.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{outbox, webhook};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Event;

/// An activity as a receiver is told of it.
#[derive(Debug, Clone, Serialize)]
pub struct ActivityTold {
    /// Its identifier.
    pub activity: Uuid,
    /// `incoming` or `outgoing`.
    pub direction: String,
    /// How it came, such as `bcc` or `reply`.
    pub kind: String,
    /// The conversation.
    pub thread: Uuid,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// Whether it came back.
    pub bounced: bool,
    /// On whose timelines it is.
    pub contacts: Vec<Participant>,
}

/// A contact of an activity.
#[derive(Debug, Clone, Serialize)]
pub struct Participant {
    /// Its identifier.
    pub id: Uuid,
    /// Its key in the CRM.
    pub key: Option<String>,
    /// Its first address.
    pub address: Option<String>,
    /// Its part in the mail, such as `to` or `cc`.
    pub role: String,
}

/// A contact that was made.
#[derive(Debug, Clone, Serialize)]
pub struct ContactTold {
    /// Its identifier.
    pub contact: Uuid,
    /// Its key in the CRM.
    pub key: Option<String>,
    /// Its first address.
    pub address: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// What made it, such as `bcc`.
    pub source: String,
}

/// What the events of a page speak of, as it is now.
#[derive(Debug, Default)]
pub struct Told {
    /// Names of workspaces.
    pub workspaces: HashMap<Uuid, String>,
    /// Addresses of accounts.
    pub accounts: HashMap<Uuid, String>,
    /// Activities.
    pub activities: HashMap<Uuid, ActivityTold>,
    /// Contacts.
    pub contacts: HashMap<Uuid, ContactTold>,
}

/// The body of an event.
pub fn of(event: &outbox::Model, told: &Told) -> Value {
    json!({
        "id": event.id,
        "type": event.kind,
        "version": event.payload.get("version"),
        "timestamp": event.at,
        "workspace": told.workspaces.get(&event.workspace_id),
        "account": event.account_id.and_then(|account| told.accounts.get(&account)),
        "data": data(event, told),
    })
}

/// The body of [`Event::WebhookTested`], which is sent at once and kept nowhere.
pub fn of_test(webhook: &webhook::Model, workspace: &str, id: Uuid, at: DateTime<Utc>) -> Value {
    let event = Event::WebhookTested { webhook: webhook.id };
    let row = outbox::Model {
        id,
        workspace_id: webhook.workspace_id,
        account_id: None,
        activity_id: None,
        kind: event.kind().as_str().to_owned(),
        payload: event.payload(),
        at,
        seq: None,
    };
    let workspaces = HashMap::from([(webhook.workspace_id, workspace.to_owned())]);
    of(&row, &Told { workspaces, ..Told::default() })
}

/// What an event says beside its type, time and account.
pub fn data(event: &outbox::Model, told: &Told) -> Value {
    let mut data = Map::new();
    if event.kind.starts_with("activity.") || event.kind.starts_with("reply.") {
        data.insert("activity".to_owned(), json!(event.activity_id));
    }
    let stored = event.payload.as_object().into_iter().flatten();
    data.extend(stored.filter(|(name, _)| *name != "version").map(|(name, value)| (name.clone(), value.clone())));
    let activity = event.activity_id.and_then(|id| told.activities.get(&id)).map(|activity| json!(activity));
    let contact = contact_of(event).and_then(|id| told.contacts.get(&id)).map(|contact| json!(contact));
    for more in [activity, contact].into_iter().flatten() {
        data.extend(more.as_object().cloned().unwrap_or_default());
    }
    Value::Object(data)
}

/// The contact that an event is about.
pub fn contact_of(event: &outbox::Model) -> Option<Uuid> {
    event.payload.get("contact")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Kind;

    fn row(event: &Event) -> outbox::Model {
        outbox::Model {
            id: Uuid::nil(),
            workspace_id: Uuid::from_u128(1),
            account_id: Some(Uuid::from_u128(2)),
            activity_id: event.activity(),
            kind: event.kind().as_str().to_owned(),
            payload: event.payload(),
            at: "2026-11-22T10:00:00Z".parse().unwrap(),
            seq: Some(1),
        }
    }

    #[test]
    fn an_event_names_people_as_the_database_knows_them_now() {
        let created = row(&Event::ContactCreated { contact: Uuid::from_u128(3) });
        let mut told = Told::default();
        told.workspaces.insert(Uuid::from_u128(1), "default".to_owned());
        told.accounts.insert(Uuid::from_u128(2), "bcc@crm.example".to_owned());
        assert_eq!(of(&created, &told)["data"], json!({"contact": Uuid::from_u128(3)}));
        let contact = ContactTold {
            contact: Uuid::from_u128(3),
            key: None,
            address: Some("carla@customer.example".to_owned()),
            name: None,
            source: "bcc".to_owned(),
        };
        told.contacts.insert(contact.contact, contact);
        assert_eq!(
            of(&created, &told),
            json!({
                "id": Uuid::nil(), "type": "contact.created", "version": 1, "timestamp": "2026-11-22T10:00:00Z",
                "workspace": "default", "account": "bcc@crm.example",
                "data": {
                    "contact": Uuid::from_u128(3), "key": null, "address": "carla@customer.example", "name": null,
                    "source": "bcc"
                },
            })
        );
    }

    #[test]
    fn the_version_is_the_events_and_not_part_of_its_data() {
        let gone = row(&Event::ActivityLogged { activity: Uuid::from_u128(9) });
        let body = of(&outbox::Model { activity_id: None, ..gone }, &Told::default());
        assert_eq!((&body["version"], &body["data"]), (&json!(1), &json!({"activity": null})));
    }

    #[test]
    fn every_word_names_its_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::named("activity"), None);
    }
}
