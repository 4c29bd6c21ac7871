//! The design's invariants that the source text shows: what is pure, where foreign crates live, how long files are.

use std::path::{Path, PathBuf};

/// What decides: it knows no clock, network, database, task or environment (invariant 1).
const PURE: &[&str] = &["src/mail", "src/decide", "src/source/plan.rs", "src/worker/backoff.rs"];
const IMPURE: &[&str] = &[
    "tokio",
    "sea_orm",
    "std::fs",
    "std::net",
    "std::env",
    "clock::Clock",
    "reqwest",
    "crate::store",
    "crate::worker",
];

/// Foreign crates and their homes (invariant 9).
const HOMES: &[(&str, &[&str])] = &[
    ("async_imap", &["src/source/imap"]),
    ("mail_parser", &["src/mail"]),
    ("sea_orm", &["src/store", "entity", "migration"]),
    ("oauth2", &["src/oauth"]),
    ("reqwest", &["src/oauth"]),
    ("object_store", &["src/attachments"]),
    ("clap", &["src/cli", "src/main.rs", "src/config"]),
];

/// Lines of the longest file one can hold in the head.
const LONGEST: usize = 400;

/// Every Rust file below these paths: its path from the root, and its text.
fn sources(paths: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = paths.iter().map(|path| root.join(path)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.len() >= paths.len(), "{paths:?} are not where this test looks for them");
    found
}

/// The lines of code that name `word` as a word, with their numbers. Comments may speak of anything.
fn naming<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.map(|(at, line)| (at + 1, line)).filter(move |(_, line)| {
        line.match_indices(word).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + word.len()..]);
            !before.ends_with(part_of_name) && (word.ends_with(':') || !after.starts_with(part_of_name))
        })
    })
}

/// The code without its unit tests, which may use what they like.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code)
}

#[test]
fn what_decides_knows_no_clock_network_database_task_or_environment() {
    let mut wrong = Vec::new();
    for (file, text) in sources(PURE).iter().filter(|(file, _)| !is_test(file)) {
        for word in IMPURE {
            wrong.extend(naming(without_tests(text), word).map(|(line, code)| format!("{file}:{line}: {code}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_foreign_crate_has_one_home() {
    let mut wrong = Vec::new();
    for (file, text) in sources(&["src", "entity/src", "migration/src"]).iter().filter(|(file, _)| !is_test(file)) {
        for (word, homes) in HOMES.iter().filter(|(_, homes)| !homes.iter().any(|home| file.starts_with(home))) {
            let path = format!("{word}::");
            let lines = naming(without_tests(text), &path);
            wrong.extend(lines.map(|(line, code)| format!("{file}:{line}: {word} lives in {homes:?}: {code}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_source_file_is_too_long_to_hold_in_the_head() {
    let all = sources(&["src", "entity/src", "migration/src", "tests", "benches"]);
    let lengths = all.iter().map(|(file, text)| (file, text.lines().count()));
    let long: Vec<_> = lengths.filter(|(_, lines)| *lines > LONGEST).collect();
    assert!(long.is_empty(), "over {LONGEST} lines: {long:?}");
}

fn is_test(file: &str) -> bool {
    file.contains("/tests/")
        || file.ends_with("/tests.rs")
        || file.ends_with("_tests.rs")
        || file.ends_with("/golden.rs")
        || file.ends_with("/testing.rs")
}
