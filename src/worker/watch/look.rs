//! A run of messages of a personal inbox: headers, decisions, bodies of what is logged, one transaction.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;

use super::facts::Looked;
use super::part::Part;
use crate::decide::bounce::{Returned, is_believed};
use crate::decide::facts::Facts;
use crate::decide::{Activity, Code, Decision, Finding, MessageKey, Trace, Verdict, forwarding};
use crate::seam::seam;
use crate::source::{Header, Listed, Role, Session};
use crate::store::commit::runs::Runs;
use crate::store::commit::watched::{Name, Tie, Waiting, Watched};
use crate::store::commit::{Batch, Committed, Entry, Outcome};
use crate::trouble::Trouble;
use crate::worker::account::until;
use crate::worker::intake::Intake;
use crate::worker::large::gone;

/// Headers asked for at once, and judged in one transaction: what unlogged mail waits by is spread over all of an index, of
/// which every transaction writes the pages it touches.
const BATCH: usize = 500;

/// Bytes of mail logged in one transaction, beyond one mail.
const LOGGED_BYTES: u64 = 4 * 1024 * 1024;

/// Ids that a message waits for: the nearest, and the first of its thread.
const WAITS_FOR: usize = 20;

/// Why messages are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// They are new, and the cursor passes them.
    New,
    /// They were passed, and what they waited for has come, or a user asked for them: the new verdict replaces the old.
    Again,
}

/// A decided run, on its way to the store.
#[derive(Default)]
pub(super) struct Run {
    pub(super) entries: HashMap<u32, Entry>,
    pub(super) logged: Vec<(Listed, Box<Activity>, Trace)>,
    /// Reports on logged mail: their text tells whether that came back for good (J12).
    pub(super) reports: Vec<(Listed, Returned, Trace)>,
    pub(super) watched: Watched,
}

impl Intake {
    /// Gives every listed message its verdict, in UID order.
    pub(super) async fn look_through(
        &mut self,
        session: &mut Session,
        listed: &[Listed],
        done: &mut Committed,
    ) -> Result<(), Trouble> {
        let fresh: Vec<Listed> = listed.iter().filter(|item| !self.is_judged(item.uid)).copied().collect();
        let mut rest = fresh.as_slice();
        while let Some(first) = rest.first() {
            self.take_turns().await?;
            let early = self.is_early(first);
            let alone = self.is_hopeless(first.uid) || (!early && first.uid <= self.last_suspect());
            let alike = |item: &&Listed| self.is_early(item) == early && !self.is_hopeless(item.uid);
            let length = if alone { 1 } else { rest.iter().take(BATCH).take_while(alike).count().max(1) };
            let Some((run, after)) = rest.split_at_checked(length) else { break };
            if self.is_hopeless(first.uid) {
                *done += self.give_up(run).await?;
            } else if early {
                *done += self.skip(run, Code::BeforeStart, Finding::BeforeStart).await?;
            } else if let Err(trouble) = self.look(session, run, done).await {
                return Err(self.blame(session, suspects(run, &trouble), trouble).await);
            }
            rest = after;
        }
        match listed.last() {
            Some(last) if last.uid > self.cursor => *done += self.pass(last.uid).await?,
            _ => {}
        }
        Ok(())
    }

    async fn look(&mut self, session: &mut Session, run: &[Listed], done: &mut Committed) -> Result<(), Trouble> {
        let stop = self.stop.clone();
        let part = self.shared.judge.first_part();
        let mut looked = until(&stop, self.headers(session, run, part)).await?;
        let present: HashSet<u32> = looked.iter().map(|one| one.item.uid).collect();
        let mut missing: Vec<u32> = run.iter().map(|item| item.uid).filter(|uid| !present.contains(uid)).collect();
        while !looked.is_empty() {
            let (facts, gone_since) = until(&stop, self.complete(session, &mut looked)).await?;
            missing.extend(gone_since);
            let (mut decided, rest) = self.decide(looked, &facts, Why::New);
            looked = rest;
            let to = looked.first().map_or(u32::MAX, |next| next.item.uid);
            missing.retain(|uid| {
                let now = *uid < to;
                if now {
                    decided.0.entries.insert(*uid, gone(*uid));
                }
                !now
            });
            *done += self.conclude(session, decided, Why::New).await?;
        }
        if !missing.is_empty() {
            *done += self.commit(missing.into_iter().map(gone).collect()).await?;
        }
        Ok(())
    }

    /// The headers of a run. What an answer leaves out although it says OK is gone, or cannot be read by the server.
    pub(super) async fn headers(
        &self,
        session: &mut Session,
        run: &[Listed],
        part: Part,
    ) -> Result<Vec<Looked>, Trouble> {
        let uids: Vec<u32> = run.iter().map(|item| item.uid).collect();
        let headers = session.headers(&uids, &part.fields()).await?;
        seam("headers.fetched")?;
        let by_uid: HashMap<u32, &Header> = headers.iter().map(|header| (header.uid, header)).collect();
        if by_uid.len() < uids.len() {
            let (first, last) = (uids.first().copied().unwrap_or(1), uids.last().copied());
            let there: HashSet<u32> = session.uids(first, last).await?.into_iter().collect();
            if let Some(uid) = uids.iter().find(|uid| there.contains(uid) && !by_uid.contains_key(uid)) {
                let reason = "the server has the message, but does not hand it out".to_owned();
                return Err(Trouble::Message { uid: *uid, reason });
            }
        }
        let gmail = session.capabilities().gmail();
        let now = self.shared.worker.clock.now();
        let look = |item: &Listed| {
            let header = by_uid.get(&item.uid)?;
            let looked = Looked::new(*item, header, self.shared.account, gmail, now, part);
            Some(if self.row.role == Role::Sent.as_str() { looked.sent() } else { looked })
        };
        let mut looked: Vec<Looked> = run.iter().filter_map(look).collect();
        if part == Part::Whole {
            self.name_returned(session, &mut looked, &by_uid).await?;
        }
        Ok(looked)
    }

    /// Has delivery reports whose header names no mail refer to the one that they enclose (J12). Of that its Message-ID is
    /// fetched and nothing else: a mail that is nobody's business may have come back, too (D3).
    async fn name_returned(
        &self,
        session: &mut Session,
        looked: &mut [Looked],
        headers: &HashMap<u32, &Header>,
    ) -> Result<(), Trouble> {
        let is_unnamed = |one: &&mut Looked| headers.get(&one.item.uid).is_some_and(|it| one.is_report_on_unnamed(it));
        let mut reports: Vec<&mut Looked> = looked.iter_mut().filter(is_unnamed).collect();
        if reports.is_empty() {
            return Ok(());
        }
        let uids: Vec<u32> = reports.iter().map(|one| one.item.uid).collect();
        let fields = session.returned_ids(&uids).await?;
        for report in &mut reports {
            if let Some(field) = fields.get(&report.item.uid) {
                report.encloses(field);
            }
        }
        Ok(())
    }

    /// What is known about messages, after the whole header of those was fetched that have to do with a thread; with it
    /// the messages that left the server meanwhile. What is known may grow while headers are fetched: as long as it ties
    /// another message of which only a part is here, that is completed, too.
    async fn complete(&self, session: &mut Session, looked: &mut Vec<Looked>) -> Result<(Facts, Vec<u32>), Trouble> {
        let judge = &self.shared.judge;
        let mut gone = HashSet::new();
        loop {
            let facts = judge.facts_on(looked).await?;
            let wanting = looked.iter().filter(|one| !one.is_whole() && judge.wants_more(one, &facts));
            let tied: Vec<Listed> = wanting.map(|one| one.item).collect();
            if tied.is_empty() {
                return Ok((facts, gone.into_iter().collect()));
            }
            let whole = self.headers(session, &tied, Part::Whole).await?;
            let mut whole: HashMap<u32, Looked> = whole.into_iter().map(|one| (one.item.uid, one)).collect();
            gone.extend(tied.iter().map(|item| item.uid).filter(|uid| !whole.contains_key(uid)));
            for one in looked.iter_mut() {
                if let Some(whole) = whole.remove(&one.item.uid) {
                    *one = whole;
                }
            }
            looked.retain(|one| !gone.contains(&one.item.uid));
        }
    }

    /// Decides on messages up to one that may depend on another's being stored. Gives the rest back.
    pub(super) fn decide(&self, looked: Vec<Looked>, facts: &Facts, why: Why) -> (Decided, Vec<Looked>) {
        let mut run = Run::default();
        let mut known: HashSet<MessageKey> = HashSet::new();
        let mut bytes = 0;
        let mut looked = looked.into_iter();
        let mut rest = Vec::new();
        for one in looked.by_ref() {
            // Of two mails that look like the original of a forward one is.
            let fills = forwarding::fills(&one.envelope);
            let depends = one.names().chain(one.refers_to()).any(|key| known.contains(&key))
                || fills.iter().any(|key| known.contains(key));
            if depends || bytes > LOGGED_BYTES {
                rest.push(one);
                break;
            }
            let decision = self.shared.judge.decide_on(&one, facts);
            if !matches!(decision.verdict, Verdict::Skip(_)) {
                known.extend(one.names().chain(one.conversations()));
            }
            if matches!(decision.verdict, Verdict::Sighting(_)) {
                known.extend(fills);
            }
            if matches!(decision.verdict, Verdict::Log(_) | Verdict::Skip(Code::Bounce)) {
                bytes += u64::from(one.item.size);
            }
            self.take(&mut run, &one, decision, facts, why);
        }
        rest.extend(looked);
        (Decided(run), rest)
    }

    fn take(&self, run: &mut Run, one: &Looked, decision: Decision, facts: &Facts, why: Why) {
        let (uid, mut trace) = (one.item.uid, decision.trace);
        run.watched.tally.seen += u32::from(why == Why::New);
        let outcome = match decision.verdict {
            Verdict::Log(_) if u64::from(one.item.size) > self.shared.worker.config.limits.message_bytes => {
                trace.found(Finding::TooLarge);
                Outcome::Skip(Code::MessageTooLarge)
            }
            Verdict::Log(activity) => {
                run.logged.push((one.item, activity, trace));
                return;
            }
            Verdict::Sighting(activity) => {
                let names = one.names().chain(one.conversations()).collect();
                Outcome::Sighting(Tie { activity, names, fills: forwarding::fills(&one.envelope) })
            }
            Verdict::Hold(held) => Outcome::Skip(held.code),
            Verdict::Skip(code) => {
                if code == Code::Bounce
                    && is_believed(&self.shared.judge.policy, &one.envelope)
                    && u64::from(one.item.size) <= self.shared.worker.config.limits.message_bytes
                    && let Some(returned) = one.reports_on(facts)
                {
                    run.reports.push((one.item, returned, trace));
                    return;
                }
                run.watched.waiting.extend(self.waiting(one, code, facts));
                Outcome::Skip(code)
            }
        };
        // Mail that is nobody's business makes runs; it is found by the hash that it waits by.
        let plain = matches!(outcome, Outcome::Skip(Code::NotInKnownThread | Code::Draft));
        let message_hash = if plain { None } else { self.shared.judge.hash(&one.envelope) };
        run.entries.insert(uid, Entry { uid, outcome, trace, message_hash });
    }

    /// What unlogged mail waits for: what it refers to and nobody knows, and itself (D21).
    fn waiting(&self, one: &Looked, code: Code, facts: &Facts) -> Option<Waiting> {
        let days = TimeDelta::days(i64::from(self.shared.worker.config.watch.pending_days));
        let until = one.received + days;
        let waits = matches!(code, Code::NotInKnownThread | Code::SubjectChanged);
        if !waits || until <= self.shared.worker.clock.now() {
            return None;
        }
        let refers = one.refers_to();
        let (near, far) = refers.split_at(refers.len().min(WAITS_FOR));
        let refers: Vec<MessageKey> = near.iter().chain(far.last()).copied().collect();
        let whole = one.is_whole();
        let mut waiting = Waiting { uid: one.item.uid, whole, until, ..Waiting::default() };
        for workspace in &facts.workspaces {
            let name = |key: MessageKey| -> Name { (workspace.id, key) };
            waiting.own.extend(one.names().map(name));
            // A mail that is there, and is another one, is not waited for.
            waiting.own.extend(one.sending().filter(|key| !workspace.known.contains_key(key)).map(name));
            let unknown = refers.iter().filter(|key| !workspace.threads.contains_key(key));
            waiting.refers.extend(unknown.copied().map(name));
            // The mail may be forwarded yet.
            let moment = one.moment().filter(|_| workspace.forwards);
            waiting.moments.extend(moment.map(name));
            let people = self.shared.judge.would_be_logged_on(one, workspace).take(WAITS_FOR);
            waiting.people.extend(people.map(|folded| (workspace.id, folded.to_owned())));
        }
        Some(waiting)
    }

    /// Fetches the bodies of what is logged and commits the run.
    pub(super) async fn conclude(
        &mut self,
        session: &mut Session,
        Decided(mut run): Decided,
        why: Why,
    ) -> Result<Committed, Trouble> {
        // A commit under way may finish when the program is told to stop.
        until(&self.stop, self.open(session, &mut run)).await?;
        let Run { entries, mut watched, .. } = run;
        let mut entries: Vec<Entry> = entries.into_values().collect();
        entries.sort_by_key(|entry| entry.uid);
        if why == Why::Again {
            // What left the server meanwhile keeps its verdict.
            let gone = |entry: &Entry| matches!(entry.outcome, Outcome::Skip(Code::Expunged));
            watched.settled.extend(entries.iter().filter(|entry| gone(entry)).map(|entry| entry.uid));
            entries.retain(|entry| !gone(entry));
            let skips = |entry: &&Entry| matches!(entry.outcome, Outcome::Skip(_));
            let (wait, settled): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(skips);
            watched.unsettled.extend(wait.iter().map(|entry| entry.uid));
            watched.settled.extend(settled.iter().map(|entry| entry.uid));
        }
        watched.runs = match why {
            Why::New if self.is_unbroken() => Runs::Unbroken,
            Why::New => Runs::Neighbours,
            Why::Again => Runs::None,
        };
        let to = entries.last().map_or(self.cursor, |entry| entry.uid);
        let (from, to, replaces) = match why {
            Why::New => (self.cursor, to, false),
            Why::Again => (self.cursor, self.cursor, true),
        };
        let shared = &self.shared;
        let (account, mailbox, uid_validity) = (shared.account, shared.mailbox, shared.uid_validity);
        let arrivals = shared.lag.arrivals(&entries);
        let batch = Batch { account, mailbox, uid_validity, from, to, entries, replaces, fence: shared.worker.fence };
        let done = shared.worker.store.commit_watched(batch, &watched, shared.commit, &shared.worker.clock).await?;
        if why == Why::New {
            shared.lag.logged(&arrivals, shared.worker.clock.now());
            self.cursor = to;
        }
        Ok(done)
    }
}

/// The messages that a failure may be about.
fn suspects<'a>(run: &'a [Listed], trouble: &Trouble) -> &'a [Listed] {
    let named = match trouble {
        Trouble::Message { uid, .. } | Trouble::Refused { uid, .. } => run.iter().position(|item| item.uid == *uid),
        _ => None,
    };
    named.and_then(|at| run.get(at..=at)).unwrap_or(run)
}

/// Decisions that wait to be carried out.
pub(super) struct Decided(Run);

impl Decided {
    /// The verdicts.
    pub(super) fn codes(&self) -> impl Iterator<Item = (u32, Code)> + '_ {
        let skipped = self.0.entries.values().map(|entry| (entry.uid, entry.code()));
        let reports = self.0.reports.iter().map(|(item, ..)| (item.uid, Code::Bounce));
        skipped.chain(reports).chain(self.0.logged.iter().map(|(item, ..)| (item.uid, Code::Logged)))
    }
}
