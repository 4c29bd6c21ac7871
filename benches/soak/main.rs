//! A service at work for an hour: mail of every kind arrives all the time, connections are cut, servers throttle, tokens
//! end. Memory and open files must stay flat, and at the end every mail must have its verdict.
//!
//! `scripts/soak [MINUTES] [--database sqlite|postgres]`; exit code 1 if anything is not so.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

mod samples;
#[path = "../../tests/support/mod.rs"]
mod support;
mod traffic;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use provider::Profile;
use serde_json::Value;

use samples::Samples;
use support::faults::Started;
use support::scrape::{Scrape, free_address, unwell};
use support::world::{Engine, World};
use traffic::Traffic;

const SAMPLE_EVERY: Duration = Duration::from_secs(5);
const MAIL_EVERY: Duration = Duration::from_millis(250);
const FAULT_EVERY: Duration = Duration::from_secs(20);

/// How long the service may take to catch up when the delivery has ended.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    let Some((minutes, engine)) = arguments() else {
        eprintln!("usage: scripts/soak [MINUTES] [--database sqlite|postgres]");
        return ExitCode::from(2);
    };
    let length = Duration::from_secs_f64(minutes * 60.0);
    let listen = free_address();
    let more = format!(
        "[policy]\nsender_authentication = \"off\"\n[worker]\npoll_seconds = 5\nbackoff_max_seconds = 10\n\
         [http]\nlisten = \"{listen}\"\n"
    );
    let world = World::new(engine, Profile::Plain, &more).await;
    let mut traffic = Traffic::prepare(&world);
    let service = Started::new(world.trail.command(&["run"]));
    let scrape = Scrape::of(&listen);
    scrape.until_ready().await;
    println!("{minutes} minutes on {engine:?}: {} accounts", traffic.accounts());
    let samples = run(&mut traffic, &scrape, service.id(), length).await;
    world.provider.mail.clear_faults();
    let complete = complete(&world, traffic.delivered()).await;
    let well = well(&scrape).await;
    let ended = service.terminate();
    let stopped = told("the service stops when it is told to", ended.code == Some(0));
    let flat = samples.judge();
    if complete && well && stopped && flat { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn arguments() -> Option<(f64, Engine)> {
    let (mut minutes, mut engine) = (60.0, Engine::Sqlite);
    // Cargo adds an argument of its own.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        match word.as_str() {
            "--database" => {
                engine = match words.next()?.as_str() {
                    "sqlite" => Engine::Sqlite,
                    "postgres" => Engine::Postgres,
                    _ => return None,
                }
            }
            number => minutes = number.parse().ok().filter(|minutes| *minutes > 0.0)?,
        }
    }
    Some((minutes, engine))
}

async fn run(traffic: &mut Traffic<'_>, scrape: &Scrape, service: u32, length: Duration) -> Samples {
    let start = Instant::now();
    let mut samples = Samples::new(length);
    let (mut sampled, mut broken) = (start, start);
    let mut tick = tokio::time::interval(MAIL_EVERY);
    while start.elapsed() < length {
        tick.tick().await;
        traffic.deliver();
        if broken.elapsed() >= FAULT_EVERY {
            traffic.break_something();
            broken = Instant::now();
        }
        if sampled.elapsed() >= SAMPLE_EVERY {
            // As an operator's Prometheus does.
            scrape.metrics().await;
            samples.take(service, start.elapsed(), traffic.delivered());
            sampled = Instant::now();
        }
    }
    samples
}

/// Whether every mail on the server has a verdict, once the service has caught up.
async fn complete(world: &World, delivered: u64) -> bool {
    let start = Instant::now();
    loop {
        let output = world.trail.output(&["audit", "--json"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let audits: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let sum = |field: &str| audits.iter().filter_map(|audit| audit[field].as_u64()).sum::<u64>();
        let (on_server, judged, holes) = (sum("on_server"), sum("judged"), sum("hole_count"));
        let complete = output.status.success() && on_server == delivered && judged == delivered && holes == 0;
        if complete || start.elapsed() > PATIENCE {
            let words =
                format!("{delivered} mails delivered, {on_server} on the server, {judged} judged, {holes} holes");
            return told(&words, complete);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Whether every account is well again after all that.
async fn well(scrape: &Scrape) -> bool {
    let start = Instant::now();
    loop {
        let unwell = unwell(&scrape.metrics().await);
        if unwell.is_empty() || start.elapsed() > PATIENCE {
            return told(&format!("{} accounts are unwell at the end", unwell.len()), unwell.is_empty());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Says how it came out.
fn told(what: &str, holds: bool) -> bool {
    println!("{} {what}", if holds { "ok    " } else { "MISSED" });
    holds
}
