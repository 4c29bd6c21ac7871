//! One service with thousands of inboxes in which nothing happens.

use std::collections::HashSet;
use std::time::Duration;

use super::office::{Office, Watching};
use super::told;

const MEGABYTES: f64 = 300.0;
const CORE_PERCENT: f64 = 2.0;

/// Longer than the slowest usual pace, so that everybody has been polled.
const WATCHED_FOR: Duration = Duration::from_secs(130);

/// Connections a second that the start is told to keep to.
const PACE: usize = 100;

/// How much slower or faster than told a start may be.
const PACE_LEEWAY: f64 = 0.25;

pub async fn measure(accounts: usize) -> bool {
    let pace = format!("worker.connects_per_second = {PACE}\n");
    let office = Office::new(accounts, Watching::Inboxes, false, &pace).await;
    let mut service = office.serve();
    let connected = service.until("all connections", async || idling(&office) == accounts).await;
    let ideal = accounts as f64 / PACE as f64;
    let ratio = connected.as_secs_f64() / ideal;
    // A burst is allowed at first, which counts where there are few accounts.
    let paced = told(
        &format!(
            "{accounts} accounts connected in {:.1} s, {ratio:.2} of what {PACE} a second come to",
            connected.as_secs_f64()
        ),
        (1.0 - PACE_LEEWAY..=1.0 + PACE_LEEWAY).contains(&ratio),
    );
    // The interval that is measured: nothing is to happen in it.
    let before = service.cpu();
    tokio::time::sleep(WATCHED_FOR).await;
    let percent = (service.cpu() - before).as_secs_f64() * 100.0 / WATCHED_FOR.as_secs_f64();
    let megabytes = service.pss_kib() as f64 * 1024.0 / 1e6;
    let small = told(&format!("{megabytes:.1} MB of memory (PSS) (target {MEGABYTES})"), megabytes <= MEGABYTES);
    let light = told(&format!("{percent:.2} % of a core (target {CORE_PERCENT})"), percent <= CORE_PERCENT);
    paced && small && light
}

/// Accounts that wait for news.
fn idling(office: &Office) -> usize {
    let commands = office.mail.commands();
    let users = commands.iter().filter(|one| one.verb == "IDLE").filter_map(|one| one.user.as_deref());
    users.collect::<HashSet<_>>().len()
}
