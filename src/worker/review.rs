//! A forward that a person logs by hand: the bytes that were kept, with the sender that the person names (B24).

use entity::{mailbox, review};
use tokio_util::sync::CancellationToken;

use super::Worker;
use super::intake::Intake;
use super::parse_stage::{What, parse};
use super::prepare::prepare;
use crate::attachments::Sha256Hex;
use crate::decide::decision::Attribution;
use crate::decide::{Code, Trace, forwarding};
use crate::mail::address::{Address, Party};
use crate::mail::forwarded::into_original;
use crate::mail::message::Mail;
use crate::store::commit::{Entry, Outcome};
use crate::trouble::Trouble;

impl Worker {
    /// Logs a waiting forward on `contact`. What is on a never-log list, or one of us, is refused: the code says so, and the
    /// forward waits on.
    pub async fn assign(&self, row: &review::Model, contact: Party) -> Result<Code, Trouble> {
        let (account, mailbox) = self.store.place_of_review(row).await?;
        let place = mailbox::Model { uid_validity: row.uid_validity, ..mailbox };
        let intake = Intake::new(self, &account, &place, &CancellationToken::new()).await?;
        let name =
            Sha256Hex::parse(&row.sha256).ok_or_else(|| Trouble::operator("the name of its bytes is damaged"))?;
        let bytes = self.blobs.get(&name).await?.to_vec();
        let What::Mail(mail, _) = parse(bytes, intake.shared.wants(false)) else {
            return Err(Trouble::operator("the mail cannot be read"));
        };
        match intake.assigned(row, *mail, contact).await? {
            Ok(entry) => Ok(intake.replace(vec![entry]).await?),
            Err(code) => Ok(code),
        }
    }
}

impl Intake {
    async fn assigned(&self, row: &review::Model, mail: Mail, contact: Party) -> Result<Result<Entry, Code>, Trouble> {
        let shared = &self.shared;
        let read = mail.forward.as_deref().and_then(|forward| forward.as_ref().ok());
        let note = read.and_then(|forwarded| forwarded.note.clone());
        // Some programs print the sender's name alone (B22).
        let printed = read.and_then(|forwarded| forwarded.original().from.name.clone());
        let contact = Party { name: contact.name.or(printed), ..contact };
        let by = Address::parse(&row.forwarder).map(|address| Party { name: None, address });
        let by = by.ok_or_else(|| Trouble::operator("the forwarder's address is damaged"))?;
        let message_hash = shared.judge.hash(&mail.envelope);
        let mut mail = into_original(mail);
        mail.envelope.from = vec![contact];
        let facts = shared.judge.facts(std::iter::once(&mail.envelope)).await?;
        let facts = facts.workspaces.iter().find(|facts| facts.id == row.workspace_id);
        let facts = facts.ok_or_else(|| Trouble::operator("the mailbox no longer serves the workspace"))?;
        let user = row.user_id.zip(Attribution::parse(&row.attribution));
        let mut trace = Trace::default();
        let policy = &shared.judge.policy;
        let activity = forwarding::assigned(policy, &mail.envelope, (&by, user), note, facts, &mut trace);
        let activity = match activity {
            Ok(activity) => activity,
            Err(code) => return Ok(Err(code)),
        };
        let deposit = shared.worker.blobs.deposit();
        let outcome = prepare(activity, mail, row.received_at, &shared.worker.config, &deposit, &mut trace).await?;
        deposit.settle().await?;
        let uid = u32::try_from(row.uid).unwrap_or_default();
        Ok(match outcome {
            Outcome::Skip(code) => Err(code),
            outcome => Ok(Entry { uid, outcome, trace, message_hash }),
        })
    }
}
