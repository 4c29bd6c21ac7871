//! Personal inboxes at the edges: removed contacts, colleagues who are no users, long threads, refused users, mail in files.

use provider::Profile;

use crate::support::inbox::{ANNA, CARLA, Desk, answer, reply};
use crate::support::world::{BCC, Engine, engines, mail, mail_from, strings};

const OFFER: &str = "Re: Offer 1@ours.example";

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_on_a_thread_whose_only_contact_was_removed_stays_its_users_and_brings_nobody_back() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        desk.users(&["bert@ours.example,Bert,,core,true"]);
        desk.join("bert@ours.example", "bert@ours.example");
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        desk.trail.run(&["contact", "remove", CARLA]);
        // It comes to a colleague: D2, the thread is the user's who began it; E11, a removed contact stays away.
        let to_bert = reply("2@c.example", OFFER, "1@ours.example").replace(ANNA, "bert@ours.example");
        desk.put("bert@ours.example", "INBOX", to_bert);
        desk.sync();
        let activity = desk.activity_of("2@c.example");
        assert_eq!((&activity["user"], &activity["attribution"]), (&ANNA.into(), &"owner".into()));
        assert_eq!(activity["thread"], desk.activity_of("1@ours.example")["thread"]);
        assert!(strings(&activity["contacts"]).is_empty() && desk.contacts().is_empty(), "{activity}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_who_is_no_user_is_no_customer_on_a_customers_thread_and_is_not_opened() {
    for (settings, code) in [("[workspace]\nown_domains = [\"ours.example\"]\n", "internal-only"), ("", "logged")] {
        let desk = Desk::with(Engine::Sqlite, Profile::Plain, settings).await;
        desk.log_by_bcc("1@ours.example");
        desk.sync();
        let refers = format!("Cc: {ANNA}\r\nIn-Reply-To: <1@ours.example>\r\n");
        desk.receive(answer("intern@ours.example", CARLA, "2@ours.example", OFFER, &refers));
        desk.sync();
        assert_eq!(desk.code("2@ours.example"), code, "F9");
        assert_eq!(desk.opened().len(), usize::from(code == "logged"));
        assert_eq!(desk.contacts(), [CARLA]);
        if code == "logged" {
            // Nobody says that the domain is ours: to the program it is somebody new on the thread (decision 11).
            assert_eq!(strings(&desk.activity_of("2@ours.example")["flags"]), ["new-participant"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_references_the_nearest_and_the_first_tie_a_reply() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    let ids: Vec<String> = (0..400).map(|n| format!(" <{n}@elsewhere.example>\r\n")).collect();
    let with = |at: usize| {
        let mut ids = ids.clone();
        ids.insert(at, " <1@ours.example>\r\n".to_owned());
        format!("References:{}", ids.concat())
    };
    for (at, code) in [(0, "logged"), (400, "logged"), (250, "logged"), (100, "not-in-known-thread")] {
        let id = format!("{at}@c.example");
        desk.receive(answer(CARLA, ANNA, &id, OFFER, &with(at)));
        desk.sync();
        assert_eq!(desk.code(&id), code, "D18, the logged mail in place {at} of 401");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_accounts_says_why_nothing_is_logged_for_a_refused_user() {
    for engine in engines() {
        let desk = Desk::new(engine, Profile::Plain).await;
        let reason = || {
            let accounts = desk.trail.json(&["account", "list", "--json"]);
            accounts.iter().find(|one| one["address"] == ANNA).unwrap()["reason"].clone()
        };
        assert!(reason().is_null());
        desk.users(&["anna@ours.example,Anna,,core,false"]);
        assert_eq!(reason(), "Nothing is logged: its user is inactive.", "D2");
        desk.users(&["anna@ours.example,Anna,,view-only,true"]);
        assert_eq!(reason(), "Nothing is logged: its user has a view-only seat.", "G1");
        assert!(desk.trail.run(&["account", "list"]).contains("Nothing is logged: its user has a view-only seat."));
        desk.users(&["anna@ours.example,Anna,,core,true"]);
        assert!(reason().is_null());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_judges_a_file_as_in_the_inbox_that_it_is_to_or_in_the_account_it_is_told() {
    let desk = Desk::new(Engine::Sqlite, Profile::Plain).await;
    desk.log_by_bcc("1@ours.example");
    desk.sync();
    let file = desk.trail.path("mail.eml");
    let path = file.to_str().unwrap();
    let explained = |mail: String, account: Option<&str>| {
        std::fs::write(&file, mail).unwrap();
        let account: Vec<&str> = account.into_iter().flat_map(|account| ["--account", account]).collect();
        let told = desk.trail.json(&[&["explain", path, "--json"][..], &account].concat());
        (told[0]["account"].as_str().unwrap().to_owned(), told[0]["code"].as_str().unwrap().to_owned())
    };
    let to = |account: &str, code: &str| (account.to_owned(), code.to_owned());
    let fresh = || mail_from(CARLA, "2@c.example", ANNA, "");
    let on_thread = || reply("3@c.example", OFFER, "1@ours.example");
    // D16: what the user did not find on the timeline came to the inbox.
    assert_eq!(explained(fresh(), None), to(ANNA, "not-in-known-thread"));
    assert_eq!(explained(on_thread(), None), to(ANNA, "logged"));
    assert_eq!(explained(on_thread(), Some(BCC)), to(BCC, "logged"));
    assert_eq!(explained(fresh(), Some(BCC)), to(BCC, "unknown-sender"));
    assert_eq!(explained(mail("4@ours.example", CARLA, ""), None), to(BCC, "logged"), "what one of us sent");
    assert_eq!(explained(mail("4@ours.example", CARLA, ""), Some(ANNA)), to(ANNA, "not-in-known-thread"));
    assert_eq!(explained(fresh().replace(ANNA, &format!("{ANNA}, {BCC}")), None), to(BCC, "unknown-sender"));
    assert_eq!(desk.logged(), ["1@ours.example"], "nothing is written");
}
