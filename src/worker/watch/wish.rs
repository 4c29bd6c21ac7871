//! A mail that a user wants on the timeline, whatever it refers to (K6).

use entity::{account, mailbox};
use tokio_util::sync::CancellationToken;

use super::facts::Looked;
use super::late::present;
use super::look::Why;
use super::part::Part;
use crate::decide::Code;
use crate::source::choice::LEFT;
use crate::trouble::Trouble;
use crate::worker::Worker;
use crate::worker::intake::Intake;

impl Worker {
    /// Logs one message of a personal inbox on request. Its verdict takes the place of the one it had, unless that put it
    /// on the timeline already.
    pub async fn log_on_request(&self, account: &account::Model, name: &str, uid: u32) -> Result<Code, Trouble> {
        let mut session = self.connect(account).await?;
        let listed = session.mailboxes().await?;
        let found = listed.iter().find(|one| one.name == name || one.name.eq_ignore_ascii_case(name));
        let Some(found) = found.filter(|one| one.selectable) else {
            return Err(Trouble::operator(format!(
                "There is no mailbox \"{name}\" in this account; `mailtrail account list --json` shows those that are watched."
            )));
        };
        let row = self.store.mailbox(account.id, &found.wire_name, &found.name, LEFT, &self.clock).await?;
        let selected = session.examine(&row.wire_name).await?;
        // A mailbox that is not watched has no epoch yet; one whose epoch changed is scanned at the next sync.
        let place = mailbox::Model { uid_validity: i64::from(selected.uid_validity), ..row };
        if self.store.is_seen(&place, uid).await? {
            session.logout().await;
            return Ok(Code::Duplicate);
        }
        let mut intake = Intake::new(self, account, &place, &CancellationToken::new()).await?;
        let listed = present(&mut session, &[uid]).await?;
        let looked = intake.headers(&mut session, &listed, Part::Whole).await?;
        if looked.is_empty() {
            return Err(Trouble::operator(format!("There is no message with UID {uid} in \"{name}\".")));
        }
        let looked: Vec<Looked> = looked.into_iter().map(Looked::asked_for).collect();
        let facts = intake.shared.judge.facts_on(&looked).await?;
        let (decided, _) = intake.decide(looked, &facts, Why::Again);
        let code = decided.codes().find(|(one, _)| *one == uid).map_or(Code::Expunged, |(_, code)| code);
        let done = intake.conclude(&mut session, decided, Why::Again).await?;
        session.logout().await;
        Ok(if code == Code::Logged && done.logged == 0 { Code::Duplicate } else { code })
    }
}
