//! `quarantine list | retry | drop`.

use serde_json::json;
use uuid::Uuid;

use super::Answer;
use super::args::QuarantineCommand;
use super::installation::Installation;
use super::output::{Output, complain, say};

pub(super) async fn quarantine(installation: &Installation, command: QuarantineCommand) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?.id;
    let rows = installation.store.quarantined(workspace).await?;
    match command {
        QuarantineCommand::List(list) => {
            let names = installation.store.mailbox_names(rows.iter().map(|row| row.mailbox_id).collect()).await?;
            let mut output = Output::new(list.json);
            for row in rows {
                let (account, mailbox) = names.get(&row.mailbox_id).cloned().unwrap_or_default();
                let record = json!({
                    "id": row.id, "account": account, "mailbox": mailbox, "uid_validity": row.uid_validity,
                    "uid": row.uid, "code": row.code, "reason": row.reason, "sha256": row.sha256, "size": row.size,
                    "created_at": row.created_at,
                });
                output
                    .record(&record, |_| format!("{}  {account} {mailbox} UID {}: {}", row.id, row.uid, row.reason))?;
            }
            output.finish_list("Nothing is set aside.")?;
        }
        QuarantineCommand::Retry { id } => {
            let worker = installation.worker().await?;
            let wanted: Vec<_> = rows.into_iter().filter(|row| id.is_none_or(|id| id == row.id)).collect();
            if let Some(id) = id {
                anyhow::ensure!(!wanted.is_empty(), no_message(id));
            }
            if wanted.is_empty() {
                say("Nothing is set aside.")?;
            }
            let mut answer = Answer::Yes;
            for row in wanted {
                match worker.retry(&row).await {
                    Ok(code) => say(format_args!("UID {}: {code}", row.uid))?,
                    Err(trouble) => {
                        answer = Answer::No;
                        complain(format_args!("mailtrail: UID {}: {trouble}", row.uid));
                    }
                }
            }
            return Ok(answer);
        }
        QuarantineCommand::Drop { id } => {
            anyhow::ensure!(rows.iter().any(|row| row.id == id), no_message(id));
            installation.store.drop_quarantined(id).await?;
            say("Dropped; its verdict stays in the ledger.")?;
        }
    }
    Ok(Answer::Yes)
}

fn no_message(id: Uuid) -> String {
    format!("there is no message {id} in quarantine; `mailtrail quarantine list` shows those there are")
}
