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
        | Trouble::TokenRefused { .. }
        | Trouble::LeaseLost => growing,
        Trouble::NeedsReauth { .. } | Trouble::NeedsAdminConsent { .. } | Trouble::Operator { .. } => longest,
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
