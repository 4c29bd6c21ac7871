//! Who knows what (design, invariants 1 and 9), read off the sources.

use std::path::{Path, PathBuf};

/// What decides, and may know nothing but its arguments.
const PURE: &[&str] = &["src/mail", "src/decide", "src/source/plan.rs", "src/source/uid.rs", "src/worker/backoff.rs"];

/// How a file would come to know the world.
const WORLD: &[&str] = &[
    "tokio::",
    "sea_orm::",
    "entity::",
    "reqwest::",
    "getrandom::",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "time::Instant",
    "SystemTime",
    "crate::clock",
    "crate::config",
    "crate::store",
    "crate::oauth",
];

/// Foreign crates and the only folders that may name them.
const HOMES: &[(&str, &str)] = &[
    ("async_imap::", "src/source/imap"),
    ("imap_proto::", "src/source/imap"),
    ("mail_parser::", "src/mail"),
    ("sea_orm::", "src/store"),
    ("oauth2::", "src/oauth"),
    ("object_store::", "src/attachments"),
];

/// Every source file below `place` that is part of the program, with its code.
fn sources(place: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join(place)];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.push((name, code(&std::fs::read_to_string(&path).unwrap())));
        }
    }
    assert!(!found.is_empty(), "there is nothing at {place}");
    found
}

fn is_test(path: &Path) -> bool {
    let names = ["tests", "golden", "testing"];
    path.iter().map(PathBuf::from).any(|part| {
        let stem = part.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        names.contains(&stem.as_str()) || stem.ends_with("_tests")
    })
}

/// Without comments and without the tests at the end of the file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_pure_core_knows_no_clock_network_database_task_or_environment() {
    for (name, code) in PURE.iter().flat_map(|place| sources(place)) {
        for word in WORLD {
            assert!(!code.contains(word), "{name} knows {word}");
        }
    }
}

#[test]
fn a_foreign_crate_has_one_home() {
    for (name, code) in sources("src") {
        for (word, home) in HOMES {
            assert!(!code.contains(word) || name.starts_with(home), "{name} knows {word}");
        }
    }
}
