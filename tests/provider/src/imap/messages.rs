//! FETCH and SEARCH in the selected mailbox.

use super::command::{Request, Set};
use super::fetch::{Ask, Item};
use super::profile::Profile;
use super::response::{Fetched, Reply, Untagged};
use super::search::{self, Candidate};
use super::session::{Selected, Session};
use super::state::State;

impl Session {
    pub(crate) fn fetch(&mut self, request: &Request, by_uid: bool) -> Reply {
        let profile = self.server.profile;
        let set = request.text(0).and_then(Set::parse);
        let ask = request.arguments.get(1..).and_then(|arguments| Ask::parse(arguments, profile));
        let (Some(set), Some(ask)) = (set, ask) else { return Reply::tagged(profile.bad_arguments()) };
        let (Some(selected), Some(login)) = (&self.selected, &self.login) else {
            return Reply::tagged(profile.unknown_command());
        };
        if !by_uid && selected.uids.is_empty() {
            return Reply::tagged("BAD The specified message set is invalid.");
        }
        let ask = if by_uid { ask.with_uid() } else { ask };
        let mut state = self.server.state();
        if ask.marks_seen() && !selected.read_only {
            mark_seen(&mut state, &login.user, selected, &set, by_uid);
        }
        let asked = selected.asked(&set, by_uid);
        let fetched =
            asked.filter_map(|(sequence, uid)| fetched(&state, &login.user, selected, &ask, sequence, uid, profile));
        Reply { untagged: fetched.map(Untagged::Fetch).collect(), ..Reply::tagged("OK FETCH completed.") }
    }

    pub(crate) fn search(&mut self, request: &Request, by_uid: bool) -> Reply {
        let profile = self.server.profile;
        let key = match search::parse(&request.arguments, profile) {
            Ok(key) => key,
            Err(refusal) => return Reply::tagged(refusal),
        };
        let (Some(selected), Some(login)) = (&self.selected, &self.login) else {
            return Reply::tagged(profile.unknown_command());
        };
        let state = self.server.state();
        let mailbox = state.mailbox(&login.user, &selected.mailbox);
        let mut line = "* SEARCH".to_owned();
        for (sequence, uid) in selected.numbered() {
            let Some(message) = mailbox.and_then(|mailbox| mailbox.find(uid)) else { continue };
            let last_uid = selected.uids.last().copied().unwrap_or(0);
            let candidate = Candidate { message, sequence, last_uid, last_sequence: selected.count() };
            if key.fits(&candidate) {
                line.push_str(&format!(" {}", if by_uid { uid } else { sequence }));
            }
        }
        Reply::with([line], "OK SEARCH completed.")
    }

    /// The messages a command asks for are gone before it runs.
    pub(crate) fn expunge_asked(&mut self, request: &Request) {
        let (Some(selected), Some(login)) = (&self.selected, &self.login) else { return };
        let Some(set) = request.text(0).and_then(Set::parse) else { return };
        let by_uid = request.verb.starts_with("UID ");
        let mut state = self.server.state();
        if let Some(account) = state.account_mut(&login.user) {
            for (_, uid) in selected.asked(&set, by_uid) {
                account.expunge(&selected.mailbox, uid);
            }
        }
        drop(state);
        self.server.changed();
    }
}

impl Selected {
    fn count(&self) -> u32 {
        u32::try_from(self.uids.len()).unwrap_or(u32::MAX)
    }

    /// Sequence number and UID of every message this client knows of.
    fn numbered(&self) -> impl Iterator<Item = (u32, u32)> {
        (1..).zip(self.uids.iter().copied())
    }

    fn asked<'a>(&'a self, set: &'a Set, by_uid: bool) -> impl Iterator<Item = (u32, u32)> + 'a {
        let last = if by_uid { self.uids.last().copied().unwrap_or(0) } else { self.count() };
        self.numbered().filter(move |(sequence, uid)| set.contains(if by_uid { *uid } else { *sequence }, last))
    }
}

fn fetched(
    state: &State,
    user: &str,
    selected: &Selected,
    ask: &Ask,
    sequence: u32,
    uid: u32,
    profile: Profile,
) -> Option<Fetched> {
    let account = state.account(user)?;
    let message = state.mailbox(user, &selected.mailbox)?.find(uid)?;
    if ask.changed_since.is_some_and(|since| message.modseq <= since) {
        return None;
    }
    let labels = || account.labels(message.gm_id, &selected.mailbox);
    let items = ask.items.iter().map(|item: &Item| item.value(message, profile, labels)).collect();
    Some(Fetched { sequence, items })
}

/// `BODY[...]` without PEEK in a mailbox opened by SELECT.
fn mark_seen(state: &mut State, user: &str, selected: &Selected, set: &Set, by_uid: bool) {
    for (_, uid) in selected.asked(set, by_uid) {
        let Some(mut flags) = state.flags(user, &selected.mailbox, uid) else { continue };
        if !flags.iter().any(|flag| flag == "\\Seen") {
            flags.push("\\Seen".to_owned());
            if let Some(account) = state.account_mut(user) {
                account.set_flags(&selected.mailbox, uid, &flags);
            }
        }
    }
}
