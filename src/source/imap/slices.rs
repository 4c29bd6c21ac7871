//! One long message, piece by piece (`BODY.PEEK[]<offset.length>`, RFC 3501 section 6.4.5).
//!
//! The announced size is an estimate on Exchange: the message ends where a slice comes back short.

use std::collections::{BTreeMap, VecDeque};

use super::answer::{Answer, Fetched};
use super::bodies::{Bodies, Body};
use super::endpoint::Limits;
use super::fetch::{Listed, blame, or_nothing, present, withheld};
use super::wire::{Fault, Tag, Wire, accepted};
use crate::trouble::Trouble;

/// How many slices are under way at once.
const IN_FLIGHT: usize = 2;

pub(super) async fn large(wire: &mut Wire, listed: &Listed, limits: &Limits, out: &Bodies) -> Result<(), Trouble> {
    let uid = listed.uid;
    // The share is taken beforehand and at once: what is taken bit by bit may be stuck halfway.
    let permit = out.share(u64::from(listed.size.min(limits.message_bytes))).await?;
    let mut message = Message { bytes: Vec::new(), asked: 0, early: BTreeMap::new(), end: None };
    let result = message.read(wire, listed, limits).await;
    result.map_err(|fault| blame(wire, fault, true, Some(uid)))?;
    match message.end {
        Some(End::Gone) if present(wire, &[uid]).await.map_err(|fault| wire.trouble(fault))?.is_empty() => {
            out.send(Body::Gone { uid }).await
        }
        Some(End::Gone) => Err(withheld(uid)),
        Some(End::TooLong) => Err(Trouble::Message {
            uid,
            reason: format!("the message is longer than the {} bytes we take", limits.message_bytes),
        }),
        _ => out.send(Body::Arrived { uid, bytes: message.bytes, permit }).await,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Gone,
    TooLong,
}

struct Message {
    bytes: Vec<u8>,
    /// How far slices have been asked for.
    asked: u32,
    /// Slices that came before the one they follow.
    early: BTreeMap<u32, Vec<u8>>,
    end: Option<End>,
}

/// A slice that was asked for. Dovecot works on several commands at once and sends the data of the next before the
/// result of the last, so a slice is known by its offset only.
struct Slice {
    tag: Tag,
    offset: u32,
    answered: bool,
}

impl Message {
    async fn read(&mut self, wire: &mut Wire, listed: &Listed, limits: &Limits) -> Result<(), Fault> {
        let mut under_way: VecDeque<Slice> = VecDeque::new();
        let mut fault = None;
        loop {
            // A slice beyond the announced end is asked for only when the one before it came back full.
            while self.end.is_none()
                && under_way.len() < IN_FLIGHT
                && (under_way.is_empty() || self.asked < listed.size)
            {
                let (offset, length) = (self.asked, limits.slice_bytes);
                let command = format!("UID FETCH {} (UID BODY.PEEK[]<{offset}.{length}>)", listed.uid);
                under_way.push_back(Slice { tag: wire.send(&command).await?, offset, answered: false });
                self.asked = offset.saturating_add(length);
            }
            if under_way.is_empty() {
                return fault.map_or(Ok(()), Err);
            }
            match wire.next().await? {
                Answer::Fetch(Fetched { uid: Some(uid), body: Some((origin, piece)), .. }) if uid == listed.uid => {
                    // Some servers know no slices and send the whole.
                    let due = |slice: &&mut Slice| !slice.answered && origin.is_none_or(|at| at == slice.offset);
                    let Some(slice) = under_way.iter_mut().find(due) else { continue };
                    slice.answered = true;
                    self.add(origin, piece, limits);
                }
                Answer::Done(done) => {
                    let Some(at) = under_way.iter().position(|slice| slice.tag == done.tag) else { continue };
                    let answered = under_way.remove(at).is_some_and(|slice| slice.answered);
                    if let Err(refused) = or_nothing(accepted(done)) {
                        fault.get_or_insert(refused);
                    }
                    if !answered {
                        self.end.get_or_insert(End::Gone);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, origin: Option<u32>, piece: Vec<u8>, limits: &Limits) {
        match origin {
            _ if self.end.is_some() => return,
            None => {
                self.bytes = piece;
                self.end = Some(End::Complete);
            }
            Some(offset) => {
                self.early.insert(offset, piece);
            }
        }
        while self.end.is_none()
            && let Some(piece) = u32::try_from(self.bytes.len()).ok().and_then(|offset| self.early.remove(&offset))
        {
            self.bytes.extend_from_slice(&piece);
            if piece.len() as u64 != u64::from(limits.slice_bytes) {
                self.end = Some(End::Complete);
            }
        }
        if self.bytes.len() as u64 > u64::from(limits.message_bytes) {
            self.bytes = Vec::new();
            self.end = Some(End::TooLong);
        }
    }
}
