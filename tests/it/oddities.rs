//! Mail as it really is: charsets, missing ids, impossible dates (L26, D20, B21).

use crate::support::world::{BCC, Engine, World, engines, mail, strings, with_text};

const CARLA: &str = "carla@customer.example";

/// The raw mail with its text replaced by these bytes in this charset.
fn in_charset(id: &str, charset: &str, text: &[u8]) -> Vec<u8> {
    let raw = mail(id, CARLA, "").replace("charset=utf-8", &format!("charset={charset}"));
    let (header, _) = raw.split_once("Hello.").unwrap();
    [header.as_bytes(), text, b"\r\n"].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_charset_is_read_and_no_byte_breaks_a_database() {
    let cases: [(&str, &[u8], &str); 9] = [
        ("iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ("windows-1252", b"\x80 5 \x96 \x93ok\x94", "€ 5 – “ok”"),
        ("iso-8859-2", b"\xb3\xf3d\xbc", "łódź"),
        ("koi8-r", b"\xf0\xf2\xe9", "ПРИ"),
        ("shift_jis", b"\x93\xfa\x96\x7b", "日本"),
        ("gb2312", b"\xd6\xd0\xce\xc4", "中文"),
        ("iso-2022-jp", b"\x1b$BF|K\\\x1b(B", "日本"),
        ("x-unknown", "ünbekannt".as_bytes(), "ünbekannt"),
        ("utf-8", b"a\0b \xed\xa0\x80 c", "a"),
    ];
    for engine in engines() {
        let world = World::plain(engine).await;
        for (n, (charset, bytes, _)) in cases.iter().enumerate() {
            world.deliver(in_charset(&format!("{n}@ours.example"), charset, bytes));
        }
        world.sync();
        assert_eq!(world.codes(), ["logged"; 9]);
        for (n, (charset, _, text)) in cases.iter().enumerate() {
            let activity = world.activity_of(&format!("{n}@ours.example"));
            let read = activity["text"].as_str().unwrap();
            assert!(read.starts_with(text), "{charset}: {read:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_subjects_are_decoded() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let raw = mail("1@ours.example", "=?iso-8859-1?Q?Bj=F6rn?= <bjorn@customer.example>", "")
            .replace("Subject: Offer 1@ours.example", "Subject: =?utf-8?B?w4VuZ2VydA==?=\r\n =?utf-8?q?_k=C3=B6p?=");
        world.deliver(raw);
        world.sync();
        let activity = world.activity();
        assert_eq!(activity["subject"], "Ångert köp");
        assert_eq!(activity["to"][0]["name"], "Björn");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_without_an_id_is_known_by_what_it_is() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let without = |text: &str| {
            with_text(&mail("x@ours.example", CARLA, ""), text).replace("Message-ID: <x@ours.example>\r\n", "")
        };
        world.deliver(without("The first.\r\n"));
        world.deliver(without("The first.\r\n"));
        world.deliver(without("The second.\r\n"));
        world.sync();
        world.deliver(without("The first.\r\n"));
        world.sync();
        assert_eq!(world.codes(), ["logged", "duplicate", "logged", "duplicate"]);
        assert!(world.activities().iter().all(|activity| activity["message_id"].is_null()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_ids_the_first_counts_and_a_replaced_one_is_the_same_mail() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", CARLA, "Message-ID: <other@ours.example>\r\n"));
        let replaced = "X-Microsoft-Original-Message-ID: <1@ours.example>\r\n";
        world.deliver(mail("new@prod.outlook.example", CARLA, replaced));
        world.sync();
        assert_eq!(world.activity()["message_id"], "1@ours.example");
        assert_eq!(world.codes(), ["logged", "duplicate"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_without_subject_or_date_is_logged() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let bare = mail("1@ours.example", CARLA, "")
            .replace("Subject: Offer 1@ours.example\r\n", "")
            .replace("Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n", "Date: yesterday\r\n");
        world.deliver(bare);
        world.sync();
        let activity = world.activity();
        assert_eq!((&activity["subject"], strings(&activity["flags"])), (&"".into(), vec!["date-fallback".to_owned()]));
        // INTERNALDATE stands in.
        assert_eq!(activity["sent_at"], "2026-01-01T00:00:01Z");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn html_alone_is_text_too_and_an_automatic_mail_is_flagged() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let html = with_text(&mail("1@ours.example", CARLA, ""), "<p>Hello <b>Carla</b></p><script>bad()</script>");
        world.deliver(html.replace("text/plain", "text/html"));
        world.deliver(mail("2@ours.example", CARLA, "Auto-Submitted: auto-generated\r\n"));
        world.sync();
        let activity = world.activity_of("1@ours.example");
        assert!(activity["text"].as_str().unwrap().contains("Hello Carla"), "{activity}");
        let shown = world.trail.run(&["activity", "show", activity["id"].as_str().unwrap(), "--html"]);
        assert!(shown.contains("Carla") && !shown.contains("bad()"), "{shown}");
        assert_eq!(strings(&world.activity_of("2@ours.example")["flags"]), ["auto-reply"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_copy_and_its_original_are_one_activity_whichever_comes_first() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let replaced = "X-Microsoft-Original-Message-ID: <1@ours.example>\r\n";
        world.deliver(mail("new@prod.outlook.example", CARLA, replaced));
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        world.deliver(mail("1@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.activity()["message_id"], "new@prod.outlook.example");
        assert_eq!(world.codes(), ["logged", "duplicate", "duplicate"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_refer_to_hundreds_of_ids_each_do_not_overfill_a_statement() {
    for engine in engines() {
        let world = World::plain(engine).await;
        for n in 0..80 {
            let ids: String = (0..500).map(|id| format!(" <{n}.{id}@elsewhere.example>\r\n")).collect();
            world.deliver(mail(&format!("{n}@ours.example"), CARLA, &format!("In-Reply-To:{ids}")));
        }
        world.sync();
        assert_eq!(world.codes(), ["logged"; 80]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_merge_without_ids_is_as_many_mails_as_it_has_recipients() {
    for engine in engines() {
        let world = World::plain(engine).await;
        for n in 0..3 {
            let one = mail("x@ours.example", &format!("c{n}@customer.example"), "");
            world.deliver(one.replace("Message-ID: <x@ours.example>\r\n", ""));
        }
        world.sync();
        assert_eq!(world.codes(), ["logged"; 3]);
        assert_eq!(world.contacts(), ["c0@customer.example", "c1@customer.example", "c2@customer.example"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_of_a_copy_in_the_same_batch_that_it_is_one() {
    let world = World::plain(Engine::Sqlite).await;
    world.deliver(mail("1@ours.example", CARLA, ""));
    world.deliver(mail("1@ours.example", CARLA, ""));
    world.sync();
    assert_eq!(world.codes(), ["logged", "duplicate"]);
    let told = world.trail.run(&["explain", "--account", BCC, "--uid", "2"]);
    assert!(told.contains("one more sighting") && !told.contains("Logged"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_parsed_stays_set_aside_when_it_is_tried_again() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(b"\x00\xff\xfe no header at all");
        world.sync();
        world.trail.run(&["quarantine", "retry"]);
        assert_eq!(world.codes(), ["parse-error"]);
        assert_eq!(world.trail.json(&["quarantine", "list", "--json"]).len(), 1);
    }
}
