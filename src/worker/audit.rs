//! The server's UIDs held against the ledger (design, invariant 3), and second looks at single messages.

use entity::{account, mailbox, quarantine};

use super::Worker;
use super::intake::Intake;
use super::windows::Windows;
use crate::attachments::Sha256Hex;
use crate::decide::{Code, Decision};
use crate::mail::forwarded;
use crate::mail::message::Mail;
use crate::source::choice::LEFT;
use crate::source::{Listed, Session};
use crate::store::Found;
use crate::store::commit::Entry;
use crate::trouble::Trouble;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

/// What an audit of one mailbox found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The mailbox's name.
    pub mailbox: String,
    /// Its UIDVALIDITY on the server.
    pub uid_validity: u32,
    /// Messages on the server from the account's start on.
    pub on_server: usize,
    /// Of those, how many have a verdict.
    pub judged: usize,
    /// Of those, how many the cursor has not reached.
    pub waiting: usize,
    /// How many the cursor passed without a verdict: there must be none.
    pub hole_count: usize,
    /// The first of their UIDs.
    pub holes: Vec<u32>,
    /// How many of them have been judged since.
    pub healed: usize,
}

/// UIDs of holes that an audit names: where there are more, one look at them explains them all.
const NAMED: usize = 1_000;

/// A mailbox that is read anew while it is audited is audited again.
const TRIES: u32 = 3;

impl Worker {
    /// Compares every mailbox of an account with the ledger.
    pub async fn audit(&self, account: &account::Model) -> Result<Vec<Audit>, Trouble> {
        self.audit_all(account, false).await
    }

    /// The same, and messages that were passed without a verdict are judged.
    pub async fn audit_and_heal(&self, account: &account::Model) -> Result<Vec<Audit>, Trouble> {
        self.audit_all(account, true).await
    }

    async fn audit_all(&self, account: &account::Model, heal: bool) -> Result<Vec<Audit>, Trouble> {
        let mut session = self.connect(account).await?;
        let mut rows = self.store.mailboxes_of_account(account.id).await?;
        rows.retain(|row| row.role != LEFT);
        if rows.is_empty() && account.kind != "personal" {
            rows.push(self.store.mailbox(account.id, "INBOX", "INBOX", "inbox", &self.clock).await?);
        }
        let mut audits = Vec::with_capacity(rows.len());
        for row in rows {
            let (mut audit, row) = self.audit_mailbox(&mut session, row).await?;
            if heal && audit.hole_count > 0 {
                audit.healed = self.heal(&mut session, account, &row, &audit.holes).await?;
            }
            self.keep(account, &row, &audit).await?;
            audits.push(audit);
        }
        session.logout().await;
        Ok(audits)
    }

    /// For `account list`, the metrics and whoever reads the log.
    async fn keep(&self, account: &account::Model, row: &mailbox::Model, audit: &Audit) -> Result<(), Trouble> {
        let Audit { uid_validity, on_server, judged, waiting, hole_count, healed, ref holes, .. } = *audit;
        if hole_count > 0 {
            let first = holes.first();
            tracing::error!(
                account = %account.id, mailbox = %row.id, uid_validity, holes = hole_count, healed, first,
                "messages were passed without a verdict: `mailtrail audit` names them; please report this"
            );
        }
        let mailbox = row.id;
        let first_holes = holes.as_slice();
        let found = Found { mailbox, uid_validity, on_server, judged, waiting, holes: hole_count, healed, first_holes };
        Ok(self.store.audited(&found, self.clock.now()).await?)
    }

    /// Window by window, so that memory does not grow with the mailbox.
    async fn audit_mailbox(
        &self,
        session: &mut Session,
        mut row: mailbox::Model,
    ) -> Result<(Audit, mailbox::Model), Trouble> {
        let mut tries = 0;
        loop {
            let selected = session.examine(&row.wire_name).await?;
            let same_epoch = row.uid_validity == i64::from(selected.uid_validity);
            let first = if same_epoch { u32::try_from(row.first_uid).unwrap_or(1).max(1) } else { 1 };
            let cursor = if same_epoch { row.cursor } else { 0 };
            let mut audit = Audit::of(&row, selected.uid_validity);
            let mut windows = Windows::new((first, selected.uid_next.map(|next| next.saturating_sub(1))));
            while let Some((first, last)) = windows.next() {
                let uids = session.uids(first, last).await?;
                let judged = match same_epoch {
                    true => self.store.judged_between(row.id, row.uid_validity, first, last).await?,
                    false => Vec::new(),
                };
                windows.found(uids.len());
                audit.add(cursor, &uids, &judged);
            }
            // A resync takes verdicts away and the cursor back, at once.
            let now = self.store.mailbox_again(&row).await?;
            let read_anew = now.uid_validity != row.uid_validity || now.cursor < row.cursor;
            tries += 1;
            if audit.hole_count == 0 || !read_anew {
                return Ok((audit, row));
            }
            if tries == TRIES {
                return Err(Trouble::retry("the mailbox is being read anew; audit it again later"));
            }
            row = now;
        }
    }

    /// The decision on a mail that is at hand, as if it came to `account` now. Nothing is written.
    pub async fn rehearse(
        &self,
        account: &account::Model,
        mail: Mail,
        received: DateTime<Utc>,
    ) -> Result<Decision, Trouble> {
        let judge = self.judge(account).await?;
        let mail = if judge.policy.forwarding.is_some() { mail.with_forward() } else { mail };
        let facts = match (&judge.policy.inbox, &judge.policy.forwarding) {
            (Some(_), _) => judge.facts_on_envelope(&mail.envelope).await?,
            (None, Some(_)) => judge.facts_on_mails(std::iter::once(&mail)).await?,
            (None, None) => judge.facts(std::iter::once(&mail.envelope)).await?,
        };
        Ok(match judge.policy.forwarding {
            Some(_) => {
                let mails = forwarded::each(mail);
                Decision::of_several(mails.iter().map(|mail| judge.decide_at_hand(mail, received, &facts).0))
            }
            None => judge.decide(&mail.envelope, received, &facts),
        })
    }

    /// Judges a quarantined message once more: by the bytes that were kept, or, where they were never had, by what the
    /// server gives now. The new verdict takes the place of the old one; without the bytes the message stays set aside.
    pub async fn retry(&self, row: &quarantine::Model) -> Result<Code, Trouble> {
        let (account, mailbox) = self.store.place_of(row).await?;
        let place = mailbox::Model { uid_validity: row.uid_validity, ..mailbox };
        let intake = Intake::new(self, &account, &place, &CancellationToken::new()).await?;
        let uid = u32::try_from(row.uid).unwrap_or_default();
        let entries = match self.kept(row).await? {
            Some(bytes) => intake.judge_kept(uid, bytes, row.created_at).await?,
            None => self.fetch_again(&account, &place, &intake, uid).await?,
        };
        Ok(intake.replace(entries).await?)
    }

    /// The verdict on a message whose bytes were never had.
    async fn fetch_again(
        &self,
        account: &account::Model,
        mailbox: &mailbox::Model,
        intake: &Intake,
        uid: u32,
    ) -> Result<Vec<Entry>, Trouble> {
        let mut session = self.connect(account).await?;
        let selected = session.examine(&mailbox.wire_name).await?;
        let same_epoch = i64::from(selected.uid_validity) == mailbox.uid_validity;
        let listed: Vec<Listed> = if same_epoch { session.list(uid, Some(uid)).await? } else { Vec::new() };
        let Some(item) = listed.first() else { return Err(Trouble::operator(lost(same_epoch))) };
        let entries = intake.judge_large(&mut session, item).await?;
        let gone = entries.iter().any(|entry| entry.code() == Code::Expunged);
        if gone { Err(Trouble::operator(lost(same_epoch))) } else { Ok(entries) }
    }

    /// The bytes of a message that was set aside with them.
    async fn kept(&self, row: &quarantine::Model) -> Result<Option<Vec<u8>>, Trouble> {
        match row.sha256.as_deref().and_then(Sha256Hex::parse) {
            Some(name) => Ok(Some(self.blobs.get(&name).await?.to_vec())),
            None => Ok(None),
        }
    }
}

/// Why a message cannot be judged again.
fn lost(same_epoch: bool) -> &'static str {
    if same_epoch {
        "The message has left the server and its bytes were never had; the entry stays until you drop it."
    } else {
        "The mailbox's UIDVALIDITY has changed since; if the message is still there, it was judged anew under another UID. \
         The entry stays until you drop it."
    }
}

impl Audit {
    fn of(row: &mailbox::Model, uid_validity: u32) -> Self {
        Self {
            mailbox: row.name.clone(),
            uid_validity,
            on_server: 0,
            judged: 0,
            waiting: 0,
            hole_count: 0,
            holes: Vec::new(),
            healed: 0,
        }
    }

    /// Holds UIDs against the ranges that have verdicts; both ascend.
    fn add(&mut self, cursor: i64, uids: &[u32], judged: &[(i64, i64)]) {
        self.on_server += uids.len();
        let mut ranges = judged.iter().peekable();
        for uid in uids {
            let at = i64::from(*uid);
            while ranges.next_if(|(_, last)| *last < at).is_some() {}
            if ranges.peek().is_some_and(|(first, _)| *first <= at) {
                self.judged += 1;
            } else if at > cursor {
                self.waiting += 1;
            } else {
                self.hole_count += 1;
                if self.holes.len() < NAMED {
                    self.holes.push(*uid);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audited(cursor: i64, windows: &[&[u32]], judged: &[(i64, i64)]) -> Audit {
        let mut audit = Audit {
            mailbox: "INBOX".into(),
            uid_validity: 1,
            on_server: 0,
            judged: 0,
            waiting: 0,
            hole_count: 0,
            holes: Vec::new(),
            healed: 0,
        };
        windows.iter().for_each(|uids| audit.add(cursor, uids, judged));
        audit
    }

    #[test]
    fn a_uid_that_was_passed_without_a_verdict_is_a_hole() {
        let audit = audited(9, &[&[1, 2, 5], &[6, 9, 12]], &[(1, 2), (6, 9)]);
        assert_eq!((audit.judged, audit.waiting, audit.holes.as_slice()), (4, 1, [5].as_slice()));
        assert_eq!((audit.on_server, audit.hole_count), (6, 1));
    }

    #[test]
    fn an_unread_mailbox_waits_and_has_no_hole() {
        let audit = audited(0, &[&[1, 2]], &[]);
        assert_eq!((audit.judged, audit.waiting, audit.hole_count), (0, 2, 0));
    }

    #[test]
    fn of_many_holes_all_are_counted_and_the_first_are_named() {
        let uids: Vec<u32> = (1..=NAMED as u32 + 7).collect();
        let audit = audited(1_000_000, &[&uids], &[]);
        assert_eq!((audit.hole_count, audit.holes.len()), (NAMED + 7, NAMED));
    }
}
