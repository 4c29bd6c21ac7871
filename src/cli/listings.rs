//! Lists: activities, contacts, verdicts, notices.

use serde_json::{Value, json};

use super::Answer;
use super::args::{ActivityCommand, ContactCommand, ListCommand};
use super::installation::{Installation, address};
use super::output::{Output, say};
use crate::mail::content::display_html;
use crate::store::notices::Standing;
use crate::store::records::contacts;
use crate::store::timeline::TimelineEntry;

pub(super) async fn activity(installation: &Installation, command: ActivityCommand) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?.id;
    match command {
        ActivityCommand::List { json, limit } => {
            let limit = limit.or((!json).then_some(50));
            let mut timeline = installation.store.timeline(workspace, limit);
            let mut output = Output::new(json);
            loop {
                let page = timeline.next_page().await?;
                if page.is_empty() {
                    break;
                }
                for entry in &page {
                    output.record(entry, summary)?;
                }
            }
            output.finish_list("No mail is on the timeline yet. `mailtrail ledger list` shows what was read.")?;
        }
        ActivityCommand::Show { id, html, json } => {
            let Some((entry, stored)) = installation.store.activity(workspace, id).await? else {
                anyhow::bail!(
                    "there is no activity {id} in this workspace; mailtrail activity list --json shows the ids"
                );
            };
            let mut output = Output::new(json);
            output.record(&entry, |entry| match html {
                true => display_html(stored.as_deref().unwrap_or_default()),
                false => whole(entry),
            })?;
            output.finish()?;
        }
    }
    Ok(Answer::Yes)
}

fn summary(entry: &TimelineEntry) -> String {
    let arrow = if entry.direction == "outgoing" { "→" } else { "←" };
    let mut line = format!(
        "{}  {arrow} {}  \"{}\"",
        entry.sent_at.format("%Y-%m-%d %H:%M"),
        entry.contacts.join(", "),
        entry.subject
    );
    let mut detail = vec![format!("by {}", entry.user.as_deref().unwrap_or("nobody"))];
    for (name, list) in [("company", &entry.companies), ("deals", &entry.deals)] {
        if !list.is_empty() {
            detail.push(format!("{name} {}", list.join(", ")));
        }
    }
    for attachment in &entry.attachments {
        let state = attachment.reason.as_ref().map(|reason| format!(" left out: {reason}")).unwrap_or_default();
        detail.push(format!("attachment {}{state}", attachment.name));
    }
    line.push_str(&format!("\n                  {}  {}", detail.join(" · "), entry.id));
    line
}

/// An activity with all that is known of it, its whole text last.
fn whole(entry: &TimelineEntry) -> String {
    let person = |party: &Value| {
        let address = party["address"].as_str().unwrap_or_default();
        match party["name"].as_str().filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} <{address}>"),
            None => address.to_owned(),
        }
    };
    let people = |parties: &Value| parties.as_array().into_iter().flatten().map(person).collect::<Vec<_>>().join(", ");
    let flags = entry.flags.as_array().into_iter().flatten().filter_map(Value::as_str);
    let attribution = entry.attribution.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
    let attachments = entry.attachments.iter().map(|attachment| {
        let left_out = attachment.reason.as_ref().map(|reason| format!(", left out: {reason}")).unwrap_or_default();
        format!("{} ({}, {} bytes{left_out})", attachment.name, attachment.media_type, attachment.size)
    });
    let seen = entry.sightings.iter().map(|seen| format!("{} {} UID {}", seen.account, seen.mailbox, seen.uid));
    let fields = [
        ("Subject", entry.subject.clone()),
        ("Sent", entry.sent_at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("From", person(&entry.from)),
        ("To", people(&entry.to)),
        ("Cc", people(&entry.cc)),
        ("Is", format!("{} ({}), for {}", entry.direction, entry.kind, entry.visibility)),
        ("By", entry.user.as_ref().map(|user| format!("{user}{attribution}")).unwrap_or_default()),
        ("Contacts", entry.contacts.join(", ")),
        ("Companies", entry.companies.join(", ")),
        ("Deals", entry.deals.join(", ")),
        ("Flags", flags.collect::<Vec<_>>().join(", ")),
        ("Bounced", if entry.bounced { "yes: it came back".to_owned() } else { String::new() }),
        ("Note", entry.note.clone().unwrap_or_default()),
        ("Attachments", attachments.collect::<Vec<_>>().join("\n             ")),
        ("Message-ID", entry.message_id.clone().unwrap_or_default()),
        ("Thread", entry.thread.to_string()),
        ("Seen in", seen.collect::<Vec<_>>().join(", ")),
    ];
    let mut told = String::new();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        told.push_str(&format!("{name:<11}  {value}\n"));
    }
    told + "\n" + entry.text.as_deref().unwrap_or("(no text)").trim_end()
}

pub(super) async fn contact(installation: &Installation, command: ContactCommand) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?;
    match command {
        ContactCommand::List(list) => {
            let mut output = Output::new(list.json);
            let mut after = None;
            loop {
                let page = contacts::page(&installation.store, workspace.id, after).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                for contact in &page {
                    output.record(contact, |contact| {
                        let name = contact.name.as_deref().unwrap_or("(no name)");
                        format!("{name} <{}>  {}", contact.addresses.join(", "), contact.companies.join(", "))
                    })?;
                }
            }
            output.finish_list(
                "There are no contacts. `mailtrail import contacts FILE` brings them, and mail makes them.",
            )?;
        }
        ContactCommand::Remove { address: text } => {
            contacts::remove(&installation.store, workspace.id, &address(&text)?, &installation.clock).await?;
            say(format_args!("{text} is deleted; mail does not bring it back, an import does."))?;
        }
    }
    Ok(Answer::Yes)
}

pub(super) async fn ledger(
    installation: &Installation,
    ListCommand::List(list): ListCommand,
) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?.id;
    let mut verdicts = installation.store.verdicts(workspace).await?;
    let names = installation
        .store
        .mailbox_names(installation.store.mailboxes_of(workspace).await?.into_iter().collect())
        .await?;
    let mut output = Output::new(list.json);
    loop {
        let page = verdicts.next_page().await?;
        if page.is_empty() {
            break;
        }
        for row in page {
            let (account, mailbox) = names.get(&row.mailbox_id).cloned().unwrap_or_default();
            let mut record = json!({
                "account": account, "mailbox": mailbox, "uid_validity": row.uid_validity,
                "code": row.code, "at": row.at, "activity": row.activity_id,
            });
            let (at, uids) = if row.uid_first == row.uid_last {
                (json!({"uid": row.uid_first}), row.uid_first.to_string())
            } else {
                let range = format!("{}–{}", row.uid_first, row.uid_last);
                (json!({"uid_first": row.uid_first, "uid_last": row.uid_last}), range)
            };
            if let (Value::Object(record), Value::Object(at)) = (&mut record, at) {
                record.extend(at);
            }
            output.record(&record, |_| format!("{account} {mailbox} {uids}  {}", row.code))?;
        }
    }
    output.finish_list("No mail was read yet. `mailtrail account list` shows what is watched.")?;
    Ok(Answer::Yes)
}

pub(super) async fn notice(
    installation: &Installation,
    ListCommand::List(list): ListCommand,
) -> anyhow::Result<Answer> {
    let mut output = Output::new(list.json);
    let oldest = installation.clock.now() - installation.config.smtp.max_age();
    for row in installation.store.notices(installation.workspace().await?.id).await? {
        let state = Standing::of(&row, oldest).as_str();
        let record = json!({
            "to": row.recipient, "kind": row.kind, "message_id": row.message_id,
            "created_at": row.created_at, "sent_at": row.sent_at, "body": row.body,
            "id": row.id, "state": state, "attempts": row.attempts, "next_try": row.next_try, "reason": row.reason,
        });
        output.record(&record, |_| {
            let why = row.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{}  {}  to {}  {state}{why}\n{}", row.created_at, row.kind, row.recipient, row.body)
        })?;
    }
    output.finish_list("No notice was written.")?;
    Ok(Answer::Yes)
}
