use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    at_once: 4,
    first: Duration::from_secs(5),
    longest: Duration::from_secs(3_600),
    give_up: Duration::from_secs(72 * 3_600),
};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_000_000 + second, 0).unwrap()
}

fn lane(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn lanes() -> Lanes<()> {
    Lanes::new(RULES, 0, Standing::default(), [])
}

fn fail(lanes: &mut Lanes<()>, id: Uuid, seq: i64, now: DateTime<Utc>) -> Result<(), GiveUp> {
    lanes.failed(id, seq, None, now, |wait| wait)
}

/// Everything that may be sent now; what is to be read on the way has nothing in it.
fn sent(lanes: &mut Lanes<()>, now: DateTime<Utc>) -> Vec<(Uuid, i64)> {
    let mut sent = Vec::new();
    while let Some(step) = lanes.next(now) {
        match step {
            Step::Send { lane, seq, .. } => sent.push((lane, seq)),
            Step::Read { lane, after, .. } => lanes.read_lane(lane, [(after + 1, ())]),
        }
    }
    sent
}

#[test]
fn lanes_go_side_by_side_and_each_in_order() {
    let mut lanes = lanes();
    lanes.read([(1, lane(1), ()), (2, lane(1), ()), (3, lane(2), ())], 3);
    assert_eq!(sent(&mut lanes, at(0)), [(lane(1), 1), (lane(2), 3)]);
    lanes.delivered(lane(2), 3, at(0));
    assert_eq!(lanes.take_changes().cursor, 0, "the first is not there yet");
    lanes.delivered(lane(1), 1, at(0));
    assert_eq!(lanes.take_changes().cursor, 1);
    assert_eq!(sent(&mut lanes, at(0)), [(lane(1), 2)]);
    lanes.delivered(lane(1), 2, at(0));
    assert_eq!(lanes.take_changes().cursor, 3);
}

#[test]
fn a_lane_that_fails_holds_itself_only_and_waits_longer_each_time() {
    let mut lanes = lanes();
    lanes.read([(1, lane(1), ()), (2, lane(2), ())], 2);
    sent(&mut lanes, at(0));
    fail(&mut lanes, lane(1), 1, at(0)).unwrap();
    lanes.delivered(lane(2), 2, at(0));
    let changes = lanes.take_changes();
    assert_eq!((changes.cursor, changes.apart.len(), changes.apart[0].1.delivered), (2, 1, 0));
    let mut now = 0;
    for wait in [5, 15, 45, 135] {
        assert_eq!(lanes.wake_at(at(now)), Some(at(now + wait)));
        assert_eq!(sent(&mut lanes, at(now + wait - 1)), []);
        now += wait;
        assert_eq!(sent(&mut lanes, at(now)), [(lane(1), 1)]);
        fail(&mut lanes, lane(1), 1, at(now)).unwrap();
    }
    assert_eq!(lanes.take_changes().standing.rounds, 0, "one lane is not the endpoint");
}

#[test]
fn an_endpoint_that_refuses_lane_after_lane_rests_as_a_whole() {
    let mut lanes = lanes();
    lanes.read((1_u32..=4).map(|n| (n.into(), lane(n.into()), ())), 4);
    assert_eq!(sent(&mut lanes, at(0)).len(), 4);
    for n in 1..=4 {
        fail(&mut lanes, lane(n), i64::try_from(n).unwrap(), at(0)).unwrap();
    }
    assert_eq!((sent(&mut lanes, at(4)), lanes.wants_more(at(4))), (vec![], false));
    assert_eq!(sent(&mut lanes, at(5)).len(), 1, "one tries whether it is back");
    fail(&mut lanes, lane(1), 1, at(5)).unwrap();
    assert_eq!(lanes.wake_at(at(6)), Some(at(20)));
    let [(back, seq)] = sent(&mut lanes, at(20))[..] else { panic!("one tries") };
    lanes.delivered(back, seq, at(20));
    assert_eq!(sent(&mut lanes, at(20)).len(), 4, "all go on at once");
}

#[test]
fn a_wish_to_be_left_alone_is_honoured_and_capped() {
    for (wish, waits) in [(100, 100), (1_000_000_000, 3_600)] {
        let mut lanes = lanes();
        lanes.read([(1, lane(1), ()), (2, lane(2), ())], 2);
        lanes.next(at(0)).unwrap();
        lanes.failed(lane(1), 1, Some(Duration::from_secs(wish)), at(0), |wait| wait).unwrap();
        assert_eq!(lanes.wake_at(at(0)), Some(at(waits)));
        assert_eq!(sent(&mut lanes, at(waits - 1)), []);
        assert_eq!(sent(&mut lanes, at(waits)).len(), 1);
    }
}

#[test]
fn what_fails_for_days_is_given_up() {
    let mut lanes = lanes();
    lanes.read([(1, lane(1), ())], 1);
    let (mut now, mut attempts) = (0, 0);
    loop {
        assert_eq!(sent(&mut lanes, at(now)), [(lane(1), 1)]);
        attempts += 1;
        if fail(&mut lanes, lane(1), 1, at(now)).is_err() {
            break;
        }
        now = (lanes.wake_at(at(now)).unwrap() - at(0)).num_seconds();
    }
    assert!((72 * 3_600..73 * 3_600).contains(&now), "{now}");
    assert!((70..90).contains(&attempts), "{attempts}");
}

#[test]
fn a_lane_with_many_events_leaves_room_for_the_others() {
    let mut lanes = lanes();
    let share = i64::try_from(SHARE).unwrap();
    lanes.read((1..=10 * share).map(|seq| (seq, lane(1), ())), 10 * share);
    assert!(lanes.wants_more(at(0)));
    lanes.read([(10 * share + 1, lane(2), ())], 10 * share + 1);
    assert_eq!(sent(&mut lanes, at(0)), [(lane(1), 1), (lane(2), 10 * share + 1)]);
    lanes.delivered(lane(2), 10 * share + 1, at(0));
    let changes = lanes.take_changes();
    assert_eq!((changes.cursor, changes.apart[0].1.delivered), (10 * share + 1, 0));
}

/// A world with a database, an endpoint that logs what it takes, and crashes.
struct World {
    events: Vec<Uuid>,
    published: i64,
    now: i64,
    lanes: Lanes<i64>,
    flying: Vec<(Uuid, i64)>,
    kept: (i64, Standing, BTreeMap<Uuid, Apart>),
    taken: Vec<(Uuid, i64)>,
}

impl World {
    fn new(events: Vec<Uuid>) -> Self {
        let lanes = Lanes::new(RULES, 0, Standing::default(), []);
        let kept = (0, Standing::default(), BTreeMap::new());
        Self { events, published: 0, now: 0, lanes, flying: Vec::new(), kept, taken: Vec::new() }
    }

    fn between(&self, after: i64, to: i64) -> impl Iterator<Item = (i64, Uuid)> {
        let all = (1_i64..).zip(self.events.clone());
        all.filter(move |(seq, _)| (after + 1..=to).contains(seq))
    }

    fn act(&mut self, action: u8, amount: u8) {
        let pick = |flying: &mut Vec<(Uuid, i64)>| {
            (!flying.is_empty()).then(|| flying.remove(usize::from(amount) % flying.len()))
        };
        match action {
            0 => self.published = (self.published + i64::from(amount)).min(self.events.len().try_into().unwrap()),
            1 | 2 if self.lanes.wants_more(at(self.now)) => {
                let (from, to) = (self.lanes.read_to(), self.published.min(self.lanes.read_to() + i64::from(amount)));
                let page: Vec<_> = self.between(from, to).map(|(seq, lane)| (seq, lane, seq)).collect();
                self.lanes.read(page, to);
            }
            3..=6 => self.step(usize::from(amount % 7) + 1),
            7 | 8 => {
                if let Some((lane, seq)) = pick(&mut self.flying) {
                    self.taken.push((lane, seq));
                    self.lanes.delivered(lane, seq, at(self.now));
                }
            }
            9 | 10 => {
                if let Some((lane, seq)) = pick(&mut self.flying) {
                    let wish = amount.is_multiple_of(5).then(|| Duration::from_secs(amount.into()));
                    let _ = self.lanes.failed(lane, seq, wish, at(self.now), |wait| wait);
                }
            }
            11 | 12 => self.keep(),
            13 => {
                // What was on its way may or may not have arrived.
                let arrived = std::mem::take(&mut self.flying);
                self.taken.extend(arrived.into_iter().filter(|(_, seq)| (seq + i64::from(amount)) % 2 == 0));
                let (cursor, standing, apart) = self.kept.clone();
                self.lanes = Lanes::new(RULES, cursor, standing, apart);
            }
            _ => self.now += i64::from(amount) * 60,
        }
    }

    fn step(&mut self, times: usize) {
        for _ in 0..times {
            match self.lanes.next(at(self.now)) {
                Some(Step::Send { lane, seq, event }) => {
                    assert_eq!(event, seq);
                    assert!(self.flying.iter().all(|(other, _)| *other != lane), "one at a time");
                    self.flying.push((lane, seq));
                }
                Some(Step::Read { lane, after, to }) => {
                    let of_lane = self.between(after, to).filter(|(_, id)| *id == lane);
                    let page: Vec<_> = of_lane.map(|(seq, _)| (seq, seq)).take(5).collect();
                    self.lanes.read_lane(lane, page);
                }
                None => break,
            }
        }
    }

    fn keep(&mut self) {
        let changes = self.lanes.take_changes();
        assert!(changes.cursor >= self.kept.0, "what is had stays had");
        self.kept.0 = changes.cursor;
        self.kept.1 = changes.standing;
        self.kept.2.extend(changes.apart);
        self.kept.2.retain(|lane, _| !changes.joined.contains(lane));
    }

    /// The endpoint is well, and time passes, until nothing is left to do.
    fn finish(&mut self) {
        self.published = self.events.len().try_into().unwrap();
        for _ in 0..20_000 {
            self.act(1, 255);
            self.step(10);
            if let Some((lane, seq)) = self.flying.pop() {
                self.taken.push((lane, seq));
                self.lanes.delivered(lane, seq, at(self.now));
            } else if let Some(wake) = self.lanes.wake_at(at(self.now)) {
                self.now = (wake - at(0)).num_seconds().max(self.now);
            } else if self.lanes.read_to() == self.published {
                return;
            }
        }
        panic!("it never ends");
    }
}

proptest! {
    #[test]
    fn whatever_fails_and_crashes_every_event_comes_and_none_before_an_earlier_one_of_its_lane(
        events in prop::collection::vec(1..5_u128, 1..150),
        actions in prop::collection::vec((0..16_u8, any::<u8>()), 0..300),
    ) {
        let events: Vec<Uuid> = events.into_iter().map(lane).collect();
        let mut world = World::new(events.clone());
        for (action, amount) in actions {
            world.act(action, amount);
        }
        world.finish();
        let mut come: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
        for (lane, seq) in &world.taken {
            let come = come.entry(*lane).or_default();
            if !come.contains(seq) {
                come.push(*seq);
            }
        }
        let mut expected: BTreeMap<Uuid, Vec<i64>> = BTreeMap::new();
        for (seq, lane) in (1..).zip(events) {
            expected.entry(lane).or_default().push(seq);
        }
        prop_assert_eq!(come, expected);
        world.keep();
        prop_assert_eq!(world.kept.0, world.published);
        prop_assert!(world.kept.2.is_empty(), "all lanes have joined the others");
    }
}

#[test]
fn waits_do_not_overflow() {
    assert_eq!(RULES.wait(u32::MAX), RULES.longest);
    assert!(at(0) + TimeDelta::from_std(RULES.wait(1)).unwrap() > at(0));
}
