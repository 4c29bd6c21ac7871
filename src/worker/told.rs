//! Which failures are worth a line at WARN: one that goes on for a day is not told every minute.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// After how long a failure that stays is told again.
const AGAIN: Duration = Duration::from_secs(60 * 60);

/// The failure that was told last.
#[derive(Debug, Default)]
pub(super) struct Told(Option<(&'static str, DateTime<Utc>)>);

impl Told {
    /// Whether a failure of this kind is news at `now`; then it counts as told.
    pub(super) fn is_news(&mut self, kind: &'static str, now: DateTime<Utc>) -> bool {
        let known =
            self.0.is_some_and(|(before, at)| before == kind && (now - at).to_std().is_ok_and(|since| since < AGAIN));
        if !known {
            self.0 = Some((kind, now));
        }
        !known
    }

    /// Everything was well again for a while.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_failure_is_told_once_an_hour_and_when_it_changes_or_comes_back() {
        let begin: DateTime<Utc> = "2026-11-23T10:00:00Z".parse().unwrap();
        let at = |minutes| begin + TimeDelta::minutes(minutes);
        let mut told = Told::default();
        let news: Vec<i64> = (0..150).filter(|minute| told.is_news("retry", at(*minute))).collect();
        assert_eq!(news, [0, 60, 120]);
        assert!(told.is_news("needs-reauth", at(151)) && !told.is_news("needs-reauth", at(152)));
        assert!(told.is_news("retry", at(153)));
        told.forget();
        assert!(told.is_news("retry", at(154)));
        // A clock that was set back keeps nothing quiet.
        assert!(told.is_news("retry", at(0)));
    }
}
