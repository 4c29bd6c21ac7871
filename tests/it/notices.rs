//! Notices to users by SMTP (H2, H9, B24, J15): what is on the wire, who gets them, and that nobody gets one twice.

use std::collections::BTreeSet;
use std::time::Duration;

use provider::{Hello, Mail, Profile, SmtpSettings};

use crate::support::faults::Started;
use crate::support::forward::{self, LOG};
use crate::support::inbox::Desk;
use crate::support::post::{ANNA, FROM, connect, execute, notices, posting, server, states, too_large, world};
use crate::support::world::{BCC, Engine, engines};

fn field<'a>(mail: &'a Mail, name: &str) -> &'a str {
    let (header, _) = mail.text.split_once("\r\n\r\n").unwrap();
    let found = header.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name}: {header}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_attachment_is_one_mail_that_says_what_it_is() {
    for engine in engines() {
        let (world, smtp) = posting(engine, "from_name = \"Our CRM\"\n").await;
        too_large(&world, "2@ours.example");
        world.sync();
        world.sync();
        let mails = smtp.mails();
        assert_eq!(mails.len(), 1, "{mails:#?}");
        let mail = &mails[0];
        assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("", [ANNA.to_owned()].as_slice()));
        assert_eq!((mail.secret, mail.user.as_deref()), (true, Some(FROM)));
        let row = &notices(&world)[0];
        let id = row["id"].as_str().unwrap();
        let expected = [
            ("From", "\"Our CRM\" <crm@ours.example>".to_owned()),
            ("To", ANNA.to_owned()),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("Precedence", "bulk".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            ("X-Mailtrail-Notice", id.to_owned()),
            ("Message-ID", format!("<{id}.notice@ours.example>")),
            ("In-Reply-To", "<2@ours.example>".to_owned()),
            ("References", "<2@ours.example>".to_owned()),
        ];
        for (name, value) in expected {
            assert_eq!(field(mail, name), value);
        }
        assert!(mail.text.contains("- more.bin (1001 bytes)"), "{}", mail.text);
        assert_eq!((row["state"].as_str(), row["attempts"].as_u64()), (Some("sent"), Some(1)));
        assert!(row["sent_at"].is_string() && row["reason"].is_null(), "{row}");
        let said = smtp.commands();
        let before = said.iter().position(|line| line == "STARTTLS").unwrap();
        assert!(said[..before].iter().all(|line| line.starts_with("EHLO")), "{said:?}");
        assert_eq!(said.last().map(String::as_str), Some("QUIT"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_a_server_is_gone() {
    let ways = [
        (SmtpSettings { hello: Hello::Tls, ..SmtpSettings::default() }, "security = \"tls\"\n", true),
        (SmtpSettings { login_only: true, ..SmtpSettings::default() }, "", true),
        (SmtpSettings { hello: Hello::Plain, ..SmtpSettings::default() }, "security = \"plaintext-loopback\"\n", false),
    ];
    for (settings, keys, secret) in ways {
        let (world, smtp) = (world(Engine::Sqlite).await, server(settings).await);
        connect(&world, &smtp, keys);
        too_large(&world, "1@ours.example");
        world.sync();
        let mails = smtp.mails();
        assert_eq!(mails.len(), 1, "{keys}: {:?}", notices(&world));
        assert_eq!((mails[0].secret, mails[0].user.as_deref()), (secret, Some(FROM)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_account_lends_its_token_and_a_dead_one_is_renewed() {
    let world = world(Engine::Sqlite).await;
    let tokens = Some(world.provider.oauth.handle());
    let smtp = provider::SmtpServer::start(SmtpSettings { tokens, ..SmtpSettings::default() }).await;
    connect(&world, &smtp, &format!("auth = \"oauth\"\naccount = \"{BCC}\"\n"));
    too_large(&world, "1@ours.example");
    world.sync();
    let users: Vec<_> = smtp.mails().into_iter().map(|mail| mail.user).collect();
    assert_eq!(users, [Some(BCC.to_owned())], "{:?}", notices(&world));
    // What is kept is dead, and only the mail server says so.
    world.provider.oauth.expire_access(BCC);
    let findings = world.trail.json(&["doctor", "--json"]);
    let finding = findings.iter().find(|finding| finding["check"] == "smtp").unwrap();
    assert_eq!(finding["result"], "ok", "{finding}");
    assert_eq!(smtp.commands().iter().filter(|line| line.starts_with("AUTH XOAUTH2")).count(), 3);
    assert_eq!(smtp.mails().len(), 1, "a look sends nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_comes_back_to_a_watched_mailbox_is_skipped() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        let file = desk.trail.path("mailtrail.toml");
        let config = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("attachments.max_bytes = 1000\n{config}")).unwrap();
        desk.add_account(&["--kind", "forwarding", "--provider", "imap"], LOG);
        let smtp = server(SmtpSettings::default()).await;
        connect(&desk, &smtp, "");
        desk.deliver_now(crate::support::world::mail_with(
            "1@ours.example",
            "carla@customer.example",
            &[("a.bin", &[7; 1001])],
        ));
        desk.sync();
        let mails = smtp.mails();
        assert_eq!(mails.len(), 1, "{:?}", notices(&desk));
        let id = field(&mails[0], "Message-ID").trim_matches(['<', '>']);
        desk.receive(&mails[0].text);
        desk.put(BCC, "INBOX", &mails[0].text);
        desk.put(LOG, "INBOX", &mails[0].text);
        desk.sync();
        let rows = desk.trail.json(&["ledger", "list", "--json"]);
        let skipped: BTreeSet<&str> =
            rows.iter().filter(|row| row["code"] == "own-notice").map(|row| row["account"].as_str().unwrap()).collect();
        assert_eq!(skipped, BTreeSet::from([ANNA, BCC, LOG]), "{id}: {rows:#?}");
        assert_eq!((desk.logged(), smtp.mails().len()), (vec!["1@ours.example".to_owned()], 1));
        assert_eq!(desk.privacy().1, 0, "a header is enough");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forward_that_waits_for_a_person_is_told_to_the_forwarder_once() {
    for engine in engines() {
        let world = forward::world(engine, "").await;
        let smtp = server(SmtpSettings::default()).await;
        connect(&world, &smtp, "");
        let unreadable = crate::support::world::mail("f@ours.example", LOG, "").replace("Offer", "Fwd: Offer");
        forward::forwarded(&world, &unreadable);
        world.sync();
        forward::forwarded(&world, &unreadable);
        world.sync();
        let mails = smtp.mails();
        assert_eq!(mails.len(), 1, "{:?}", world.codes());
        assert_eq!(mails[0].to, [ANNA]);
        assert_eq!(field(&mails[0], "Subject"), "A mail that you forwarded was not logged");
        assert_eq!(field(&mails[0], "References"), "<f@ours.example>");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_consent_ended_is_told_once_each_time() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        let smtp = server(SmtpSettings::default()).await;
        connect(&desk, &smtp, "");
        let mut told = 0;
        for _ in 0..2 {
            desk.provider.oauth.expire_access(ANNA);
            desk.provider.oauth.revoke(ANNA);
            for _ in 0..2 {
                assert_eq!(desk.trail.output(&["run", "--once"]).status.code(), Some(1));
            }
            told += 1;
            let mails = smtp.mails();
            assert_eq!(mails.len(), told, "{:?}", notices(&desk));
            assert_eq!(mails[told - 1].to, [ANNA]);
            assert_eq!(field(&mails[told - 1], "Subject"), "Your mailbox must be connected again");
            desk.join(ANNA, ANNA);
            desk.sync();
            assert_eq!(smtp.mails().len(), told);
        }
        assert!(notices(&desk).iter().all(|row| row["kind"] == "needs-reauth" && row["message_id"].is_null()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_notices_wait_and_old_ones_are_not_sent_out_of_the_blue() {
    for engine in engines() {
        let world = world(engine).await;
        too_large(&world, "1@ours.example");
        too_large(&world, "2@ours.example");
        world.sync();
        assert_eq!(states(&world), ["waiting", "waiting"]);
        let older = match engine {
            Engine::Sqlite => "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', '-73 hours')",
            Engine::Postgres => "now() - interval '73 hours'",
        };
        execute(&world.trail, &format!("UPDATE notice SET created_at = {older} WHERE message_id = '1@ours.example'"))
            .await;
        let smtp = server(SmtpSettings::default()).await;
        connect(&world, &smtp, "");
        world.sync();
        assert_eq!(states(&world), ["too-old", "sent"], "{:?}", notices(&world));
        assert_eq!(smtp.mails().len(), 1);
        assert!(world.trail.run(&["notice", "list"]).contains("too-old"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_sends_what_it_meets() {
    let (world, smtp) = posting(Engine::Sqlite, "").await;
    let service = Started::new(world.trail.command(&["run"]));
    too_large(&world, "1@ours.example");
    let mails = tokio::time::timeout(Duration::from_secs(60), smtp.wait_for_mails(1)).await.expect("a notice leaves");
    assert_eq!(mails[0].to, [ANNA]);
    let ended = tokio::task::spawn_blocking(|| service.terminate()).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("open sesame"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_one_sends_a_notice() {
    // A database of its own is read by one process only.
    for engine in engines().into_iter().filter(|engine| *engine != Engine::Sqlite) {
        const NOTICES: usize = 40;
        let world = world(engine).await;
        for at in 0..NOTICES {
            too_large(&world, &format!("{at}@ours.example"));
        }
        world.sync();
        let smtp = server(SmtpSettings::default()).await;
        connect(&world, &smtp, "daily_per_recipient = 1000\n");
        let both = [(); 2].map(|()| Started::new(world.trail.command(&["run", "--once"])));
        for one in both {
            let ended = tokio::task::spawn_blocking(|| one.wait()).await.unwrap();
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        let mails = smtp.mails();
        let ids: BTreeSet<&str> = mails.iter().map(|mail| field(mail, "X-Mailtrail-Notice")).collect();
        assert_eq!((mails.len(), ids.len()), (NOTICES, NOTICES));
        let sessions = smtp.commands().iter().filter(|line| *line == "STARTTLS").count();
        assert!(sessions >= 2, "both were at it: {sessions}");
    }
}
