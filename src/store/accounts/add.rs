//! Adding an account, a user's connection to it, or a workspace it serves.

use chrono::NaiveDate;
use entity::{account, account_user, account_workspace, user, workspace};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use super::{State, changed, start};
use crate::clock::Clock;
use crate::config::{self, AccountKind, Auth, Provider, Security};
use crate::mail::address::Address;
use crate::oauth::provider;
use crate::store::{Store, StoreError, Tx, users::Seat};

/// An account as an operator describes it.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its mail address.
    pub address: Address,
    /// What it is watched for.
    pub kind: AccountKind,
    /// Who hosts it.
    pub provider: Provider,
    /// IMAP server; the provider's own if none is given.
    pub host: Option<String>,
    /// IMAP port; 993 if none is given.
    pub port: Option<u16>,
    /// How it logs in; as is usual at the provider if not given.
    pub auth: Option<Auth>,
    /// How the wire is protected.
    pub security: Security,
    /// IMAP login; the address if none is given.
    pub imap_user: Option<String>,
    /// File that holds the password.
    pub password_file: Option<String>,
    /// Log mail from this day on (J13).
    pub since: Option<NaiveDate>,
    /// Who connects it; personal and team accounts need one.
    pub user: Option<user::Model>,
    /// Whether the configuration declares it.
    pub declared: bool,
}

impl NewAccount {
    /// What a declaration in the configuration says.
    pub fn declared(declaration: &config::Account) -> Result<Self, StoreError> {
        let address = Address::parse(&declaration.address)
            .ok_or_else(|| StoreError::Refused(format!("accounts: \"{}\" is no mail address", declaration.address)))?;
        Ok(Self {
            address,
            kind: declaration.kind,
            provider: declaration.provider,
            host: declaration.host.clone(),
            port: Some(declaration.port),
            auth: Some(declaration.auth()),
            security: declaration.security,
            imap_user: declaration.imap_user.clone(),
            password_file: declaration.password_file.as_ref().map(|path| path.display().to_string()),
            since: declaration.since,
            user: None,
            declared: true,
        })
    }

    fn host(&self) -> Result<String, StoreError> {
        let usual = provider::imap_host(self.provider).map(str::to_owned);
        self.host
            .clone()
            .or(usual)
            .ok_or_else(|| StoreError::refused("an IMAP account needs its server: add --host HOST"))
    }

    fn auth(&self) -> Auth {
        let usual = if self.provider == Provider::Imap { Auth::Password } else { Auth::OAuth };
        self.auth.unwrap_or(usual)
    }
}

/// Adds an account to a workspace. An address that is watched already gets the workspace and the user's connection,
/// not a second poller (J7, A18); one that was removed comes back with what was read before.
pub async fn add(
    store: &Store,
    workspace: &workspace::Model,
    new: &NewAccount,
    clock: &Clock,
) -> Result<account::Model, StoreError> {
    check_user(workspace, new)?;
    let tx = store.begin().await?;
    let known =
        account::Entity::find().filter(account::Column::AddressFolded.eq(new.address.folded())).one(&*tx).await?;
    let before = known.clone();
    let account = match known {
        None => insert(&tx, new, clock).await?,
        Some(known) if known.state == State::Removed.as_str() => revive(&tx, known, new, clock).await?,
        Some(known) => join(&tx, known, new, clock).await?,
    };
    if before.as_ref().is_some_and(|before| start::is_earlier(&account, before)) {
        start::move_back(&tx, account.id).await?;
    }
    serve(&tx, account.id, workspace.id, clock).await?;
    if let Some(user) = &new.user {
        connect(&tx, account.id, user.id, clock).await?;
    }
    if let Some(before) = before.filter(|before| before.state != account.state) {
        // Whatever stopped it, adding it has mended that.
        changed::tell(&tx, (account.id, &before.state), State::Active, None, clock).await?;
    }
    tx.commit().await?;
    Ok(account)
}

fn check_user(workspace: &workspace::Model, new: &NewAccount) -> Result<(), StoreError> {
    let Some(user) = &new.user else {
        return match new.kind {
            AccountKind::Bcc | AccountKind::Forwarding => Ok(()),
            AccountKind::Personal | AccountKind::Team => Err(StoreError::Refused(format!(
                "a {} account belongs to the user who connects it: add --user LOGIN",
                new.kind.as_str()
            ))),
        };
    };
    if user.workspace_id != workspace.id {
        return Err(StoreError::Refused(format!("{} is a user of another workspace", user.login)));
    }
    if !user.active || user.seat != Seat::Core.as_str() {
        let why = if user.active { "has a view-only seat" } else { "is not active" };
        return Err(StoreError::Refused(format!(
            "{} {why} and cannot connect an account; change that in the CRM and import the users again",
            user.login
        )));
    }
    Ok(())
}

async fn insert(tx: &Tx, new: &NewAccount, clock: &Clock) -> Result<account::Model, StoreError> {
    let now = clock.now();
    let row = account::ActiveModel {
        id: Set(clock.id()),
        address_folded: Set(new.address.folded().to_owned()),
        // One moment: there is no gap between the two (D2c).
        created_at: Set(now),
        connected_at: Set(Some(now)),
        last_success: Set(None),
        last_attempt: Set(None),
        ..fresh(new, clock)?
    };
    Ok(row.insert(&**tx).await?)
}

/// Its mailboxes keep their cursors, so that nothing is logged twice and nothing is left out (J15), and it keeps its start
/// where it is not given another.
async fn revive(tx: &Tx, known: account::Model, new: &NewAccount, clock: &Clock) -> Result<account::Model, StoreError> {
    let since = if new.declared { new.since } else { new.since.or(known.since) };
    let row = account::ActiveModel { id: Set(known.id), since: Set(since), ..fresh(new, clock)? };
    Ok(row.update(&**tx).await?)
}

fn fresh(new: &NewAccount, clock: &Clock) -> Result<account::ActiveModel, StoreError> {
    if new.auth() == Auth::Password && new.password_file.is_none() {
        return Err(StoreError::refused("an account that logs in by password needs --password-file FILE"));
    }
    Ok(account::ActiveModel {
        address: Set(new.address.as_str().to_owned()),
        kind: Set(new.kind.as_str().to_owned()),
        provider: Set(new.provider.as_str().to_owned()),
        host: Set(new.host()?),
        port: Set(i32::from(new.port.unwrap_or(993))),
        auth: Set(new.auth().as_str().to_owned()),
        security: Set(new.security.as_str().to_owned()),
        imap_user: Set(new.imap_user.clone()),
        password_file: Set(new.password_file.clone()),
        state: Set(State::Active.as_str().to_owned()),
        reason: Set(None),
        declared: Set(new.declared),
        withdrawn: Set(false),
        since: Set(new.since),
        connected_by: Set(new.user.as_ref().map(|user| user.id)),
        connected_at: Set(Some(clock.now())),
        failures: Set(0),
        next_try: Set(None),
        ..Default::default()
    })
}

/// What is given replaces what was; what is not given stays. A declaration is always the whole of it: what was taken
/// out of it is gone here, too.
async fn join(tx: &Tx, known: account::Model, new: &NewAccount, clock: &Clock) -> Result<account::Model, StoreError> {
    if known.kind != new.kind.as_str() {
        // I19 for personal and team; for the others it would be just as unclear what a mail there means.
        return Err(StoreError::Refused(format!(
            "{} is a {} account already and cannot be a {} account too; remove it first: `mailtrail account remove {}`",
            known.address,
            known.kind,
            new.kind.as_str(),
            known.address
        )));
    }
    let before = known.clone();
    let mut row = known.into_active_model();
    row.provider.set_if_not_equals(new.provider.as_str().to_owned());
    row.security.set_if_not_equals(new.security.as_str().to_owned());
    if new.host.is_some() || new.declared || new.provider.as_str() != before.provider {
        row.host.set_if_not_equals(new.host()?);
    }
    if let Some(port) = new.port {
        row.port.set_if_not_equals(i32::from(port));
    }
    if let Some(auth) = new.auth {
        row.auth.set_if_not_equals(auth.as_str().to_owned());
    }
    if new.imap_user.is_some() || new.declared {
        row.imap_user.set_if_not_equals(new.imap_user.clone());
    }
    if new.password_file.is_some() || new.declared {
        row.password_file.set_if_not_equals(new.password_file.clone());
    }
    if new.since.is_some() || new.declared {
        row.since.set_if_not_equals(new.since);
    }
    let waits_for_a_person = [State::NeedsReauth, State::NeedsAdminConsent, State::Broken]
        .iter()
        .any(|state| before.state == state.as_str());
    if waits_for_a_person && !new.declared {
        // Whoever adds it again has mended it, or is told at the next sync.
        row.state.set_if_not_equals(State::Active.as_str().to_owned());
        row.reason.set_if_not_equals(None);
        row.connected_at = Set(Some(clock.now()));
    }
    if before.withdrawn {
        // It was the configuration that paused it, not a person.
        row.state.set_if_not_equals(State::Active.as_str().to_owned());
        row.reason.set_if_not_equals(None);
        row.next_try.set_if_not_equals(None);
        row.withdrawn.set_if_not_equals(false);
    }
    row.declared.set_if_not_equals(new.declared || before.declared);
    if row.is_changed() { Ok(row.update(&**tx).await?) } else { Ok(before) }
}

/// A workspace that is served already keeps its turn.
async fn serve(tx: &Tx, account_id: Uuid, workspace_id: Uuid, clock: &Clock) -> Result<(), StoreError> {
    let row = account_workspace::ActiveModel {
        account_id: Set(account_id),
        workspace_id: Set(workspace_id),
        created_at: Set(clock.now()),
    };
    let key = [account_workspace::Column::AccountId, account_workspace::Column::WorkspaceId];
    account_workspace::Entity::insert(row)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(&**tx)
        .await?;
    Ok(())
}

/// A connection that lasts keeps its start; one that had ended begins anew (C7).
async fn connect(tx: &Tx, account_id: Uuid, user_id: Uuid, clock: &Clock) -> Result<(), StoreError> {
    let known = account_user::Entity::find_by_id((account_id, user_id)).one(&**tx).await?;
    let row = account_user::ActiveModel {
        account_id: Set(account_id),
        user_id: Set(user_id),
        connected_at: Set(clock.now()),
        disconnected_at: Set(None),
    };
    let lasting = known.as_ref().is_some_and(|known| known.disconnected_at.is_none());
    if known.is_none() {
        row.insert(&**tx).await?;
    } else if !lasting {
        row.update(&**tx).await?;
    }
    Ok(())
}
