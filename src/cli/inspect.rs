//! `inspect`: what the parser sees in a mail.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::Inspect;
use super::output::{Output, complain};
use super::{Answer, Usage};
use crate::mail::authentication::{Assessment, Stamp, assess};
use crate::mail::forwarded::{self, Forwarded};
use crate::mail::message::Mail;
use crate::mail::reply::reply_text;
use crate::mail::subject::BaseSubject;

pub(super) fn inspect(what: &Inspect) -> anyhow::Result<Answer> {
    let mut output = Output::new(what.json);
    let mut all = Answer::Yes;
    if what.path.as_os_str() == "-" {
        let mut raw = Vec::new();
        std::io::stdin().lock().read_to_end(&mut raw)?;
        all = show(&mut output, "-", &raw)?;
    } else {
        for file in files(&what.path)? {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            match std::fs::read(&file) {
                Ok(raw) => {
                    if show(&mut output, &name, &raw)? == Answer::No {
                        all = Answer::No;
                    }
                }
                Err(error) => {
                    complain(format_args!("mailtrail: {} cannot be read: {error}", file.display()));
                    all = Answer::No;
                }
            }
        }
    }
    output.finish()?;
    Ok(all)
}

/// The file itself, or every .eml file of a folder in order of name.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        anyhow::ensure!(path.exists(), Usage(format!("there is no file {}", path.display())));
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("eml")));
    anyhow::ensure!(!files.is_empty(), Usage(format!("there is no .eml file in {}", path.display())));
    files.sort();
    Ok(files)
}

/// Prints what is in a mail. Of what is none the reason, to programs in its place among the others, too.
fn show(output: &mut Output, file: &str, raw: &[u8]) -> anyhow::Result<Answer> {
    let (record, answer) = match Mail::parse(raw) {
        Ok(mail) => (describe(file, &mail), Answer::Yes),
        Err(error) => {
            complain(format_args!("mailtrail: {file}: {error}"));
            (json!({"file": file, "error": error.to_string()}), Answer::No)
        }
    };
    output.record(&record, |record| serde_json::to_string_pretty(record).unwrap_or_default())?;
    Ok(answer)
}

fn describe(file: &str, mail: &Mail) -> Value {
    let envelope = &mail.envelope;
    let attachments: Vec<Value> = mail
        .attachments
        .iter()
        .map(|part| {
            let sha256: String = Sha256::digest(&part.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            json!({
                "name": part.name, "type": part.media_type, "size": part.bytes.len(), "sha256": sha256,
                "inline": part.inline, "content_id": part.content_id,
            })
        })
        .collect();
    let forwarded = forwarded::read(mail);
    json!({
        "file": file,
        "message_id": envelope.message_id.as_ref().map(|id| id.as_str()),
        "in_reply_to": envelope.in_reply_to.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "references": envelope.references.iter().map(|id| id.as_str()).collect::<Vec<_>>(),
        "subject": envelope.subject,
        "base_subject": BaseSubject::of(&envelope.subject).as_str(),
        "from": envelope.from.first(),
        "to": envelope.to,
        "cc": envelope.cc,
        "date": envelope.date,
        "class": envelope.class,
        "bounce": mail.bounce,
        "forwarded": forwarded.as_ref().ok().map(Forwarded::shown),
        "not_forwarded": forwarded.as_ref().err(),
        "text": mail.text,
        "reply_text": reply_text(mail.text.as_deref(), mail.html.as_deref(), mail.has_plain_text),
        "attachments": attachments,
        "authentication": authentication(mail),
    })
}

/// The topmost results as each kind of receiving server would have them read (L13).
fn authentication(mail: &Mail) -> Value {
    let read = |stamp| match assess(&mail.envelope, &stamp) {
        Assessment::Pass { method } => json!({"result": "pass", "by": method}),
        Assessment::Fail { detail, refuted } => {
            json!({"result": if refuted { "fail" } else { "unproven" }, "by": detail})
        }
        Assessment::Absent => json!({"result": "absent"}),
    };
    json!({"google": read(Stamp::Google), "microsoft": read(Stamp::Microsoft), "any": read(Stamp::Unknown)})
}
