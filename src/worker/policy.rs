//! The policy of an account, from the configuration and the account's provider.

use chrono::{DateTime, SubsecRound, Utc};
use entity::account;

use crate::config::{self, Config};
use crate::decide::policy::{AutoReplies, Forwarding, Inbox, LoggingRule, NeverLogMode, Policy, SenderAuthentication};
use crate::mail::address::Address;
use crate::mail::authentication::Stamp;

/// The rules that apply to mail of `account`.
///
/// `auto` is strict where the provider stamps results that can be told from forged ones, else warn (decision 6).
pub fn of(account: &account::Model, config: &Config) -> Policy {
    let policy = &config.policy;
    let stamp = match account.provider.as_str() {
        "google" => Stamp::Google,
        "microsoft" => Stamp::Microsoft,
        _ if policy.trusted_authserv_ids.is_empty() => Stamp::Unknown,
        _ => Stamp::Named(policy.trusted_authserv_ids.clone()),
    };
    let sender_authentication = match policy.sender_authentication {
        config::SenderAuthentication::Auto if stamp == Stamp::Unknown => SenderAuthentication::Warn,
        config::SenderAuthentication::Auto | config::SenderAuthentication::Strict => SenderAuthentication::Strict,
        config::SenderAuthentication::Warn => SenderAuthentication::Warn,
        config::SenderAuthentication::Off => SenderAuthentication::Off,
    };
    Policy {
        inbox: inbox(account, config),
        forwarding: (account.kind == "forwarding").then_some(Forwarding {
            both_parts: policy.forward_require_both_parts,
            log_own: policy.forward_own == config::ForwardOwn::LogOutgoing,
            hosted_bytes: config.limits.hosted_bytes,
        }),
        create_contacts: true,
        sender_authentication,
        stamp,
        never_log: match policy.never_log {
            config::NeverLog::PerRecipient => NeverLogMode::PerRecipient,
            config::NeverLog::WholeMessage => NeverLogMode::WholeMessage,
        },
        create_from_cc: policy.create_from_cc,
        create_role_addresses: policy.create_role_addresses,
        own_domains_internal: policy.own_domains_internal,
        seat_required: policy.enforce_seats,
        participants_strict: policy.participants == config::Participants::Strict,
        trust_in_reply_to: policy.subject == config::SubjectPolicy::TrustInReplyTo,
        auto_replies: match policy.auto_replies {
            config::AutoReplies::Flag => AutoReplies::Flag,
            config::AutoReplies::Skip => AutoReplies::Skip,
            config::AutoReplies::Log => AutoReplies::Log,
        },
        max_recipients: config.limits.recipients,
    }
}

/// What is particular to a personal inbox. Mail that came before it was connected again is its gap, where that is not to
/// be logged; what came before it was first connected is not, but read only if `--since` says so.
fn inbox(account: &account::Model, config: &Config) -> Option<Inbox> {
    let address = Address::parse(&account.address).filter(|_| account.kind == "personal")?;
    // INTERNALDATE has whole seconds (RFC 3501 §2.3.3): mail of the very second may have come after the connection.
    let whole = |moment: DateTime<Utc>| moment.trunc_subsecs(0);
    let gap = account.connected_at.map(|connected| (whole(account.created_at), whole(connected)));
    Some(Inbox {
        address,
        rule: match config.policy.logging_rule {
            config::LoggingRule::RepliesOnly => LoggingRule::RepliesOnly,
            config::LoggingRule::KnownContacts => LoggingRule::KnownContacts,
        },
        gap: gap.filter(|(from, until)| !config.policy.log_gap && from < until),
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use uuid::Uuid;

    use super::*;

    fn inbox_of(created: i64, connected: i64) -> account::Model {
        let at = |millis| Utc.timestamp_millis_opt(millis).unwrap();
        account::Model {
            id: Uuid::nil(),
            address: "anna@ours.example".to_owned(),
            address_folded: "anna@ours.example".to_owned(),
            kind: "personal".to_owned(),
            provider: "imap".to_owned(),
            host: "localhost".to_owned(),
            port: 993,
            auth: "password".to_owned(),
            security: "tls".to_owned(),
            imap_user: None,
            password_file: None,
            state: "active".to_owned(),
            reason: None,
            declared: false,
            withdrawn: false,
            since: None,
            connected_by: None,
            connected_at: Some(at(connected)),
            created_at: at(created),
            last_success: None,
            last_attempt: None,
            failures: 0,
            trouble: None,
            next_try: None,
            verification: None,
        }
    }

    #[test]
    fn mail_of_the_second_in_which_an_inbox_was_connected_is_in_no_gap() {
        let gap = |created, connected, log_gap| {
            let mut config = Config::default();
            config.policy.log_gap = log_gap;
            let gap = of(&inbox_of(created, connected), &config).inbox.unwrap().gap;
            gap.map(|(from, until)| (from.timestamp_millis(), until.timestamp_millis()))
        };
        assert_eq!(gap(10_200, 10_900, false), None);
        assert_eq!(gap(10_200, 20_700, false), Some((10_000, 20_000)));
        assert_eq!(gap(10_200, 20_700, true), None);
    }
}
