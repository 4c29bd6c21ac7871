//! Another look at messages whose attachments were still being scanned when they were logged (H7).

use entity::{account, late_attachment};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::intake::Intake;
use super::parse_stage::{Wants, What};
use super::parser::Parser;
use super::prepare;
use super::watch::present;
use crate::mail::message::Mail;
use crate::source::Session;
use crate::store::StoreError;
use crate::store::commit::Committed;
use crate::store::commit::late::{Arrived, Patience};
use crate::trouble::Trouble;

impl Worker {
    /// How long attachments are waited for.
    pub(super) fn patience(&self) -> Patience {
        self.config.attachments.patience()
    }

    /// Looks at the messages of an account again whose attachments may have come. Says how many have.
    pub(super) async fn look_for_attachments(&self, account: &account::Model) -> Result<usize, Trouble> {
        let late = self.store.late(account.id, self.clock.now()).await?;
        if late.is_empty() {
            return Ok(0);
        }
        let mut session = self.connect(account).await?;
        let mut came = 0;
        let mut open = None;
        for (mailbox, row) in late {
            if open.as_ref().is_none_or(|(id, _)| *id != mailbox.id) {
                open = Some((mailbox.id, session.examine(&mailbox.wire_name).await?.uid_validity));
            }
            // Under another UID it is met again by the mailbox's own scan, and so is a copy that took its place.
            let same_epoch = open.is_some_and(|(_, epoch)| i64::from(epoch) == row.uid_validity);
            if same_epoch {
                let intake = Intake::new(self, account, &mailbox, &CancellationToken::new()).await?;
                came += usize::from(self.look_at(&mut session, &intake, &row).await?);
            }
            self.store.look_later(row.activity_id, self.patience().next_look(row.since, self.clock.now())).await?;
        }
        session.logout().await;
        Ok(came)
    }

    async fn look_at(
        &self,
        session: &mut Session,
        intake: &Intake,
        row: &late_attachment::Model,
    ) -> Result<bool, Trouble> {
        let listed = present(session, &[u32::try_from(row.uid).unwrap_or_default()]).await?;
        let within = |size: u32| u64::from(size) <= self.config.limits.message_bytes;
        let Some(item) = listed.first().filter(|item| within(item.size)) else { return Ok(false) };
        let Some((bytes, _permit)) = intake.fetch(session, item).await? else { return Ok(false) };
        let What::Mail(mail, _) = Parser::one(bytes, Wants::default()).await else { return Ok(false) };
        if prepare::is_pending(&mail, &self.config) {
            return Ok(false);
        }
        let outgoing = self.store.is_outgoing(row.activity_id).await?;
        let Mail { envelope, attachments, omitted, .. } = *mail;
        let deposit = self.blobs.deposit();
        let attachments = prepare::attachments(attachments, omitted, &self.config, &deposit).await?;
        deposit.settle().await?;
        let notice = prepare::notice(&attachments, &envelope).filter(|_| outgoing);
        Ok(self.store.attachments_came(row.activity_id, Arrived { attachments, notice }, &self.clock).await?)
    }
}

/// After a round over all accounts: one more look at what is due, then no more at what has waited long enough. An account
/// whose round failed is left for the next.
pub(super) async fn once(
    worker: &Worker,
    accounts: &mut [(String, Result<Committed, Trouble>)],
) -> Result<(), StoreError> {
    let due = worker.store.accounts_with_late(worker.clock.now()).await?;
    for account in worker.store.watched().await?.into_iter().filter(|account| due.contains(&account.id)) {
        let Some((_, result)) = accounts.iter_mut().find(|(address, _)| *address == account.address) else { continue };
        if result.is_ok()
            && let Err(trouble) = worker.look_for_attachments(&account).await
        {
            *result = Err(trouble);
        }
    }
    worker.store.give_up_attachments(worker.clock.now()).await?;
    Ok(())
}
