//! How many events a second one service delivers to a receiver on the same machine.
//!
//! `scripts/bench webhooks`. The receiver is a real HTTP server in this process, which shares the processors with the
//! service. Each event is signed, sent in the order of its account, and its place is kept.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on stops"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::events::fill;
use support::faults::Started;
use support::receiver::Receiver;
use support::world::{Engine, Trail, engines};

/// Deliveries a second that are wanted.
const WANTED: f64 = 2_000.0;

/// Accounts, and the events of each.
const ACCOUNTS: usize = 200;
const EACH: usize = 150;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let slowest = engines().into_iter().map(measure).fold(f64::INFINITY, f64::min);
    println!("wanted: {WANTED:.0} a second");
    if slowest >= WANTED { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(engine: Engine) -> f64 {
    let trail = Trail::new(engine, None, "");
    let receiver = Receiver::start();
    receiver.only_count();
    trail.run(&["webhook", "add", &receiver.url]);
    tokio::runtime::Runtime::new().unwrap().block_on(fill(&trail, ACCOUNTS, EACH));
    let mut service = Started::new(trail.command(&["run"]));
    let (until, all) = (Instant::now() + PATIENCE, ACCOUNTS * EACH);
    let mut first = None;
    while receiver.count() < all {
        if receiver.count() > 0 && first.is_none() {
            first = Some((Instant::now(), receiver.count()));
        }
        assert!(service.runs() && Instant::now() < until, "only {} of {all} came", receiver.count());
        std::thread::sleep(Duration::from_millis(2));
    }
    let (began, before) = first.unwrap_or((Instant::now(), all));
    let took = began.elapsed().as_secs_f64();
    let rate = (all - before) as f64 / took;
    let ended = service.terminate();
    let memory = ended.peak_kib / 1024;
    println!("{engine:?}: {rate:.0} a second ({all} events of {ACCOUNTS} accounts in {took:.1} s, peak {memory} MB)");
    rate
}
