//! `review list | assign | drop`: forwards that could not be processed.

use serde_json::json;
use uuid::Uuid;

use super::Answer;
use super::args::ReviewCommand;
use super::installation::{Installation, address};
use super::output::{Output, complain, say};
use crate::decide::Code;
use crate::mail::address::Party;

pub(super) async fn review(installation: &Installation, command: ReviewCommand) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?.id;
    let rows = installation.store.reviews(workspace).await?;
    let wanted = |id: Uuid| {
        let row = rows.iter().find(|row| row.id == id);
        row.ok_or_else(|| anyhow::anyhow!("no forward {id} waits; `mailtrail review list` shows those that do"))
    };
    match command {
        ReviewCommand::List(list) => {
            let names = installation.store.mailbox_names(rows.iter().map(|row| row.mailbox_id).collect()).await?;
            let mut output = Output::new(list.json);
            for row in &rows {
                let (account, mailbox) = names.get(&row.mailbox_id).cloned().unwrap_or_default();
                let record = json!({
                    "id": row.id, "account": account, "mailbox": mailbox, "uid_validity": row.uid_validity,
                    "uid": row.uid, "code": row.code, "reason": row.reason, "forwarder": row.forwarder,
                    "message_id": row.message_id, "sha256": row.sha256, "size": row.size,
                    "received_at": row.received_at, "created_at": row.created_at,
                });
                output.record(&record, |_| {
                    format!("{}  {}  {}, forwarded by {}", row.id, row.code, row.reason, row.forwarder)
                })?;
            }
            output.finish_list("No forward waits.")?;
        }
        ReviewCommand::Assign { id, contact, name } => {
            let contact = Party { name, address: address(&contact)? };
            let code = installation.worker().await?.assign(wanted(id)?, contact).await?;
            if matches!(code, Code::Logged | Code::Duplicate) {
                say(format_args!("{code}."))?;
            } else {
                complain(format_args!(
                    "mailtrail: not logged: {code}. The forward waits on; name another contact, or drop it."
                ));
                return Ok(Answer::No);
            }
        }
        ReviewCommand::Drop { id } => {
            installation.store.drop_review(wanted(id)?.id).await?;
            say("Dropped; its verdict stays in the ledger.")?;
        }
    }
    Ok(Answer::Yes)
}
