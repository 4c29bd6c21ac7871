//! A service with many inboxes in which nothing happens: what each of them holds, and what it costs to ask.

use std::time::Duration;

use super::process::Service;
use crate::arguments::Arguments;
use crate::report::told;
use crate::subject::Subject;
use crate::support::dovecot::{Dovecot, Options};
use crate::support::mail::Cast;

const INBOXES: u64 = 500;
/// What the program itself needs is the same with these.
const A_HANDFUL: u64 = 5;
const KIB_EACH: f64 = 60.0;
const CPU_MICROS: f64 = 40.0;
/// Six of them are between two polls of an inbox in which nothing happens.
const PACE: [(&str, &str); 1] = [("MAILTRAIL_WORKER__POLL_SECONDS", "5")];
/// At that pace every inbox is polled twice in this time.
const WATCHED_FOR: Duration = Duration::from_secs(70);

struct Idle {
    pss_kib: u64,
    polls: u64,
    cpu: Duration,
}

/// Memory an inbox and CPU a poll against the targets.
pub fn measure(arguments: &Arguments) -> bool {
    let inboxes = arguments.messages.unwrap_or(INBOXES);
    let [few, many] = [A_HANDFUL, inboxes].map(|count| watch(arguments, count));
    println!("{:>9} {:>9} {:>7} {:>9}", "inboxes", "PSS KiB", "polls", "CPU ms");
    for (count, idle) in [(A_HANDFUL, &few), (inboxes, &many)] {
        println!("{count:>9} {:>9} {:>7} {:>9.1}", idle.pss_kib, idle.polls, idle.cpu.as_secs_f64() * 1e3);
    }
    let each = many.pss_kib.saturating_sub(few.pss_kib) as f64 / (inboxes - A_HANDFUL) as f64;
    let cpu = many.cpu.as_secs_f64() * 1e6 / many.polls as f64;
    let small = told(&format!("{each:.1} KiB of memory (PSS) an inbox (target {KIB_EACH})"), each <= KIB_EACH);
    // All that the process does meanwhile is counted in.
    let light = told(&format!("client CPU {cpu:.1} µs a poll (target {CPU_MICROS})"), cpu <= CPU_MICROS);
    small && light
}

/// The server's record tells when everybody waits and how often they asked.
fn watch(arguments: &Arguments, inboxes: u64) -> Idle {
    let cast = Cast { users: usize::try_from(inboxes).expect("fits"), ..Cast::default() };
    let limits = "default_client_limit = 4000\nservice imap {\n  process_limit = 4000\n}".to_owned();
    let server = Dovecot::with(&Options { record: true, extra: limits, ..Options::default() });
    let subject = Subject::install(&cast, &server.ca_file(), arguments.store);
    for n in 0..cast.users {
        subject.connect_inbox(&cast.user(n), server.port());
    }
    let idles = || server.commands().iter().filter(|line| line.eq_ignore_ascii_case("IDLE")).count() as u64;
    let mut service = Service::start(&subject, &PACE);
    service.wait_until("the first round of polls", || idles() >= 2 * inboxes);
    let (before, cpu) = (idles(), service.cpu());
    // The interval that is measured: nothing is to happen in it.
    std::thread::sleep(WATCHED_FOR);
    let (cpu, polls) = (service.cpu() - cpu, idles() - before);
    Idle { pss_kib: service.pss_kib(), polls, cpu }
}
