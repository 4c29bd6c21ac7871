//! Forwards as mail programs write them, and mail that is none: `tests/corpus/forward/CLIENT/LANGUAGE-what.eml` beside
//! what is read from it, `.json`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

fn described(mail: &Mail) -> Value {
    let forwarded = match read(mail) {
        Ok(forwarded) => forwarded,
        Err(reason) => return json!({"not_forwarded": reason}),
    };
    let original = forwarded.original();
    let mut found = json!({
        "from": original.from,
        "to": original.to,
        "cc": original.cc,
        "subject": original.subject,
        "date": original.date,
        "date_utc": original.date_utc,
        "note": forwarded.note,
        "below": forwarded.below,
        "body": original.text,
        "client": forwarded.client,
        "language": forwarded.language,
        "certainty": forwarded.certainty,
    });
    if !forwarded.others.is_empty() {
        found["others"] = json!(forwarded.others);
    }
    found
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/forward");
    let clients = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = clients.flat_map(|client| std::fs::read_dir(client).unwrap()).map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|ending| ending == "eml")).collect();
    files.sort();
    files
}

#[test]
fn every_mail_of_the_corpus_is_read_as_its_program_meant_it() {
    let files = files();
    assert!(files.len() >= 150, "the corpus is gone: {} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let found = described(&Mail::parse(&std::fs::read(file).unwrap()).unwrap());
        let expected = std::fs::read_to_string(file.with_extension("json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        if found != expected {
            wrong.push(format!("{}\n found {found}\n expected {expected}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}
