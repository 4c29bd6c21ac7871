//! What a client says: tokens of a command, numbers sets, and the record kept of it.

use super::names;

/// One command as it was received, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Which connection, counted from 1.
    pub session: u64,
    /// Who is logged in.
    pub user: Option<String>,
    /// The mailbox named in the command, else the selected one.
    pub mailbox: Option<String>,
    /// In capitals; `UID FETCH` and its kin as two words.
    pub verb: String,
    /// Tag and all, passwords and tokens as `***`, literals in quotes.
    pub line: String,
}

/// A piece of a command as it comes off the wire.
#[derive(Debug)]
pub(crate) enum Part {
    Text(Vec<u8>),
    Literal(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// As written, in no quotes; `BODY[HEADER.FIELDS (A B)]<0.10>` is one.
    Atom(String),
    /// Quoted, or a literal.
    Text(String),
    Open,
    Close,
}

impl Token {
    /// Of an atom or a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Atom(text) | Self::Text(text) => Some(text),
            Self::Open | Self::Close => None,
        }
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Atom(atom) if atom.eq_ignore_ascii_case(word))
    }
}

/// A command in parts.
#[derive(Debug)]
pub(crate) struct Request {
    pub tag: String,
    pub verb: String,
    pub arguments: Vec<Token>,
}

impl Request {
    /// `None` where there is not even a tag and a word.
    pub(crate) fn parse(parts: &[Part]) -> Option<Self> {
        let mut tokens = tokens(parts).into_iter();
        let tag = tokens.next()?.text()?.to_owned();
        let mut verb = tokens.next()?.text()?.to_uppercase();
        if verb == "UID" {
            verb = format!("UID {}", tokens.next()?.text()?.to_uppercase());
        }
        Some(Self { tag, verb, arguments: tokens.collect() })
    }

    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        self.arguments.get(index)?.text()
    }

    /// The mailbox the command names, as on the wire.
    pub(crate) fn mailbox(&self) -> Option<&str> {
        matches!(self.verb.as_str(), "EXAMINE" | "SELECT" | "STATUS").then(|| self.text(0)).flatten()
    }

    /// The UIDs the command names, for faults that wait for one.
    pub(crate) fn names_uid(&self, uid: u32) -> bool {
        self.verb == "UID FETCH" && self.text(0).and_then(Set::parse).is_some_and(|set| set.contains(uid, u32::MAX))
    }

    /// The line for the record.
    pub(crate) fn masked(&self) -> String {
        let mut line = format!("{} {}", self.tag, self.verb);
        let secret_from = match self.verb.as_str() {
            "LOGIN" | "AUTHENTICATE" => 1,
            _ => usize::MAX,
        };
        for (index, token) in self.arguments.iter().enumerate() {
            if *token != Token::Close && !line.ends_with('(') {
                line.push(' ');
            }
            match token {
                _ if index >= secret_from => line.push_str("***"),
                Token::Atom(atom) => line.push_str(atom),
                Token::Text(text) => line.push_str(&names::quote(text)),
                Token::Open => line.push('('),
                Token::Close => line.push(')'),
            }
        }
        line
    }
}

fn tokens(parts: &[Part]) -> Vec<Token> {
    let mut tokens = Vec::new();
    for part in parts {
        match part {
            Part::Literal(bytes) => tokens.push(Token::Text(String::from_utf8_lossy(bytes).into_owned())),
            Part::Text(bytes) => text_tokens(&String::from_utf8_lossy(bytes), &mut tokens),
        }
    }
    tokens
}

fn text_tokens(text: &str, tokens: &mut Vec<Token>) {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ' ' => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '"' => {
                let mut quoted = String::new();
                while let Some(next) = characters.next().filter(|next| *next != '"') {
                    quoted.extend(if next == '\\' { characters.next() } else { Some(next) });
                }
                tokens.push(Token::Text(quoted));
            }
            first => {
                let mut atom = String::from(first);
                let mut brackets = i32::from(first == '[');
                while let Some(next) = characters.next_if(|next| brackets > 0 || !matches!(next, ' ' | '(' | ')' | '"'))
                {
                    brackets += i32::from(next == '[') - i32::from(next == ']');
                    atom.push(next);
                }
                tokens.push(Token::Atom(atom));
            }
        }
    }
}

/// A sequence set (RFC 3501 section 9); `None` stands for `*`.
#[derive(Clone, Debug)]
pub(crate) struct Set(Vec<(Option<u32>, Option<u32>)>);

impl Set {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| match text {
            "*" => Some(None),
            digits => digits.parse().ok().filter(|number| *number > 0).map(Some),
        };
        let range = |text: &str| {
            let (first, last) = text.split_once(':').unwrap_or((text, text));
            Some((number(first)?, number(last)?))
        };
        text.split(',').map(range).collect::<Option<Vec<_>>>().map(Self)
    }

    /// A range may run backwards, so `9:*` holds the last number even when that is 5 (section 6.4.8).
    pub(crate) fn contains(&self, number: u32, last: u32) -> bool {
        self.0.iter().any(|(one, other)| {
            let (one, other) = (one.unwrap_or(last), other.unwrap_or(last));
            (one.min(other)..=one.max(other)).contains(&number)
        })
    }
}
