//! What happens to a mail, and why. Pure: no clock, network, database, task or environment.
//!
//! ```text
//! Envelope ──► FactQuery ──► (store looks up) ──► Facts
//!    └───────────────── decide(policy, envelope, facts) ──► Decision { verdict, trace }
//! ```
//!
//! One function a question, each citing the rules it applies: whose workspace ([`workspace`]), who sent it
//! ([`attribution`]), is the sender who it says ([`sender`]), who is it with ([`counterparty`]), which conversation
//! ([`thread`]), which records ([`association`]). Mail behind the BCC address asks them in one order (`bcc`), mail in a
//! personal inbox in another ([`reply`]), forwards in a third ([`forwarding`]).

pub mod association;
pub mod attribution;
mod bcc;
pub mod bounce;
pub mod code;
pub mod counterparty;
pub mod decision;
pub mod facts;
pub mod forwarding;
pub mod key;
pub mod never_log;
pub mod policy;
pub mod reply;
pub mod sender;
mod steps;
pub mod thread;
pub mod trace;
pub mod workspace;

pub use code::Code;
pub use decision::{Activity, Decision, Verdict};
pub use facts::{FactQuery, Facts};
pub use key::MessageKey;
pub use policy::Policy;
pub use trace::{Finding, Step, Trace};

use crate::mail::envelope::Envelope;
use chrono::{DateTime, Utc};

/// A header alone forwards nothing.
fn without_body() -> Decision {
    Decision::skip(Trace::default(), Code::NoForwardHeader, Finding::BlockMissing)
}

/// The verdict on one mail (appendix A of the specification): by the policy of the mailbox it is in.
///
/// `received` is when the server got the mail (INTERNALDATE): what "connected" is judged by (C7).
pub fn decide(policy: &Policy, envelope: &Envelope, received: DateTime<Utc>, facts: &Facts) -> Decision {
    match (&policy.inbox, &policy.forwarding) {
        (Some(inbox), _) => reply::decide(policy, inbox, &reply::Seen::new(envelope, received), facts),
        (None, Some(_)) => forwarding::by_header(policy, envelope, 0, received, facts).unwrap_or_else(without_body),
        (None, None) => bcc::decide(policy, envelope, received, facts),
    }
}
