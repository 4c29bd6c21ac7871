//! Never-log lists (section F).

use provider::Profile;

use crate::support::world::{World, engines, mail, mail_from, strings};

const CARLA: &str = "carla@customer.example";
const LISTED: &str = "ann@secret.example";

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_an_entry_is_understood() {
    for engine in engines() {
        let world = World::plain(engine).await;
        for entry in ["Ann@Secret.example", "*@domain.example", "bare.example", "@at.example", "*.below.example"] {
            world.trail.run(&["never-log", "add", entry]);
        }
        let listed = [LISTED, "x@domain.example", "x@BARE.example", "x@at.example", "x@a.below.example"];
        for (n, to) in listed.into_iter().enumerate() {
            world.deliver(mail(&format!("{n}@ours.example"), to, ""));
        }
        let free = ["bo@secret.example", "x@sub.domain.example", "x@notbare.example", "x@below.example"];
        for (n, to) in free.into_iter().enumerate() {
            world.deliver(mail(&format!("free{n}@ours.example"), to, ""));
        }
        world.sync();
        assert_eq!(world.codes(), [&["never-log"; 5][..], &["logged"; 4]].concat());
        assert_eq!(world.trail.json(&["never-log", "list", "--json"]).len(), 5);
        world.trail.fails(2, &["never-log", "add", "nonsense"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_own_list_is_for_that_users_mail_only() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.users(&["bert@ours.example,Bert,,core,true"]);
        world.trail.run(&["never-log", "add", "--user", "anna@ours.example", LISTED]);
        world.deliver(mail("1@ours.example", LISTED, ""));
        world.deliver(mail_from("bert@ours.example", "2@ours.example", LISTED, ""));
        world.sync();
        assert_eq!(world.codes(), ["never-log", "logged"]);
        let list = world.trail.json(&["never-log", "list", "--json"]);
        assert_eq!((&list[0]["entry"], &list[0]["user"]), (&LISTED.into(), &"anna@ours.example".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_contact_brings_neither_itself_nor_its_company_and_deals() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.companies(&["s,Secret,secret.example"]);
        world.contacts_known(&["a,Ann,ann@secret.example,s,,", "c,Carla,carla@customer.example,,,"]);
        world.deals(&["d1,,open,2026-01-01,a"]);
        world.trail.run(&["never-log", "add", "secret.example"]);
        world.deliver(mail("1@ours.example", &format!("{LISTED}, {CARLA}"), ""));
        world.sync();
        let activity = world.activity();
        assert_eq!(strings(&activity["contacts"]), [CARLA]);
        assert!(strings(&activity["companies"]).is_empty() && strings(&activity["deals"]).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_policy_one_listed_participant_keeps_the_whole_mail_out() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "[policy]\nnever_log = \"whole-message\"\n").await;
        world.trail.run(&["never-log", "add", LISTED]);
        world.deliver(mail("1@ours.example", CARLA, &format!("Cc: {LISTED}\r\n")));
        world.deliver(mail("2@ours.example", CARLA, ""));
        // The same holds for the copy of a reply (F8).
        let reply = format!("In-Reply-To: <2@ours.example>\r\nCc: {LISTED}\r\n");
        world.deliver(
            mail_from(CARLA, "3@c.example", "anna@ours.example", &reply).replace("Offer 3@c", "Re: Offer 2@ours"),
        );
        world.sync();
        assert_eq!(world.codes(), ["never-log", "logged", "never-log"]);
        assert_eq!(world.contacts(), [CARLA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_entry_affects_later_mail_only() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.trail.run(&["never-log", "add", LISTED]);
        world.deliver(mail("1@ours.example", LISTED, ""));
        world.sync();
        world.trail.run(&["never-log", "remove", LISTED]);
        world.trail.fails(1, &["never-log", "remove", LISTED]);
        world.deliver(mail("2@ours.example", LISTED, ""));
        world.sync();
        assert_eq!(world.codes(), ["never-log", "logged"]);
        assert_eq!(world.logged(), ["2@ours.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_listed_after_the_first_mail_does_not_get_the_replies() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.companies(&["s,Secret,secret.example", "c,Customer,customer.example"]);
        world.contacts_known(&["a,Ann,ann@secret.example,s,,", "c,Carla,carla@customer.example,c,,"]);
        world.deals(&["of-ann,,open,2026-01-01,a", "of-both,,open,2026-01-02,a;c"]);
        world.deliver(mail("1@ours.example", &format!("{LISTED}, {CARLA}"), ""));
        world.sync();
        assert_eq!(strings(&world.activity()["deals"]), ["of-ann", "of-both"]);
        world.trail.run(&["never-log", "add", "secret.example"]);
        let reply = mail_from(CARLA, "2@c.example", "anna@ours.example", "In-Reply-To: <1@ours.example>\r\n");
        world.deliver(reply.replace("Offer 2@c", "Re: Offer 1@ours"));
        world.sync();
        let reply = world.activity_of("2@c.example");
        assert_eq!(strings(&reply["contacts"]), [CARLA]);
        assert_eq!(strings(&reply["companies"]), ["c"]);
        assert_eq!(strings(&reply["deals"]), ["of-both"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_a_listed_person_is_not_logged() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        world.trail.run(&["never-log", "add", "customer.example"]);
        let reply = mail_from(CARLA, "2@c.example", "anna@ours.example", "In-Reply-To: <1@ours.example>\r\n");
        world.deliver(reply.replace("Offer 2@c", "Re: Offer 1@ours"));
        world.sync();
        assert_eq!(world.codes(), ["logged", "never-log"]);
    }
}
