//! Where a personal inbox begins (J13), and where it goes on after a break (J15).

use std::time::Duration;

use chrono::{SubsecRound, TimeDelta};
use entity::{account, mailbox};
use tokio::time::timeout;

use super::Inbox;
use crate::source::Session;
use crate::trouble::Trouble;
use crate::worker::Worker;

/// How long a person at the command line waits for the server.
const PATIENCE: Duration = Duration::from_secs(15);

impl Worker {
    /// Looks at an inbox the moment it is connected, so that it begins at UIDNEXT of that moment (J13). Gives the names of
    /// its mailboxes. If it fails, the inbox begins with what arrived since.
    pub async fn begin(&self, account: &account::Model) -> Result<Vec<String>, Trouble> {
        let looked = timeout(PATIENCE, async {
            let mut session = self.connect(account).await?;
            let inbox = Inbox::find(self, &mut session, account).await?;
            for row in inbox.mailboxes.iter().filter(|row| row.uid_validity == 0 && account.since.is_none()) {
                let selected = session.examine(&row.wire_name).await?;
                let first = next_uid(&mut session, selected.uid_next).await?;
                self.store.adopt(row, selected.uid_validity, first, self.fence).await?;
            }
            session.logout().await;
            Ok(inbox.mailboxes.into_iter().map(|row| row.name).collect())
        });
        looked.await.unwrap_or_else(|_| Err(Trouble::retry("the server takes too long to answer")))
    }
}

/// Where an epoch of a mailbox begins: with what arrived since the account was added, if this is the first look; after a
/// change of UIDVALIDITY with what arrived in a window before the last look, since what was logged is known by its
/// Message-ID.
pub(in crate::worker) async fn resumed(
    worker: &Worker,
    session: &mut Session,
    account: &account::Model,
    row: &mailbox::Model,
    uid_next: Option<u32>,
) -> Result<u32, Trouble> {
    let window = TimeDelta::days(i64::from(worker.config.watch.pending_days));
    let last_look = row.last_poll.filter(|_| row.uid_validity != 0);
    let moment = last_look.map_or(account.created_at, |last| (last - window).max(account.created_at));
    let of_the_day = session.since(moment.date_naive(), 1).await?;
    if let (Some(first), Some(last)) = (of_the_day.first(), of_the_day.last()) {
        let listed = session.list(*first, Some(*last)).await?;
        // INTERNALDATE has whole seconds.
        let moment = moment.trunc_subsecs(0);
        if let Some(one) = listed.iter().find(|one| one.internal_date.is_none_or(|date| date >= moment)) {
            return Ok(one.uid);
        }
    }
    next_uid(session, uid_next).await
}

/// The UID of the next message to come.
pub(in crate::worker) async fn next_uid(session: &mut Session, uid_next: Option<u32>) -> Result<u32, Trouble> {
    match uid_next.filter(|next| *next > 0) {
        Some(next) => Ok(next),
        None => Ok(session.uids(1, None).await?.last().map_or(1, |last| last.saturating_add(1))),
    }
}
