//! How far an endpoint is, and what is sent to it next: pure.
//!
//! The events of one account are a *lane*: one after the other, the next when the one before was taken. Lanes go side by
//! side. What has to be kept of all that is small:
//!
//! - `cursor`: the endpoint has got every event up to this number,
//! - but for the lanes that go *apart*, each with how far it is. A lane goes apart when the endpoint refused its event, so
//!   that the others need not wait, or when it has more events than its share of the memory. It is apart until it has
//!   caught up with what was read of the others.
//!
//! Both are written together ([`Changes`]), now and then. A crash in between forgets what was delivered since: from the
//! written state every lane goes on at or before the place where it was, in order. So events may come twice, none is left
//! out, and none comes before an earlier one of its account has come.
//!
//! An endpoint that refuses lane after lane is away: then all of it rests, and a single event tries it now and then.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Events in memory below which more are wanted.
const ENOUGH: usize = 512;

/// Events of one lane in memory; what is more is read when its turn comes.
const SHARE: usize = 64;

/// Lanes that fail, with no success between them, until the endpoint counts as away.
const AWAY: usize = 3;

/// How much slower each further attempt is.
const SLOWER: u32 = 3;

/// Pace and patience.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Lanes that are sent at once.
    pub at_once: usize,
    /// The wait after a first failure; further ones are three times as long each.
    pub first: Duration,
    /// The longest wait, also where the endpoint asks for more.
    pub longest: Duration,
    /// How long it may fail until it is given up.
    pub give_up: Duration,
}

/// How the endpoint as a whole does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Attempts that failed since it counts as away.
    pub rounds: u32,
    /// Until when it rests.
    pub rest_until: Option<DateTime<Utc>>,
    /// Since when nothing was delivered, though it was tried.
    pub since: Option<DateTime<Utc>>,
}

/// How far a lane is that goes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart {
    /// The number of its last event that was delivered, or any before the next.
    pub delivered: i64,
    /// Attempts that failed, one after the other.
    pub failures: u32,
    /// Since when they do.
    pub since: Option<DateTime<Utc>>,
    /// When the next is due.
    pub next_try: Option<DateTime<Utc>>,
}

/// What is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// How far the endpoint is.
    pub cursor: i64,
    /// How it does.
    pub standing: Standing,
    /// Lanes that are apart and have moved.
    pub apart: Vec<(Uuid, Apart)>,
    /// Lanes that are apart no more.
    pub joined: Vec<Uuid>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<E> {
    /// Send an event, and say what became of it.
    Send {
        /// Its lane.
        lane: Uuid,
        /// Its number.
        seq: i64,
        /// The event.
        event: E,
    },
    /// Read the next events of a lane, a few, from behind `after` up to `to`, and hand them to [`Lanes::read_lane`].
    Read {
        /// The lane.
        lane: Uuid,
        /// Where it is.
        after: i64,
        /// Where the others are.
        to: i64,
    },
}

/// The endpoint has failed for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GiveUp;

#[derive(Debug)]
struct Lane<E> {
    queue: VecDeque<(i64, E)>,
    flying: bool,
    apart: Option<Apart>,
}

/// An endpoint's lanes. A lane that is not in flight is `ready` if it has something to do now, and in `due` if later.
#[derive(Debug)]
pub struct Lanes<E> {
    rules: Rules,
    standing: Standing,
    read_to: i64,
    lanes: BTreeMap<Uuid, Lane<E>>,
    ready: VecDeque<Uuid>,
    due: BTreeSet<(DateTime<Utc>, Uuid)>,
    flying: usize,
    queued: usize,
    /// The lanes that failed since the last success.
    failing: BTreeSet<Uuid>,
    moved: BTreeSet<Uuid>,
    joined: BTreeSet<Uuid>,
    changed: bool,
}

impl<E: Clone> Lanes<E> {
    /// Lanes as they were kept.
    pub fn new(rules: Rules, cursor: i64, standing: Standing, apart: impl IntoIterator<Item = (Uuid, Apart)>) -> Self {
        let mut lanes = Self {
            rules,
            standing,
            read_to: cursor,
            lanes: BTreeMap::new(),
            ready: VecDeque::new(),
            due: BTreeSet::new(),
            flying: 0,
            queued: 0,
            failing: BTreeSet::new(),
            moved: BTreeSet::new(),
            joined: BTreeSet::new(),
            changed: false,
        };
        for (id, apart) in apart {
            lanes.lanes.insert(id, Lane { queue: VecDeque::new(), flying: false, apart: Some(apart) });
            match apart.next_try {
                Some(at) => {
                    lanes.due.insert((at, id));
                }
                None => lanes.ready.push_back(id),
            }
        }
        lanes
    }

    /// Up to which number events were read.
    pub fn read_to(&self) -> i64 {
        self.read_to
    }

    /// Whether events behind [`Self::read_to`] are wanted now.
    pub fn wants_more(&self, now: DateTime<Utc>) -> bool {
        self.queued < ENOUGH && !self.is_resting(now)
    }

    /// Takes the next events, which are all there are up to `to`.
    pub fn read(&mut self, events: impl IntoIterator<Item = (i64, Uuid, E)>, to: i64) {
        for (seq, id, event) in events {
            let lane =
                self.lanes.entry(id).or_insert_with(|| Lane { queue: VecDeque::new(), flying: false, apart: None });
            if lane.apart.is_some() {
                continue;
            }
            match lane.queue.front() {
                Some((first, _)) if lane.queue.len() >= SHARE => {
                    lane.apart = Some(Apart { delivered: first - 1, failures: 0, since: None, next_try: None });
                    self.joined.remove(&id);
                    self.moved.insert(id);
                }
                first => {
                    if first.is_none() {
                        self.ready.push_back(id);
                    }
                    lane.queue.push_back((seq, event));
                    self.queued += 1;
                }
            }
        }
        self.read_to = self.read_to.max(to);
    }

    /// Takes what [`Step::Read`] asked for: none where the lane has caught up.
    pub fn read_lane(&mut self, id: Uuid, events: impl IntoIterator<Item = (i64, E)>) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        lane.queue.extend(events);
        if lane.queue.is_empty() {
            self.lanes.remove(&id);
            self.moved.remove(&id);
            self.joined.insert(id);
            self.changed = true;
        } else {
            self.queued += lane.queue.len();
            self.ready.push_front(id);
        }
    }

    /// What to do now, if anything.
    pub fn next(&mut self, now: DateTime<Utc>) -> Option<Step<E>> {
        if self.is_resting(now) || self.flying >= self.room() {
            return None;
        }
        while let Some((at, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, id));
            self.ready.push_back(id);
        }
        let lane = match self.ready.pop_front() {
            Some(lane) => lane,
            // Whether the endpoint is back is tried with the lane that would be the next.
            None if self.standing.rounds > 0 => self.due.pop_first()?.1,
            None => return None,
        };
        let Lane { queue, flying, apart } = self.lanes.get_mut(&lane)?;
        match (queue.front(), apart) {
            (Some((seq, event)), _) => {
                *flying = true;
                self.flying += 1;
                Some(Step::Send { lane, seq: *seq, event: event.clone() })
            }
            (None, Some(apart)) => Some(Step::Read { lane, after: apart.delivered, to: self.read_to }),
            (None, None) => None,
        }
    }

    /// When there is something to do again, where nothing happens before.
    pub fn wake_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_resting(now) {
            return self.standing.rest_until;
        }
        match self.due.first() {
            _ if self.flying >= self.room() => None,
            Some(_) if self.standing.rounds > 0 => Some(now),
            Some((at, _)) if self.ready.is_empty() => Some(*at),
            _ => (!self.ready.is_empty()).then_some(now),
        }
    }

    /// An event was taken.
    pub fn delivered(&mut self, id: Uuid, seq: i64, now: DateTime<Utc>) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        lane.flying = false;
        self.flying -= 1;
        self.queued -= usize::from(lane.queue.pop_front().is_some());
        match &mut lane.apart {
            Some(apart) => {
                *apart = Apart { delivered: seq, failures: 0, since: None, next_try: None };
                self.moved.insert(id);
                // What is in memory first: what other lanes have apart is read when these are done.
                if lane.queue.is_empty() { self.ready.push_back(id) } else { self.ready.push_front(id) }
            }
            None if lane.queue.is_empty() => {
                self.lanes.remove(&id);
            }
            None => self.ready.push_back(id),
        }
        self.failing.clear();
        self.standing.since = None;
        if self.standing.rounds > 0 && !self.is_resting(now) {
            self.standing = Standing::default();
            // They were refused because the endpoint was away.
            self.ready.extend(std::mem::take(&mut self.due).into_iter().map(|(_, id)| id));
        }
        self.changed = true;
    }

    /// An event was not taken; the endpoint may have asked to be left alone for a while. `jittered` lengthens a wait a
    /// little, by chance.
    pub fn failed(
        &mut self,
        id: Uuid,
        seq: i64,
        wish: Option<Duration>,
        now: DateTime<Utc>,
        jittered: impl Fn(Duration) -> Duration,
    ) -> Result<(), GiveUp> {
        let Some(lane) = self.lanes.get_mut(&id) else { return Ok(()) };
        lane.flying = false;
        self.flying -= 1;
        self.queued -= lane.queue.len();
        lane.queue.clear();
        let wish = wish.map(|wish| wish.min(self.rules.longest));
        let fresh = Apart { delivered: seq - 1, failures: 0, since: None, next_try: None };
        let apart = lane.apart.get_or_insert(fresh);
        apart.failures = apart.failures.saturating_add(1);
        let lane_since = *apart.since.get_or_insert(now);
        let next_try = now + wish.unwrap_or_default().max(jittered(self.rules.wait(apart.failures)));
        apart.next_try = Some(next_try);
        self.due.insert((next_try, id));
        self.joined.remove(&id);
        self.moved.insert(id);
        self.changed = true;

        self.failing.insert(id);
        let since = *self.standing.since.get_or_insert(now);
        let resting = self.is_resting(now);
        if !resting && (wish.is_some() || self.standing.rounds > 0 || self.failing.len() >= AWAY) {
            self.standing.rounds = self.standing.rounds.saturating_add(1);
            self.failing.clear();
            let wait = wish.unwrap_or_else(|| jittered(self.rules.wait(self.standing.rounds)));
            self.standing.rest_until = Some(now + wait);
        } else if let (true, Some(wish)) = (resting, wish) {
            self.standing.rest_until = self.standing.rest_until.max(Some(now + wish));
        }
        let failing_for = (now - since.min(lane_since)).to_std().unwrap_or_default();
        if failing_for >= self.rules.give_up { Err(GiveUp) } else { Ok(()) }
    }

    /// Whether something is in flight.
    pub fn is_flying(&self) -> bool {
        self.flying > 0
    }

    /// Whether there is something that should not be forgotten.
    pub fn has_changed(&self) -> bool {
        self.changed || !self.moved.is_empty()
    }

    /// What is to be kept now.
    pub fn take_changes(&mut self) -> Changes {
        self.changed = false;
        let moved = std::mem::take(&mut self.moved).into_iter();
        Changes {
            cursor: self.cursor(),
            standing: self.standing,
            apart: moved.filter_map(|id| Some((id, self.lanes.get(&id)?.apart?))).collect(),
            joined: std::mem::take(&mut self.joined).into_iter().collect(),
        }
    }

    /// Every event up to here was delivered, but for those of lanes that are apart.
    fn cursor(&self) -> i64 {
        let waiting = self.lanes.values().filter(|lane| lane.apart.is_none());
        let first = waiting.filter_map(|lane| lane.queue.front()).map(|(seq, _)| *seq).min();
        first.map_or(self.read_to, |seq| seq - 1)
    }

    fn is_resting(&self, now: DateTime<Utc>) -> bool {
        self.standing.rest_until.is_some_and(|until| now < until)
    }

    /// How many lanes may be in flight: one, while it is not known whether the endpoint is back.
    fn room(&self) -> usize {
        if self.standing.rounds > 0 { 1 } else { self.rules.at_once.max(1) }
    }
}

impl Rules {
    /// The wait after so many failures.
    fn wait(&self, failures: u32) -> Duration {
        let times = SLOWER.saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(times).min(self.longest)
    }
}

#[cfg(test)]
mod tests;
