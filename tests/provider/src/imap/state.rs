//! Users and what is in their mailboxes. Knows no connection.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::header::{base_subject, header};
use super::mailbox::{Kind, Mailbox, Message};
use super::profile::Profile;

/// Above i64::MAX on purpose: X-GM-MSGID is a 64-bit unsigned number.
const FIRST_GM_ID: u64 = 10_664_221_785_176_062_000;

/// 1 January 2026: message dates count from here, one second a UID, where the test gives none.
const EPOCH: TimeDelta = TimeDelta::seconds(1_767_225_600);

/// All users, by lower-case address.
pub(crate) struct State {
    profile: Profile,
    users: BTreeMap<String, Account>,
    /// (delegate, owner): whose token opens whose mailbox.
    shares: BTreeSet<(String, String)>,
}

pub(crate) struct Account {
    pub password: Option<String>,
    pub mailboxes: Vec<Mailbox>,
    made: u32,
    gm_ids: u64,
    modseq: u64,
    /// Base subject and thread of every Message-ID seen.
    threads: HashMap<String, (String, u64)>,
}

/// What to deliver and where.
pub(crate) struct Delivery<'a> {
    pub mailbox: &'a str,
    pub raw: &'a [u8],
    pub date: Option<DateTime<Utc>>,
    pub uid: Option<u32>,
}

impl State {
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile, users: BTreeMap::new(), shares: BTreeSet::new() }
    }

    pub(crate) fn create_user(&mut self, address: &str, password: Option<&str>) {
        let mut account = Account {
            password: password.map(str::to_owned),
            mailboxes: Vec::new(),
            made: 0,
            gm_ids: FIRST_GM_ID,
            modseq: 1,
            threads: HashMap::new(),
        };
        for (name, attributes, kind) in self.profile.folders() {
            account.create_mailbox(self.profile, name, attributes, *kind);
        }
        self.users.insert(address.to_lowercase(), account);
    }

    pub(crate) fn remove_user(&mut self, address: &str) {
        self.users.remove(&address.to_lowercase());
    }

    pub(crate) fn share(&mut self, owner: &str, delegate: &str) {
        self.shares.insert((delegate.to_lowercase(), owner.to_lowercase()));
    }

    pub(crate) fn may_open(&self, delegate: &str, owner: &str) -> bool {
        delegate == owner || self.shares.contains(&(delegate.to_owned(), owner.to_owned()))
    }

    pub(crate) fn account(&self, address: &str) -> Option<&Account> {
        self.users.get(&address.to_lowercase())
    }

    pub(crate) fn account_mut(&mut self, address: &str) -> Option<&mut Account> {
        self.users.get_mut(&address.to_lowercase())
    }

    pub(crate) fn mailbox(&self, user: &str, mailbox: &str) -> Option<&Mailbox> {
        self.account(user)?.mailboxes.iter().find(|candidate| candidate.is_called(mailbox))
    }

    pub(crate) fn flags(&self, user: &str, mailbox: &str, uid: u32) -> Option<Vec<String>> {
        Some(self.mailbox(user, mailbox)?.find(uid)?.flags.clone())
    }

    pub(crate) fn mailbox_mut(&mut self, user: &str, mailbox: &str) -> Option<&mut Mailbox> {
        self.account_mut(user)?.mailboxes.iter_mut().find(|candidate| candidate.is_called(mailbox))
    }
}

impl Account {
    pub(crate) fn create_mailbox(&mut self, profile: Profile, name: &str, attributes: &[&str], kind: Kind) {
        self.mailboxes.push(Mailbox::new(name, attributes, kind, profile.uid_validity(self.made)));
        self.made += 1;
    }

    /// Puts the message into its mailbox, and into All Mail where there is one that should show it.
    pub(crate) fn deliver(&mut self, delivery: &Delivery<'_>) -> Option<u32> {
        let at = self.mailboxes.iter().position(|mailbox| mailbox.is_called(delivery.mailbox))?;
        self.modseq += 1;
        self.gm_ids += 1;
        let (modseq, gm_id) = (self.modseq, self.gm_ids);
        let gm_thread = self.thread_of(delivery.raw, gm_id);
        let mailbox = self.mailboxes.get_mut(at)?;
        let uid = delivery.uid.unwrap_or(mailbox.next_uid);
        let message = Message {
            uid,
            raw: Arc::from(delivery.raw),
            date: delivery.date.unwrap_or_else(|| DateTime::UNIX_EPOCH + EPOCH + TimeDelta::seconds(i64::from(uid))),
            flags: Vec::new(),
            modseq,
            gm_id,
            gm_thread,
        };
        let shown_in_all = mailbox.kind == Kind::Mail;
        mailbox.put(message.clone());
        if let Some(all) = self.mailboxes.iter_mut().find(|mailbox| shown_in_all && mailbox.kind == Kind::AllMail) {
            let uid = all.next_uid;
            all.put(Message { uid, ..message });
        }
        Some(uid)
    }

    /// The same message in another mailbox too: a copy, or a second label.
    pub(crate) fn copy(&mut self, from: &str, uid: u32, to: &str) -> Option<u32> {
        self.modseq += 1;
        let source = self.mailboxes.iter().find(|mailbox| mailbox.is_called(from))?;
        let message = Message { modseq: self.modseq, ..source.find(uid)?.clone() };
        let target = self.mailboxes.iter_mut().find(|mailbox| mailbox.is_called(to))?;
        let uid = target.next_uid;
        target.put(Message { uid, ..message });
        Some(uid)
    }

    /// Puts other bytes in the place of a message.
    pub(crate) fn replace_raw(&mut self, name: &str, uid: u32, raw: &[u8]) -> bool {
        let mailbox = self.mailboxes.iter_mut().find(|mailbox| mailbox.is_called(name));
        let Some(mailbox) = mailbox else { return false };
        let message = mailbox.messages.iter_mut().find(|message| message.uid == uid);
        message.map(|message| message.raw = Arc::from(raw)).is_some()
    }

    /// Removes the message from this mailbox; from All Mail means from all of them.
    pub(crate) fn expunge(&mut self, name: &str, uid: u32) -> bool {
        self.modseq += 1;
        let modseq = self.modseq;
        let Some(mailbox) = self.mailboxes.iter_mut().find(|mailbox| mailbox.is_called(name)) else { return false };
        let Some(gm_id) = mailbox.find(uid).map(|message| message.gm_id) else { return false };
        mailbox.messages.retain(|message| message.uid != uid);
        mailbox.highest_modseq = modseq;
        if mailbox.kind == Kind::AllMail {
            self.mailboxes.iter_mut().for_each(|other| other.messages.retain(|message| message.gm_id != gm_id));
        }
        true
    }

    /// Sets the flags of a message in every mailbox that shows it.
    pub(crate) fn set_flags(&mut self, name: &str, uid: u32, flags: &[String]) -> bool {
        self.modseq += 1;
        let modseq = self.modseq;
        let found = self.mailboxes.iter().find(|mailbox| mailbox.is_called(name)).and_then(|mailbox| mailbox.find(uid));
        let Some(gm_id) = found.map(|message| message.gm_id) else { return false };
        for mailbox in &mut self.mailboxes {
            for message in mailbox.messages.iter_mut().filter(|message| message.gm_id == gm_id) {
                message.flags = flags.to_vec();
                message.modseq = modseq;
                mailbox.highest_modseq = modseq;
            }
        }
        true
    }

    /// The labels of a message as seen from one of its mailboxes, which Gmail leaves out.
    pub(crate) fn labels(&self, gm_id: u64, seen_from: &str) -> Vec<String> {
        let shows = |mailbox: &&Mailbox| mailbox.messages.iter().any(|message| message.gm_id == gm_id);
        let others = self.mailboxes.iter().filter(|mailbox| !mailbox.is_called(seen_from));
        others.filter(|mailbox| mailbox.kind != Kind::AllMail).filter(shows).map(label).collect()
    }

    /// Gmail's rule: a reference to a known message and the same subject apart from reply marks.
    fn thread_of(&mut self, raw: &[u8], gm_id: u64) -> u64 {
        let subject = base_subject(raw);
        let references = [header(raw, "References"), header(raw, "In-Reply-To")].concat().join(" ");
        let known = references.split_ascii_whitespace().rev().filter_map(|id| self.threads.get(id));
        let thread = known.filter(|(other, _)| *other == subject).map(|(_, thread)| *thread).next().unwrap_or(gm_id);
        for id in header(raw, "Message-ID") {
            self.threads.entry(id).or_insert_with(|| (subject.clone(), thread));
        }
        thread
    }
}

fn label(mailbox: &Mailbox) -> String {
    match mailbox.attributes.iter().find(|attribute| attribute.as_str() != "\\HasNoChildren").map(String::as_str) {
        _ if mailbox.name == "INBOX" => "\\Inbox".to_owned(),
        Some("\\Drafts") => "\\Draft".to_owned(),
        Some("\\Flagged") => "\\Starred".to_owned(),
        Some(known @ ("\\Sent" | "\\Important" | "\\Junk" | "\\Trash")) => known.to_owned(),
        _ => mailbox.wire_name.clone(),
    }
}
