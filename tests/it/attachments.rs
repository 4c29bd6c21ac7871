//! Limits on attachments and bodies (section H), and what becomes of odd ones.

use provider::Profile;

use crate::support::world::{Engine, World, engines, mail, mail_with, strings, with_text};

const CARLA: &str = "carla@customer.example";
const MEBIBYTE: usize = 1024 * 1024;

/// Bytes that do not repeat, so that a piece in the wrong place shows.
fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(next).take(len.div_ceil(4)).flatten().collect();
    bytes.truncate(len);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_mebibytes_are_kept_byte_for_byte_and_one_byte_more_is_dropped() {
    let world = World::plain(Engine::Sqlite).await;
    let (fits, more) = (bytes(50 * MEBIBYTE), bytes(50 * MEBIBYTE + 1));
    world.deliver(mail_with("1@ours.example", CARLA, &[("fits.bin", &fits)]));
    world.deliver(mail_with("2@ours.example", CARLA, &[("more.bin", &more), ("small.bin", b"small")]));
    world.sync();
    let kept = &world.activity_of("1@ours.example")["attachments"][0];
    assert_eq!(kept["size"], fits.len());
    assert!(world.trail.blob(kept["sha256"].as_str().unwrap()).unwrap() == fits, "not byte-identical");
    let activity = world.activity_of("2@ours.example");
    assert_eq!(activity["attachments"][0]["stored"], false);
    assert_eq!(activity["attachments"][0]["size"], more.len());
    assert_eq!(activity["attachments"][1]["stored"], true);
    assert_eq!(world.trail.json(&["notice", "list", "--json"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_in_slices_is_whole() {
    for engine in engines() {
        let settings = "[worker]\nslice_bytes = 4096\nbatch_bytes = 4096\nmemory_bytes = 8192\n";
        for profile in [Profile::Plain, Profile::Exchange] {
            let off = format!("[policy]\nsender_authentication = \"off\"\n{settings}");
            let world = World::new(engine, profile, &off).await;
            let content = bytes(50_000);
            world.deliver(mail_with("1@ours.example", CARLA, &[("a.bin", &content)]));
            world.deliver(mail("2@ours.example", CARLA, ""));
            world.sync();
            let kept = &world.activity_of("1@ours.example")["attachments"][0];
            assert_eq!(world.trail.blob(kept["sha256"].as_str().unwrap()), Some(content));
            assert_eq!(world.codes(), ["logged", "logged"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_beyond_the_limit_are_stored_as_one_that_says_how_many() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let many: Vec<(&str, &[u8])> = vec![("same.bin", b"same"); 1_007];
        world.deliver(mail_with("1@ours.example", CARLA, &many));
        world.sync();
        let activity = world.activity();
        let attachments = activity["attachments"].as_array().unwrap();
        assert_eq!(attachments.len(), 1_001);
        assert!(attachments[..1_000].iter().all(|one| one["stored"] == true && one["name"] == "same.bin"));
        let rest = &attachments[1_000];
        assert_eq!((&rest["name"], &rest["stored"]), (&"7 further parts".into(), &false.into()), "{rest}");
        assert!(rest["reason"].as_str().unwrap().contains("too many parts"), "{rest}");
        assert_eq!(strings(&activity["flags"]), ["attachment-dropped"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dropped_attachments_make_one_notice() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "attachments.max_bytes = 100\n").await;
        world.deliver(mail_with("1@ours.example", CARLA, &[("a.bin", &[1; 101]), ("b.bin", &[2; 102])]));
        world.deliver(mail_with("1@ours.example", CARLA, &[("a.bin", &[1; 101]), ("b.bin", &[2; 102])]));
        world.sync();
        let notices = world.trail.json(&["notice", "list", "--json"]);
        assert_eq!(notices.len(), 1);
        assert_eq!((&notices[0]["to"], &notices[0]["sent_at"]), (&"anna@ours.example".into(), &().into()));
        let body = notices[0]["body"].as_str().unwrap();
        assert!(body.contains("a.bin (101 bytes)") && body.contains("b.bin (102 bytes)"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_attachment_twice_is_stored_once() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail_with("1@ours.example", CARLA, &[("a.bin", b"same"), ("b.bin", b"same")]));
        world.deliver(mail_with("2@ours.example", CARLA, &[("c.bin", b"same"), ("empty.bin", b"")]));
        world.sync();
        let all = world.activities();
        let names = all.iter().flat_map(|activity| activity["attachments"].as_array().unwrap());
        assert_eq!(names.filter(|one| one["size"] == 4 && one["stored"] == true).count(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_two_mebibytes_is_cut_and_flagged() {
    let long = format!("{}é", "x".repeat(99)).repeat(2 * MEBIBYTE / 100);
    let text = long.as_bytes().chunks(900).map(|line| String::from_utf8_lossy(line).into_owned() + "\r\n");
    let text: String = text.collect();
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(with_text(&mail("1@ours.example", CARLA, ""), &text));
        world.sync();
        let activity = world.activity();
        let kept = activity["text"].as_str().unwrap();
        assert!(kept.len() <= 2 * MEBIBYTE && kept.len() > 2 * MEBIBYTE - 8, "{}", kept.len());
        assert_eq!(strings(&activity["flags"]), ["body-truncated"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_policy_a_body_over_the_limit_is_refused() {
    for engine in engines() {
        let settings = "[limits]\nbody_bytes = 1000\nbody_over_limit = \"reject\"\n";
        let world = World::new(engine, Profile::Plain, settings).await;
        world.deliver(with_text(&mail("1@ours.example", CARLA, ""), &"x".repeat(1001)));
        world.deliver(with_text(&mail("2@ours.example", CARLA, ""), &"x".repeat(1000)));
        world.sync();
        assert_eq!(world.codes(), ["body-too-large", "logged"]);
        assert_eq!(world.activity()["text"].as_str().unwrap().len(), 1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_not_fetched() {
    for engine in engines() {
        let world = World::new(engine, Profile::Plain, "[limits]\nmessage_bytes = 2000\n").await;
        world.deliver(mail_with("1@ours.example", CARLA, &[("a.bin", &[1; 3000])]));
        world.deliver(mail("2@ours.example", CARLA, ""));
        world.sync();
        assert_eq!(world.codes(), ["message-too-large", "logged"]);
        let sent = world.provider.mail.bytes_sent();
        assert!(sent < 4000, "{sent} bytes were sent");
    }
}
