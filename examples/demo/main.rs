//! A story of mails in seven languages: a mail server on loopback, the real worker, and what it makes of them.
//!
//! Run `cargo run --release --example demo`. It ends with 1 if any mail gets another verdict than the story wants.

mod crm;
mod forwards;
mod inbox;
mod mail;
mod report;
mod scene;
mod stage;
mod story;

use std::collections::BTreeMap;
use std::process::ExitCode;

use mailtrail::store::accounts;
use mailtrail::store::workspaces;
use mailtrail::worker::{Worker, once};

use stage::Stage;
use story::STORY;

#[tokio::main]
async fn main() -> ExitCode {
    match play().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("demo: {wrong} differences from the story, marked EXPECTED above");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The story from beginning to end; the number of differences from what was expected.
async fn play() -> anyhow::Result<usize> {
    heading("The CRM's records are imported");
    let mut stage = Stage::set().await?;
    let (mut differences, mut told) = (0, 0);
    for chapter in STORY {
        heading(chapter.title);
        if let Some(user) = chapter.connects {
            println!("  of {user}, {} is watched", stage.connect(user).await?.join(" and "));
        }
        let uids = stage.deliver(chapter.scenes, told)?;
        differences += read(&stage.worker).await?;
        println!();
        differences += report::verdicts(&stage, chapter.scenes, &uids, told).await?;
        told += chapter.scenes.len();
    }

    heading("The timeline");
    let timeline = report::timeline(&stage.worker).await?;
    for entry in &timeline {
        println!("{}", report::activity(entry));
    }
    notices(&stage.worker).await?;

    heading("A second look finds nothing new, and no mail without a verdict");
    differences += read(&stage.worker).await?;
    differences += usize::from(report::timeline(&stage.worker).await?.len() != timeline.len());
    differences += audit(&stage.worker).await? + commands(&stage);
    leave(stage).await?;
    Ok(differences)
}

fn heading(text: &str) {
    println!("\n== {text}\n");
}

/// One round of the service; how many accounts could not be read.
async fn read(worker: &Worker) -> anyhow::Result<usize> {
    let mut failed = 0;
    let report = once::once(worker).await?;
    anyhow::ensure!(!report.stopped, "the story was stopped halfway");
    for (account, result) in report.accounts {
        match result {
            Ok(done) => println!(
                "  {account}: {} logged, {} seen again, {} not logged, {} set aside",
                done.logged, done.duplicates, done.skipped, done.quarantined
            ),
            Err(trouble) => {
                println!("  {account}: {trouble}");
                failed += 1;
            }
        }
    }
    Ok(failed)
}

async fn notices(worker: &Worker) -> anyhow::Result<()> {
    let workspace = workspaces::named(&worker.store, workspaces::DEFAULT).await?;
    for notice in worker.store.notices(workspace.id).await? {
        println!("\nA notice waits for {}:\n{}", notice.recipient, notice.body.trim_end());
    }
    Ok(())
}

/// Holds the server's mails against the ledger; how many have no verdict.
async fn audit(worker: &Worker) -> anyhow::Result<usize> {
    let mut holes = 0;
    for listed in accounts::list(&worker.store).await? {
        for row in listed.mailboxes.iter().filter(|_| listed.account.kind == "personal") {
            let (seen, opened, unlogged) = (row.seen, row.opened, row.opened_unlogged);
            println!("  {}: {seen} mails seen by their headers, {opened} opened", listed.account.address);
            holes += usize::from(unlogged != 0);
        }
        for audit in worker.audit(&listed.account).await? {
            println!("  {}: {} mails on the server, {} with a verdict", audit.mailbox, audit.on_server, audit.judged);
            holes += audit.holes.len() + audit.waiting;
        }
    }
    Ok(holes)
}

/// What the server was asked; how many commands could have changed a mailbox.
fn commands(stage: &Stage) -> usize {
    const READ_ONLY: [&str; 13] = [
        "CAPABILITY",
        "ID",
        "AUTHENTICATE",
        "ENABLE",
        "LIST",
        "STATUS",
        "EXAMINE",
        "UID FETCH",
        "UID SEARCH",
        "NOOP",
        "IDLE",
        "DONE",
        "LOGOUT",
    ];
    let mut verbs = BTreeMap::new();
    for command in stage.provider.mail.commands() {
        *verbs.entry(command.verb).or_insert(0) += 1;
    }
    let list: Vec<String> = verbs.iter().map(|(verb, count)| format!("{verb} {count}")).collect();
    println!("  the server heard: {}", list.join(", "));
    verbs.keys().filter(|verb| !READ_ONLY.contains(&verb.as_str())).count()
}

/// Closes the database and says how to go on.
async fn leave(stage: Stage) -> anyhow::Result<()> {
    let Stage { worker, folder, .. } = stage;
    worker.store.close().await?;
    let program = format!("cargo run --release -- --config {}", folder.join("mailtrail.toml").display());
    heading("The database is yours");
    println!("  sqlite3 {} 'select sent_at, direction, subject from activity'", folder.join("crm.db").display());
    println!("  {program} contact list");
    for mail in STORY.iter().filter_map(|chapter| chapter.scenes.last()).map(|scene| &scene.mail) {
        println!("  {program} explain --message-id {}", mail.id);
    }
    Ok(())
}
