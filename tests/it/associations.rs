//! Which records a mail is put on (section E).

use provider::Profile;

use crate::support::world::{World, engines, mail, strings};

const CARLA: &str = "carla@customer.example";
const DORA: &str = "dora@customer.example";

#[tokio::test(flavor = "multi_thread")]
async fn several_contacts_bring_their_companies_and_five_deals_each() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.companies(&["a,A,", "b,B,"]);
        world.contacts_known(&["c,Carla,carla@customer.example,a,,", "d,Dora,dora@customer.example,b,,"]);
        let of = |who: &'static str| (1..=6).map(move |day| format!("{who}{day},Deal,open,2026-01-0{day},{who}"));
        let shared = ["both,Deal,open,2026-01-09,c;d".to_owned()];
        let deals: Vec<String> = of("c").chain(of("d")).chain(shared).collect();
        world.deals(&deals.iter().map(String::as_str).collect::<Vec<_>>());
        world.deliver(mail("1@ours.example", CARLA, &format!("Cc: {DORA}\r\n")));
        world.sync();
        let activity = world.activity();
        assert_eq!(strings(&activity["companies"]), ["a", "b"]);
        assert_eq!(strings(&activity["deals"]), ["both", "c3", "c4", "c5", "c6", "d3", "d4", "d5", "d6"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deals_of_one_day_go_by_key_and_their_number_is_a_setting() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "[limits]\ndeals = 2\n").await;
        world.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        world.deals(&["x,,open,2026-01-01,c", "z,,open,2026-01-01,c", "y,,open,2026-01-01,c"]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(strings(&world.activity()["deals"]), ["y", "z"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_made_once_and_later_changes_do_not_rewrite_them() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        world.deals(&["d1,,open,2026-01-01,c"]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        world.deals(&["d1,,won,2026-01-01,c", "d2,,open,2026-01-02,c"]);
        world.deliver(mail("2@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(strings(&world.activity_of("1@ours.example")["deals"]), ["d1"]);
        assert_eq!(strings(&world.activity_of("2@ours.example")["deals"]), ["d2"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_found_by_any_of_its_addresses_in_any_case() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["c,Carla,carla@customer.example;private@home.example;carla@bücher.example,,,"]);
        world.deliver(mail("1@ours.example", "Private@HOME.example", ""));
        world.deliver(mail("2@ours.example", "CARLA@xn--bcher-kva.example", "Cc: carla@customer.example\r\n"));
        world.sync();
        for activity in world.activities() {
            assert_eq!(strings(&activity["contacts"]), [CARLA]);
        }
        assert_eq!(world.contacts().len(), 3, "one contact, three addresses");
        assert_eq!(world.trail.json(&["contact", "list", "--json"]).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_tied_to_the_existing_company_of_its_domain() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.companies(&["acme,Acme,acme.example", "mail,Mail,gmail.com"]);
        world.contacts_known(&["k,Known,known@acme.example,,,"]);
        for (n, to) in ["new@acme.example", "sub@dept.acme.example", "known@acme.example"].into_iter().enumerate() {
            world.deliver(mail(&format!("{n}@ours.example"), to, ""));
        }
        world.deliver(mail("3@ours.example", "ann@gmail.com", ""));
        world.deliver(mail("4@ours.example", "ann@other.example", ""));
        world.sync();
        for n in 0..3 {
            assert_eq!(strings(&world.activity_of(&format!("{n}@ours.example"))["companies"]), ["acme"], "{n}");
        }
        for n in 3..5 {
            assert!(strings(&world.activity_of(&format!("{n}@ours.example"))["companies"]).is_empty(), "{n}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_option_a_mail_domain_becomes_a_company_but_a_free_mail_providers_does_not() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "[policy]\ncreate_companies = true\n").await;
        world.companies(&["old.example,Old without its domain,"]);
        world.deliver(mail("1@ours.example", "ann@new.example", "Cc: bo@dept.new.example, cy@gmail.com\r\n"));
        world.deliver(mail("2@ours.example", "dan@old.example", ""));
        world.deliver(mail("3@ours.example", "eve@gmail.com", ""));
        world.sync();
        world.deliver(mail("4@ours.example", "fay@new.example", ""));
        world.sync();
        let companies = |id| strings(&world.activity_of(id)["companies"]);
        assert_eq!(companies("1@ours.example"), ["new.example"]);
        assert_eq!(companies("2@ours.example"), ["old.example"]);
        assert!(companies("3@ours.example").is_empty());
        assert_eq!(companies("4@ours.example"), ["new.example"]);
        assert_eq!(world.contacts().len(), 6, "a free-mail address is a contact like any other");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_contact_does_not_come_back_by_mail() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        world.trail.run(&["contact", "remove", "Carla@Customer.example"]);
        world.deliver(mail("2@ours.example", CARLA, ""));
        world.deliver(mail("3@ours.example", &format!("{CARLA}, {DORA}"), ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "no-recipient", "logged"]);
        assert_eq!(world.contacts(), [DORA]);
        world.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        world.deliver(mail("4@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(strings(&world.activity_of("4@ours.example")["contacts"]), [CARLA], "an import brings it back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_is_as_visible_as_its_workspace_says() {
    for engine in engines() {
        for (setting, visibility) in [("", "everyone"), ("[workspace]\nvisibility = \"owner\"\n", "owner")] {
            let world = World::new(engine, Profile::Plain, setting).await;
            world.deliver(mail("1@ours.example", CARLA, ""));
            world.sync();
            assert_eq!(world.activity()["visibility"], visibility);
        }
    }
}
