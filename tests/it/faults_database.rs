//! Databases and folders that are full, away, locked or somebody else's: a clear error, nothing lost, the next run completes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mailtrail::store::{Options, Store};
use provider::{Fault, Profile, When};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::faults::{Ended, Started, database_url, nothing_lost, numbered, on_a_full_disk, once, verdicts};
use crate::support::world::{Engine, World, engines, mail};

const MAILS: usize = 30;

fn deliver(world: &World, count: usize) {
    let long = "A line of the offer that fills a disk.\r\n".repeat(500);
    for id in 1..=count {
        world.deliver(mail(&format!("{id}@ours.example"), &format!("buyer{id}@customer.example"), "") + &long);
    }
}

fn complete(world: &World, count: usize) {
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(verdicts(&world.trail), numbered(&vec!["logged"; count]));
    assert_eq!(world.activities().len(), count);
    nothing_lost(world);
}

#[track_caller]
fn failed_clearly(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(words.iter().any(|word| ended.err.contains(word)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_on_a_full_disk_is_told_and_loses_nothing() {
    let world = World::plain(Engine::Sqlite).await;
    world.sync();
    deliver(&world, MAILS);
    let size = std::fs::metadata(world.trail.path("crm.db")).unwrap().len() / 1024;
    let ended = on_a_full_disk(&world.trail, &["run", "--once"], size + 64);
    failed_clearly(&ended, &["free space", "disk is full"]);
    complete(&world, MAILS);
}

fn with_attachment(id: usize) -> String {
    let bytes = base64_of(&vec![u8::try_from(id).unwrap(); 3_000_000]);
    format!(
        "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@ours.example>\r\nFrom: anna@ours.example\r\n\
         To: carla@customer.example\r\nSubject: Offer\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\
         Content-Disposition: attachment; filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{bytes}"
    )
}

fn base64_of(bytes: &[u8]) -> String {
    String::from_utf8(crate::support::mail::mime::base64_lines(bytes)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_for_attachments_is_told_and_loses_nothing() {
    let whole = "[worker]\nslice_bytes = 8388608\nmemory_bytes = 16777216\n";
    let world = World::new(Engine::Sqlite, Profile::Plain, whole).await;
    for id in 1..=3 {
        world.deliver(with_attachment(id));
    }
    // The database with a few kilobytes a mail fits, an attachment does not.
    let ended = on_a_full_disk(&world.trail, &["run", "--once"], 2_000);
    failed_clearly(&ended, &["attachment"]);
    complete(&world, 3);
    assert!(world.activities().iter().all(|activity| activity["attachments"][0]["stored"] == true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_for_attachments_that_cannot_be_written_is_told_and_loses_nothing() {
    for engine in engines() {
        let world = World::plain(engine).await;
        for id in 1..=3 {
            world.deliver(with_attachment(id));
        }
        let folder = world.trail.path("attachments");
        std::fs::create_dir_all(&folder).unwrap();
        // Where a subfolder should be made there is a file: that stops root, too.
        let shards: Vec<_> = (0..=255).map(|byte| folder.join(format!("{byte:02x}"))).collect();
        shards.iter().for_each(|shard| std::fs::write(shard, "").unwrap());
        failed_clearly(&once(&world.trail), &["attachment"]);
        shards.iter().for_each(|shard| std::fs::remove_file(shard).unwrap());
        complete(&world, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_on_the_same_sqlite_file_is_refused_and_a_killed_one_is_no_obstacle() {
    let world = World::plain(Engine::Sqlite).await;
    deliver(&world, 1);
    let first = Started::new(world.trail.command(&["run"]));
    world.provider.mail.wait_for_command(|command| command.verb == "UID FETCH").await;
    for second in [&["run", "--once"][..], &["run"]] {
        let complaint = world.trail.fails(1, second);
        assert!(complaint.contains("another mailtrail runs on") && complaint.contains("use PostgreSQL"), "{complaint}");
    }
    first.kill();
    complete(&world, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_somebody_holds_ends_the_run_and_not_the_mail() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "").await;
        world.sync();
        deliver(&world, 3);
        let url = database_url(&world.trail);
        let store = Store::open(&url, &Options::default()).await.unwrap();
        // The program is past its migrations when it says EXAMINE; then somebody takes the lock.
        world.provider.mail.inject(When::verb("EXAMINE"), Fault::Slow(Duration::from_secs(2)));
        let mut command = world.trail.command(&["run", "--once"]);
        command.env("MAILTRAIL_DATABASE__WAIT_SECONDS", "1");
        world.provider.mail.clear_commands();
        let started = Started::new(command);
        world.provider.mail.wait_for_command(|command| command.verb == "EXAMINE").await;
        let lock = store.begin().await.unwrap();
        if engine == Engine::Postgres {
            use sea_orm::ConnectionTrait;
            lock.execute_unprepared("select * from mailbox for update").await.unwrap();
        }
        failed_clearly(&started.wait(), &["database is busy"]);
        drop(lock);
        store.close().await.unwrap();
        complete(&world, 3);
    }
}

/// A PostgreSQL server that can be stopped and started, as seen from a client: a forwarder with a gate.
pub struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Gate {
    /// Before the server of this database.
    pub async fn before(url: &str) -> Self {
        let (_, rest) = url.rsplit_once('@').unwrap();
        let (place, _) = rest.split_once('/').unwrap();
        Self::to(place.rsplit_once(':').unwrap().1.parse().unwrap()).await
    }

    /// The same database through the gate.
    pub fn url(&self, url: &str) -> String {
        let (credentials, rest) = url.rsplit_once('@').unwrap();
        let (_, name) = rest.split_once('/').unwrap();
        format!("{credentials}@{}/{name}", self.address)
    }

    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(true);
        let gate = Arc::new(open.clone());
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut closed = gate.subscribe();
                if !*closed.borrow_and_update() {
                    continue;
                }
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = closed.changed() => {}
                    }
                });
            }
        });
        Self { address, open }
    }

    pub fn set(&self, open: bool) {
        self.open.send_replace(open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_server_that_goes_away_is_told_and_loses_nothing() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let world = World::plain(Engine::Postgres).await;
    world.sync();
    deliver(&world, MAILS);
    let url = database_url(&world.trail);
    let gate = Gate::before(&url).await;
    let through = |args: &[&str]| {
        let mut command = world.trail.command(args);
        command.env("MAILTRAIL_DATABASE__URL", gate.url(&url));
        command.env("MAILTRAIL_DATABASE__WAIT_SECONDS", "2");
        command
    };
    world.provider.mail.inject(When::verb("UID FETCH").containing("BODY"), Fault::Slow(Duration::from_millis(500)));
    world.provider.mail.clear_commands();
    let started = Started::new(through(&["run", "--once"]));
    world.provider.mail.wait_for_command(|command| command.line.contains("BODY.PEEK")).await;
    gate.set(false);
    failed_clearly(&started.wait(), &["database is unavailable"]);
    let away = Started::new(through(&["run", "--once"])).wait();
    failed_clearly(&away, &["database is unavailable", "cannot be opened"]);
    gate.set(true);
    let back = Started::new(through(&["run", "--once"])).wait();
    assert_eq!(back.code, Some(0), "{back:?}");
    complete(&world, MAILS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_server_that_ends_our_connections_is_met_again() {
    if !engines().contains(&Engine::Postgres) {
        return;
    }
    let world = World::plain(Engine::Postgres).await;
    world.sync();
    deliver(&world, MAILS);
    world.provider.mail.inject(When::verb("UID FETCH").containing("BODY"), Fault::Slow(Duration::from_millis(500)));
    world.provider.mail.clear_commands();
    let started = Started::new(world.trail.command(&["run", "--once"]));
    world.provider.mail.wait_for_command(|command| command.line.contains("BODY.PEEK")).await;
    world.trail.database().unwrap().query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    let ended = started.wait();
    // The pool looks at a connection before it hands it out, so that one that ended between two statements costs nothing;
    // one that ended within a transaction fails the run.
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    assert_eq!(ended.code == Some(0), ended.out.contains("30 logged"), "{ended:?}");
    complete(&world, MAILS);
}
