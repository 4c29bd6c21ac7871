//! An inbox in which one mail in a hundred is a reply: how much of it is fetched, and what a verdict costs.

use std::time::Duration;

use super::correspondence::{other, parents, reply};
use super::counter::Counter;
use crate::arguments::Arguments;
use crate::drain;
use crate::report::{check, mebibytes, median, told};
use crate::subject::Subject;
use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::mail::Cast;

/// One in so many is a reply on a logged thread.
const ONE_IN: u64 = 100;
/// Of the bytes of a full download.
const SHARE: f64 = 0.03;
/// Client CPU a message.
const CPU_MICROS: f64 = 25.0;

struct Look {
    messages: u64,
    whole: u64,
    fetched: u64,
    wall: Duration,
    cpu: Duration,
}

impl Look {
    fn share(&self) -> f64 {
        self.fetched as f64 / self.whole as f64
    }

    fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages as f64
    }
}

/// Bytes and CPU against the targets.
pub fn measure(arguments: &Arguments) -> bool {
    let messages = arguments.messages.unwrap_or(10_000);
    let looks: Vec<Look> = (0..arguments.runs).map(|_| look(arguments, messages)).collect();
    println!(
        "{:>9} {:>9} {:>11} {:>8} {:>9} {:>11}",
        "messages", "full MiB", "fetched MiB", "share %", "wall s", "CPU µs/msg"
    );
    for look in &looks {
        let (whole, fetched) = (mebibytes(look.whole), mebibytes(look.fetched));
        let (share, wall, cpu) = (look.share() * 100.0, look.wall.as_secs_f64(), look.cpu_micros());
        println!("{messages:>9} {whole:>9.1} {fetched:>11.2} {share:>8.2} {wall:>9.2} {cpu:>11.1}");
    }
    let (share, cpu) = (median(&looks, Look::share), median(&looks, Look::cpu_micros));
    let few = told(&format!("{:.2} % of the bytes of a full download (target 3)", share * 100.0), share <= SHARE);
    let light = told(&format!("client CPU {cpu:.1} µs a message judged (target {CPU_MICROS})"), cpu <= CPU_MICROS);
    few && light
}

/// The threads are logged first, then the inbox is connected, then its mail comes.
fn look(arguments: &Arguments, messages: u64) -> Look {
    let cast = Cast::default();
    let user = cast.user(0);
    let server = Dovecot::with(&Options::default());
    let counter = Counter::start(server.port());
    let threads = parents(&cast, &user, usize::try_from(messages.div_ceil(ONE_IN)).expect("fits"));
    server.deliver(&cast.log_address, "INBOX", threads.iter().map(|parent| &parent.raw));
    let subject = Subject::prepare(&cast, server.port(), &server.ca_file(), arguments.store);
    subject.run_once();
    subject.connect_inbox(&user, counter.port());
    let is_reply = |n: u64| n % ONE_IN == ONE_IN / 2;
    let mails = (0..messages).map(|n| match is_reply(n) {
        true => reply(&cast, &user, &threads[usize::try_from(n / ONE_IN).expect("fits")], n),
        false => other(&cast, n),
    });
    server.deliver(&user, "INBOX", mails);
    // The server has seen every mail when the program comes, as one has that delivered them one by one.
    counter.take();
    let raw = drain::run(counter.port(), &server.ca_file(), &user, PASSWORD);
    assert_eq!(raw.messages, messages, "the drain saw every message");
    let whole = counter.take();
    let ran = subject.run_once();
    let fetched = counter.take();
    let expected = (0..messages).map(|n| if is_reply(n) { "logged" } else { "not-in-known-thread" });
    check(&subject.verdicts(&user), expected);
    Look { messages, whole, fetched, wall: ran.wall, cpu: ran.cpu }
}
