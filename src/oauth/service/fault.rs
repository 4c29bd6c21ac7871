//! What a refused service identity asks for. No person can consent: the operator has something to set up.

use std::time::Duration;

use super::key_file::KeyFile;
use crate::config::{OAuthApp, Provider};
use crate::oauth::refresh::{Class, Refusal};
use crate::trouble::Trouble;

/// The token endpoint said no.
pub(super) fn of(provider: Provider, app: &OAuthApp, refusal: &Refusal, wish: Option<Duration>) -> Trouble {
    match (refusal.class(), provider) {
        (Class::Later, _) => {
            Trouble::Retry { after: wish, reason: format!("{} cannot give a token now ({refusal})", provider.as_str()) }
        }
        (Class::Consent | Class::AdminConsent, Provider::Google) => Trouble::operator(format!(
            "google does not take the word of the service account ({refusal}): its key may be deleted or of another \
             account (make a new JSON key for oauth.google.service_account_file), the mailbox may not be in the domain, or \
             this machine's clock may be off"
        )),
        (Class::Registration, Provider::Google) => Trouble::operator(format!(
            "google does not let the service account read mail ({refusal}): in the Admin console under Security → API \
             controls → Domain-wide delegation, add the client id {} with the scope {}; it can take a while to count",
            KeyFile::of(app).map(|key| key.client_id).unwrap_or_default(),
            app.service_scope
        )),
        (_, Provider::Microsoft) => Trouble::operator(format!(
            "microsoft refused the application ({refusal}): check that oauth.microsoft.tenant is the id of your directory, \
             that client_id and secret are of one application, and that it has the application permission \
             IMAP.AccessAsApp of \"Office 365 Exchange Online\" with the consent of an administrator"
        )),
        (_, Provider::Imap) => Trouble::operator(format!(
            "the token endpoint refused the application ({refusal}): check oauth.imap.client_id, its secret and \
             service_scope"
        )),
    }
}

/// The mail server said no to a token that the provider has just given.
pub fn no_access(provider: &str, reason: &str) -> Trouble {
    Trouble::operator(match provider {
        "microsoft" => format!(
            "{reason}; the application has no right to this mailbox: in Exchange Online PowerShell, run New-ServicePrincipal \
             with the application id and the object id of the enterprise application, then Add-MailboxPermission \
             -AccessRights FullAccess for the mailbox"
        ),
        "google" => format!(
            "{reason}; the service account has no access to this mailbox: check that the mailbox exists and that IMAP is on \
             for it (Admin console → Apps → Google Workspace → Gmail → End User Access)"
        ),
        _ => reason.to_owned(),
    })
}
