//! Notices to users leave by SMTP (H2, H9, B24, J15). The only user of lettre.
//!
//! ```text
//!   due ─► is it a user? under the daily bound? ─► claim ─► MAIL RCPT DATA ─► "handed over" is on the disk ─► text ─► 250
//! ```
//!
//! SMTP cannot say afterwards whether a mail was taken: what was handed over is never sent a second time. Whatever ended
//! before that is tried again.

mod compose;
mod line;
mod login;
mod mailing;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use entity::notice;
use tokio_util::sync::CancellationToken;

use crate::mail::address::Address;
use crate::store::notices::End;
use crate::trouble::Trouble;
use crate::worker::Worker;
use crate::worker::backoff::backoff;
use line::Line;
use mailing::Mailing;

pub use login::examine;

/// How often the service looks for notices.
const LOOKS_EVERY: Duration = Duration::from_secs(5);

/// Notices of one look, over one connection.
const BATCH: u64 = 100;

/// Between two looks at somebody who has got enough for a day.
const ENOUGH: TimeDelta = TimeDelta::hours(1);

/// The first wait after a refusal that passes, and the longest: four times as long each time.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);

/// In the service: sends what is due until `stop`.
pub(crate) async fn post(worker: Worker, stop: CancellationToken) {
    if !worker.config.smtp.is_on() {
        return;
    }
    let mut failures = 0_u32;
    while !stop.is_cancelled() {
        let wait = match send_due(&worker, &stop).await {
            Ok(_) => {
                failures = 0;
                LOOKS_EVERY
            }
            Err(trouble) => {
                failures = failures.saturating_add(1);
                tracing::warn!(%trouble, "notices cannot be sent");
                backoff(failures, &trouble, worker.config.worker.backoff_max()).max(LOOKS_EVERY)
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(worker.clock.jittered(wait)) => {}
        }
    }
}

/// Sends what is due now, or until `stop`; how many were taken. Without a server all of them wait.
pub(crate) async fn send_due(worker: &Worker, stop: &CancellationToken) -> Result<usize, Trouble> {
    let smtp = &worker.config.smtp;
    if !smtp.is_on() {
        return Ok(0);
    }
    let oldest = worker.clock.now() - smtp.max_age();
    let mut sent = 0;
    loop {
        let due = worker.store.notices_due(worker.clock.now(), oldest, BATCH).await?;
        if due.is_empty() || stop.is_cancelled() {
            return Ok(sent);
        }
        let mut line = match login::connect(worker).await {
            Ok(line) => line,
            Err(trouble) => {
                worker.store.notices_held_up(oldest, &trouble.to_string()).await?;
                return Err(trouble);
            }
        };
        for row in due {
            if stop.is_cancelled() {
                break;
            }
            sent += usize::from(send(worker, &mut line, &row).await?);
            if let Some(trouble) = line.broken() {
                return Err(trouble);
            }
        }
        line.quit().await;
    }
}

/// Sends one notice, unless another process has it; whether it was taken.
async fn send(worker: &Worker, line: &mut Line, row: &notice::Model) -> Result<bool, Trouble> {
    let now = worker.clock.now();
    let Some(claim) = worker.store.claim_notice(row, now, line.longest()).await? else { return Ok(false) };
    let end = match admit(worker, row, now).await? {
        Ok(recipient) => {
            let mailing = Mailing { worker, claim, row, recipient };
            mailing.go(line).await?
        }
        Err(end) => end,
    };
    let taken = end == End::Sent;
    match &end {
        End::Sent => tracing::info!(notice = %row.id, kind = row.kind, "a notice is sent"),
        End::Later(next, _) => tracing::info!(notice = %row.id, kind = row.kind, %next, "a notice waits"),
        End::Failed(_) => {
            tracing::warn!(notice = %row.id, kind = row.kind, "a notice is given up; `notice list` says why");
        }
        End::Unclear(_) => {
            tracing::warn!(notice = %row.id, kind = row.kind, "whether a notice arrived is unknown; it is not sent again");
        }
    }
    worker.store.conclude_notice(&claim, end, worker.clock.now()).await?;
    Ok(taken)
}

/// Who gets it: one of us only, never a contact (H9), and not too many a day.
async fn admit(worker: &Worker, row: &notice::Model, now: DateTime<Utc>) -> Result<Result<Address, End>, Trouble> {
    let known = match Address::parse(&row.recipient) {
        Some(address) if worker.store.is_user(row.workspace_id, &address).await? => address,
        _ => return Ok(Err(End::Failed("the recipient is no active user of the workspace".to_owned()))),
    };
    let bound = worker.config.smtp.daily_per_recipient;
    if worker.store.notices_to(&row.recipient, now - TimeDelta::days(1)).await? >= bound {
        let reason = format!("the recipient has got {bound} notices in 24 hours (smtp.daily_per_recipient)");
        return Ok(Err(End::Later(now + ENOUGH, reason)));
    }
    Ok(Ok(known))
}

/// How long to wait after the `attempt`-th attempt in vain, before jitter.
fn wait(attempt: i32) -> Duration {
    let steps = u32::try_from(attempt.max(1) - 1).unwrap_or(0);
    FIRST_WAIT.saturating_mul(4_u32.saturating_pow(steps)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_between_attempts_grow_to_hours() {
        let minutes = [0, 1, 2, 3, 4, 5, 6, i32::MAX].map(|attempt| wait(attempt).as_secs() / 60);
        assert_eq!(minutes, [1, 1, 4, 16, 64, 256, 360, 360]);
    }
}
