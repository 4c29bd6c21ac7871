//! When to renew an access token, and what a refusal means. Pure.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use oauth2::{ErrorResponse, RequestTokenError};
use serde::{Deserialize, Serialize};

use super::http::HttpError;
use crate::trouble::Trouble;

/// How long a token is taken to live if the server does not say (RFC 6749 section 5.1 lets it).
const USUAL_LIFE: TimeDelta = TimeDelta::hours(1);

/// A lifetime longer than this is taken for a mistake.
const LONGEST_LIFE: TimeDelta = TimeDelta::days(7);

/// When a token that was given at `now` ends.
pub fn expiry(now: DateTime<Utc>, expires_in: Option<Duration>) -> DateTime<Utc> {
    let life = match expires_in {
        Some(life) => TimeDelta::from_std(life).unwrap_or(LONGEST_LIFE).min(LONGEST_LIFE),
        None => USUAL_LIFE,
    };
    now + life
}

/// Whether a token that was given at `obtained` and ends at `expires` is to be renewed at `now`: at 80 % of its life, so
/// that a clock that is off and a session about to start still find it alive. `spread` (0 to 1) is how much earlier, up
/// to 5 % of the life, so that many accounts do not act in step.
pub fn due(obtained: DateTime<Utc>, expires: DateTime<Utc>, now: DateTime<Utc>, spread: f64) -> bool {
    let life = (expires - obtained).to_std().unwrap_or_default();
    let share = 0.8 - 0.05 * spread.clamp(0.0, 1.0);
    let moment = obtained + TimeDelta::from_std(life.mul_f64(share)).unwrap_or(LONGEST_LIFE);
    // A clock that was set back must not keep a token alive.
    now >= moment || now < obtained - TimeDelta::minutes(5)
}

/// A token endpoint's refusal (RFC 6749 section 5.2). Its `error_description` is for people, may name them, and is
/// neither decided on nor kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusal {
    error: String,
    /// Microsoft's numbers (AADSTS), for the text only: their documentation forbids to decide on them.
    #[serde(default)]
    error_codes: Vec<u32>,
    /// Microsoft's finer word, which is meant for programs.
    #[serde(default)]
    suberror: Option<String>,
}

impl ErrorResponse for Refusal {}

impl Refusal {
    /// Whether it is about what we asked for, and not about who we are.
    pub fn knows_us(&self) -> bool {
        !matches!(self.error.as_str(), "invalid_client" | "unauthorized_client")
    }

    /// What it asks for.
    pub fn class(&self) -> Class {
        Class::of(match self.suberror.as_deref() {
            Some(finer @ "consent_required") => finer,
            _ => &self.error,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What another program wrote goes into our logs only in the shape that the RFC gives it.
        let word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let error: String = self.error.chars().filter(word).take(64).collect();
        f.write_str(&error)?;
        for code in self.error_codes.iter().take(4) {
            write!(f, " AADSTS{code}")?;
        }
        Ok(())
    }
}

/// What an `error` asks for (providers.md 1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The person must consent again.
    Consent,
    /// The administrator of the organisation must consent, or the person, where the provider knows no such thing.
    AdminConsent,
    /// The registration is wrong, for all accounts of the provider.
    Registration,
    /// It may work later.
    Later,
}

impl Class {
    /// Decides by the `error` field. A word that nobody documented is no reason to throw a consent away.
    pub fn of(error: &str) -> Self {
        match error {
            "consent_required" => Self::AdminConsent,
            "invalid_grant" | "interaction_required" | "login_required" | "access_denied" => Self::Consent,
            "invalid_client"
            | "unauthorized_client"
            | "redirect_uri_mismatch"
            | "invalid_scope"
            | "invalid_request"
            | "invalid_resource"
            | "unsupported_grant_type"
            | "admin_policy_enforced"
            | "org_internal" => Self::Registration,
            _ => Self::Later,
        }
    }
}

/// What a failed refresh asks for.
pub fn trouble(provider: &str, error: &RequestTokenError<HttpError, Refusal>) -> Trouble {
    match error {
        RequestTokenError::ServerResponse(refusal) => refused(provider, refusal),
        RequestTokenError::Request(error) => error.trouble(),
        // Both may quote what the server sent, tokens included.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Trouble::retry(format!(
            "the token endpoint of {provider} gave no OAuth answer: something between us and it may have answered \
             instead; check oauth.{provider}.token_url if this stays"
        )),
    }
}

fn refused(provider: &str, refusal: &Refusal) -> Trouble {
    classed(provider, refusal.class(), refusal)
}

/// What a refusal of that class asks for; `said` is the provider's word for it.
pub fn classed(provider: &str, class: Class, said: &impl fmt::Display) -> Trouble {
    match class {
        Class::AdminConsent if provider == "microsoft" => Trouble::NeedsAdminConsent {
            reason: format!(
                "{provider} wants an administrator of the organisation to allow mailtrail ({said}): `mailtrail connect` \
                 prints the link for the administrator"
            ),
        },
        Class::Consent | Class::AdminConsent => Trouble::NeedsReauth {
            reason: format!(
                "{provider} does not honour the consent any more ({said}): a password changed, the consent was \
                 withdrawn or it was unused too long; connect the account again with `mailtrail connect`"
            ),
        },
        Class::Registration => Trouble::operator(format!(
            "{provider} refused our registration ({said}): check oauth.{provider}.client_id, its secret, scope and \
             tenant"
        )),
        Class::Later => Trouble::retry(format!("{provider} cannot give a token now ({said})")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn refusal(json: &str) -> Trouble {
        trouble("microsoft", &RequestTokenError::ServerResponse(serde_json::from_str(json).unwrap()))
    }

    #[test]
    fn a_token_is_renewed_at_four_fifths_of_its_life() {
        assert!(!due(at(0), at(3600), at(0), 0.0));
        assert!(!due(at(0), at(3600), at(2879), 0.0));
        assert!(due(at(0), at(3600), at(2880), 0.0));
        assert!(due(at(0), at(3600), at(9999), 0.0));
    }

    #[test]
    fn a_clock_set_back_does_not_keep_a_token_alive() {
        assert!(due(at(0), at(3600), at(-86_400), 0.0));
    }

    #[test]
    fn a_token_without_a_life_lives_an_hour() {
        assert_eq!(expiry(at(0), None), at(3600));
        assert_eq!(expiry(at(0), Some(Duration::from_secs(u64::MAX))), at(7 * 86_400));
    }

    proptest! {
        #[test]
        fn an_ended_token_is_always_due(life in 0_i64..10_000_000, late in 0_i64..10_000_000) {
            prop_assert!(due(at(0), at(life), at(life + late), 0.0));
        }
    }

    #[test]
    fn the_error_word_decides() {
        let table = [
            ("invalid_grant", "needs-reauth"),
            ("interaction_required", "needs-reauth"),
            ("consent_required", "needs-admin-consent"),
            ("login_required", "needs-reauth"),
            ("invalid_client", "operator"),
            ("unauthorized_client", "operator"),
            ("redirect_uri_mismatch", "operator"),
            ("invalid_scope", "operator"),
            ("admin_policy_enforced", "operator"),
            ("org_internal", "operator"),
            ("temporarily_unavailable", "retry"),
            ("server_error", "retry"),
            ("slow_down", "retry"),
            ("something_new", "retry"),
            ("", "retry"),
        ];
        for (error, kind) in table {
            assert_eq!(refusal(&format!("{{\"error\":\"{error}\"}}")).kind(), kind, "{error}");
        }
    }

    #[test]
    fn a_description_neither_decides_nor_is_repeated() {
        let json = r#"{"error":"temporarily_unavailable","error_description":"AADSTS50173 anna@ours.example",
                      "suberror":"bad_token","error_codes":[50173],"error_uri":null}"#;
        let trouble = refusal(json);
        assert_eq!(trouble.kind(), "retry");
        assert!(trouble.to_string().contains("temporarily_unavailable AADSTS50173"));
        assert!(!trouble.to_string().contains("anna"));
    }
}
