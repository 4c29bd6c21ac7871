//! Scenarios 1 to 16 of the specification: what a BCC'd mail becomes.

use crate::support::world::{BCC, World, engines, mail, mail_from, mail_with, strings};

const CARLA: &str = "carla@customer.example";
const DORA: &str = "dora@customer.example";

#[tokio::test(flavor = "multi_thread")]
async fn s01_a_new_recipient_becomes_a_contact_with_the_mail_on_its_timeline() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", "Carla Customer <carla@customer.example>", ""));
        world.sync();
        let activity = world.activity();
        assert_eq!(strings(&activity["contacts"]), [CARLA]);
        assert_eq!(activity["direction"], "outgoing");
        assert_eq!(activity["kind"], "bcc");
        assert_eq!(activity["message_id"], "1@ours.example");
        assert_eq!(activity["user"], "anna@ours.example");
        assert_eq!(activity["attribution"], "login");
        assert_eq!(activity["sent_at"], "2026-11-22T10:00:00Z");
        assert_eq!(activity["sightings"][0]["account"], BCC);
        assert_eq!(world.contacts(), [CARLA]);
        assert_eq!(world.codes(), ["logged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_new_people_in_to_and_cc_both_become_contacts() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, &format!("Cc: {DORA}\r\n")));
        world.sync();
        assert_eq!(strings(&world.activity()["contacts"]), [CARLA, DORA]);
        assert_eq!(world.contacts(), [CARLA, DORA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s03_a_contact_in_the_bcc_header_does_not_get_the_mail() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["d,Dora,dora@customer.example,,,"]);
        world.deliver(mail("1@ours.example", CARLA, &format!("Bcc: {DORA}, {BCC}\r\n")));
        world.sync();
        assert_eq!(strings(&world.activity()["contacts"]), [CARLA]);
        assert_eq!(world.contacts(), [CARLA, DORA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_a_stranger_in_the_bcc_header_does_not_become_a_contact() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, &format!("Bcc: {DORA}\r\n")));
        world.sync();
        assert_eq!(world.contacts(), [CARLA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s05_a_listed_recipient_is_left_out_and_the_others_get_the_mail() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.trail.run(&["never-log", "add", "*@secret.example"]);
        world.deliver(mail("1@ours.example", "ann@secret.example", &format!("Cc: {CARLA}\r\n")));
        world.sync();
        assert_eq!(strings(&world.activity()["contacts"]), [CARLA]);
        assert_eq!(world.contacts(), [CARLA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_mail_to_listed_people_only_is_not_logged() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.trail.run(&["never-log", "add", "secret.example"]);
        world.deliver(mail("1@ours.example", "ann@secret.example", "Cc: bo@secret.example\r\n"));
        world.sync();
        assert_eq!(world.codes(), ["never-log"]);
        assert!(world.contacts().is_empty() && world.activities().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s07_a_stranger_is_unknown_and_nothing_is_created() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail_from("mallory@elsewhere.example", "1@elsewhere.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["unknown-sender"]);
        assert!(world.contacts().is_empty() && world.activities().is_empty());
        assert_eq!(world.trail.run(&["events", "list", "--json"]), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s08_the_log_address_in_cc_is_no_recipient_and_the_mail_is_logged() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, &format!("Cc: {BCC}\r\n")));
        world.deliver(mail("2@ours.example", &format!("{BCC}, {CARLA}"), ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "logged"]);
        assert_eq!(world.contacts(), [CARLA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_the_five_newest_open_deals_get_the_mail() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        let open = (1..=7).map(|day| format!("open{day},Deal,open,2026-01-0{day},c"));
        let closed = [("won8", "won"), ("lost9", "lost"), ("won9", "won")];
        let closed = closed.map(|(key, stage)| format!("{key},Deal,{stage},2026-02-0{},c", &key[key.len() - 1..]));
        let deals: Vec<String> = open.chain(closed).collect();
        world.deals(&deals.iter().map(String::as_str).collect::<Vec<_>>());
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(strings(&world.activity()["deals"]), ["open3", "open4", "open5", "open6", "open7"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_contact_without_a_company_gets_the_mail_with_its_deals() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        world.deals(&["d1,Deal,open,2026-01-01,c"]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        let activity = world.activity();
        assert_eq!(strings(&activity["deals"]), ["d1"]);
        assert!(strings(&activity["companies"]).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_of_two_companies_the_primary_gets_the_mail() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.companies(&["a,A,", "b,B,"]);
        world.contacts_known(&["c,Carla,carla@customer.example,a;b,b,", "d,Dora,dora@customer.example,a;b,,"]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(mail("2@ours.example", DORA, ""));
        world.sync();
        assert_eq!(strings(&world.activity_of("1@ours.example")["companies"]), ["b"]);
        assert!(strings(&world.activity_of("2@ours.example")["companies"]).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_deal_that_two_contacts_share_is_linked_once() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["c,Carla,carla@customer.example,,,", "d,Dora,dora@customer.example,,,"]);
        world.deals(&["d1,Deal,open,2026-01-01,c;d"]);
        world.deliver(mail("1@ours.example", &format!("{CARLA}, {DORA}"), ""));
        world.sync();
        assert_eq!(strings(&world.activity()["deals"]), ["d1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_an_attachment_of_exactly_the_limit_is_kept_and_one_byte_more_is_dropped() {
    for engine in engines() {
        let world = World::new(engine, provider::Profile::Plain, "attachments.max_bytes = 1000\n").await;
        world.deliver(mail_with("1@ours.example", CARLA, &[("fits.bin", &[7; 1000])]));
        world.deliver(mail_with("2@ours.example", CARLA, &[("more.bin", &[7; 1001])]));
        world.sync();
        let kept = &world.activity_of("1@ours.example")["attachments"][0];
        assert_eq!((kept["stored"].as_bool(), kept["size"].as_u64()), (Some(true), Some(1000)));
        assert_eq!(world.trail.blob(kept["sha256"].as_str().unwrap()), Some(vec![7; 1000]));
        let activity = world.activity_of("2@ours.example");
        let dropped = &activity["attachments"][0];
        assert_eq!((dropped["stored"].as_bool(), dropped["size"].as_u64()), (Some(false), Some(1001)));
        assert_eq!((&dropped["name"], &dropped["type"]), (&"more.bin".into(), &"application/octet-stream".into()));
        assert!(dropped["sha256"].is_null() && dropped["reason"].is_string());
        assert_eq!(strings(&activity["flags"]), ["attachment-dropped"]);
        let notices = world.trail.json(&["notice", "list", "--json"]);
        assert_eq!(notices.len(), 1);
        assert_eq!(notices[0]["to"], "anna@ours.example");
        assert_eq!(notices[0]["message_id"], "2@ours.example");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_of_two_attachments_only_the_oversize_one_is_dropped() {
    for engine in engines() {
        let world = World::new(engine, provider::Profile::Plain, "attachments.max_bytes = 1000\n").await;
        world.deliver(mail_with("1@ours.example", CARLA, &[("big.bin", &[1; 5000]), ("small.bin", &[2; 10])]));
        world.sync();
        let activity = world.activity();
        let stored = activity["attachments"].as_array().unwrap().iter().map(|one| (&one["name"], &one["stored"]));
        assert_eq!(
            stored.collect::<Vec<_>>(),
            [(&"big.bin".into(), &false.into()), (&"small.bin".into(), &true.into())]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s15_a_mail_seen_twice_is_one_activity_with_two_sightings() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        world.deliver(mail("1@ours.example", CARLA, "Received: from a by b; Sun, 22 Nov 2026 10:00:01 +0000\r\n"));
        world.sync();
        assert_eq!(world.activity()["sightings"].as_array().unwrap().len(), 3);
        assert_eq!(world.codes(), ["logged", "duplicate", "duplicate"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_from_a_mailing_list_is_a_duplicate_whenever_it_is_read() {
    for engine in engines() {
        let world = World::plain(engine).await;
        for id in 0..40 {
            world.deliver(mail(&format!("{id}@ours.example"), CARLA, ""));
        }
        for id in 0..40 {
            let list = "list@lists.example";
            world.deliver(mail_from(list, &format!("{id}@ours.example"), list, ""));
        }
        world.sync();
        let codes = world.codes();
        let (logged, copies) = codes.split_at(40);
        assert!(logged.iter().all(|code| code == "logged") && copies.iter().all(|code| code == "duplicate"));
        assert!(world.activities().iter().all(|activity| activity["sightings"].as_array().unwrap().len() == 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s16_a_colleague_in_cc_does_not_become_a_contact() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.users(&["bert@ours.example,Bert,b.borg@ours.example,core,true"]);
        world.deliver(mail("1@ours.example", CARLA, "Cc: Bert <BERT@ours.example>, b.borg@ours.example\r\n"));
        world.sync();
        assert_eq!(strings(&world.activity()["contacts"]), [CARLA]);
        assert_eq!(world.contacts(), [CARLA]);
    }
}
