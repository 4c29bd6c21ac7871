//! Why a consent does not connect an account, in the words of whoever reads it.

use url::Url;

use crate::trouble::Trouble;

/// Why a consent does not connect an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The person, or the organisation, said no.
    #[error("The provider says that access was not allowed ({error}). Nothing was changed; try again when you wish.{}", for_admin(admin.as_ref()))]
    Declined {
        /// The provider's word.
        error: String,
        /// Where an administrator consents, if the provider has such a place.
        admin: Option<Url>,
    },
    /// The organisation lets only its administrator consent (MC1163922).
    #[error("Your organisation lets only an administrator allow this.{}", for_admin(link.as_ref()))]
    NeedsAdminConsent {
        /// Where the administrator consents.
        link: Option<Url>,
    },
    /// Somebody else signed in.
    #[error(
        "{got} signed in, but {wanted} is to be connected. Sign out at the provider, or use a private window, and sign in as {wanted}."
    )]
    WrongPerson {
        /// Who has to sign in.
        wanted: String,
        /// Who did.
        got: String,
    },
    /// The provider does not vouch for the address.
    #[error(
        "The provider has not verified the address {got}. Confirm it in the settings of the mail account, then connect again."
    )]
    Unverified {
        /// The address.
        got: String,
    },
    /// There is no identity token, or it is not for us.
    #[error(
        "The provider's answer does not say reliably whose consent it is ({why}). Check client_id and scope of the registration: the scope must hold openid and email."
    )]
    NoIdentity {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The person let us sign in, but not read mail.
    #[error("Access to mail was not allowed: the box for {missing} was left open. Connect again and tick it.")]
    Scope {
        /// What was not granted.
        missing: String,
    },
    /// There is no refresh token.
    #[error(
        "The provider's consent would end within the hour: it gave no refresh token. Remove mailtrail from the apps of the mail account, then connect again."
    )]
    NotLasting,
    /// The answer belongs to no request of ours.
    #[error(
        "This answer belongs to no request that is open here: it was used already, or comes from elsewhere. If the mailbox was shown as connected, all is well; otherwise begin again with the link or the command that you were given."
    )]
    Forged,
    /// The link, or the time for an answer, is over.
    #[error("The time is up. Ask for a new link, or type the command again.")]
    TooLate,
    /// The provider, the network or the registration.
    #[error("{0}")]
    Trouble(#[from] Trouble),
}

fn for_admin(link: Option<&Url>) -> String {
    match link {
        Some(link) => {
            format!(" If it asked for an administrator's approval, this link is for your administrator: {link}")
        }
        None => String::new(),
    }
}
