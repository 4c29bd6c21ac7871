//! From the configuration to a connection that may send.

use std::sync::Arc;

use entity::account;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use rustls::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::line::{Line, place, shown};
use crate::config::{Secret, Smtp, SmtpAuth};
use crate::mail::address::Address;
use crate::oauth::tokens::Tokens;
use crate::store::{Store, accounts};
use crate::trouble::Trouble;
use crate::worker::Worker;

/// Connects and logs in.
pub(super) async fn connect(worker: &Worker) -> Result<Line, Trouble> {
    log_in(&worker.config.smtp, &worker.tls, &worker.store, &worker.tokens).await
}

/// Connects, logs in and leaves again: for `doctor`.
pub async fn examine(smtp: &Smtp, tls: &Arc<ClientConfig>, store: &Store, tokens: &Tokens) -> Result<(), Trouble> {
    log_in(smtp, tls, store, tokens).await?.quit().await;
    Ok(())
}

async fn log_in(smtp: &Smtp, tls: &Arc<ClientConfig>, store: &Store, tokens: &Tokens) -> Result<Line, Trouble> {
    match smtp.auth {
        SmtpAuth::None => Line::open(smtp, tls).await,
        SmtpAuth::Password => {
            let mut line = Line::open(smtp, tls).await?;
            let password = password(smtp).await?;
            authenticate(smtp, &mut line, &[Mechanism::Plain, Mechanism::Login], &password).await?;
            Ok(line)
        }
        SmtpAuth::OAuth => {
            let account = account(smtp, store).await?;
            let token = tokens.access(&account).await?;
            let mut line = Line::open(smtp, tls).await?;
            match authenticate(smtp, &mut line, &[Mechanism::Xoauth2], &token).await {
                Err(Trouble::TokenRefused { .. }) => {
                    // It may have died since it was kept; a fresh one is the last word.
                    tokens.refused(&account, &token).await?;
                    let token = tokens.access(&account).await?;
                    line = Line::open(smtp, tls).await?;
                    authenticate(smtp, &mut line, &[Mechanism::Xoauth2], &token).await.map_err(for_good)?;
                    Ok(line)
                }
                done => done.map(|()| line),
            }
        }
    }
}

/// That the account can read mail does not mean that it may send any.
fn for_good(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::TokenRefused { reason } => Trouble::operator(format!(
            "{reason}: the consent of smtp.account must include sending, and SMTP must be allowed for the mailbox"
        )),
        other => other,
    }
}

async fn account(smtp: &Smtp, store: &Store) -> Result<account::Model, Trouble> {
    let none = || Trouble::operator("smtp.account names no account: `mailtrail account list` shows them");
    let address = Address::parse(&smtp.account).ok_or_else(none)?;
    let account = accounts::find(store, &address).await?.ok_or_else(none)?;
    if account.auth == "password" {
        return Err(Trouble::operator(
            "smtp.account logs in by password and has no tokens: set smtp.auth = \"password\"",
        ));
    }
    Ok(account)
}

async fn password(smtp: &Smtp) -> Result<SecretString, Trouble> {
    let unreadable = |why: String| Trouble::operator(format!("smtp.password_file cannot be read ({why})"));
    let file = smtp.password_file.clone().ok_or_else(|| unreadable("it is empty".to_owned()))?;
    let read = tokio::task::spawn_blocking(move || Secret::read(&file)).await;
    let secret = read.map_err(|error| unreadable(error.to_string()))?;
    Ok(secret.map_err(|error| unreadable(error.to_string()))?.to_secret_string())
}

async fn authenticate(
    smtp: &Smtp,
    line: &mut Line,
    mechanisms: &[Mechanism],
    secret: &SecretString,
) -> Result<(), Trouble> {
    let by_token = mechanisms == [Mechanism::Xoauth2];
    if line.connection().server_info().get_auth_mechanism(mechanisms).is_none() {
        let wanted: Vec<String> = mechanisms.iter().map(ToString::to_string).collect();
        return Err(Trouble::operator(format!(
            "{} does not offer {}: check smtp.auth and smtp.security",
            place(smtp),
            wanted.join(" or ")
        )));
    }
    let credentials = Credentials::new(smtp.login().to_owned(), secret.expose_secret().to_owned());
    let span = line.timeout();
    let answer = timeout(span, line.connection().auth(mechanisms, &credentials)).await;
    let error = match answer {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => return Err(Trouble::retry(format!("{} did not finish the login in time", place(smtp)))),
    };
    // A refused token is told in a challenge, to which lettre has nothing to say.
    if by_token && (error.is_permanent() || error.is_client()) {
        return Err(Trouble::TokenRefused { reason: format!("{} refuses the access token", place(smtp)) });
    }
    if error.is_permanent() {
        let cure = "check smtp.user and the password; many providers want one made for this program";
        return Err(Trouble::operator(format!("{} refuses the login ({}): {cure}", place(smtp), shown(&error))));
    }
    Err(Trouble::retry(format!("{} did not take the login: {}", place(smtp), shown(&error))))
}
