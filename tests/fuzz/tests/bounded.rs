//! A bounded run of every target: the same mutations each time.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use fuzz_targets::mutate::{Chance, mutated};
use fuzz_targets::target;

/// Longer than any of these inputs takes, in a debug build on a busy machine: what takes longer does not end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The seeds themselves, and then mutations of them.
fn holds(name: &str) {
    let target = target(name).unwrap();
    let seeds = (target.seeds)();
    for (at, seed) in seeds.iter().enumerate() {
        check(target.run, seed, &format!("{name}: seed {at}"));
    }
    for round in 0..target.rounds {
        let raw = mutated(&seeds, &mut Chance::new(round as u64));
        check(target.run, &raw, &format!("{name}: round {round}"));
    }
}

fn check(run: fn(&[u8]), raw: &[u8], what: &str) {
    let started = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| run(raw)));
    if ended.is_err() || started.elapsed() > PATIENCE {
        let file = std::env::temp_dir().join(format!("fuzz-{}", what.replace([':', ' '], "-")));
        std::fs::write(&file, raw).unwrap();
        panic!("{what} fails after {:?}; its {} bytes are in {}", started.elapsed(), raw.len(), file.display());
    }
}

#[test]
fn whole_mails_are_read_whatever_they_hold() {
    holds("mail");
}

#[test]
fn forwards_are_read_whatever_they_hold() {
    holds("forward");
}

#[test]
fn the_new_text_of_a_reply_is_found_whatever_it_quotes() {
    holds("reply");
}

#[test]
fn a_base_subject_is_its_own() {
    holds("subject");
}

#[test]
fn results_of_checks_are_read_whatever_they_say() {
    holds("authentication");
}

#[test]
fn the_guard_bounds_whatever_a_server_says() {
    holds("guard");
}

#[test]
fn a_session_survives_whatever_a_server_answers() {
    holds("session");
}
