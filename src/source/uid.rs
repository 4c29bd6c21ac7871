//! UIDs and sets of them. Pure.

use std::num::NonZeroU32;

/// The number of a message within a mailbox and its UIDVALIDITY (RFC 3501 section 2.3.1.1); never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// A UID, unless `value` is zero.
    pub fn new(value: u32) -> Option<Self> {
        NonZeroU32::new(value).map(Self)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// How long a set may become in one command: RFC 7162 section 4 asks for command lines of at most 8192 octets, of which
/// the rest of the command takes its share.
const SET_BYTES: usize = 6_000;

/// Writes ascending UIDs as IMAP sets with runs as ranges, one set per command that is needed.
///
/// Only UIDs that were asked for are in a set: a range never bridges a gap.
pub(super) fn sets(uids: &[u32]) -> Vec<(String, Vec<u32>)> {
    let mut sets: Vec<(String, Vec<u32>)> = Vec::new();
    for run in uids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let range = if first == last { first.to_string() } else { format!("{first}:{last}") };
        match sets.last_mut() {
            Some((set, members)) if set.len() + range.len() < SET_BYTES => {
                set.push(',');
                set.push_str(&range);
                members.extend(run);
            }
            _ => sets.push((range, run.to_vec())),
        }
    }
    sets
}

/// The UIDs in ascending order, each once, without zero.
pub(super) fn ascending(uids: &[u32]) -> Vec<u32> {
    let mut uids: Vec<u32> = uids.iter().copied().filter(|uid| *uid > 0).collect();
    uids.sort_unstable();
    uids.dedup();
    uids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_never_zero() {
        assert_eq!(Uid::new(0), None);
        assert_eq!(Uid::new(5).map(Uid::get), Some(5));
    }

    #[test]
    fn runs_become_ranges_and_gaps_stay_gaps() {
        let sets = sets(&ascending(&[9, 1, 2, 3, 5, 9, 0, u32::MAX]));
        assert_eq!(sets, [("1:3,5,9,4294967295".to_owned(), vec![1, 2, 3, 5, 9, u32::MAX])]);
    }

    #[test]
    fn a_long_set_is_split_and_nothing_is_lost() {
        let uids: Vec<u32> = (0..3_000).map(|n| 4_000_000_000 + 2 * n).collect();
        let sets = sets(&uids);
        assert!(sets.len() > 1);
        assert!(sets.iter().all(|(set, _)| set.len() < SET_BYTES));
        assert_eq!(sets.into_iter().flat_map(|(_, members)| members).collect::<Vec<_>>(), uids);
    }
}
