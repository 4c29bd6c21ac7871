//! Everything tried from outside: the program as it is shipped, against real protocols on loopback.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod associations;
mod attachments;
mod attribution;
mod bcc;
mod commands;
mod never_log;
mod oddities;
mod questions;
mod readme;
mod recipients;
mod replies;
mod sender;
mod servers;
mod shared_mailbox;
