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
                self.store.adopt(row, selected.uid_validity, first).await?;
            }
            session.logout().await;
            Ok(inbox.mailboxes.into_iter().map(|row| row.name).collect())
        });
        looked.await.unwrap_or_else(|_| Err(Trouble::retry("the server takes too long to answer")))
    }
}

/// Begins an epoch of a mailbox: with the day that the account was told to start from; with what arrived since the account
/// was added, if this is the first look; and after a change of UIDVALIDITY with what arrived in a window before the last
/// look, since what was logged is known by its Message-ID.
pub(super) async fn adopt(
    worker: &Worker,
    session: &mut Session,
    account: &account::Model,
    row: &mailbox::Model,
    uid_validity: u32,
    uid_next: Option<u32>,
) -> Result<(), Trouble> {
    let first = match account.since {
        Some(day) => session.since(day, 1).await?.first().copied(),
        None => {
            let window = TimeDelta::days(i64::from(worker.config.watch.pending_days));
            let resumed = row.last_poll.filter(|_| row.uid_validity != 0).map(|last| last - window);
            let moment = resumed.map_or(account.created_at, |resumed| resumed.max(account.created_at));
            let of_the_day = session.since(moment.date_naive(), 1).await?;
            match (of_the_day.first(), of_the_day.last()) {
                (Some(first), Some(last)) => {
                    let listed = session.list(*first, Some(*last)).await?;
                    // INTERNALDATE has whole seconds.
                    let moment = moment.trunc_subsecs(0);
                    listed.iter().find(|one| one.internal_date.is_none_or(|date| date >= moment)).map(|one| one.uid)
                }
                _ => None,
            }
        }
    };
    let first = match first {
        Some(first) => first,
        None => next_uid(session, uid_next).await?,
    };
    Ok(worker.store.adopt(row, uid_validity, first).await?)
}

/// The UID of the next message to come.
async fn next_uid(session: &mut Session, uid_next: Option<u32>) -> Result<u32, Trouble> {
    match uid_next.filter(|next| *next > 0) {
        Some(next) => Ok(next),
        None => Ok(session.uids(1, None).await?.last().map_or(1, |last| last.saturating_add(1))),
    }
}
