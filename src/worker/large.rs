//! A large message: its header decides whether its body is worth fetching.

use super::account::until;
use super::intake::{Intake, Shared};
use super::judge_stage::casualty;
use super::parse_stage::{Wants, What};
use super::parser::Parser;
use super::prepare::prepare;
use crate::decide::bounce::{Returned, by_header, by_report};
use crate::decide::decision::{Activity, Direction};
use crate::decide::facts::names;
use crate::decide::{Code, Facts, Finding, Trace, Verdict};
use crate::mail::automatic::Class;
use crate::mail::envelope::{Envelope, FIELDS};
use crate::mail::message::Mail;
use crate::source::{Bodies, Body, Listed, Permit, Session};
use crate::store::commit::watched::Tie;
use crate::store::commit::{Committed, Entry, Outcome};
use crate::trouble::Trouble;
use chrono::{DateTime, Utc};

impl Intake {
    /// Header, decision, and only for a mail that is logged the body, in slices.
    pub(super) async fn large(&mut self, session: &mut Session, run: &[Listed]) -> Result<Committed, Trouble> {
        let Some(item) = run.first() else { return Ok(Committed::default()) };
        let stop = self.stop.clone();
        let committed = match until(&stop, self.judge_large(session, item)).await {
            Ok(entries) => match self.commit(entries).await {
                Err(Trouble::Message { reason, .. }) => self.set_refused_aside(session, item, reason).await,
                committed => committed,
            },
            Err(trouble) => Err(trouble),
        };
        match committed {
            Ok(done) => Ok(done),
            Err(trouble) => Err(self.blame(session, run, trouble).await),
        }
    }

    /// Sets a message aside that the database will not take, with its bytes, which are fetched once more: to hold them
    /// during every commit of a large message would double the memory that it takes.
    async fn set_refused_aside(
        &mut self,
        session: &mut Session,
        item: &Listed,
        reason: String,
    ) -> Result<Committed, Trouble> {
        let stop = self.stop.clone();
        let entry = match until(&stop, self.fetch(session, item)).await? {
            Some((bytes, _permit)) => {
                let deposit = self.shared.worker.blobs.deposit();
                let reason = format!("The database refuses the message: {reason}");
                let entry = casualty(item.uid, reason, bytes, &deposit).await?;
                deposit.settle().await?;
                entry
            }
            None => gone(item.uid),
        };
        self.commit(vec![entry]).await
    }

    pub(super) async fn judge_large(&self, session: &mut Session, item: &Listed) -> Result<Vec<Entry>, Trouble> {
        let uid = item.uid;
        let headers = session.headers(&[uid], FIELDS).await?;
        let Some(header) = headers.first() else {
            return Ok(vec![missing(session, uid).await?]);
        };
        let envelope = Envelope::parse(&header.bytes);
        let received = item.internal_date.unwrap_or_else(|| self.shared.worker.clock.now());
        let facts = self.shared.judge.facts(std::iter::once(&envelope)).await?;
        let Some(decision) = self.shared.judge.decide_by_header(&envelope, item.size, received, &facts) else {
            return self.read_whole(session, item).await;
        };
        let message_hash = self.shared.judge.hash(&envelope);
        let trace = decision.trace;
        let activity = match decision.verdict {
            Verdict::Log(activity) => activity,
            Verdict::Sighting(activity) => {
                let outcome = Outcome::Sighting(Tie { activity, names: names(&envelope), fills: Vec::new() });
                return Ok(vec![Entry { uid, outcome, trace, message_hash }]);
            }
            Verdict::Skip(_) if self.may_report(&envelope, received, &facts) => {
                return self.read_whole(session, item).await;
            }
            Verdict::Hold(held) => {
                return Ok(vec![Entry { uid, outcome: Outcome::Skip(held.code), trace, message_hash }]);
            }
            Verdict::Skip(code) => {
                return Ok(vec![Entry { uid, outcome: Outcome::Skip(code), trace, message_hash }]);
            }
        };
        let Some((bytes, _permit)) = self.fetch(session, item).await? else { return Ok(vec![gone(uid)]) };
        Ok(vec![keep(&self.shared, uid, received, *activity, trace, bytes).await?])
    }

    /// Whether a mail may report on a logged one, and may be opened for that: in an inbox, what its header ties to one (J12).
    fn may_report(&self, envelope: &Envelope, received: DateTime<Utc>, facts: &Facts) -> bool {
        let dedicated = self.shared.judge.policy.inbox.is_none();
        envelope.class == Class::Bounce && (dedicated || by_header(envelope, received, &[], facts).is_some())
    }

    /// The verdict on a message that its header does not settle.
    async fn read_whole(&self, session: &mut Session, item: &Listed) -> Result<Vec<Entry>, Trouble> {
        let Some((bytes, _permit)) = self.fetch(session, item).await? else { return Ok(vec![gone(item.uid)]) };
        let received = item.internal_date.unwrap_or_else(|| self.shared.worker.clock.now());
        self.judge_kept(item.uid, bytes, received).await
    }

    /// The whole message with its share of the memory for large ones, or `None` when it left the server.
    pub(super) async fn fetch(
        &self,
        session: &mut Session,
        item: &Listed,
    ) -> Result<Option<(Vec<u8>, Permit)>, Trouble> {
        let (bodies, mut arriving) = Bodies::channel(&self.shared.worker.memory_for_large);
        let wanted = [*item];
        let (fetched, body) = tokio::join!(
            async {
                let fetched = session.bodies(&wanted, &bodies).await;
                drop(bodies);
                fetched
            },
            arriving.recv()
        );
        fetched?;
        Ok(match body {
            Some(Body::Arrived { bytes, permit, .. }) => Some((bytes, permit)),
            Some(Body::Gone { .. }) | None => None,
        })
    }
}

/// What becomes of a message whose body was fetched after its verdict. Its blobs are on the disk afterwards.
pub(super) async fn keep(
    shared: &Shared,
    uid: u32,
    received: DateTime<Utc>,
    activity: Activity,
    mut trace: Trace,
    bytes: Vec<u8>,
) -> Result<Entry, Trouble> {
    let deposit = shared.worker.blobs.deposit();
    let entry = match Parser::one(bytes, Wants::default()).await {
        What::Mail(mail, _) => {
            let message_hash = shared.judge.hash(&mail.envelope);
            if let Some(outcome) = report_after_all(&mail, &activity, &mut trace) {
                return Ok(Entry { uid, outcome, trace, message_hash });
            }
            let outcome = prepare(activity, *mail, received, &shared.worker.config, &deposit, &mut trace).await?;
            Entry { uid, outcome, trace, message_hash }
        }
        What::Unparsable(reason, bytes) => casualty(uid, reason, bytes, &deposit).await?,
        What::Gone => gone(uid),
    };
    deposit.settle().await?;
    Ok(entry)
}

/// What becomes of a mail that is a report by its text, though its header looked like a contact's reply (J12).
fn report_after_all(mail: &Mail, activity: &Activity, trace: &mut Trace) -> Option<Outcome> {
    let bounce = mail.bounce.as_ref()?;
    if activity.direction != Direction::Incoming || trace.has(Finding::AskedFor) {
        return None;
    }
    trace.found(Finding::BounceRefused);
    let about = Returned { workspace: activity.workspace, names: activity.ancestors.clone() };
    Some(by_report(bounce, about).map_or(Outcome::Skip(Code::Bounce), Outcome::Bounce))
}

/// What becomes of a report on a logged mail once its text is known, which tells whether that came back for good.
pub(super) async fn read_report(
    shared: &Shared,
    uid: u32,
    about: Returned,
    trace: Trace,
    bytes: Vec<u8>,
) -> Result<Entry, Trouble> {
    let mail = match Parser::one(bytes, Wants::default()).await {
        What::Mail(mail, _) => mail,
        What::Unparsable(..) | What::Gone => {
            return Ok(Entry { uid, outcome: Outcome::Skip(Code::Bounce), trace, message_hash: None });
        }
    };
    let returned = mail.bounce.as_ref().and_then(|bounce| by_report(bounce, about));
    let outcome = returned.map_or(Outcome::Skip(Code::Bounce), Outcome::Bounce);
    Ok(Entry { uid, outcome, trace, message_hash: shared.judge.hash(&mail.envelope) })
}

/// No header came: the message left the server, or the server cannot read it.
async fn missing(session: &mut Session, uid: u32) -> Result<Entry, Trouble> {
    if session.uids(uid, Some(uid)).await?.is_empty() {
        return Ok(gone(uid));
    }
    Err(Trouble::Message { uid, reason: "the server has the message, but does not hand it out".to_owned() })
}

pub(super) fn gone(uid: u32) -> Entry {
    let mut trace = Trace::default();
    trace.found(Finding::GoneFromServer);
    Entry { uid, outcome: Outcome::Skip(Code::Expunged), trace, message_hash: None }
}
