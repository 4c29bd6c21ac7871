//! What to fetch next, told from where we stand and what the server says. Pure and total.

/// What EXAMINE says about a mailbox (RFC 3501 section 7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selected {
    /// How many messages there are.
    pub exists: u32,
    /// The epoch of the UIDs; 0 when the server named none.
    pub uid_validity: u32,
    /// The UID the next message will have at least, if told.
    pub uid_next: Option<u32>,
    /// The highest modification sequence (RFC 7162), if told.
    pub highest_modseq: Option<u64>,
}

/// How far a mailbox has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The epoch `last_uid` belongs to.
    pub uid_validity: u32,
    /// The highest UID whose predecessors all have a verdict.
    pub last_uid: u32,
    /// The UIDNEXT below which everything has been listed *and* has a verdict. It spares asking again and again for a
    /// tail of UIDs that were expunged before we saw them.
    pub uid_next_seen: Option<u32>,
}

/// What to do about a mailbox now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing new.
    Wait,
    /// Read the UIDs from `first` to `last`, or to the end.
    Fetch {
        /// The first UID without a verdict.
        first: u32,
        /// The last UID the server has spoken of; `None` when it gave no UIDNEXT.
        last: Option<u32>,
    },
    /// Begin a new epoch: the first look, or UIDVALIDITY changed and the UIDs we know mean nothing any more.
    Adopt {
        /// The new epoch.
        uid_validity: u32,
    },
    /// UIDNEXT fell, which RFC 3501 section 2.3.1.1 forbids within one epoch: the mailbox was put back to an older
    /// state and UIDs may be given out twice.
    Regressed {
        /// What UIDNEXT was at least.
        expected: u32,
        /// What it is now.
        uid_next: u32,
    },
}

/// Decides the next step for one mailbox.
pub fn plan(cursor: Option<&Cursor>, selected: &Selected) -> Step {
    // UIDVALIDITY is a nz-number (RFC 3501 section 9): without it a UID names nothing, so there is nothing to begin.
    if selected.uid_validity == 0 {
        return Step::Wait;
    }
    let Some(cursor) = cursor.filter(|cursor| cursor.uid_validity == selected.uid_validity) else {
        return Step::Adopt { uid_validity: selected.uid_validity };
    };
    let uid_next = selected.uid_next.filter(|next| *next > 0);
    let expected = cursor.last_uid.saturating_add(1).max(cursor.uid_next_seen.unwrap_or(0));
    if let Some(uid_next) = uid_next.filter(|next| *next < expected) {
        return Step::Regressed { expected, uid_next };
    }
    let Some(first) = cursor.last_uid.checked_add(1) else { return Step::Wait };
    let passed = uid_next.is_some_and(|next| next <= expected);
    if selected.exists == 0 || passed {
        return Step::Wait;
    }
    Step::Fetch { first, last: uid_next.map(|next| next - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(last_uid: u32, uid_next_seen: Option<u32>) -> Option<Cursor> {
        Some(Cursor { uid_validity: 7, last_uid, uid_next_seen })
    }

    fn selected(exists: u32, uid_validity: u32, uid_next: Option<u32>) -> Selected {
        Selected { exists, uid_validity, uid_next, highest_modseq: None }
    }

    #[test]
    fn every_state_of_a_mailbox_has_one_step() {
        use Step::{Adopt, Fetch, Regressed, Wait};
        let max = u32::MAX;
        let table = [
            ("a first look adopts", None, selected(3, 7, Some(9)), Adopt { uid_validity: 7 }),
            ("a first look at an empty mailbox adopts", None, selected(0, 7, Some(1)), Adopt { uid_validity: 7 }),
            ("a changed epoch is adopted", cursor(5, None), selected(3, 8, Some(2)), Adopt { uid_validity: 8 }),
            ("no epoch, no cursor: nothing", None, selected(3, 0, Some(9)), Wait),
            ("no epoch is no change of epoch", cursor(5, None), selected(3, 0, Some(9)), Wait),
            ("empty mailbox", cursor(0, None), selected(0, 7, Some(1)), Wait),
            ("emptied mailbox", cursor(5, None), selected(0, 7, Some(20)), Wait),
            ("emptied mailbox without UIDNEXT", cursor(5, None), selected(0, 7, None), Wait),
            ("nothing new", cursor(5, None), selected(3, 7, Some(6)), Wait),
            ("the first message", cursor(0, None), selected(1, 7, Some(2)), Fetch { first: 1, last: Some(1) }),
            ("news", cursor(5, Some(6)), selected(3, 7, Some(9)), Fetch { first: 6, last: Some(8) }),
            ("news, UIDNEXT absent", cursor(5, None), selected(3, 7, None), Fetch { first: 6, last: None }),
            ("news, UIDNEXT zero", cursor(5, None), selected(3, 7, Some(0)), Fetch { first: 6, last: None }),
            ("an expunged tail is asked for once", cursor(5, Some(9)), selected(3, 7, Some(9)), Wait),
            (
                "UIDNEXT fell below the cursor",
                cursor(5, None),
                selected(3, 7, Some(4)),
                Regressed { expected: 6, uid_next: 4 },
            ),
            (
                "UIDNEXT fell below what was listed",
                cursor(5, Some(9)),
                selected(0, 7, Some(7)),
                Regressed { expected: 9, uid_next: 7 },
            ),
            ("the last UID of all", cursor(max - 1, None), selected(1, 7, None), Fetch { first: max, last: None }),
            ("no UID is left", cursor(max, None), selected(1, 7, Some(max)), Wait),
            ("no UID is left, UIDNEXT absent", cursor(max, None), selected(1, 7, None), Wait),
        ];
        for (claim, cursor, selected, step) in table {
            assert_eq!(plan(cursor.as_ref(), &selected), step, "{claim}");
        }
    }

    #[test]
    fn a_fetch_never_begins_at_or_before_the_cursor() {
        let edges = [0, 1, 2, 5, 6, u32::MAX - 1, u32::MAX];
        for last_uid in edges {
            for next in edges.map(Some).into_iter().chain([None]) {
                for seen in edges.map(Some).into_iter().chain([None]) {
                    let step = plan(cursor(last_uid, seen).as_ref(), &selected(3, 7, next));
                    if let Step::Fetch { first, last } = step {
                        assert!(first > last_uid);
                        assert!(last.is_none_or(|last| last >= first));
                    }
                }
            }
        }
    }
}
