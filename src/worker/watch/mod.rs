//! A personal inbox: its mailboxes over one connection, headers first, and a body only after the verdict to log it.
//!
//! ```text
//! LIST ► choice ► for each mailbox: news? ► plan ► headers ► facts ► decide ─┬─ skip ───────────► commit
//!                                                                            └─ log ► body ► prepare ┘
//! ```

pub(super) mod begin;
mod facts;
pub(super) mod late;
mod look;
mod open;
mod part;
mod wish;

pub(super) use late::present;

use entity::{account, mailbox};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::account::{cursor, until};
use super::intake::Intake;
use super::windows::Windows;
use crate::source::plan::{self, Selected, Step};
use crate::source::{Session, choice};
use crate::store::commit::Committed;
use crate::trouble::Trouble;

/// Quiet polls of an open mailbox after which it is opened anew: only EXAMINE tells that the UIDs have changed.
const QUIET_POLLS: u32 = 20;

/// The mailboxes of a personal inbox, as one connection knows them.
pub(super) struct Inbox {
    /// The first is the one that stays open, and in which the server is heard.
    mailboxes: Vec<mailbox::Model>,
    /// Which of them is open.
    open: Option<usize>,
    quiet: u32,
}

impl Inbox {
    /// Finds the mailboxes to watch; those that were watched before and are no more keep their cursors.
    pub(super) async fn find(
        worker: &Worker,
        session: &mut Session,
        account: &account::Model,
    ) -> Result<Self, Trouble> {
        let listed = session.mailboxes().await?;
        let watch = &worker.config.watch;
        let chosen = choice::choose(&listed, &watch.mailboxes, &watch.sent);
        if chosen.is_empty() {
            return Err(Trouble::operator(
                "The server shows no mailbox to watch: neither all mail nor an inbox. Let IMAP show one of them.",
            ));
        }
        let mut mailboxes = Vec::with_capacity(chosen.len());
        for one in &chosen {
            let row = worker.store.mailbox(account.id, &one.wire_name, &one.name, one.role, &worker.clock).await?;
            mailboxes.push(row);
        }
        worker.store.watch_only(account.id, &chosen).await?;
        Ok(Self { mailboxes, open: None, quiet: 0 })
    }

    /// Reads every mailbox up to now; the first is open afterwards.
    pub(super) async fn read(
        &mut self,
        worker: &Worker,
        session: &mut Session,
        account: &account::Model,
        stop: &CancellationToken,
        done: &mut Committed,
    ) -> Result<(), Trouble> {
        // What the server has told of is not kept waiting until the others were asked about.
        let told = (self.open == Some(0) && session.has_news()).then_some(0);
        for at in told.into_iter().chain((0..self.mailboxes.len()).rev()) {
            let Some(selected) = until(stop, self.news(at, session)).await? else { continue };
            self.catch_up(at, worker, session, account, selected, done, stop).await?;
        }
        Ok(())
    }

    /// Opens a mailbox if there may be news in it: one round trip where there is none. The first is opened anyway.
    async fn news(&mut self, at: usize, session: &mut Session) -> Result<Option<Selected>, Trouble> {
        if self.open == Some(at) {
            self.quiet += 1;
            if !session.has_news() && self.quiet < QUIET_POLLS {
                return Ok(None);
            }
        } else if let Some(row) = self.mailboxes.get(at).filter(|row| at > 0 && row.uid_next.is_some()) {
            let told = session.status(&row.wire_name).await?;
            if plan::plan(cursor(row).as_ref(), &told) == Step::Wait && told.uid_validity != 0 {
                return Ok(None);
            }
        }
        self.examine(at, session).await.map(Some)
    }

    async fn examine(&mut self, at: usize, session: &mut Session) -> Result<Selected, Trouble> {
        let Some(row) = self.mailboxes.get(at) else { return Err(Trouble::retry("The mailbox is gone.")) };
        self.open = None;
        let selected = session.examine(&row.wire_name).await?;
        (self.open, self.quiet) = (Some(at), 0);
        Ok(selected)
    }

    /// Reads the open mailbox up to what EXAMINE said of it.
    #[expect(clippy::too_many_arguments, reason = "what a pass works with")]
    async fn catch_up(
        &mut self,
        at: usize,
        worker: &Worker,
        session: &mut Session,
        account: &account::Model,
        selected: Selected,
        done: &mut Committed,
        stop: &CancellationToken,
    ) -> Result<(), Trouble> {
        let Some(known) = self.mailboxes.get(at) else { return Ok(()) };
        let mut row = worker.store.mailbox_again(known).await?;
        let step = worker.settle(session, account, &mut row, &selected, stop).await?;
        if let Step::Fetch { first, last } = step {
            look_through(worker, session, account, &row, (first, last), done, stop).await?;
        }
        if row.uid_next != selected.uid_next.map(i64::from) || step != Step::Wait {
            worker.store.polled(row.id, selected.uid_next, &worker.clock).await?;
            row = worker.store.mailbox_again(&row).await?;
        }
        if let Some(known) = self.mailboxes.get_mut(at) {
            *known = row;
        }
        Ok(())
    }
}

/// Looks at `range` of a mailbox window by window, so that memory does not grow with the mailbox.
async fn look_through(
    worker: &Worker,
    session: &mut Session,
    account: &account::Model,
    row: &mailbox::Model,
    range: (u32, Option<u32>),
    done: &mut Committed,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let mut intake = Intake::new(worker, account, row, stop).await?;
    let mut windows = Windows::new(range);
    while let Some(listed) = worker.list_window(session, &intake, &mut windows, stop).await? {
        intake.look_through(session, &listed, done).await?;
    }
    Ok(())
}
