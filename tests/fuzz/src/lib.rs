//! What must hold of everything that reads what strangers write, whatever they write.
//!
//! A target takes bytes and fails if a reader panics, or breaks one of the rules written here. `cargo test` feeds each
//! with mutations of mail that is at hand, always the same; `scripts/fuzz TARGET SECONDS` lets the coverage lead.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a rule that does not hold is a failed test"
)]

mod imap;
mod mail;
pub mod mutate;
pub mod seeds;
mod words;

/// Something that reads bytes of strangers.
pub struct Target {
    /// Its name, as for `scripts/fuzz`.
    pub name: &'static str,
    /// Reads, and fails if a rule does not hold.
    pub run: fn(&[u8]),
    /// What the mutations begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many mutations `cargo test` tries.
    pub rounds: usize,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "mail", run: mail::mail, seeds: seeds::mails, rounds: 800 },
    Target { name: "forward", run: mail::forward, seeds: seeds::forwards, rounds: 400 },
    Target { name: "reply", run: mail::reply, seeds: seeds::replies, rounds: 600 },
    Target { name: "subject", run: words::subject, seeds: seeds::subjects, rounds: 3_000 },
    Target { name: "authentication", run: words::authentication, seeds: seeds::authentication, rounds: 4_000 },
    Target { name: "guard", run: imap::guard, seeds: seeds::answers, rounds: 3_000 },
    Target { name: "session", run: imap::session, seeds: seeds::answers, rounds: 800 },
];

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
