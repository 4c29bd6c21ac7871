//! FETCH and SEARCH: what is asked and how the answers are read.
//!
//! Servers send FETCH answers nobody asked for (a flag changed), answer `n:*` with the last message though it is below
//! `n` (RFC 3501 section 6.4.8), and may repeat themselves: what was not asked for, or lacks what was, is passed over.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::answer::{Answer, Done, Fetched};
use super::capabilities::Capabilities;
use super::quirks::{self, Means};
use super::wire::{Fault, Wire};
use crate::source::uid::{ascending, sets};
use crate::trouble::Trouble;

/// A message as it is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Its size; Exchange only estimates it.
    pub size: u32,
    /// When it arrived.
    pub internal_date: Option<DateTime<Utc>>,
}

/// Header fields of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The message's UID.
    pub uid: u32,
    /// The fields as they stand in the message.
    pub bytes: Vec<u8>,
    /// The thread the provider puts it in: X-GM-THRID or THREADID.
    pub provider_thread: Option<String>,
    /// The provider's name for the message in all mailboxes: X-GM-MSGID or EMAILID.
    pub provider_message: Option<String>,
    /// Whether the provider says that it is a draft: Gmail shows drafts among all mail.
    pub draft: bool,
}

/// Takes "there is no such message" for an answer without messages.
pub(super) fn or_nothing(result: Result<Done, Fault>) -> Result<(), Fault> {
    match result {
        Err(Fault::Refused { notice, .. }) if quirks::meaning(&notice) == Some(Means::Nothing) => Ok(()),
        result => result.map(|_| ()),
    }
}

pub(super) fn range(first: u32, last: Option<u32>) -> String {
    match last {
        Some(last) if last == first => first.to_string(),
        Some(last) => format!("{first}:{last}"),
        None => format!("{first}:*"),
    }
}

/// How many messages one command may bring: memory for all accounts is at stake, and a server can say what it likes.
const MOST: usize = 2_000_000;

fn too_many() -> Fault {
    Fault::Garbled(format!("the server lists more than {MOST} messages at once"))
}

pub(super) async fn list(wire: &mut Wire, first: u32, last: Option<u32>) -> Result<Vec<Listed>, Fault> {
    let first = first.max(1);
    // Exchange refuses a FETCH in an empty mailbox.
    if wire.exists == Some(0) || last.is_some_and(|last| last < first) {
        wire.idle()?;
        return Ok(Vec::new());
    }
    let wanted = first..=last.unwrap_or(u32::MAX);
    let mut found = BTreeMap::new();
    let each = |answer| {
        let Answer::Fetch(Fetched { uid: Some(uid), size, dated, internal_date, .. }) = answer else { return };
        if wanted.contains(&uid) && (size.is_some() || dated) && found.len() <= MOST {
            // A size that is no 32-bit number is a message for slices.
            found.entry(uid).or_insert(Listed { uid, size: size.unwrap_or(u32::MAX), internal_date });
        }
    };
    let command = format!("UID FETCH {} (UID INTERNALDATE RFC822.SIZE)", range(first, last));
    or_nothing(wire.stream(&command, each).await)?;
    if found.len() > MOST {
        return Err(too_many());
    }
    Ok(found.into_values().collect())
}

/// How many UIDs one SEARCH may find: the parser reads the answer's one line again for every piece of it that arrives.
const WINDOW: u32 = 50_000;

/// UID SEARCH, in windows if the mailbox is large.
pub(super) async fn search(
    wire: &mut Wire,
    first: u32,
    last: Option<u32>,
    uid_next: Option<u32>,
    criteria: &str,
) -> Result<Vec<u32>, Fault> {
    wire.idle()?;
    let mut uids = Vec::new();
    let mut from = first.max(1);
    while wire.exists != Some(0) && last.is_none_or(|last| from <= last) {
        let large = wire.exists.is_some_and(|exists| exists > WINDOW);
        let known = last.or(uid_next.map(|next| next.saturating_sub(1)));
        let end = from.saturating_add(WINDOW - 1);
        // Beyond what is known only news can be, which one open range finds.
        let to = if large && known.is_some_and(|known| end < known) { Some(end) } else { last };
        let wanted = from..=to.unwrap_or(u32::MAX);
        let each = |answer| {
            if let Answer::Numbers(numbers) = answer
                && uids.len() <= MOST
            {
                uids.extend(numbers.into_iter().filter(|uid| wanted.contains(uid)));
            }
        };
        or_nothing(wire.stream(&format!("UID SEARCH UID {}{criteria}", range(from, to)), each).await)?;
        if uids.len() > MOST {
            return Err(too_many());
        }
        match to.and_then(|to| to.checked_add(1)) {
            Some(next) => from = next,
            None => break,
        }
    }
    Ok(ascending(&uids))
}

/// Which of `uids` are on the server. What an answer leaves out although it says OK may be gone, or may be something
/// the server cannot read.
pub(super) async fn present(wire: &mut Wire, uids: &[u32]) -> Result<Vec<u32>, Fault> {
    let mut found = Vec::new();
    for (set, members) in sets(&ascending(uids)) {
        let each = |answer| {
            if let Answer::Numbers(numbers) = answer {
                found.extend(numbers.into_iter().filter(|uid| members.binary_search(uid).is_ok()));
            }
        };
        or_nothing(wire.stream(&format!("UID SEARCH UID {set}"), each).await)?;
    }
    Ok(ascending(&found))
}

/// Whether the server hands out any of `uids`, asked for one by one: of a `whole` message a first byte, or of its header
/// a field.
pub(super) async fn hands_out(wire: &mut Wire, uids: &[u32], whole: bool) -> Result<bool, Fault> {
    let item = if whole { "BODY.PEEK[]<0.1>" } else { "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]" };
    for wanted in uids {
        let mut came = false;
        let each = |answer| {
            if let Answer::Fetch(Fetched { uid: Some(uid), header, body, .. }) = answer {
                came |= uid == *wanted && (header.is_some() || body.is_some());
            }
        };
        match wire.stream(&format!("UID FETCH {wanted} (UID {item})"), each).await {
            Ok(_) if came => return Ok(true),
            Ok(_) | Err(Fault::Refused { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(false)
}

/// The trouble with a message that is on the server and does not come.
pub(super) fn withheld(uid: u32) -> Trouble {
    Trouble::Message { uid, reason: "the server has the message, but does not hand it out".to_owned() }
}

pub(super) async fn headers(
    wire: &mut Wire,
    capabilities: &Capabilities,
    uids: &[u32],
    fields: &[&str],
) -> Result<Vec<Header>, Trouble> {
    // What a label may hold the scanner refuses, hence FLAGS.
    let ids = match (capabilities.gmail(), capabilities.object_id()) {
        (true, _) => " X-GM-MSGID X-GM-THRID FLAGS",
        (_, true) => " EMAILID THREADID",
        _ => "",
    };
    let items = format!("(UID BODY.PEEK[HEADER.FIELDS ({})]{ids})", fields.join(" "));
    let mut headers = Vec::with_capacity(uids.len());
    for (set, members) in sets(&ascending(uids)) {
        match header_set(wire, &set, &members, &items, &mut headers).await {
            Err(Fault::Refused { notice, .. }) if members.len() > 1 && quirks::may_be_one_message(&notice) => {
                one_by_one(wire, &members, &items, &mut headers).await?;
            }
            Err(fault) => return Err(about(wire, fault, &members, &headers)),
            Ok(()) => {}
        }
    }
    headers.sort_by_key(|header| header.uid);
    Ok(headers)
}

/// Finds the message a server refuses a whole set for.
async fn one_by_one(wire: &mut Wire, members: &[u32], items: &str, headers: &mut Vec<Header>) -> Result<(), Trouble> {
    for uid in members {
        let result = header_set(wire, &uid.to_string(), &[*uid], items, headers).await;
        result.map_err(|fault| about(wire, fault, &[*uid], headers))?;
    }
    Ok(())
}

async fn header_set(
    wire: &mut Wire,
    set: &str,
    members: &[u32],
    items: &str,
    headers: &mut Vec<Header>,
) -> Result<(), Fault> {
    let each = |answer| {
        let Answer::Fetch(Fetched {
            uid: Some(uid),
            header: Some(bytes),
            provider_thread,
            provider_message,
            draft,
            ..
        }) = answer
        else {
            return;
        };
        let asked = members.binary_search(&uid).is_ok();
        if asked && !headers.iter().rev().take(members.len()).any(|header| header.uid == uid) {
            headers.push(Header { uid, bytes, provider_thread, provider_message, draft });
        }
    };
    or_nothing(wire.stream(&format!("UID FETCH {set} {items}"), each).await)
}

/// The Message-ID fields of the messages that reports bring back as their third part (RFC 6522 section 3), and nothing
/// else of them: of a part that is no message a server has no header to give.
pub(super) async fn returned_ids(wire: &mut Wire, uids: &[u32]) -> Result<BTreeMap<u32, Vec<u8>>, Fault> {
    let mut found = BTreeMap::new();
    for (set, members) in sets(&ascending(uids)) {
        let each = |answer| {
            if let Answer::Fetch(Fetched { uid: Some(uid), enclosed: Some(bytes), .. }) = answer
                && members.binary_search(&uid).is_ok()
            {
                found.entry(uid).or_insert(bytes);
            }
        };
        match wire.stream(&format!("UID FETCH {set} (UID BODY.PEEK[3.HEADER.FIELDS (MESSAGE-ID)])"), each).await {
            // Nothing is lost by a refusal but what the report may have told.
            Ok(_) | Err(Fault::Refused { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(found)
}

/// A fault is about a message if it was asked for alone, or if its answer, the next one due, cannot be read.
fn about(wire: &Wire, fault: Fault, members: &[u32], headers: &[Header]) -> Trouble {
    let seen = headers.last().map_or(0, |header| header.uid);
    let due = members.iter().copied().find(|uid| *uid > seen);
    match blame(wire, fault, members.len() == 1, due) {
        Trouble::Refused { uid, reason, .. } => Trouble::Refused { uid, whole: false, reason },
        trouble => trouble,
    }
}

/// Turns a fault into trouble with message `due` where it is about that message.
pub(super) fn blame(wire: &Wire, fault: Fault, alone: bool, due: Option<u32>) -> Trouble {
    match (fault, due) {
        (Fault::Garbled(reason), Some(uid)) => Trouble::Message { uid, reason },
        (Fault::Refused { notice, .. }, Some(uid)) if alone && quirks::may_be_one_message(&notice) => {
            let reason = format!("the server refuses to hand out the message: {}", notice.shown());
            Trouble::Refused { uid, whole: true, reason }
        }
        (fault, _) => wire.trouble(fault),
    }
}
