use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const CLAIM: TimeDelta = TimeDelta::seconds(45);

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn grant(refresh_token: u8) -> grant::Model {
    grant::Model {
        account_id: Uuid::nil(),
        version: 1,
        key_id: String::new(),
        refresh_token: vec![refresh_token],
        access_token: None,
        access_expires_at: None,
        scope: None,
        source: None,
        declared_mark: None,
        updated_at: at(0),
        state: "fresh".to_owned(),
        reason: None,
        state_at: None,
        claimed_until: None,
        subject: None,
    }
}

fn renewed(row: &grant::Model, refresh_token: u8, now: DateTime<Utc>) -> grant::Model {
    grant::Model {
        refresh_token: vec![refresh_token],
        access_token: Some(vec![refresh_token]),
        access_expires_at: Some(now + TimeDelta::hours(1)),
        updated_at: now,
        ..row.clone()
    }
}

fn claimed(row: grant::Model, now: DateTime<Utc>) -> Claimed {
    match next(row, now, CLAIM) {
        Next::Claim(claim) => claim.won(),
        other => panic!("{other:?}"),
    }
}

fn kind(row: grant::Model, now: DateTime<Utc>) -> &'static str {
    match next(row, now, CLAIM) {
        Next::Use(_) => "use",
        Next::Claim(_) => "claim",
        Next::Wait(_) => "wait",
        Next::Stop(trouble) => trouble.kind(),
    }
}

#[test]
fn a_claim_keeps_others_waiting_until_it_runs_out() {
    let row = claimed(grant(1), at(0)).row().clone();
    assert_eq!((kind(row.clone(), at(44)), kind(row.clone(), at(45))), ("wait", "claim"));
    // A clock that was set back by hours makes no claim of hours.
    assert_eq!(kind(row, at(-7_200)), "claim");
}

#[test]
fn what_passes_leaves_a_grant_fresh_and_what_does_not_stops_it() {
    let after = |trouble: &Trouble| claimed(grant(1), at(0)).failed(trouble, at(1));
    assert_eq!(after(&Trouble::retry("busy")).state, "fresh");
    let reauth = after(&Trouble::NeedsReauth { reason: "withdrawn".into() });
    assert_eq!((kind(reauth.clone(), at(2)), kind(reauth, at(86_402))), ("needs-reauth", "claim"));
    let admin = after(&Trouble::NeedsAdminConsent { reason: "ask".into() });
    assert_eq!((kind(admin.clone(), at(2)), kind(admin, at(3_602))), ("needs-admin-consent", "claim"));
    let fault = after(&Trouble::operator("wrong secret"));
    assert_eq!((kind(fault.clone(), at(2)), kind(fault, at(302))), ("operator", "claim"));
}

#[test]
fn nothing_is_left_of_a_revoked_grant() {
    let row = revoked(renewed(&grant(1), 1, at(0)), "given back".into(), at(1));
    assert!(row.refresh_token.is_empty() && row.access_token.is_none());
    assert_eq!(kind(row, at(1_000_000)), "needs-reauth");
}

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A process does its next step: read and claim, ask the provider, or store the answer.
    Step(usize),
    /// A process dies with all it knows.
    Crash(usize),
    /// The provider answers the next request with "later".
    Busy,
    /// The next write fails.
    DatabaseAway,
    Seconds(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (0_usize..2).prop_map(Event::Step),
        1 => (0_usize..2).prop_map(Event::Crash),
        1 => Just(Event::Busy),
        1 => Just(Event::DatabaseAway),
        2 => (1_i64..4_000).prop_map(Event::Seconds),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Google: the refresh token stays.
    Keeps,
    /// Microsoft: each use brings a new one, and the old ones stay good.
    Rotates,
    /// Stricter than both: an old one that is shown again ends the grant.
    DetectsReuse,
}

struct World {
    rule: Rule,
    /// The provider's newest refresh token, and whether the grant lives.
    newest: u8,
    alive: bool,
    busy: bool,
    away: bool,
    row: grant::Model,
    now: DateTime<Utc>,
    processes: [Process; 2],
    /// Somebody took longer than his claim, or died with an answer: a provider that detects reuse may end the grant then.
    excuse: bool,
}

#[derive(Default)]
enum Process {
    #[default]
    Idle,
    Holds(Claimed),
    /// What the provider gave, and the refresh token that it was given for.
    Knows(grant::Model, Vec<u8>),
}

impl World {
    fn new(rule: Rule) -> Self {
        let processes = [Process::Idle, Process::Idle];
        let (newest, alive, busy, away) = (1, true, false, false);
        Self { rule, newest, alive, busy, away, row: grant(1), now: at(0), processes, excuse: false }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Step(process) => self.step(process),
            Event::Crash(process) => {
                self.excuse |= matches!(self.processes[process], Process::Knows(..));
                self.processes[process] = Process::Idle;
            }
            Event::Busy => self.busy = true,
            Event::DatabaseAway => self.away = true,
            Event::Seconds(seconds) => {
                let under_way = self.processes.iter().any(|process| !matches!(process, Process::Idle));
                self.now += TimeDelta::seconds(seconds.min(if under_way { 20 } else { seconds }));
                self.excuse |= under_way && !is_claimed(&self.row, self.now);
            }
        }
    }

    fn step(&mut self, process: usize) {
        self.processes[process] = match std::mem::take(&mut self.processes[process]) {
            Process::Idle => match next(self.row.clone(), self.now, CLAIM) {
                Next::Claim(claim) if self.swap(claim.row()) => Process::Holds(claim.won()),
                _ => Process::Idle,
            },
            Process::Holds(claimed) => {
                let spent = claimed.row().refresh_token.clone();
                match self.ask(spent[0]) {
                    Ok(token) => {
                        let tokens = renewed(claimed.row(), token, self.now);
                        Process::Knows(claimed.renewed(tokens, self.now), spent)
                    }
                    Err(trouble) => {
                        let failed = claimed.failed(&trouble, self.now);
                        self.swap(&failed);
                        Process::Idle
                    }
                }
            }
            Process::Knows(renewed, spent) => {
                if self.away {
                    self.away = false;
                    Process::Knows(renewed, spent)
                } else if self.swap(&renewed) {
                    Process::Idle
                } else {
                    match rebased(renewed, &self.row, self.row.refresh_token == spent) {
                        Some(next) => Process::Knows(next, spent),
                        None => Process::Idle,
                    }
                }
            }
        };
    }

    fn swap(&mut self, row: &grant::Model) -> bool {
        if std::mem::take(&mut self.away) || row.version != self.row.version + 1 {
            return false;
        }
        self.row = row.clone();
        true
    }

    fn ask(&mut self, shown: u8) -> Result<u8, Trouble> {
        if std::mem::take(&mut self.busy) {
            return Err(Trouble::retry("busy"));
        }
        self.alive &= self.rule != Rule::DetectsReuse || shown == self.newest;
        if !self.alive {
            return Err(Trouble::NeedsReauth { reason: "invalid_grant".into() });
        }
        self.newest = if self.rule == Rule::Keeps { self.newest } else { self.newest.wrapping_add(1) };
        Ok(self.newest)
    }
}

proptest! {
    #[test]
    fn a_grant_survives_every_order_of_two_processes(
        rule in prop_oneof![Just(Rule::Keeps), Just(Rule::Rotates), Just(Rule::DetectsReuse)],
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let mut world = World::new(rule);
        for event in events {
            let before = world.row.version;
            world.happen(event);
            prop_assert!(world.row.version >= before);
            let holders = world.processes.iter().filter(|process| matches!(process, Process::Holds(_))).count();
            prop_assert!(holders <= 1 || world.excuse, "two renew at once");
        }
        // Only what no client can help ends a grant.
        prop_assert!(world.alive || world.excuse);
        // Left alone, it works again, unless the provider has ended it.
        (world.busy, world.away) = (false, false);
        for process in [0, 1, 0, 1, 0, 1] {
            world.step(process);
        }
        world.now += TimeDelta::days(2);
        for process in [0, 1, 0, 1, 0, 1, 0, 1, 0, 1] {
            world.step(process);
        }
        prop_assert_eq!(kind(world.row.clone(), world.now), if world.alive { "use" } else { "needs-reauth" });
        prop_assert!(!world.alive || rule != Rule::DetectsReuse || world.row.refresh_token == [world.newest]);
    }
}
