//! From an account's row to what a connection needs.

use std::path::Path;

use entity::account;
use secrecy::SecretString;

use crate::config::Config;
use crate::source::{Endpoint, Limits, Security};
use crate::trouble::Trouble;

/// The server of an account.
pub(crate) fn endpoint(account: &account::Model) -> Result<Endpoint, Trouble> {
    let port = u16::try_from(account.port).map_err(|_| Trouble::operator("The account's port is not a TCP port."))?;
    let security = match account.security.as_str() {
        "plaintext" => Security::Plaintext,
        _ => Security::Tls,
    };
    Ok(Endpoint { host: account.host.clone(), port, security })
}

/// What a session of the account puts up with.
pub(crate) fn limits(config: &Config, account: &account::Model) -> Limits {
    let worker = &config.worker;
    let usual = Limits::default();
    let slice_bytes = u32::try_from(worker.slice_bytes).unwrap_or(u32::MAX);
    Limits {
        connect_timeout: worker.connect_timeout(),
        command_timeout: worker.command_timeout(),
        idle_read_timeout: worker.command_timeout(),
        trickle_timeout: worker.poll_deadline() / 2,
        batch_messages: worker.batch_messages,
        batch_bytes: worker.batch_bytes,
        slice_bytes,
        // Announced sizes are estimates at some providers: what is announced as one slice may be a good deal more.
        literal_bytes: usual.literal_bytes.max(slice_bytes.saturating_mul(2)),
        message_bytes: u32::try_from(config.limits.message_bytes).unwrap_or(u32::MAX),
        has_worked: account.last_success.is_some(),
        ..usual
    }
}

/// Its IMAP login.
pub(crate) fn imap_user(account: &account::Model) -> String {
    account.imap_user.clone().unwrap_or_else(|| account.address.clone())
}

pub(crate) async fn read_password(account: &account::Model) -> Result<SecretString, Trouble> {
    let Some(file) = &account.password_file else {
        return Err(Trouble::operator(
            "The account logs in by password, but names no password file. Add it again with --password-file.",
        ));
    };
    match tokio::fs::read_to_string(Path::new(file)).await {
        Ok(text) => Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => Err(Trouble::operator(format!("The password file cannot be read: {error}."))),
    }
}
