//! Mail that is broken or meant to break us: each gets a verdict, and nothing stands in the way of the rest.

use crate::support::faults::{MEMORY_KIB, nothing_lost, once, verdicts};
use crate::support::mail::chance::Chance;
use crate::support::mail::{Cast, samples};
use crate::support::world::{World, engines, mail};

const HEAD: &str = "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: anna@ours.example\r\nTo: carla@customer.example\r\n";
const MUTATIONS: u64 = 120;

/// Golden mails and generated ones, cut short, with bytes changed, doubled or taken out.
fn mutated() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mail");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let golden = files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "eml"));
    let mut originals: Vec<Vec<u8>> = golden.map(|file| std::fs::read(file).unwrap()).collect();
    originals.extend(samples(&Cast::default(), 3, 20).map(|sample| sample.raw));
    (0..MUTATIONS).map(|n| mutate(&mut Chance::of(42, n), &originals)).collect()
}

fn mutate(chance: &mut Chance, originals: &[Vec<u8>]) -> Vec<u8> {
    let mut raw = chance.pick(originals).clone();
    raw.truncate(20_000);
    // The header is where most of the meaning is.
    let reach = if chance.percent(50) { raw.len().min(2_000) } else { raw.len() };
    for _ in 0..chance.between(1, 12) {
        let at = chance.below(reach.min(raw.len()));
        match chance.below(5) {
            0 => raw.truncate(at.max(1)),
            1 => raw[at] = u8::try_from(chance.below(256)).unwrap(),
            2 => {
                let odd: &[&[u8]] = &[b"\0", b"\r\n", b"--", b"\"", b"=?", b"\xff\xfe", b"<"];
                raw.splice(at..at, chance.pick(odd).to_vec());
            }
            3 => {
                raw.drain(at..(at + 40).min(raw.len()));
            }
            _ => {
                let piece = raw[at..(at + 300).min(raw.len())].to_vec();
                raw.splice(at..at, piece);
            }
        }
        if raw.is_empty() {
            raw.push(b'x');
        }
    }
    raw
}

fn deep(levels: usize) -> Vec<u8> {
    let mut raw = format!("{HEAD}Message-ID: <deep@ours.example>\r\nMIME-Version: 1.0\r\n").into_bytes();
    for level in 0..levels {
        raw.extend(format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n").bytes());
    }
    raw.extend(b"Content-Type: text/plain\r\n\r\nAt the bottom.\r\n");
    raw
}

fn nested_messages(levels: usize) -> Vec<u8> {
    let mut raw = format!("{HEAD}Message-ID: <nested@ours.example>\r\n").into_bytes();
    (0..levels).for_each(|_| raw.extend(b"Content-Type: message/rfc822\r\n\r\n"));
    raw.extend(b"Subject: inside\r\n\r\nAt the bottom.\r\n");
    raw
}

fn crafted() -> Vec<Vec<u8>> {
    let with = |id: &str, header: String, body: &[u8]| {
        [format!("{HEAD}Message-ID: <{id}@ours.example>\r\n{header}\r\n").as_bytes(), body].concat()
    };
    let many = |count: usize| {
        let list: Vec<String> = (0..count).map(|n| format!("Buyer {n} <buyer{n}@customer{n}.example>")).collect();
        format!("Cc: {}\r\n", list.join(",\r\n "))
    };
    let references: String = (0..20_000).map(|n| format!(" <{n:040}@customer.example>\r\n")).collect();
    vec![
        Vec::new(),
        b"\r\n".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"no header at all".to_vec(),
        deep(100_000),
        nested_messages(20_000),
        with("line", format!("Subject: {}\r\n", "x".repeat(1 << 20)), b"One long line."),
        with("words", format!("Subject: {}\r\n", "=?utf-8?B?w6XDpMO2?= ".repeat(40_000)), b"Many words."),
        with("recipients", many(10_000), b"To everybody."),
        with("references", format!("References:{references}Subject: old\r\n"), b"A long thread."),
        with("nul", "Subject: a\0b\0c\r\n".to_owned(), b"a\0b\r\n\0\0\0 \xf0\x9f\x98\x80\0"),
        with("bytes", "Subject: å\r\n".to_owned(), &(0..=255).cycle().take(70_000).collect::<Vec<u8>>()),
        [
            HEAD.as_bytes(),
            b"Subject: \xff\xfe\xc3\x28\xed\xa0\x80\r\nMessage-ID: <\xff@ours.example>\r\n\r\n\xed\xa0\x80",
        ]
        .concat(),
        // UTF-16 with lone surrogates, in an encoded word and as a body.
        with(
            "surrogates",
            "Subject: =?utf-16be?B?2ADYAABB3AA=?=\r\nContent-Type: text/plain; charset=utf-16le\r\n".to_owned(),
            b"\x00\xd8a\x00\x00\xdc",
        ),
        with("boundary", "Content-Type: multipart/mixed; boundary=\"\"\r\n".to_owned(), b"--\r\n\r\n--\r\n----\r\n"),
        with(
            "parts",
            "Content-Type: multipart/mixed; boundary=b\r\n".to_owned(),
            "--b\r\n\r\nx\r\n".repeat(20_000).as_bytes(),
        ),
        with("html", "Content-Type: text/html\r\n".to_owned(), "<div>".repeat(50_000).as_bytes()),
        with("fields", "X-Field: x\r\n".repeat(50_000), b"Many fields."),
        with("base64", "Content-Transfer-Encoding: base64\r\n".to_owned(), b"====A=B=C\xff\0===="),
        [b"From: \"<<<>>>,,,;;;((((((\" <anna@ours.example>\r\nTo: ", "(".repeat(100_000).as_bytes(), b"\r\n\r\n"]
            .concat(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_a_hundred_thousand_levels_is_logged_in_bounded_memory() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(deep(100_000));
        world.deliver(nested_messages(100_000));
        world.deliver(mail("last@ours.example", "carla@customer.example", ""));
        let ended = once(&world.trail);
        assert_eq!(ended.code, Some(0), "{engine:?}: {ended:?}");
        assert!(ended.peak_kib < MEMORY_KIB, "{engine:?}: {} KiB", ended.peak_kib);
        assert_eq!(world.logged(), ["deep@ours.example", "last@ours.example", "nested@ours.example"]);
        nothing_lost(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_mail_has_a_verdict_and_none_stands_in_the_way() {
    let mut mails = crafted();
    mails.extend(mutated());
    for engine in engines() {
        let world = World::plain(engine).await;
        for raw in &mails {
            world.deliver(raw);
        }
        let last = world.deliver(mail("last@ours.example", "carla@customer.example", ""));
        let ended = once(&world.trail);
        assert_eq!(ended.code, Some(0), "{engine:?}: {} {ended:?}", verdicts(&world.trail).len());
        assert!(ended.peak_kib < MEMORY_KIB, "{engine:?}: {} KiB", ended.peak_kib);
        let verdicts = verdicts(&world.trail);
        assert_eq!(verdicts.len(), mails.len() + 1, "{verdicts:?}");
        assert_eq!(verdicts.last(), Some(&format!("{last} logged")));
        nothing_lost(&world);
        // Whatever was stored can be shown.
        world.activities();
        world.contacts();
    }
}
