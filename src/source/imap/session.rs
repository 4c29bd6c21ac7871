//! What the worker asks of a mailbox.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::time::timeout;

use super::answer::Answer;
use super::bodies::{self, Bodies};
use super::capabilities::Capabilities;
use super::endpoint::Limits;
use super::fetch::{self, Header, Listed};
use super::idle::{self, Polled, Waited};
use super::mailboxes::{MailboxInfo, quoted};
use super::wire::{Fault, Stage, Wire};
use crate::metrics::Present;
use crate::source::plan::Selected;
use crate::trouble::Trouble;

/// How many mailboxes of an account we look at.
const MOST_MAILBOXES: usize = 50_000;

fn status_of(name: &str) -> String {
    format!("STATUS {name} (MESSAGES UIDNEXT UIDVALIDITY)")
}

/// A logged-in connection. It reads and cannot write.
///
/// After [`Trouble::Refused`] the session may go on; after [`Trouble::Message`] it must be replaced if the answer was
/// unreadable: [`Session::usable`] tells. After a timeout, a BYE or a future dropped halfway it is over.
#[derive(Debug)]
pub struct Session {
    wire: Wire,
    capabilities: Capabilities,
    limits: Limits,
    /// The UIDNEXT of the examined mailbox, if told.
    uid_next: Option<u32>,
    _open: Present,
}

impl Session {
    pub(super) fn new(wire: Wire, capabilities: Capabilities, limits: Limits) -> Self {
        Self { wire, capabilities, limits, uid_next: None, _open: Present::connection() }
    }

    /// What the server can do, as told after the login.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether another command may be sent.
    pub fn usable(&self) -> bool {
        self.wire.idle().is_ok()
    }

    /// Whether the server asked us to slow down while it still answered (Gmail: `OK Success [THROTTLED]`).
    pub fn throttled(&self) -> bool {
        self.wire.throttled()
    }

    /// All mailboxes of the account (LIST).
    pub async fn mailboxes(&mut self) -> Result<Vec<MailboxInfo>, Trouble> {
        // Cyrus tells what a mailbox is for only when asked (RFC 6154 section 2); Gmail always does.
        let extended = self.capabilities.special_use() && self.capabilities.has("LIST-EXTENDED");
        let extended = extended && !self.capabilities.gmail();
        if extended {
            match self.listing(r#"LIST "" "*" RETURN (SPECIAL-USE)"#).await {
                Err(Fault::Refused { .. }) => {}
                result => return self.proven(result),
            }
        }
        let result = self.listing(r#"LIST "" "*""#).await;
        self.proven(result)
    }

    async fn listing(&mut self, command: &str) -> Result<Vec<MailboxInfo>, Fault> {
        let mut mailboxes = Vec::new();
        let each = |answer| {
            if let Answer::Mailbox(mailbox) = answer
                && mailboxes.len() < MOST_MAILBOXES
            {
                mailboxes.push(mailbox);
            }
        };
        self.wire.run(command, each).await?;
        Ok(mailboxes)
    }

    /// Opens a mailbox read-only (EXAMINE).
    pub async fn examine(&mut self, wire_name: &str) -> Result<Selected, Trouble> {
        let Some(name) = quoted(wire_name) else {
            return Err(Trouble::operator("a mailbox whose name is not ASCII on the wire cannot be opened: rename it"));
        };
        // Whatever happens, the mailbox before is closed (RFC 3501 section 6.3.1).
        (self.wire.exists, self.wire.read, self.uid_next) = (None, None, None);
        let mut selected = Selected::default();
        let each = |answer| match answer {
            Answer::Exists(exists) => selected.exists = exists,
            Answer::UidValidity(value) => selected.uid_validity = value,
            Answer::UidNext(value) => selected.uid_next = Some(value),
            Answer::HighestModseq(value) => selected.highest_modseq = Some(value),
            _ => {}
        };
        let result = self.wire.run(&format!("EXAMINE {name}"), each).await;
        if result.is_err() {
            self.wire.exists = None;
        }
        self.proven(result)?;
        if selected.uid_validity == 0 {
            return Err(Trouble::retry(
                "the server names no UIDVALIDITY for the mailbox, and without it messages cannot be told apart",
            ));
        }
        (self.wire.news, self.uid_next) = (false, selected.uid_next);
        self.wire.read = self.wire.exists;
        Ok(selected)
    }

    /// What EXAMINE would say of a mailbox, without opening it (STATUS): one round trip, whatever else is open.
    pub async fn status(&mut self, wire_name: &str) -> Result<Selected, Trouble> {
        let Some(name) = quoted(wire_name) else {
            return Err(Trouble::operator("a mailbox whose name is not ASCII on the wire cannot be opened: rename it"));
        };
        let mut told = Selected::default();
        let each = |answer| {
            if let Answer::Status(selected) = answer {
                told = selected;
            }
        };
        let result = self.wire.run(&status_of(&name), each).await;
        self.proven(result)?;
        Ok(told)
    }

    /// Waits up to `span` in IDLE for new mail in the examined mailbox, then asks for it, and what STATUS says of `others`,
    /// by their names on the wire: one round trip. While nothing comes IDLE goes on, and nothing else may be asked before
    /// [`Session::leave_idle`]. Only where the server has IDLE.
    ///
    /// A dropped future ends the session.
    pub async fn poll(&mut self, span: Duration, others: &[&str]) -> Result<Polled, Trouble> {
        let asks = others.iter().filter_map(|name| Some(status_of(&quoted(name)?))).collect::<Vec<_>>();
        let result = idle::poll(&mut self.wire, span, &asks).await;
        result.map_err(|fault| self.wire.trouble(fault))
    }

    /// Ends the IDLE that [`Session::poll`] left under way.
    pub async fn leave_idle(&mut self) -> Result<(), Trouble> {
        let result = idle::leave(&mut self.wire).await;
        result.map_err(|fault| self.wire.trouble(fault))
    }

    /// How many messages the examined mailbox has by now, and how many of them came since EXAMINE or since this was last
    /// asked: at least so many, for one that was removed may have been one of them. They are news no more.
    pub fn take_news(&mut self) -> Option<(u32, u32)> {
        let (exists, read) = (self.wire.exists?, self.wire.read?);
        (self.wire.read, self.wire.news) = (Some(exists), false);
        Some((exists, exists.saturating_sub(read)))
    }

    /// Whether messages have come to the examined mailbox since EXAMINE.
    pub fn has_news(&self) -> bool {
        self.wire.news
    }

    /// UID, size and arrival of the messages from `first` to `last`, or to the end. An answer that cannot be read is
    /// trouble with the message `first`, or with any of those after it.
    pub async fn list(&mut self, first: u32, last: Option<u32>) -> Result<Vec<Listed>, Trouble> {
        match fetch::list(&mut self.wire, first, last).await {
            // Some message's line, nobody knows which one's; the parser panics on some (INTERNALDATE NIL).
            Err(Fault::Garbled(reason)) => Err(Trouble::Message { uid: first, reason }),
            result => result.map_err(|fault| self.wire.trouble(fault)),
        }
    }

    /// The UIDs from `first` to `last`, or to the end.
    pub async fn uids(&mut self, first: u32, last: Option<u32>) -> Result<Vec<u32>, Trouble> {
        let result = fetch::search(&mut self.wire, first, last, self.uid_next, "").await;
        result.map_err(|fault| self.wire.trouble(fault))
    }

    /// The UIDs from `first` on of messages that arrived on `date` or later, or on the day before: SINCE compares the
    /// date without its time zone (RFC 3501 section 6.4.4).
    pub async fn since(&mut self, date: NaiveDate, first: u32) -> Result<Vec<u32>, Trouble> {
        let day = date.pred_opt().unwrap_or(date).format("%-d-%b-%Y");
        let result = fetch::search(&mut self.wire, first, None, self.uid_next, &format!(" SINCE {day}")).await;
        result.map_err(|fault| self.wire.trouble(fault))
    }

    /// The header fields `fields` of the messages `uids`, in UID order; a message that is gone is left out.
    pub async fn headers(&mut self, uids: &[u32], fields: &[&str]) -> Result<Vec<Header>, Trouble> {
        fetch::headers(&mut self.wire, &self.capabilities, uids, fields).await
    }

    /// Of delivery reports, the Message-ID field of the message that each encloses.
    pub async fn returned_ids(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, Vec<u8>>, Trouble> {
        let result = fetch::returned_ids(&mut self.wire, uids).await;
        result.map_err(|fault| self.wire.trouble(fault))
    }

    /// The whole messages `wanted`, sent to `out` in UID order, each once: arrived or gone.
    pub async fn bodies(&mut self, wanted: &[Listed], out: &Bodies) -> Result<(), Trouble> {
        bodies::bodies(&mut self.wire, wanted, &self.limits, out).await
    }

    /// Whether the server hands out any of `uids`: their headers, or the `whole` of them. As little as possible is fetched.
    pub async fn hands_out(&mut self, uids: &[u32], whole: bool) -> Result<bool, Trouble> {
        let result = fetch::hands_out(&mut self.wire, uids, whole).await;
        result.map_err(|fault| self.wire.trouble(fault))
    }

    /// Asks for nothing; fails if the session is over.
    pub async fn noop(&mut self) -> Result<(), Trouble> {
        let result = self.wire.run("NOOP", |_| {}).await;
        result.map(|_| ()).map_err(|fault| self.wire.trouble(fault))
    }

    /// Waits up to `span` for new mail in the examined mailbox: IDLE where there is one, else one look at the end. Mail
    /// that has come since EXAMINE, in between other answers, ends the wait at once.
    ///
    /// A dropped future ends the session.
    pub async fn wait(&mut self, span: Duration) -> Result<Waited, Trouble> {
        let result = match self.capabilities.idle() {
            true => idle::wait(&mut self.wire, span).await,
            false => idle::sleep(&mut self.wire, span).await,
        };
        result.map_err(|fault| self.wire.trouble(fault))
    }

    /// Says goodbye; whether it is heard does not matter.
    pub async fn logout(mut self) {
        let goodbye = async {
            self.wire.idle()?;
            self.wire.send("LOGOUT").await?;
            while self.wire.next().await.is_ok() {}
            Ok::<(), Fault>(())
        };
        let _ = timeout(self.limits.command_timeout.min(Duration::from_secs(5)), goodbye).await;
    }

    fn proven<T>(&mut self, result: Result<T, Fault>) -> Result<T, Trouble> {
        if result.is_ok() {
            self.wire.stage = Stage::Proven;
        }
        result.map_err(|fault| self.wire.trouble(fault))
    }
}
