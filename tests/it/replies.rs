//! Copies of replies that reach the BCC address, because somebody answered all (A14, A16, decisions 11 and 14).

use provider::Profile;

use crate::support::world::{World, engines, mail, mail_from, mail_with, strings};

const CARLA: &str = "carla@customer.example";
const ANNA: &str = "anna@ours.example";

/// An answer to `1@ours.example` with this subject.
fn answer(from: &str, id: &str, subject: &str, header: &str) -> String {
    let refers = format!("In-Reply-To: <1@ours.example>\r\nReferences: <1@ours.example>\r\n{header}");
    mail_from(from, id, ANNA, &refers).replace(&format!("Subject: Offer {id}"), &format!("Subject: {subject}"))
}

fn replies_told_of(world: &World) -> usize {
    let events = world.trail.json(&["events", "list", "--json"]);
    events.iter().filter(|event| event["type"] == "reply.received").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outsiders_copy_on_a_logged_thread_is_an_incoming_reply_in_the_same_batch_or_later() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        world.deals(&["d1,,open,2026-01-01,c"]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(answer(CARLA, "2@c.example", "SV: AW: Re[2]: Offer 1@ours.example", "Cc: new@third.example\r\n"));
        world.sync();
        world.deliver(answer(CARLA, "3@c.example", "[EXTERNAL] Re:Offer 1@ours.example", ""));
        world.sync();
        let (first, reply) = (world.activity_of("1@ours.example"), world.activity_of("2@c.example"));
        assert_eq!((&reply["direction"], &reply["kind"]), (&"incoming".into(), &"reply".into()));
        assert_eq!((&reply["user"], &reply["attribution"]), (&ANNA.into(), &"owner".into()));
        assert_eq!((&reply["thread"], &reply["contacts"]), (&first["thread"], &first["contacts"]));
        assert_eq!(strings(&reply["deals"]), ["d1"], "a reply inherits the records of the first mail");
        assert_eq!(world.codes(), ["logged"; 3]);
        assert_eq!(replies_told_of(&world), 2, "of mail of our own no event says that somebody replied (D15)");
        assert_eq!(world.contacts(), [CARLA], "people in Cc of a reply do not become contacts");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_logged_thread_or_with_another_subject_it_is_not_logged() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(answer(CARLA, "0@c.example", "Re: Offer 1@ours.example", ""));
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(answer(CARLA, "2@c.example", "Something else", ""));
        world.deliver(mail_from(CARLA, "3@c.example", ANNA, "").replace("Offer 3@c", "Re: Offer 1@ours"));
        world.sync();
        assert_eq!(world.codes(), ["unknown-sender", "logged", "subject-changed", "unknown-sender"]);

        let world = World::new(engine, Profile::Plain, "[policy]\nsubject = \"trust-in-reply-to\"\n").await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(answer(CARLA, "2@c.example", "Something else", ""));
        let only_references =
            answer(CARLA, "3@c.example", "Another thing", "").replace("In-Reply-To: <1@ours.example>\r\n", "");
        world.deliver(only_references);
        world.sync();
        assert_eq!(world.codes(), ["logged", "logged", "subject-changed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_new_to_the_thread_is_flagged_or_refused_and_never_created() {
    for engine in engines() {
        for (settings, code) in [("", "logged"), ("[policy]\nparticipants = \"strict\"\n", "not-a-participant")] {
            let world = World::new(engine, Profile::Plain, settings).await;
            world.contacts_known(&["c,Carla,carla@customer.example;private@home.example,,,"]);
            world.deliver(mail("1@ours.example", CARLA, ""));
            world.deliver(answer("private@home.example", "2@c.example", "Re: Offer 1@ours.example", ""));
            world.deliver(answer("boss@customer.example", "3@c.example", "Re: Offer 1@ours.example", ""));
            world.deliver(answer("x@elsewhere.example", "4@c.example", "Re: Offer 1@ours.example", ""));
            world.sync();
            assert_eq!(world.codes(), ["logged", "logged", "logged", code]);
            if code == "logged" {
                let flags = |id| strings(&world.activity_of(id)["flags"]);
                assert!(flags("2@c.example").is_empty() && flags("3@c.example").is_empty());
                assert_eq!(flags("4@c.example"), ["new-participant"]);
            }
            assert_eq!(world.trail.json(&["contact", "list", "--json"]).len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_reply_fails_and_one_without_results_does_not() {
    for engine in engines() {
        let off = "Authentication-Results: mx.google.com; dmarc=pass header.from=ours.example\r\n";
        let world = World::new(engine, Profile::Gmail, "").await;
        world.deliver(format!("{off}{}", mail("1@ours.example", CARLA, "")));
        let forged = "Authentication-Results: mx.google.com; dmarc=fail header.from=customer.example\r\n";
        world.deliver(format!("{forged}{}", answer(CARLA, "2@c.example", "Re: Offer 1@ours.example", "")));
        world.deliver(answer(CARLA, "3@c.example", "Re: Offer 1@ours.example", ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "auth-failed", "logged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_office_is_flagged_skipped_or_taken_for_a_reply_by_policy_and_a_bounce_never_is_one() {
    for engine in engines() {
        for (policy, code, flags) in
            [("flag", "logged", "auto-reply"), ("skip", "auto-reply", ""), ("log", "logged", "")]
        {
            let world = World::new(engine, Profile::Plain, &format!("[policy]\nauto_replies = \"{policy}\"\n")).await;
            world.deliver(mail("1@ours.example", CARLA, ""));
            let away =
                answer(CARLA, "2@c.example", "Autosvar: Offer 1@ours.example", "Auto-Submitted: auto-replied\r\n");
            world.deliver(away);
            let report = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n";
            let bounce = answer("mailer-daemon@customer.example", "3@c.example", "Re: Offer 1@ours.example", report);
            world.deliver(bounce.replace("Content-Type: text/plain; charset=utf-8\r\n", ""));
            world.sync();
            assert_eq!(world.codes(), ["logged", code, "bounce"], "{policy}");
            if code == "logged" {
                assert_eq!(strings(&world.activity_of("2@c.example")["flags"]).join(" "), flags);
            }
            assert_eq!(replies_told_of(&world), 0, "logged without a flag it still is no reply event (L11)");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_may_cite_the_id_that_the_provider_replaced() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@prod.example", CARLA, "X-Microsoft-Original-Message-ID: <1@ours.example>\r\n"));
        world.deliver(answer(CARLA, "2@c.example", "Re: Offer 1@prod.example", ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "logged"]);
        assert_eq!(world.activity_of("2@c.example")["thread"], world.activity_of("1@prod.example")["thread"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_ours_continues_the_thread() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.users(&["bert@ours.example,Bert,,core,true"]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        let ours = answer("bert@ours.example", "2@ours.example", "Re: Offer 1@ours.example", "");
        world.deliver(ours.replace(&format!("To: {ANNA}"), &format!("To: {CARLA}, {ANNA}")));
        world.deliver(answer(CARLA, "3@c.example", "Re: Offer 1@ours.example", "").replace("<1@ours", "<2@ours"));
        world.sync();
        assert_eq!(world.activity_of("3@c.example")["user"], ANNA, "the thread counts for who began it");
        let (first, second) = (world.activity_of("1@ours.example"), world.activity_of("2@ours.example"));
        assert_eq!(first["thread"], second["thread"]);
        assert_eq!((&second["direction"], &second["user"]), (&"outgoing".into(), &"bert@ours.example".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_say_nothing_for_an_outsider_flag_the_reply_and_results_against_it_refuse_it() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        let results = |results: &str| format!("Authentication-Results: mx.ours.example; {results}\r\n");
        let none = results("spf=none smtp.mailfrom=customer.example; dmarc=none header.from=customer.example");
        world.deliver(answer(CARLA, "2@c.example", "Re: Offer 1@ours.example", &none));
        let against = results("dmarc=fail header.from=customer.example");
        world.deliver(answer(CARLA, "3@c.example", "Re: Offer 1@ours.example", &against));
        world.sync();
        assert_eq!(world.codes(), ["logged", "logged", "auth-failed"]);
        assert_eq!(strings(&world.activity_of("2@c.example")["flags"]), ["auth-warn"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_of_an_own_domain_is_no_customer_even_if_no_user() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "[workspace]\nown_domains = [\"ours.example\"]\n").await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.deliver(answer("intern@ours.example", "2@ours.example", "Re: Offer 1@ours.example", ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "internal-only"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_whose_people_are_all_listed_since_takes_nobodys_reply() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        world.trail.run(&["never-log", "add", CARLA]);
        world.deliver(answer("boss@customer.example", "2@c.example", "Re: Offer 1@ours.example", ""));
        world.sync();
        assert_eq!(world.codes(), ["logged", "never-log"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_gets_no_notice_about_an_attachment_that_was_left_out() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "attachments.max_bytes = 10\n").await;
        world.deliver(mail("1@ours.example", CARLA, ""));
        let reply = mail_with("2@c.example", ANNA, &[("big.bin", &[7; 11])])
            .replace("From: anna@ours.example", &format!("From: {CARLA}\r\nIn-Reply-To: <1@ours.example>"))
            .replace("Subject: Offer 2@c.example", "Subject: Re: Offer 1@ours.example");
        world.deliver(reply);
        world.sync();
        assert_eq!(world.codes(), ["logged", "logged"]);
        assert_eq!(strings(&world.activity_of("2@c.example")["flags"]), ["attachment-dropped"]);
        assert!(world.trail.json(&["notice", "list", "--json"]).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_copy_of_a_logged_mail_makes_it_known_by_that_copys_ids_too() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.contacts_known(&["c,Carla,carla@customer.example,,,"]);
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        let answers = |parent: &str, id: &str| {
            let refers = format!("In-Reply-To: <{parent}>\r\n");
            let answer = mail_from(CARLA, id, ANNA, &refers);
            answer.replace(&format!("Offer {id}"), "Re: Offer 1@ours.example")
        };
        // Exchange gave this copy another id; of a third nobody knows.
        let rewritten = |id: &str| mail(id, CARLA, "X-Microsoft-Original-Message-ID: <1@ours.example>\r\n");
        world.deliver(rewritten("x@prod.example"));
        world.deliver(answers("x@prod.example", "2@c.example"));
        world.sync();
        world.deliver(answers("x@prod.example", "3@c.example"));
        world.deliver(answers("y@prod.example", "4@c.example"));
        world.sync();
        assert_eq!(world.logged(), ["1@ours.example", "2@c.example", "3@c.example"]);
        assert_eq!(world.codes(), ["logged", "duplicate", "logged", "logged", "unknown-sender"]);
        assert_eq!(world.activity_of("1@ours.example")["sightings"].as_array().unwrap().len(), 2);
    }
}
