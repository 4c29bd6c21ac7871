//! `rekey` and `disconnect`: what is kept of consents, and under which key.

use anyhow::anyhow;
use entity::account;

use super::args::AccountName;
use super::installation::{Installation, address as parse_address};
use super::output::{complain, say};
use super::{Answer, Usage};
use crate::config::Provider;
use crate::oauth::rekey;
use crate::oauth::vault::Vault;
use crate::store::accounts;

/// `rekey`: everything that is sealed, with the first key.
pub(super) async fn rekey(installation: &Installation, lost: bool) -> anyhow::Result<Answer> {
    let secrets = &installation.config.secrets;
    if lost {
        let vault = Vault::unlock(secrets)?;
        let forgotten = rekey::forget_lost(&installation.store, &vault, &installation.clock).await?;
        say(format_args!(
            "{forgotten} that no key opens are forgotten. `mailtrail doctor` says what to connect again."
        ))?;
    }
    let vault = Vault::present(secrets)?.ok_or_else(|| {
        let file = secrets.key_file.display();
        Usage(format!(
            "there is no key file {file}: restore it from your backup, and put the new key above the old one; if it is \
             lost, `mailtrail rekey --lost` begins anew"
        ))
    })?;
    let done = rekey::rekey(&installation.store, &vault).await?;
    for (what, trouble) in &done.failed {
        complain(format_args!("{what}: {trouble}"));
    }
    let id = vault.key_id();
    say(match (done.sealed, done.current) {
        (0, 0) if done.failed.is_empty() => "Nothing is sealed yet.".to_owned(),
        (sealed, 0) => format!("{sealed} sealed anew with the key {id}."),
        (0, current) => format!("All {current} were sealed with the key {id} before."),
        (sealed, current) => format!("{sealed} sealed anew with the key {id}, {current} were before."),
    })?;
    if !done.failed.is_empty() {
        complain("mailtrail: keep the older keys: what they sealed is not all opened");
        return Ok(Answer::No);
    }
    if vault.has_older_keys() {
        say("Restart a service that runs and repeat this; then the older keys can be taken out.")?;
    }
    Ok(Answer::Yes)
}

/// `disconnect`: the consent of an account is revoked and forgotten.
pub(super) async fn disconnect(installation: &Installation, name: &AccountName) -> anyhow::Result<Answer> {
    let address = parse_address(&name.address)?;
    let account = accounts::named(&installation.store, &address).await?;
    if account.auth != "oauth" {
        let cure = format!("`mailtrail account pause {0}` or `mailtrail account remove {0}` stops it", account.address);
        return Err(Usage(format!("{} logs in by {}, not by a consent: {cure}", account.address, account.auth)).into());
    }
    if let Some(key) = declared_token(installation, &account) {
        let cure = "take it out of the configuration first, or the next start would bring it back";
        return Err(Usage(format!("{} is connected by {key}: {cure}", account.address)).into());
    }
    let reason = format!("disconnected on request: `mailtrail connect {}` connects it again", account.address);
    let revoked = revoke(installation, &account, &reason).await?;
    accounts::disconnected(&installation.store, account.id, &reason, &installation.clock).await?;
    say(format_args!(
        "{} is disconnected, and its tokens are erased here. {}",
        account.address,
        told(&account, revoked)
    ))?;
    Ok(Answer::Yes)
}

/// Revokes the consent of an account that goes, and says what became of it. It goes even if that fails.
pub(super) async fn revoke_at_last(installation: &Installation, account: &account::Model) -> anyhow::Result<()> {
    if account.auth == "oauth" {
        match revoke(installation, account, "the account was removed").await {
            Ok(revoked) => say(told(account, revoked))?,
            Err(error) => complain(format_args!("mailtrail: its consent could not be revoked: {error:#}")),
        }
    }
    Ok(())
}

/// Whether there was something to revoke, and whether the provider did.
async fn revoke(installation: &Installation, account: &account::Model, reason: &str) -> anyhow::Result<Option<bool>> {
    if !crate::store::grants::exists(&installation.store, account.id).await? {
        return Ok(None);
    }
    let vault = Vault::present(&installation.config.secrets)?
        .ok_or_else(|| anyhow!("the key file is not there, so its tokens cannot be opened"))?;
    let tokens = installation.tokens(vault)?;
    Ok(Some(tokens.disconnect(account, reason).await?))
}

fn told(account: &account::Model, revoked: Option<bool>) -> String {
    let place = match Provider::named(&account.provider) {
        Some(Provider::Google) => "at https://myaccount.google.com/connections",
        Some(Provider::Microsoft) => "at https://myapps.microsoft.com, or an administrator in Entra ID",
        _ => "in the settings of the provider",
    };
    match revoked {
        None => "There was no consent to revoke.".to_owned(),
        Some(true) => "The provider has revoked its consent.".to_owned(),
        Some(false) if account.provider == "microsoft" => {
            format!("Microsoft revokes no consent on request of a program: its user withdraws it {place}.")
        }
        Some(false) => format!("The provider did not revoke the consent: its user withdraws it {place}."),
    }
}

/// The key of the configuration that gives the account its refresh token.
fn declared_token(installation: &Installation, account: &account::Model) -> Option<String> {
    let declared = installation.config.accounts.iter().enumerate();
    let mut declared = declared.filter(|(_, declared)| declared.address.to_lowercase() == account.address_folded);
    declared.find_map(|(at, declared)| {
        let by_value = declared.refresh_token.is_some().then_some("refresh_token");
        let by_file = declared.refresh_token_file.is_some().then_some("refresh_token_file");
        by_value.or(by_file).map(|key| format!("accounts[{at}].{key}"))
    })
}
