//! One long message, piece by piece (`BODY.PEEK[]<offset.length>`, RFC 3501 section 6.4.5).
//!
//! The announced size is an estimate on Exchange: the message ends where a slice comes back short.

use std::collections::VecDeque;

use super::answer::{Answer, Fetched};
use super::bodies::{Bodies, Body};
use super::endpoint::Limits;
use super::fetch::{Listed, blame, or_nothing};
use super::wire::{Fault, Tag, Wire, accepted};
use crate::trouble::Trouble;

/// How many slices are under way at once.
const IN_FLIGHT: usize = 2;

pub(super) async fn large(wire: &mut Wire, listed: &Listed, limits: &Limits, out: &Bodies) -> Result<(), Trouble> {
    let uid = listed.uid;
    // The share is taken beforehand and at once: what is taken bit by bit may be stuck halfway.
    let permit = out.share(u64::from(listed.size.min(limits.message_bytes))).await?;
    let mut message = Message { bytes: Vec::new(), asked: 0, end: None };
    let result = message.read(wire, listed, limits).await;
    result.map_err(|fault| blame(wire, fault, true, Some(uid)))?;
    match message.end {
        Some(End::Gone) => out.send(Body::Gone { uid }).await,
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
    end: Option<End>,
}

impl Message {
    async fn read(&mut self, wire: &mut Wire, listed: &Listed, limits: &Limits) -> Result<(), Fault> {
        let mut under_way: VecDeque<(Tag, u32)> = VecDeque::new();
        let (mut answered, mut fault) = (false, None);
        loop {
            // A slice beyond the announced end is asked for only when the one before it came back full.
            while self.end.is_none()
                && under_way.len() < IN_FLIGHT
                && (under_way.is_empty() || self.asked < listed.size)
            {
                let slice = format!("{}.{}", self.asked, limits.slice_bytes);
                let tag = wire.send(&format!("UID FETCH {} (UID BODY.PEEK[]<{slice}>)", listed.uid)).await?;
                under_way.push_back((tag, self.asked));
                self.asked = self.asked.saturating_add(limits.slice_bytes);
            }
            let Some((_, offset)) = under_way.front() else { return fault.map_or(Ok(()), Err) };
            match wire.next().await? {
                Answer::Fetch(Fetched { uid: Some(uid), body: Some((origin, piece)), .. }) if uid == listed.uid => {
                    answered |= self.add(origin, *offset, &piece, limits);
                }
                Answer::Done(done) => {
                    under_way.pop_front();
                    if let Err(refused) = or_nothing(accepted(done)) {
                        fault.get_or_insert(refused);
                    }
                    if !std::mem::take(&mut answered) {
                        self.end.get_or_insert(End::Gone);
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds a slice; false if it is not the one that is due.
    fn add(&mut self, origin: Option<u32>, offset: u32, piece: &[u8], limits: &Limits) -> bool {
        if self.end.is_some() {
            return true;
        }
        // Some servers know no slices and send the whole.
        let whole = origin.is_none() && offset == 0;
        if !whole && (origin != Some(offset) || self.bytes.len() as u64 != u64::from(offset)) {
            return false;
        }
        self.bytes.extend_from_slice(piece);
        if self.bytes.len() as u64 > u64::from(limits.message_bytes) {
            self.bytes = Vec::new();
            self.end = Some(End::TooLong);
        } else if whole || piece.len() as u64 != u64::from(limits.slice_bytes) {
            self.end = Some(End::Complete);
        }
        true
    }
}
