//! `account` and `address`.

mod cure;
mod list;

use std::path::Path;

use entity::account;
use secrecy::SecretString;
use serde_json::json;

use super::args::{AccountAdd, AccountCommand, Json};
use super::host::Hosted;
use super::installation::{Installation, address as parse_address};
use super::output::{Output, say};
use super::{Answer, Usage};
use crate::config::{AccountKind, Auth, Provider};
use crate::oauth::service::lacks;
use crate::oauth::tokens::Source;
use crate::store::accounts::{self, NewAccount, is_earlier};
use crate::store::facts::log_address;
use crate::store::grants;

pub(super) async fn account(installation: &Installation, command: AccountCommand) -> anyhow::Result<Answer> {
    let store = &installation.store;
    match command {
        AccountCommand::Add(new) => add(installation, *new).await?,
        AccountCommand::List(list) => return list::show(installation, list.json).await,
        AccountCommand::Pause(name) => {
            let address = parse_address(&name.address)?;
            accounts::pause(store, &address, "paused by an operator", &installation.clock).await?;
            say(format_args!(
                "{} is paused. Its mail waits on the server; `mailtrail account resume` reads it.",
                name.address
            ))?;
        }
        AccountCommand::Resume(name) => {
            let account = accounts::resume(store, &parse_address(&name.address)?, &installation.clock).await?;
            grants::revive(store, account.id, installation.clock.now()).await?;
            say(format_args!("{} is watched again.", name.address))?;
        }
        AccountCommand::Remove(name) => {
            let address = parse_address(&name.address)?;
            let account = accounts::named(store, &address).await?;
            super::keys::revoke_at_last(installation, &account).await?;
            accounts::remove(store, &address, &installation.clock).await?;
            say(format_args!("{} is no longer watched. What was logged stays.", name.address))?;
        }
        AccountCommand::Resync(name) => {
            let account = accounts::named(store, &parse_address(&name.address)?).await?;
            let forgotten = store.resync(account.id).await?;
            say(format_args!("{forgotten} verdicts on mail that was not logged are judged again at the next run."))?;
        }
    }
    Ok(Answer::Yes)
}

async fn add(installation: &Installation, new: AccountAdd) -> anyhow::Result<()> {
    let workspace = installation.workspace().await?;
    let user = match &new.user {
        Some(login) => Some(installation.user(login).await?),
        None => None,
    };
    if let Some(file) = &new.password_file {
        check_password(file)?;
    }
    let password_file = new.password_file.as_deref().map(absolute).transpose()?;
    let token = new.refresh_token_file.as_deref().map(read_token).transpose()?;
    if user.is_none() && matches!(new.kind, AccountKind::Personal | AccountKind::Team) {
        let kind = new.kind.as_str();
        return Err(Usage(format!("a {kind} account belongs to the user who connects it: add --user LOGIN")).into());
    }
    let has_token = token.is_some();
    let address = parse_address(&new.address)?;
    // One that is there already has both.
    let known = accounts::find(&installation.store, &address).await?;
    let is_new = known.is_none();
    let Hosted { provider, host } = match &known {
        Some(known) if new.host.is_none() && new.provider.is_none_or(|said| said.as_str() == known.provider) => {
            Hosted { provider: Provider::named(&known.provider).unwrap_or(Provider::Imap), host: None }
        }
        None if new.host.is_none() && new.provider == Some(Provider::Imap) => {
            Hosted { provider: Provider::Imap, host: None }
        }
        _ => installation.host_of(&address, new.provider, new.host.as_deref()).await?,
    };
    let by_password = new.auth.map_or(provider == Provider::Imap && !has_token, |auth| auth == Auth::Password);
    if is_new && host.is_none() && provider == Provider::Imap {
        return Err(Usage("an IMAP account needs its server: add --host HOST".to_owned()).into());
    }
    if is_new && by_password && password_file.is_none() {
        return Err(Usage("an account that logs in by password needs --password-file FILE".to_owned()).into());
    }
    if new.auth == Some(Auth::Service) {
        check_service(installation, provider, has_token)?;
    }
    let row = NewAccount {
        address,
        kind: new.kind,
        provider,
        host,
        port: new.port,
        auth: new.auth.or_else(|| has_token.then_some(Auth::OAuth)),
        security: crate::config::Security::Tls,
        imap_user: new.imap_user,
        password_file,
        since: new.since,
        user,
        declared: false,
    };
    let account = accounts::add(&installation.store, &workspace, &row, &installation.clock).await?;
    if let Some(token) = token {
        installation.worker().await?.tokens.put_refresh_token(account.id, &token, Source::Consent).await?;
    }
    say(format_args!("{} is added ({}, {}:{}).", account.address, account.kind, account.host, account.port))?;
    if known.is_some_and(|known| is_earlier(&account, &known)) {
        say("Mail that came before its former start is read at the next run.")?;
    }
    if account.kind == "personal" && (has_token || account.auth != "oauth") {
        begin(installation, &account).await?;
    }
    say(what_follows(installation, &account, has_token).await?)?;
    Ok(())
}

/// Whether a service identity could log in at a provider, as far as the configuration tells.
fn check_service(installation: &Installation, provider: Provider, has_token: bool) -> anyhow::Result<()> {
    if has_token {
        return Err(Usage("a service identity has no refresh token: leave --refresh-token-file out".to_owned()).into());
    }
    let app = installation.config.oauth.app(provider).ok_or_else(|| {
        Usage("a plain IMAP server gives no tokens: set oauth.imap.token_url, or use --auth password".to_owned())
    })?;
    Ok(lacks(provider, app).map_err(|trouble| Usage(trouble.to_string()))?)
}

/// A personal inbox begins at the moment it is connected (J13), and not when the service gets to it.
async fn begin(installation: &Installation, account: &account::Model) -> anyhow::Result<()> {
    match installation.worker().await?.begin(account).await {
        Ok(mailboxes) => say(format_args!("Its mail in {} is watched.", mailboxes.join(" and ")))?,
        Err(trouble) => say(format_args!(
            "It cannot be read yet: {trouble}\nIt is tried again by `mailtrail run`, and begins with mail that arrives from \
             now on."
        ))?,
    }
    Ok(())
}

/// What the account does from now on, or what it still lacks.
async fn what_follows(
    installation: &Installation,
    account: &account::Model,
    has_token: bool,
) -> anyhow::Result<String> {
    Ok(match account.kind.as_str() {
        "bcc" | "forwarding" | "personal" if account.auth == "oauth" && !has_token && account.last_success.is_none() => {
            format!("Nobody has consented yet: `mailtrail connect {}`.", account.address)
        }
        "bcc" => {
            let address = log_address_of(installation, &account.address_folded).await?;
            format!("Users put {address} in Bcc. `mailtrail run` reads it.")
        }
        "forwarding" => {
            let address = log_address_of(installation, &account.address_folded).await?;
            format!("Users forward mail to {address}. `mailtrail run` reads it.")
        }
        "personal" => {
            "Mail sent from it counts for its user, and replies on logged threads are logged from it. `mailtrail run` reads it."
                .to_owned()
        }
        _ => "Mail sent from it counts for its user. This version does not read the mailbox itself yet.".to_owned(),
    })
}

/// The service may run elsewhere than where the command was typed.
fn absolute(file: &Path) -> anyhow::Result<String> {
    let file =
        std::fs::canonicalize(file).map_err(|error| Usage(format!("{} cannot be read: {error}", file.display())))?;
    Ok(file.display().to_string())
}

/// An empty password would be refused by the server, or by some be taken for none at all.
fn check_password(file: &Path) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(file).map_err(|error| Usage(format!("{} cannot be read: {error}", file.display())))?;
    let is_empty = text.trim_end_matches(['\r', '\n']).is_empty();
    anyhow::ensure!(!is_empty, Usage(format!("{} holds no password: write it into the first line", file.display())));
    Ok(())
}

fn read_token(file: &Path) -> anyhow::Result<SecretString> {
    let text =
        std::fs::read_to_string(file).map_err(|error| Usage(format!("{} cannot be read: {error}", file.display())))?;
    let token = text.trim();
    anyhow::ensure!(!token.is_empty(), Usage(format!("{} holds no refresh token", file.display())));
    Ok(SecretString::from(token.to_owned()))
}

/// `address`: what users put in Bcc, and what they forward to.
pub(super) async fn address(installation: &Installation, what: Json) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?.name;
    let (mut bcc, mut forwarding) = (None, None);
    for listed in accounts::list(&installation.store).await? {
        if listed.workspaces.contains(&workspace) {
            match listed.account.kind.as_str() {
                "bcc" if bcc.is_none() => {
                    bcc = Some(log_address_of(installation, &listed.account.address_folded).await?);
                }
                "forwarding" if forwarding.is_none() => {
                    forwarding = Some(log_address_of(installation, &listed.account.address_folded).await?);
                }
                _ => {}
            }
        }
    }
    let mut output = Output::new(what.json);
    let record = json!({"workspace": workspace, "bcc": bcc, "forwarding": forwarding});
    output.record(&record, |_| {
        let or_none =
            |address: &Option<String>| address.clone().unwrap_or_else(|| "(none: mailtrail account add)".to_owned());
        format!("BCC         {}\nForwarding  {}", or_none(&bcc), or_none(&forwarding))
    })?;
    output.finish()?;
    Ok(Answer::Yes)
}

/// The address of this workspace at a dedicated account, with a tag where the account serves several (A18).
async fn log_address_of(installation: &Installation, folded: &str) -> anyhow::Result<String> {
    let workspace = installation.workspace().await?;
    let account = accounts::named(&installation.store, &parse_address(folded)?).await?;
    let scope = installation.store.scope(&account).await?;
    let first = scope.workspaces.first() == Some(&workspace.id);
    let address = log_address(&scope.address, &workspace.name, !first);
    Ok(address.map(|address| address.as_str().to_owned()).unwrap_or_default())
}
