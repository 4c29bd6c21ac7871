//! What a server answers, in our own types: the only place that knows imap-proto's.

use async_imap::imap_proto::{
    AttributeValue, Capability, MailboxDatum, MessageSection, Response, ResponseCode, SectionPath, Status,
    StatusAttribute,
};
use chrono::{DateTime, Utc};

use super::mailboxes::MailboxInfo;
use super::response_code::Notice;
use crate::source::plan::Selected;

/// One answer of the server.
#[derive(Debug)]
pub(super) enum Answer {
    Fetch(Fetched),
    /// SEARCH; one command may have several.
    Numbers(Vec<u32>),
    Mailbox(MailboxInfo),
    /// STATUS: what was asked about a mailbox.
    Status(Selected),
    Exists(u32),
    Expunged,
    UidValidity(u32),
    UidNext(u32),
    HighestModseq(u64),
    Capabilities(Vec<String>),
    Greeting(Standing),
    /// `+`, with its text.
    Continue(String),
    Bye(Notice),
    Done(Done),
    /// Anything we have no use for.
    Other,
}

/// How a server greets (RFC 3501 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Unknown,
    PreAuthenticated,
}

/// A tagged result.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) tag: String,
    pub(super) status: Tagged,
    pub(super) notice: Notice,
    /// Capabilities told along with it.
    pub(super) capabilities: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tagged {
    Ok,
    No,
    Bad,
}

/// The attributes of one message that we ask for.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) uid: Option<u32>,
    pub(super) size: Option<u32>,
    pub(super) dated: bool,
    pub(super) internal_date: Option<DateTime<Utc>>,
    /// The value of `BODY[HEADER…]`.
    pub(super) header: Option<Vec<u8>>,
    /// The value of `BODY[3.HEADER…]`: of a message within the message.
    pub(super) enclosed: Option<Vec<u8>>,
    /// The value of `BODY[]`, and where it begins if it is a slice.
    pub(super) body: Option<(Option<u32>, Vec<u8>)>,
    pub(super) provider_message: Option<String>,
    pub(super) provider_thread: Option<String>,
    /// Whether it is flagged as a draft.
    pub(super) draft: bool,
}

impl Answer {
    pub(super) fn of(response: &Response<'_>) -> Self {
        match response {
            Response::Fetch(_, attributes) => Self::Fetch(Fetched::of(attributes)),
            Response::MailboxData(MailboxDatum::Search(numbers)) => Self::Numbers(numbers.clone()),
            Response::MailboxData(MailboxDatum::List(data)) => Self::Mailbox(MailboxInfo::of(data)),
            Response::MailboxData(MailboxDatum::Exists(count)) => Self::Exists(*count),
            Response::MailboxData(MailboxDatum::Status { status, .. }) => Self::Status(status_of(status)),
            Response::Expunge(_) => Self::Expunged,
            Response::Capabilities(list) => Self::Capabilities(names(list)),
            Response::Continue(outcome) => {
                Self::Continue(outcome.information.as_deref().unwrap_or_default().to_owned())
            }
            Response::Data { status: Status::Bye, outcome } => Self::Bye(Notice::of(outcome)),
            Response::Data { status: Status::PreAuth, .. } => Self::Greeting(Standing::PreAuthenticated),
            Response::Data { status, outcome } => match &outcome.code {
                Some(ResponseCode::UidValidity(value)) => Self::UidValidity(*value),
                Some(ResponseCode::UidNext(value)) => Self::UidNext(*value),
                Some(ResponseCode::HighestModSeq(value)) => Self::HighestModseq(*value),
                Some(ResponseCode::Capabilities(list)) => Self::Capabilities(names(list)),
                _ if *status == Status::Ok => Self::Greeting(Standing::Unknown),
                _ => Self::Other,
            },
            Response::Done { tag, status, outcome } => Self::Done(Done {
                tag: tag.0.clone(),
                status: match status {
                    Status::Ok => Tagged::Ok,
                    Status::No => Tagged::No,
                    _ => Tagged::Bad,
                },
                notice: Notice::of(outcome),
                capabilities: match &outcome.code {
                    Some(ResponseCode::Capabilities(list)) => Some(names(list)),
                    _ => None,
                },
            }),
            _ => Self::Other,
        }
    }
}

fn status_of(attributes: &[StatusAttribute]) -> Selected {
    let mut selected = Selected::default();
    for attribute in attributes {
        match attribute {
            StatusAttribute::Messages(count) => selected.exists = *count,
            StatusAttribute::UidNext(uid) => selected.uid_next = Some(*uid),
            StatusAttribute::UidValidity(epoch) => selected.uid_validity = *epoch,
            StatusAttribute::HighestModSeq(modseq) => selected.highest_modseq = Some(*modseq),
            _ => {}
        }
    }
    selected
}

fn names(capabilities: &[Capability<'_>]) -> Vec<String> {
    let name = |capability: &Capability<'_>| match capability {
        Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
        Capability::Auth(mechanism) => format!("AUTH={mechanism}"),
        Capability::Atom(name) => name.to_string(),
    };
    capabilities.iter().map(name).collect()
}

impl Fetched {
    fn of(attributes: &[AttributeValue<'_>]) -> Self {
        let mut fetched = Self::default();
        for attribute in attributes {
            match attribute {
                AttributeValue::Uid(uid) => fetched.uid = Some(*uid),
                AttributeValue::Rfc822Size(size) => fetched.size = Some(*size),
                AttributeValue::InternalDate(date) => {
                    fetched.dated = true;
                    fetched.internal_date = internal_date(date);
                }
                // NIL is a message without content, not the lack of a message.
                AttributeValue::BodySection { section: None, index, data } => {
                    fetched.body = Some((*index, data.as_deref().unwrap_or_default().to_vec()));
                }
                AttributeValue::BodySection {
                    section: Some(SectionPath::Full(MessageSection::Header)), data, ..
                } => {
                    fetched.header = Some(data.as_deref().unwrap_or_default().to_vec());
                }
                AttributeValue::BodySection {
                    section: Some(SectionPath::Part(_, Some(MessageSection::Header))),
                    data: Some(data),
                    ..
                } => fetched.enclosed = Some(data.to_vec()),
                AttributeValue::GmailMsgId(id) => fetched.provider_message = Some(id.to_string()),
                AttributeValue::GmailThrId(id) => fetched.provider_thread = Some(id.to_string()),
                AttributeValue::Flags(flags) => {
                    fetched.draft = flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Draft"));
                }
                AttributeValue::EmailId(id) => fetched.provider_message = Some(id.to_string()),
                AttributeValue::ThreadId(id) => fetched.provider_thread = id.as_ref().map(ToString::to_string),
                _ => {}
            }
        }
        fetched
    }
}

/// RFC 3501 section 9, `date-time`; the day may be padded with a space.
fn internal_date(text: &str) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_str(text.trim(), "%d-%b-%Y %H:%M:%S %z").ok()?;
    Some(date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_date_may_have_one_digit_for_the_day() {
        let date = |text| internal_date(text).map(|date| date.to_rfc3339());
        assert_eq!(date("17-Jul-1996 02:44:25 -0700").as_deref(), Some("1996-07-17T09:44:25+00:00"));
        assert_eq!(date(" 7-Jul-1996 02:44:25 +0000").as_deref(), Some("1996-07-07T02:44:25+00:00"));
        assert_eq!(date("31-Feb-1996 02:44:25 +0000"), None);
    }
}
