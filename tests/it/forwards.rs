//! Scenarios 26 to 38 and 59 to 61 of the specification: what a mail to the forwarding address becomes.

use std::path::Path;

use serde_json::Value;

use crate::support::forward::{ANNA, CARLA, LOG, attached, carla, forward, forwarded, original, plain_only, world};
use crate::support::world::{engines, mail, mail_with, strings, with_text};

/// Every forward of the corpus, with what is read from it.
fn corpus() -> Vec<(String, Vec<u8>, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/forward");
    let clients = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = clients.flat_map(|client| std::fs::read_dir(client).unwrap()).map(|entry| entry.unwrap().path());
    let mails = files.filter(|file| file.extension().is_some_and(|ending| ending == "eml")).map(|file| {
        let expected = std::fs::read_to_string(file.with_extension("json")).unwrap();
        (file.display().to_string(), std::fs::read(&file).unwrap(), serde_json::from_str(&expected).unwrap())
    });
    let mut mails: Vec<_> = mails.collect();
    mails.sort_by(|a, b| a.0.cmp(&b.0));
    mails
}

#[tokio::test(flavor = "multi_thread")]
async fn s26_a_forward_of_every_client_and_language_is_on_the_original_sender_and_never_on_the_forwarder() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.users(&["desk@ours.example,Sales Desk,,core,true"]);
        let corpus = corpus();
        for (_, mail, _) in &corpus {
            forwarded(&world, mail);
        }
        world.sync();
        let activities = world.activities();
        let is_at = |activity: &Value, uid: u64| {
            activity["sightings"].as_array().unwrap().iter().any(|one| one["uid"].as_u64() == Some(uid))
        };
        let seen_at = |uid: u64, sender: Option<&str>| {
            let mut here = activities.iter().filter(|activity| is_at(activity, uid));
            here.find(|activity| activity["from"]["address"].as_str() == sender)
        };
        let mut logged = 0;
        for (uid, (file, _, expected)) in (1_u64..).zip(&corpus) {
            let sender = expected["from"]["address"].as_str();
            let Some(activity) = seen_at(uid, sender) else {
                assert!(activities.iter().all(|activity| !is_at(activity, uid)), "{file} is logged on somebody else");
                let ours = sender.is_none_or(|sender| sender.ends_with("@ours.example"));
                assert!(ours || expected["not_forwarded"].is_string(), "{file} is not logged");
                continue;
            };
            logged += 1;
            assert!(expected["not_forwarded"].is_null(), "{file} is no forward");
            for other in expected["others"].as_array().into_iter().flatten() {
                assert!(seen_at(uid, other["from"]["address"].as_str()).is_some(), "{file}");
            }
            assert_eq!(activity["forwarded_by"], "desk@ours.example", "{file}");
            assert!(strings(&activity["contacts"]).contains(&sender.unwrap().to_lowercase()), "{file}");
        }
        assert!(logged > 80, "{logged} of {}", corpus.len());
        assert!(world.contacts().iter().all(|contact| !contact.ends_with("@ours.example")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s27_the_original_sender_becomes_a_contact_and_the_mail_is_the_originals() {
    for engine in engines() {
        let world = world(engine, "").await;
        forwarded(&world, forward("f1@ours.example", &carla(), ""));
        world.sync();
        let activity = world.activity();
        assert_eq!(strings(&activity["contacts"]), [CARLA]);
        assert_eq!((&activity["kind"], &activity["direction"]), (&"forwarded".into(), &"incoming".into()));
        assert_eq!((&activity["user"], &activity["attribution"]), (&ANNA.into(), &"login".into()));
        assert_eq!((&activity["forwarded_by"], &activity["note"]), (&ANNA.into(), &"Do akt.".into()));
        assert_eq!(activity["message_id"], "f1@ours.example");
        assert_eq!((&activity["subject"], &activity["sent_at"]), (&"Oferta 41".into(), &"2026-11-22T09:05:00Z".into()));
        assert_eq!(activity["text"].as_str().map(str::trim), Some("Dzień dobry,\n\nbierzemy tę ofertę."));
        let contact = &world.trail.json(&["contact", "list", "--json"])[0];
        assert_eq!((&contact["name"], &contact["source"]), (&"Carla Customer".into(), &"forward".into()));
        assert_eq!(world.codes(), ["logged"]);
        let rules = world.rules("f1@ours.example");
        for rule in ["B3", "C2(2)", "L13", "B9, B16", "B4", "B5", "B21"] {
            assert!(rules.iter().any(|told| told == rule), "{rule} is not among {rules:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s28_a_listed_original_sender_is_neither_made_nor_logged() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.trail.run(&["never-log", "add", "*@customer.example"]);
        forwarded(&world, forward("f1@ours.example", &carla(), ""));
        world.sync();
        assert_eq!(world.codes(), ["never-log"]);
        assert!(world.contacts().is_empty() && world.activities().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s29_a_cc_of_the_original_is_not_made_a_contact_but_a_known_one_gets_the_mail() {
    for engine in engines() {
        let world = world(engine, "").await;
        forwarded(&world, forward("f1@ours.example", &carla(), ""));
        world.sync();
        assert_eq!(world.contacts(), [CARLA]);
        world.contacts_known(&["n,Nowak,nowak@customer.example,,,"]);
        forwarded(&world, forward("f2@ours.example", &carla(), "").replace("10:05", "10:06"));
        world.sync();
        assert_eq!(strings(&world.activity_of("f2@ours.example")["contacts"]), [CARLA, "nowak@customer.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_a_mail_without_a_header_block_is_not_logged() {
    for engine in engines() {
        let world = world(engine, "").await;
        let text = format!("Please log what {CARLA} told me on the telephone.\r\n");
        forwarded(&world, with_text(&mail("f1@ours.example", LOG, ""), &text));
        world.sync();
        assert_eq!(world.codes(), ["no-forward-header"]);
        assert!(world.contacts().is_empty() && world.activities().is_empty());
        assert!(world.rules("f1@ours.example").contains(&"B9".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_one_part_is_enough_unless_both_are_wanted() {
    for engine in engines() {
        let single = plain_only(&forward("f1@ours.example", &carla(), ""));
        let tolerant = world(engine, "").await;
        forwarded(&tolerant, &single);
        tolerant.sync();
        assert_eq!(tolerant.codes(), ["logged"]);
        let strict = world(engine, "policy.forward_require_both_parts = true\n").await;
        forwarded(&strict, &single);
        forwarded(&strict, forward("f2@ours.example", &carla(), ""));
        strict.sync();
        assert_eq!(strict.codes(), ["missing-html-or-text", "logged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s32_what_one_of_us_wrote_is_logged_as_outgoing_where_that_is_wanted() {
    for engine in engines() {
        let world = world(engine, "policy.forward_own = \"log-outgoing\"\n").await;
        let own = forward("f1@ours.example", &format!("Anna Berg <{ANNA}>"), "");
        forwarded(
            &world,
            own.replace(&format!("To: Anna Berg <{ANNA}>"), &format!("To: {CARLA}"))
                .replace(&format!("To: Anna Berg &lt;{ANNA}&gt;"), &format!("To: {CARLA}")),
        );
        world.sync();
        let activity = world.activity();
        assert_eq!(activity["direction"], "outgoing");
        assert!(strings(&activity["contacts"]).contains(&CARLA.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s32_what_one_of_us_wrote_is_not_logged() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.users(&["bert@ours.example,Bert,b.borg@ours.example,core,true"]);
        forwarded(&world, forward("f1@ours.example", &format!("Anna Berg <{ANNA}>"), ""));
        forwarded(&world, forward("f2@ours.example", "Bert <b.borg@ours.example>", ""));
        world.sync();
        assert_eq!(world.codes(), ["forward-of-own-message", "forward-of-own-message"]);
        assert!(world.contacts().is_empty() && world.activities().is_empty());
        assert!(world.rules("f1@ours.example").contains(&"B12".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s33_words_that_no_table_has_are_an_unsupported_language() {
    for engine in engines() {
        let world = world(engine, "").await;
        let basque = "---------- Birbidalitako mezua ---------\r\nNork: Carla <carla@customer.example>\r\nNoiz: 2026-11-22\r\n\
                      Gaia: Eskaintza\r\nNori: Anna <anna@ours.example>\r\n\r\nBai.\r\n";
        forwarded(&world, with_text(&mail("f1@ours.example", LOG, ""), basque));
        world.sync();
        assert_eq!(world.codes(), ["unsupported-language"]);
        assert!(world.contacts().is_empty());
        assert!(world.rules("f1@ours.example").contains(&"B10".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_without_an_address_is_not_guessed() {
    for engine in engines() {
        let world = world(engine, "").await;
        world.contacts_known(&["c,Carla Customer,carla@customer.example,,,"]);
        forwarded(&world, forward("f1@ours.example", "Carla Customer", ""));
        world.sync();
        assert_eq!(world.codes(), ["no-original-address"]);
        assert!(world.activities().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s34_the_attachments_of_a_forward_are_kept() {
    for engine in engines() {
        let world = world(engine, "").await;
        let text = plain_only(&forward("f1@ours.example", &carla(), ""));
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let outer = mail_with("f1@ours.example", LOG, &[("offer.bin", &[7; 100])]);
        forwarded(&world, outer.replace("See below.\r\n", body).replace("text/plain", "text/plain; charset=utf-8"));
        world.sync();
        let attachment = &world.activity()["attachments"][0];
        assert_eq!((&attachment["name"], &attachment["stored"]), (&"offer.bin".into(), &true.into()));
        assert_eq!(world.trail.blob(attachment["sha256"].as_str().unwrap()), Some(vec![7; 100]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s35_and_s36_a_stranger_forwards_nothing_and_the_forwarder_is_never_the_contact() {
    for engine in engines() {
        let world = world(engine, "workspace.own_domains = [\"ours.example\"]\n").await;
        forwarded(
            &world,
            forward("f1@ours.example", &carla(), "")
                .replace(&format!("From: Anna Berg <{ANNA}>"), "From: eve@else.example"),
        );
        forwarded(&world, forward("f2@ours.example", "Colleague <bo@ours.example>", ""));
        world.sync();
        assert_eq!(world.codes(), ["unknown-sender", "internal-only"]);
        assert!(world.contacts().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s37_an_attached_message_has_its_exact_header_and_is_logged_once() {
    for engine in engines() {
        let world = world(engine, "").await;
        forwarded(&world, attached("f1@ours.example", &[&original("o@customer.example")]));
        forwarded(&world, attached("f2@ours.example", &[&original("o@customer.example")]));
        world.sync();
        let activity = world.activity();
        assert_eq!(activity["message_id"], "o@customer.example");
        assert_eq!(
            (&activity["sent_at"], &activity["note"]),
            (&"2026-11-22T09:05:07Z".into(), &"For the file.".into())
        );
        assert!(activity["attachments"].as_array().unwrap().is_empty());
        assert_eq!(world.codes(), ["logged", "duplicate"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s38_of_nested_blocks_the_outermost_is_the_message() {
    for engine in engines() {
        let world = world(engine, "").await;
        let nested = "bierzemy tę ofertę.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Deep <deep@else.example>\r\n\
                      Date: Sat, Nov 21, 2026 at 9:00 AM\r\nSubject: Oferta 41\r\nTo: Carla <carla@customer.example>\r\n\r\nHistory.\r\n";
        let mail = plain_only(&forward("f1@ours.example", &carla(), ""));
        forwarded(&world, mail.replace("bierzemy tę ofertę.\r\n", nested));
        world.sync();
        assert_eq!(strings(&world.activity()["contacts"]), [CARLA]);
        assert_eq!(world.contacts(), [CARLA]);
    }
}
