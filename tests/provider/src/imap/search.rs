//! SEARCH: the keys a sync worker uses.

use chrono::NaiveDate;

use super::command::{Set, Token};
use super::header;
use super::mailbox::Message;
use super::profile::Profile;

#[derive(Debug)]
pub(crate) enum Key {
    All,
    Uid(Set),
    Sequence(Set),
    Since(NaiveDate),
    Before(NaiveDate),
    On(NaiveDate),
    Header(String, String),
    Flag(&'static str, bool),
    Larger(usize),
    Smaller(usize),
    GmMessage(u64),
    GmThread(u64),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    And(Vec<Key>),
}

/// A message in its place.
pub(crate) struct Candidate<'a> {
    pub message: &'a Message,
    pub sequence: u32,
    pub last_uid: u32,
    pub last_sequence: u32,
}

/// The keys of a command, or the tagged answer that refuses them.
pub(crate) fn parse(arguments: &[Token], profile: Profile) -> Result<Key, String> {
    let mut tokens = arguments;
    if let [word, charset, rest @ ..] = tokens
        && word.is("CHARSET")
    {
        let known = charset.is("US-ASCII") || (charset.is("UTF-8") && profile != Profile::Exchange);
        if !known {
            return Err("NO [BADCHARSET (US-ASCII)] The specified charset is not supported.".to_owned());
        }
        tokens = rest;
    }
    let mut keys = Vec::new();
    while !tokens.is_empty() {
        keys.push(key(&mut tokens, profile).ok_or_else(|| profile.bad_arguments().to_owned())?);
    }
    if keys.is_empty() { Err(profile.bad_arguments().to_owned()) } else { Ok(Key::And(keys)) }
}

fn key(tokens: &mut &[Token], profile: Profile) -> Option<Key> {
    let gmail = profile == Profile::Gmail;
    let Token::Atom(word) = take(tokens)? else { return list(tokens, profile) };
    Some(match word.to_uppercase().as_str() {
        "ALL" => Key::All,
        "UID" => Key::Uid(Set::parse(text(tokens)?)?),
        "SINCE" => Key::Since(date(tokens)?),
        "BEFORE" => Key::Before(date(tokens)?),
        "ON" => Key::On(date(tokens)?),
        "HEADER" => Key::Header(text(tokens)?.to_owned(), text(tokens)?.to_lowercase()),
        name @ ("FROM" | "TO" | "CC" | "BCC" | "SUBJECT") => Key::Header(name.to_owned(), text(tokens)?.to_lowercase()),
        "SEEN" => Key::Flag("\\Seen", true),
        "UNSEEN" => Key::Flag("\\Seen", false),
        "DRAFT" => Key::Flag("\\Draft", true),
        "UNDRAFT" => Key::Flag("\\Draft", false),
        "DELETED" => Key::Flag("\\Deleted", true),
        "UNDELETED" => Key::Flag("\\Deleted", false),
        "LARGER" => Key::Larger(text(tokens)?.parse().ok()?),
        "SMALLER" => Key::Smaller(text(tokens)?.parse().ok()?),
        "NOT" => Key::Not(Box::new(key(tokens, profile)?)),
        "OR" => Key::Or(Box::new(key(tokens, profile)?), Box::new(key(tokens, profile)?)),
        "X-GM-MSGID" if gmail => Key::GmMessage(text(tokens)?.parse().ok()?),
        "X-GM-THRID" if gmail => Key::GmThread(text(tokens)?.parse().ok()?),
        "X-GM-RAW" if gmail => {
            Key::Header("MESSAGE-ID".to_owned(), text(tokens)?.strip_prefix("rfc822msgid:")?.to_lowercase())
        }
        _ => Key::Sequence(Set::parse(word)?),
    })
}

/// The rest of a parenthesised list of keys, its opening already taken.
fn list(tokens: &mut &[Token], profile: Profile) -> Option<Key> {
    let mut keys = Vec::new();
    while *tokens.first()? != Token::Close {
        keys.push(key(tokens, profile)?);
    }
    take(tokens)?;
    Some(Key::And(keys))
}

fn take<'a>(tokens: &mut &'a [Token]) -> Option<&'a Token> {
    let (first, rest) = tokens.split_first()?;
    *tokens = rest;
    Some(first)
}

fn text<'a>(tokens: &mut &'a [Token]) -> Option<&'a str> {
    take(tokens)?.text()
}

fn date(tokens: &mut &[Token]) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text(tokens)?, "%d-%b-%Y").ok()
}

impl Key {
    pub(crate) fn fits(&self, candidate: &Candidate<'_>) -> bool {
        let message = candidate.message;
        // RFC 3501 section 6.4.4: the day of INTERNALDATE, whatever its time and zone.
        let day = message.date.date_naive();
        match self {
            Self::All => true,
            Self::Uid(set) => set.contains(message.uid, candidate.last_uid),
            Self::Sequence(set) => set.contains(candidate.sequence, candidate.last_sequence),
            Self::Since(date) => day >= *date,
            Self::Before(date) => day < *date,
            Self::On(date) => day == *date,
            Self::Header(name, part) => {
                header::header(&message.raw, name).iter().any(|value| value.to_lowercase().contains(part.as_str()))
            }
            Self::Flag(flag, wanted) => message.flags.iter().any(|other| other == flag) == *wanted,
            Self::Larger(size) => message.raw.len() > *size,
            Self::Smaller(size) => message.raw.len() < *size,
            Self::GmMessage(id) => message.gm_id == *id,
            Self::GmThread(id) => message.gm_thread == *id,
            Self::Not(key) => !key.fits(candidate),
            Self::Or(one, other) => one.fits(candidate) || other.fits(candidate),
            Self::And(keys) => keys.iter().all(|key| key.fits(candidate)),
        }
    }
}
