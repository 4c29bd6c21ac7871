//! How fast a backlog is logged, next to how fast its bytes can be had at all.
//!
//! `cargo bench --bench ingest -- MODE`; `scripts/bench` says what each mode measures.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on stops"
)]

mod arguments;
mod distance;
mod drain;
mod measure;
mod report;
mod subject;
#[path = "../../tests/support/mod.rs"]
mod support;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use arguments::{Arguments, Store};
use distance::Distance;
use report::Pair;
use subject::Subject;
use support::dovecot::{Dovecot, Options, PASSWORD};
use support::mail::{Cast, samples};
use support::postgres::Database;

/// The generated mailbox is always the same.
const SEED: u64 = 2026;
/// The round trip to a server on the same continent.
const ROUND_TRIP: Duration = Duration::from_millis(40);

fn main() -> ExitCode {
    // This program also measures itself and its subject: each in a small process of its own.
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some(measure::ROLE) => return measure::act(words),
        Some(drain::ROLE) => return drain::act(words),
        _ => {}
    }
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    if !Dovecot::installed() || (arguments.store == Store::Postgres && !Database::available()) {
        return ExitCode::FAILURE;
    }
    let passed = match arguments.mode.as_str() {
        "ingest" => ingest(&arguments),
        "distance" => over_distance(&arguments),
        "flat" => flat(&arguments),
        "inbox" => watch::inbox::measure(&arguments),
        "idle" => watch::idle::measure(&arguments),
        "delivery" => watch::delivery::measure(&arguments),
        _ => watch::all(&arguments),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A full mailbox on a server next door.
fn ingest(arguments: &Arguments) -> bool {
    let cast = Cast::default();
    let server = filled(&cast, arguments.messages.unwrap_or(10_000));
    let messages = arguments.messages.unwrap_or(10_000);
    let pairs = (0..arguments.runs).map(|_| pair(&server, &cast, server.port(), messages, arguments.store));
    report::ingest(&pairs.collect::<Vec<_>>(), arguments.store)
}

/// The same, with every byte held back on its way.
fn over_distance(arguments: &Arguments) -> bool {
    let cast = Cast::default();
    let messages = arguments.messages.unwrap_or(1_000);
    let server = filled(&cast, messages);
    let distance = Distance::start(server.port(), ROUND_TRIP);
    let pairs = (0..arguments.runs).map(|_| pair(&server, &cast, distance.port(), messages, arguments.store));
    report::distance(&pairs.collect::<Vec<_>>())
}

/// Memory must not grow with the mailbox.
fn flat(arguments: &Arguments) -> bool {
    let cast = Cast::default();
    let sizes = [1_000, arguments.messages.unwrap_or(50_000)];
    let pairs = sizes.map(|messages| {
        let server = filled(&cast, messages);
        pair(&server, &cast, server.port(), messages, arguments.store)
    });
    report::flat(&pairs)
}

fn filled(cast: &Cast, messages: u64) -> Dovecot {
    let server = Dovecot::with(&Options::default());
    let bar = indicatif::ProgressBar::new(messages).with_message("filling the mailbox");
    bar.set_style(indicatif::ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}").expect("a template"));
    let mails = samples(cast, SEED, messages).inspect(|_| bar.inc(1)).map(|sample| sample.raw);
    server.deliver(&cast.log_address, "INBOX", mails);
    bar.finish_and_clear();
    server
}

/// One drain and one ingest, right after one another: machines change their pace.
fn pair(server: &Dovecot, cast: &Cast, port: u16, messages: u64, store: Store) -> Pair {
    let raw = drain::run(port, &server.ca_file(), &cast.log_address, PASSWORD);
    assert_eq!(raw.messages, messages, "the drain saw every message");
    let subject = Subject::prepare(cast, port, &server.ca_file(), store);
    let ingest = subject.run_once();
    let verdicts = subject.verdicts(&cast.log_address);
    let expected = samples(cast, SEED, messages).map(|sample| sample.expected.code);
    report::check(&verdicts, expected);
    Pair { messages, raw, ingest }
}
