//! What tells the providers apart: capability lines, greetings, folders and wordings.

use super::mailbox::Kind;

/// Whose server this one behaves like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `imap.gmail.com`: X-GM-EXT-1, All Mail as a view, no QRESYNC.
    Gmail,
    /// Exchange Online: no CONDSTORE, no SPECIAL-USE announced, localised names, estimated sizes.
    Exchange,
    /// A server of one's own: CONDSTORE, SPECIAL-USE, IDLE, ID.
    Plain,
}

/// One mailbox a new user has: name, attributes, kind.
pub(crate) type Folder = (&'static str, &'static [&'static str], Kind);

const LEAF: &str = "\\HasNoChildren";

const GMAIL_FOLDERS: &[Folder] = &[
    ("INBOX", &[LEAF], Kind::Mail),
    ("[Gmail]", &["\\HasChildren", "\\Noselect"], Kind::NoSelect),
    ("[Gmail]/All Mail", &["\\All", LEAF], Kind::AllMail),
    ("[Gmail]/Drafts", &["\\Drafts", LEAF], Kind::Mail),
    ("[Gmail]/Important", &[LEAF, "\\Important"], Kind::Mail),
    ("[Gmail]/Sent Mail", &[LEAF, "\\Sent"], Kind::Mail),
    ("[Gmail]/Spam", &[LEAF, "\\Junk"], Kind::Apart),
    ("[Gmail]/Starred", &["\\Flagged", LEAF], Kind::Mail),
    ("[Gmail]/Trash", &[LEAF, "\\Trash"], Kind::Apart),
];

const EXCHANGE_FOLDERS: &[Folder] = &[
    ("INBOX", &["\\Marked", LEAF], Kind::Mail),
    ("Arkiv", &[LEAF], Kind::Mail),
    ("Borttaget", &[LEAF, "\\Trash"], Kind::Apart),
    ("Kalender", &[LEAF], Kind::NotMail),
    ("Kontakter", &[LEAF], Kind::NotMail),
    ("Skickat", &[LEAF, "\\Sent"], Kind::Mail),
    ("Skräppost", &[LEAF, "\\Junk"], Kind::Apart),
    ("Synkroniseringsproblem", &[LEAF], Kind::NotMail),
    ("Utkast", &[LEAF, "\\Drafts"], Kind::Mail),
];

const PLAIN_FOLDERS: &[Folder] = &[
    ("INBOX", &[LEAF], Kind::Mail),
    ("Archive", &[LEAF, "\\Archive"], Kind::Mail),
    ("Drafts", &[LEAF, "\\Drafts"], Kind::Mail),
    ("Junk", &[LEAF, "\\Junk"], Kind::Apart),
    ("Sent", &[LEAF, "\\Sent"], Kind::Mail),
    ("Trash", &[LEAF, "\\Trash"], Kind::Apart),
];

impl Profile {
    /// The mailbox where this provider keeps what the user sent.
    pub fn sent(self) -> &'static str {
        self.named("\\Sent")
    }

    /// The mailbox of drafts.
    pub fn drafts(self) -> &'static str {
        self.named("\\Drafts")
    }

    /// The mailbox of unwanted mail.
    pub fn junk(self) -> &'static str {
        self.named("\\Junk")
    }

    /// The mailbox of deleted mail.
    pub fn trash(self) -> &'static str {
        self.named("\\Trash")
    }

    pub(crate) fn folders(self) -> &'static [Folder] {
        match self {
            Self::Gmail => GMAIL_FOLDERS,
            Self::Exchange => EXCHANGE_FOLDERS,
            Self::Plain => PLAIN_FOLDERS,
        }
    }

    /// Exchange: a small constant for every mailbox; the others: one of its own for each.
    pub(crate) fn uid_validity(self, index: u32) -> u32 {
        match self {
            Self::Gmail => index + 1,
            Self::Exchange => 14,
            Self::Plain => 1_700_000_000 + index,
        }
    }

    pub(crate) fn condstore(self) -> bool {
        self != Self::Exchange
    }

    /// Gmail and Plain explain a refused token in a challenge; Exchange does not.
    pub(crate) fn challenges(self) -> bool {
        self != Self::Exchange
    }

    pub(crate) fn greeting(self) -> &'static str {
        match self {
            Self::Gmail => "* OK Gimap ready for requests from 127.0.0.1 a640c23a62f3a",
            Self::Exchange => {
                "* OK The Microsoft Exchange IMAP4 service is ready. [TABPADIAUAAxADIAMwBDAEEAMAAxADIAMwAuAGUAeABhAG0AcABsAGUA]"
            }
            Self::Plain => "* OK ready",
        }
    }

    pub(crate) fn capabilities(self, logged_in: bool) -> &'static str {
        match (self, logged_in) {
            (Self::Gmail, false) => {
                "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER AUTH=XOAUTH"
            }
            (Self::Gmail, true) => {
                "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584"
            }
            (Self::Exchange, false) => {
                "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
            }
            (Self::Exchange, true) => {
                "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+"
            }
            (Self::Plain, false) => "IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE AUTH=PLAIN AUTH=XOAUTH2",
            (Self::Plain, true) => {
                "IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE UNSELECT CHILDREN SPECIAL-USE LIST-EXTENDED CONDSTORE"
            }
        }
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Gmail => "* ID (\"name\" \"GImap\" \"vendor\" \"Google, Inc.\" \"remote-host\" \"127.0.0.1\")",
            Self::Exchange => "* ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.20\")",
            Self::Plain => "* ID (\"name\" \"provider\")",
        }
    }

    pub(crate) fn login_refused(self, verb: &str) -> String {
        match self {
            Self::Gmail => "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)".to_owned(),
            Self::Exchange => format!("NO {verb} failed."),
            Self::Plain => "NO [AUTHENTICATIONFAILED] Authentication failed.".to_owned(),
        }
    }

    pub(crate) fn unknown_command(self) -> &'static str {
        match self {
            Self::Gmail => "BAD Unknown command a640c23a62f3a",
            Self::Exchange => "BAD Command Error. 12",
            Self::Plain => "BAD Unknown command.",
        }
    }

    pub(crate) fn bad_arguments(self) -> &'static str {
        match self {
            Self::Gmail => "BAD Could not parse command",
            Self::Exchange => "BAD Command Argument Error. 11",
            Self::Plain => "BAD Error in the arguments of the command.",
        }
    }

    pub(crate) fn no_such_mailbox(self) -> &'static str {
        match self {
            Self::Gmail => "NO [NONEXISTENT] Unknown Mailbox (Failure)",
            Self::Exchange => "NO The mailbox doesn't exist.",
            Self::Plain => "NO [NONEXISTENT] Mailbox doesn't exist.",
        }
    }

    /// The words after a command that was too much.
    pub(crate) fn throttled(self, milliseconds: u64) -> String {
        match self {
            Self::Gmail => "OK Success [THROTTLED]".to_owned(),
            Self::Exchange => format!("BAD Request is throttled. Suggested Backoff Time: {milliseconds} milliseconds"),
            Self::Plain => "NO [LIMIT] Too many commands, slow down.".to_owned(),
        }
    }

    pub(crate) fn over_quota(self) -> String {
        match self {
            Self::Gmail => "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)".to_owned(),
            other => other.throttled(92_415),
        }
    }

    pub(crate) fn session_expired(self) -> &'static str {
        match self {
            Self::Gmail => "Session expired, please login again.",
            Self::Exchange => "Session invalidated - AccessTokenExpired",
            Self::Plain => "Session expired.",
        }
    }

    fn named(self, attribute: &str) -> &'static str {
        let folder = self.folders().iter().find(|(_, attributes, _)| attributes.contains(&attribute));
        folder.map_or("INBOX", |(name, ..)| name)
    }
}
