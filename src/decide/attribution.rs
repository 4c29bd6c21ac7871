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

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIVED: i64 = 1_000;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn claim(user: u128, by: ClaimBy) -> Claim {
        Claim { user: Uuid::from_u128(user), login: format!("u{user}"), active: true, may_log: true, by }
    }

    fn connected(user: u128, since: i64) -> Claim {
        claim(user, ClaimBy::Connected { since: at(since), until: None })
    }

    fn found(claims: Vec<Claim>) -> Attributed {
        let facts = WorkspaceFacts { claims: [("anna@ours.example".to_owned(), claims)].into(), ..Default::default() };
        attribute(&Address::parse("Anna@OURS.example").unwrap(), at(RECEIVED), &facts)
    }

    fn by(claims: Vec<Claim>) -> (u128, Attribution) {
        match found(claims) {
            Attributed::To { user, rule, .. } => (user.as_u128(), rule),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_ladder_is_climbed_in_order_and_the_first_hit_wins() {
        let (login, alias) = (|user| claim(user, ClaimBy::Login), |user| claim(user, ClaimBy::Alias));
        let table = [
            (vec![connected(1, 5), login(2), alias(3)], (1, Attribution::Connected)),
            (vec![login(2), alias(3)], (2, Attribution::Login)),
            (vec![alias(3)], (3, Attribution::Alias)),
            (vec![connected(1, 9), connected(2, 5)], (2, Attribution::LongestConnected)),
            // C3: two connected and a third's login, two connected and an alias holder.
            (vec![connected(1, 5), connected(2, 6), login(3)], (3, Attribution::Login)),
            (vec![connected(1, 5), connected(2, 6), alias(4)], (4, Attribution::Alias)),
            // C7: ties go to the lowest user.
            (vec![connected(2, 5), connected(1, 5), alias(3), alias(4)], (1, Attribution::LongestConnected)),
        ];
        for (claims, expected) in table {
            assert_eq!(by(claims.clone()), expected, "{claims:?}");
        }
    }

    #[test]
    fn two_alias_holders_are_ambiguous_and_never_drawn() {
        assert_eq!(found(vec![claim(1, ClaimBy::Alias), claim(2, ClaimBy::Alias)]), Attributed::Ambiguous);
        assert_eq!(found(vec![]), Attributed::Unknown);
    }

    #[test]
    fn only_connections_that_held_at_the_time_of_arrival_count() {
        assert_eq!(found(vec![connected(1, RECEIVED + 1)]), Attributed::Unknown);
        assert_eq!(by(vec![connected(1, RECEIVED)]).0, 1);
        let ended = claim(1, ClaimBy::Connected { since: at(1), until: Some(at(RECEIVED - 1)) });
        assert_eq!(found(vec![ended]), Attributed::Unknown);
    }

    #[test]
    fn an_inactive_user_does_not_count() {
        let inactive = Claim { active: false, ..claim(1, ClaimBy::Login) };
        assert_eq!(found(vec![inactive.clone()]), Attributed::Inactive);
        assert_eq!(by(vec![inactive, claim(2, ClaimBy::Alias)]), (2, Attribution::Alias));
    }

    #[test]
    fn a_team_address_counts_for_its_connector_above_all() {
        let mut facts = WorkspaceFacts::default();
        facts.claims.insert("team@ours.example".to_owned(), vec![claim(1, ClaimBy::Login)]);
        facts.teams.insert("team@ours.example".to_owned(), Some(Uuid::from_u128(9)));
        let sender = Address::parse("team@ours.example").unwrap();
        match attribute(&sender, at(RECEIVED), &facts) {
            Attributed::To { user, rule, .. } => assert_eq!((user.as_u128(), rule), (9, Attribution::Team)),
            other => panic!("{other:?}"),
        }
    }
}
