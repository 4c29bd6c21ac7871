//! Whole messages as clients and servers write them: `tests/corpus/mail/x.eml` beside what is read from it, `x.json`.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::mail::subject::BaseSubject;

fn described(mail: &Mail) -> Value {
    let attachments: Vec<Value> = mail.attachments.iter().map(described_part).collect();
    json!({
        "envelope": mail.envelope,
        "base_subject": BaseSubject::of(&mail.envelope.subject),
        "text": mail.text,
        "html": mail.html,
        "has_plain_text": mail.has_plain_text,
        "attachments": attachments,
    })
}

fn described_part(part: &Part) -> Value {
    let digest: String = Sha256::digest(&part.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "name": part.name,
        "type": part.media_type,
        "content_id": part.content_id,
        "inline": part.inline,
        "size": part.bytes.len(),
        "sha256": digest,
    })
}

#[test]
fn the_corpus_is_read_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/mail");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let found = described(&Mail::parse(&std::fs::read(&path).unwrap()).unwrap());
        let expected = std::fs::read_to_string(path.with_extension("json")).unwrap_or_else(|_| "null".to_owned());
        let expected: Value = serde_json::from_str(&expected).unwrap();
        assert_eq!(found, expected, "{}: {found:#}", path.display());
        count += 1;
    }
    assert!(count >= 6, "the corpus is gone");
}
