//! Who of the people on a mail counts (A13–A15, A21, L12, L21, F9).

use provider::Profile;

use crate::support::inbox::{self, Desk};
use crate::support::world::{BCC, Engine, World, engines, mail, mail_from, strings};

const CARLA: &str = "carla@customer.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_to_nobody_but_the_log_address_has_no_recipient() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", BCC, ""));
        world.deliver(mail("2@ours.example", "bcc+anything@crm.example", ""));
        world.deliver(mail("3@ours.example", "undisclosed-recipients:;", ""));
        world.sync();
        assert_eq!(world.codes(), ["no-recipient", "no-recipient", "no-recipient"]);
        assert!(world.contacts().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_of_ours_ever_becomes_a_contact() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "[workspace]\nown_domains = [\"ours.example\"]\n").await;
        world.users(&[
            "bert@elsewhere.example,Bert,b@alias.example,core,true",
            "gone@elsewhere.example,Gone,,core,false",
        ]);
        world.connect("anna@ours.example", "connected@mail.example");
        world
            .add_account(&["--kind", "team", "--provider", "imap", "--user", "anna@ours.example"], "team@mail.example");
        world.add_account(&["--kind", "forwarding", "--provider", "imap"], "forward@crm.example");
        let ours = "bert@elsewhere.example, b@alias.example, gone@elsewhere.example, connected@mail.example, \
                    team@mail.example, forward@crm.example, nobody@ours.example";
        world.deliver(mail("1@ours.example", ours, ""));
        world.deliver(mail("2@ours.example", &format!("{ours}, {CARLA}"), ""));
        world.sync();
        assert_eq!(world.codes(), ["internal-only", "logged"]);
        assert_eq!(world.contacts(), [CARLA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_else_can_reach_never_becomes_a_contact() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let nowhere = "root@localhost, scanner@[127.0.0.1]";
        world.deliver(mail("1@ours.example", &format!("{nowhere}, {CARLA}"), ""));
        world.deliver(mail("2@ours.example", nowhere, ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "no-recipient"]);
        assert_eq!(world.contacts(), [CARLA]);
        let told = world.trail.run(&["explain", "--message-id", "1@ours.example"]);
        for address in ["root@localhost", "scanner@[127.0.0.1]"] {
            assert!(told.contains(&format!("does not become a contact: {address} [E5]")), "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_own_domains_become_contacts_by_option() {
    for engine in engines() {
        let settings = "[workspace]\nown_domains = [\"ours.example\"]\n[policy]\nown_domains_internal = false\n";
        let world = World::new(engine, Profile::Plain, settings).await;
        world.deliver(mail("1@ours.example", "nobody@ours.example", ""));
        world.sync();
        assert_eq!(world.contacts(), ["nobody@ours.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_over_the_limit_get_nothing_and_the_excess_is_told() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "[limits]\nrecipients = 3\n").await;
        let to: Vec<String> = (1..=4).map(|n| format!("p{n}@customer.example")).collect();
        let cc = "Cc: P1@customer.example, p5@customer.example\r\n";
        world.deliver(mail("1@ours.example", &to.join(", "), cc));
        world.sync();
        assert_eq!(world.contacts(), ["p1@customer.example", "p2@customer.example", "p3@customer.example"]);
        assert_eq!(world.activity()["to"].as_array().unwrap().len(), 4, "the mail itself stays whole");
        let told = world.trail.run(&["explain", "--message-id", "1@ours.example"]);
        assert!(told.contains("over the limit are not associated: 2 [A21]"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_recipients_are_the_usual_limit() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let to: Vec<String> = (1..=51).map(|n| format!("p{n:02}@customer.example")).collect();
        world.deliver(mail("1@ours.example", &to.join(",\r\n "), ""));
        world.sync();
        assert_eq!(world.contacts(), to[..50]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_in_cc_and_roles_become_contacts_unless_configured_otherwise() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", "info@customer.example", &format!("Cc: {CARLA}\r\n")));
        world.sync();
        assert_eq!(world.contacts(), [CARLA, "info@customer.example"]);

        let settings = "[policy]\ncreate_from_cc = false\ncreate_role_addresses = false\n";
        let world = World::new(engine, Profile::Plain, settings).await;
        world.contacts_known(&["k,,known@customer.example;sales@customer.example,,,"]);
        let cc = format!("Cc: {CARLA}, known@customer.example\r\n");
        world.deliver(mail("1@ours.example", "info@customer.example, sales@customer.example", &cc));
        world.sync();
        assert_eq!(strings(&world.activity()["contacts"]), ["known@customer.example"]);
        assert_eq!(world.contacts(), ["known@customer.example", "sales@customer.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_contact_has_the_name_source_and_owner_that_the_mail_tells() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", "=?utf-8?q?=C3=85sa_=C3=96berg?= <Asa@Customer.example>", ""));
        world.sync();
        let contact = &world.trail.json(&["contact", "list", "--json"])[0];
        assert_eq!(contact["name"], "Åsa Öberg");
        assert_eq!(strings(&contact["addresses"]), ["Asa@Customer.example"], "shown as it was written");
        assert_eq!((&contact["source"], &contact["owner"]), (&"bcc".into(), &"anna@ours.example".into()));

        let world = World::new(engine, Profile::Plain, "[policy]\ncontact_owner = false\n").await;
        world.deliver(mail("1@ours.example", "\"asa@customer.example\" <asa@customer.example>", ""));
        world.sync();
        let contact = &world.trail.json(&["contact", "list", "--json"])[0];
        assert!(contact["owner"].is_null() && contact["name"].is_null(), "{contact}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_recipients_than_a_statement_binds_hold_nobody_up() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let crowd: Vec<String> = (0..30_000).map(|n| format!("p{n}@d{n}.sub.crowd.example")).collect();
        let crowd = crowd.join(",\r\n ");
        world.deliver(mail_from("mallory@elsewhere.example", "1@elsewhere.example", &crowd, ""));
        world.deliver(mail("2@ours.example", &crowd, ""));
        world.deliver(mail("3@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["unknown-sender", "logged", "logged"]);
        assert_eq!(world.contacts().len(), 51);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inboxs_own_address_is_a_users_and_only_a_dedicated_mailboxs_is_a_log_address() {
    let desk = Desk::with(Engine::Sqlite, Profile::Plain, "logging_rule = \"known-contacts\"\n").await;
    desk.contacts_known(&["c,Carla,carla@customer.example,,,"]);
    let everybody = format!("Cc: {}, {BCC}\r\n", inbox::ANNA);
    desk.sent(mail_from(inbox::ANNA, "1@ours.example", inbox::CARLA, &everybody));
    desk.deliver_now(mail_from(inbox::ANNA, "2@ours.example", inbox::CARLA, &everybody));
    desk.sync();
    for id in ["1@ours.example", "2@ours.example"] {
        let told = desk.trail.run(&["explain", "--message-id", id]);
        assert!(told.contains("A user's address never becomes a contact: anna@ours.example [A13]"), "{told}");
        assert!(told.contains(&format!("A log address is never a recipient: {BCC} [A13]")), "{told}");
    }
}
