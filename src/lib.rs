//! E-mail logging for a CRM: mail that a user sent with the log address in Bcc is read over IMAP, judged by fixed rules
//! and stored with its contacts, companies and deals; every message that was read has a verdict with its reasons.
//!
//! ```text
//!             ┌─────────────── worker: a task for every account ───────────────┐
//!             │ token · connection · plan · IDLE or poll · backoff after trouble │
//!             ▼                                                                  │
//! source ──► plan() ──► mail ──► facts ──► decide() ──► blobs ──► store.commit ──► outbox
//! IMAP        pure      pure     one read  pure         before    one transaction
//!                                a batch                commit
//! ```
//!
//! The modules stand in the order of that flow; then come the doors (`cli`, `config`) and what all of them use.
#![warn(clippy::print_stdout, clippy::print_stderr, reason = "both panic where the reader went away: see cli::output")]

pub mod source;

pub mod mail;

pub mod decide;

pub mod store;

pub mod events;

pub mod attachments;

pub mod oauth;

pub mod worker;

pub mod notices;

pub mod http;

pub mod cli;

pub mod config;

pub mod dns;

pub mod clock;

pub mod seam;

pub mod telemetry;

pub mod metrics;

pub mod tls;

pub mod trouble;
