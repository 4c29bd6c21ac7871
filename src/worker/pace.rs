//! How often a mailbox is looked at whose server tells no news by itself. Pure.

use std::time::Duration;

/// The waits between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The usual one, of which the others are bounds.
    pub usual: Duration,
    /// The shortest, right after mail came.
    pub quickest: Duration,
    /// The longest, where it has been quiet for hours.
    pub slowest: Duration,
}

/// Silence, in usual waits, up to which looks are quicker: an answer is most likely soon after a mail.
const LIVELY: u32 = 10;

/// Silence, in usual waits, from which on they are slower: an hour of the default.
const QUIET: u32 = 120;

/// How long to wait for the next look, by how long no mail has come; the usual wait where that is not known. Up to a tenth
/// of a lively silence, the usual wait from then on, and growing with the silence after a quiet hour.
pub fn next_look(pace: &Pace, silence: Option<Duration>) -> Duration {
    let (usual, quickest) = (pace.usual, pace.quickest.min(pace.usual));
    match silence {
        Some(silence) if silence < usual * LIVELY => (silence / LIVELY).max(quickest),
        Some(silence) if silence > usual * QUIET => (silence / QUIET).min(pace.slowest.max(usual)),
        _ => usual,
    }
}

/// How many usual waits are one where the server tells its news, and has told none lately.
const WITH_NEWS: u32 = 6;

/// The same where the server tells news by itself (IDLE, RFC 2177): a look is for the other mailboxes, and for a server that
/// has fallen silent. The usual wait as long as the silence is lively, six of them from then on.
pub fn next_look_beside_news(pace: &Pace, silence: Option<Duration>) -> Duration {
    match silence {
        Some(silence) if silence < pace.usual * LIVELY => pace.usual,
        _ => pace.usual * WITH_NEWS,
    }
}

impl Pace {
    /// The longest wait of all, before jitter.
    pub fn longest(&self) -> Duration {
        self.slowest.max(self.usual * WITH_NEWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace =
        Pace { usual: Duration::from_secs(30), quickest: Duration::from_secs(5), slowest: Duration::from_secs(120) };

    #[test]
    fn looks_are_quick_after_mail_usual_then_and_slow_within_a_bound_when_it_is_quiet() {
        let minute = 60;
        let table = [
            (None, 30),
            (Some(0), 5),
            (Some(49), 5),
            (Some(2 * minute), 12),
            (Some(5 * minute), 30),
            (Some(30 * minute), 30),
            (Some(60 * minute), 30),
            (Some(120 * minute), 60),
            (Some(240 * minute), 120),
            (Some(24 * 60 * minute), 120),
        ];
        for (silence, expected) in table {
            let wait = next_look(&PACE, silence.map(Duration::from_secs));
            assert_eq!(wait.as_secs(), expected, "after {silence:?} s");
        }
    }

    #[test]
    fn the_longer_the_silence_the_longer_the_wait_and_never_outside_the_bounds() {
        let mut before = Duration::ZERO;
        for silence in (0..50_000).step_by(7).map(Duration::from_secs) {
            let wait = next_look(&PACE, Some(silence));
            assert!(wait >= before && wait >= PACE.quickest && wait <= PACE.slowest, "{silence:?}: {wait:?}");
            before = wait;
        }
    }

    #[test]
    fn a_server_that_tells_its_news_is_asked_seldom_while_it_has_none() {
        let wait = |silence: Option<u64>| next_look_beside_news(&PACE, silence.map(Duration::from_secs)).as_secs();
        assert_eq!([Some(0), Some(299), Some(300), Some(86_400), None].map(wait), [30, 30, 180, 180, 180]);
        assert_eq!(PACE.longest().as_secs(), 180);
    }

    #[test]
    fn bounds_that_contradict_the_usual_wait_give_way_to_it() {
        let one = Duration::from_secs(1);
        let pace = Pace { usual: one, ..PACE };
        assert_eq!(next_look(&pace, Some(Duration::ZERO)), one);
        let pace = Pace { slowest: one, ..PACE };
        assert_eq!(next_look(&pace, Some(Duration::from_secs(100_000))), PACE.usual);
    }
}
