//! Bytes to mails, off the reader's back.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::mail::message::Mail;
use crate::source::{Arrivals, Body, Permit};

/// Messages that are handed on together if they are there.
pub(super) const BATCH: usize = 32;

/// A message, parsed or not.
pub(super) struct Parsed {
    pub(super) uid: u32,
    /// INTERNALDATE, or now where the server gave none.
    pub(super) received: DateTime<Utc>,
    pub(super) what: What,
    /// Its share of the memory budget, given back when it is committed.
    pub(super) permit: Option<Permit>,
}

/// What came of a message.
pub(super) enum What {
    /// It is understood. The bytes of a message that was fetched alone are kept until it is stored.
    Mail(Box<Mail>, Option<Vec<u8>>),
    /// It is not.
    Unparsable(String, Vec<u8>),
    /// It left the server before it was fetched.
    Gone,
}

/// Parses what arrives, in order, until the reader hangs up or the next stage does.
pub(super) async fn run(
    mut arriving: Arrivals,
    received: HashMap<u32, Option<DateTime<Utc>>>,
    clock: Clock,
    alone: bool,
    parsed: mpsc::Sender<Vec<Parsed>>,
) {
    let mut bodies = Vec::with_capacity(BATCH);
    while arriving.recv_many(&mut bodies, BATCH).await > 0 {
        let batch = bodies.drain(..).map(|body| {
            let date = |uid| received.get(&uid).copied().flatten().unwrap_or_else(|| clock.now());
            match body {
                Body::Arrived { uid, bytes, permit } => {
                    Parsed { uid, received: date(uid), what: parse(bytes, alone), permit: Some(permit) }
                }
                Body::Gone { uid } => Parsed { uid, received: date(uid), what: What::Gone, permit: None },
            }
        });
        if parsed.send(batch.collect()).await.is_err() {
            return;
        }
    }
}

/// A parser's panic is one message's trouble, not the mailbox's (L16).
pub(super) fn parse(bytes: Vec<u8>, keep: bool) -> What {
    match catch_unwind(AssertUnwindSafe(|| Mail::parse(&bytes))) {
        Ok(Ok(mail)) => What::Mail(Box::new(mail), Some(bytes).filter(|_| keep)),
        Ok(Err(error)) => What::Unparsable(error.to_string(), bytes),
        Err(_) => What::Unparsable("The parser gave up on the message.".to_owned(), bytes),
    }
}
