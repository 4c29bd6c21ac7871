//! `audit`: is there a verdict on every message that was passed?

use serde_json::json;

use super::Answer;
use super::args::Json;
use super::installation::Installation;
use super::output::{Output, complain};
use crate::store::accounts;

pub(super) async fn audit(installation: &Installation, what: Json) -> anyhow::Result<Answer> {
    let worker = installation.worker().await?;
    let workspace = installation.workspace().await?.name;
    let mut output = Output::new(what.json);
    let mut answer = Answer::Yes;
    for listed in accounts::list(&installation.store).await? {
        if !matches!(listed.account.kind.as_str(), "bcc" | "forwarding" | "personal")
            || !listed.workspaces.contains(&workspace)
        {
            continue;
        }
        let account = &listed.account;
        match worker.audit(account).await {
            Err(trouble) => {
                answer = Answer::No;
                complain(format_args!("mailtrail: {} cannot be audited: {trouble}", account.address));
            }
            Ok(audits) => {
                for audit in audits {
                    if !audit.holes.is_empty() {
                        answer = Answer::No;
                    }
                    let record = json!({
                        "account": account.address, "mailbox": audit.mailbox, "uid_validity": audit.uid_validity,
                        "on_server": audit.on_server, "judged": audit.judged, "waiting": audit.waiting,
                        "holes": audit.holes,
                    });
                    output.record(&record, |_| {
                        let verdict = match audit.holes.as_slice() {
                            [] => "no hole".to_owned(),
                            holes => format!("{} WITHOUT A VERDICT: UID {}", holes.len(), join(holes)),
                        };
                        format!(
                            "{} {}: {} on the server, {} judged, {} waiting, {verdict}",
                            account.address, audit.mailbox, audit.on_server, audit.judged, audit.waiting
                        )
                    })?;
                }
            }
        }
    }
    output.finish()?;
    Ok(answer)
}

fn join(uids: &[u32]) -> String {
    uids.iter().take(20).map(u32::to_string).collect::<Vec<_>>().join(", ")
}
