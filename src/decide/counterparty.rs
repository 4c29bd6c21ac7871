//! Whom a mail is with: To and Cc without ourselves and without whoever must not be logged.

use std::collections::HashSet;

use uuid::Uuid;

use crate::decide::decision::{Counterparty, Role};
use crate::decide::facts::{KnownThread, WorkspaceFacts};
use crate::decide::never_log;
use crate::decide::policy::NeverLogMode;
use crate::decide::{Code, Finding, Policy, Trace};
use crate::mail::address::{Address, Party};
use crate::mail::domain;
use crate::mail::envelope::Envelope;

/// Local parts that name a role rather than a person (I17).
const ROLES: &[&str] = &[
    "abuse",
    "admin",
    "alert",
    "billing",
    "compliance",
    "devnull",
    "dns",
    "finance",
    "ftp",
    "hostmaster",
    "info",
    "infrastructure",
    "inoc",
    "ispfeedback",
    "ispsupport",
    "it",
    "list",
    "list-request",
    "maildaemon",
    "mailer-daemon",
    "marketing",
    "no-reply",
    "noc",
    "noreply",
    "null",
    "phish",
    "phishing",
    "postmaster",
    "privacy",
    "registrar",
    "root",
    "sales",
    "security",
    "spam",
    "support",
    "sysadmin",
    "tech",
    "undisclosed-recipients",
    "unsubscribe",
    "usenet",
    "uucp",
    "webmaster",
    "www",
];

/// The visible recipients a BCC-logged mail is put on (A5–A9, A13, A21, E5, F4), or why there is none (A15).
///
/// The `Bcc` header is never read (A8, A9).
pub fn recipients(
    policy: &Policy,
    envelope: &Envelope,
    user: Option<Uuid>,
    facts: &WorkspaceFacts,
    trace: &mut Trace,
) -> Result<Vec<Counterparty>, Code> {
    let mut gathered = Gathered::default();
    let mut seen = HashSet::new();
    let to = envelope.to.iter().map(|party| (party, Role::To));
    let cc = envelope.cc.iter().map(|party| (party, Role::Cc));
    for (party, role) in to.chain(cc) {
        if !seen.insert(party.address.folded()) {
            continue;
        }
        match classify(policy, &party.address, role, user, facts) {
            Class::LogAddress => trace.found_by(Finding::LogAddressSkipped, party.address.as_str()),
            Class::Ours(finding) => {
                gathered.internal = true;
                trace.found_by(finding, party.address.as_str());
            }
            Class::Listed(entry) if policy.never_log == NeverLogMode::WholeMessage => {
                trace.found_by(Finding::NeverLogWhole, entry);
                return Err(Code::NeverLog);
            }
            Class::Listed(_) => {
                gathered.listed = true;
                trace.found_by(Finding::NeverLogSkipped, party.address.as_str());
            }
            Class::Left(finding) => trace.found_by(finding, party.address.as_str()),
            Class::Outside { create } => gathered.take(policy, party, role, create, trace),
        }
    }
    gathered.finish(trace)
}

enum Class {
    LogAddress,
    Ours(Finding),
    Listed(String),
    Left(Finding),
    Outside { create: bool },
}

fn classify(policy: &Policy, address: &Address, role: Role, user: Option<Uuid>, facts: &WorkspaceFacts) -> Class {
    if is_log_address(address, facts) {
        return Class::LogAddress;
    }
    if is_user(address, facts) {
        return Class::Ours(Finding::ColleagueSkipped);
    }
    if policy.own_domains_internal && facts.own_domains.contains(address.domain()) {
        return Class::Ours(Finding::InternalSkipped);
    }
    if let Some(entry) = never_log_entry(address, user, facts) {
        return Class::Listed(entry);
    }
    if facts.contacts.contains(address.folded()) {
        return Class::Outside { create: false };
    }
    if let Some(finding) = not_created(policy, address, facts) {
        return Class::Left(finding);
    }
    if role == Role::Cc && !policy.create_from_cc {
        return Class::Left(Finding::CcNotCreated);
    }
    Class::Outside { create: true }
}

/// Why no contact is made of an address that has none, if there is a reason (E5, E11, L12).
pub(super) fn not_created(policy: &Policy, address: &Address, facts: &WorkspaceFacts) -> Option<Finding> {
    if facts.tombstones.contains(address.folded()) {
        Some(Finding::DeletedSkipped)
    } else if !domain::is_whole(address.domain()) {
        Some(Finding::NoDomainSkipped)
    } else if !policy.create_contacts {
        Some(Finding::NotCreated)
    } else if !policy.create_role_addresses && is_role(address) {
        Some(Finding::RoleAddressSkipped)
    } else {
        None
    }
}

/// Whether `address` names a role rather than a person (I17).
pub(super) fn is_role(address: &Address) -> bool {
    ROLES.contains(&address.local())
}

/// Whether `address` is one that mail is sent to for logging, with or without a tag (A13).
pub fn is_log_address(address: &Address, facts: &WorkspaceFacts) -> bool {
    facts.log_addresses.contains(address.folded()) || facts.log_addresses.contains(address.without_tag().folded())
}

/// Whether `address` is a user's login, alias, connected or team address (A13).
pub fn is_user(address: &Address, facts: &WorkspaceFacts) -> bool {
    facts.claims.contains_key(address.folded()) || facts.teams.contains_key(address.folded())
}

/// The entry of the workspace's or the user's never-log list that covers `address` (F2).
pub fn never_log_entry(address: &Address, user: Option<Uuid>, facts: &WorkspaceFacts) -> Option<String> {
    let own = user.and_then(|user| facts.never_log_of.get(&user));
    let lists: Vec<&HashSet<String>> = std::iter::once(&facts.never_log).chain(own).collect();
    never_log::covering(address, &lists)
}

/// Whether a visible recipient of somebody else's mail is on a list: enough to block all of it by policy (F8, F10).
pub fn any_listed(envelope: &Envelope, user: Option<Uuid>, facts: &WorkspaceFacts) -> bool {
    let mut recipients = envelope.to.iter().chain(&envelope.cc).map(|party| &party.address);
    recipients.any(|address| {
        !is_log_address(address, facts) && !is_user(address, facts) && never_log_entry(address, user, facts).is_some()
    })
}

/// The people of a thread whom a reply no longer reaches, because they were put on a never-log list since (F5, F12).
pub fn barred(thread: &KnownThread, facts: &WorkspaceFacts, trace: &mut Trace) -> Vec<String> {
    let listed = |address: &&String| {
        Address::parse(address).is_some_and(|address| never_log_entry(&address, thread.user, facts).is_some())
    };
    let mut barred: Vec<String> = thread.participants.iter().filter(listed).cloned().collect();
    barred.sort();
    barred.iter().for_each(|address| trace.found_by(Finding::NeverLogSkipped, address.as_str()));
    barred
}

#[derive(Default)]
struct Gathered {
    counterparties: Vec<Counterparty>,
    over_limit: usize,
    internal: bool,
    listed: bool,
}

impl Gathered {
    fn take(&mut self, policy: &Policy, party: &Party, role: Role, create: bool, trace: &mut Trace) {
        if self.counterparties.len() >= policy.max_recipients {
            self.over_limit += 1;
            return;
        }
        let finding = if role == Role::Cc { Finding::RecipientCc } else { Finding::RecipientTo };
        trace.found_by(finding, party.address.as_str());
        self.counterparties.push(Counterparty { party: party.clone(), role, create });
    }

    fn finish(self, trace: &mut Trace) -> Result<Vec<Counterparty>, Code> {
        if self.over_limit > 0 {
            trace.found_by(Finding::OverRecipientLimit, self.over_limit.to_string());
        }
        if !self.counterparties.is_empty() {
            return Ok(self.counterparties);
        }
        let (code, finding) = match (self.listed, self.internal) {
            (true, _) => (Code::NeverLog, Finding::OnlyNeverLog),
            (false, true) => (Code::InternalOnly, Finding::OnlyInternal),
            (false, false) => (Code::NoRecipient, Finding::NobodyLeft),
        };
        trace.found(finding);
        Err(code)
    }
}
