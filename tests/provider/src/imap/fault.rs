//! Ways to fail, and when.

use std::time::Duration;

use super::profile::Profile;
use super::response::{End, Fetched, Reply, Untagged, Value};

/// What goes wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Tagged `NO` with this text.
    No(String),
    /// Tagged `BAD` with this text.
    Bad(String),
    /// `* BYE` with this text, then a proper close.
    Bye(String),
    /// The connection ends without an answer and without close_notify.
    Cut,
    /// The answer stops in the middle of its first literal (or of itself), without close_notify.
    CutInLiteral,
    /// No answer; the connection stays.
    Hang,
    /// This line, then the answer.
    Line(String),
    /// `* OK [ALERT]` with a letter outside ASCII right behind it, then the answer.
    Alert,
    /// A literal of this announced size, of which only the beginning comes.
    HugeLiteral(u64),
    /// A BODYSTRUCTURE with so many opening parentheses, then the answer.
    DeepParentheses(usize),
    /// A line without end, for as long as the client reads.
    EndlessLine,
    /// The first literal claims to be this much longer (or shorter) than it is.
    WrongLiteralLength(i64),
    /// So many of the last messages are missing from an answer that says OK.
    MissingMessages(usize),
    /// Messages come without the BODY that was asked.
    NoBody,
    /// Every message comes twice.
    DuplicateMessages,
    /// The provider's throttling: data and `OK Success [THROTTLED]` (Gmail), a tagged BAD with a time (Exchange).
    Throttled(Duration),
    /// Gmail's refusal after throttling; elsewhere as `Throttled`.
    OverQuota,
    /// `NO [UNAVAILABLE]`: no word about the password or the mail.
    Unavailable,
    /// Exchange's answer to a token without a right to the mailbox.
    NotConnected,
    /// The provider's `* BYE` when the token of a session has expired.
    SessionExpired,
    /// The messages asked for are expunged just before the command runs.
    ExpungeFirst,
    /// Lines that hold this are left out of the answer.
    Without(String),
    /// The answer comes so much later.
    Slow(Duration),
}

impl Fault {
    /// The answer where the command is not run at all.
    pub(crate) fn instead(&self, profile: Profile) -> Option<Reply> {
        Some(match self {
            Self::No(text) => Reply::tagged(format!("NO {text}")),
            Self::Bad(text) => Reply::tagged(format!("BAD {text}")),
            Self::Bye(text) => Reply::bye(text),
            Self::Cut => Reply::nothing(End::Cut),
            Self::Hang => Reply::nothing(End::Hang),
            Self::EndlessLine => Reply::nothing(End::Endless),
            Self::Throttled(wait) if profile != Profile::Gmail => {
                Reply::tagged(profile.throttled(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
            }
            Self::OverQuota => Reply::tagged(profile.over_quota()),
            Self::Unavailable => Reply::tagged("NO [UNAVAILABLE] Temporary failure."),
            Self::NotConnected => Reply::tagged("BAD User is authenticated but not connected."),
            Self::SessionExpired => Reply::bye(profile.session_expired()),
            _ => return None,
        })
    }

    /// The true answer, bent.
    pub(crate) fn bend(&self, mut reply: Reply, profile: Profile) -> Reply {
        match self {
            Self::Line(line) => first(reply, line.clone()),
            Self::Alert => first(reply, "* OK [ALERT]é Ihr Postfach ist fast voll".to_owned()),
            Self::DeepParentheses(levels) => {
                let (open, close) = ("(".repeat(*levels), ")".repeat(*levels));
                first(reply, format!("* 1 FETCH (UID 1 BODYSTRUCTURE {open}{close})"))
            }
            Self::HugeLiteral(size) => {
                let start = format!("* 1 FETCH (UID 1 BODY[] {{{size}}}\r\nSubject: huge\r\n\r\nand no more than this");
                Reply { untagged: vec![Untagged::Raw(start.into_bytes())], ..Reply::nothing(End::Hang) }
            }
            Self::CutInLiteral => cut_in_half(&reply),
            Self::WrongLiteralLength(by) => {
                if let Some(announced) = fetches(&mut reply).flat_map(|fetched| &mut fetched.items).find_map(announced)
                {
                    *announced = announced.saturating_add_signed(*by);
                }
                reply
            }
            Self::MissingMessages(count) => {
                let keep = fetches(&mut reply).count().saturating_sub(*count);
                let mut seen = 0;
                reply.untagged.retain(|untagged| {
                    seen += usize::from(matches!(untagged, Untagged::Fetch(_)));
                    !matches!(untagged, Untagged::Fetch(_)) || seen <= keep
                });
                reply
            }
            Self::NoBody => {
                let bodiless =
                    |fetched: &mut Fetched| fetched.items.retain(|(_, value)| matches!(value, Value::Text(_)));
                fetches(&mut reply).for_each(bodiless);
                reply
            }
            Self::DuplicateMessages => {
                let twice = |untagged: Untagged| {
                    let again = matches!(untagged, Untagged::Fetch(_)).then(|| untagged.clone());
                    std::iter::once(untagged).chain(again)
                };
                Reply { untagged: reply.untagged.into_iter().flat_map(twice).collect(), ..reply }
            }
            Self::Without(word) => {
                reply.untagged.retain(|one| !matches!(one, Untagged::Line(line) if line.contains(word)));
                reply
            }
            Self::Throttled(_) => Reply { tagged: Some(profile.throttled(0)), ..reply },
            _ => reply,
        }
    }
}

fn first(mut reply: Reply, line: String) -> Reply {
    reply.untagged.insert(0, Untagged::Line(line));
    reply
}

fn fetches(reply: &mut Reply) -> impl Iterator<Item = &mut Fetched> {
    reply.untagged.iter_mut().filter_map(|untagged| match untagged {
        Untagged::Fetch(fetched) => Some(fetched),
        _ => None,
    })
}

fn announced(item: &mut (String, Value)) -> Option<&mut u64> {
    match &mut item.1 {
        Value::Literal { announced, .. } => Some(announced),
        Value::Text(_) => None,
    }
}

/// Everything up to the middle of the first literal; without one, up to the middle of the answer.
fn cut_in_half(reply: &Reply) -> Reply {
    let mut bytes = Vec::new();
    let mut whole = 0;
    for untagged in &reply.untagged {
        whole = bytes.len();
        if let Untagged::Fetch(fetched) = untagged
            && fetched.has_literal()
        {
            write_half(fetched, &mut bytes);
            whole = bytes.len();
            break;
        }
        untagged.write(&mut bytes);
    }
    bytes.truncate(whole.midpoint(bytes.len()));
    Reply { untagged: vec![Untagged::Raw(bytes)], ..Reply::nothing(End::Cut) }
}

fn write_half(fetched: &Fetched, out: &mut Vec<u8>) {
    let mut half = fetched.clone();
    let Some(at) = half.items.iter().position(|(_, value)| matches!(value, Value::Literal { .. })) else { return };
    half.items.truncate(at + 1);
    if let Some((_, Value::Literal { range, .. })) = half.items.last_mut() {
        range.end = range.start.midpoint(range.end);
    }
    half.write(out);
    // Not the `)` and the line end that close a message.
    out.truncate(out.len().saturating_sub(3));
}
