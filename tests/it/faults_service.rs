//! The service stays at work: whatever ends its sessions, the next mail is read.

use std::time::Duration;

use provider::{Fault, Profile, When};

use crate::support::faults::{Started, no_secret, nothing_lost, numbered, verdicts};
use crate::support::world::{BCC, World, engines, mail};

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
