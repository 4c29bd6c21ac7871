//! Scenarios 17 to 25 of the specification, and the rules around the ladder (C4, C6–C9): whom a mail counts for.

use serde_json::Value;

use crate::support::world::{Engine, World, engines, mail, mail_from};

const CARLA: &str = "carla@customer.example";
const ANNA: &str = "anna@ours.example";
const BERT: &str = "bert@ours.example";
const CILIA: &str = "cilia@ours.example";
/// What mail is sent from in these tests.
const DESK: &str = "desk@ours.example";

/// Anna, Bert and Cilia, the last with these aliases.
async fn office(engine: Engine, aliases: &str) -> World {
    let world = World::plain(engine).await;
    world.users(&[&format!("{BERT},Bert,,core,true"), &format!("{CILIA},Cilia,{aliases},core,true")]);
    world
}

/// Whom a mail from `from` counts for, and by which rule.
fn sent(world: &World, from: &str) -> (Value, Value) {
    world.deliver_now(mail_from(from, "1@ours.example", CARLA, ""));
    world.sync();
    let mut activity = world.activity();
    (activity["user"].take(), activity["attribution"].take())
}

fn counts_for(user: &str, rule: &str) -> (Value, Value) {
    (user.into(), rule.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_a_mail_counts_for_the_only_user_who_has_the_address_connected() {
    for engine in engines() {
        let world = office(engine, DESK).await;
        world.connect(BERT, DESK);
        assert_eq!(sent(&world, DESK), counts_for(BERT, "connected"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s18_without_a_connection_it_counts_for_the_user_who_logs_in_with_the_address() {
    for engine in engines() {
        let world = office(engine, BERT).await;
        assert_eq!(sent(&world, BERT), counts_for(BERT, "login"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s19_an_alias_alone_is_enough() {
    for engine in engines() {
        let world = office(engine, DESK).await;
        assert_eq!(sent(&world, DESK), counts_for(CILIA, "alias"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s20_of_two_connections_the_longest_counts() {
    for engine in engines() {
        let world = office(engine, "").await;
        world.connect(CILIA, DESK);
        world.connect(BERT, DESK);
        assert_eq!(sent(&world, DESK), counts_for(CILIA, "longest-connected"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s21_two_connections_give_way_to_a_third_users_login() {
    for engine in engines() {
        let world = office(engine, "").await;
        world.connect(BERT, ANNA);
        world.connect(CILIA, ANNA);
        assert_eq!(sent(&world, ANNA), counts_for(ANNA, "login"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s22_two_connections_give_way_to_a_third_users_alias() {
    for engine in engines() {
        let world = office(engine, DESK).await;
        world.connect(ANNA, DESK);
        world.connect(BERT, DESK);
        assert_eq!(sent(&world, DESK), counts_for(CILIA, "alias"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_a_team_address_counts_for_who_connected_it_first_even_if_it_is_a_login() {
    for engine in engines() {
        let world = office(engine, "").await;
        for user in [BERT, CILIA] {
            world.add_account(&["--kind", "team", "--provider", "imap", "--user", user], ANNA);
        }
        assert_eq!(sent(&world, ANNA), counts_for(BERT, "team"));
        // I19: an address is personal or a team's, not both.
        let both = world.try_add_account(&["--kind", "personal", "--provider", "imap", "--user", ANNA], ANNA);
        assert!(!both.status.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s24_two_users_with_the_alias_are_ambiguous() {
    for engine in engines() {
        let world = office(engine, DESK).await;
        world.users(&[&format!("{BERT},Bert,{DESK},core,true")]);
        world.deliver_now(mail_from(DESK, "1@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["ambiguous-sender"]);
        assert!(world.contacts().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_the_case_of_the_sender_does_not_matter() {
    for engine in engines() {
        let world = office(engine, "desk@büro.example").await;
        world.deliver(mail_from("Anna <Anna@OURS.Example>", "1@ours.example", CARLA, ""));
        world.deliver(mail_from("Desk@XN--BRO-HOA.example", "2@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.activity_of("1@ours.example")["user"], ANNA);
        assert_eq!(world.activity_of("2@ours.example")["user"], CILIA);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_connections_that_held_when_the_mail_came_count() {
    for engine in engines() {
        let world = office(engine, DESK).await;
        // The provider's clock stands at the beginning of the year.
        world.deliver(mail_from(DESK, "1@ours.example", CARLA, ""));
        world.connect(BERT, DESK);
        world.deliver_now(mail_from(DESK, "2@ours.example", CARLA, ""));
        world.sync();
        world.trail.run(&["account", "remove", DESK]);
        world.provider.mail.deliver_at(
            crate::support::world::BCC,
            "INBOX",
            mail_from(DESK, "3@ours.example", CARLA, ""),
            mailtrail::clock::Clock::system().now() + chrono::TimeDelta::seconds(5),
        );
        world.sync();
        let user = |id| world.activity_of(id)["user"].take();
        assert_eq!(["1@ours.example", "2@ours.example", "3@ours.example"].map(user), [CILIA, BERT, CILIA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_active_does_not_count() {
    for engine in engines() {
        let world = office(engine, DESK).await;
        world.users(&[&format!("{BERT},Bert,{DESK},core,false")]);
        world.deliver(mail_from(DESK, "1@ours.example", CARLA, ""));
        world.deliver(mail_from(BERT, "2@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.activity()["user"], CILIA);
        assert_eq!(world.codes(), ["logged", "user-inactive"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_only_seat_logs_unless_seats_are_enforced() {
    for engine in engines() {
        for (setting, code) in [("", "logged"), ("[policy]\nenforce_seats = true\n", "seat-not-allowed")] {
            let world = World::new(engine, provider::Profile::Plain, setting).await;
            world.users(&[&format!("{BERT},Bert,,view-only,true")]);
            world.deliver(mail_from(BERT, "1@ours.example", CARLA, ""));
            world.sync();
            assert_eq!(world.codes(), [code]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_author_is_the_sender_and_neither_sender_field_nor_tag_stand_in() {
    for engine in engines() {
        let world = office(engine, "").await;
        world.deliver(mail_from(&format!("{BERT}, {ANNA}"), "1@ours.example", CARLA, ""));
        world.deliver(mail_from("x@elsewhere.example", "2@ours.example", CARLA, &format!("Sender: {ANNA}\r\n")));
        world.deliver(mail_from("anna+crm@ours.example", "3@ours.example", CARLA, ""));
        world.deliver(mail_from("undisclosed:;", "4@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "unknown-sender", "unknown-sender", "unknown-sender"]);
        assert_eq!(world.activity()["user"], BERT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_the_missing_user_and_a_resync_log_what_was_unknown() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(mail_from(BERT, "2@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "unknown-sender"]);
        world.users(&[&format!("{BERT},Bert,,core,true")]);
        world.sync();
        assert_eq!(world.codes(), ["logged", "unknown-sender"], "a verdict stands until somebody asks for another");
        world.trail.run(&["account", "resync", crate::support::world::BCC]);
        world.sync();
        assert_eq!(world.codes(), ["logged", "logged"]);
        assert_eq!(world.activity_of("1@ours.example")["sightings"].as_array().unwrap().len(), 1);
        assert_eq!(world.contacts(), [CARLA]);
        world.trail.run(&["audit"]);
    }
}
