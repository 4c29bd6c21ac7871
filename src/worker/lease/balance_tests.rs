use proptest::prelude::*;

use super::*;

/// Workers that hold so many accounts each, and free accounts.
#[derive(Debug, Clone)]
struct Model {
    workers: Vec<(Uuid, usize)>,
    free: usize,
    moves: usize,
}

impl Model {
    fn new(held: &[usize], free: usize) -> Self {
        let workers = held.iter().zip(1..).map(|(held, id)| (Uuid::from_u128(id), *held)).collect();
        Self { workers, free, moves: 0 }
    }

    fn apply(&mut self, at: usize, step: Step) {
        let taken = step.take.min(self.free);
        self.free = self.free - taken + step.give;
        self.workers[at].1 = self.workers[at].1 + taken - step.give;
        self.moves += step.give;
    }

    /// Everybody acts once on what it sees at that moment.
    fn round(&mut self) {
        for at in 0..self.workers.len() {
            let step = balance(self.workers[at].0, &self.workers, self.free);
            self.apply(at, step);
        }
    }

    /// Everybody acts on the same picture, which is old by then.
    fn round_at_once(&mut self) {
        let steps: Vec<Step> = self.workers.iter().map(|(me, _)| balance(*me, &self.workers, self.free)).collect();
        steps.into_iter().enumerate().for_each(|(at, step)| self.apply(at, step));
    }

    fn settle(&mut self, round: fn(&mut Self)) -> usize {
        (0..50)
            .take_while(|_| {
                !self.is_settled() && {
                    round(self);
                    true
                }
            })
            .count()
    }

    fn is_settled(&self) -> bool {
        self.workers.iter().all(|(me, _)| balance(*me, &self.workers, self.free) == Step::default())
    }

    fn held(&self) -> Vec<usize> {
        self.workers.iter().map(|(_, held)| *held).collect()
    }

    /// Moves without which the shares cannot be even.
    fn least_moves(&self) -> usize {
        let total = self.free + self.held().iter().sum::<usize>();
        let most = total.div_ceil(self.workers.len());
        self.held().iter().map(|held| held.saturating_sub(most)).sum()
    }
}

#[test]
fn who_is_alone_takes_all_and_who_joins_gets_half() {
    let mut model = Model::new(&[0], 11);
    model.settle(Model::round);
    assert_eq!((model.held(), model.moves), (vec![11], 0));
    let mut model = Model::new(&[11, 0], 0);
    model.settle(Model::round);
    assert_eq!((model.held(), model.moves), (vec![6, 5], 5));
}

#[test]
fn shares_that_differ_by_one_are_left_alone() {
    assert!(Model::new(&[2, 3, 3, 2], 0).is_settled());
    assert!(Model::new(&[3, 2, 2, 3], 0).is_settled());
}

#[test]
fn somebody_with_two_less_is_helped_though_nobody_has_too_much() {
    let mut model = Model::new(&[3, 3, 3, 1], 0);
    model.settle(Model::round);
    assert_eq!((model.held(), model.moves), (vec![3, 3, 2, 2], 1));
}

#[test]
fn who_is_not_among_the_living_does_nothing() {
    assert_eq!(balance(Uuid::from_u128(9), &[(Uuid::from_u128(1), 0)], 5), Step::default());
    assert_eq!(balance(Uuid::nil(), &[], 5), Step::default());
}

proptest! {
    #[test]
    fn shares_become_even_with_few_moves_and_stay_so(
        held in prop::collection::vec(0_usize..60, 1..12),
        free in 0_usize..200,
        at_once in any::<bool>(),
    ) {
        let mut model = Model::new(&held, free);
        let bound = model.least_moves() + held.len();
        let rounds = model.settle(if at_once { Model::round_at_once } else { Model::round });
        prop_assert!(rounds < 50 && model.is_settled(), "goes on and on: {model:?}");
        prop_assert_eq!(model.free, 0);
        let now = model.held();
        prop_assert!(now.iter().max().unwrap() - now.iter().min().unwrap() <= 1, "{now:?}");
        prop_assert_eq!(now.iter().sum::<usize>(), held.iter().sum::<usize>() + free);
        prop_assert!(model.moves <= bound, "{} moves, {bound} are enough", model.moves);
    }
}
