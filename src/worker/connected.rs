//! What follows a consent: the tokens are kept, the account is watched, its mailbox is opened once.

use entity::account;

use super::Worker;
use crate::mail::address::Address;
use crate::oauth::consent::{Consented, Refused};
use crate::store::accounts::{self, State};
use crate::trouble::Trouble;

/// What became of an account that was connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// These mailboxes are read.
    Reads(Vec<String>),
    /// An operator has paused it.
    Paused,
    /// The consent is kept; the mailbox does not open yet.
    NotYet(Trouble),
}

impl Worker {
    /// Keeps what a person consented to, and opens the mailbox with it.
    pub async fn connected(&self, account: &account::Model, consent: &Consented) -> Result<Opened, Trouble> {
        self.tokens.put_consent(account.id, consent).await?;
        if account.state == State::Paused.as_str() {
            return Ok(Opened::Paused);
        }
        let address =
            Address::parse(&account.address).ok_or_else(|| Trouble::operator("the account has no address"))?;
        let account = accounts::resume(&self.store, &address, &self.clock).await.map_err(Trouble::from)?;
        tracing::info!(account = %account.id, "connected");
        let mut worker = self.clone();
        worker.renew();
        Ok(match worker.open_once(&account).await {
            Ok(mailboxes) => Opened::Reads(mailboxes),
            Err(trouble) => Opened::NotYet(trouble),
        })
    }

    async fn open_once(&self, account: &account::Model) -> Result<Vec<String>, Trouble> {
        if account.kind == "personal" {
            return self.begin(account).await;
        }
        self.connect(account).await?.logout().await;
        Ok(vec!["INBOX".to_owned()])
    }

    /// Notes what keeps an account from being connected, where that is more than a slip of the person.
    pub async fn not_connected(&self, account: &account::Model, refused: &Refused) {
        let Refused::NeedsAdminConsent { .. } = refused else { return };
        let trouble = Trouble::NeedsAdminConsent { reason: refused.to_string() };
        if let Err(error) = self.store.failed(account.id, &trouble, None, &self.clock).await {
            tracing::warn!(account = %account.id, %error, "the account's state could not be written");
        }
    }
}
