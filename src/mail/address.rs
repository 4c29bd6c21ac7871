//! Mail addresses and the people they belong to.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::domain;

/// The longest address we take. RFC 5321 stops at 254; gateways that pack foreign addresses into the local part do not.
const MAX_LEN: usize = 512;

/// An address with a local part and a domain.
///
/// Two addresses are equal when they differ in case, in the spelling of an international domain or in needless quotes
/// only (spec E7, L7, C8).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    written: String,
    folded: String,
    /// Where the `@` stands in `folded`.
    at: usize,
}

impl Address {
    /// The address in a text that holds nothing else, with or without `<>`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text).trim();
        if text.len() > MAX_LEN || text.chars().any(char::is_control) {
            return None;
        }
        // The local part may hold a quoted `@`, the domain never does.
        let (local, host) = text.rsplit_once('@')?;
        let local_folded = fold_local(local)?;
        let host = domain::fold(host)?;
        let at = local_folded.len();
        Some(Self { written: text.to_owned(), folded: format!("{local_folded}@{host}"), at })
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form for comparison and look-up: lower-case local part, A-labels.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The folded local part.
    pub fn local(&self) -> &str {
        self.folded.get(..self.at).unwrap_or_default()
    }

    /// The folded domain.
    pub fn domain(&self) -> &str {
        self.folded.get(self.at + 1..).unwrap_or_default()
    }

    /// What follows the first `+` of the local part (A18). A quoted local part is one piece.
    pub fn tag(&self) -> Option<&str> {
        let (_, tag) = self.tagged()?;
        (!tag.is_empty()).then_some(tag)
    }

    fn tagged(&self) -> Option<(&str, &str)> {
        self.local().split_once('+').filter(|(user, _)| !user.is_empty() && !user.starts_with('"'))
    }

    /// The address that a tag was added to; the same address where there is none.
    #[must_use]
    pub fn without_tag(&self) -> Self {
        let Some((user, _)) = self.tagged() else {
            return self.clone();
        };
        let folded = format!("{user}@{}", self.domain());
        let written = match (self.written.split_once('+'), self.written.rsplit_once('@')) {
            (Some((user, _)), Some((_, host))) => format!("{user}@{host}"),
            _ => folded.clone(),
        };
        Self { written, at: user.len(), folded }
    }
}

/// The local part in lower case and NFC, without quotes it does not need; `None` if it cannot be one.
fn fold_local(local: &str) -> Option<String> {
    let Some(quoted) = local.strip_prefix('"') else {
        return is_dot_atom(local).then(|| fold_case(local));
    };
    let content = unquoted(quoted.strip_suffix('"')?).filter(|content| !content.is_empty())?;
    if is_dot_atom(&content) {
        return Some(fold_case(&content));
    }
    let mut folded = String::with_capacity(local.len());
    folded.push('"');
    for c in fold_case(&content).chars() {
        if matches!(c, '"' | '\\') {
            folded.push('\\');
        }
        folded.push(c);
    }
    folded.push('"');
    Some(folded)
}

/// What a quoted string stands for (RFC 5322 section 3.2.4): a backslash only says that the next character is meant.
fn unquoted(inner: &str) -> Option<String> {
    let mut content = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => content.push(chars.next()?),
            other => content.push(other),
        }
    }
    Some(content)
}

/// Tolerates dots at the ends and in a row, which some providers hand out, but nothing that ends an address.
fn is_dot_atom(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || "<>()[],;:\\\"@".contains(c))
}

fn fold_case(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.nfc().flat_map(char::to_lowercase).nfc().collect() }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl Ord for Address {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mail address: it needs a local part, an @ and a domain")]
pub struct NotAnAddress;

impl TryFrom<String> for Address {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or(NotAnAddress)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.written
    }
}

/// Somebody named in a header: an address and, often, a display name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Party {
    /// The display name, decoded.
    pub name: Option<String>,
    /// The address.
    pub address: Address,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn case_and_spelling_do_not_make_a_second_address() {
        let same =
            ["anna@bücher.example", "ANNA@BÜCHER.example", "Anna@xn--bcher-kva.example", "\"anna\"@bücher.example"];
        let set: HashSet<Address> = same.iter().map(|a| address(a)).collect();
        assert_eq!(set.len(), 1);
        assert_eq!(address("ÅSA@customer.example"), address("åsa@Customer.example"));
    }

    #[test]
    fn a_quoted_local_part_is_what_it_stands_for() {
        for (written, folded) in [
            ("\"John Doe\"@customer.example", "\"john doe\"@customer.example"),
            ("\"john\\ doe\"@customer.example", "\"john doe\"@customer.example"),
            ("\"john\\.doe\"@customer.example", "john.doe@customer.example"),
            ("\"a\\\"b\"@customer.example", "\"a\\\"b\"@customer.example"),
            ("\"a\\\\b\"@customer.example", "\"a\\\\b\"@customer.example"),
        ] {
            assert_eq!(address(written).folded(), folded, "{written}");
        }
        for wrong in ["\"a\"b\"@x.example", "\"a\\\"@x.example", "\"\"@x.example", "\"a@x.example", "\"@x.example"] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
        let quoted = address("\"a+b c\"@x.example");
        assert_eq!((quoted.tag(), quoted.without_tag()), (None, quoted.clone()));
    }

    #[test]
    fn the_dot_that_ends_a_domain_name_makes_no_second_address() {
        assert_eq!(address("anna@customer.example."), address("anna@customer.example"));
        assert_eq!(address("<Anna@Customer.Example.>").folded(), "anna@customer.example");
    }

    #[test]
    fn the_written_form_is_kept() {
        let anna = address(" <Anna.Berg@Customer.Example> ");
        assert_eq!(anna.as_str(), "Anna.Berg@Customer.Example");
        assert_eq!(anna.to_string(), "Anna.Berg@Customer.Example");
        assert_eq!(anna.folded(), "anna.berg@customer.example");
        assert_eq!((anna.local(), anna.domain()), ("anna.berg", "customer.example"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "anna", "@customer.example", "anna@", "anna berg@x.example", "a@b@c.example", "a\n@x.example"]
        {
            assert_eq!(Address::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(Address::parse(&format!("{}@x.example", "a".repeat(600))), None);
    }

    #[test]
    fn odd_addresses_of_the_wild_are_taken() {
        for odd in
            ["a..b@x.example", ".a@x.example", "\"a b@c\"@x.example", "o'neil+x@x.example", "a@[192.0.2.1]", "a@host"]
        {
            assert!(Address::parse(odd).is_some(), "{odd}");
        }
    }

    #[test]
    fn a_plus_tag_is_told_from_its_user() {
        let tagged = address("Log+Acme@Ours.example");
        assert_eq!(tagged.tag(), Some("acme"));
        assert_eq!(tagged.without_tag(), address("log@ours.example"));
        assert_eq!(tagged.without_tag().as_str(), "Log@Ours.example");
        assert_eq!(address("log@ours.example").tag(), None);
        assert_eq!(address("+log@ours.example").tag(), None);
        assert_eq!(address("+log@ours.example").without_tag(), address("+log@ours.example"));
    }

    #[test]
    fn an_address_is_a_string_in_json() {
        let party = Party { name: Some("Anna".into()), address: address("Anna@x.example") };
        let json = serde_json::to_string(&party).unwrap();
        assert_eq!(json, r#"{"name":"Anna","address":"Anna@x.example"}"#);
        assert_eq!(serde_json::from_str::<Party>(&json).unwrap(), party);
        assert!(serde_json::from_str::<Address>("\"nobody\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_not(text in "\\PC{0,40}@?\\PC{0,40}") {
            if let Some(address) = Address::parse(&text) {
                let again = Address::parse(address.folded());
                prop_assert_eq!(again.as_ref().map(Address::folded), Some(address.folded()));
                prop_assert_eq!(address.local().len() + 1 + address.domain().len(), address.folded().len());
                prop_assert!(address.without_tag().tag().is_none());
            }
        }
    }
}
