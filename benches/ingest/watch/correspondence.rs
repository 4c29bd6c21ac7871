//! Threads that a user put on the timeline by BCC, and what then arrives in the user's own inbox.

use crate::support::mail::{Cast, mime, sample};

/// Mail of the log mailbox and mail of the inbox have nothing in common but what is meant to.
const LOGGED: u64 = 2026;
const OTHERS: u64 = 6202;

/// A mail that the user sent, with the log address in Bcc.
pub struct Parent {
    /// As it lies in the BCC mailbox.
    pub raw: Vec<u8>,
    message_id: String,
    subject: String,
    customer: String,
}

/// The first `count` mails by which `user` begins a thread.
pub fn parents(cast: &Cast, user: &str, count: usize) -> Vec<Parent> {
    let of_user = (0..).map(|n| sample(cast, LOGGED, n)).filter(|sample| {
        let expected = &sample.expected;
        expected.code == "logged" && expected.user.as_deref() == Some(user)
    });
    let parents = of_user.map(|sample| Parent {
        raw: sample.raw,
        message_id: sample.expected.message_id,
        subject: sample.expected.subject,
        customer: sample.expected.contacts.into_iter().next().expect("logged mail has a contact"),
    });
    parents.take(count).collect()
}

/// Mail that has to do with no thread. A third of it answers mail that nobody logged.
pub fn other(cast: &Cast, n: u64) -> Vec<u8> {
    sample(cast, OTHERS, n).raw
}

/// The customer's answer number `n`, as long as mail is.
pub fn reply(cast: &Cast, user: &str, parent: &Parent, n: u64) -> Vec<u8> {
    let whole = other(cast, n);
    let at = position(&whole, b"MIME-Version: 1.0\r\n").expect("a generated mail has this field");
    let trace_ends = position(&whole, b"From: ").expect("a generated mail has a sender");
    let Parent { message_id, subject, customer, .. } = parent;
    let subject = mime::header(&format!("Re: {subject}"), "utf-8");
    let head = format!(
        "From: Buyer <{customer}>\r\nTo: <{user}>\r\nSubject: {subject}\r\nDate: Sun, 01 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <answer.{n}@{}>\r\nIn-Reply-To: <{message_id}>\r\nReferences: <{message_id}>\r\n",
        customer.rsplit('@').next().unwrap_or_default()
    );
    [&whole[..trace_ends], head.as_bytes(), &whole[at..]].concat()
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
