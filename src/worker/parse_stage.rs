//! Bytes to mails, off the reader's back.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::parser::Parser;
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
    /// It is understood. Its bytes where they were wanted.
    Mail(Box<Mail>, Option<Vec<u8>>),
    /// It is not.
    Unparsable(String, Vec<u8>),
    /// It left the server before it was fetched.
    Gone,
}

/// What is wanted of a message besides the mail.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wants {
    /// Its bytes, which may have to be set aside.
    pub(super) bytes: bool,
    /// What it forwards. Its bytes are kept then, too: a person may have to read them.
    pub(super) forward: bool,
}

/// Parses what arrives, in order, until the reader hangs up or the next stage does.
pub(super) async fn run(
    mut arriving: Arrivals,
    received: HashMap<u32, Option<DateTime<Utc>>>,
    clock: Clock,
    wants: Wants,
    parsed: mpsc::Sender<Vec<Parsed>>,
) {
    let mut bodies = Vec::with_capacity(BATCH);
    let mut parser = Parser::new(wants);
    while arriving.recv_many(&mut bodies, BATCH).await > 0 {
        let date = |uid| received.get(&uid).copied().flatten().unwrap_or_else(|| clock.now());
        let mut batch = Vec::with_capacity(bodies.len());
        let mut messages = Vec::with_capacity(bodies.len());
        for body in bodies.drain(..) {
            let (uid, permit) = match body {
                Body::Arrived { uid, bytes, permit } => {
                    messages.push(bytes);
                    (uid, Some(permit))
                }
                Body::Gone { uid } => (uid, None),
            };
            batch.push(Parsed { uid, received: date(uid), what: What::Gone, permit });
        }
        let arrived = batch.iter_mut().filter(|parsed| parsed.permit.is_some());
        for (parsed, what) in arrived.zip(parser.parse(messages).await) {
            parsed.what = what;
        }
        if parsed.send(batch).await.is_err() {
            return;
        }
    }
}

/// What a parser says: the mail, or why it is none.
pub(super) type Read = Result<Box<Mail>, String>;

pub(super) fn parse(bytes: Vec<u8>, wants: Wants) -> What {
    What::of(read(&bytes, wants), bytes, wants)
}

/// A parser's panic is one message's trouble, not the mailbox's (L16).
pub(super) fn read(bytes: &[u8], wants: Wants) -> Read {
    let read = || Mail::parse(bytes).map(|mail| if wants.forward { mail.with_forward() } else { mail });
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(mail)) => Ok(Box::new(mail)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("The parser gave up on the message.".to_owned()),
    }
}

impl What {
    pub(super) fn of(read: Read, bytes: Vec<u8>, wants: Wants) -> Self {
        match read {
            Ok(mail) => Self::Mail(mail, Some(bytes).filter(|_| wants.bytes || wants.forward)),
            Err(reason) => Self::Unparsable(reason, bytes),
        }
    }
}
