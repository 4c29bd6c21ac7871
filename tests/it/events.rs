//! Webhooks as a CRM receives them: signed, at least once, in the order of each account.

use std::time::{Duration, Instant};

use provider::{Fault, Profile, When};
use serde_json::{Value, json};

use crate::support::events::{by_account, fill};
use crate::support::faults::Started;
use crate::support::receiver::{Receiver, Reply};
use crate::support::world::{BCC, Engine, Trail, World, engines, mail};

/// Quick retries, and a claim that a killed process does not hold for long.
const QUICK: &str = "[events]\nretry_first_seconds = 1\nretry_longest_seconds = 1\nclaim_seconds = 2\n";

/// Adds a webhook; its secret.
fn add(trail: &Trail, receiver: &Receiver, more: &[&str]) -> String {
    let told = trail.run(&[&["webhook", "add", &receiver.url], more].concat());
    let secret = told.lines().last().unwrap().to_owned();
    receiver.expect_secret(&secret);
    secret
}

fn webhooks(trail: &Trail) -> Vec<Value> {
    trail.json(&["webhook", "list", "--json"])
}

fn kinds(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["type"].as_str().unwrap()).collect()
}

fn ids(bodies: &[Value]) -> Vec<&str> {
    bodies.iter().map(|body| body["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_what_happens_signed_in_order_and_without_what_was_written() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let receiver = Receiver::start();
        world.deliver(mail("before@ours.example", "early@customer.example", ""));
        world.sync();
        add(&world.trail, &receiver, &[]);
        world.deliver(mail("1@ours.example", "Carla@customer.example", ""));
        world.deliver(mail("2@ours.example", "carla@customer.example", ""));
        world.sync();
        let got = receiver.got();
        assert!(
            got.iter().all(|got| got.is_genuine && got.is_taken() && got.body["id"] == got.id.as_str()),
            "{got:#?}"
        );
        let bodies = receiver.taken();
        assert_eq!(kinds(&bodies), ["contact.created", "activity.logged", "activity.logged"]);
        let listed = world.trail.json(&["events", "list", "--json"]);
        assert_eq!(ids(&bodies), ids(&listed)[2..], "from now on");
        let logged = &bodies[1];
        assert_eq!(
            (&logged["version"], &logged["workspace"], &logged["account"]),
            (&json!(1), &json!("default"), &json!(BCC))
        );
        let activity = world.activity_of("1@ours.example");
        assert_eq!(logged["data"]["activity"], activity["id"]);
        assert_eq!(logged["data"]["message_id"], "1@ours.example");
        let contacts = logged["data"]["contacts"].as_array().unwrap();
        assert_eq!((contacts.len(), &contacts[0]["address"]), (1, &json!("Carla@customer.example")));
        assert!(got.iter().all(|got| !got.text.contains("Hello") && !got.text.contains("Offer")));
        world.sync();
        assert_eq!(receiver.got().len(), 3, "what was taken does not come again");
        assert_eq!(webhooks(&world.trail)[0]["waiting"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_sent_again_until_it_is_taken_and_nothing_overtakes_it() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, QUICK).await;
        let receiver = Receiver::start();
        add(&world.trail, &receiver, &[]);
        let mut refusals = [Reply::Status(500), Reply::Elsewhere, Reply::After(503, 3)].into_iter();
        receiver.decide(move |_| refusals.next().unwrap_or(Reply::Status(204)));
        world.deliver(mail("1@ours.example", "carla@customer.example", ""));
        let service = Started::new(world.trail.command(&["run"]));
        receiver.wait(|got| got.iter().filter(|got| got.is_taken()).count() == 2);
        let got = receiver.got();
        assert_eq!(got.len(), 5, "{got:#?}");
        assert!(got[..4].iter().all(|again| again.id == got[0].id && again.body == got[0].body && again.is_genuine));
        // It may be asked for at most as long as the longest wait, which is a second here.
        let waits: Vec<_> = got.windows(2).map(|two| two[1].at - two[0].at).collect();
        assert!(waits[..3].iter().all(|wait| *wait >= Duration::from_millis(950)), "{waits:?}");
        assert_eq!(kinds(&receiver.taken()), ["contact.created", "activity.logged"]);
        let ended = service.terminate();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_asks_for_patience_gets_it() {
    let trail = Trail::new(Engine::Sqlite, None, "[events]\nretry_first_seconds = 1\n");
    let receiver = Receiver::start();
    add(&trail, &receiver, &[]);
    let sent = fill(&trail, 3, 1).await;
    let mut first = true;
    receiver.decide(move |_| if std::mem::take(&mut first) { Reply::After(429, 4) } else { Reply::Status(204) });
    let service = Started::new(trail.command(&["run"]));
    receiver.wait(|got| got.iter().filter(|got| got.is_taken()).count() == 3);
    let got = receiver.got();
    let (asked, back) = (got[0].at, got.iter().find(|again| again.id == got[0].id && again.is_taken()).unwrap().at);
    assert!(back - asked >= Duration::from_secs(4), "{:?}", back - asked);
    assert_eq!(by_account(&receiver.taken()), sent);
    service.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_account_keeps_its_order_while_deliveries_fail_here_and_there() {
    for engine in engines() {
        let trail = Trail::new(engine, None, QUICK);
        let receiver = Receiver::start();
        add(&trail, &receiver, &[]);
        let sent = fill(&trail, 20, 12).await;
        let mut number = 0_u32;
        receiver.decide(move |_| {
            number += 1;
            if number.wrapping_mul(2_654_435_761) >> 28 < 2 { Reply::Status(500) } else { Reply::Status(204) }
        });
        let service = Started::new(trail.command(&["run"]));
        receiver.wait(|got| got.iter().filter(|got| got.is_taken()).count() >= 240);
        service.terminate();
        let got = receiver.got();
        assert!(got.iter().any(|got| !got.is_taken()), "some were refused");
        assert_eq!(by_account(&receiver.taken()), sent);
        assert_eq!(webhooks(&trail)[0]["waiting"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_again_and_again_loses_no_event_and_keeps_the_order() {
    for engine in engines() {
        let trail = Trail::new(engine, None, QUICK);
        let receiver = Receiver::start();
        add(&trail, &receiver, &[]);
        let sent = fill(&trail, 25, 80).await;
        let mut number = 0_u32;
        receiver.decide(move |_| {
            number += 1;
            if number.wrapping_mul(2_654_435_761) >> 28 == 0 { Reply::Status(500) } else { Reply::Status(204) }
        });
        for kill in 1..=4 {
            let service = Started::new(trail.command(&["run"]));
            let before = receiver.taken().len();
            receiver.wait(|got| got.len() >= 200 * kill && got.len() > before + 100);
            service.kill();
        }
        assert!(receiver.taken().len() < 2_000, "it was killed in mid delivery");
        let service = Started::new(trail.command(&["run"]));
        let until = Instant::now() + Duration::from_secs(60);
        while receiver.taken().len() < 2_000 && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        service.terminate();
        assert_eq!(by_account(&receiver.taken()), sent);
        assert!(receiver.got().iter().all(|got| got.is_genuine));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_given_up_is_told_of_and_goes_on_where_it_stopped() {
    for engine in engines() {
        let trail = Trail::new(engine, None, "[events]\ngive_up_hours = 0\n");
        let (dead, gone, well) = (Receiver::start(), Receiver::start(), Receiver::start());
        for receiver in [&dead, &gone] {
            add(&trail, receiver, &[]);
        }
        add(&trail, &well, &["--events", "webhook.disabled,account.state_changed"]);
        dead.always(Reply::Status(500));
        gone.always(Reply::Status(410));
        let sent = fill(&trail, 2, 3).await;
        let told = Started::new(trail.command(&["run", "--once"])).wait();
        assert_eq!(told.err.matches("a webhook is disabled").count(), 2, "{told:?}");
        assert!(told.err.contains("WARN") && !told.err.contains("/hooks"), "{told:?}");
        let states: Vec<_> = webhooks(&trail).iter().map(|one| one["state"].clone()).collect();
        assert_eq!(states, ["disabled", "disabled", "enabled"]);
        assert!(webhooks(&trail)[1]["reason"].as_str().unwrap().contains("410"));
        let listed = trail.json(&["events", "list", "--json"]);
        assert_eq!(listed.iter().filter(|event| event["type"] == "webhook.disabled").count(), 2);

        trail.run(&["run", "--once"]);
        assert_eq!(kinds(&well.taken()), ["webhook.disabled"; 2]);
        assert_eq!(well.taken()[0]["data"]["host"], "127.0.0.1");
        let attempts = (dead.got().len(), gone.got().len());
        trail.run(&["run", "--once"]);
        assert_eq!((dead.got().len(), gone.got().len()), attempts, "nobody knocks any more");

        dead.always(Reply::Status(204));
        trail.run(&["webhook", "enable", &dead.url]);
        trail.run(&["run", "--once"]);
        let mut taken = by_account(&dead.taken());
        assert_eq!(taken.remove("").unwrap().len(), 2, "those of no account are what became of webhooks");
        assert_eq!(taken, sent);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_logged_while_an_endpoint_swallows_everything() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, QUICK).await;
        let receiver = Receiver::start();
        add(&world.trail, &receiver, &[]);
        receiver.always(Reply::Silence);
        let service = Started::new(world.trail.command(&["run"]));
        world.deliver(mail("1@ours.example", "carla@customer.example", ""));
        receiver.wait(|got| !got.is_empty());
        let began = Instant::now();
        for number in 2..=6 {
            world.deliver(mail(&format!("{number}@ours.example"), "carla@customer.example", ""));
        }
        while world.activities().len() < 6 {
            assert!(began.elapsed() < Duration::from_secs(15), "an event that nobody takes holds up mail");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(receiver.got().len(), 1, "the first is still on its way, and nothing overtakes it");
        let ended = service.terminate();
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_stops_and_a_mail_that_cannot_be_had_are_told_of() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let receiver = Receiver::start();
        add(&world.trail, &receiver, &["--events", "account.state_changed,message.quarantined"]);
        world.trail.run(&["account", "pause", BCC]);
        world.trail.run(&["account", "pause", BCC]);
        world.trail.run(&["account", "resume", BCC]);
        world.deliver(mail("1@ours.example", "carla@customer.example", ""));
        let uid = world.deliver(mail("2@ours.example", "carla@customer.example", ""));
        world.deliver(mail("3@ours.example", "carla@customer.example", ""));
        let poison = When::verb("UID FETCH").uid(uid).containing("BODY.PEEK[]").always();
        world.provider.mail.inject(poison, Fault::CutInLiteral);
        world.trail.output(&["run", "--once"]);
        let taken = receiver.taken();
        assert_eq!(kinds(&taken), ["account.state_changed", "account.state_changed", "message.quarantined"]);
        let change =
            |at: usize| (taken[at]["data"]["from"].as_str().unwrap(), taken[at]["data"]["to"].as_str().unwrap());
        assert_eq!([change(0), change(1)], [("active", "paused"), ("paused", "active")]);
        let aside = &world.trail.json(&["quarantine", "list", "--json"])[0];
        assert_eq!((&taken[2]["data"]["quarantine"], &taken[2]["data"]["uid"]), (&aside["id"], &json!(uid)));
        assert_eq!(taken[2]["account"], BCC);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_stands_nowhere_and_opens_only_its_own_webhook() {
    for engine in engines() {
        let trail = Trail::new(engine, None, "");
        let (one, other) = (Receiver::start(), Receiver::start());
        let secret = add(&trail, &one, &[]);
        add(&trail, &other, &[]);
        let clear =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, secret.strip_prefix("whsec_").unwrap());
        let clear = clear.unwrap();
        fill(&trail, 1, 1).await;
        let mut command = trail.command(&["run", "--once"]);
        command.env("MAILTRAIL_LOG__LEVEL", "trace,reqwest=trace,hyper=trace,sqlx=trace");
        let said = Started::new(command).wait();
        assert_eq!((one.taken().len(), other.taken().len()), (1, 1), "{said:?}");
        let mut places = vec![said.out.into_bytes(), said.err.into_bytes()];
        for entry in std::fs::read_dir(trail.folder()).unwrap() {
            places.push(std::fs::read(entry.unwrap().path()).unwrap_or_default());
        }
        if let Some(database) = trail.database() {
            let hex = database.query("select encode(secret, 'hex') from webhook");
            let octets: String = clear.iter().map(|octet| format!("{octet:02x}")).collect();
            assert!(!hex.contains(&octets));
        }
        for place in places {
            assert!(memchr::memmem::find(&place, &secret.as_bytes()[6..]).is_none());
            assert!(memchr::memmem::find(&place, &clear).is_none());
        }
        // A row that was copied into another does not open there.
        if let Some(database) = trail.database() {
            database.query("update webhook set secret = (select secret from webhook order by id limit 1)");
            fill(&trail, 1, 1).await;
            let said = Started::new(trail.command(&["run", "--once"])).wait();
            assert!(said.err.contains("does not open"), "{said:?}");
            assert_eq!((one.taken().len(), other.taken().len()), (2, 1));
        }
    }
}
