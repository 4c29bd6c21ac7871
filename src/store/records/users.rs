//! Mirroring the CRM's users, by login.

use std::collections::{BTreeMap, HashMap};

use entity::{user, user_address};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{Import, Numbered, UserRow, batch};
use crate::mail::address::Address;
use crate::store::{StoreError, users::Seat};

pub(super) async fn take(import: &mut Import<'_>, rows: Vec<Numbered<UserRow>>) -> Result<(), StoreError> {
    let rows = import.once(rows, |row| row.login.folded());
    let mut known = known(import, &rows).await?;
    let ids: Vec<Uuid> = known.values().map(|user| user.id).collect();
    let mut aliases = aliases_of(import, &ids).await?;

    let (mut users, mut replaced, mut links) = (Vec::new(), Vec::new(), Vec::new());
    for Numbered { row, .. } in rows {
        let before = known.remove(row.login.folded());
        let user = merged(import, before.as_ref(), &row);
        let old = aliases.remove(&user.id).unwrap_or_default();
        let new = row.aliases.as_deref().map(|list| wanted(list, &row.login));
        let relinked = new.as_ref().is_some_and(|new| *new != old);
        import.report.count(before.is_none(), relinked || before.as_ref() != Some(&user));
        if let Some(new) = new.filter(|_| relinked) {
            replaced.push(user.id);
            links.extend(new.into_iter().map(|(address_folded, address)| user_address::Model {
                user_id: user.id,
                workspace_id: user.workspace_id,
                address_folded,
                address,
            }));
        }
        if before.as_ref() != Some(&user) {
            users.push(user);
        }
    }
    let changing = [user::Column::Login, user::Column::Name, user::Column::Seat, user::Column::Active];
    batch::upsert(&import.tx, users, user::Column::Id, &changing).await?;
    batch::delete_in::<user_address::Entity, _>(&import.tx, user_address::Column::UserId, &replaced).await?;
    batch::insert(&import.tx, links).await
}

async fn known(import: &Import<'_>, rows: &[Numbered<UserRow>]) -> Result<HashMap<String, user::Model>, StoreError> {
    let logins: Vec<&str> = rows.iter().map(|row| row.row.login.folded()).collect();
    let here = user::Entity::find().filter(user::Column::WorkspaceId.eq(import.workspace.id));
    let users = batch::find_in(&import.tx, &here, user::Column::LoginFolded, &logins).await?;
    Ok(users.into_iter().map(|user| (user.login_folded.clone(), user)).collect())
}

async fn aliases_of(import: &Import<'_>, ids: &[Uuid]) -> Result<HashMap<Uuid, BTreeMap<String, String>>, StoreError> {
    let find = user_address::Entity::find();
    let mut aliases: HashMap<Uuid, BTreeMap<String, String>> = HashMap::new();
    for row in batch::find_in(&import.tx, &find, user_address::Column::UserId, ids).await? {
        aliases.entry(row.user_id).or_default().insert(row.address_folded, row.address);
    }
    Ok(aliases)
}

fn merged(import: &Import<'_>, before: Option<&user::Model>, row: &UserRow) -> user::Model {
    let mut user = before.cloned().unwrap_or_else(|| user::Model {
        id: import.clock.id(),
        workspace_id: import.workspace.id,
        login: String::new(),
        login_folded: row.login.folded().to_owned(),
        name: String::new(),
        seat: Seat::Core.as_str().to_owned(),
        active: true,
        created_at: import.clock.now(),
    });
    user.login = row.login.as_str().to_owned();
    if let Some(name) = &row.name {
        user.name.clone_from(name);
    }
    if let Some(seat) = row.seat {
        user.seat = seat.as_str().to_owned();
    }
    user.active = row.active.unwrap_or(user.active);
    user
}

/// The login is no alias of itself.
fn wanted(aliases: &[Address], login: &Address) -> BTreeMap<String, String> {
    let others = aliases.iter().filter(|alias| *alias != login);
    others.map(|alias| (alias.folded().to_owned(), alias.as_str().to_owned())).collect()
}
