//! One account: from its row in the database to a mailbox read to its end.

use entity::{account, mailbox};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::intake::Intake;
use super::login::{endpoint, imap_user, limits, read_password};
use super::watch::{Inbox, begin};
use super::windows::Windows;
use crate::oauth::service::no_access;
use crate::seam::seam;
use crate::source::plan::{self, Cursor, Selected, Step};
use crate::source::{Limits, Login, Session};
use crate::store::commit::Committed;
use crate::trouble::Trouble;

impl Worker {
    /// Reads every watched mailbox of an account up to now, or until `stop`. What is committed is added to `done`, whatever
    /// comes after it.
    pub async fn sync(
        &self,
        account: &account::Model,
        stop: &CancellationToken,
        done: &mut Committed,
    ) -> Result<(), Trouble> {
        let mut account = account.clone();
        let mut session = until(stop, self.connect_to_read(&mut account)).await?;
        self.read_account(&mut session, &account, &mut None, stop, done).await?;
        session.logout().await;
        Ok(())
    }

    /// Reads an account up to now: a dedicated mailbox, or those of a personal inbox, which are found on the first look
    /// over a connection.
    pub(super) async fn read_account(
        &self,
        session: &mut Session,
        account: &account::Model,
        inbox: &mut Option<Inbox>,
        stop: &CancellationToken,
        done: &mut Committed,
    ) -> Result<(), Trouble> {
        if account.kind != "personal" {
            let read = self.sync_mailbox(session, account, stop, done).await;
            return read.map_err(|trouble| without_consent(account, trouble));
        }
        let inbox = match inbox {
            Some(inbox) => inbox,
            None => inbox.insert(until(stop, Inbox::find(self, session, account)).await?),
        };
        inbox.read(self, session, account, stop, done).await.map_err(|trouble| without_consent(account, trouble))
    }

    /// Connects to read an account; one whose login was refused before is connected anew from now on (D2c).
    pub(super) async fn connect_to_read(&self, account: &mut account::Model) -> Result<Session, Trouble> {
        let session = self.connect(account).await?;
        if self.store.returned(account.id, &self.clock).await? {
            account.connected_at = Some(self.clock.now());
        }
        Ok(session)
    }

    /// Connects, with one fresh token if the server refuses the one at hand.
    pub(crate) async fn connect(&self, account: &account::Model) -> Result<Session, Trouble> {
        seam("connect.before")?;
        let session = self.log_in(account).await?;
        seam("connect.after")?;
        Ok(session)
    }

    async fn log_in(&self, account: &account::Model) -> Result<Session, Trouble> {
        let endpoint = endpoint(account)?;
        let usage = &self.common.usage;
        usage.begin(&self.store, account, &self.config.worker, self.clock.now()).await?;
        let meter = usage.meter(account.id);
        meter.afford()?;
        let limits = Limits { meter, ..limits(&self.config, account) };
        let leave = self.turn.queue(self.common.ramp.admit(&endpoint.host, &self.config.worker)).await;
        if account.auth == "password" {
            let password = read_password(account).await?;
            let login = Login::Password { user: imap_user(account), password };
            return refused_for_good(crate::source::connect(&endpoint, &self.tls, &login, &limits).await);
        }
        let token = self.tokens.access(account).await?;
        let login = Login::XOAuth2 { user: imap_user(account), token: token.clone() };
        match crate::source::connect(&endpoint, &self.tls, &login, &limits).await {
            Err(Trouble::TokenRefused { .. }) => {
                drop(leave);
                let _leave = self.turn.queue(self.common.ramp.admit(&endpoint.host, &self.config.worker)).await;
                self.tokens.refused(account, &token).await?;
                let token = self.tokens.access(account).await?;
                let login = Login::XOAuth2 { user: imap_user(account), token };
                refused_for_good(crate::source::connect(&endpoint, &self.tls, &login, &limits).await)
            }
            other => other,
        }
        .map_err(|trouble| without_consent(account, trouble))
    }

    /// Reads the mailbox of a dedicated account up to now, or until `stop`: then what has been fetched is committed, and
    /// the rest is left for another time.
    pub(super) async fn sync_mailbox(
        &self,
        session: &mut Session,
        account: &account::Model,
        stop: &CancellationToken,
        done: &mut Committed,
    ) -> Result<(), Trouble> {
        let mut row = self.store.mailbox(account.id, "INBOX", "INBOX", "inbox", &self.clock).await?;
        seam("mailbox.found")?;
        let selected = until(stop, session.examine("INBOX")).await?;
        seam("mailbox.opened")?;
        let step = self.settle(session, account, &mut row, &selected, stop).await?;
        if let Step::Fetch { first, last } = step {
            self.read(session, account, &row, (first, last), done, stop).await?;
        }
        // Also after a run that ended before this: a restored mailbox is known by the UIDs that it gives out again.
        if step != Step::Wait || row.uid_next != selected.uid_next.map(i64::from) {
            self.store.polled(row.id, selected.uid_next, self.fence, &self.clock).await?;
        }
        Ok(())
    }

    /// What to do about a mailbox as EXAMINE shows it; an epoch that begins, or UIDs that are given out again, are settled
    /// with the cursor first.
    pub(super) async fn settle(
        &self,
        session: &mut Session,
        account: &account::Model,
        row: &mut mailbox::Model,
        selected: &Selected,
        stop: &CancellationToken,
    ) -> Result<Step, Trouble> {
        match plan::plan(cursor(row).as_ref(), selected) {
            Step::Adopt { uid_validity } => {
                let first = until(stop, self.first_uid(session, account, row, selected.uid_next)).await?;
                self.store.adopt(row, uid_validity, first, self.fence).await?;
                seam("epoch.adopted")?;
            }
            Step::Regressed { expected, uid_next } => {
                tracing::warn!(account = %account.id, expected, uid_next, "the server gives UIDs out again; the mailbox is read anew");
                // Any UID may name another message by now: new mail has taken up UIDs since the mailbox was put back. What
                // was logged is known by its Message-ID.
                let first = u32::try_from(row.first_uid).unwrap_or(1).min(uid_next.max(1));
                self.store.regress(row, first, self.fence).await?;
            }
            step => return Ok(step),
        }
        *row = self.store.mailbox_again(row).await?;
        Ok(plan::plan(cursor(row).as_ref(), selected))
    }

    /// Where an epoch of a mailbox starts (decision 10, J13): a dedicated one with its first mail, either kind with the day
    /// that the account was told.
    async fn first_uid(
        &self,
        session: &mut Session,
        account: &account::Model,
        row: &mailbox::Model,
        uid_next: Option<u32>,
    ) -> Result<u32, Trouble> {
        match account.since {
            None if account.kind == "personal" => begin::resumed(self, session, account, row, uid_next).await,
            None => Ok(1),
            Some(day) => match session.since(day, 1).await?.first() {
                Some(first) => Ok(*first),
                None if account.kind == "personal" => begin::next_uid(session, uid_next).await,
                None => Ok(1),
            },
        }
    }

    /// Lists and reads `range` window by window, so that memory does not grow with the mailbox.
    async fn read(
        &self,
        session: &mut Session,
        account: &account::Model,
        row: &mailbox::Model,
        range: (u32, Option<u32>),
        done: &mut Committed,
        stop: &CancellationToken,
    ) -> Result<(), Trouble> {
        let mut intake = Intake::new(self, account, row, stop).await?;
        let mut windows = Windows::new(range);
        while let Some(listed) = self.list_window(session, &intake, &mut windows, stop).await? {
            intake.take_in(session, &listed, done).await?;
        }
        Ok(())
    }
}

/// What `work` comes to, or that it was stopped; the session is over then.
pub(super) async fn until<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::select! {
        () = stop.cancelled() => Err(Trouble::ended("the program was told to stop")),
        done = work => done,
    }
}

/// A refusal of a fresh token, or of a password, is final (J15).
pub(crate) fn refused_for_good(result: Result<Session, Trouble>) -> Result<Session, Trouble> {
    result.map_err(|trouble| match trouble {
        Trouble::TokenRefused { reason } => Trouble::NeedsReauth { reason },
        other => other,
    })
}

/// Where no person has consented, none can do so again.
pub(crate) fn without_consent(account: &account::Model, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::NeedsReauth { reason } if account.auth == "service" => no_access(&account.provider, &reason),
        other => other,
    }
}

/// The cursor as the plan wants it; `None` before the first look.
pub(super) fn cursor(row: &mailbox::Model) -> Option<Cursor> {
    let uid_validity = u32::try_from(row.uid_validity).ok().filter(|epoch| *epoch != 0)?;
    let uid_next_seen = row.uid_next.and_then(|uid| u32::try_from(uid).ok());
    Some(Cursor { uid_validity, last_uid: u32::try_from(row.cursor).unwrap_or(u32::MAX), uid_next_seen })
}
