//! Mail on the timeline that a forward may be of (D20).

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{activity, activity_contact, attachment, contact_address, thread, thread_message};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait};
use serde_json::Value;
use uuid::Uuid;

use crate::decide::MessageKey;
use crate::decide::facts::{Facts, Wanted};
use crate::decide::forwarding::KnownMail;
use crate::mail::address::Address;
use crate::store::{Store, StoreError, padded};

/// How many mails with the people and subjects of one batch are looked at, the newest first.
const MOST: u64 = 2_000;

/// People in a statement: SQLite binds 32,766 values in all, PostgreSQL 65,535.
const VALUES: usize = 10_000;

/// How much of a text tells it from others, in characters.
const BEGINNING: &str = "substr(activity.text, 1, 400)";

/// What is read of an activity.
type Row = (Uuid, Uuid, Value, DateTime<Utc>, Option<String>, String);

impl Store {
    /// Adds what is wanted to the facts, in a fixed number of queries for all but mail that names thousands.
    pub async fn originals(&self, wanted: &Wanted, facts: &mut Facts) -> Result<(), StoreError> {
        if wanted.keys.is_empty() && wanted.people.is_empty() {
            return Ok(());
        }
        let workspaces: Vec<Uuid> = facts.workspaces.iter().map(|workspace| workspace.id).collect();
        for (key, workspace, mail) in self.referred(wanted, &workspaces).await? {
            if let Some(facts) = facts.workspaces.iter_mut().find(|facts| facts.id == workspace) {
                facts.referred.insert(key, mail);
            }
        }
        let people: Vec<&String> = wanted.people.iter().collect();
        for people in people.chunks(VALUES) {
            for (workspace, mail) in self.likely(people, wanted, &workspaces).await? {
                if let Some(facts) = facts.workspaces.iter_mut().find(|facts| facts.id == workspace) {
                    facts.likely.push(mail);
                }
            }
        }
        self.files(facts).await
    }

    /// What is attached to those without a text.
    async fn files(&self, facts: &mut Facts) -> Result<(), StoreError> {
        let mut silent: HashMap<Uuid, Vec<&mut KnownMail>> = HashMap::new();
        for mail in
            facts.workspaces.iter_mut().flat_map(|facts| facts.likely.iter_mut().chain(facts.referred.values_mut()))
        {
            if mail.text.trim().is_empty() {
                silent.entry(mail.activity).or_default().push(mail);
            }
        }
        if silent.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = silent.keys().copied().collect();
        for ids in ids.chunks(VALUES) {
            let rows = attachment::Entity::find()
                .filter(attachment::COLUMN.activity_id.is_in(padded(ids.iter().copied())))
                .filter(attachment::COLUMN.is_inline.eq(false));
            for row in rows.all(&self.db).await? {
                for mail in silent.get_mut(&row.activity_id).into_iter().flatten() {
                    mail.files.insert((row.name.clone(), u64::try_from(row.size).unwrap_or_default()));
                }
            }
        }
        Ok(())
    }

    /// By the ids that forwards refer to.
    async fn referred(
        &self,
        wanted: &Wanted,
        workspaces: &[Uuid],
    ) -> Result<Vec<(MessageKey, Uuid, KnownMail)>, StoreError> {
        let keys = padded(wanted.keys.iter().map(|key| key.as_bytes().to_vec()));
        let named = thread_message::Entity::find()
            .filter(thread_message::COLUMN.workspace_id.is_in(workspaces.iter().copied()))
            .filter(thread_message::Column::MessageKey.is_in(keys))
            .all(&self.db)
            .await?;
        let ids = padded(named.iter().map(|row| row.activity_id));
        let rows: Vec<Row> = told().filter(activity::COLUMN.id.is_in(ids)).into_tuple().all(&self.db).await?;
        let mails: HashMap<Uuid, KnownMail> = rows.into_iter().map(|row| (row.0, known(row).1)).collect();
        let found = named.into_iter().filter_map(|row| {
            let key = MessageKey::from_bytes(&row.message_key)?;
            Some((key, row.workspace_id, mails.get(&row.activity_id)?.clone()))
        });
        Ok(found.collect())
    }

    /// By people and subject.
    async fn likely(
        &self,
        people: &[&String],
        wanted: &Wanted,
        workspaces: &[Uuid],
    ) -> Result<Vec<(Uuid, KnownMail)>, StoreError> {
        let rows: Vec<Row> = told()
            .join_rev(JoinType::InnerJoin, activity_contact::Relation::Activity.def())
            .join(
                JoinType::InnerJoin,
                activity_contact::Entity::belongs_to(contact_address::Entity)
                    .from(activity_contact::Column::ContactId)
                    .to(contact_address::Column::ContactId)
                    .into(),
            )
            .filter(contact_address::COLUMN.workspace_id.is_in(workspaces.iter().copied()))
            .filter(contact_address::COLUMN.address_folded.is_in(padded(people.iter().copied().cloned())))
            .filter(thread::COLUMN.base_subject.is_in(padded(wanted.subjects.iter().cloned())))
            .order_by_desc(activity::Column::SentAt)
            .limit(MOST)
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows.into_iter().map(known).collect())
    }
}

/// Activities with the subjects of their threads, as far as they tell one mail from another.
fn told() -> sea_orm::Select<activity::Entity> {
    activity::Entity::find()
        .join(JoinType::InnerJoin, activity::Relation::Thread.def())
        .select_only()
        .columns([activity::Column::Id, activity::Column::WorkspaceId, activity::Column::Sender])
        .column(activity::Column::SentAt)
        .column_as(Expr::cust(BEGINNING), "beginning")
        .column(thread::Column::BaseSubject)
}

fn known((activity, workspace, sender, sent_at, text, base_subject): Row) -> (Uuid, KnownMail) {
    let said = |name: &str| sender.get(name).and_then(Value::as_str);
    let address = said("address").and_then(Address::parse);
    let mail = KnownMail {
        activity,
        sender: address.map(|address| address.folded().to_owned()).unwrap_or_default(),
        name: said("name").map(str::to_owned),
        base_subject,
        sent_at,
        text: text.unwrap_or_default(),
        files: BTreeSet::new(),
    };
    (workspace, mail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::facts::WorkspaceFacts;
    use crate::store::testing::on_each_engine;

    #[tokio::test]
    async fn a_forward_of_a_mail_to_a_whole_town_is_looked_up_too() {
        on_each_engine(async |store| {
            let people = (0..70_000).map(|n| format!("p{n}@customer.example")).collect();
            let wanted = Wanted { people, subjects: ["offer".to_owned()].into(), ..Wanted::default() };
            let workspaces = vec![WorkspaceFacts { id: Uuid::from_u128(1), ..WorkspaceFacts::default() }];
            let mut facts = Facts { workspaces };
            store.originals(&wanted, &mut facts).await.unwrap();
            assert!(facts.workspaces.iter().all(|facts| facts.likely.is_empty()));
        })
        .await;
    }
}
