//! Whole messages: grouped, pipelined, in UID order, and never more of them in memory than the budget holds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::answer::{Answer, Fetched};
use super::endpoint::Limits;
use super::fetch::{Listed, blame, range, withheld};
use super::quirks::{self, Means};
use super::wire::{Fault, Tag, Wire, accepted};
use crate::source::uid::sets;
use crate::trouble::Trouble;

/// A message that was asked for.
#[derive(Debug)]
pub enum Body {
    /// It came.
    Arrived {
        /// Its UID.
        uid: u32,
        /// The message.
        bytes: Vec<u8>,
        /// Its share of the budget, given back when it is dropped.
        permit: OwnedSemaphorePermit,
    },
    /// It was expunged between plan and fetch.
    Gone {
        /// Its UID.
        uid: u32,
    },
}

impl Body {
    /// The message's UID.
    pub fn uid(&self) -> u32 {
        match self {
            Self::Arrived { uid, .. } | Self::Gone { uid } => *uid,
        }
    }
}

/// Where messages go: a bounded channel, and a budget of bytes they take shares of.
pub struct Bodies {
    sender: mpsc::Sender<Body>,
    budget: Budget,
    interrupt: Option<Box<dyn Interrupt>>,
}

/// What may end a run of messages early, between two commands.
pub trait Interrupt: Send + Sync {
    /// Whether somebody else is to have the time.
    fn is_due(&self) -> bool;
}

/// Commands that a run has at least before it is interrupted: enough to be worth its look-ups and its commit.
const SLICE: usize = 4;

/// Permits are counted in KiB: a semaphore's acquire takes 32 bits.
const UNIT: u64 = 1024;

/// How many messages the channel holds; what they weigh is for the budget.
const QUEUE: usize = 64;

/// Bytes of mail that may be in memory at once, over all the channels that draw on it.
#[derive(Debug, Clone)]
pub struct Budget {
    shares: Arc<Semaphore>,
    whole: u32,
}

impl Budget {
    /// Room for `bytes`.
    pub fn new(bytes: u64) -> Self {
        let whole = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3).clamp(1, u32::MAX >> 3);
        Self { shares: Arc::new(Semaphore::new(whole as usize)), whole }
    }
}

/// Gives back what of a share `bytes` do not need.
pub fn shrink(share: &mut OwnedSemaphorePermit, bytes: usize) {
    let needed = usize::try_from((bytes as u64).div_ceil(UNIT)).unwrap_or(usize::MAX);
    drop(share.split(share.num_permits().saturating_sub(needed)));
}

impl Bodies {
    /// A channel for messages that fit into `budget`. A longer one waits until it has all of it.
    pub fn channel(budget: &Budget) -> (Self, mpsc::Receiver<Body>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self { sender, budget: budget.clone(), interrupt: None }, receiver)
    }

    /// The same for a run that may end early: what comes after that is not asked for.
    pub fn unless(self, interrupt: impl Interrupt + 'static) -> Self {
        Self { interrupt: Some(Box::new(interrupt)), ..self }
    }

    pub(super) async fn share(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Trouble> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.budget.whole);
        Arc::clone(&self.budget.shares).acquire_many_owned(units).await.map_err(|_| unwanted())
    }

    async fn arrived(&self, uid: u32, bytes: Vec<u8>) -> Result<(), Trouble> {
        let permit = self.share(bytes.len() as u64).await?;
        self.send(Body::Arrived { uid, bytes, permit }).await
    }

    pub(super) async fn send(&self, body: Body) -> Result<(), Trouble> {
        self.sender.send(body).await.map_err(|_| unwanted())
    }
}

fn unwanted() -> Trouble {
    Trouble::reconnect("nobody takes the messages any more")
}

/// What is asked for in one go.
#[derive(Debug, PartialEq, Eq)]
enum Unit {
    Group(Vec<u32>),
    Large(Listed),
}

/// Puts the wanted messages into groups, in UID order; large ones stay alone.
fn units(wanted: &[Listed], limits: &Limits) -> Vec<Unit> {
    let mut wanted: Vec<&Listed> = wanted.iter().filter(|listed| listed.uid > 0).collect();
    wanted.sort_by_key(|listed| listed.uid);
    wanted.dedup_by_key(|listed| listed.uid);
    let (mut units, mut room) = (Vec::new(), 0_u64);
    for listed in wanted {
        let size = u64::from(listed.size);
        if listed.size > limits.slice_bytes {
            units.push(Unit::Large(*listed));
            continue;
        }
        match units.last_mut() {
            Some(Unit::Group(group)) if size <= room && group.len() < limits.batch_messages => {
                group.push(listed.uid);
                room -= size;
            }
            _ => {
                units.push(Unit::Group(vec![listed.uid]));
                room = limits.batch_bytes.saturating_sub(size);
            }
        }
    }
    units
}

pub(super) async fn bodies(wire: &mut Wire, wanted: &[Listed], limits: &Limits, out: &Bodies) -> Result<(), Trouble> {
    wire.idle().map_err(|fault| wire.trouble(fault))?;
    let mut groups = VecDeque::new();
    for unit in units(wanted, limits) {
        match unit {
            // A group may need two sets if its UIDs lie far apart.
            Unit::Group(group) => groups.extend(sets(&group)),
            Unit::Large(listed) => {
                if !Flight::new(wire, limits, out, std::mem::take(&mut groups)).run().await? {
                    return Ok(());
                }
                super::slices::large(wire, &listed, limits, out).await?;
            }
        }
    }
    Flight::new(wire, limits, out, groups).run().await.map(|_| ())
}

type Group = (String, Vec<u32>);

/// How many commands are under way at once: enough to keep the line busy while the next is asked for.
const IN_FLIGHT: usize = 2;

/// A command under way.
struct Asked {
    tag: Tag,
    group: Group,
    question: Question,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// FETCH: what does the group say?
    Bodies,
    /// SEARCH, after an OK that left messages of the group out: which are still there?
    Left,
}

/// A run of groups.
struct Flight<'a> {
    wire: &'a mut Wire,
    limits: &'a Limits,
    out: &'a Bodies,
    waiting: VecDeque<Group>,
    /// How many commands were sent for bodies.
    sent: usize,
    /// Oldest first.
    asked: VecDeque<Asked>,
    /// UIDs without an answer, of all that was asked for, ascending.
    due: VecDeque<u32>,
    /// Messages that came before one with a lower UID, or, without content, are gone.
    early: BTreeMap<u32, Option<Vec<u8>>>,
    /// Messages that were left out and are still on the server.
    left: BTreeSet<u32>,
}

impl<'a> Flight<'a> {
    fn new(wire: &'a mut Wire, limits: &'a Limits, out: &'a Bodies, waiting: VecDeque<Group>) -> Self {
        let (asked, due) = (VecDeque::new(), VecDeque::new());
        Self { wire, limits, out, waiting, sent: 0, asked, due, early: BTreeMap::new(), left: BTreeSet::new() }
    }

    /// Whether it went to the end.
    async fn run(mut self) -> Result<bool, Trouble> {
        loop {
            self.ask().await?;
            if self.asked.is_empty() {
                return Ok(self.waiting.is_empty());
            }
            match self.wire.next().await {
                Ok(Answer::Fetch(Fetched { uid: Some(uid), body: Some((None, bytes)), .. })) => {
                    self.take(uid, bytes).await?;
                }
                Ok(Answer::Numbers(uids)) => {
                    self.left.extend(uids.into_iter().filter(|uid| self.due.binary_search(uid).is_ok()));
                }
                Ok(Answer::Done(done)) => {
                    let Some(at) = self.asked.iter().position(|asked| asked.tag == done.tag) else { continue };
                    let Some(Asked { group, question, .. }) = self.asked.remove(at) else { continue };
                    match (accepted(done), question) {
                        (Ok(_), Question::Bodies) => self.settle(group).await?,
                        (Ok(_), Question::Left) => self.part(&group).await?,
                        (Err(fault), Question::Bodies) => self.refused(fault, group).await?,
                        (Err(Fault::Refused { notice, .. }), Question::Left)
                            if quirks::meaning(&notice) == Some(Means::Nothing) =>
                        {
                            self.part(&group).await?;
                        }
                        (Err(fault), Question::Left) => return Err(self.wire.trouble(fault)),
                    }
                }
                Ok(_) => {}
                Err(fault) => {
                    // Of those before the last that came, the missing ones may just be gone.
                    let seen = self.early.last_key_value().map_or(0, |(uid, _)| *uid);
                    let due = self.due.iter().copied().find(|uid| *uid > seen);
                    return Err(blame(self.wire, fault, false, due));
                }
            }
        }
    }

    async fn ask(&mut self) -> Result<(), Trouble> {
        while self.asked.len() < IN_FLIGHT
            && !self.is_interrupted()
            && let Some(group) = self.waiting.pop_front()
        {
            let tag = self.wire.send(&command(&group.0)).await.map_err(|fault| self.wire.trouble(fault))?;
            self.sent += 1;
            self.due.extend(&group.1);
            self.asked.push_back(Asked { tag, group, question: Question::Bodies });
        }
        Ok(())
    }

    fn is_interrupted(&self) -> bool {
        self.sent >= SLICE && self.out.interrupt.as_ref().is_some_and(|interrupt| interrupt.is_due())
    }

    /// Hands on a message, or keeps it until those before it have come.
    async fn take(&mut self, uid: u32, bytes: Vec<u8>) -> Result<(), Trouble> {
        if self.due.binary_search(&uid).is_err() || self.early.contains_key(&uid) {
            return Ok(());
        }
        self.early.insert(uid, Some(bytes));
        self.flush().await?;
        // Servers answer in ascending order; one that does not may keep no more waiting than it announced, or nearly.
        let held: u64 = self.early.values().flatten().map(|bytes| bytes.len() as u64).sum();
        let bound = 4 * self.limits.batch_bytes.max(u64::from(self.limits.literal_bytes));
        if held > bound {
            let reason = "the server sent far more than it had announced".to_owned();
            return Err(Trouble::Message { uid, reason });
        }
        Ok(())
    }

    /// Sends what comes next, as far as it is known.
    async fn flush(&mut self) -> Result<(), Trouble> {
        while let Some(uid) = self.due.front().copied()
            && let Some(known) = self.early.remove(&uid)
        {
            self.due.pop_front();
            match known {
                Some(bytes) => self.out.arrived(uid, bytes).await?,
                None => self.out.send(Body::Gone { uid }).await?,
            }
        }
        Ok(())
    }

    /// After a group's OK. What has not come is gone, unless the server has it and cannot hand it out: it says OK then,
    /// too, and a cursor that passes such a message loses it.
    async fn settle(&mut self, group: Group) -> Result<(), Trouble> {
        self.flush().await?;
        let open = self.open(&group);
        let mut missing = open.into_iter().filter(|uid| !self.early.contains_key(uid));
        let Some(first) = missing.next() else { return Ok(()) };
        let last = missing.next_back().unwrap_or(first);
        drop(missing);
        let command = format!("UID SEARCH UID {}", range(first, Some(last)));
        let tag = self.wire.send(&command).await.map_err(|fault| self.wire.trouble(fault))?;
        self.asked.push_back(Asked { tag, group, question: Question::Left });
        Ok(())
    }

    /// After the SEARCH: what is not on the server is gone, what is there is asked for once more, alone.
    async fn part(&mut self, group: &Group) -> Result<(), Trouble> {
        let mut missing = self.open(group);
        missing.retain(|uid| !self.early.contains_key(uid));
        let (left, gone): (Vec<u32>, Vec<u32>) = missing.into_iter().partition(|uid| self.left.remove(uid));
        self.early.extend(gone.into_iter().map(|uid| (uid, None)));
        self.flush().await?;
        match left.first() {
            None => Ok(()),
            Some(uid) if group.1.len() == 1 => Err(withheld(*uid)),
            Some(_) => self.land(group).await,
        }
    }

    /// The messages of a group that have not been sent.
    fn open(&self, (_, members): &Group) -> Vec<u32> {
        members.iter().copied().filter(|uid| self.due.binary_search(uid).is_ok()).collect()
    }

    /// After a group's NO or BAD: asks for the rest of it one by one, to find the message it is about.
    async fn refused(&mut self, fault: Fault, group: Group) -> Result<(), Trouble> {
        let meaning = match &fault {
            Fault::Refused { notice, .. } => quirks::meaning(notice),
            _ => None,
        };
        let alone = group.1.len() == 1;
        match meaning {
            Some(Means::Nothing) if alone => return self.settle(group).await,
            Some(Means::Nothing | Means::Broken) | None => {}
            Some(_) => return Err(self.wire.trouble(fault)),
        }
        self.land(&group).await?;
        if alone { Err(blame(self.wire, fault, true, group.1.first().copied())) } else { Ok(()) }
    }

    /// Lets what is under way pass by, to be asked for again after what was refused.
    async fn land(&mut self, refused: &Group) -> Result<(), Trouble> {
        let mut under_way = self.asked.len();
        while under_way > 0 {
            match self.wire.next().await {
                Ok(Answer::Done(_)) => under_way -= 1,
                Ok(_) => {}
                Err(fault) => return Err(self.wire.trouble(fault)),
            }
        }
        self.asked.clear();
        let alone = self.open(refused);
        let (mut again, mut run) = (Vec::new(), Vec::new());
        for uid in std::mem::take(&mut self.due) {
            if alone.binary_search(&uid).is_ok() {
                again.extend(sets(&std::mem::take(&mut run)));
                again.push((uid.to_string(), vec![uid]));
            } else {
                run.push(uid);
            }
        }
        again.extend(sets(&run));
        for group in again.into_iter().rev() {
            self.waiting.push_front(group);
        }
        self.early.clear();
        self.left.clear();
        Ok(())
    }
}

fn command(set: &str) -> String {
    format!("UID FETCH {set} (UID BODY.PEEK[])")
}
