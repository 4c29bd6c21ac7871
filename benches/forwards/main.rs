//! How many forwards a second are understood on one core, from their bytes to the original, and how the time grows with size.
//!
//! `scripts/bench forwards`. The mails are those of `tests/corpus/forward`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mailtrail::mail::message::Mail;

/// Forwards a second that are wanted of one core.
const WANTED: f64 = 20_000.0;

/// How long each measurement takes at least.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// A mail of ten times the size may take this many times as long: ten, and as much again for caches that it no longer fits
/// into and pages that are fresh each time. Work that grows with the square takes a hundred.
const GROWTH: f64 = 20.0;

fn main() -> ExitCode {
    let corpus: Vec<Vec<u8>> = files().iter().map(|file| std::fs::read(file).expect("a mail of the corpus")).collect();
    let bytes: usize = corpus.iter().map(Vec::len).sum();
    let rate = rate(&corpus);
    println!("{} mails of {} bytes on average", corpus.len(), bytes / corpus.len().max(1));
    println!("{rate:.0} forwards a second on one core (wanted: {WANTED:.0})");
    let (small, large) = (long(100_000), long(1_000_000));
    let growth = self::rate(std::slice::from_ref(&small)) / self::rate(std::slice::from_ref(&large));
    println!("ten times the size takes {growth:.1} times as long (at most: {GROWTH:.0})");
    if rate >= WANTED && growth <= GROWTH { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Mails a second, each read whole.
fn rate(mails: &[Vec<u8>]) -> f64 {
    let (began, mut read) = (Instant::now(), 0_u32);
    while began.elapsed() < LONG_ENOUGH {
        for mail in mails {
            let mail = Mail::parse(mail).expect("a mail");
            black_box(mail.with_forward());
            read += 1;
        }
    }
    f64::from(read) / began.elapsed().as_secs_f64()
}

/// A forward of about this many octets, of lines that look like the header of another one.
fn long(octets: usize) -> Vec<u8> {
    let head = "From: anna@ours.example\r\nTo: log@crm.example\r\nSubject: Fwd: Offer\r\nContent-Type: text/plain\r\n\r\n\
                ---------- Forwarded message ---------\r\nFrom: Carla <carla@customer.example>\r\n\
                Date: Sun, 22 Nov 2026 10:05:00 +0000\r\nSubject: Offer\r\nTo: anna@ours.example\r\n\r\n";
    let line = "From: somebody <somebody@else.example>\r\nwrote this, and that, and more of it.\r\n";
    (head.to_owned() + &line.repeat(octets / line.len())).into_bytes()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/forward");
    let clients = std::fs::read_dir(folder).expect("the corpus").flatten();
    let files = clients.flat_map(|client| std::fs::read_dir(client.path()).expect("a folder").flatten());
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "eml"));
    files.sort();
    files
}
