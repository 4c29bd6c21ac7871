//! Whether the sender is who it says (L13, decision 6).

use crate::decide::decision::Flag;
use crate::decide::policy::SenderAuthentication;
use crate::decide::{Finding, Policy, Trace};
use crate::mail::address::Party;
use crate::mail::authentication::{Assessment, assess, was_sent_by};
use crate::mail::envelope::Envelope;

/// Whether the policy accepts the sender, with the flag it leaves; `None` means that the mail is refused.
pub fn confirm(policy: &Policy, envelope: &Envelope, trace: &mut Trace) -> Option<Option<Flag>> {
    if policy.sender_authentication == SenderAuthentication::Off {
        trace.found(Finding::SenderCheckOff);
        return Some(None);
    }
    let strict = policy.sender_authentication == SenderAuthentication::Strict;
    match assess(envelope, &policy.stamp) {
        Assessment::Pass { method } => {
            trace.found_by(Finding::SenderConfirmed, method);
            Some(None)
        }
        Assessment::Fail { detail, .. } => {
            trace.found_by(Finding::SenderRefuted, detail);
            if strict { None } else { Some(Some(Flag::AuthWarn)) }
        }
        Assessment::Absent => {
            trace.found(Finding::SenderUnchecked);
            if strict { None } else { Some(None) }
        }
    }
}

/// The same for a mail that one of us is said to have sent, found in an inbox: a copy of one's own mail was never received
/// and has no results, and a server that stamps results stamps them on every mail it receives. Results that speak against
/// the sender refuse the mail, whoever stamped them: a forger gains nothing by them.
pub fn confirm_own(policy: &Policy, envelope: &Envelope, trace: &mut Trace) -> Option<Option<Flag>> {
    let assessment = assess(envelope, &policy.stamp);
    if assessment == Assessment::Absent {
        trace.found(Finding::SenderUnchecked);
        return Some(None);
    }
    let flag = confirm(policy, envelope, trace)?;
    let refuted = matches!(assessment, Assessment::Fail { refuted: true, .. });
    if refuted && policy.sender_authentication != SenderAuthentication::Off { None } else { Some(flag) }
}

/// Whether the mail was redirected by who its header says: anybody may write that, and only the envelope sender of a domain
/// of ours, confirmed by a server to be believed, is proof (I5, L13). True where senders are not checked, by configuration.
pub fn confirm_redirector(policy: &Policy, envelope: &Envelope, by: &Party, trace: &mut Trace) -> bool {
    if policy.sender_authentication == SenderAuthentication::Off {
        return true;
    }
    let confirmed = was_sent_by(envelope, &policy.stamp, by.address.domain());
    trace.found(if confirmed { Finding::RedirectConfirmed } else { Finding::RedirectUnverified });
    confirmed
}

/// Whether results speak against the one author of a report (J12). Mail systems may leave their address out.
pub fn refutes_report(policy: &Policy, envelope: &Envelope) -> bool {
    policy.sender_authentication != SenderAuthentication::Off
        && envelope.from.len() == 1
        && matches!(assess(envelope, &policy.stamp), Assessment::Fail { refuted: true, .. })
}

/// The same for somebody who is not one of us (decision 11): only results that speak against the sender refuse the mail,
/// results that do not pass are flagged, and that there are none is no fault of the sender.
pub fn confirm_outsider(policy: &Policy, envelope: &Envelope, trace: &mut Trace) -> Option<Option<Flag>> {
    let refuted = matches!(assess(envelope, &policy.stamp), Assessment::Fail { refuted: true, .. });
    let mode = match policy.sender_authentication {
        SenderAuthentication::Off => SenderAuthentication::Off,
        SenderAuthentication::Strict | SenderAuthentication::Warn => SenderAuthentication::Warn,
    };
    let flag = confirm(&Policy { sender_authentication: mode, ..policy.clone() }, envelope, trace)?;
    if refuted && mode != SenderAuthentication::Off { None } else { Some(flag) }
}
