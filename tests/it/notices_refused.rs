//! Notices that a mail server does not take, or may have taken: what is tried again, and what never is.

use provider::{Certificate, SmtpFault, SmtpSettings};

use crate::support::faults::{Started, no_secret, once};
use crate::support::post::{
    CARLA, FROM, connect, execute, notices, posting, server, states, too_large, wait_is_over, world,
};
use crate::support::world::{Engine, engines};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_handed_over_is_not_sent_again_after_a_kill() {
    for engine in engines() {
        let (world, smtp) = posting(engine, "").await;
        too_large(&world, "1@ours.example");
        smtp.inject(SmtpFault::HoldAfterText);
        let started = Started::new(world.trail.command(&["run", "--once"]));
        smtp.wait_for_mails(1).await;
        started.kill();
        assert_eq!(states(&world), ["unclear"]);
        wait_is_over(&world).await;
        execute(&world.trail, "UPDATE notice SET claimed_until = NULL").await;
        world.sync();
        assert_eq!((smtp.mails().len(), states(&world)), (1, vec!["unclear".to_owned()]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_with_the_text_leaves_the_notice_as_it_is() {
    let (world, smtp) = posting(Engine::Sqlite, "").await;
    too_large(&world, "1@ours.example");
    smtp.inject(SmtpFault::VanishAfterText);
    world.sync();
    assert_eq!(states(&world), ["unclear"], "{:?}", notices(&world));
    wait_is_over(&world).await;
    too_large(&world, "2@ours.example");
    world.sync();
    assert_eq!((smtp.mails().len(), states(&world)), (2, vec!["unclear".to_owned(), "sent".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_before_the_text_was_taken_is_tried_again() {
    let faults = [
        SmtpFault::Answer("RCPT", "450 4.2.1 mailbox busy"),
        SmtpFault::Answer("MAIL", "451 4.3.0 later"),
        SmtpFault::Answer("DATA", "421 4.3.2 shutting down"),
        SmtpFault::AnswerText("452 4.3.1 no room"),
        SmtpFault::VanishAt("RCPT"),
        SmtpFault::VanishAt("DATA"),
    ];
    for engine in engines() {
        let (world, smtp) = posting(engine, "").await;
        too_large(&world, "1@ours.example");
        for (at, fault) in (1..).zip(&faults) {
            smtp.inject(fault.clone());
            world.sync();
            let row = &notices(&world)[0];
            assert_eq!(
                (row["state"].as_str(), row["attempts"].as_u64()),
                (Some("waiting"), Some(at)),
                "{fault:?}: {row}"
            );
            assert!(row["next_try"].is_string() && row["reason"].is_string(), "{row}");
            world.sync();
            assert_eq!(notices(&world)[0]["attempts"].as_u64(), Some(at), "not before its time");
            wait_is_over(&world).await;
        }
        world.sync();
        assert_eq!((smtp.mails().len(), states(&world)), (1, vec!["sent".to_owned()]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_costs_no_attempt_and_says_so_in_the_list() {
    let world = world(Engine::Sqlite).await;
    let smtp = server(SmtpSettings::default()).await;
    connect(&world, &smtp, "timeout_seconds = 5\n");
    drop(smtp);
    too_large(&world, "1@ours.example");
    let ended = once(&world.trail);
    assert_eq!(ended.code, Some(0), "reading mail went well: {ended:?}");
    let row = &notices(&world)[0];
    assert_eq!((row["state"].as_str(), row["attempts"].as_u64()), (Some("waiting"), Some(0)), "{row}");
    assert!(row["reason"].as_str().unwrap().contains("smtp.host"), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_is_final_and_the_next_notice_leaves() {
    let (world, smtp) = posting(Engine::Sqlite, "").await;
    too_large(&world, "1@ours.example");
    too_large(&world, "2@ours.example");
    // Once for each sender that it is tried with.
    smtp.inject(SmtpFault::Answer("RCPT", "550 5.1.1 no such user"));
    smtp.inject(SmtpFault::Answer("RCPT", "550 5.1.1 no such user"));
    world.sync();
    wait_is_over(&world).await;
    world.sync();
    assert_eq!((states(&world), smtp.mails().len()), (vec!["failed".to_owned(), "sent".to_owned()], 1));
    assert!(notices(&world)[0]["reason"].as_str().unwrap().contains("no such user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wants_a_sender_gets_ours() {
    let world = world(Engine::Sqlite).await;
    let smtp = server(SmtpSettings { wants_sender: true, ..SmtpSettings::default() }).await;
    connect(&world, &smtp, "");
    too_large(&world, "1@ours.example");
    world.sync();
    assert_eq!(smtp.mails().into_iter().map(|mail| mail.from).collect::<Vec<_>>(), [FROM]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_an_active_user_gets_a_notice() {
    let world = world(Engine::Sqlite).await;
    for id in ["1@ours.example", "2@ours.example", "3@ours.example"] {
        too_large(&world, id);
    }
    world.sync();
    for (id, recipient) in [("2@ours.example", "bert@ours.example"), ("3@ours.example", CARLA)] {
        execute(&world.trail, &format!("UPDATE notice SET recipient = '{recipient}' WHERE message_id = '{id}'")).await;
    }
    world.users(&["bert@ours.example,Bert,,core,false"]);
    let smtp = server(SmtpSettings::default()).await;
    connect(&world, &smtp, "");
    world.sync();
    assert_eq!((states(&world), smtp.mails().len()), (vec!["sent".into(), "failed".into(), "failed".into()], 1));
    assert!(notices(&world)[2]["reason"].as_str().unwrap().contains("no active user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_daily_bound_the_rest_waits_in_the_list() {
    let (world, smtp) = posting(Engine::Sqlite, "daily_per_recipient = 2\n").await;
    for id in ["1@ours.example", "2@ours.example", "3@ours.example"] {
        too_large(&world, id);
    }
    world.sync();
    assert_eq!((states(&world), smtp.mails().len()), (vec!["sent".into(), "sent".into(), "waiting".into()], 2));
    assert!(notices(&world)[2]["reason"].as_str().unwrap().contains("daily_per_recipient"));
    execute(
        &world.trail,
        "UPDATE notice SET handed_at = '2020-01-01 00:00:00+00:00' WHERE message_id = '1@ours.example'",
    )
    .await;
    wait_is_over(&world).await;
    world.sync();
    assert_eq!(smtp.mails().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_slipped_in_before_tls_is_no_answer_under_it() {
    let world = world(Engine::Sqlite).await;
    let injected =
        Some("250-evil.example\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 ok\r\n250 ok\r\n354 ok\r\n250 ok\r\n".into());
    let smtp = server(SmtpSettings { injected, ..SmtpSettings::default() }).await;
    connect(&world, &smtp, "");
    too_large(&world, "1@ours.example");
    world.sync();
    assert_eq!((states(&world), smtp.mails().len()), (vec!["waiting".to_owned()], 0));
    assert!(!smtp.commands().iter().any(|line| line.starts_with("AUTH")), "no password leaves");
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_keeps_notices_from_leaving() {
    let cases = [
        (SmtpSettings::default(), "", "ok", ""),
        (SmtpSettings::default(), "user = \"nobody@ours.example\"\n", "fail", "smtp.user"),
        (
            SmtpSettings { certificate: Certificate::OtherAuthority, ..SmtpSettings::default() },
            "",
            "fail",
            "tls.ca_file",
        ),
        (SmtpSettings { certificate: Certificate::OtherName, ..SmtpSettings::default() }, "", "fail", "smtp.host"),
        (SmtpSettings { hello: provider::Hello::Plain, ..SmtpSettings::default() }, "", "fail", "smtp.security"),
        (
            SmtpSettings { hello: provider::Hello::Plain, ..SmtpSettings::default() },
            "security = \"tls\"\n",
            "fail",
            "smtp.port",
        ),
        (SmtpSettings::default(), "auth = \"oauth\"\naccount = \"nobody@ours.example\"\n", "fail", "account list"),
        (SmtpSettings::default(), "auth = \"oauth\"\naccount = \"bcc@crm.example\"\n", "fail", "smtp.auth"),
    ];
    for (settings, keys, result, cure) in cases {
        let (world, smtp) = (world(Engine::Sqlite).await, server(settings).await);
        connect(&world, &smtp, keys);
        let looked = Started::new(world.trail.command(&["doctor", "--json"])).wait();
        let rows = looked.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let found = rows.into_iter().find(|row| row["check"] == "smtp").unwrap_or_else(|| panic!("{looked:?}"));
        assert_eq!(found["result"], result, "{keys}: {found}");
        assert!(found["cure"].as_str().unwrap_or_default().contains(cure), "{keys}: {found}");
        assert!(smtp.mails().is_empty() && !looked.out.contains("open sesame"));
        no_secret(&world.trail, &world.provider, &[&looked]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn config_check_knows_what_smtp_needs() {
    let world = world(Engine::Sqlite).await;
    let file = world.trail.path("mailtrail.toml");
    let plain = std::fs::read_to_string(&file).unwrap();
    let cases = [
        ("host = \"mx.ours.example\"", &["smtp.from", "smtp.password_file"][..]),
        ("from = \"crm@ours.example\"", &["smtp.host"]),
        (
            "host = \"a.example\"\nfrom = \"a@b.example\"\nauth = \"none\"\nsecurity = \"plaintext-loopback\"",
            &["smtp.security"],
        ),
        ("host = \"a.example\"\nfrom = \"a@b.example\"\nauth = \"none\"\nport = 465", &["smtp.security"]),
        (
            "host = \"a.example\"\nfrom = \"a@b.example\"\nauth = \"oauth\"\nmax_age_hours = 0",
            &["smtp.max_age_hours", "smtp.account"],
        ),
    ];
    for (keys, expected) in cases {
        std::fs::write(&file, format!("{plain}[smtp]\n{keys}\n")).unwrap();
        let told = world.trail.fails(2, &["config", "check"]);
        let named: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("  ")?.split(':').next()).collect();
        assert_eq!(named, expected, "{told}");
    }
}
