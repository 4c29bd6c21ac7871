//! The bodies of what is logged from an inbox, and of reports on logged mail.

use std::collections::HashMap;

use super::look::Run;
use crate::decide::bounce::Returned;
use crate::decide::{Activity, Trace};
use crate::source::{Bodies, Body, Listed, Session};
use crate::store::commit::watched::Tally;
use crate::trouble::Trouble;
use crate::worker::intake::Intake;
use crate::worker::large::{gone, keep, read_report};

impl Intake {
    /// Has what is logged come, and reports on logged mail, and nothing else.
    pub(super) async fn open(&self, session: &mut Session, run: &mut Run) -> Result<(), Trouble> {
        if run.logged.is_empty() && run.reports.is_empty() {
            return Ok(());
        }
        let worker = &self.shared.worker;
        let logged = run.logged.iter().map(|(item, ..)| *item);
        let mut wanted: Vec<Listed> = logged.chain(run.reports.iter().map(|(item, ..)| *item)).collect();
        wanted.sort_by_key(|item| item.uid);
        let large = wanted.iter().any(|item| u64::from(item.size) > worker.config.worker.slice_bytes);
        let budget = if large { &worker.memory_for_large } else { &worker.memory };
        let (bodies, mut arriving) = Bodies::channel(budget);
        let mut verdicts: HashMap<u32, (Listed, Box<Activity>, Trace)> =
            std::mem::take(&mut run.logged).into_iter().map(|one| (one.0.uid, one)).collect();
        let mut reports: HashMap<u32, (Listed, Returned, Trace)> =
            std::mem::take(&mut run.reports).into_iter().map(|one| (one.0.uid, one)).collect();
        let mut tally = Tally::default();
        let entries = &mut run.entries;
        let fetch = async {
            let fetched = session.bodies(&wanted, &bodies).await;
            drop(bodies);
            fetched
        };
        let take = async {
            while let Some(body) = arriving.recv().await {
                let uid = body.uid();
                let Body::Arrived { bytes, permit, .. } = body else {
                    entries.insert(uid, gone(uid));
                    continue;
                };
                tally.opened += 1;
                let kept = match (verdicts.remove(&uid), reports.remove(&uid)) {
                    (Some((item, activity, trace)), _) => {
                        let received = item.internal_date.unwrap_or_else(|| worker.clock.now());
                        keep(&self.shared, uid, received, *activity, trace, bytes).await
                    }
                    (None, Some((_, about, trace))) => read_report(&self.shared, uid, about, trace, bytes).await,
                    (None, None) => {
                        tally.opened_unlogged += 1;
                        continue;
                    }
                };
                match kept {
                    Ok(entry) => entries.insert(uid, entry),
                    Err(trouble) => {
                        // Or the fetch would wait for room for ever.
                        arriving.close();
                        while arriving.recv().await.is_some() {}
                        return Err(trouble);
                    }
                };
                // What is kept is text within limits; to wait for more with a share in hand could last for ever.
                drop(permit);
            }
            Ok::<(), Trouble>(())
        };
        let (fetched, kept) = tokio::join!(fetch, take);
        run.watched.tally.opened += tally.opened;
        run.watched.tally.opened_unlogged += tally.opened_unlogged;
        kept.and(fetched)
    }
}
