//! Which user a mail counts for (section C): the ladder, literally.

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use crate::decide::Finding;
use crate::decide::decision::Attribution;
use crate::decide::facts::{Claim, ClaimBy, WorkspaceFacts};
use crate::mail::address::Address;

/// What the ladder found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attributed {
    /// The mail counts for this user.
    To {
        /// The user.
        user: Uuid,
        /// The user's login, for people; empty for a team address.
        login: String,
        /// By which rule.
        rule: Attribution,
        /// The same as a step.
        finding: Finding,
        /// Whether the user's seat may log mail.
        may_log: bool,
    },
    /// Several could be meant, and no rule tells them apart (C6).
    Ambiguous,
    /// The address belongs to a user who is not active (C7).
    Inactive,
    /// The address is nobody's.
    Unknown,
}

/// The user whom a mail from `sender` counts for (C2, first hit wins; C4 goes above all).
///
/// Only active users count, and connections that held when the mail was received (C7).
pub fn attribute(sender: &Address, received: DateTime<Utc>, facts: &WorkspaceFacts) -> Attributed {
    if let Some(Some(user)) = facts.teams.get(sender.folded()) {
        return Attributed::To {
            user: *user,
            login: String::new(),
            rule: Attribution::Team,
            finding: Finding::SenderIsTeamAddress,
            may_log: true,
        };
    }
    let all = facts.claims.get(sender.folded()).map(Vec::as_slice).unwrap_or_default();
    let claims: Vec<&Claim> = all.iter().filter(|claim| claim.active && held(claim, received)).collect();
    let connected = by(&claims, |by| matches!(by, ClaimBy::Connected { .. }));
    let login = by(&claims, |by| matches!(by, ClaimBy::Login));
    let alias = by(&claims, |by| matches!(by, ClaimBy::Alias));
    if let Some(claim) = only(&connected) {
        return to(claim, Attribution::Connected, Finding::SenderIsConnected);
    }
    if let Some(claim) = only(&login) {
        return to(claim, Attribution::Login, Finding::SenderIsLogin);
    }
    if let Some(claim) = only(&alias) {
        return to(claim, Attribution::Alias, Finding::SenderIsAlias);
    }
    if let Some(claim) = longest(&connected) {
        return to(claim, Attribution::LongestConnected, Finding::SenderConnectedLongest);
    }
    match (claims.is_empty(), all.iter().any(|claim| !claim.active)) {
        (false, _) => Attributed::Ambiguous,
        (true, true) => Attributed::Inactive,
        (true, false) => Attributed::Unknown,
    }
}

/// Whether a connection held when the mail was received (C7). INTERNALDATE has whole seconds (RFC 3501 §2.3.3).
fn held(claim: &Claim, received: DateTime<Utc>) -> bool {
    match claim.by {
        ClaimBy::Connected { since, until } => {
            since.trunc_subsecs(0) <= received && until.is_none_or(|until| received <= until)
        }
        ClaimBy::Login | ClaimBy::Alias => true,
    }
}

fn by<'a>(claims: &[&'a Claim], want: impl Fn(ClaimBy) -> bool) -> Vec<&'a Claim> {
    claims.iter().copied().filter(|claim| want(claim.by)).collect()
}

/// The claim, when all claims are one user's.
fn only<'a>(claims: &[&'a Claim]) -> Option<&'a Claim> {
    let users: BTreeSet<Uuid> = claims.iter().map(|claim| claim.user).collect();
    if users.len() == 1 { claims.first().copied() } else { None }
}

/// The earliest start of a present connection; ties go to the lowest user id (C7).
fn longest<'a>(connected: &[&'a Claim]) -> Option<&'a Claim> {
    connected.iter().copied().min_by_key(|claim| match claim.by {
        ClaimBy::Connected { since, .. } => (since, claim.user),
        ClaimBy::Login | ClaimBy::Alias => (DateTime::<Utc>::MAX_UTC, claim.user),
    })
}

fn to(claim: &Claim, rule: Attribution, finding: Finding) -> Attributed {
    Attributed::To { user: claim.user, login: claim.login.clone(), rule, finding, may_log: claim.may_log }
}
