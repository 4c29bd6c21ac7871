//! The bodies of what is logged from an inbox.

use std::collections::HashMap;

use super::look::Run;
use crate::decide::{Activity, Trace};
use crate::source::{Bodies, Body, Listed, Session};
use crate::store::commit::Entry;
use crate::store::commit::watched::Tally;
use crate::trouble::Trouble;
use crate::worker::commit_stage::casualty;
use crate::worker::intake::Intake;
use crate::worker::large::gone;
use crate::worker::parse_stage::{What, parse};
use crate::worker::prepare::prepare;

impl Intake {
    /// Has what is logged come, and nothing else.
    pub(super) async fn open(&self, session: &mut Session, run: &mut Run) -> Result<(), Trouble> {
        if run.logged.is_empty() {
            return Ok(());
        }
        let worker = &self.shared.worker;
        let wanted: Vec<Listed> = run.logged.iter().map(|(item, ..)| *item).collect();
        let large = wanted.iter().any(|item| u64::from(item.size) > worker.config.worker.slice_bytes);
        let budget = if large { &worker.memory_for_large } else { &worker.memory };
        let (bodies, mut arriving) = Bodies::channel(budget);
        let mut verdicts: HashMap<u32, (Listed, Box<Activity>, Trace)> =
            std::mem::take(&mut run.logged).into_iter().map(|one| (one.0.uid, one)).collect();
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
                let Some((item, activity, trace)) = verdicts.remove(&uid) else {
                    tally.opened_unlogged += 1;
                    continue;
                };
                match self.keep(item, *activity, trace, bytes).await {
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

    async fn keep(&self, item: Listed, activity: Activity, mut trace: Trace, bytes: Vec<u8>) -> Result<Entry, Trouble> {
        let (uid, worker) = (item.uid, &self.shared.worker);
        let received = item.internal_date.unwrap_or_else(|| worker.clock.now());
        let parsed = tokio::task::spawn_blocking(move || parse(bytes)).await;
        match parsed.map_err(|_| Trouble::retry("The parsing of a message was cut short."))? {
            What::Mail(mail, raw) => {
                drop(raw);
                let message_hash = self.shared.judge.hash(&mail.envelope);
                let outcome = prepare(activity, *mail, received, &worker.config, &worker.blobs, &mut trace).await?;
                Ok(Entry { uid, outcome, trace, message_hash })
            }
            What::Unparsable(reason, bytes) => casualty(&self.shared, uid, reason, bytes).await,
            What::Gone => Ok(gone(uid)),
        }
    }
}
