//! Message identifiers (RFC 5322 section 3.6.4), as they are found rather than as they should be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest identifier we keep, in octets: a header line may hold no more (RFC 5322 section 2.1.1). Longer ones are
/// cut, so that a reply that quotes one whole still finds its parent.
const MAX_LEN: usize = 998;

/// How many identifiers one field is read for. The first (the root) and the last (the parents) are kept.
const MAX_IDS: usize = 500;

/// How many pieces that look like identifiers one field is read for.
const MAX_SCANNED: usize = 5_000;

/// A message identifier without its `<>`. Compared octet by octet: it is case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// The first identifier in the value of a header field.
    pub fn parse(value: &str) -> Option<Self> {
        match bracketed(value).next() {
            Some(id) => Some(id),
            None => bare(value).into_iter().next(),
        }
    }

    /// Every identifier in the value of a header field, in order, without doubles.
    pub fn list(value: &str) -> Vec<Self> {
        let mut ids: Vec<Self> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut push = |id: Self| {
            if seen.insert(id.clone()) {
                ids.push(id);
            }
        };
        let mut found = bracketed(value).take(MAX_SCANNED).peekable();
        if found.peek().is_some() {
            found.for_each(&mut push);
        } else {
            bare(value).into_iter().for_each(&mut push);
        }
        if ids.len() > MAX_IDS {
            ids.drain(1..=ids.len() - MAX_IDS);
        }
        ids
    }

    /// An identifier that [`as_str`](Self::as_str) gave, read back from where it was kept.
    pub fn restore(kept: &str) -> Option<Self> {
        Self::new(kept)
    }

    /// The identifier without `<>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn new(text: &str) -> Option<Self> {
        let mut id = String::with_capacity(text.len().min(MAX_LEN));
        let mut quoted = false;
        for c in text.trim().chars() {
            quoted ^= c == '"';
            let blank = c.is_whitespace() && !quoted;
            if c.is_control() || blank {
                continue;
            }
            if id.len() + c.len_utf8() > MAX_LEN {
                break;
            }
            id.push(c);
        }
        (!id.is_empty()).then_some(Self(id))
    }
}

/// The identifiers between `<` and `>`. A missing `>` ends at the next `<` or blank.
fn bracketed(value: &str) -> impl Iterator<Item = MessageId> {
    let mut rest = value;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once('<')?;
            let end = closing(after);
            let (inside, next) = after.split_at(end);
            rest = next;
            if let Some(id) = MessageId::new(inside) {
                return Some(id);
            }
        }
    })
}

/// Where the identifier that starts here ends. A quoted local part may hold `<`, `>` and blanks.
fn closing(text: &str) -> usize {
    // Looks no further than an identifier can reach: a field full of `<"` must not cost the square of its length.
    let mut near = text.as_bytes().windows(2).take(MAX_LEN);
    let mut quoted = text.starts_with('"') && near.any(|pair| pair == b"\"@");
    let mut first_blank = None;
    for (at, c) in text.char_indices() {
        match c {
            '"' if at > 0 => quoted = false,
            _ if quoted => {}
            '>' => return at,
            '<' => return first_blank.unwrap_or(at),
            _ if c.is_whitespace() && first_blank.is_none() => first_blank = Some(at),
            _ => {}
        }
    }
    first_blank.unwrap_or(text.len())
}

/// Identifiers without brackets: the words with an `@`, or the only word there is.
fn bare(value: &str) -> Vec<MessageId> {
    let words: Vec<&str> = value.split(|c: char| c.is_whitespace() || c == ',').filter(|w| !w.is_empty()).collect();
    match words.as_slice() {
        [only] => MessageId::new(only.trim_matches(['<', '>'])).into_iter().collect(),
        many => many
            .iter()
            .filter(|w| w.contains('@'))
            .filter_map(|w| MessageId::new(w.trim_matches(['<', '>', '"', ';', '(', ')'])))
            .collect(),
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(value: &str) -> Vec<String> {
        MessageId::list(value).into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn the_wild_forms_of_an_identifier_are_read() {
        for (value, expected) in [
            ("<a@b.example>", "a@b.example"),
            ("\r\n <a@b.example>", "a@b.example"),
            ("a@b.example", "a@b.example"),
            ("< a@b.example >", "a@b.example"),
            ("<a@b\r\n .example>", "a@b.example"),
            ("<abc def@b.example>", "abcdef@b.example"),
            ("<\"a b\"@b.example>", "\"a b\"@b.example"),
            ("<\"a>b\"@b.example>", "\"a>b\"@b.example"),
            ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
            ("<no-at-sign>", "no-at-sign"),
            ("12345", "12345"),
            ("<a@b.example", "a@b.example"),
            ("<a@b.example> (added by the relay)", "a@b.example"),
            ("<A@B.example>", "A@B.example"),
            ("<<a@b.example>>", "a@b.example"),
            ("<a\0@b.example>", "a@b.example"),
        ] {
            assert_eq!(MessageId::parse(value).map(|id| id.0).as_deref(), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn case_makes_another_identifier() {
        assert_ne!(MessageId::parse("<A@b.example>"), MessageId::parse("<a@b.example>"));
    }

    #[test]
    fn an_empty_value_has_no_identifier() {
        for value in ["", " ", "<>", "< >", "<>\r\n <>", ","] {
            assert_eq!(MessageId::parse(value), None, "{value:?}");
            assert!(MessageId::list(value).is_empty());
        }
    }

    #[test]
    fn a_list_is_read_however_it_is_separated() {
        assert_eq!(ids("<a@x.example><b@x.example>"), ["a@x.example", "b@x.example"]);
        assert_eq!(ids("<a@x.example>,\r\n\t<b@x.example>"), ["a@x.example", "b@x.example"]);
        assert_eq!(ids("a@x.example b@x.example"), ["a@x.example", "b@x.example"]);
        assert_eq!(ids("<a@x.example <b@x.example>"), ["a@x.example", "b@x.example"]);
        assert_eq!(ids("<a@x.example> <a@x.example>"), ["a@x.example"]);
    }

    #[test]
    fn prose_around_an_identifier_is_ignored() {
        assert_eq!(ids("Your message of \"Sat, 7 Mar\" <a@x.example>"), ["a@x.example"]);
        assert_eq!(ids("Your message of Sat, 7 Mar, a@x.example"), ["a@x.example"]);
        assert!(ids("Your message of Sat, 7 Mar").is_empty());
    }

    #[test]
    fn a_too_long_identifier_is_cut_the_same_way_each_time() {
        let long = format!("<{}@x.example>", "ä".repeat(2000));
        let id = MessageId::parse(&long).unwrap();
        assert!(id.as_str().len() <= MAX_LEN);
        assert_eq!(MessageId::list(&long), [id]);
    }

    #[test]
    fn an_endless_list_keeps_its_root_and_its_parents() {
        let value: String = (0..5000).map(|n| format!("<{n}@x.example> ")).collect();
        let ids = ids(&value);
        assert_eq!(ids.len(), MAX_IDS);
        assert_eq!(ids.first().map(String::as_str), Some("0@x.example"));
        assert_eq!(ids.last().map(String::as_str), Some("4999@x.example"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[<> \"@a.,\\r\\n\\PC]{0,60}") {
            for id in MessageId::list(&text) {
                prop_assert!(!id.as_str().is_empty() && id.as_str().len() <= MAX_LEN);
                prop_assert!(!id.as_str().chars().any(char::is_control));
                prop_assert_eq!(MessageId::restore(id.as_str()), Some(id));
            }
        }
    }
}
