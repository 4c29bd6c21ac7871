//! `audit`: is there a verdict on every message that was passed?

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Answer;
use super::args::AuditRequest;
use super::installation::Installation;
use super::output::{Output, complain};
use crate::source::choice::LEFT;
use crate::store::accounts::{self, Listed};
use crate::worker::audit::Audit;

pub(super) async fn audit(installation: &Installation, what: AuditRequest) -> anyhow::Result<Answer> {
    let workspace = installation.workspace().await?.name;
    let mut all = accounts::list(&installation.store).await?;
    all.retain(|listed| {
        matches!(listed.account.kind.as_str(), "bcc" | "forwarding" | "personal")
            && listed.workspaces.contains(&workspace)
    });
    if what.last { last(installation, &all, what.json).await } else { now(installation, &all, &what).await }
}

async fn now(installation: &Installation, all: &[Listed], what: &AuditRequest) -> anyhow::Result<Answer> {
    let worker = installation.worker().await?;
    let mut output = Output::new(what.json);
    let mut answer = Answer::Yes;
    for Listed { account, .. } in all {
        let audited = if what.heal { worker.audit_and_heal(account).await } else { worker.audit(account).await };
        match audited {
            Err(trouble) => {
                answer = Answer::No;
                complain(format_args!("mailtrail: {} cannot be audited: {trouble}", account.address));
            }
            Ok(audits) => {
                for audit in audits {
                    let found = Found::now(&account.address, &audit);
                    answer = if found.open() > 0 { Answer::No } else { answer };
                    found.show(&mut output)?;
                }
            }
        }
    }
    output.finish()?;
    Ok(answer)
}

async fn last(installation: &Installation, all: &[Listed], json: bool) -> anyhow::Result<Answer> {
    let audits = installation.store.last_audits().await?;
    let mut output = Output::new(json);
    let mut answer = Answer::Yes;
    for Listed { account, mailboxes, .. } in all {
        for mailbox in mailboxes.iter().filter(|mailbox| mailbox.role != LEFT) {
            let Some(audit) = audits.get(&mailbox.id) else { continue };
            let found = Found {
                address: &account.address,
                mailbox: &mailbox.name,
                uid_validity: audit.uid_validity,
                at: Some(audit.at),
                numbers: [audit.on_server, audit.judged, audit.waiting, audit.holes, audit.healed],
                holes: serde_json::from_value(audit.first_holes.clone()).unwrap_or_default(),
            };
            answer = if found.open() > 0 { Answer::No } else { answer };
            found.show(&mut output)?;
        }
    }
    output.finish_list("No mailbox has been audited yet. `mailtrail audit` does it now.")?;
    Ok(answer)
}

/// What an audit found in one mailbox, now or before.
struct Found<'a> {
    address: &'a str,
    mailbox: &'a str,
    uid_validity: i64,
    at: Option<DateTime<Utc>>,
    /// On the server, judged, waiting, holes, healed.
    numbers: [i64; 5],
    holes: Vec<u32>,
}

impl<'a> Found<'a> {
    fn now(address: &'a str, audit: &'a Audit) -> Self {
        let Audit { mailbox, uid_validity, on_server, judged, waiting, hole_count, holes, healed } = audit;
        let numbers = [*on_server, *judged, *waiting, *hole_count, *healed];
        let numbers = numbers.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let uid_validity = i64::from(*uid_validity);
        Self { address, mailbox, uid_validity, at: None, numbers, holes: holes.clone() }
    }

    /// Messages that still have no verdict.
    fn open(&self) -> i64 {
        let [.., holes, healed] = self.numbers;
        holes - healed
    }

    fn record(&self) -> Value {
        let [on_server, judged, waiting, hole_count, healed] = self.numbers;
        let mut record = json!({
            "account": self.address, "mailbox": self.mailbox, "uid_validity": self.uid_validity,
            "on_server": on_server, "judged": judged, "waiting": waiting,
            "holes": self.holes, "hole_count": hole_count, "healed": healed,
        });
        if let (Some(at), Some(fields)) = (self.at, record.as_object_mut()) {
            fields.insert("at".to_owned(), json!(at));
        }
        record
    }

    fn show(&self, output: &mut Output) -> anyhow::Result<()> {
        output.record(&self.record(), |_| {
            let [on_server, judged, waiting, holes, healed] = self.numbers;
            let verdict = match (holes, healed) {
                (0, _) => "no hole".to_owned(),
                (holes, 0) => format!("{holes} WITHOUT A VERDICT: UID {}", join(&self.holes)),
                (holes, healed) => format!("{holes} WITHOUT A VERDICT, {healed} judged now: UID {}", join(&self.holes)),
            };
            let at = self.at.map(|at| format!("{}  ", at.format("%Y-%m-%d %H:%M"))).unwrap_or_default();
            format!(
                "{at}{} {}: {on_server} on the server, {judged} judged, {waiting} waiting, {verdict}",
                self.address, self.mailbox
            )
        })
    }
}

fn join(uids: &[u32]) -> String {
    uids.iter().take(20).map(u32::to_string).collect::<Vec<_>>().join(", ")
}
