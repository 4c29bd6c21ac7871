//! `workspace`, `import` and `never-log`.

use serde_json::json;

use super::args::{Import, NeverLogCommand, NeverLogEntry, WorkspaceCommand};
use super::import::ImportError;
use super::installation::Installation;
use super::output::{Output, complain, say};
use super::{Answer, Usage};
use crate::config::is_workspace_name;
use crate::store::never_log::{self, Entry, Scope};
use crate::store::users;
use crate::store::workspaces::{self, NewWorkspace};

pub(super) async fn workspace(installation: &Installation, command: WorkspaceCommand) -> anyhow::Result<Answer> {
    match command {
        WorkspaceCommand::Add { name, own_domains } => {
            if !is_workspace_name(&name) {
                return Err(Usage(workspaces::bad_name(&name)).into());
            }
            let new =
                NewWorkspace { name, own_domains, visibility: crate::config::Visibility::Everyone, declared: false };
            let made = workspaces::add(&installation.store, &new, &installation.clock).await?;
            say(format_args!("Workspace {} is made; name it with --workspace {}.", made.name, made.name))?;
        }
        WorkspaceCommand::List(list) => {
            let mut output = Output::new(list.json);
            for row in workspaces::list(&installation.store).await? {
                let record = json!({"name": row.name, "own_domains": row.own_domains, "visibility": row.visibility});
                output.record(&record, |_| format!("{}  {}", row.name, row.own_domains))?;
            }
            output.finish()?;
        }
    }
    Ok(Answer::Yes)
}

pub(super) async fn never_log(installation: &Installation, command: NeverLogCommand) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?.id;
    match command {
        NeverLogCommand::Add(what) => {
            let (scope, entry) = read(installation, &what).await?;
            let new = never_log::add(&installation.store, workspace, scope, &entry, &installation.clock).await?;
            say(format_args!("{entry} {}.", if new { "is never logged" } else { "was on the list already" }))?;
        }
        NeverLogCommand::Remove(what) => {
            let (scope, entry) = read(installation, &what).await?;
            let gone = never_log::remove(&installation.store, workspace, scope, &entry).await?;
            anyhow::ensure!(gone, "{entry} is not on that list; `mailtrail never-log list` shows what is");
            say(format_args!("{entry} is off the list. Only later mail is affected."))?;
        }
        NeverLogCommand::List(list) => {
            let logins: std::collections::HashMap<String, String> = users::list(&installation.store, workspace)
                .await?
                .into_iter()
                .map(|one| (one.user.id.to_string(), one.user.login))
                .collect();
            let mut output = Output::new(list.json);
            for row in never_log::list(&installation.store, workspace).await? {
                let user = logins.get(&row.scope);
                let record = json!({"entry": row.entry, "user": user});
                output.record(&record, |_| format!("{}  {}", row.entry, user.map_or("everybody", String::as_str)))?;
            }
            output.finish_list("Nothing is on a never-log list.")?;
        }
    }
    Ok(Answer::Yes)
}

async fn read(installation: &Installation, what: &NeverLogEntry) -> anyhow::Result<(Scope, Entry)> {
    let entry = Entry::parse(&what.entry).ok_or_else(|| {
        Usage(format!(
            "\"{}\" is neither an address nor a domain; write ann@secret.example, secret.example or *.secret.example",
            what.entry
        ))
    })?;
    let scope = match &what.user {
        None => Scope::Workspace,
        Some(login) => Scope::User(installation.user(login).await?.id),
    };
    Ok((scope, entry))
}

pub(super) async fn import(installation: &Installation, what: Import) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?;
    let waking = installation.waking().await?;
    let import =
        super::import::file(&installation.store, &workspace, what.kind, &what.file, &installation.clock, waking);
    let report = match import.await {
        Err(ImportError::NoFile(reason)) => return Err(Usage(reason).into()),
        other => other?,
    };
    if report.bad.is_empty() {
        say(format_args!(
            "{}: {} new, {} changed, {} unchanged",
            what.kind, report.made, report.changed, report.unchanged
        ))?;
        return Ok(Answer::Yes);
    }
    for bad in &report.bad {
        complain(format_args!("line {}: {}", bad.line, bad.reason));
    }
    let lines = match report.bad.len() {
        1 => "1 line is bad".to_owned(),
        count => format!("{count} lines are bad"),
    };
    anyhow::bail!("{lines}; nothing was written. Mend the file and import it again.")
}
