//! `account list`: how each account is doing, and what to do about it.

use chrono::{DateTime, TimeDelta, Utc};
use entity::account;
use serde_json::{Value, json};

use super::super::Answer;
use super::super::installation::Installation;
use super::super::output::Output;
use super::cure::{Seen, ago};
use crate::metrics::Usual;
use crate::source::choice::LEFT;
use crate::store::accounts::{self, Listed};

pub(super) async fn show(installation: &Installation, json: bool) -> anyhow::Result<Answer> {
    let mut output = Output::new(json);
    let now = installation.clock.now();
    let usual = Usual::of(&installation.config.worker.pace());
    for listed in accounts::list(&installation.store).await? {
        let seen = Seen::of(&listed, &usual, now);
        output.record(&describe(&listed, &seen, now), |_| {
            let account = &listed.account;
            let last = match account.last_success {
                Some(at) => format!("read {} ago", ago(now - at)),
                None if is_read(account) => "never read".to_owned(),
                None => "not read by this version".to_owned(),
            };
            let mailboxes = watched(&listed);
            let mailboxes = if mailboxes.is_empty() { String::new() } else { format!("  in {}", mailboxes.join(", ")) };
            let Seen { state, reason, cure } = &seen;
            let more: String = [reason, cure].into_iter().flatten().map(|line| format!("\n    {line}")).collect();
            let asked = asked(verification(account, now));
            format!(
                "{}  {}  {}  {state}  {last}{}{mailboxes}{more}{asked}",
                account.address,
                account.kind,
                account.provider,
                failing(account, now)
            )
        })?;
    }
    output.finish_list("No mailbox is watched. `mailtrail account add` adds one.")?;
    Ok(Answer::Yes)
}

/// Whether this version reads accounts of its kind.
pub(super) fn is_read(account: &account::Model) -> bool {
    matches!(account.kind.as_str(), "bcc" | "forwarding" | "personal")
}

/// How often it failed since, and when it is tried next.
fn failing(account: &account::Model, now: DateTime<Utc>) -> String {
    if account.failures == 0 || account.state == "paused" {
        return String::new();
    }
    let next = match account.next_try.map(|at| at - now) {
        Some(left) if left > TimeDelta::zero() => format!(", next try in {}", ago(left)),
        _ => String::new(),
    };
    let times = if account.failures == 1 { "time" } else { "times" };
    format!(", failed {} {times} since{next}", account.failures)
}

/// What a provider asks: a code is worth nothing after a week.
fn verification(account: &account::Model, now: DateTime<Utc>) -> Option<&Value> {
    let asked = account.verification.as_ref()?;
    let at = asked.get("at").and_then(Value::as_str).and_then(|at| at.parse::<DateTime<Utc>>().ok());
    at.is_none_or(|at| now - at < TimeDelta::days(7)).then_some(asked)
}

/// What a provider waits for before it forwards mail here (I13).
fn asked(verification: Option<&Value>) -> String {
    let said = |name: &str| verification.and_then(|asked| asked.get(name)).and_then(Value::as_str);
    let code = said("code").map(|code| format!("\n    A provider asks to confirm a forwarding by the code {code}"));
    let link = said("link").map(|link| format!("\n    A provider asks to confirm a forwarding at {link}"));
    [code, link].into_iter().flatten().collect()
}

/// The names of the mailboxes that are read.
fn watched(listed: &Listed) -> Vec<&str> {
    let read = listed.mailboxes.iter().filter(|mailbox| mailbox.role != LEFT);
    read.map(|mailbox| mailbox.name.as_str()).collect()
}

fn describe(listed: &Listed, seen: &Seen, now: DateTime<Utc>) -> Value {
    let account = &listed.account;
    json!({
        "id": account.id,
        "address": account.address,
        "kind": account.kind,
        "provider": account.provider,
        "user": listed.users.first(),
        "users": listed.users,
        "workspaces": listed.workspaces,
        "state": seen.state,
        "reason": seen.reason,
        "cure": seen.cure,
        "trouble": account.trouble,
        "failures": account.failures,
        "last_success": account.last_success,
        "lag_seconds": account.last_success.map(|at| (now - at).num_seconds().max(0)),
        "next_try": account.next_try,
        "mailboxes": watched(listed),
        "uid_holes": listed.holes,
        "audited_at": listed.audited_at,
        "verification": verification(account, now),
    })
}
