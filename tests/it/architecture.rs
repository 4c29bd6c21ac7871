//! The design's invariants that the source text shows: what is pure, where foreign crates live, how long files are.

#[path = "architecture/paths.rs"]
mod paths;

use std::path::{Path, PathBuf};

use paths::{Named, named};

/// What decides: it knows no clock, network, database, task or environment (invariant 1).
const PURE: &[&str] = &[
    "src/mail",
    "src/decide",
    "src/source/plan.rs",
    "src/worker/backoff.rs",
    "src/worker/pace.rs",
    "src/events/lanes.rs",
    "src/worker/lease/balance.rs",
];
const IMPURE: &[&str] = &[
    "async_imap",
    "entity",
    "getrandom",
    "metrics",
    "migration",
    "object_store",
    "rand",
    "reqwest",
    "sea_orm",
    "tokio",
    "tracing",
    "chrono::Local",
    "chrono::Utc::now",
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "uuid::Uuid::new_v4",
    "uuid::Uuid::now_v7",
    "crate::attachments",
    "crate::cli",
    "crate::clock",
    "crate::config",
    "crate::metrics",
    "crate::oauth",
    "crate::source::imap",
    "crate::store",
    "crate::telemetry",
    "crate::tls",
    "crate::worker",
];

/// Foreign crates and their homes (invariant 9).
const HOMES: &[(&str, &[&str])] = &[
    ("async_imap", &["src/source/imap"]),
    ("mail_parser", &["src/mail"]),
    ("sea_orm", &["src/store", "entity", "migration"]),
    ("oauth2", &["src/oauth"]),
    ("reqwest", &["src/oauth", "src/events"]),
    ("object_store", &["src/attachments"]),
    ("ring", &["src/oauth/service", "src/tls.rs"]),
    ("hickory_resolver", &["src/dns.rs"]),
    ("metrics", &["src/metrics"]),
    ("metrics_exporter_prometheus", &["src/metrics"]),
    ("webpki_roots", &["src/tls.rs"]),
    ("lettre", &["src/notices"]),
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

/// The code without its unit tests, which may use what they like.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code)
}

/// What the code of a file names that has `wrong` about it.
fn offences(file: &str, text: &str, wrong: impl Fn(&Named) -> bool) -> Vec<String> {
    let found = named(file, without_tests(text)).into_iter().filter(wrong);
    found.map(|named| format!("{file}:{}: {}", named.line, named.path)).collect()
}

/// What a pure file may not name.
fn impurities(file: &str, text: &str) -> Vec<String> {
    offences(file, text, |named| IMPURE.iter().any(|impure| named.reaches(impure)))
}

/// What a file names of crates that live elsewhere.
fn strangers(file: &str, text: &str) -> Vec<String> {
    let foreign = HOMES.iter().filter(|(_, homes)| !homes.iter().any(|home| file.starts_with(home)));
    let foreign: Vec<&str> = foreign.map(|(name, _)| *name).collect();
    offences(file, text, |named| foreign.iter().any(|name| named.reaches(name)))
}

#[test]
fn what_decides_knows_no_clock_network_database_task_or_environment() {
    let pure = sources(PURE);
    let wrong: Vec<_> =
        pure.iter().filter(|(file, _)| !is_test(file)).flat_map(|(file, text)| impurities(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_foreign_crate_has_one_home() {
    let all = sources(&["src", "entity/src", "migration/src"]);
    let wrong: Vec<_> =
        all.iter().filter(|(file, _)| !is_test(file)).flat_map(|(file, text)| strangers(file, text)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_core_that_reaches_for_the_world_is_told_so() {
    let reaches = "use std::{fmt, fs};\nuse super::super::config::Config;\nfn f() { tracing::info!(\"x\"); }\n";
    assert_eq!(
        impurities("src/decide/key.rs", reaches),
        [
            "src/decide/key.rs:1: std::fs",
            "src/decide/key.rs:2: crate::config::Config",
            "src/decide/key.rs:3: tracing::info"
        ]
    );
    let stranger =
        "use mail_parser::{Message, MessageParser};\n#[cfg(test)]\nmod tests {\n    use sea_orm::DbErr;\n}\n";
    let told = ["src/decide/key.rs:1: mail_parser::Message", "src/decide/key.rs:1: mail_parser::MessageParser"];
    assert_eq!(strangers("src/decide/key.rs", stranger), told);
    assert!(strangers("src/mail/message.rs", stranger).is_empty());
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
