//! Many accounts in one service, and several services beside one another.
//!
//! `cargo bench --bench scale -- MODE`; `scripts/bench` says what each mode measures.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on stops"
)]

mod fair;
mod idle;
mod office;
#[path = "../../tests/support/mod.rs"]
mod support;
mod takeover;

use std::process::ExitCode;

use tokio::runtime::Runtime;

const USAGE: &str = "usage: scripts/bench scale [idle | takeover | fair] [--accounts N]";

fn main() -> ExitCode {
    let (mut modes, mut accounts) = (Vec::new(), None);
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench" && word != "scale");
    while let Some(word) = words.next() {
        match word.as_str() {
            "idle" | "takeover" | "fair" => modes.push(word),
            "--accounts" => accounts = words.next().and_then(|number| number.parse().ok()),
            _ => {
                eprintln!("{word} is not known\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    if modes.is_empty() {
        modes = ["idle", "takeover", "fair"].map(str::to_owned).to_vec();
    }
    raise_limit();
    let runtime = Runtime::new().expect("a runtime");
    let passed = modes.iter().map(|mode| match mode.as_str() {
        "idle" => runtime.block_on(idle::measure(accounts.unwrap_or(5_000))),
        "takeover" => runtime.block_on(takeover::measure(accounts.unwrap_or(200))),
        _ => runtime.block_on(fair::measure(accounts.unwrap_or(20))),
    });
    if passed.collect::<Vec<_>>().into_iter().all(|kept| kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The server has as many connections as the program.
fn raise_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// A line of the report, with the verdict.
fn told(line: &str, kept: bool) -> bool {
    println!("{} {line}", if kept { "kept  " } else { "missed" });
    kept
}
