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

use std::time::Duration;

use entity::{account, mailbox};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::account::{cursor, until};
use super::intake::Intake;
use super::windows::Windows;
use crate::source::plan::{self, Selected, Step};
use crate::source::{Polled, Session, choice};
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
            self.catch_up(at, worker, session, account, &selected, done, stop).await?;
        }
        Ok(())
    }

    /// Waits up to `span` for news, and asks whether there is any: one round trip for all mailboxes. False if there may be
    /// some. While there is none the session is in IDLE, and is asked for nothing else.
    pub(super) async fn poll(&mut self, session: &mut Session, span: Duration) -> Result<bool, Trouble> {
        let others: Vec<&mailbox::Model> = self.mailboxes.iter().skip(1).collect();
        let names: Vec<&str> = others.iter().map(|row| row.wire_name.as_str()).collect();
        let Polled::Quiet(told) = session.poll(span, &names).await? else { return Ok(false) };
        self.quiet += 1;
        let is_quiet = |(row, told): (&&mailbox::Model, &Selected)| is_unchanged(row, told);
        let all_quiet = told.len() == others.len() && others.iter().zip(&told).all(is_quiet);
        if all_quiet && self.quiet < QUIET_POLLS {
            return Ok(true);
        }
        session.leave_idle().await?;
        Ok(false)
    }

    /// Opens a mailbox if there may be news in it: one round trip where there is none. The first is opened anyway. Of the one
    /// that is open the server has told how many messages came, and nothing has to be asked.
    async fn news(&mut self, at: usize, session: &mut Session) -> Result<Option<News>, Trouble> {
        if self.open == Some(at) {
            let epoch = self.mailboxes.get(at).and_then(|row| u32::try_from(row.uid_validity).ok());
            if session.has_news()
                && let (Some(uid_validity), Some((exists, came))) = (epoch, session.take_news())
            {
                let selected = Selected { exists, uid_validity, ..Selected::default() };
                return Ok(Some(News { selected, came: Some(came) }));
            }
            self.quiet += 1;
            if !session.has_news() && self.quiet < QUIET_POLLS {
                return Ok(None);
            }
        } else if let Some(row) = self.mailboxes.get(at).filter(|row| at > 0 && row.uid_next.is_some()) {
            let told = session.status(&row.wire_name).await?;
            if is_unchanged(row, &told) {
                return Ok(None);
            }
        }
        let selected = self.examine(at, session).await?;
        Ok(Some(News { selected, came: None }))
    }

    async fn examine(&mut self, at: usize, session: &mut Session) -> Result<Selected, Trouble> {
        let Some(row) = self.mailboxes.get(at) else { return Err(Trouble::retry("The mailbox is gone.")) };
        self.open = None;
        let selected = session.examine(&row.wire_name).await?;
        (self.open, self.quiet) = (Some(at), 0);
        Ok(selected)
    }

    /// Reads the open mailbox up to what the server said of it.
    #[expect(clippy::too_many_arguments, reason = "what a pass works with")]
    async fn catch_up(
        &mut self,
        at: usize,
        worker: &Worker,
        session: &mut Session,
        account: &account::Model,
        News { selected, came }: &News,
        done: &mut Committed,
        stop: &CancellationToken,
    ) -> Result<(), Trouble> {
        let Some(known) = self.mailboxes.get(at) else { return Ok(()) };
        let mut row = worker.store.mailbox_again(known).await?;
        let step = worker.settle(session, account, &mut row, selected, stop).await?;
        if let Step::Fetch { first, last } = step {
            let windows = Windows::new((first, last)).expecting(*came);
            look_through(worker, session, account, &row, windows, done, stop).await?;
        }
        if came.is_some() {
            // Whatever UIDNEXT is, it is no less.
            row = worker.store.mailbox_again(&row).await?;
            let next = row.uid_next.unwrap_or(1).max(row.cursor.saturating_add(1));
            worker.store.polled(row.id, u32::try_from(next).ok(), worker.fence, &worker.clock).await?;
            row.uid_next = Some(next);
        } else if row.uid_next != selected.uid_next.map(i64::from) || step != Step::Wait {
            worker.store.polled(row.id, selected.uid_next, worker.fence, &worker.clock).await?;
            row = worker.store.mailbox_again(&row).await?;
        }
        if let Some(known) = self.mailboxes.get_mut(at) {
            *known = row;
        }
        Ok(())
    }
}

/// What there is to read in the open mailbox.
struct News {
    selected: Selected,
    /// How many messages came, if it was open before and nothing else was asked.
    came: Option<u32>,
}

/// Whether STATUS shows a mailbox as it was left.
fn is_unchanged(row: &mailbox::Model, told: &Selected) -> bool {
    row.uid_next.is_some() && told.uid_validity != 0 && plan::plan(cursor(row).as_ref(), told) == Step::Wait
}

/// Looks at a mailbox window by window, so that memory does not grow with the mailbox.
async fn look_through(
    worker: &Worker,
    session: &mut Session,
    account: &account::Model,
    row: &mailbox::Model,
    mut windows: Windows,
    done: &mut Committed,
    stop: &CancellationToken,
) -> Result<(), Trouble> {
    let mut intake = Intake::new(worker, account, row, stop).await?;
    while let Some(listed) = worker.list_window(session, &intake, &mut windows, stop).await? {
        intake.look_through(session, &listed, done).await?;
    }
    Ok(())
}
