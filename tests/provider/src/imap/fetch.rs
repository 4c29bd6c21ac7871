//! FETCH: what can be asked of a message, and the answer.

use std::ops::Range;
use std::sync::Arc;

use super::command::Token;
use super::header;
use super::mailbox::Message;
use super::names;
use super::profile::Profile;
use super::response::Value;

/// The items of one FETCH.
#[derive(Debug)]
pub(crate) struct Ask {
    pub items: Vec<Item>,
    pub changed_since: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    ModSeq,
    GmMessage,
    GmThread,
    GmLabels,
    Body(Body),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    section: Section,
    /// `BODY[...]<0>`, as it stands in the answer.
    name: String,
    partial: Option<(usize, usize)>,
    pub peek: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Section {
    Whole,
    Header,
    Text,
    Fields {
        names: Vec<String>,
        not: bool,
    },
    /// Fields of the message that this part is, counted from 1.
    Enclosed {
        part: usize,
        names: Vec<String>,
    },
}

impl Ask {
    pub(crate) fn parse(arguments: &[Token], profile: Profile) -> Option<Self> {
        let (items, modifiers) = split(arguments)?;
        let items: Option<Vec<Item>> = items.iter().map(|token| Item::parse(token.text()?, profile)).collect();
        let changed_since = match modifiers {
            [] => None,
            [Token::Open, word, number, Token::Close] if word.is("CHANGEDSINCE") && profile.condstore() => {
                Some(number.text()?.parse().ok()?)
            }
            _ => return None,
        };
        let mut items = items.filter(|items| !items.is_empty())?;
        if changed_since.is_some() && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        Some(Self { items, changed_since })
    }

    /// UID FETCH answers with the UID even when it was not asked (RFC 3501 section 6.4.8).
    pub(crate) fn with_uid(mut self) -> Self {
        if !self.items.contains(&Item::Uid) {
            self.items.insert(0, Item::Uid);
        }
        self
    }

    pub(crate) fn marks_seen(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Body(body) if !body.peek))
    }
}

/// One item, or a list of them; then the modifiers of RFC 4466.
fn split(arguments: &[Token]) -> Option<(&[Token], &[Token])> {
    match arguments.first()? {
        Token::Open => {
            let close = arguments.iter().position(|token| *token == Token::Close)?;
            Some((arguments.get(1..close)?, arguments.get(close + 1..)?))
        }
        _ => arguments.split_at_checked(1),
    }
}

impl Item {
    fn parse(text: &str, profile: Profile) -> Option<Self> {
        let upper = text.to_uppercase();
        let gmail = profile == Profile::Gmail;
        Some(match upper.as_str() {
            "UID" => Self::Uid,
            "FLAGS" => Self::Flags,
            "INTERNALDATE" => Self::InternalDate,
            "RFC822.SIZE" => Self::Size,
            "MODSEQ" if profile.condstore() => Self::ModSeq,
            "X-GM-MSGID" if gmail => Self::GmMessage,
            "X-GM-THRID" if gmail => Self::GmThread,
            "X-GM-LABELS" if gmail => Self::GmLabels,
            _ => Self::Body(Body::parse(&upper)?),
        })
    }

    pub(crate) fn value(
        &self,
        message: &Message,
        profile: Profile,
        labels: impl FnOnce() -> Vec<String>,
    ) -> (String, Value) {
        let (name, text) = match self {
            Self::Uid => ("UID", message.uid.to_string()),
            Self::Flags => ("FLAGS", format!("({})", message.flags.join(" "))),
            Self::InternalDate => ("INTERNALDATE", message.date.format("\"%e-%b-%Y %H:%M:%S +0000\"").to_string()),
            Self::Size => ("RFC822.SIZE", size(message, profile).to_string()),
            Self::ModSeq => ("MODSEQ", format!("({})", message.modseq)),
            Self::GmMessage => ("X-GM-MSGID", message.gm_id.to_string()),
            Self::GmThread => ("X-GM-THRID", message.gm_thread.to_string()),
            Self::GmLabels => {
                let labels: Vec<String> = labels().iter().map(|label| names::quote(label)).collect();
                ("X-GM-LABELS", format!("({})", labels.join(" ")))
            }
            Self::Body(body) => return (body.name.clone(), body.value(&message.raw)),
        };
        (name.to_owned(), Value::Text(text))
    }
}

/// Exchange estimates (providers.md section 2.3): more than the message has.
fn size(message: &Message, profile: Profile) -> usize {
    let exact = message.raw.len();
    if profile == Profile::Exchange { exact + exact / 32 + 211 } else { exact }
}

impl Body {
    /// `BODY[section]<offset.length>` in capitals.
    fn parse(text: &str) -> Option<Self> {
        let peek = text.starts_with("BODY.PEEK[");
        let rest = text.strip_prefix("BODY.PEEK[").or_else(|| text.strip_prefix("BODY["))?;
        let (inner, tail) = rest.rsplit_once(']')?;
        let section = match inner {
            "" => Section::Whole,
            "HEADER" => Section::Header,
            "TEXT" => Section::Text,
            _ => {
                let (kind, list) = inner.split_once(' ')?;
                let list = list.strip_prefix('(')?.strip_suffix(')')?;
                let names: Vec<String> = list.split_ascii_whitespace().map(|name| name.replace('"', "")).collect();
                let (part, kind) = match kind.split_once('.') {
                    Some((part, kind)) if part.bytes().all(|byte| byte.is_ascii_digit()) => (part.parse().ok(), kind),
                    _ => (None, kind),
                };
                if let Some(part) = part {
                    let name = format!("BODY[{inner}]");
                    let section = (kind == "HEADER.FIELDS").then_some(Section::Enclosed { part, names })?;
                    return Some(Self { section, name, partial: None, peek });
                }
                let not = kind == "HEADER.FIELDS.NOT";
                (not || kind == "HEADER.FIELDS").then_some(Section::Fields { names, not })?
            }
        };
        let partial = match tail {
            "" => None,
            range => {
                let (offset, length) = range.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
                Some((offset.parse().ok()?, length.parse().ok().filter(|length| *length > 0)?))
            }
        };
        let origin = partial.map(|(offset, _)| format!("<{offset}>")).unwrap_or_default();
        Some(Self { section, name: format!("BODY[{inner}]{origin}"), partial, peek })
    }

    fn value(&self, raw: &Arc<[u8]>) -> Value {
        let end = header::header_end(raw);
        match &self.section {
            Section::Whole => Value::literal(Arc::clone(raw), self.cut(0..raw.len())),
            Section::Header => Value::literal(Arc::clone(raw), self.cut(0..end)),
            Section::Text => Value::literal(Arc::clone(raw), self.cut(end..raw.len())),
            Section::Fields { names, not } => self.chosen(raw, names, *not),
            Section::Enclosed { part, names } => match header::enclosed(raw, *part) {
                Some(message) => self.chosen(message, names, false),
                None => Value::Text("NIL".to_owned()),
            },
        }
    }

    fn chosen(&self, raw: &[u8], names: &[String], not: bool) -> Value {
        let mut chosen = Vec::new();
        for field in header::fields(raw) {
            let name = field.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
            if names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes())) != not {
                chosen.extend_from_slice(field);
            }
        }
        chosen.extend_from_slice(b"\r\n");
        let range = self.cut(0..chosen.len());
        Value::literal(Arc::from(chosen), range)
    }

    fn cut(&self, range: Range<usize>) -> Range<usize> {
        let Some((offset, length)) = self.partial else { return range };
        let start = range.start.saturating_add(offset).min(range.end);
        start..start.saturating_add(length).min(range.end)
    }
}
