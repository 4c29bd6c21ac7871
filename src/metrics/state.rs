//! Which accounts are unwell. Decided on values alone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// What the database knows of how an account is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The account.
    pub id: Uuid,
    /// `bcc`, `forwarding`, `personal` or `team`.
    pub kind: String,
    /// `google`, `microsoft` or `imap`.
    pub provider: String,
    /// Its state, as `account list` shows it.
    pub state: String,
    /// The kind of its last trouble, if the last sync ended badly.
    pub trouble: Option<String>,
    /// When it was made, or connected anew.
    pub since: DateTime<Utc>,
    /// When a sync last ended well.
    pub last_success: Option<DateTime<Utc>>,
    /// When it last got on, if that is known: a backlog takes hours, and its end is what a success is.
    pub progress: Option<DateTime<Utc>>,
}

impl Standing {
    /// Whether it is to be read.
    pub fn is_watched(&self) -> bool {
        matches!(self.kind.as_str(), "bcc" | "forwarding" | "personal") && self.state != "paused"
    }

    /// How long ago it was last read to its end; where it never was, since when it should have been.
    pub fn poll_age(&self, now: DateTime<Utc>) -> TimeDelta {
        (now - self.last_success.unwrap_or(self.since)).max(TimeDelta::zero())
    }
}

/// What is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// From one poll to the next.
    pub poll: Duration,
    /// After this long without a poll something is wrong, even where nobody says so.
    pub late: Duration,
}

impl Usual {
    /// By the pace that is set: some of the longest waits in a row.
    pub fn of(pace: &crate::worker::pace::Pace) -> Self {
        Self { poll: pace.usual, late: pace.usual.max(pace.slowest) * 4 }
    }

    /// Whether it is worth asking how an account got on.
    pub fn is_late(&self, standing: &Standing, now: DateTime<Utc>) -> bool {
        standing.poll_age(now) > delta(self.late)
    }
}

/// What is the matter with an account, if anything is: the kind of trouble, or `silent` where nothing has been heard of it.
pub fn trouble_of<'a>(standing: &'a Standing, usual: &Usual, now: DateTime<Utc>) -> Option<&'a str> {
    if !standing.is_watched() {
        return None;
    }
    if standing.state != "active" {
        return Some(&standing.state);
    }
    let got_on = standing.progress.into_iter().chain([now - standing.poll_age(now)]).max().unwrap_or(now);
    match &standing.trouble {
        // A session that ended and is being replaced is everyday life.
        Some(trouble) if standing.poll_age(now) > delta(usual.poll) => Some(trouble),
        _ if now - got_on > delta(usual.late) => Some("silent"),
        _ => None,
    }
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Usual = Usual { poll: Duration::from_secs(30), late: Duration::from_secs(480) };

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn standing(last_success: Option<i64>) -> Standing {
        Standing {
            id: Uuid::nil(),
            kind: "personal".into(),
            provider: "imap".into(),
            state: "active".into(),
            trouble: None,
            since: at(0),
            last_success: last_success.map(at),
            progress: None,
        }
    }

    #[test]
    fn an_account_that_was_read_lately_is_well_and_one_that_was_not_is_silent() {
        assert_eq!(trouble_of(&standing(Some(1_000)), &USUAL, at(1_400)), None);
        assert_eq!(trouble_of(&standing(Some(1_000)), &USUAL, at(1_481)), Some("silent"));
        assert_eq!(trouble_of(&standing(None), &USUAL, at(60)), None);
        assert_eq!(trouble_of(&standing(None), &USUAL, at(481)), Some("silent"));
    }

    #[test]
    fn an_account_that_gets_on_with_a_backlog_is_well() {
        let busy = Standing { progress: Some(at(5_000)), ..standing(Some(10)) };
        assert_eq!(trouble_of(&busy, &USUAL, at(5_100)), None);
        assert_eq!(trouble_of(&busy, &USUAL, at(5_481)), Some("silent"));
    }

    #[test]
    fn a_failing_account_is_told_within_one_poll() {
        let failing = Standing { trouble: Some("retry".into()), ..standing(Some(1_000)) };
        assert_eq!(trouble_of(&failing, &USUAL, at(1_030)), None);
        assert_eq!(trouble_of(&failing, &USUAL, at(1_031)), Some("retry"));
    }

    #[test]
    fn what_a_person_must_mend_is_told_at_once_and_what_a_person_stopped_is_not() {
        let stopped = |state: &str| Standing { state: state.into(), ..standing(Some(1_000)) };
        assert_eq!(trouble_of(&stopped("needs-reauth"), &USUAL, at(1_000)), Some("needs-reauth"));
        assert_eq!(trouble_of(&stopped("broken"), &USUAL, at(1_000)), Some("broken"));
        assert_eq!(trouble_of(&stopped("paused"), &USUAL, at(99_000)), None);
        let team = Standing { kind: "team".into(), ..standing(None) };
        assert_eq!(trouble_of(&team, &USUAL, at(99_000)), None);
    }
}
