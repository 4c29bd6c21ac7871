//! The one transaction that records the verdicts of a batch and moves the cursor past it (design, invariant 2).
//!
//! ```text
//! still our lease? ─► lock the workspaces ─► compare-and-set the cursor ─► duplicates? ─► contacts ─► companies, deals
//!   ─► threads ─► activities and their links ─► sightings, ledger, quarantine, notices, outbox
//! ```
//!
//! Commits of one workspace follow one another (an advisory lock on PostgreSQL, the write lock on SQLite), so that
//! looking up and inserting cannot be interleaved. The unique indexes are the proof, should somebody write past it.

mod activities;
mod associations;
mod bounced;
mod companies;
mod completed;
mod contacts;
mod cursor;
mod inherited;
pub mod late;
mod ledger;
mod reviews;
pub(in crate::store) mod rows;
pub mod runs;
mod threads;
pub mod watched;

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use uuid::Uuid;

use self::watched::{Tie, Watched};
use crate::clock::Clock;
use crate::decide::bounce::Returned;
use crate::decide::decision::{Activity, Held};
use crate::decide::{Code, Trace};
use crate::mail::address::Party;
use crate::mail::envelope::Envelope;
use crate::mail::verification::Verification;
use crate::seam::seam;
use crate::store::leases::Fence;
use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};

/// A run of messages with their verdicts, and the cursor that passes them.
#[derive(Debug)]
pub struct Batch {
    /// The account it was read from.
    pub account: Uuid,
    /// The mailbox.
    pub mailbox: Uuid,
    /// UIDVALIDITY of every UID in it.
    pub uid_validity: u32,
    /// Where the cursor must stand for this batch to be the next.
    pub from: u32,
    /// Where it stands afterwards.
    pub to: u32,
    /// The entries, by UID, ascending.
    pub entries: Vec<Entry>,
    /// Whether the entries' verdicts take the place of older ones: a second look at messages that were passed.
    pub replaces: bool,
    /// Under what it is written.
    pub fence: Fence,
}

/// One message and its verdict. A forward with several originals attached is as many entries of one UID, one after the
/// other: their verdict in the ledger is one.
#[derive(Debug)]
pub struct Entry {
    /// Its UID.
    pub uid: u32,
    /// What happened to it.
    pub outcome: Outcome,
    /// How that was decided.
    pub trace: Trace,
    /// Keyed hash of its Message-ID, for `explain`.
    pub message_hash: Option<Vec<u8>>,
}

/// What happened to a message.
#[derive(Debug)]
pub enum Outcome {
    /// It goes on the timeline.
    Log(Box<Entrant>),
    /// It is on the timeline already, and known by the names of this copy, too (D18, D20).
    Sighting(Tie),
    /// It does not go there.
    Skip(Code),
    /// Nor does this: it says that a logged mail came back (J12).
    Bounce(Returned),
    /// It could not be processed.
    Quarantine(Casualty),
    /// It is a forward that a person has to settle (B24).
    Review(Box<Review>),
    /// A provider asks for a confirmation (I13).
    Verification(Verification),
}

impl Outcome {
    /// The bytes of text it holds in memory.
    pub fn bytes(&self) -> usize {
        let Self::Log(entrant) = self else { return 0 };
        let Content { text, html, reply_text, .. } = &entrant.content;
        [text, html, reply_text].into_iter().flatten().map(String::len).sum()
    }
}

impl Entry {
    /// Its code before the store has seen whether it is a duplicate.
    pub fn code(&self) -> Code {
        match &self.outcome {
            Outcome::Log(_) => Code::Logged,
            Outcome::Sighting(_) => Code::Duplicate,
            Outcome::Skip(code) => *code,
            Outcome::Bounce(_) => Code::Bounce,
            Outcome::Quarantine(_) => Code::ParseError,
            Outcome::Review(review) => review.held.code,
            Outcome::Verification(_) => Code::VerificationMail,
        }
    }
}

/// A message on its way to the timeline.
#[derive(Debug)]
pub struct Entrant {
    /// What the decision made of it.
    pub activity: Activity,
    /// Its deciding headers.
    pub envelope: Envelope,
    /// Its identity.
    pub key: crate::decide::MessageKey,
    /// When it was sent, or when it arrived where that is unknown.
    pub sent_at: DateTime<Utc>,
    /// When the server got it.
    pub received: DateTime<Utc>,
    /// What it says.
    pub content: Content,
    /// Whom to tell about attachments that were left out, and what (H2).
    pub notice: Option<Notice>,
}

/// The stored part of a message's body.
#[derive(Debug, Default, Clone)]
pub struct Content {
    /// Plain text as sent, or made from the HTML.
    pub text: Option<String>,
    /// HTML as sent: never to be shown without sanitising.
    pub html: Option<String>,
    /// The new text, where it is not all of the text.
    pub reply_text: Option<String>,
    /// Attachments and inline images.
    pub attachments: Vec<Attachment>,
}

/// An attachment, stored or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Media type (RFC 2046).
    pub media_type: String,
    /// Decoded size in bytes.
    pub size: u64,
    /// SHA-256 of the decoded bytes, hexadecimal: the key in the blob store. `None` when left out.
    pub sha256: Option<String>,
    /// Content-ID by which HTML refers to it.
    pub content_id: Option<String>,
    /// Shown inside the text rather than listed.
    pub inline: bool,
    /// Why it was left out.
    pub reason: Option<String>,
}

/// A message to a user that waits to be sent (H2, H9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// To whom.
    pub recipient: Party,
    /// What it says.
    pub body: String,
}

/// A message set aside (L16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Casualty {
    /// Why.
    pub reason: String,
    /// Its bytes in the blob store, if they were had.
    pub sha256: Option<String>,
    /// Their number.
    pub size: Option<u64>,
}

/// A forward that a person has to settle, with its bytes in the blob store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Why, and whose it is.
    pub held: Held,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// Its bytes.
    pub sha256: String,
    /// Their number.
    pub size: u64,
    /// When the server got it.
    pub received: DateTime<Utc>,
}

/// What the store needs to know to write a batch.
#[derive(Debug, Clone, Copy)]
pub struct CommitPolicy {
    /// Open deals a contact brings (E3).
    pub deals: usize,
    /// Whether a new contact belongs to the user who wrote to it (E10).
    pub contact_owner: bool,
    /// Whether a mail domain without a company gets one (E8).
    pub create_companies: bool,
    /// How long attachments are waited for that come later (H7).
    pub patience: late::Patience,
    /// The key of the hashes by which unlogged mail waits (D21).
    pub waiting: WaitingKey,
}

/// A key that no log line shows.
#[derive(Clone, Copy)]
pub struct WaitingKey([u8; 32]);

impl WaitingKey {
    /// The installation's key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for WaitingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WaitingKey")
    }
}

/// What a commit did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Activities added.
    pub logged: usize,
    /// Copies of known messages.
    pub duplicates: usize,
    /// Messages not logged.
    pub skipped: usize,
    /// Messages set aside.
    pub quarantined: usize,
}

impl std::ops::AddAssign for Committed {
    fn add_assign(&mut self, other: Self) {
        self.logged += other.logged;
        self.duplicates += other.duplicates;
        self.skipped += other.skipped;
        self.quarantined += other.quarantined;
    }
}

impl Store {
    /// Records a batch. [`StoreError`] says whether trying again can help; then nothing was written.
    pub async fn commit(&self, batch: Batch, policy: CommitPolicy, clock: &Clock) -> Result<Committed, StoreError> {
        self.commit_watched(batch, &Watched::default(), policy, clock).await
    }

    /// The same for a batch from a personal inbox, with what else is kept of that.
    pub async fn commit_watched(
        &self,
        batch: Batch,
        watched: &Watched,
        policy: CommitPolicy,
        clock: &Clock,
    ) -> Result<Committed, StoreError> {
        seam("commit.before")?;
        let transaction = self.begin_fenced(batch.fence).await?;
        seam("commit.begun")?;
        let (done, codes) = write(&transaction, batch, watched, policy, clock).await?;
        seam("commit.ledger")?;
        transaction.commit().await?;
        codes.into_iter().for_each(|code| crate::metrics::verdicts(code, 1));
        self.committed.notify_one();
        seam("commit.after")?;
        Ok(done)
    }
}

async fn write(
    db: &DatabaseTransaction,
    mut batch: Batch,
    watched: &Watched,
    policy: CommitPolicy,
    clock: &Clock,
) -> Result<(Committed, Vec<Code>), StoreError> {
    let contents = contents(&mut batch.entries);
    let batch = &batch;
    let entrants = batch.entries.iter().filter_map(|entry| match &entry.outcome {
        Outcome::Log(entrant) => Some(entrant.activity.workspace),
        Outcome::Bounce(returned) => Some(returned.workspace),
        Outcome::Review(review) => Some(review.held.workspace),
        _ => None,
    });
    lock_workspaces(db, entrants.chain(watched.workspaces()).collect()).await?;
    if batch.replaces {
        // A second look concerns what the cursor has passed.
        ledger::take_back(db, batch).await?;
    } else {
        cursor::advance(db, batch, clock).await?;
    }
    seam("commit.cursor")?;
    let mut logged = activities::write(db, batch, contents, policy, clock).await?;
    seam("commit.activities")?;
    watched::write(db, batch, watched, &mut logged, policy).await?;
    watched::wake(db, &logged.names, policy.waiting).await?;
    seam("commit.watched")?;
    bounced::write(db, batch, clock).await?;
    reviews::write(db, batch, clock).await?;
    reviews::ask(db, batch, clock).await?;
    ledger::write(db, batch, &logged, watched.runs, clock).await
}

/// What the messages say, by their places in the batch: taken out, because it goes into its rows without a copy.
fn contents(entries: &mut [Entry]) -> HashMap<usize, Content> {
    let contents = entries.iter_mut().enumerate().filter_map(|(at, entry)| match &mut entry.outcome {
        Outcome::Log(entrant) => Some((at, std::mem::take(&mut entrant.content))),
        _ => None,
    });
    contents.collect()
}

/// Lets those who write contacts of one workspace follow one another, whichever process they are in.
pub(in crate::store) async fn lock_workspaces(
    db: &DatabaseTransaction,
    workspaces: BTreeSet<Uuid>,
) -> Result<(), StoreError> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    for workspace in workspaces {
        let (high, _) = workspace.as_u64_pair();
        let (_, low) = workspace.as_u64_pair();
        let key = i64::from_ne_bytes((high ^ low).to_ne_bytes());
        let lock =
            Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_advisory_xact_lock($1)", [key.into()]);
        db.execute_raw(lock).await?;
    }
    Ok(())
}
