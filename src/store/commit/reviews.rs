//! Forwards that a person has to settle (B24), and what providers ask (I13).

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{account, notice, review};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use serde::Serialize;
use uuid::Uuid;

use super::{Batch, Entry, Outcome, Review, rows};
use crate::clock::Clock;
use crate::decide::decision::Kind;
use crate::mail::verification::Verification;
use crate::store::{StoreError, notices};

/// What a provider asks, as it is kept with the account.
#[derive(Serialize)]
struct Asked {
    #[serde(flatten)]
    asked: Verification,
    at: DateTime<Utc>,
}

/// Puts what could not be processed into the queue and tells who forwarded it, once; takes out what a second look settled.
pub(super) async fn write(db: &DatabaseTransaction, batch: &Batch, clock: &Clock) -> Result<(), StoreError> {
    let mut about: BTreeMap<i64, Option<&Review>> = BTreeMap::new();
    for entry in &batch.entries {
        match &entry.outcome {
            Outcome::Review(review) => about.insert(i64::from(entry.uid), Some(review)),
            Outcome::Log(entrant) if entrant.activity.kind == Kind::Forwarded => {
                about.insert(i64::from(entry.uid), None)
            }
            _ => None,
        };
    }
    if about.is_empty() {
        return Ok(());
    }
    let waiting = review::Entity::find()
        .filter(review::COLUMN.mailbox_id.eq(batch.mailbox))
        .filter(review::COLUMN.uid_validity.eq(i64::from(batch.uid_validity)))
        .filter(review::COLUMN.uid.is_in(about.keys().copied()))
        .all(db)
        .await?;
    for row in waiting {
        match about.get(&row.uid) {
            Some(None) => {
                review::Entity::delete_by_id(row.id).exec(db).await?;
            }
            // It waits already.
            _ => {
                about.remove(&row.uid);
            }
        }
    }
    let held = || about.iter().filter_map(|(uid, review)| Some((*uid, (*review)?)));
    // What was held before waits still, or somebody has dropped it: neither puts it here once more.
    let mut before = told_before(db, held().map(|(_, review)| review).collect()).await?;
    let fresh: Vec<_> = held().filter(|(_, review)| before.insert(about_what(review)) || !has_id(review)).collect();
    rows::insert(db, fresh.iter().map(|(_, review)| told(review, clock)).collect()).await?;
    rows::insert(db, fresh.iter().map(|(uid, review)| row(batch, *uid, review, clock)).collect()).await
}

fn row(batch: &Batch, uid: i64, review: &Review, clock: &Clock) -> review::ActiveModel {
    let held = &review.held;
    review::ActiveModel {
        id: Set(clock.id()),
        workspace_id: Set(held.workspace),
        account_id: Set(batch.account),
        mailbox_id: Set(batch.mailbox),
        uid_validity: Set(i64::from(batch.uid_validity)),
        uid: Set(uid),
        code: Set(held.code.as_str().to_owned()),
        reason: Set(held.why.sentence().to_owned()),
        forwarder: Set(held.by.address.as_str().to_owned()),
        user_id: Set(Some(held.user.0)),
        attribution: Set(held.user.1.as_str().to_owned()),
        message_id: Set(review.message_id.clone()),
        sha256: Set(review.sha256.clone()),
        size: Set(i64::try_from(review.size).unwrap_or(i64::MAX)),
        received_at: Set(review.received),
        created_at: Set(clock.now()),
    }
}

fn has_id(review: &Review) -> bool {
    review.message_id.is_some()
}

/// Workspace, forwarder and Message-ID.
type About = (Uuid, String, Option<String>);

fn about_what(review: &Review) -> About {
    (review.held.workspace, review.held.by.address.as_str().to_owned(), review.message_id.clone())
}

/// What forwarders have been told of: a mail may be judged again.
async fn told_before(db: &DatabaseTransaction, reviews: Vec<&Review>) -> Result<HashSet<About>, StoreError> {
    let ids: Vec<&str> = reviews.iter().filter_map(|review| review.message_id.as_deref()).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = notice::Entity::find()
        .filter(notice::COLUMN.kind.eq(notices::Kind::ForwardNotLogged.as_str()))
        .filter(notice::COLUMN.workspace_id.is_in(reviews.iter().map(|review| review.held.workspace)))
        .filter(notice::COLUMN.message_id.is_in(ids))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.workspace_id, row.recipient, row.message_id)).collect())
}

/// The notice to who forwarded it, never to a contact (H9).
fn told(review: &Review, clock: &Clock) -> notice::ActiveModel {
    let held = &review.held;
    let body = format!(
        "A mail that you forwarded could not be logged: {}.\n\nIt is kept, and can be logged on a contact by hand \
         (mailtrail review). Forwarded as an attachment, a mail is always understood.",
        held.why.sentence()
    );
    let about = notices::About {
        message_id: review.message_id.clone(),
        ..notices::About::new(held.workspace, notices::Kind::ForwardNotLogged)
    };
    notices::row(about, held.by.address.as_str(), body, clock)
}

/// Keeps with the account what a provider asks last, until mail comes that way.
pub(super) async fn ask(db: &DatabaseTransaction, batch: &Batch, clock: &Clock) -> Result<(), StoreError> {
    let redirected = |entry: &&Entry| match &entry.outcome {
        Outcome::Log(entrant) => entrant.activity.forward.as_ref().is_some_and(|forward| forward.redirected),
        _ => false,
    };
    let came = batch.entries.iter().rposition(|entry| redirected(&entry));
    if came.is_some() {
        surface(db, batch.account, None).await?;
    }
    let since = came.map_or(0, |at| at + 1);
    let mut asked = batch.entries.iter().skip(since).rev().filter_map(|entry| match &entry.outcome {
        Outcome::Verification(asked) => Some(asked),
        _ => None,
    });
    match asked.next() {
        Some(asked) => {
            let kept = Asked { asked: asked.clone(), at: clock.now() };
            surface(db, batch.account, serde_json::to_value(kept).ok()).await
        }
        None => Ok(()),
    }
}

async fn surface(db: &DatabaseTransaction, account: Uuid, asked: Option<serde_json::Value>) -> Result<(), StoreError> {
    account::ActiveModel { id: Set(account), verification: Set(asked), ..Default::default() }.update(db).await?;
    Ok(())
}
