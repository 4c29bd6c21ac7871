//! Notices to users, and how far each is on its way.
//!
//! ```text
//!   waiting ─ claim ─► claimed ─ hand over ─► handed over ─ 250 ─► sent
//!      ▲                  │                      │  └─ no answer ─► stays: it may have arrived, so it is not sent again
//!      └──── 4xx, lost ───┴──────── 4xx ─────────┴─ 5xx ─► failed
//! ```
//!
//! Every step is a compare-and-set on the number of the claim, so that a process that slept through its claim finds that it
//! has lost it before it hands anything over.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{account, account_user, account_workspace, notice, user, user_address};
use sea_orm::sea_query::Expr;
use sea_orm::{
    Condition, DatabaseTransaction, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    UpdateMany,
};
use uuid::Uuid;

use crate::clock::Clock;
use crate::mail::address::Address;
use crate::store::{Store, StoreError};

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Attachments of a mail were left out (H2).
    AttachmentDropped,
    /// A forward waits for a person (B24).
    ForwardNotLogged,
    /// An account waits for a new consent (J15).
    NeedsReauth,
}

impl Kind {
    const ALL: [Self; 3] = [Self::AttachmentDropped, Self::ForwardNotLogged, Self::NeedsReauth];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AttachmentDropped => "attachment-dropped",
            Self::ForwardNotLogged => "forward-not-logged",
            Self::NeedsReauth => "needs-reauth",
        }
    }

    /// The kind of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What a new notice is about.
pub(super) struct About {
    pub(super) workspace: Uuid,
    pub(super) kind: Kind,
    pub(super) message_id: Option<String>,
    pub(super) activity: Option<Uuid>,
}

impl About {
    pub(super) fn new(workspace: Uuid, kind: Kind) -> Self {
        Self { workspace, kind, message_id: None, activity: None }
    }
}

/// A notice that waits to be sent.
pub(super) fn row(about: About, recipient: &str, body: String, clock: &Clock) -> notice::ActiveModel {
    notice::ActiveModel {
        id: Set(clock.id()),
        workspace_id: Set(about.workspace),
        recipient: Set(recipient.to_owned()),
        kind: Set(about.kind.as_str().to_owned()),
        message_id: Set(about.message_id),
        activity_id: Set(about.activity),
        body: Set(body),
        created_at: Set(clock.now()),
        ..Default::default()
    }
}

/// The notices to whoever connected an account that its consent has ended; to nobody, where no user is behind it.
pub(super) async fn needs_reauth(db: &DatabaseTransaction, account: Uuid, clock: &Clock) -> Result<(), StoreError> {
    let Some(account) = account::Entity::find_by_id(account).one(db).await? else { return Ok(()) };
    let Some(served) = account_workspace::Entity::find()
        .filter(account_workspace::COLUMN.account_id.eq(account.id))
        .order_by_asc(account_workspace::Column::CreatedAt)
        .one(db)
        .await?
    else {
        return Ok(());
    };
    let users = account_user::Entity::find()
        .filter(account_user::COLUMN.account_id.eq(account.id))
        .filter(account_user::COLUMN.disconnected_at.is_null())
        .find_also_related(user::Entity)
        .all(db)
        .await?;
    for user in users.into_iter().filter_map(|(_, user)| user).filter(|user| user.active) {
        let body = format!(
            "Your mailbox {} is no longer read: the permission to read it has ended.\n\nConnect it again, and mail that came \
             in between is looked at, too (mailtrail connect {}).",
            account.address, account.address
        );
        let told = row(About::new(served.workspace_id, Kind::NeedsReauth), &user.login, body, clock);
        notice::Entity::insert(told).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Where a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is to be sent.
    Waiting,
    /// A mail server has taken it.
    Sent,
    /// A mail server has got it and has not said what became of it.
    Unclear,
    /// It is given up.
    Failed,
    /// It is older than what is still sent.
    TooOld,
}

impl Standing {
    /// Where it stands, if those made before `oldest` are sent no more.
    pub fn of(row: &notice::Model, oldest: DateTime<Utc>) -> Self {
        match row {
            _ if row.sent_at.is_some() => Self::Sent,
            _ if row.failed_at.is_some() => Self::Failed,
            _ if row.handed_at.is_some() => Self::Unclear,
            _ if row.created_at < oldest => Self::TooOld,
            _ => Self::Waiting,
        }
    }

    /// The word in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Unclear => "unclear",
            Self::Failed => "failed",
            Self::TooOld => "too-old",
        }
    }
}

fn open(oldest: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(notice::COLUMN.created_at.gte(oldest))
        .add(notice::COLUMN.sent_at.is_null())
        .add(notice::COLUMN.handed_at.is_null())
        .add(notice::COLUMN.failed_at.is_null())
}

fn free(now: DateTime<Utc>) -> Condition {
    Condition::any().add(notice::COLUMN.claimed_until.is_null()).add(notice::COLUMN.claimed_until.lte(now))
}

impl Store {
    /// Notices of a workspace, oldest first.
    pub async fn notices(&self, workspace: Uuid) -> Result<Vec<notice::Model>, StoreError> {
        let found = notice::Entity::find()
            .filter(notice::COLUMN.workspace_id.eq(workspace))
            .order_by_asc(notice::Column::CreatedAt)
            .order_by_asc(notice::Column::Id)
            .all(&self.db)
            .await?;
        Ok(found)
    }

    /// Notices to be sent now, oldest first, at most `limit`, none made before `oldest`.
    pub async fn notices_due(
        &self,
        now: DateTime<Utc>,
        oldest: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<notice::Model>, StoreError> {
        let in_time = Condition::any().add(notice::COLUMN.next_try.is_null()).add(notice::COLUMN.next_try.lte(now));
        let due = notice::Entity::find().filter(open(oldest)).filter(free(now)).filter(in_time);
        Ok(due.order_by_asc(notice::Column::CreatedAt).limit(limit).all(&self.db).await?)
    }

    /// Notes why what is due is not sent yet.
    pub async fn notices_held_up(&self, oldest: DateTime<Utc>, reason: &str) -> Result<(), StoreError> {
        let other = Condition::any().add(notice::COLUMN.reason.is_null()).add(notice::COLUMN.reason.ne(reason));
        let told = notice::ActiveModel { reason: Set(Some(reason.to_owned())), ..Default::default() };
        notice::Entity::update_many().set(told).filter(open(oldest)).filter(other).exec(&self.db).await?;
        Ok(())
    }

    /// Whether that is the address of somebody who works here.
    pub async fn is_user(&self, workspace: Uuid, address: &Address) -> Result<bool, StoreError> {
        let active = || {
            user::Entity::find().filter(user::COLUMN.workspace_id.eq(workspace)).filter(user::COLUMN.active.eq(true))
        };
        if active().filter(user::COLUMN.login_folded.eq(address.folded())).one(&self.db).await?.is_some() {
            return Ok(true);
        }
        let aliases = user_address::Entity::find()
            .filter(user_address::COLUMN.workspace_id.eq(workspace))
            .filter(user_address::COLUMN.address_folded.eq(address.folded()))
            .all(&self.db)
            .await?;
        let behind = aliases.into_iter().map(|alias| alias.user_id);
        Ok(active().filter(user::COLUMN.id.is_in(behind)).one(&self.db).await?.is_some())
    }

    /// How many notices an address has got since.
    pub async fn notices_to(&self, recipient: &str, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let handed = notice::Entity::find().filter(notice::COLUMN.recipient.eq(recipient));
        Ok(handed.filter(notice::COLUMN.handed_at.gt(since)).count(&self.db).await?)
    }

    /// Takes a notice in hand. `None` if another was faster.
    pub async fn claim_notice(
        &self,
        row: &notice::Model,
        now: DateTime<Utc>,
        length: TimeDelta,
    ) -> Result<Option<Claim>, StoreError> {
        let claim = Claim { id: row.id, attempt: row.attempts.saturating_add(1) };
        let taken = notice::ActiveModel {
            attempts: Set(claim.attempt),
            claimed_until: Set(Some(now + length)),
            ..Default::default()
        };
        let done = notice::Entity::update_many()
            .set(taken)
            .filter(notice::COLUMN.id.eq(row.id))
            .filter(notice::COLUMN.attempts.eq(row.attempts))
            .filter(open(row.created_at))
            .filter(free(now))
            .exec(&self.db)
            .await?;
        Ok((done.rows_affected == 1).then_some(claim))
    }

    /// Notes that the text of a claimed notice is about to go to the mail server: from now on it is not sent again, also
    /// after a power cut. `false` if the claim is lost.
    pub async fn hand_over(&self, claim: &Claim, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let handed = notice::ActiveModel { handed_at: Set(Some(now)), ..Default::default() };
        let tx = self.begin_durable().await?;
        let query = claim.of(notice::Entity::update_many().set(handed)).filter(notice::COLUMN.handed_at.is_null());
        let done = query.filter(notice::COLUMN.claimed_until.gt(now)).exec(&*tx).await?;
        tx.commit().await?;
        Ok(done.rows_affected == 1)
    }

    /// Notes what came of a claimed notice.
    pub async fn conclude_notice(&self, claim: &Claim, end: End, now: DateTime<Utc>) -> Result<(), StoreError> {
        let free = notice::ActiveModel { claimed_until: Set(None), ..Default::default() };
        let told = match end {
            End::Sent => notice::ActiveModel { sent_at: Set(Some(now)), reason: Set(None), ..free },
            End::Unclear(reason) => notice::ActiveModel { reason: Set(Some(reason)), ..free },
            End::Failed(reason) => notice::ActiveModel { failed_at: Set(Some(now)), reason: Set(Some(reason)), ..free },
            End::Later(next, reason) => notice::ActiveModel {
                handed_at: Set(None),
                next_try: Set(Some(next)),
                reason: Set(Some(reason)),
                ..free
            },
        };
        claim.of(notice::Entity::update_many().set(told)).exec(&self.db).await?;
        Ok(())
    }
}

/// A notice in hand.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    id: Uuid,
    attempt: i32,
}

impl Claim {
    fn of(&self, query: UpdateMany<notice::Entity>) -> UpdateMany<notice::Entity> {
        query
            .filter(notice::COLUMN.id.eq(self.id))
            .filter(Expr::col(notice::Column::Attempts).eq(self.attempt))
            .filter(notice::COLUMN.sent_at.is_null())
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The mail server has taken it.
    Sent,
    /// The mail server has got it, and nobody knows more.
    Unclear(String),
    /// It will never be taken.
    Failed(String),
    /// It is not handed over, and tried again then.
    Later(DateTime<Utc>, String),
}
