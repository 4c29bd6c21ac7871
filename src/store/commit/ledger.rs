//! One verdict for every UID passed (design, invariant 3), with its sighting or quarantine.

use entity::{attempt, ledger, quarantine, sighting};
use sea_orm::{DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::activities::Logged;
use super::runs::{self, Runs};
use super::{Batch, Casualty, Committed, Entry, Outcome, rows};
use crate::clock::Clock;
use crate::decide::{Code, Trace};
use crate::events::Event;
use crate::store::StoreError;
use crate::store::accounts::changed;

/// Writes the verdicts of a batch.
pub(super) async fn write(
    db: &DatabaseTransaction,
    batch: &Batch,
    logged: &Logged,
    runs: Runs,
    clock: &Clock,
) -> Result<(Committed, Vec<Code>), StoreError> {
    let mut verdicts = Verdicts { runs, ..Verdicts::default() };
    for (at, entry) in batch.entries.iter().enumerate() {
        verdicts.add(batch, entry, logged.get(at), clock);
    }
    forget_attempts(db, batch).await?;
    rows::insert(db, verdicts.sightings).await?;
    let aside: Vec<Event> = verdicts.quarantines.iter().map(set_aside).collect();
    rows::insert(db, verdicts.quarantines).await?;
    changed::tell_all(db, batch.account, &aside, clock).await?;
    rows::insert(db, verdicts.rows).await?;
    Ok((verdicts.done, verdicts.codes))
}

fn set_aside(row: &quarantine::ActiveModel) -> Event {
    Event::MessageQuarantined {
        quarantine: *row.id.as_ref(),
        mailbox: *row.mailbox_id.as_ref(),
        uid_validity: *row.uid_validity.as_ref(),
        uid: *row.uid.as_ref(),
        reason: row.reason.as_ref().clone(),
    }
}

/// Removes the verdicts that a second look replaces.
pub(super) async fn take_back(db: &DatabaseTransaction, batch: &Batch) -> Result<(), StoreError> {
    runs::take_out(db, batch).await?;
    let uids: Vec<i64> = batch.entries.iter().map(|entry| i64::from(entry.uid)).collect();
    let epoch = i64::from(batch.uid_validity);
    quarantine::Entity::delete_many()
        .filter(quarantine::COLUMN.mailbox_id.eq(batch.mailbox))
        .filter(quarantine::COLUMN.uid_validity.eq(epoch))
        .filter(quarantine::COLUMN.uid.is_in(uids))
        .exec(db)
        .await?;
    Ok(())
}

#[derive(Default)]
struct Verdicts {
    rows: Vec<ledger::ActiveModel>,
    sightings: Vec<sighting::ActiveModel>,
    quarantines: Vec<quarantine::ActiveModel>,
    /// What each message got; a forward with several originals is one.
    codes: Vec<Code>,
    done: Committed,
    runs: Runs,
}

impl Verdicts {
    fn add(&mut self, batch: &Batch, entry: &Entry, logged: Option<(Uuid, bool)>, clock: &Clock) {
        let (code, activity) = match &entry.outcome {
            Outcome::Log(_) => match logged {
                Some((activity, true)) => (Code::Logged, Some(activity)),
                Some((activity, false)) => (Code::Duplicate, Some(activity)),
                None => (Code::ParseError, None),
            },
            Outcome::Sighting(tie) => (Code::Duplicate, Some(tie.activity)),
            Outcome::Skip(code) => (*code, None),
            Outcome::Bounce(_) => (Code::Bounce, None),
            Outcome::Review(review) => (review.held.code, None),
            Outcome::Verification(_) => (Code::VerificationMail, None),
            Outcome::Quarantine(casualty) => {
                self.set_aside(batch, entry.uid, casualty, clock);
                (Code::ParseError, None)
            }
        };
        match code {
            Code::Logged => self.done.logged += 1,
            Code::Duplicate => self.done.duplicates += 1,
            Code::ParseError => self.done.quarantined += 1,
            _ => self.done.skipped += 1,
        }
        let sighting = activity.map(|activity| sighting(batch, entry.uid, activity));
        // Of two equal messages attached to one forward the second is no further sighting.
        self.sightings.extend(sighting.filter(|one| !self.sightings.contains(one)));
        let trace = match (&entry.outcome, code, activity) {
            // The steps led to a log entry; that the message is known was seen last and undoes them.
            (Outcome::Log(_), Code::Duplicate, _) => Trace::of_copy(&entry.trace),
            (_, _, Some(_)) => entry.trace.clone(),
            (_, _, None) => entry.trace.without_evidence(),
        };
        let row = ledger::ActiveModel {
            mailbox_id: Set(batch.mailbox),
            uid_validity: Set(i64::from(batch.uid_validity)),
            uid_first: Set(i64::from(entry.uid)),
            uid_last: Set(i64::from(entry.uid)),
            code: Set(code.as_str().to_owned()),
            activity_id: Set(activity),
            // What is logged is found by its activity.
            message_hash: Set(entry.message_hash.clone().filter(|_| activity.is_none())),
            trace: Set(serde_json::to_value(trace).ok()),
            at: Set(clock.now()),
        };
        match self.rows.last_mut() {
            Some(first) if first.uid_last == row.uid_last => {
                join(first, row, code);
                let before = self.codes.pop();
                self.codes.push(Code::of_several(before.into_iter().chain([code])));
                return;
            }
            Some(run) if matches!(entry.outcome, Outcome::Skip(_)) && runs::continues(run, &row, self.runs) => {
                run.uid_last = row.uid_last;
            }
            _ => self.rows.push(row),
        }
        self.codes.push(code);
    }

    fn set_aside(&mut self, batch: &Batch, uid: u32, casualty: &Casualty, clock: &Clock) {
        self.quarantines.push(quarantine::ActiveModel {
            id: Set(clock.id()),
            account_id: Set(batch.account),
            mailbox_id: Set(batch.mailbox),
            uid_validity: Set(i64::from(batch.uid_validity)),
            uid: Set(i64::from(uid)),
            code: Set(Code::ParseError.as_str().to_owned()),
            reason: Set(casualty.reason.clone()),
            sha256: Set(casualty.sha256.clone()),
            size: Set(casualty.size.and_then(|size| i64::try_from(size).ok())),
            created_at: Set(clock.now()),
        });
    }
}

/// One verdict on a forward with several originals: the best that became of one, and the steps of each (B23). Its own
/// Message-ID is kept as a hash where the first of them, which goes by it, was not logged.
fn join(row: &mut ledger::ActiveModel, next: ledger::ActiveModel, code: Code) {
    let trace =
        |row: &ledger::ActiveModel| row.trace.as_ref().clone().and_then(|trace| serde_json::from_value(trace).ok());
    let mut steps: Trace = trace(row).unwrap_or_default();
    steps.join(&trace(&next).unwrap_or_default());
    row.trace = Set(serde_json::to_value(steps).ok());
    let better = match code {
        Code::Logged => *row.code.as_ref() != code.as_str(),
        Code::Duplicate => row.activity_id.as_ref().is_none(),
        _ => false,
    };
    if better {
        row.code = next.code;
        row.activity_id = next.activity_id;
    }
}

fn sighting(batch: &Batch, uid: u32, activity: Uuid) -> sighting::ActiveModel {
    sighting::ActiveModel {
        mailbox_id: Set(batch.mailbox),
        uid_validity: Set(i64::from(batch.uid_validity)),
        uid: Set(i64::from(uid)),
        activity_id: Set(activity),
    }
}

/// Attempts at messages that now have a verdict are history.
async fn forget_attempts(db: &DatabaseTransaction, batch: &Batch) -> Result<(), StoreError> {
    attempt::Entity::delete_many()
        .filter(attempt::COLUMN.mailbox_id.eq(batch.mailbox))
        .filter(attempt::COLUMN.uid_validity.eq(i64::from(batch.uid_validity)))
        .filter(attempt::COLUMN.uid.lte(i64::from(batch.to)))
        .exec(db)
        .await?;
    Ok(())
}
