//! What the configuration declares becomes rows: workspaces, BCC and forwarding accounts, their grants.

use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::Config;
use crate::mail::address::Address;
use crate::oauth::tokens::{Source, Tokens};
use crate::store::accounts::{self, NewAccount};
use crate::store::workspaces::{self, NewWorkspace};
use crate::store::{Store, StoreError};
use crate::trouble::Trouble;

/// Makes the database agree with the declarations. An account that is no longer declared is paused, not removed.
pub async fn reconcile(store: &Store, config: &Config, clock: &Clock) -> Result<(), StoreError> {
    for new in NewWorkspace::of(config) {
        workspaces::declare(store, &new, clock).await?;
    }
    let mut addresses = Vec::new();
    for declaration in &config.accounts {
        let new = NewAccount::declared(declaration)?;
        addresses.push(new.address.clone());
        for name in &declaration.workspaces {
            let workspace = workspaces::named(store, name).await?;
            accounts::add(store, &workspace, &new, clock).await?;
        }
    }
    accounts::pause_undeclared(store, &addresses, clock).await?;
    Ok(())
}

/// Takes over the refresh tokens that the configuration gives to declared accounts.
pub async fn grants(store: &Store, config: &Config, tokens: &Tokens) -> Result<(), Trouble> {
    for declaration in &config.accounts {
        let Some(token) = refresh_token(declaration)? else { continue };
        let Some(address) = Address::parse(&declaration.address) else { continue };
        if let Some(account) = accounts::find(store, &address).await? {
            tokens.put_refresh_token(account.id, &token, Source::Declared).await?;
        }
    }
    Ok(())
}

fn refresh_token(declaration: &crate::config::Account) -> Result<Option<SecretString>, Trouble> {
    if let Some(token) = &declaration.refresh_token {
        return Ok(Some(token.to_secret_string()));
    }
    let Some(file) = &declaration.refresh_token_file else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Trouble::operator(format!("{} cannot be read: {error}.", file.display())))?;
    Ok(Some(SecretString::from(text.trim().to_owned())))
}
