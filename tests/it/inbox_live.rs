//! A personal inbox on a real Dovecot.

use crate::support::dovecot::{Dovecot, Options, PASSWORD};
use crate::support::faults::{Started, is_allowed};
use crate::support::inbox::{ANNA, CARLA, answer, reply};
use crate::support::world::{BCC, Engine, Trail, engines, mail_from};

const OFFER: &str = "Re: Offer 1@ours.example";

/// The program, with a BCC mailbox and Anna's inbox on `server`.
fn trail(engine: Engine, server: &Dovecot) -> Trail {
    let ca = format!("tls.ca_file = \"{}\"\n", server.ca_file().display());
    let trail = Trail::new(engine, None, &ca);
    trail.import("users", "login,name,aliases,seat,active\nanna@ours.example,Anna Berg,,core,true\n");
    let file = trail.path("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let port = server.port().to_string();
    for how in [&["--kind", "bcc", "--address", BCC][..], &["--kind", "personal", "--user", ANNA, "--address", ANNA]] {
        let to =
            ["--provider", "imap", "--host", "localhost", "--port", &port, "--password-file", file.to_str().unwrap()];
        trail.run(&[&["account", "add"], how, &to].concat());
    }
    trail
}

fn logged(trail: &Trail) -> Vec<String> {
    let rows = trail.json(&["activity", "list", "--json"]);
    let mut ids: Vec<String> = rows.iter().map(|row| row["message_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Which messages were opened, by the commands that did.
fn opened(server: &Dovecot, before: usize) -> usize {
    server.commands().iter().skip(before).filter(|line| line.contains("BODY.PEEK[]")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_logged_from_a_real_inbox_before_and_after_their_parent_and_nothing_else_is_opened() {
    if !Dovecot::installed() {
        return;
    }
    for engine in engines() {
        let server = Dovecot::with(&Options { record: true, ..Options::default() });
        server.deliver(ANNA, "INBOX", [reply("0@c.example", OFFER, "1@ours.example")]);
        let trail = trail(engine, &server);
        let look_alikes = [
            reply("2@c.example", OFFER, "1@ours.example"),
            answer(CARLA, ANNA, "3@c.example", OFFER, ""),
            reply("4@c.example", "Another matter", "1@ours.example"),
            answer("news@elsewhere.example", ANNA, "5@e.example", "Weekly", "List-Id: <news.elsewhere.example>\r\n"),
            mail_from(CARLA, "6@c.example", ANNA, ""),
        ];
        server.deliver(ANNA, "INBOX", look_alikes);
        let before = server.commands().len();
        trail.run(&["run", "--once"]);
        assert_eq!((logged(&trail).len(), opened(&server, before)), (0, 0));

        server.deliver(BCC, "INBOX", [mail_from(ANNA, "1@ours.example", CARLA, "")]);
        server.deliver(ANNA, "Sent", [mail_from(ANNA, "1@ours.example", CARLA, "")]);
        trail.run(&["run", "--once"]);
        assert_eq!(logged(&trail), ["1@ours.example", "2@c.example"], "what was there before is not looked at (J13)");
        assert_eq!(opened(&server, before), 2, "the BCC copy and the reply");
        let codes: Vec<String> = ["3@c.example", "4@c.example", "5@e.example", "6@c.example"]
            .map(|id| trail.json(&["explain", "--message-id", id, "--json"])[0]["code"].as_str().unwrap().to_owned())
            .into();
        assert_eq!(codes, ["not-in-known-thread", "subject-changed", "not-in-known-thread", "not-in-known-thread"]);

        // Where the inbox began is known to the second, and a new epoch is scanned from there.
        server.appender(ANNA).expunge("INBOX", "1");
        server.set_uid_validity(ANNA, "INBOX", 777);
        server.deliver(ANNA, "INBOX", [reply("7@c.example", OFFER, "2@c.example")]);
        trail.run(&["run", "--once"]);
        assert_eq!(logged(&trail), ["1@ours.example", "2@c.example", "7@c.example"], "a new epoch logs nothing again");

        let mut service = Started::new(trail.command(&["run"]));
        let idles = || server.commands().iter().filter(|line| line.eq_ignore_ascii_case("IDLE")).count() >= 2;
        assert!(service.runs_until(idles));
        server.deliver(ANNA, "INBOX", [reply("8@c.example", OFFER, "1@ours.example")]);
        assert!(service.runs_until(|| logged(&trail).len() == 4));
        service.terminate();
        assert_eq!(trail.json(&["privacy", ANNA, "--json"])[0]["bodies_fetched_unlogged_total"], 0);
        let audits = trail.json(&["audit", "--json"]);
        assert!(audits.iter().all(|audit| audit["holes"].as_array().unwrap().is_empty()), "{audits:?}");
        let strange: Vec<String> = server.commands().into_iter().filter(|line| !is_allowed(line)).collect();
        assert!(strange.is_empty(), "{strange:?}");
        let mut other = server.appender(ANNA);
        other.command("EXAMINE INBOX");
        assert_eq!(other.command("UID SEARCH OR SEEN OR FLAGGED OR ANSWERED DELETED"), ["* SEARCH"]);
    }
}
