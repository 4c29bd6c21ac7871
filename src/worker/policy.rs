//! The policy of an account, from the configuration and the account's provider.

use entity::account;

use crate::config::{self, Config};
use crate::decide::policy::{AutoReplies, NeverLogMode, Policy, SenderAuthentication};
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
