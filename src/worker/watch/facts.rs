//! What a decision on mail of a personal inbox knows of it, and what it asks the store.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::part::Part;
use crate::decide::bounce::{Returned, by_header};
use crate::decide::facts::{FactQuery, Facts, WorkspaceFacts, ancestors};
use crate::decide::policy::LoggingRule;
use crate::decide::reply::{self, Seen};
use crate::decide::thread::{Conversation, conversation};
use crate::decide::{Code, Decision, MessageKey, Verdict, decide, forwarding};
use crate::mail::address::Party;
use crate::mail::automatic::Class;
use crate::mail::bounce::{is_delivery_report, is_subject_of_report};
use crate::mail::envelope::Envelope;
use crate::source::{Header, Listed};
use crate::store::StoreError;
use crate::worker::judge::Judge;

/// A message of which only the header is known.
pub(super) struct Looked {
    pub(super) item: Listed,
    pub(super) received: DateTime<Utc>,
    pub(super) envelope: Envelope,
    /// The conversations that the provider puts it in, those of its header included.
    conversations: Vec<Conversation>,
    draft: bool,
    asked_for: bool,
    part: Part,
    /// Of mail in a mailbox of sent mail, the key by which a copy under another id is found (D20, L6).
    sending: Option<MessageKey>,
}

impl Looked {
    /// A listed message and its header. A provider's name for a conversation means something in its account only.
    pub(super) fn new(
        item: Listed,
        header: &Header,
        account: uuid::Uuid,
        gmail: bool,
        now: DateTime<Utc>,
        part: Part,
    ) -> Self {
        let name = if gmail { "X-GM-THRID" } else { "THREADID" };
        let told = header.provider_thread.as_deref().map(|thread| Conversation {
            header: name,
            key: MessageKey::of_conversation(&[name, &account.to_string(), thread]),
        });
        Self {
            item,
            received: item.internal_date.unwrap_or(now),
            envelope: Envelope::parse(&header.bytes),
            conversations: told.into_iter().collect(),
            draft: header.draft,
            asked_for: false,
            part,
            sending: None,
        }
    }

    /// The same in a mailbox of sent mail.
    pub(super) fn sent(self) -> Self {
        Self { sending: MessageKey::of_sending(&self.envelope), ..self }
    }

    /// In a mailbox of sent mail, what a copy under another id is found by.
    pub(super) fn sending(&self) -> Option<MessageKey> {
        self.sending
    }

    /// Whether it reports on a delivery, and its header does not say on which (J12).
    pub(super) fn is_report_on_unnamed(&self, header: &Header) -> bool {
        let Envelope { class, in_reply_to, references, .. } = &self.envelope;
        let unnamed = in_reply_to.is_empty() && references.is_empty();
        *class == Class::Bounce && unnamed && is_delivery_report(&header.bytes)
    }

    /// Has it refer to the message that it encloses, of which `field` is the Message-ID field.
    pub(super) fn encloses(&mut self, field: &[u8]) {
        self.envelope.references.extend(Envelope::parse(field).message_id);
    }

    /// The same, because a user asked for it.
    pub(super) fn asked_for(self) -> Self {
        Self { asked_for: true, ..self }
    }

    /// The ids it has.
    pub(super) fn names(&self) -> impl Iterator<Item = MessageKey> {
        let ids = [&self.envelope.message_id, &self.envelope.original_message_id];
        ids.into_iter().flatten().map(MessageKey::of_id)
    }

    /// The conversations it is in, by the provider and by its header.
    pub(super) fn conversations(&self) -> impl Iterator<Item = MessageKey> {
        self.conversations.iter().map(|one| one.key).chain(conversation(&self.envelope).map(|one| one.key))
    }

    /// What a forward of it would know of it without its sender.
    pub(super) fn moment(&self) -> Option<MessageKey> {
        forwarding::moment(&self.envelope)
    }

    /// Whether all of its header was asked for.
    pub(super) fn is_whole(&self) -> bool {
        self.part == Part::Whole
    }

    /// The logged mail that it reports on, by its header (J12).
    pub(super) fn reports_on(&self, facts: &Facts) -> Option<Returned> {
        let conversations: Vec<Conversation> =
            self.conversations.iter().cloned().chain(conversation(&self.envelope)).collect();
        by_header(&self.envelope, self.received, &conversations, facts)
    }

    /// What it may be tied to a thread by, the nearest first.
    pub(super) fn refers_to(&self) -> Vec<MessageKey> {
        let mut keys = ancestors(&self.envelope);
        keys.extend(self.conversations());
        keys
    }
}

impl Judge {
    /// What the store knows about messages of a personal inbox: one short read for all of them.
    pub(super) async fn facts_on(&self, looked: &[Looked]) -> Result<Facts, StoreError> {
        let mut query = FactQuery::default();
        for one in looked {
            query.add(&one.envelope);
            query.ancestors.extend(one.conversations());
            query.messages.extend(forwarding::fills(&one.envelope).into_iter().chain(one.moment()));
            query.messages.extend(one.sending);
        }
        let mut facts = self.answer(query, looked.iter().flat_map(Looked::conversations)).await?;
        self.store.mark_sendings(&mut facts, self.scope.account, looked.iter().filter_map(|one| one.sending)).await?;
        Ok(facts)
    }

    /// The same for a mail at hand.
    pub(in crate::worker) async fn facts_on_envelope(&self, envelope: &Envelope) -> Result<Facts, StoreError> {
        let mut query = FactQuery::default();
        query.add(envelope);
        let named = conversation(envelope).map(|one| one.key);
        query.ancestors.extend(named);
        self.answer(query, named.into_iter()).await
    }

    async fn answer(
        &self,
        mut query: FactQuery,
        conversations: impl Iterator<Item = MessageKey>,
    ) -> Result<Facts, StoreError> {
        // Who has it connected is asked by its address.
        query.addresses.insert(self.scope.address.folded().to_owned());
        let mut facts = self.store.facts(&self.scope, &query).await?;
        self.store.mark_late(&mut facts).await?;
        let conversations: HashSet<MessageKey> = conversations.collect();
        let mut hit = HashSet::new();
        for workspace in &facts.workspaces {
            hit.extend(conversations.iter().filter_map(|key| workspace.threads.get(key)).map(|thread| thread.id));
        }
        let began: HashMap<_, _> = self.store.began(hit).await?;
        for workspace in &mut facts.workspaces {
            workspace.began.clone_from(&began);
        }
        Ok(facts)
    }

    /// How much of the headers of new mail is asked for at first: where contacts count, it matters who wrote it.
    pub(super) fn first_part(&self) -> Part {
        match &self.policy.inbox {
            Some(inbox) if inbox.rule == LoggingRule::RepliesOnly => Part::Ties,
            _ => Part::Whole,
        }
    }

    /// Folded addresses of those whose being contacts would have a message logged: where contacts count, the sender, or
    /// of mail of one of us the recipients (K2, K3).
    pub(super) fn would_be_logged_on<'a>(
        &self,
        looked: &'a Looked,
        facts: &'a WorkspaceFacts,
    ) -> impl Iterator<Item = &'a str> {
        let counts = self.policy.inbox.as_ref().is_some_and(|inbox| inbox.rule == LoggingRule::KnownContacts);
        let Envelope { from, to, cc, .. } = &looked.envelope;
        let is_ours = |party: &&Party| facts.claims.contains_key(party.address.folded());
        let ours = from.first().filter(is_ours).is_some();
        let sender = from.iter().take(1).filter(move |_| counts && !ours);
        let recipients = to.iter().chain(cc).filter(move |_| counts && ours);
        let people = sender.chain(recipients).filter(move |party| !is_ours(party));
        people.map(|party| party.address.folded())
    }

    /// Whether the verdict on a message depends on more of its header than was asked for.
    pub(super) fn wants_more(&self, looked: &Looked, facts: &Facts) -> bool {
        let sure = |decision: Decision| match decision.verdict {
            Verdict::Log(_) | Verdict::Hold(_) => false,
            Verdict::Sighting(_) => true,
            Verdict::Skip(code) => matches!(code, Code::NotInKnownThread | Code::Draft),
        };
        // A report has a subject of its own; a copy may bring what its message waits for.
        let is_tied = |facts: &WorkspaceFacts| {
            let waits = |key: MessageKey| facts.known.get(&key).is_some_and(|activity| facts.late.contains(activity));
            looked.conversations().any(|key| facts.threads.contains_key(&key)) || looked.names().any(waits)
                // A forward on the timeline may be of this mail.
                || looked.moment().is_some_and(|key| facts.known.contains_key(&key))
        };
        let is_copy = |facts: &WorkspaceFacts| looked.sending.is_some_and(|key| facts.sendings.contains_key(&key));
        let is_tied = |facts: &WorkspaceFacts| is_tied(facts) || is_copy(facts);
        let tied = || facts.workspaces.iter().any(is_tied);
        // Many a mail system refers to what came back in its report only, not in its header.
        let Envelope { in_reply_to, references, subject, .. } = &looked.envelope;
        let may_report = || in_reply_to.is_empty() && references.is_empty() && is_subject_of_report(subject);
        looked.part == Part::Ties && (may_report() || tied() || !sure(self.decide_on(looked, facts)))
    }

    pub(super) fn decide_on(&self, looked: &Looked, facts: &Facts) -> Decision {
        let Looked { envelope, received, conversations, draft, asked_for, item, .. } = looked;
        let size = u64::from(item.size);
        let seen = Seen { envelope, received: *received, size, conversations, draft: *draft, asked_for: *asked_for };
        match &self.policy.inbox {
            Some(inbox) => reply::decide(&self.policy, inbox, &seen, facts),
            None => decide(&self.policy, envelope, *received, facts),
        }
    }
}
