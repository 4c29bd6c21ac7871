//! The short read before a decision: everything a batch needs to know, in a fixed number of queries.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    account, account_user, account_workspace, activity, activity_contact, contact_address, never_log, thread,
    thread_message, tombstone, user, user_address, workspace,
};
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationTrait,
};
use uuid::Uuid;

use crate::decide::facts::{Claim, ClaimBy, FactQuery, Facts, KnownThread, WorkspaceFacts};
use crate::decide::key::MessageKey;
use crate::decide::never_log as listing;
use crate::mail::address::Address;
use crate::store::{Store, StoreError, padded};

/// Values of one kind in a statement: SQLite binds 32,766 in all, PostgreSQL 65,535.
const VALUES: usize = 10_000;

/// The account whose mailbox a batch is from, and the workspaces it serves.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The account.
    pub account: Uuid,
    /// Its address.
    pub address: Address,
    /// The workspaces it serves, the first one served first.
    pub workspaces: Vec<Uuid>,
}

impl Store {
    /// Answers `query` for every workspace that the account serves.
    pub async fn facts(&self, scope: &Scope, query: &FactQuery) -> Result<Facts, StoreError> {
        let db = &self.db;
        let mut by_id = workspaces(db, scope).await?;
        for query in query.parts(VALUES) {
            let mut facts = Gathering { scope, query, by_id };
            facts.logins(db).await?;
            facts.aliases(db).await?;
            facts.connections(db).await?;
            facts.contacts(db).await?;
            facts.known(db).await?;
            facts.threads(db).await?;
            facts.never_log(db).await?;
            by_id = facts.by_id;
        }
        dedicated(db, scope, &mut by_id).await?;
        Ok(Facts { workspaces: scope.workspaces.iter().filter_map(|id| by_id.remove(id)).collect() })
    }
}

struct Gathering<'a> {
    scope: &'a Scope,
    query: FactQuery,
    by_id: HashMap<Uuid, WorkspaceFacts>,
}

async fn workspaces(db: &DatabaseConnection, scope: &Scope) -> Result<HashMap<Uuid, WorkspaceFacts>, StoreError> {
    let rows = workspace::Entity::find().filter(workspace::COLUMN.id.is_in(scope.workspaces.iter().copied())).all(db);
    let several = scope.workspaces.len() > 1;
    let facts = rows.await?.into_iter().map(|row| {
        let first = scope.workspaces.first() == Some(&row.id);
        let tagged_address = log_address(&scope.address, &row.name, true).filter(|_| several);
        let plain_address = Some(scope.address.clone()).filter(|_| first || !several);
        let own_domains = serde_json::from_value(row.own_domains).unwrap_or_default();
        let facts = WorkspaceFacts {
            id: row.id,
            name: row.name,
            own_domains,
            tagged_address,
            plain_address,
            ..Default::default()
        };
        (row.id, facts)
    });
    Ok(facts.collect())
}

/// The address that users of a workspace put in Bcc: the mailbox's own for the workspace it served first, with the
/// workspace's name as tag for the others (A18).
pub fn log_address(mailbox: &Address, workspace: &str, tagged: bool) -> Option<Address> {
    if !tagged {
        return Some(mailbox.clone());
    }
    let (local, domain) = mailbox.as_str().rsplit_once('@')?;
    Address::parse(&format!("{local}+{workspace}@{domain}"))
}

/// Every BCC and forwarding address of the workspaces: none is ever a recipient (A13).
async fn dedicated(
    db: &DatabaseConnection,
    scope: &Scope,
    by_id: &mut HashMap<Uuid, WorkspaceFacts>,
) -> Result<(), StoreError> {
    let rows: Vec<(Uuid, String, String)> = account_workspace::Entity::find()
        .select_only()
        .column(account_workspace::Column::WorkspaceId)
        .column_as(account::Column::AddressFolded, "address_folded")
        .column_as(account::Column::Kind, "kind")
        .join(JoinType::InnerJoin, account_workspace::Relation::Account.def())
        .filter(account_workspace::COLUMN.workspace_id.is_in(scope.workspaces.iter().copied()))
        .filter(account::COLUMN.kind.is_in(["bcc", "forwarding"]))
        .into_tuple()
        .all(db)
        .await?;
    for (workspace, address, kind) in rows {
        if let Some(facts) = by_id.get_mut(&workspace) {
            facts.forwards |= kind == "forwarding";
            facts.log_addresses.insert(address);
        }
    }
    Ok(())
}

impl Gathering<'_> {
    fn workspace_ids(&self) -> impl Iterator<Item = Uuid> + use<> {
        self.scope.workspaces.clone().into_iter()
    }

    fn addresses(&self) -> impl Iterator<Item = String> + use<> {
        self.query.addresses.clone().into_iter()
    }

    fn claim(&mut self, row: UserRow, address: String, by: ClaimBy) {
        if let Some(facts) = self.by_id.get_mut(&row.workspace_id) {
            let may_log = row.seat != "view-only";
            let claim = Claim { user: row.id, login: row.login, active: row.active, may_log, by };
            facts.claims.entry(address).or_default().push(claim);
        }
    }

    async fn logins(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        let rows = user::Entity::find()
            .filter(user::COLUMN.workspace_id.is_in(self.workspace_ids()))
            .filter(user::COLUMN.login_folded.is_in(padded(self.addresses())))
            .all(db)
            .await?;
        for row in rows {
            let address = row.login_folded.clone();
            self.claim(UserRow::from(row), address, ClaimBy::Login);
        }
        Ok(())
    }

    async fn aliases(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        let rows = user_address::Entity::find()
            .filter(user_address::COLUMN.workspace_id.is_in(self.workspace_ids()))
            .filter(user_address::COLUMN.address_folded.is_in(padded(self.addresses())))
            .find_also_related(user::Entity)
            .all(db)
            .await?;
        for (alias, user) in rows {
            if let Some(user) = user {
                self.claim(UserRow::from(user), alias.address_folded, ClaimBy::Alias);
            }
        }
        Ok(())
    }

    /// Connected personal inboxes and team addresses (C2, C4).
    async fn connections(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        let accounts = account::Entity::find()
            .filter(account::COLUMN.kind.is_in(["personal", "team"]))
            .filter(account::COLUMN.address_folded.is_in(padded(self.addresses())))
            .all(db)
            .await?;
        if accounts.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = accounts.iter().map(|account| account.id).collect();
        let addresses: HashMap<Uuid, String> =
            accounts.iter().map(|account| (account.id, account.address_folded.clone())).collect();
        let teams: HashSet<Uuid> = accounts.iter().filter(|a| a.kind == "team").map(|a| a.id).collect();
        let served = account_workspace::Entity::find().filter(account_workspace::COLUMN.account_id.is_in(ids.clone()));
        for row in served.all(db).await? {
            let (true, Some(address)) = (teams.contains(&row.account_id), addresses.get(&row.account_id)) else {
                continue;
            };
            if let Some(facts) = self.by_id.get_mut(&row.workspace_id) {
                facts.teams.insert(address.clone(), None);
            }
        }
        let rows = account_user::Entity::find()
            .filter(account_user::COLUMN.account_id.is_in(ids))
            .order_by_asc(account_user::Column::ConnectedAt)
            .order_by_asc(account_user::Column::UserId)
            .find_also_related(user::Entity)
            .all(db)
            .await?;
        for (connection, user) in rows {
            let (Some(user), Some(address)) = (user, addresses.get(&connection.account_id)) else { continue };
            if !teams.contains(&connection.account_id) {
                let by = ClaimBy::Connected { since: connection.connected_at, until: connection.disconnected_at };
                self.claim(UserRow::from(user), address.clone(), by);
            } else if connection.disconnected_at.is_none() {
                self.count_for(&user, address);
            }
        }
        Ok(())
    }

    /// Mail from a team address counts for who connected it first of those in the workspace (C4), never for somebody
    /// of another tenant.
    fn count_for(&mut self, user: &user::Model, address: &str) {
        let team = self.by_id.get_mut(&user.workspace_id).and_then(|facts| facts.teams.get_mut(address));
        if let Some(first) = team {
            first.get_or_insert(user.id);
        }
    }

    async fn contacts(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        let rows: Vec<(Uuid, String)> = contact_address::Entity::find()
            .select_only()
            .columns([contact_address::Column::WorkspaceId, contact_address::Column::AddressFolded])
            .filter(contact_address::COLUMN.workspace_id.is_in(self.workspace_ids()))
            .filter(contact_address::COLUMN.address_folded.is_in(padded(self.addresses())))
            .into_tuple()
            .all(db)
            .await?;
        for (workspace, address) in rows {
            if let Some(facts) = self.by_id.get_mut(&workspace) {
                facts.contacts.insert(address);
            }
        }
        let deleted = tombstone::Entity::find()
            .filter(tombstone::COLUMN.workspace_id.is_in(self.workspace_ids()))
            .filter(tombstone::COLUMN.address_folded.is_in(padded(self.addresses())))
            .all(db)
            .await?;
        for row in deleted {
            if let Some(facts) = self.by_id.get_mut(&row.workspace_id) {
                facts.tombstones.insert(row.address_folded);
            }
        }
        Ok(())
    }

    async fn never_log(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        // The people of the threads came on top of the query's part.
        let entries: Vec<&String> = self.query.never_log.iter().collect();
        let mut rows = Vec::new();
        for entries in entries.chunks(VALUES) {
            let found = never_log::Entity::find()
                .filter(never_log::COLUMN.workspace_id.is_in(self.scope.workspaces.iter().copied()))
                .filter(never_log::COLUMN.entry.is_in(padded(entries.iter().copied())));
            rows.extend(found.all(db).await?);
        }
        for row in rows {
            let Some(facts) = self.by_id.get_mut(&row.workspace_id) else { continue };
            match Uuid::parse_str(&row.scope) {
                Ok(user) => facts.never_log_of.entry(user).or_default().insert(row.entry),
                Err(_) => facts.never_log.insert(row.entry),
            };
        }
        Ok(())
    }

    async fn known(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        let rows = thread_message::Entity::find()
            .filter(thread_message::COLUMN.workspace_id.is_in(self.workspace_ids()))
            .filter(
                thread_message::Column::MessageKey
                    .is_in(padded(self.query.messages.iter().map(|key| key.as_bytes().to_vec()))),
            )
            .all(db)
            .await?;
        for row in rows {
            let key = MessageKey::from_bytes(&row.message_key);
            if let (Some(facts), Some(key)) = (self.by_id.get_mut(&row.workspace_id), key) {
                facts.known.insert(key, row.activity_id);
            }
        }
        Ok(())
    }

    async fn threads(&mut self, db: &DatabaseConnection) -> Result<(), StoreError> {
        if self.query.ancestors.is_empty() {
            return Ok(());
        }
        let keys = self.query.ancestors.iter().map(|key| key.as_bytes().to_vec());
        let rows = thread_message::Entity::find()
            .filter(thread_message::COLUMN.workspace_id.is_in(self.workspace_ids()))
            .filter(thread_message::Column::MessageKey.is_in(padded(keys)))
            .find_also_related(thread::Entity)
            .all(db)
            .await?;
        let ids: HashSet<Uuid> = rows.iter().map(|(message, _)| message.thread_id).collect();
        let mut about = participants(db, &ids).await?;
        let people = about.values().flat_map(|about| &about.participants).filter_map(|address| Address::parse(address));
        self.query.never_log.extend(people.flat_map(|address| listing::entries_matching(&address)));
        for (message, thread) in rows {
            let facts = self.by_id.get_mut(&message.workspace_id);
            let (Some(thread), Some(facts), Some(key)) = (thread, facts, MessageKey::from_bytes(&message.message_key))
            else {
                continue;
            };
            let about = about.entry(thread.id).or_default();
            let known = KnownThread {
                id: thread.id,
                base_subject: thread.base_subject,
                participants: about.participants.clone(),
                user: about.user,
            };
            facts.threads.insert(key, known);
        }
        Ok(())
    }
}

#[derive(Default)]
struct About {
    participants: HashSet<String>,
    user: Option<Uuid>,
}

/// Who takes part in each thread: every address of its contacts, and the user who sent the first mail on it.
async fn participants(db: &DatabaseConnection, threads: &HashSet<Uuid>) -> Result<HashMap<Uuid, About>, StoreError> {
    let mut about: HashMap<Uuid, About> = HashMap::new();
    if threads.is_empty() {
        return Ok(about);
    }
    // A thread keeps its user when its contacts were removed.
    let rows: Vec<(Uuid, Option<Uuid>, Option<Uuid>)> = activity::Entity::find()
        .select_only()
        .columns([activity::Column::ThreadId, activity::Column::UserId])
        .column(activity_contact::Column::ContactId)
        .join(JoinType::LeftJoin, activity_contact::Relation::Activity.def().rev())
        .filter(activity::COLUMN.thread_id.is_in(padded(threads.iter().copied())))
        .order_by_asc(activity::Column::SentAt)
        .order_by_asc(activity::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let contacts: BTreeSet<Uuid> = rows.iter().filter_map(|(_, _, contact)| *contact).collect();
    let contacts: Vec<Uuid> = contacts.into_iter().collect();
    let mut addresses: HashMap<Uuid, Vec<String>> = HashMap::new();
    for contacts in contacts.chunks(VALUES) {
        let found = contact_address::COLUMN.contact_id.is_in(padded(contacts.iter().copied()));
        for row in contact_address::Entity::find().filter(found).all(db).await? {
            addresses.entry(row.contact_id).or_default().push(row.address_folded);
        }
    }
    for (thread, user, contact) in rows {
        let about = about.entry(thread).or_default();
        about.user = about.user.or(user);
        let addresses = contact.and_then(|contact| addresses.get(&contact));
        about.participants.extend(addresses.into_iter().flatten().cloned());
    }
    Ok(about)
}

struct UserRow {
    id: Uuid,
    workspace_id: Uuid,
    login: String,
    seat: String,
    active: bool,
}

impl From<user::Model> for UserRow {
    fn from(row: user::Model) -> Self {
        Self { id: row.id, workspace_id: row.workspace_id, login: row.login, seat: row.seat, active: row.active }
    }
}
