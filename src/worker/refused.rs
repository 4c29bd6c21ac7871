//! A message that the server says no to: the message's fault, or the server's?
//!
//! The server is asked for others. Where it hands out one, the refused message is to blame, and is set aside after
//! `limits.attempts` tries (L16). Where it hands out none, or there is none to compare with, it may have an outage: the
//! round ends, and nothing is held against the message but one attempt in [`SPACED`]. So what is refused for a day is set
//! aside as well, and no mailbox is stuck for ever behind messages that nobody can prove guilty.

use chrono::TimeDelta;

use super::account::until;
use super::intake::Intake;
use crate::source::Session;
use crate::store::StoreError;
use crate::trouble::Trouble;

/// How far apart attempts are that count although the server may have an outage.
const SPACED: TimeDelta = TimeDelta::hours(6);

/// How many messages that were handed out before are asked for again.
const BEFORE: u64 = 3;

/// How many UIDs behind the refused message are looked at for others.
const AHEAD: u32 = 2_000;

impl Intake {
    /// What a refusal comes to: trouble with the message, or with the server. Other trouble is left as it is.
    pub(super) async fn weigh(&self, session: &mut Session, trouble: Trouble) -> Trouble {
        let Trouble::Refused { uid, whole, reason } = trouble else { return trouble };
        let others = match self.hands_out_others(session, uid, whole).await {
            Ok(true) => return Trouble::Message { uid, reason },
            Ok(false) => None,
            Err(trouble) => Some(trouble),
        };
        if self.is_hopeless(uid) {
            return Trouble::Message { uid, reason };
        }
        if let Err(error) = self.attempted_of_late(uid, &reason).await {
            return error.into();
        }
        others.unwrap_or_else(|| {
            Trouble::retry(format!(
                "At the moment the server hands out no message that it is asked for. It says about the first of them, UID \
                 {uid}: {reason}. None is set aside for that; they are asked for again."
            ))
        })
    }

    /// Whether the server hands out any other message: one from before, or one that is yet to be read.
    async fn hands_out_others(&self, session: &mut Session, uid: u32, whole: bool) -> Result<bool, Trouble> {
        let store = &self.shared.worker.store;
        // Of an inbox nothing is opened for this that was not opened before (J12).
        let is_inbox = self.shared.judge.policy.inbox.is_some();
        let before = store.handed_out(&self.row, uid, is_inbox && whole, BEFORE).await?;
        if until(&self.stop, session.hands_out(&before, whole)).await? {
            return Ok(true);
        }
        if is_inbox && whole {
            return Ok(false);
        }
        let Some(next) = uid.checked_add(1) else { return Ok(false) };
        let ahead = until(&self.stop, session.uids(next, Some(next.saturating_add(AHEAD)))).await?;
        until(&self.stop, session.hands_out(&spread(&ahead), whole)).await
    }

    /// Counts an attempt that may be the server's fault, unless the last one is not long ago.
    async fn attempted_of_late(&self, uid: u32, reason: &str) -> Result<(), StoreError> {
        let store = &self.shared.worker.store;
        let clock = &self.shared.worker.clock;
        let last = store.attempt(&self.row, uid).await?.filter(|last| last.count > 0);
        if last.is_some_and(|last| clock.now() - last.at < SPACED) {
            return Ok(());
        }
        store.attempted(&self.row, uid, reason, clock).await
    }
}

/// The first few, and ever fewer of those further on: several messages in a row may be damaged.
fn spread(uids: &[u32]) -> Vec<u32> {
    let mut chosen: Vec<u32> = (0..u32::BITS).map_while(|power| uids.get((1 << power) - 1).copied()).collect();
    chosen.extend(uids.last().filter(|last| chosen.last() != Some(last)));
    chosen
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn a_long_row_of_messages_is_tried_in_ever_wider_steps_up_to_its_last() {
        let uids: Vec<u32> = (101..=120).collect();
        assert_eq!(spread(&uids), [101, 102, 104, 108, 116, 120]);
        assert_eq!(spread(&[7]), [7]);
        assert_eq!(spread(&[]), [0_u32; 0]);
    }
}
