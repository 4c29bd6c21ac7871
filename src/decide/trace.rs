//! How a decision was reached: one step a finding, each with its evidence and the rule it applies.

use serde::{Deserialize, Serialize};

/// The steps of a decision, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trace(Vec<Step>);

/// One finding and what it was seen by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was found.
    #[serde(rename = "f")]
    pub finding: Finding,
    /// What it was found by: an address, a header's value, a number. Never kept for mail that is not logged.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl Trace {
    /// The steps of a copy of a message that was logged a moment before, which were to log it.
    pub fn of_copy(logged: &Self) -> Self {
        let mut trace = Self(logged.0.iter().take(1).cloned().collect());
        trace.found(Finding::KnownMessage);
        trace
    }

    /// Adds a step without evidence.
    pub fn found(&mut self, finding: Finding) {
        self.0.push(Step { finding, evidence: None });
    }

    /// Adds a step with what it was found by.
    pub fn found_by(&mut self, finding: Finding, evidence: impl Into<String>) {
        self.0.push(Step { finding, evidence: Some(evidence.into()) });
    }

    /// The steps of verdicts on several originals of one forward: what they have in common, then what each has of its own.
    pub fn join(&mut self, next: &Self) {
        let common = |(a, b): &(&Step, &Step)| a.finding == b.finding && a.finding != Finding::MessageAttached;
        let alike = self.0.iter().zip(&next.0).take_while(common).count();
        self.0.extend(next.0.iter().skip(alike).cloned());
    }

    /// Whether this was found.
    pub fn has(&self, finding: Finding) -> bool {
        self.0.iter().any(|step| step.finding == finding)
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The same steps without evidence: what may be kept of mail that is not logged (design, invariant 6).
    pub fn without_evidence(&self) -> Self {
        Self(self.0.iter().map(|step| Step { finding: step.finding, evidence: None }).collect())
    }
}

impl Step {
    /// The step as a sentence that ends with the rule it applies.
    pub fn sentence(&self) -> String {
        let says = self.finding.sentence();
        let rule = self.finding.rule();
        match &self.evidence {
            Some(evidence) => format!("{says}: {evidence} [{rule}]"),
            None => format!("{says} [{rule}]"),
        }
    }
}

macro_rules! findings {
    ($($(#[$doc:meta])* $name:ident, $rule:literal, $says:literal;)*) => {
        /// Everything a decision can find. Each carries the rule of the specification that it applies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Finding {
            $(#[doc = $says] $name,)*
        }

        impl Finding {
            /// The rules of the specification this finding applies.
            pub fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)* }
            }

            /// The finding in words, without its evidence.
            pub fn sentence(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }
        }
    };
}

findings! {
    ReadFromBccMailbox, "A3", "The mail reached the mailbox behind the BCC address";
    ReadFromForwardingMailbox, "B3", "The mail reached the mailbox behind the forwarding address";
    ReadFromInbox, "D3", "The mail is in a connected personal inbox";
    AskedFor, "K6", "A user asked for this mail to be logged";
    DraftMail, "D19", "The mail is a draft and was not sent";
    WorkspaceIsOnlyOne, "A18", "The mailbox serves one workspace";
    WorkspaceByAddress, "A18", "The workspace is the one whose log address the mail was delivered to";
    WorkspaceBySender, "A18", "The workspace is the only one in which the sender is a user";
    WorkspaceUnclear, "A18", "Neither the delivery address nor the sender tells which workspace the mail is for";
    KnownMessage, "D20", "The same message is already on the timeline; this copy is one more sighting";
    KnownUnderAnotherId, "D20, L6", "It has another id, and the sender, second, subject and recipients of a mail on the timeline";
    OwnNotice, "H9", "The mail is a notice that mailtrail itself sent";
    NoSender, "A12", "The mail has no sender address";
    SenderIsTeamAddress, "C4", "The sender is a team address, which counts for the user who connected it";
    SenderIsConnected, "C2(1)", "Exactly one user has the sender as connected personal address";
    SenderIsLogin, "C2(2)", "Exactly one user has the sender as login address";
    SenderIsAlias, "C2(3)", "Exactly one user has the sender as alias";
    SenderConnectedLongest, "C2(4)", "Several users have the sender connected; it counts for the one who has it longest";
    SenderAmbiguous, "C6", "Several users could be the sender and no rule tells them apart";
    SenderUnknown, "A12", "The sender is no user of the workspace";
    SenderInactive, "C7", "The sender belongs to a user who is not active";
    SeatMayNotLog, "A11b", "The sender's seat may not log mail";
    SenderConfirmed, "L13", "The receiving server confirmed the sender";
    SenderRefuted, "L13", "The receiving server's results do not confirm the sender";
    SenderUnchecked, "L13", "The receiving server stamped no results about the sender";
    SenderCheckOff, "L13", "The sender is not checked, by configuration";
    ThreadReply, "A14", "The sender is no user, but the mail replies on a logged thread";
    ThreadSubjectChanged, "D4", "The mail refers to a logged thread under another subject";
    ThreadKnown, "D18, D4", "The mail belongs to a logged thread of the same subject by an id it refers to";
    ThreadTrusted, "L1", "The subject is another, but In-Reply-To names a logged mail, which is enough by configuration";
    ThreadByProvider, "D18, D4", "The provider puts the mail into a conversation with a logged thread of the same subject";
    ThreadUnknown, "D5, D6", "Nothing that the mail refers to is on the timeline";
    InboxNotConnected, "D2(c)", "The inbox was not connected";
    InboxGap, "J15", "The mail came while the inbox was not connected, and such mail is not logged, by configuration";
    InboxUserInactive, "D2(d)", "The user whose inbox it is is not active";
    InboxSeat, "G1", "The seat of the user whose inbox it is may not log mail";
    FollowUp, "D19", "One of us sent it on a logged thread";
    NobodyOfThread, "L17", "Nobody of the thread is among its recipients";
    ContactKnown, "K2", "The mail is from a contact, and all mail with contacts is logged, by configuration";
    NoKnownContact, "K3", "No contact has to do with the mail";
    BounceOfLogged, "J12", "The mail reports that a logged mail was not delivered";
    SenderIsParticipant, "D22", "The sender takes part in the thread";
    SenderInternal, "F9", "The sender is one of us by its domain, but no user";
    SenderNewToThread, "D10", "The sender is new to the thread";
    LogAddressSkipped, "A13", "A log address is never a recipient";
    ColleagueSkipped, "A13", "A user's address never becomes a contact";
    InternalSkipped, "F9", "An address of an own domain never becomes a contact";
    NeverLogSkipped, "F4", "The recipient is on a never-log list";
    NeverLogWhole, "F10", "A participant is on a never-log list, and the policy covers the whole message";
    RoleAddressSkipped, "L12", "A role address does not become a contact";
    NoDomainSkipped, "E5", "An address without a whole domain name, which nobody else can reach, does not become a contact";
    DeletedSkipped, "E11", "The contact was deleted and does not come back by itself";
    NotCreated, "D13", "A recipient without a contact does not become one here";
    CcNotCreated, "L21", "A Cc recipient without a contact does not become one, by configuration";
    OverRecipientLimit, "A21", "Recipients over the limit are not associated";
    RecipientTo, "A5, A6", "To recipient, associated (a contact is made where there is none)";
    RecipientCc, "A7", "Cc recipient, associated (a contact is made where there is none)";
    NobodyLeft, "A15", "Nobody is left to log the mail on";
    OnlyNeverLog, "F3", "Everybody left is on a never-log list";
    OnlyInternal, "F9", "Everybody it went to is one of us";
    AutomaticMail, "L11", "The mail was sent by a program";
    AutomaticRefused, "L11", "The mail was sent by a program, and the policy is not to log such mail";
    BounceRefused, "J12", "The mail reports on the delivery of another and is no reply";
    DateMissing, "B21", "The date is missing or impossible; the time of arrival stands in";
    BodyTruncated, "H5", "The body is over its limit and was cut";
    BodyRefused, "H5", "The body is over its limit, and the policy is to refuse";
    AttachmentDropped, "H1, H8", "An attachment over the limit was left out, its name and size kept";
    AttachmentPending, "H7", "An attachment is still being scanned; the message is looked at again until it is there";
    AttachmentsCame, "H7", "The attachments came later and were added";
    AttachmentsNeverCame, "H7", "The attachments did not come in time; nobody looks for them any more";
    TooLarge, "H", "The message is over the size limit";
    BeforeStart, "J13", "The mail arrived before the day the account starts from";
    GoneFromServer, "3501", "The message left the server before it was fetched";
    SetAside, "L16", "The message could not be processed and is in quarantine";
    ProviderAsks, "I13", "A provider asks whether mail may be forwarded here; its code or link is with the account";
    PartMissing, "B11", "The forward has not both a plain text and an HTML part, which are wanted by configuration";
    MessageAttached, "B23", "The original is attached; its header is exact";
    MessageAlsoAttached, "B23", "More messages are attached than are logged of one forward (20); those beyond are kept as attachments of the first";
    BlockFound, "B9, B16", "The header block of a forwarded message was found";
    BlockMissing, "B9", "No header block of a forwarded message is in the body";
    BlockInReply, "B9", "The mail answers a message and quotes it; it forwards none";
    BlockQuoted, "B26", "The only header block is within the quoted history of another message";
    BlockUnsure, "B9", "There is a header block, but nothing says that the message was forwarded";
    BlockUnknownWords, "B10", "The header block is in words that no table has";
    BlockWithoutSender, "B22", "The header block names nobody as sender";
    BlockSeveralSenders, "B14", "The header block names several senders";
    BlockPartsDisagree, "B14", "Plain text and HTML do not name the same sender";
    BlockHidden, "B14", "The header block is in text that a reader does not see";
    BlockTooMany, "B14", "So many lines look like a header that none can be trusted";
    OriginalSender, "B4", "The original sender";
    OriginalWithoutAddress, "B22", "The original sender is named without an address";
    OriginalOfOurs, "B12", "One of us wrote the forwarded message";
    OriginalOfOursLogged, "B12", "One of us wrote the forwarded message; it is logged on its recipients, by configuration";
    OriginalDate, "B21", "The original's date, as printed";
    OriginalDateUnread, "B21", "The original's date is missing or cannot be read; that of the forward stands in";
    OriginalKnown, "D20", "The forwarded message is already on the timeline; this is one more sighting";
    OriginalSeen, "D20", "The mail is the original of a forward that is on the timeline; this is one more sighting";
    OriginalListed, "B5", "The original sender is on a never-log list";
    OriginalCreated, "B5", "The original sender is logged on (a contact is made where there is none)";
    OriginalOthers, "B8", "A further recipient of the original is a contact, and is associated; none is made";
    Redirected, "I5", "The mail was redirected, not forwarded: it belongs to its own sender";
    RedirectedByNobody, "I5", "The mail was redirected, but by none of us";
    RedirectConfirmed, "I5, L13", "The receiving server confirmed that the mail came by way of a domain of ours";
    RedirectUnverified, "I5, L13", "That one of us redirected it, only its header says";
    RedirectedTooLarge, "H6", "The redirected mail is over the size limit of such mail";
    RedirectedByUs, "I5", "One of us redirected it";
    AutomaticNotCreated, "L11", "A program sent it, and such mail makes no contact";
    AssignedByHand, "B24", "A user said whose mail it is";
    HeldForReview, "B24", "The mail is kept in the review queue, and its forwarder is told";
    Logged, "A3", "Logged";
}
