//! From a reply's delivery to its place on the timeline, next to a client that only hears of it.

use std::time::{Duration, Instant};

use entity::activity;
use sea_orm::{Database, DatabaseConnection, EntityTrait, PaginatorTrait};

use super::correspondence::{Parent, parents, reply};
use super::process::Service;
use super::watcher;
use crate::arguments::Arguments;
use crate::report::told;
use crate::subject::Subject;
use crate::support::dovecot::{Dovecot, Options};
use crate::support::mail::Cast;

const DELIVERIES: u64 = 150;
const THREADS: usize = 10;
/// Over the raw watcher.
const MEDIAN: f64 = 5.0;
const WORST_OF_HUNDRED: f64 = 20.0;
/// How often the timeline is asked whether the reply is there: no engine tells, and this is how exact the figures are.
const LOOKS_EVERY: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// The time that the program adds, against the targets.
pub fn measure(arguments: &Arguments) -> bool {
    let cast = Cast::default();
    let user = cast.user(0);
    let server = Dovecot::with(&Options { record: true, ..Options::default() });
    let threads = parents(&cast, &user, THREADS);
    server.deliver(&cast.log_address, "INBOX", threads.iter().map(|parent| &parent.raw));
    let subject = Subject::prepare(&cast, server.port(), &server.ca_file(), arguments.store);
    subject.run_once();
    subject.connect_inbox(&user, server.port());
    let mut service = Service::start(&subject, &[]);
    service.wait_until("both accounts to wait for news", || idles(&server) >= 2);
    let count = arguments.messages.unwrap_or(DELIVERIES);
    let mut delays = deliveries(&server, &mut service, &subject, &cast, &user, &threads, count);
    drop(service);
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share).round() as usize];
    let (median, worst) = (at(0.5), at(0.99));
    println!("{:>10} {:>8} {:>8} {:>8} {:>8}", "deliveries", "min ms", "p50 ms", "p99 ms", "max ms");
    println!("{:>10} {:>8.1} {median:>8.1} {worst:>8.1} {:>8.1}", delays.len(), at(0.0), at(1.0));
    let usual = told(&format!("{median:.1} ms over a raw watcher at p50 (target {MEDIAN})"), median <= MEDIAN);
    let rare = told(&format!("{worst:.1} ms over it at p99 (target {WORST_OF_HUNDRED})"), worst <= WORST_OF_HUNDRED);
    usual && rare
}

/// How often anybody has begun to wait for news.
fn idles(server: &Dovecot) -> usize {
    server.commands().iter().filter(|line| line.eq_ignore_ascii_case("IDLE")).count()
}

/// One reply after the other; milliseconds from the watcher's notice to the commit.
fn deliveries(
    server: &Dovecot,
    service: &mut Service,
    subject: &Subject,
    cast: &Cast,
    user: &str,
    threads: &[Parent],
    count: u64,
) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let database = runtime.block_on(Database::connect(subject.database_url())).expect("the database");
    let heard = watcher::watch(server.port(), server.ca_file(), user.to_owned());
    let mut post = server.appender(user);
    let mut delays = Vec::new();
    let mut known = runtime.block_on(activities(&database));
    for n in 0..count {
        let parent = &threads[usize::try_from(n).expect("fits") % threads.len()];
        let waits = idles(server);
        post.append("INBOX", [reply(cast, user, parent, n)]);
        known += 1;
        let committed = runtime.block_on(until(&database, known));
        let notice = heard.recv_timeout(PATIENCE).expect("the watcher hears of it");
        delays.push(milliseconds(notice, committed));
        service.wait_until("the inbox to wait for news again", || idles(server) > waits);
        // Part of what is measured: mail does not come in step with anything, and each delivery is news of its own, though
        // the server gathers news for a while.
        std::thread::sleep(Duration::from_millis(100 + 37 * (n % 11)));
    }
    post.leave();
    delays
}

/// When that many activities were first seen.
async fn until(database: &DatabaseConnection, wanted: u64) -> Instant {
    let start = Instant::now();
    while activities(database).await < wanted {
        assert!(start.elapsed() < PATIENCE, "a reply was not logged in time");
        tokio::time::sleep(LOOKS_EVERY).await;
    }
    Instant::now()
}

async fn activities(database: &DatabaseConnection) -> u64 {
    activity::Entity::find().count(database).await.expect("the timeline")
}

/// Both sides hear of it on their own: the program may be the first.
fn milliseconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3 - from.saturating_duration_since(to).as_secs_f64() * 1e3
}
