//! mailtrail watches mailboxes over IMAP and writes the mail that belongs on a CRM timeline to that CRM's database,
//! once, with the reason.
//!
//! ```text
//!             ┌────────────── worker: one task per account ───────────────┐
//!             │ token · connect · plan · poll · backoff()                  │
//!             ▼                                                            │
//! source ──► plan() ──► envelope ──► decide() ──► [body] ──► store.commit ──► outbox
//! IMAP        pure      headers      pure         only if     one transaction
//!                                                 logged
//! oauth hands source a token · config and cli are doors · entity + migration are the ground
//! ```

pub mod source;

pub mod mail;

pub mod decide;

pub mod store;

pub mod attachments;

pub mod oauth;

pub mod worker;

pub mod cli;

pub mod config;

pub mod clock;

pub mod telemetry;

pub mod trouble;
