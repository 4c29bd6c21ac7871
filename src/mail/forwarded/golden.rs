//! Forwards as mail programs write them, and mail that is none: `tests/corpus/forward/CLIENT/LANGUAGE-what.eml` beside
//! what is read from it, `.json`.

use std::path::{Path, PathBuf};

use super::*;

fn described(mail: &Mail) -> Value {
    let mut found = match read(mail) {
        Ok(forwarded) => forwarded.shown(),
        Err(reason) => return json!({"not_forwarded": reason}),
    };
    // Only of attached messages there is more to tell.
    let there = |key: &str, value: &Value| match key {
        "message_id" => !value.is_null(),
        "others" => *value != json!([]),
        _ => true,
    };
    if let Value::Object(fields) = &mut found {
        fields.retain(|key, value| there(key, value));
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
