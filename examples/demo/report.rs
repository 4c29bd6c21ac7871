//! What came of the story, for people; and whether it is what should have.

use mailtrail::store::ledger::trace_of;
use mailtrail::store::timeline::TimelineEntry;
use mailtrail::store::workspaces;
use mailtrail::worker::Worker;

use crate::crm::LOG;
use crate::scene::Scene;
use crate::stage::Stage;

/// The timeline, oldest first.
pub async fn timeline(worker: &Worker) -> anyhow::Result<Vec<TimelineEntry>> {
    let workspace = workspaces::named(&worker.store, workspaces::DEFAULT).await?;
    let mut pages = worker.store.timeline(workspace.id, None);
    let mut entries = Vec::new();
    loop {
        let page = pages.next_page().await?;
        if page.is_empty() {
            entries.reverse();
            return Ok(entries);
        }
        entries.extend(page);
    }
}

/// Prints each mail with its verdict and the reasons; how many verdicts are not as the story wants them. `first` is the
/// place of the first scene in the whole story.
pub async fn verdicts(stage: &Stage, scenes: &[Scene], uids: &[u32], first: usize) -> anyhow::Result<usize> {
    let timeline = timeline(&stage.worker).await?;
    let opened = stage.opened();
    let mut wrong = 0;
    for (number, (scene, uid)) in (first + 1..).zip(scenes.iter().zip(uids)) {
        let verdict = stage.worker.store.verdict(stage.mailbox(scene).await?, *uid).await?;
        let code = verdict.as_ref().map_or("no verdict", |row| row.code.as_str());
        println!("{number:2}. {}", scene.title);
        println!("    {}", envelope(scene));
        let opened = scene.inbox.filter(|inbox| *inbox != LOG).map(|_| opened.contains(uid));
        println!("    {}{}", code.to_uppercase(), if opened == Some(false) { ", and never opened" } else { "" });
        for step in verdict.iter().flat_map(|row| trace_of(row).steps().to_vec()) {
            println!("      - {}", step.sentence());
        }
        let mut complaints = complaints(scene, code, &timeline);
        // A report on a logged mail is read for whether that came back (J12).
        if opened.is_some_and(|opened| opened != matches!(scene.code, "logged" | "bounce")) {
            complaints.push("to be opened if it is logged or a report on logged mail, and only then".to_owned());
        }
        for complaint in &complaints {
            println!("    EXPECTED {complaint}");
        }
        wrong += complaints.len();
        println!();
    }
    Ok(wrong)
}

fn envelope(scene: &Scene) -> String {
    let mail = &scene.mail;
    let cc = if mail.cc.is_empty() { String::new() } else { format!(", Cc {}", mail.cc) };
    format!("{}: {} → {}{cc}: \"{}\"", mail.language, mail.from, mail.to, mail.subject)
}

/// Where verdict and timeline differ from the story.
fn complaints(scene: &Scene, code: &str, timeline: &[TimelineEntry]) -> Vec<String> {
    let of = |id: &str| timeline.iter().find(|entry| entry.message_id.as_deref() == Some(id));
    let shown = scene.shows.as_ref();
    let entry = of(shown.and_then(|shown| shown.id).unwrap_or(scene.mail.id));
    let mut found = Vec::new();
    if let Some(returned) = scene.returns
        && !of(returned).is_some_and(|entry| entry.bounced)
    {
        found.push(format!("{returned} to be marked as one that came back"));
    }
    if code != scene.code {
        found.push(format!("the verdict {}", scene.code));
    }
    let contacts: Vec<&str> = entry.iter().flat_map(|entry| &entry.contacts).map(String::as_str).collect();
    if contacts != scene.contacts {
        found.push(format!("the contacts {:?}, not {contacts:?}", scene.contacts));
    }
    let subject = shown.map_or(scene.mail.subject, |shown| shown.subject);
    let flags = entry.map_or_else(|| serde_json::json!([]), |entry| entry.flags.clone());
    if flags != serde_json::json!(scene.flags) {
        found.push(format!("the flags {:?}, not {flags}", scene.flags));
    }
    if entry.is_some_and(|entry| entry.subject != subject) {
        found.push(format!("the subject \"{subject}\""));
    }
    if entry.is_some_and(|entry| !entry.text.as_deref().unwrap_or_default().contains(first_line(scene))) {
        found.push(format!("the text \"{}\"", first_line(scene)));
    }
    found
}

fn first_line(scene: &Scene) -> &str {
    scene.shows.as_ref().map_or(scene.mail.text, |shown| shown.text).lines().next().unwrap_or_default()
}

/// One activity with everything it is on.
pub fn activity(entry: &TimelineEntry) -> String {
    let arrow = if entry.direction == "outgoing" { "→" } else { "←" };
    let mut lines = vec![format!(
        "{}  {arrow} {}  \"{}\"",
        entry.sent_at.format("%Y-%m-%d %H:%M"),
        entry.contacts.join(", "),
        entry.subject
    )];
    let user = entry.user.as_deref().unwrap_or("nobody");
    let mut details = vec![format!("{user} ({})", entry.attribution.as_deref().unwrap_or("no rule"))];
    for (name, keys) in [("company", &entry.companies), ("deals", &entry.deals)] {
        if !keys.is_empty() {
            details.push(format!("{name} {}", keys.join(" ")));
        }
    }
    details.extend(entry.bounced.then(|| "came back".to_owned()));
    let flags = entry.flags.as_array().into_iter().flatten().filter_map(|flag| flag.as_str());
    details.extend(flags.map(str::to_owned));
    lines.push(details.join(" · "));
    if let Some(text) = entry.reply_text.as_deref().filter(|_| entry.direction == "incoming") {
        lines.push(format!("“{}”", text.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    lines.extend(entry.attachments.iter().map(|file| {
        let kept = match (&file.reason, file.inline) {
            (Some(reason), _) => reason.as_str(),
            (None, true) => "shown in the text",
            (None, false) => "kept",
        };
        format!("{} ({} bytes): {kept}", file.name, file.size)
    }));
    lines.join("\n                  ")
}
