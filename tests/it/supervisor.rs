//! The service under a supervisor: accounts start, stop and wait as the database says, and none is in another's way.

use std::time::Duration;

use provider::{Failure, Fault, Profile, When};
use serde_json::Value;

use crate::support::faults::{Started, account, nothing_lost, numbered, verdicts};
use crate::support::world::{BCC, Engine, World, engines, mail};

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `done`.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

async fn asks_for(world: &World, verb: &str, containing: &str) {
    let asked =
        world.provider.mail.wait_for_command(|command| command.verb == verb && command.line.contains(containing));
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("never asked for {verb} {containing}"));
}

/// Delivers mail `number`, and waits until the service has asked for it and waits for more.
async fn is_read(world: &World, number: u32) {
    world.provider.mail.clear_commands();
    world.deliver(mail(&format!("{number}@ours.example"), "carla@customer.example", ""));
    asks_for(world, "UID FETCH", "BODY.PEEK[]").await;
    asks_for(world, "IDLE", "").await;
}

/// Waits until nobody is connected any more.
async fn hangs_up(world: &World) {
    until("everybody has hung up", || world.provider.mail.open_sessions() == 0).await;
}

fn seconds_until(time: &Value) -> i64 {
    let time: chrono::DateTime<chrono::Utc> = time.as_str().unwrap().parse().unwrap();
    (time - mailtrail::clock::Clock::system().now()).num_seconds()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_paused_resumed_removed_moved_and_added_while_it_idles() {
    let world = World::plain(Engine::Sqlite).await;
    let service = Started::new(world.trail.command(&["run"]));
    is_read(&world, 1).await;
    world.trail.run(&["account", "pause", BCC]);
    hangs_up(&world).await;
    world.deliver(mail("2@ours.example", "carla@customer.example", ""));
    world.provider.mail.clear_commands();
    world.trail.run(&["account", "resume", BCC]);
    asks_for(&world, "UID FETCH", "BODY.PEEK[]").await;
    asks_for(&world, "IDLE", "").await;
    // The same server under another name is another server.
    let before = world.provider.mail.connections();
    let port = world.connection().port.to_string();
    let how = ["account", "add", "--kind", "bcc", "--provider", "imap", "--address", BCC, "--auth", "oauth"];
    world.trail.run(&[&how[..], &["--host", "127.0.0.1", "--port", &port]].concat());
    until("it is connected to the other host", || world.provider.mail.connections() > before).await;
    is_read(&world, 3).await;
    until("it is stored", || verdicts(&world.trail) == numbered(&["logged"; 3])).await;
    world.trail.run(&["account", "remove", BCC]);
    hangs_up(&world).await;
    world.add_account(&["--kind", "bcc", "--provider", "imap"], "second@crm.example");
    asks_for(&world, "IDLE", "").await;
    let ended = service.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_paused_in_the_middle_of_a_fetch_and_while_it_waits_for_its_next_try() {
    let world = World::new(Engine::Sqlite, Profile::Exchange, "policy.sender_authentication = \"off\"\n").await;
    world.provider.mail.inject(When::verb("UID FETCH").containing("BODY.PEEK[]"), Fault::Hang);
    world.deliver(mail("1@ours.example", "carla@customer.example", ""));
    let service = Started::new(world.trail.command(&["run"]));
    asks_for(&world, "UID FETCH", "BODY.PEEK[]").await;
    world.trail.run(&["account", "pause", BCC]);
    hangs_up(&world).await;
    world.provider.mail.inject(When::verb("EXAMINE").always(), Fault::Throttled(Duration::from_secs(600)));
    world.provider.mail.clear_commands();
    world.trail.run(&["account", "resume", BCC]);
    until("it fails", || account(&world.trail, BCC)["next_try"].is_string()).await;
    assert!(seconds_until(&account(&world.trail, BCC)["next_try"]) > 500);
    world.trail.run(&["account", "pause", BCC]);
    world.provider.mail.clear_faults();
    world.provider.mail.clear_commands();
    // Whoever is added after the pause is seen with it or later.
    world.add_account(&["--kind", "bcc", "--provider", "microsoft"], "second@crm.example");
    asks_for(&world, "IDLE", "").await;
    world.provider.mail.clear_commands();
    world.trail.run(&["account", "resume", BCC]);
    asks_for(&world, "IDLE", "").await;
    let noted = account(&world.trail, BCC);
    assert_eq!((&noted["next_try"], &noted["reason"]), (&Value::Null, &Value::Null));
    assert_eq!(service.terminate().code, Some(0));
    assert_eq!(verdicts(&world.trail), numbered(&["logged"]));
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_gets_nowhere_is_ended_and_what_it_held_is_free_for_the_others() {
    let more = "[worker]\npoll_deadline_seconds = 2\nconcurrent_accounts = 1\nconnecting_at_once = 1\n";
    let world = World::new(Engine::Sqlite, Profile::Plain, more).await;
    let other = "second@crm.example";
    world.add_account(&["--kind", "bcc", "--provider", "imap"], other);
    for address in [BCC, other] {
        world.provider.mail.deliver(address, "INBOX", mail("1@ours.example", "carla@customer.example", ""));
    }
    // The first of them waits for a token, and is in the only door to the server.
    world.provider.oauth.fail_next(1, Failure::Hang);
    // The other, or the same one later, waits for a mail, and has the only place.
    world.provider.mail.inject(When::verb("UID FETCH").containing("BODY.PEEK[]"), Fault::Hang);
    let service = Started::new(world.trail.command(&["run"]));
    until("both are read", || verdicts(&world.trail).len() == 2).await;
    let ended = service.terminate();
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("worker.poll_deadline_seconds"), "{}", ended.err);
    let noted = world.trail.json(&["account", "list", "--json"]);
    assert!(noted.iter().all(|account| account["reason"].is_null()), "{noted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drops_us_after_each_look_is_met_with_growing_waits_and_told_of_once() {
    let world = World::new(Engine::Sqlite, Profile::Plain, "[log]\nlevel = \"debug\"\nformat = \"json\"\n").await;
    world.provider.mail.inject(When::verb("IDLE").always(), Fault::Cut);
    let service = Started::new(world.trail.command(&["run"]));
    for _ in 0..4 {
        asks_for(&world, "IDLE", "").await;
        world.provider.mail.clear_commands();
    }
    let ended = service.kill();
    let lines: Vec<Value> = ended.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let failed =
        lines.iter().filter(|line| line["message"].as_str().is_some_and(|text| text.starts_with("sync failed")));
    let told: Vec<(&str, u64)> =
        failed.map(|line| (line["level"].as_str().unwrap(), line["wait"].as_u64().unwrap())).collect();
    assert_eq!(told.iter().map(|(level, _)| *level).take(3).collect::<Vec<_>>(), ["WARN", "DEBUG", "DEBUG"]);
    // Up to a quarter more, in whole seconds.
    assert_eq!(told.iter().map(|(_, wait)| wait * 4 / 5).take(3).collect::<Vec<_>>(), [0, 1, 3], "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_or_a_token_endpoint_asks_for_is_waited_for_and_capped() {
    let hour = Duration::from_secs(3_600);
    let wishes: [(Option<Failure>, Duration, std::ops::Range<i64>); 4] = [
        (None, Duration::from_millis(201_317), 190..260),
        (None, Duration::from_millis(1_000_000_000), 800..1_126),
        (Some(Failure::TooManyRequests(Some(120))), hour, 110..160),
        (Some(Failure::Unavailable(Some(100_000))), hour, 800..1_126),
    ];
    for (endpoint, wait, expected) in wishes {
        let world = World::new(Engine::Sqlite, Profile::Exchange, "").await;
        match endpoint {
            Some(failure) => world.provider.oauth.fail_next(50, failure),
            None => world.provider.mail.inject(When::verb("EXAMINE").always(), Fault::Throttled(wait)),
        }
        let service = Started::new(world.trail.command(&["run"]));
        until("it fails", || account(&world.trail, BCC)["next_try"].is_string()).await;
        let noted = account(&world.trail, BCC);
        assert!(expected.contains(&seconds_until(&noted["next_try"])), "{noted}");
        assert_eq!(noted["state"], "active");
        assert!(noted["reason"].is_string());
        assert_eq!(service.terminate().code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_used_up_its_day_rests_until_midnight_whoever_restarts() {
    for engine in engines() {
        rests_until_midnight(engine).await;
    }
}

async fn rests_until_midnight(engine: Engine) {
    let world = World::new(engine, Profile::Plain, "[worker]\ndaily_commands = 40\n").await;
    let service = Started::new(world.trail.command(&["run"]));
    for number in 1.. {
        if account(&world.trail, BCC)["reason"].as_str().is_some_and(|reason| reason.contains("worker.daily_commands"))
        {
            break;
        }
        assert!(number < 60, "no budget ends");
        world.deliver(mail(&format!("{number}@ours.example"), "carla@customer.example", ""));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let noted = account(&world.trail, BCC);
    assert_eq!(noted["state"], "active");
    let now = mailtrail::clock::Clock::system().now();
    let midnight = 86_400 - now.timestamp().rem_euclid(86_400);
    assert!(seconds_until(&noted["next_try"]) >= midnight - 2, "{noted}");
    assert_eq!(service.terminate().code, Some(0));
    let before = world.provider.mail.connections();
    let once = world.trail.output(&["run", "--once"]);
    assert!(String::from_utf8_lossy(&once.stderr).contains("worker.daily_commands"), "{once:?}");
    assert_eq!(world.provider.mail.connections(), before, "nobody connects");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_backlogs_get_on_side_by_side() {
    const ACCOUNTS: usize = 20;
    const MAILS: usize = 100;
    const BATCH: usize = 5;
    let more = format!(
        "[worker]\nconcurrent_accounts = 2\nbatch_messages = {BATCH}\nconnects_per_second = 1000\nconnecting_at_once = 40\n"
    );
    let world = World::new(Engine::Sqlite, Profile::Plain, &more).await;
    let address = |number: usize| if number == 0 { BCC.to_owned() } else { format!("log{number}@crm.example") };
    for number in 1..ACCOUNTS {
        world.add_account(&["--kind", "bcc", "--provider", "imap"], &address(number));
    }
    let service = Started::new(world.trail.command(&["run"]));
    let idles = || world.provider.mail.commands().iter().filter(|command| command.verb == "IDLE").count();
    until("all wait", || idles() >= ACCOUNTS).await;
    world.provider.mail.clear_commands();
    // A server that takes its time: everybody is in the queue before the first has read much.
    let slow = When::verb("UID FETCH").containing("BODY.PEEK[]").always();
    world.provider.mail.inject(slow, Fault::Slow(Duration::from_millis(20)));
    for mail_number in 0..MAILS {
        for number in 0..ACCOUNTS {
            let text = mail(&format!("{mail_number}.{number}@ours.example"), "carla@customer.example", "");
            world.provider.mail.deliver(&address(number), "INBOX", text);
        }
    }
    let fetches = || -> Vec<String> {
        let commands = world.provider.mail.commands();
        let bodies = commands.iter().filter(|command| command.line.contains("BODY.PEEK[]"));
        bodies.filter_map(|command| command.user.clone()).collect()
    };
    until("all is read", || fetches().len() >= ACCOUNTS * MAILS / BATCH).await;
    let mut counts = std::collections::HashMap::<String, usize>::new();
    let mut widest = 0;
    for user in fetches() {
        *counts.entry(user).or_default() += 1;
        // As long as all of them have something left.
        if counts.values().any(|count| *count >= MAILS / BATCH - 1) {
            break;
        }
        let least = (0..ACCOUNTS).map(|number| counts.get(&address(number)).copied().unwrap_or(0)).min().unwrap();
        widest = widest.max(counts.values().max().unwrap() - least);
    }
    // A turn is four commands, with one more under way; the first turn may begin with a few mails only.
    assert!(widest <= 10, "{widest} of {} batches apart", MAILS / BATCH);
    assert_eq!(service.terminate().code, Some(0));
}
