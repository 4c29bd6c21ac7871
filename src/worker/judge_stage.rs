//! Mails to verdicts, while the batch before is being committed.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::{mpsc, watch};

use super::intake::Shared;
use super::judge::independent;
use super::parse_stage::{Parsed, What};
use super::prepare::prepare;
use crate::attachments::Deposit;
use crate::decide::decision::Held;
use crate::decide::facts::{Facts, names};
use crate::decide::{Code, Finding, MessageKey, Trace, Verdict, forwarding};
use crate::mail::forwarded::{each, into_original};
use crate::mail::message::Mail;
use crate::mail::verification;
use crate::seam::seam;
use crate::source::{Permit, shrink};
use crate::store::commit::watched::Tie;
use crate::store::commit::{Casualty, Entry, Outcome, Review};
use crate::trouble::Trouble;

/// Messages whose attachments are written at the same time.
const AT_ONCE: usize = 16;

/// Messages that are judged and committed together if they are there: enough to share the fixed costs of look-ups and of
/// a transaction, few enough to bound memory.
pub(super) const BATCH: usize = 256;

/// Verdicts that wait for their commit.
pub(super) struct Judged {
    pub(super) entries: Vec<Entry>,
    /// The bytes of a message that was fetched alone, for the case that the database refuses it.
    pub(super) kept: Option<Vec<u8>>,
    /// Counts the batches of a run.
    pub(super) number: u64,
    /// Shares of the memory budget, given back when the batch is committed.
    _permits: Vec<Permit>,
}

/// Judges what arrives, in order, until the stage before hangs up or the next one does.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut parsed: mpsc::Receiver<Vec<Parsed>>,
    judged: mpsc::Sender<Judged>,
    committed: watch::Receiver<u64>,
) -> Result<(), Trouble> {
    let mut pending = Pending { batches: VecDeque::new(), committed };
    let mut number = 0;
    while let Some(mut arrived) = parsed.recv().await {
        while arrived.len() < BATCH
            && let Ok(more) = parsed.try_recv()
        {
            arrived.extend(more);
        }
        let mut known = None;
        while !arrived.is_empty() {
            let facts = match &known {
                // What was judged on them since is pending, and no mail that depends on it is judged on them.
                Some(facts) => facts,
                None => {
                    // Before the facts are read: what is committed while they are is not among them.
                    pending.forget_committed();
                    let facts = shared.judge.facts_on_mails(arrived.iter().filter_map(Parsed::mail)).await?;
                    seam("facts.read")?;
                    known.insert(facts)
                }
            };
            let ready = independent(arrived.iter().map(Parsed::mail), facts, |key| pending.contains(key));
            if ready == 0 {
                pending.settled().await;
                known = None;
                continue;
            }
            let rest = arrived.split_off(ready);
            number += 1;
            pending.add(number, &arrived);
            let batch = judge_all(&shared, arrived, facts, number).await?;
            if judged.send(batch).await.is_err() {
                return Ok(());
            }
            arrived = rest;
        }
    }
    Ok(())
}

async fn judge_all(shared: &Shared, messages: Vec<Parsed>, facts: &Facts, number: u64) -> Result<Judged, Trouble> {
    let deposit = shared.worker.blobs.deposit();
    let alone = messages.len() == 1;
    let verdicts = stream::iter(messages).map(|message| judge(shared, message, facts, &deposit));
    let verdicts: Vec<_> = verdicts.buffered(AT_ONCE).try_collect().await?;
    deposit.settle().await?;
    let mut judged = Judged { entries: Vec::with_capacity(verdicts.len()), kept: None, number, _permits: Vec::new() };
    for (entries, bytes, permit) in verdicts {
        judged.entries.extend(entries);
        // Of several messages nobody could say which one the database refuses.
        judged.kept = bytes.filter(|_| alone);
        judged._permits.extend(permit);
    }
    Ok(judged)
}

/// The verdict on one message, one for each original that a forward has, its bytes if they were kept, and its share of the
/// budget, by now a smaller one.
pub(super) async fn judge(
    shared: &Shared,
    message: Parsed,
    facts: &Facts,
    deposit: &Deposit<'_>,
) -> Result<(Vec<Entry>, Option<Vec<u8>>, Option<Permit>), Trouble> {
    let Parsed { uid, received, what, mut permit } = message;
    let (mail, bytes) = match what {
        What::Mail(mail, bytes) => (mail, bytes),
        What::Unparsable(reason, bytes) => {
            let entry = casualty(uid, reason, bytes, deposit).await?;
            return Ok((vec![entry], None, None));
        }
        What::Gone => {
            let mut trace = Trace::default();
            trace.found(Finding::GoneFromServer);
            let entry = Entry { uid, outcome: Outcome::Skip(Code::Expunged), trace, message_hash: None };
            return Ok((vec![entry], None, None));
        }
    };
    let mut entries = Vec::with_capacity(1);
    let mut named = HashSet::new();
    for mail in each(*mail) {
        let mut entry = judge_one(shared, uid, mail, bytes.as_deref(), received, facts, deposit).await?;
        if let Outcome::Log(entrant) = &mut entry.outcome {
            // Another original of the same forward may look alike to the minute; its key tells them apart.
            entrant.activity.aliases.retain(|alias| !named.contains(alias));
            named.extend(entrant.activity.aliases.iter().copied().chain([entrant.key]));
        }
        entries.push(entry);
    }
    if let Some(permit) = &mut permit {
        let logged: usize = entries.iter().map(|entry| entry.outcome.bytes()).sum();
        shrink(permit, logged + bytes.as_ref().map_or(0, Vec::len));
    }
    Ok((entries, bytes, permit))
}

async fn judge_one(
    shared: &Shared,
    uid: u32,
    mail: Mail,
    bytes: Option<&[u8]>,
    received: DateTime<Utc>,
    facts: &Facts,
    deposit: &Deposit<'_>,
) -> Result<Entry, Trouble> {
    let message_hash = shared.judge.hash(&mail.envelope);
    let (decision, returned) = shared.judge.decide_at_hand(&mail, received, facts);
    let mut trace = decision.trace;
    let outcome = match decision.verdict {
        Verdict::Log(activity) => {
            let unwrapped = activity.forward.as_ref().is_some_and(|forward| !forward.redirected);
            let mail = if unwrapped { into_original(mail) } else { mail };
            prepare(*activity, mail, received, &shared.worker.config, deposit, &mut trace).await?
        }
        Verdict::Sighting(activity) => {
            Outcome::Sighting(Tie { activity, names: names(&mail.envelope), fills: Vec::new() })
        }
        Verdict::Hold(held) => hold(*held, &mail, bytes, received, deposit).await?,
        Verdict::Skip(Code::VerificationMail) => {
            verification::read(&mail).map_or(Outcome::Skip(Code::VerificationMail), Outcome::Verification)
        }
        Verdict::Skip(code) => returned.map_or(Outcome::Skip(code), Outcome::Bounce),
    };
    Ok(Entry { uid, outcome, trace, message_hash })
}

/// Keeps a forward for a person to settle, with its bytes.
async fn hold(
    held: Held,
    mail: &Mail,
    bytes: Option<&[u8]>,
    received: DateTime<Utc>,
    deposit: &Deposit<'_>,
) -> Result<Outcome, Trouble> {
    let Some(bytes) = bytes else { return Ok(Outcome::Skip(held.code)) };
    let message_id = mail.envelope.message_id.as_ref().map(|id| id.as_str().to_owned());
    let sha256 = deposit.put(bytes.to_vec()).await?.to_string();
    Ok(Outcome::Review(Box::new(Review { held, message_id, sha256, size: bytes.len() as u64, received })))
}

/// Sets a message aside with its bytes.
pub(super) async fn casualty(
    uid: u32,
    reason: String,
    bytes: Vec<u8>,
    deposit: &Deposit<'_>,
) -> Result<Entry, Trouble> {
    let size = Some(bytes.len() as u64);
    let sha256 = Some(deposit.put(bytes).await?.to_string());
    let mut trace = Trace::default();
    trace.found_by(Finding::SetAside, &reason);
    let outcome = Outcome::Quarantine(Casualty { reason, sha256, size });
    Ok(Entry { uid, outcome, trace, message_hash: None })
}

/// The ids of messages that are judged and not yet committed: what refers to one of them has to wait.
struct Pending {
    batches: VecDeque<(u64, HashSet<MessageKey>)>,
    /// The number of the last batch that the commit stage is done with.
    committed: watch::Receiver<u64>,
}

impl Pending {
    fn add(&mut self, number: u64, messages: &[Parsed]) {
        let mails = || messages.iter().filter_map(Parsed::mail);
        let envelopes = mails().map(|mail| &mail.envelope);
        let ids = envelopes.flat_map(|envelope| [&envelope.message_id, &envelope.original_message_id]);
        let ids = ids.flatten().map(MessageKey::of_id).chain(mails().flat_map(forwarding::keys));
        self.batches.push_back((number, ids.collect()));
    }

    fn contains(&self, key: &MessageKey) -> bool {
        self.batches.iter().any(|(_, ids)| ids.contains(key))
    }

    fn forget_committed(&mut self) {
        let committed = *self.committed.borrow();
        self.batches.retain(|(number, _)| *number > committed);
    }

    /// Waits until the commit stage is done with all of them, or gone.
    async fn settled(&mut self) {
        if let Some((last, _)) = self.batches.back() {
            let last = *last;
            let _ = self.committed.wait_for(|committed| *committed >= last).await;
        }
        self.batches.clear();
    }
}

impl Parsed {
    pub(super) fn mail(&self) -> Option<&Mail> {
        match &self.what {
            What::Mail(mail, _) => Some(mail),
            What::Unparsable(..) | What::Gone => None,
        }
    }
}
