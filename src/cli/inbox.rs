//! `log` and `privacy`: one mail of a personal inbox on request, and what is known of the rest.

use serde_json::json;

use super::Answer;
use super::args::{LogRequest, PrivacyRequest};
use super::installation::{Installation, address};
use super::output::Output;
use crate::decide::Code;
use crate::source::choice::LEFT;
use crate::store::accounts;

/// Puts one mail on the timeline because a user asks for it (K6).
pub(super) async fn log(installation: &Installation, what: LogRequest) -> anyhow::Result<Answer> {
    let account = accounts::named(&installation.store, &address(&what.account)?).await?;
    anyhow::ensure!(
        account.kind == "personal",
        "{} is a {} account, whose mail is judged as a whole; `mailtrail explain --account {} --uid {}` says what came of it",
        account.address,
        account.kind,
        account.address,
        what.uid
    );
    let worker = installation.worker().await?;
    let code = worker.log_on_request(&account, &what.mailbox, what.uid).await?;
    let logged = matches!(code, Code::Logged | Code::Duplicate);
    let mut output = Output::new(what.json);
    let record = json!({"account": account.address, "mailbox": what.mailbox, "uid": what.uid, "code": code});
    output.record(&record, |_| match code {
        Code::Logged => format!("UID {} is on the timeline.", what.uid),
        Code::Duplicate => format!("UID {} was on the timeline already.", what.uid),
        code => format!(
            "UID {} was not logged: {code}. `mailtrail explain --account {} --mailbox {:?} --uid {}` says why.",
            what.uid, account.address, what.mailbox, what.uid
        ),
    })?;
    output.finish()?;
    Ok(if logged { Answer::Yes } else { Answer::No })
}

/// What was seen of a personal inbox, what was opened, and what is kept of the rest (L9).
pub(super) async fn privacy(installation: &Installation, what: PrivacyRequest) -> anyhow::Result<Answer> {
    let account = accounts::named(&installation.store, &address(&what.account)?).await?;
    let mut output = Output::new(what.json);
    for mailbox in installation.store.mailboxes_of_account(account.id).await? {
        let kept = installation.store.kept(mailbox.id).await?;
        let record = json!({
            "account": account.address, "mailbox": mailbox.name, "watched": mailbox.role != LEFT, "seen": mailbox.seen,
            "opened": mailbox.opened, "bodies_fetched_unlogged_total": mailbox.opened_unlogged, "kept": kept,
        });
        output.record(&record, |_| {
            format!(
                "{} {}: {} messages seen by their header, {} opened to be logged or as a \
                 report on a logged mail, {} opened without either.\n    \
                 Kept: {} activities. Of the rest: {} verdicts (a code and steps, no content), {} keyed hashes of \
                 Message-IDs and addresses, {} messages set aside.",
                account.address,
                mailbox.name,
                mailbox.seen,
                mailbox.opened,
                mailbox.opened_unlogged,
                kept.activities,
                kept.verdicts,
                kept.hashes,
                kept.quarantined
            )
        })?;
    }
    output.finish_list("Nothing of this account was read yet.")?;
    Ok(Answer::Yes)
}
