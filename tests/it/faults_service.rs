//! The service stays at work: whatever ends its sessions, the next mail is read.

use std::time::Duration;

use provider::{Fault, Profile, When};

use crate::support::faults::{Started, account, add_account, no_secret, nothing_lost, numbered, verdicts};
use crate::support::world::{BCC, Engine, World, engines, mail};

/// Delivers, and waits until the service has asked for the message's body.
async fn is_read(world: &World, number: u32) {
    world.provider.mail.clear_commands();
    world.deliver(mail(&format!("{number}@ours.example"), "carla@customer.example", ""));
    let asked = world.provider.mail.wait_for_command(|command| command.line.contains("BODY.PEEK[]"));
    tokio::time::timeout(Duration::from_secs(30), asked).await.expect("the mail is read");
}

async fn idles(world: &World) {
    let idle = world.provider.mail.wait_for_command(|command| command.verb == "IDLE");
    tokio::time::timeout(Duration::from_secs(30), idle).await.expect("the service waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_sessions_end_reads_on() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "").await;
        let service = Started::new(world.trail.command(&["run"]));
        is_read(&world, 1).await;
        idles(&world).await;
        world.provider.mail.kick(Some(BCC), "Server shutting down.");
        is_read(&world, 2).await;
        idles(&world).await;
        world.provider.mail.cut(Some(BCC));
        is_read(&world, 3).await;
        idles(&world).await;
        world.provider.mail.inject(When::verb("EXAMINE"), Fault::Unavailable);
        world.provider.oauth.expire_access(BCC);
        world.provider.mail.kick(Some(BCC), "Session invalidated - AccessTokenExpired");
        is_read(&world, 4).await;
        idles(&world).await;
        let ended = service.kill();
        world.sync();
        assert_eq!(verdicts(&world.trail), numbered(&["logged"; 4]));
        nothing_lost(&world);
        no_secret(&world.trail, &world.provider, &[&ended]);
    }
}

/// Waits until the account's state is `state`.
async fn is_in(world: &World, state: &str) {
    for _ in 0..300 {
        if account(&world.trail, BCC)["state"] == state {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never {state}: {}", account(&world.trail, BCC));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_notices_what_a_person_has_mended() {
    let world = World::new(Engine::Sqlite, Profile::Plain, "[worker]\nbackoff_max_seconds = 1\n").await;
    let service = Started::new(world.trail.command(&["run"]));
    is_read(&world, 1).await;
    idles(&world).await;
    // A permission that comes back at the provider, of which nobody tells us.
    world
        .provider
        .mail
        .inject(When::verb("AUTHENTICATE").always(), Fault::No("[WEBALERT] Web login required".to_owned()));
    world.provider.mail.cut(Some(BCC));
    is_in(&world, "needs-reauth").await;
    world.provider.mail.clear_faults();
    is_in(&world, "active").await;
    is_read(&world, 2).await;
    idles(&world).await;
    // A consent that was taken back, and given again.
    world.provider.oauth.revoke(BCC);
    world.provider.oauth.expire_access(BCC);
    world.provider.mail.kick(Some(BCC), "Session invalidated - AccessTokenExpired");
    is_in(&world, "needs-reauth").await;
    add_account(&world.trail, world.connection(), "imap", BCC, &world.provider.oauth.grant(BCC));
    is_in(&world, "active").await;
    is_read(&world, 3).await;
    idles(&world).await;
    service.kill();
    assert_eq!(verdicts(&world.trail), numbered(&["logged"; 3]));
    nothing_lost(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_raises_its_limit_of_open_files_and_tells_when_that_is_not_enough() {
    let world = World::plain(Engine::Sqlite).await;
    let inner = world.trail.command(&["run"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -S -n 50; ulimit -H -n 190; exec \"$0\" \"$@\""]);
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(world.trail.folder());
    let service = Started::new(command);
    idles(&world).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().nth(3), Some("190"), "{files}");
    let ended = tokio::task::spawn_blocking(|| service.terminate()).await.unwrap();
    assert!(ended.err.contains("more accounts than files may be open"), "{ended:?}");
}
