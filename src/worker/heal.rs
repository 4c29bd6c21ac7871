//! Verdicts on messages that were passed without one: what came to the server late under an early UID, or what a defect of
//! ours left out. As in any second look the cursor stays, and the verdict is one transaction.

use entity::{account, mailbox};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::intake::Intake;
use super::watch::present;
use crate::decide::{Code, Finding, Trace};
use crate::source::{Listed, Session};
use crate::store::commit::{Entry, Outcome};
use crate::trouble::Trouble;

/// Messages that one audit of a mailbox sees to.
const AT_ONCE: usize = 200;

impl Worker {
    /// Judges messages of the open mailbox that have no verdict; how many have one now. One that cannot be had is told,
    /// and found again by the next audit.
    pub(super) async fn heal(
        &self,
        session: &mut Session,
        account: &account::Model,
        row: &mailbox::Model,
        holes: &[u32],
    ) -> Result<usize, Trouble> {
        let some = holes.get(..AT_ONCE).unwrap_or(holes);
        let mut intake = Intake::new(self, account, row, &CancellationToken::new()).await?;
        let mut healed = 0;
        for item in present(session, some).await? {
            match self.heal_one(session, &mut intake, &item, account.kind == "personal").await {
                Ok(()) => healed += usize::from(self.has_verdict(row, item.uid).await?),
                Err(trouble) if session.usable() => {
                    tracing::warn!(account = %account.id, uid = item.uid, %trouble, "a message without a verdict cannot be judged");
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(healed)
    }

    async fn heal_one(
        &self,
        session: &mut Session,
        intake: &mut Intake,
        item: &Listed,
        personal: bool,
    ) -> Result<(), Trouble> {
        let entries = if intake.is_early(item) {
            vec![skipped(item, Code::BeforeStart, Finding::BeforeStart)]
        } else if personal {
            return self.judge_again(session, intake, &[item.uid]).await.map(drop);
        } else if u64::from(item.size) > self.config.limits.message_bytes {
            vec![skipped(item, Code::MessageTooLarge, Finding::TooLarge)]
        } else {
            intake.judge_large(session, item).await?
        };
        // What leaves the server meanwhile is no hole any more.
        if !entries.iter().any(|entry| entry.code() == Code::Expunged) {
            intake.replace(entries).await?;
        }
        Ok(())
    }

    async fn has_verdict(&self, row: &mailbox::Model, uid: u32) -> Result<bool, Trouble> {
        Ok(!self.store.judged_between(row.id, row.uid_validity, uid, Some(uid)).await?.is_empty())
    }
}

fn skipped(item: &Listed, code: Code, finding: Finding) -> Entry {
    let mut trace = Trace::default();
    trace.found(finding);
    Entry { uid: item.uid, outcome: Outcome::Skip(code), trace, message_hash: None }
}
