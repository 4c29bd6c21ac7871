//! Logging in: XOAUTH2 (Google's and Microsoft's SASL mechanism), PLAIN (RFC 4616) and LOGIN.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::answer::{Answer, Done};
use super::capabilities::Capabilities;
use super::endpoint::Login;
use super::mailboxes::quoted;
use super::wire::{Fault, Stage, Wire, accepted};
use crate::trouble::Trouble;

/// Logs in; returns the capabilities if the server tells them along with its answer.
pub(super) async fn log_in(
    wire: &mut Wire,
    offered: &Capabilities,
    login: &Login,
) -> Result<Option<Vec<String>>, Trouble> {
    match login {
        Login::XOAuth2 { user, token } => {
            wire.stage = Stage::Token;
            if !offered.has("AUTH=XOAUTH2") {
                return Err(Trouble::operator(
                    "the server does not offer XOAUTH2, which this account's login needs: check the account's host and \
                     provider, or connect it with a password",
                ));
            }
            let secret = Zeroizing::new(format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", token.expose_secret()));
            authenticate(wire, offered, "XOAUTH2", &secret).await
        }
        Login::Password { user, password } => {
            wire.stage = Stage::Password;
            if offered.has("AUTH=PLAIN") {
                let secret = Zeroizing::new(format!("\0{user}\0{}", password.expose_secret()));
                return authenticate(wire, offered, "PLAIN", &secret).await;
            }
            if offered.has("LOGINDISABLED") {
                return Err(Trouble::operator(
                    "the server takes no password on this connection (LOGINDISABLED): connect the account with OAuth, or \
                     use the server's port for IMAP over TLS",
                ));
            }
            plain_login(wire, user, password.expose_secret()).await
        }
    }
}

async fn plain_login(wire: &mut Wire, user: &str, password: &str) -> Result<Option<Vec<String>>, Trouble> {
    let (Some(user), Some(password)) = (quoted(user), quoted(password).map(Zeroizing::new)) else {
        return Err(Trouble::operator(
            "the login or the password holds characters that this server's LOGIN cannot take: use ASCII only",
        ));
    };
    let command = Zeroizing::new(format!("LOGIN {user} {}", *password));
    let mut told = None;
    let result = wire.run(&command, |answer| remember(&mut told, answer)).await;
    let done = result.map_err(|fault| wire.trouble(fault))?;
    Ok(done.capabilities.or(told))
}

fn remember(told: &mut Option<Vec<String>>, answer: Answer) {
    if let Answer::Capabilities(names) = answer {
        *told = Some(names);
    }
}

async fn authenticate(
    wire: &mut Wire,
    offered: &Capabilities,
    mechanism: &str,
    secret: &str,
) -> Result<Option<Vec<String>>, Trouble> {
    let mut told = None;
    let mut challenge = None;
    let result = dialogue(wire, offered, mechanism, secret, &mut told, &mut challenge).await;
    match result {
        Ok(done) => Ok(done.capabilities.or(told)),
        Err(fault) => Err(match wire.trouble(fault) {
            Trouble::TokenRefused { reason } => {
                let status = challenge.map(|status| format!(", status {status}")).unwrap_or_default();
                Trouble::TokenRefused { reason: reason + &status }
            }
            trouble => trouble,
        }),
    }
}

async fn dialogue(
    wire: &mut Wire,
    offered: &Capabilities,
    mechanism: &str,
    secret: &str,
    told: &mut Option<Vec<String>>,
    challenge: &mut Option<String>,
) -> Result<Done, Fault> {
    let encoded = Zeroizing::new(STANDARD.encode(secret));
    // RFC 4959: the first response goes with the command and saves a round trip.
    let at_once = offered.has("SASL-IR");
    let command = Zeroizing::new(match at_once {
        true => format!("AUTHENTICATE {mechanism} {}", *encoded),
        false => format!("AUTHENTICATE {mechanism}"),
    });
    let span = wire.command_timeout();
    let exchange = async {
        wire.send(&command).await?;
        let mut answered = at_once;
        loop {
            match wire.next().await? {
                Answer::Done(done) => return accepted(done),
                Answer::Continue(_) if !answered => {
                    answered = true;
                    wire.line(&encoded).await?;
                }
                // The failure in words, which an empty line acknowledges; only then comes the tagged NO.
                Answer::Continue(text) if challenge.is_none() => {
                    *challenge = Some(status(&text));
                    wire.line("").await?;
                }
                Answer::Continue(_) => {
                    return Err(Fault::Garbled(format!("the server asks for more than {mechanism} has to say")));
                }
                answer => remember(told, answer),
            }
        }
    };
    let late = |_| Fault::Lost(Trouble::retry(format!("the server did not finish the login within {span:?}")));
    timeout(span, exchange).await.map_err(late)?
}

/// The `status` field of XOAUTH2's error: the rest (scope, schemes) says nothing more, and may say anything.
fn status(challenge: &str) -> String {
    let json = STANDARD.decode(challenge.trim()).ok();
    let object = json.and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok());
    let status = object.as_ref().and_then(|object| object.get("status")).map(|status| match status.as_str() {
        Some(text) => text.to_owned(),
        None => status.to_string(),
    });
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    status.filter(|status| status.len() <= 40 && status.chars().all(plain)).unwrap_or_else(|| "unknown".to_owned())
}
