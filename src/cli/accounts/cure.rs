//! What is the matter with an account, and what to do about it, in words.

use chrono::{DateTime, TimeDelta, Utc};

use super::list::is_read;
use crate::metrics::Usual;
use crate::store::accounts::{Listed, shown_state};

/// An account as people see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its state; that a consent is lacking shows before anything was tried.
    pub(super) state: String,
    /// Why it is not read, or nothing of it logged.
    pub(super) reason: Option<String>,
    /// What to do next, where there is anything to do or to wait for.
    pub(super) cure: Option<String>,
}

impl Seen {
    pub(super) fn of(listed: &Listed, usual: &Usual, now: DateTime<Utc>) -> Self {
        let account = &listed.account;
        let state = shown_state(&account.state, listed.unconnected).to_owned();
        let unconnected =
            (listed.unconnected && account.reason.is_none()).then(|| "Nobody has consented yet.".to_owned());
        let reason = account.reason.clone().or(unconnected).or_else(|| listed.refused.map(str::to_owned));
        let cure = cure(listed, &state, usual, now).or_else(|| of_holes(listed));
        Self { state, reason, cure }
    }
}

fn cure(listed: &Listed, state: &str, usual: &Usual, now: DateTime<Utc>) -> Option<String> {
    let account = &listed.account;
    let address = &account.address;
    let again = "it is tried again by itself";
    match state {
        "paused" if account.withdrawn => {
            Some(format!("Declare it again in the configuration, or `mailtrail account resume {address}`."))
        }
        "paused" => {
            Some(format!("`mailtrail account resume {address}` reads it again, with the mail that came meanwhile."))
        }
        "needs-reauth" if account.auth == "password" => {
            let file = account.password_file.as_deref().unwrap_or("its password file");
            Some(format!(
                "Put the right password into {file}; {again}, or at once by `mailtrail account resume {address}`."
            ))
        }
        "needs-reauth" => {
            Some(format!("`mailtrail connect {address}` asks for the consent again, or for the first one."))
        }
        "needs-admin-consent" => {
            Some(format!("`mailtrail connect {address}` prints the link by which the administrator consents for all."))
        }
        "broken" => Some(format!("Mend that; {again}. `mailtrail doctor` checks every step of it.")),
        _ if !is_read(account) => None,
        _ if account.failures > 0 => Some(match &account.last_success {
            Some(_) => format!("Nothing to do yet: {again}. If this stays, `mailtrail doctor` tells where it ends."),
            None => format!("It was never read to its end; {again}. `mailtrail doctor` checks every step of it."),
        }),
        _ => match account.last_success {
            None => Some("It is read within some seconds once the service runs: `mailtrail run`.".to_owned()),
            Some(at) if now - at > TimeDelta::from_std(usual.late).unwrap_or(TimeDelta::MAX) => {
                Some("Nobody reads it, or it has a backlog: does the service run? `mailtrail run`".to_owned())
            }
            Some(_) => None,
        },
    }
}

fn of_holes(listed: &Listed) -> Option<String> {
    let holes = listed.holes;
    (holes > 0)
        .then(|| format!("{holes} messages were passed without a verdict: `mailtrail audit --heal` judges them."))
}

/// A span of time for people.
pub(super) fn ago(span: TimeDelta) -> String {
    match span.num_seconds().max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_the_unit_that_fits() {
        let told = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(|seconds| ago(TimeDelta::seconds(seconds)));
        assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"]);
        assert_eq!(ago(TimeDelta::seconds(-5)), "0 s");
    }
}
