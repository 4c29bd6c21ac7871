//! When to try again. Pure.

use std::time::Duration;

use crate::trouble::Trouble;

/// How long to wait after the `failures`-th failure in a row (1 = the first), before jitter. No wait is longer than
/// `longest`, which is how long what a person must mend is left alone each time (J15).
///
/// A server's own wish is honoured and capped: a wish of hours (Exchange has been seen to ask for minutes) must not
/// silence an account.
pub fn backoff(failures: u32, trouble: &Trouble, longest: Duration) -> Duration {
    let growing = Duration::from_secs(1 << failures.clamp(1, 32).saturating_sub(1)).min(longest);
    match trouble {
        Trouble::Retry { after, .. } => after.unwrap_or_default().min(longest).max(growing),
        Trouble::Reconnect { .. }
        | Trouble::Refused { .. }
        | Trouble::Message { .. }
        | Trouble::TokenRefused { .. } => growing,
        Trouble::NeedsReauth { .. } | Trouble::NeedsAdminConsent { .. } | Trouble::Operator { .. } => longest,
    }
}

/// Failures in a row. A session makes them forgotten by lasting, not by beginning well: a server that takes every login and
/// drops us after each look is met with growing waits, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streak(u32);

/// How far a session came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lived {
    /// How long it stood, if everything in the account was read over it.
    pub after_reading: Option<Duration>,
}

/// What a failure is waited out by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long a session must stand to have survived.
    pub steady: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// The longest wait where mail is still read, in short sessions.
    pub slowest_look: Duration,
}

impl Streak {
    /// How long to wait after a session that came so far and ended in `trouble`, before jitter.
    pub fn ended(&mut self, lived: Lived, trouble: &Trouble, patience: &Patience) -> Duration {
        if lived.survived(patience.steady) {
            self.0 = 0;
        }
        self.0 = self.0.saturating_add(1);
        let wait = backoff(self.0, trouble, patience.longest);
        match trouble {
            Trouble::Reconnect { .. } if lived.after_reading.is_some() => wait.min(patience.slowest_look),
            _ => wait,
        }
    }
}

impl Lived {
    /// Whether the session was as it should be.
    pub fn survived(self, steady: Duration) -> bool {
        self.after_reading.is_some_and(|stood| stood >= steady)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(300);

    #[test]
    fn waits_grow_and_are_capped() {
        let wait = |failures| backoff(failures, &Trouble::reconnect("gone"), LONGEST).as_secs();
        assert_eq!([1, 2, 3, 9, 10, u32::MAX].map(wait), [1, 2, 4, 256, 300, 300]);
    }

    const PATIENCE: Patience =
        Patience { steady: Duration::from_secs(60), longest: LONGEST, slowest_look: Duration::from_secs(120) };

    /// The waits after sessions that each stood so many seconds after reading everything, or did not get that far.
    fn waits(sessions: &[Option<u64>]) -> Vec<u64> {
        let (mut streak, gone) = (Streak::default(), Trouble::reconnect("gone"));
        let lived = |stood: &Option<u64>| Lived { after_reading: stood.map(Duration::from_secs) };
        sessions.iter().map(|stood| streak.ended(lived(stood), &gone, &PATIENCE).as_secs()).collect()
    }

    #[test]
    fn only_a_session_that_lasted_makes_failures_forgotten() {
        assert_eq!(waits(&[None, None, None]), [1, 2, 4]);
        assert_eq!(waits(&[None, None, Some(3_600), None]), [1, 2, 1, 2]);
        // A restart of the server after hours, once and again.
        assert_eq!(waits(&[Some(9_000), Some(9_000)]), [1, 1]);
    }

    #[test]
    fn a_server_that_drops_us_after_each_look_is_met_with_growing_waits_and_still_looked_at() {
        assert_eq!(waits(&[Some(0); 9]), [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        assert_eq!(waits(&[None; 10]).last(), Some(&300));
    }

    #[test]
    fn a_servers_wish_is_waited_for_also_after_a_session_that_lasted() {
        let trouble = Trouble::Retry { after: Some(Duration::from_secs(200)), reason: String::new() };
        let lived = Lived { after_reading: Some(Duration::from_secs(9_000)) };
        assert_eq!(Streak::default().ended(lived, &trouble, &PATIENCE), Duration::from_secs(200));
        let endless = Trouble::Retry { after: Some(Duration::from_millis(1_000_000_000)), reason: String::new() };
        assert_eq!(Streak::default().ended(lived, &endless, &PATIENCE), LONGEST);
    }

    #[test]
    fn a_servers_wish_is_honoured_and_capped() {
        let wait = |seconds| {
            let after = Some(Duration::from_secs(seconds));
            backoff(1, &Trouble::Retry { after, reason: String::new() }, LONGEST).as_secs()
        };
        assert_eq!(wait(92), 92);
        assert_eq!(wait(86_400), 300);
    }

    #[test]
    fn what_a_person_must_mend_is_tried_again_slowly() {
        assert_eq!(backoff(1, &Trouble::operator("bad secret"), LONGEST), LONGEST);
        assert_eq!(backoff(1, &Trouble::NeedsReauth { reason: String::new() }, LONGEST), LONGEST);
    }
}
