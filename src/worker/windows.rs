//! A range of UIDs, listed window by window, so that memory does not grow with the mailbox.

use tokio_util::sync::CancellationToken;

use super::Worker;
use super::account::until;
use super::intake::Intake;
use crate::seam::seam;
use crate::source::{Listed, Session};
use crate::trouble::Trouble;

/// How many listed messages are worked on before the next are listed.
const WINDOW: usize = 2_000;

/// Ranges of UIDs that are wide where messages are sparse and narrow where they are dense.
pub(super) struct Windows {
    next: Option<u32>,
    last: Option<u32>,
    width: u32,
    /// How many messages there are at least, where the server told.
    expected: Option<u32>,
}

impl Windows {
    pub(super) fn new((first, last): (u32, Option<u32>)) -> Self {
        Self { next: Some(first), last, width: WINDOW as u32, expected: None }
    }

    /// The same where it is known how many messages there are.
    pub(super) fn expecting(self, expected: Option<u32>) -> Self {
        Self { expected, ..self }
    }

    /// The next range; without a known end (no UIDNEXT) there is one, open range.
    pub(super) fn next(&mut self) -> Option<(u32, Option<u32>)> {
        let first = self.next?;
        let Some(last) = self.last else {
            self.next = None;
            return Some((first, None));
        };
        let end = first.saturating_add(self.width - 1).min(last);
        self.next = end.checked_add(1).filter(|next| *next <= last);
        Some((first, Some(end)))
    }

    /// The range that was given out ends here.
    fn cut(&mut self, end: Option<u32>) {
        if let Some(end) = end {
            self.next = end.checked_add(1).filter(|next| self.last.is_none_or(|last| *next <= last));
        }
    }

    /// So many messages were in it.
    pub(super) fn found(&mut self, messages: usize) {
        if messages < WINDOW / 4 {
            self.width = self.width.saturating_mul(8);
        } else if messages > WINDOW * 2 {
            self.width = (self.width / 2).max(1);
        }
    }
}

impl Worker {
    /// Lists the next window, or `None` after the last one.
    pub(super) async fn list_window(
        &self,
        session: &mut Session,
        intake: &Intake,
        windows: &mut Windows,
        stop: &CancellationToken,
    ) -> Result<Option<Vec<Listed>>, Trouble> {
        let Some((first, last)) = windows.next() else { return Ok(None) };
        let last = intake.window_end(first, last);
        windows.cut(last);
        let mut listed = Vec::new();
        let is_asked = last != Some(first) || !intake.is_hopeless(first);
        if is_asked {
            listed = match until(stop, session.list(first, last)).await {
                Ok(listed) => listed,
                Err(trouble) => return Err(intake.unlistable(first, last, trouble).await),
            };
        }
        let known = listed.len();
        let complete = last.is_none() && windows.expected.is_some_and(|expected| listed.len() >= expected as usize);
        if !complete {
            until(stop, self.add_unlisted(session, (first, last), &mut listed)).await?;
        }
        if is_asked && listed.len() > known {
            tracing::warn!(
                first,
                last,
                messages = listed.len() - known,
                "the server has messages that it does not list"
            );
        }
        windows.found(listed.len());
        seam("window.listed")?;
        Ok(Some(listed))
    }

    /// Adds what a FETCH that says OK left out: a server may do so with messages that it cannot read, and a cursor that
    /// passes them loses them. Where UIDs are missing from the list, a SEARCH tells whether they are on the server; a
    /// message without a known size is treated as a large one.
    async fn add_unlisted(
        &self,
        session: &mut Session,
        (first, last): (u32, Option<u32>),
        listed: &mut Vec<Listed>,
    ) -> Result<(), Trouble> {
        let width = last.map(|last| u64::from(last) + 1 - u64::from(first.min(last)));
        if width == Some(listed.len() as u64) {
            return Ok(());
        }
        let size = u32::try_from(self.config.worker.slice_bytes).unwrap_or(u32::MAX).saturating_add(1);
        let known = listed.len();
        for uid in session.uids(first, last).await? {
            let is_known =
                listed.get(..known).is_some_and(|known| known.binary_search_by_key(&uid, |item| item.uid).is_ok());
            if !is_known {
                listed.push(Listed { uid, size, internal_date: None });
            }
        }
        listed.sort_by_key(|item| item.uid);
        Ok(())
    }
}
