//! `explain`: the steps of a verdict as sentences, each with the rule it applies.

use std::io::Read;

use entity::{account, ledger};
use serde_json::{Value, json};

use super::args::Explain;
use super::installation::{Installation, address};
use super::output::{Output, complain};
use super::{Answer, Usage};
use crate::decide::key::{keyed_hash, waiting_hash};
use crate::decide::{MessageKey, Trace};
use crate::mail::envelope::Envelope;
use crate::mail::message::Mail;
use crate::mail::message_id::MessageId;
use crate::store::accounts;
use crate::store::ledger::trace_of;
use crate::worker::Worker;

pub(super) async fn explain(installation: &Installation, what: Explain) -> anyhow::Result<Answer> {
    let worker = installation.worker().await?;
    let mut output = Output::new(what.json);
    let found = match (&what.file, &what.message_id, what.uid) {
        (Some(file), _, _) => explain_file(installation, &worker, &what, file, &mut output).await?,
        (None, Some(id), _) => {
            let id = MessageId::parse(id).ok_or_else(|| Usage(format!("\"{id}\" is no Message-ID")))?;
            explain_id(installation, &worker, &id, &mut output).await?
        }
        (None, None, uid) => explain_uid(installation, &what, uid.unwrap_or_default(), &mut output).await?,
    };
    output.finish()?;
    Ok(if found { Answer::Yes } else { Answer::No })
}

/// What happened to the mail in a file, and what would happen if it came now.
async fn explain_file(
    installation: &Installation,
    worker: &Worker,
    what: &Explain,
    file: &std::path::Path,
    output: &mut Output,
) -> anyhow::Result<bool> {
    let mut raw = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut raw)?;
    } else {
        raw = std::fs::read(file).map_err(|error| Usage(format!("{} cannot be read: {error}", file.display())))?;
    }
    let mail = Mail::parse(&raw)?;
    let seen = match &mail.envelope.message_id {
        Some(id) => print_verdicts_on(installation, worker, id, output).await?,
        None => Seen::Never,
    };
    // Of mail that is not logged the ledger has no addresses; the file has them.
    let opening = match seen {
        Seen::Logged => return Ok(true),
        Seen::Unlogged => "Judged once more, by the file",
        Seen::Never => "This mail was not seen yet",
    };
    let account = place_of(installation, what, Some(&mail.envelope)).await?;
    let decision = worker.rehearse(&account, mail, installation.clock.now()).await?;
    output.line(&format!("{opening}. If it came to {} now: {}.", account.address, decision.code()))?;
    let record = json!({
        "seen": seen != Seen::Never, "account": account.address, "code": decision.code(), "steps": steps(&decision.trace).collect::<Vec<_>>(),
    });
    print_steps(output, &record, &decision.trace)?;
    Ok(true)
}

async fn explain_id(
    installation: &Installation,
    worker: &Worker,
    id: &MessageId,
    output: &mut Output,
) -> anyhow::Result<bool> {
    let seen = print_verdicts_on(installation, worker, id, output).await?;
    if seen == Seen::Unlogged {
        output.line(EXPLAIN_THE_FILE)?;
    }
    let found = seen != Seen::Never;
    if !found {
        complain(
            "No mail with this Message-ID was seen in a mailbox of this workspace. If it should have been: is it in \
                   the mailbox, and does `mailtrail account list` show a recent success? Of unlogged mail in personal \
                   inboxes the Message-ID is known for watch.pending_days only; later ask by --account, --mailbox and --uid.",
        );
    }
    Ok(found)
}

/// What the ledger knows of a mail.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Never,
    Unlogged,
    Logged,
}

const EXPLAIN_THE_FILE: &str =
    "  (Of mail that is not logged no addresses are kept; explain the mail as a file to see them.)";

async fn print_verdicts_on(
    installation: &Installation,
    worker: &Worker,
    id: &MessageId,
    output: &mut Output,
) -> anyhow::Result<Seen> {
    let workspace = installation.workspace().await?.id;
    let rows =
        installation.store.verdicts_on(workspace, MessageKey::of_id(id), keyed_hash(&worker.hash_key, id)).await?;
    for row in &rows {
        print_verdict(installation, row, row.uid_first, output).await?;
    }
    // Unlogged mail of an inbox is known by the hash that it waits by.
    let hash = waiting_hash(&worker.hash_key, workspace, &MessageKey::of_id(id));
    let mut waiting = installation.store.verdicts_waiting(hash).await?;
    waiting.retain(|(_, row)| rows.iter().all(|known| known != row));
    for (uid, row) in &waiting {
        print_verdict(installation, row, i64::from(*uid), output).await?;
    }
    Ok(if rows.iter().any(|row| row.activity_id.is_some()) {
        Seen::Logged
    } else if rows.is_empty() && waiting.is_empty() {
        Seen::Never
    } else {
        Seen::Unlogged
    })
}

async fn explain_uid(
    installation: &Installation,
    what: &Explain,
    uid: u32,
    output: &mut Output,
) -> anyhow::Result<bool> {
    let account = place_of(installation, what, None).await?;
    let listed = accounts::list(&installation.store).await?;
    let mailboxes = listed.into_iter().filter(|one| one.account.id == account.id).flat_map(|one| one.mailboxes);
    let mailbox = mailboxes.into_iter().find(|mailbox| mailbox.name.eq_ignore_ascii_case(&what.mailbox));
    let Some(mailbox) = mailbox else {
        anyhow::bail!("{} was never read in {}; run `mailtrail run --once` first", what.mailbox, account.address);
    };
    match installation.store.verdict(mailbox.id, uid).await? {
        Some(row) => {
            print_verdict(installation, &row, i64::from(uid), output).await?;
            if row.activity_id.is_none() {
                output.line(EXPLAIN_THE_FILE)?;
            }
            Ok(true)
        }
        None if i64::from(uid) > mailbox.cursor => {
            complain(format_args!("UID {uid} was not read yet: the mailbox is read up to UID {}.", mailbox.cursor));
            Ok(false)
        }
        None if i64::from(uid) < mailbox.first_uid => {
            complain(format_args!("UID {uid} is from before the account's start (UID {}).", mailbox.first_uid));
            Ok(false)
        }
        None => {
            complain(format_args!("There was no message with UID {uid} when the mailbox was read."));
            Ok(false)
        }
    }
}

/// The named account, or that of the workspace's dedicated mailboxes which a mail is addressed to; where it is to none of
/// them, the inbox of a user that somebody else's mail is to (D16), else the BCC account.
async fn place_of(
    installation: &Installation,
    what: &Explain,
    mail: Option<&Envelope>,
) -> anyhow::Result<account::Model> {
    if let Some(name) = &what.account {
        return Ok(accounts::named(&installation.store, &address(name)?).await?);
    }
    let workspace = installation.workspace().await?.name;
    let listed = accounts::list(&installation.store).await?;
    let here = listed.into_iter().filter(|one| one.workspaces.contains(&workspace)).map(|one| one.account);
    let (inboxes, dedicated): (Vec<_>, Vec<_>) = here
        .filter(|account| matches!(account.kind.as_str(), "bcc" | "forwarding" | "personal"))
        .partition(|account| account.kind == "personal");
    let mut dedicated: Vec<account::Model> = dedicated;
    let addressed = |account: &account::Model| {
        let to = mail.iter().flat_map(|mail| mail.to.iter().chain(&mail.cc)).map(|party| &party.address);
        let mut to = to.chain(mail.iter().flat_map(|mail| &mail.delivered_to));
        to.any(|address| address.without_tag().folded() == account.address_folded)
    };
    let from = mail.and_then(|mail| mail.from.first());
    let ours = from.is_some_and(|from| inboxes.iter().any(|inbox| inbox.address_folded == from.address.folded()));
    if !ours
        && !dedicated.iter().any(addressed)
        && let Some(inbox) = inboxes.into_iter().find(addressed)
    {
        return Ok(inbox);
    }
    dedicated.sort_by_key(|account| (!addressed(account), account.kind != "bcc"));
    dedicated.into_iter().next().ok_or_else(|| {
        anyhow::anyhow!(
            "the workspace has no BCC or forwarding account to explain the mail by; add one, or name an account with \
             --account"
        )
    })
}

async fn print_verdict(
    installation: &Installation,
    row: &ledger::Model,
    uid: i64,
    output: &mut Output,
) -> anyhow::Result<()> {
    let names = installation.store.mailbox_names([row.mailbox_id].into()).await?;
    let (account, mailbox) = names.get(&row.mailbox_id).cloned().unwrap_or_default();
    let records = associations(installation, row).await?;
    // Of what another workspace logged from a shared mailbox, only the verdict is told.
    let own = row.activity_id.is_none() || !records.is_empty();
    let trace = if own { trace_of(row) } else { Trace::default() };
    output.line(&format!("{account} {mailbox} UID {uid}: {}, {}", row.code, row.at.format("%Y-%m-%d %H:%M:%S UTC")))?;
    let told = records.iter().map(|(rule, sentence)| json!({"rule": rule, "sentence": sentence}));
    let record = json!({
        "seen": true, "account": account, "mailbox": mailbox, "uid_validity": row.uid_validity, "uid": uid,
        "code": row.code, "at": row.at, "activity": row.activity_id.filter(|_| own),
        "steps": steps(&trace).chain(told).collect::<Vec<_>>(),
    });
    print_steps(output, &record, &trace)?;
    for (rule, sentence) in records {
        output.line(&format!("  - {sentence} [{rule}]"))?;
    }
    if !own {
        output.line("  (Logged by another workspace that this mailbox serves.)")?;
    }
    Ok(())
}

/// The records that the activities of a verdict are on: several, where a forward brought several originals (B23).
async fn associations(installation: &Installation, row: &ledger::Model) -> anyhow::Result<Vec<(&'static str, String)>> {
    let Some(first) = row.activity_id else { return Ok(Vec::new()) };
    let workspace = installation.workspace().await?.id;
    let mut ids = installation.store.activities_at(row.mailbox_id, row.uid_validity, row.uid_first).await?;
    ids.sort_by_key(|id| *id != first);
    let several = ids.len() > 1;
    let mut records = Vec::new();
    for id in ids {
        let Some((entry, _)) = installation.store.activity(workspace, id).await? else { continue };
        if several {
            records.push(("B23", format!("One of its originals is on the timeline: {}", entry.subject)));
        }
        records.push(("E1", format!("On the timeline of contacts: {}", entry.contacts.join(", "))));
        if !entry.companies.is_empty() {
            records.push(("E2", format!("And of their companies: {}", entry.companies.join(", "))));
        }
        if !entry.deals.is_empty() {
            records.push(("E3", format!("And of their newest open deals: {}", entry.deals.join(", "))));
        }
    }
    Ok(records)
}

fn steps(trace: &Trace) -> impl Iterator<Item = Value> {
    trace.steps().iter().map(|step| {
        json!({"rule": step.finding.rule(), "finding": step.finding, "sentence": step.sentence(), "evidence": step.evidence})
    })
}

fn print_steps(output: &mut Output, record: &Value, trace: &Trace) -> anyhow::Result<()> {
    let lines: Vec<String> = trace.steps().iter().map(|step| format!("  - {}", step.sentence())).collect();
    output.record(record, |_| lines.join("\n"))
}
