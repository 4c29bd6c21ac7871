//! Workspaces: the tenants, their own domains and the visibility of what is logged for them.

use entity::workspace;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{Store, StoreError};
use crate::clock::Clock;
use crate::config::{self, Config, Visibility};
use crate::mail::domain;

/// The workspace that exists from the start.
pub const DEFAULT: &str = "default";

/// A workspace as an operator describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewWorkspace {
    /// Its name.
    pub name: String,
    /// The organisation's own domains, whose addresses are colleagues (F9).
    pub own_domains: Vec<String>,
    /// What new activities get (G5).
    pub visibility: Visibility,
    /// Whether the configuration declares it.
    pub declared: bool,
}

impl NewWorkspace {
    /// The workspaces of the configuration: the one that exists from the start, and those that it declares.
    pub fn of(config: &Config) -> Vec<Self> {
        let default = Self {
            name: DEFAULT.to_owned(),
            own_domains: config.workspace.own_domains.clone(),
            visibility: config.workspace.visibility,
            declared: true,
        };
        let declared = config.workspaces.iter().map(|one| Self {
            name: one.name.clone(),
            own_domains: one.own_domains.clone(),
            visibility: one.visibility,
            declared: true,
        });
        std::iter::once(default).chain(declared).collect()
    }
}

/// Makes a workspace; its name must be free.
pub async fn add(store: &Store, new: &NewWorkspace, clock: &Clock) -> Result<workspace::Model, StoreError> {
    if find(store, &new.name).await?.is_some() {
        return Err(StoreError::Refused(format!("there is a workspace \"{}\" already", new.name)));
    }
    insert(store, new, clock).await?;
    named(store, &new.name).await
}

/// Makes a workspace, or gives the one of that name the declared domains and visibility.
pub async fn declare(store: &Store, new: &NewWorkspace, clock: &Clock) -> Result<workspace::Model, StoreError> {
    insert(store, new, clock).await?;
    let settings = workspace::ActiveModel {
        own_domains: Set(folded(&new.own_domains)?.into()),
        visibility: Set(new.visibility.as_str().to_owned()),
        declared: Set(new.declared),
        ..Default::default()
    };
    workspace::Entity::update_many()
        .set(settings)
        .filter(workspace::Column::Name.eq(&new.name))
        .exec(&store.db)
        .await?;
    named(store, &new.name).await
}

/// The workspace that exists from the start, made if it is not there yet.
pub async fn ensure_default(store: &Store, clock: &Clock) -> Result<workspace::Model, StoreError> {
    ensure(store, &NewWorkspace { name: DEFAULT.to_owned(), ..NewWorkspace::default() }, clock).await
}

/// The workspace of that name as it is, made if it is not there yet.
pub async fn ensure(store: &Store, new: &NewWorkspace, clock: &Clock) -> Result<workspace::Model, StoreError> {
    if let Some(known) = find(store, &new.name).await? {
        return Ok(known);
    }
    insert(store, new, clock).await?;
    named(store, &new.name).await
}

/// All workspaces, by name.
pub async fn list(store: &Store) -> Result<Vec<workspace::Model>, StoreError> {
    Ok(workspace::Entity::find().order_by_asc(workspace::Column::Name).all(&store.db).await?)
}

/// The workspace of that name, if there is one.
pub async fn find(store: &Store, name: &str) -> Result<Option<workspace::Model>, StoreError> {
    Ok(workspace::Entity::find().filter(workspace::Column::Name.eq(name)).one(&store.db).await?)
}

/// The workspace of that name, which must be there.
pub async fn named(store: &Store, name: &str) -> Result<workspace::Model, StoreError> {
    find(store, name).await?.ok_or_else(|| {
        StoreError::Refused(format!("there is no workspace \"{name}\"; make it with `mailtrail workspace add {name}`"))
    })
}

/// The organisation's own domains, folded.
pub fn own_domains(workspace: &workspace::Model) -> Vec<String> {
    let list = workspace.own_domains.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|domain| domain.as_str()).map(str::to_owned).collect()
}

/// Why a workspace cannot have this name.
pub fn bad_name(name: &str) -> String {
    format!(
        "{name:?} cannot be the name of a workspace: use letters, digits, '-', '_' and '.', as in acme-sweden; it becomes the tag of a mail address"
    )
}

/// Leaves a workspace of that name as it is.
async fn insert(store: &Store, new: &NewWorkspace, clock: &Clock) -> Result<(), StoreError> {
    if !config::is_workspace_name(&new.name) {
        return Err(StoreError::Refused(bad_name(&new.name)));
    }
    let row = workspace::ActiveModel {
        id: Set(clock.id()),
        name: Set(new.name.clone()),
        own_domains: Set(folded(&new.own_domains)?.into()),
        visibility: Set(new.visibility.as_str().to_owned()),
        declared: Set(new.declared),
        created_at: Set(clock.now()),
    };
    workspace::Entity::insert(row)
        .on_conflict(OnConflict::column(workspace::Column::Name).do_nothing().to_owned())
        .exec_without_returning(&store.db)
        .await?;
    Ok(())
}

fn folded(domains: &[String]) -> Result<Vec<String>, StoreError> {
    let fold = |written: &String| {
        let bare = written.trim().trim_start_matches('@');
        domain::fold(bare)
            .ok_or_else(|| StoreError::Refused(format!("\"{written}\" is no domain; write it as in ours.example")))
    };
    domains.iter().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::on_each_engine;

    #[tokio::test]
    async fn the_default_workspace_is_made_once_and_left_alone() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let first = ensure_default(store, &clock).await.unwrap();
            assert_eq!(ensure_default(store, &clock).await.unwrap(), first);
            assert_eq!((first.name.as_str(), first.visibility.as_str()), (DEFAULT, "everyone"));
        })
        .await;
    }

    #[tokio::test]
    async fn a_declaration_reconciles_domains_and_visibility() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let made = ensure_default(store, &clock).await.unwrap();
            let declared = NewWorkspace {
                name: DEFAULT.into(),
                own_domains: vec!["Ours.example".into(), "@bücher.example".into()],
                visibility: Visibility::Owner,
                declared: true,
            };
            let now = declare(store, &declared, &clock).await.unwrap();
            assert_eq!((now.id, now.visibility.as_str(), now.declared), (made.id, "owner", true));
            assert_eq!(own_domains(&now), ["ours.example", "xn--bcher-kva.example"]);
        })
        .await;
    }

    #[tokio::test]
    async fn a_taken_name_and_a_wrong_domain_are_refused() {
        on_each_engine(async |store| {
            let clock = Clock::system();
            let mut new = NewWorkspace { name: "acme".into(), ..NewWorkspace::default() };
            add(store, &new, &clock).await.unwrap();
            assert!(matches!(add(store, &new, &clock).await, Err(StoreError::Refused(_))));
            for name in ["", "two words", "a+b", "a@b", "büro"] {
                let wrong = NewWorkspace { name: name.into(), ..NewWorkspace::default() };
                assert!(matches!(add(store, &wrong, &clock).await, Err(StoreError::Refused(_))), "{name:?}");
            }
            new.name = "other".into();
            new.own_domains = vec!["a b".into()];
            assert!(matches!(add(store, &new, &clock).await, Err(StoreError::Refused(_))));
            assert_eq!(list(store).await.unwrap().len(), 1);
        })
        .await;
    }
}
