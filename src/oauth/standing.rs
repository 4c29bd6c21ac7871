//! Where a grant stands, and what may be done with it next. Pure.
//!
//! ```text
//!            due: claimed by one process            renewed
//!   fresh ───────────────────────────► refreshing ──────────► fresh
//!                                          │ └── put off, or the claim ran out ──► fresh, claimed again
//!                                          └── refused ──► needs-reauth | needs-admin-consent | operator-fault
//! ```
//!
//! Each step consumes what it was made from: nobody renews what he has not claimed, and a claim has one end.

use chrono::{DateTime, TimeDelta, Utc};
use entity::grant;

use super::refresh::due;
use crate::store::grants::State;
use crate::trouble::Trouble;

/// What may be done with a grant now.
#[derive(Debug)]
pub enum Next {
    /// Its access token is worth a login.
    Use(grant::Model),
    /// It is to be renewed, by whoever writes the claim first.
    Claim(Claim),
    /// Another process renews it; its present access token may serve meanwhile.
    Wait(grant::Model),
    /// Somebody has to act first.
    Stop(Trouble),
}

/// Decides on a grant as it was read at `now`. A claim made now lasts for `claim`.
pub fn next(row: grant::Model, now: DateTime<Utc>, claim: TimeDelta) -> Next {
    let state = State::named(&row.state);
    let claim = |row| Next::Claim(Claim::of(row, now, claim));
    match state {
        State::Revoked => Next::Stop(stopped(state, row)),
        State::Refreshing if is_claimed(&row, now) => Next::Wait(row),
        State::Fresh | State::Refreshing if is_alive(&row, now) => Next::Use(row),
        State::Fresh | State::Refreshing => claim(row),
        State::NeedsReauth | State::NeedsAdminConsent | State::OperatorFault => {
            let rested = |at: DateTime<Utc>| patience(state).is_some_and(|patience| now - at >= patience);
            // A clock that was set back must not keep it stopped for longer than that either.
            if row.state_at.is_none_or(|at| rested(at) || now < at) {
                claim(row)
            } else {
                Next::Stop(stopped(state, row))
            }
        }
    }
}

/// After how long a refused grant is shown to the provider once more: a person or an operator may have mended at
/// the provider what we cannot see from here.
fn patience(state: State) -> Option<TimeDelta> {
    match state {
        State::NeedsReauth => Some(TimeDelta::days(1)),
        State::NeedsAdminConsent => Some(TimeDelta::hours(1)),
        State::OperatorFault => Some(TimeDelta::minutes(5)),
        State::Fresh | State::Refreshing | State::Revoked => None,
    }
}

/// The longest claim that is believed: a clock that was set back makes no longer one.
const LONGEST_CLAIM: TimeDelta = TimeDelta::minutes(10);

fn is_claimed(row: &grant::Model, now: DateTime<Utc>) -> bool {
    row.claimed_until.is_some_and(|until| now < until && until - now <= LONGEST_CLAIM)
}

fn is_alive(row: &grant::Model, now: DateTime<Utc>) -> bool {
    let ends = row.access_expires_at.filter(|_| row.access_token.is_some());
    ends.is_some_and(|end| !due(row.updated_at, end, now, spread(row)))
}

/// A constant share of an account, so that those who consented together do not renew together.
fn spread(row: &grant::Model) -> f64 {
    f64::from(row.account_id.as_bytes().last().copied().unwrap_or(0)) / 255.0
}

fn stopped(state: State, row: grant::Model) -> Trouble {
    let reason = row.reason.unwrap_or_default();
    match state {
        State::NeedsAdminConsent => Trouble::NeedsAdminConsent { reason },
        State::OperatorFault => Trouble::Operator { reason },
        _ => Trouble::NeedsReauth { reason },
    }
}

/// The wish to renew a grant. It holds only once it is written over the version that it was made from.
#[derive(Debug)]
pub struct Claim(grant::Model);

impl Claim {
    fn of(row: grant::Model, now: DateTime<Utc>, length: TimeDelta) -> Self {
        Self(grant::Model {
            version: row.version + 1,
            state: State::Refreshing.as_str().to_owned(),
            reason: None,
            state_at: Some(now),
            claimed_until: Some(now + length.min(LONGEST_CLAIM)),
            ..row
        })
    }

    /// What to write.
    pub fn row(&self) -> &grant::Model {
        &self.0
    }

    /// It was written.
    pub fn won(self) -> Claimed {
        Claimed(self.0)
    }
}

/// A grant that this process alone may renew.
#[derive(Debug)]
pub struct Claimed(grant::Model);

impl Claimed {
    /// The grant.
    pub fn row(&self) -> &grant::Model {
        &self.0
    }

    /// The provider gave new tokens, which are in `tokens` in place of the old ones.
    pub fn renewed(self, tokens: grant::Model, now: DateTime<Utc>) -> grant::Model {
        settled(grant::Model { version: self.0.version + 1, ..tokens }, State::Fresh, None, now)
    }

    /// The provider gave none. What passes by itself leaves the grant as good as it was.
    pub fn failed(self, trouble: &Trouble, now: DateTime<Utc>) -> grant::Model {
        let state = match trouble {
            Trouble::NeedsReauth { .. } => State::NeedsReauth,
            Trouble::NeedsAdminConsent { .. } => State::NeedsAdminConsent,
            Trouble::Operator { .. } => State::OperatorFault,
            _ => State::Fresh,
        };
        let reason = (state != State::Fresh).then(|| trouble.to_string());
        settled(grant::Model { version: self.0.version + 1, ..self.0 }, state, reason, now)
    }
}

/// What was renewed, made to follow `now`, which another process has written meanwhile. `is_spent` says whether that
/// still holds the refresh token that was shown for the new one: then the other has done no more than claim it, and must
/// yield, because what it claimed is spent. Otherwise it has renewed the grant too, and ours is superfluous.
pub fn rebased(renewed: grant::Model, now: &grant::Model, is_spent: bool) -> Option<grant::Model> {
    is_spent.then(|| grant::Model { version: now.version + 1, ..renewed })
}

/// A grant that was given back: nothing of the tokens is left.
pub fn revoked(row: grant::Model, reason: String, now: DateTime<Utc>) -> grant::Model {
    let row = grant::Model {
        version: row.version + 1,
        refresh_token: Vec::new(),
        access_token: None,
        access_expires_at: None,
        ..row
    };
    settled(row, State::Revoked, Some(reason), now)
}

fn settled(row: grant::Model, state: State, reason: Option<String>, now: DateTime<Utc>) -> grant::Model {
    grant::Model { state: state.as_str().to_owned(), reason, state_at: Some(now), claimed_until: None, ..row }
}

#[cfg(test)]
mod tests;
