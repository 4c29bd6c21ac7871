//! Address lists (RFC 5322 section 3.4), groups and all.

use std::borrow::Cow;

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, HeaderValue};

use super::address::{Address, Party};
use super::encoded_word;
use super::fields::clean;

/// How many mailboxes one field is read for.
const MAX_PARTIES: usize = 5_000;

/// The people in the body of an address field. Entries without a whole address are left out, as is the empty group of
/// `undisclosed-recipients:;`.
pub fn parse(body: &str) -> Vec<Party> {
    mailboxes(body, |mailbox| party(&mailbox))
}

/// How many mailboxes the field claims to hold, usable or not.
pub fn count(body: &str) -> usize {
    mailboxes(body, |mailbox| mailbox.address.is_some().then_some(())).len()
}

fn mailboxes<T>(body: &str, each: impl Fn(Addr<'_>) -> Option<T>) -> Vec<T> {
    let canonical = encoded_word::canonical(body);
    // The parser takes a field as ended by its line end only.
    let line = format!("{}\n", shield(&canonical));
    match MessageStream::new(line.as_bytes()).parse_address() {
        HeaderValue::Address(mail_parser::Address::List(list)) => {
            list.into_iter().filter_map(each).take(MAX_PARTIES).collect()
        }
        HeaderValue::Address(mail_parser::Address::Group(groups)) => {
            groups.into_iter().flat_map(|g| g.addresses).filter_map(each).take(MAX_PARTIES).collect()
        }
        _ => Vec::new(),
    }
}

fn party(mailbox: &Addr<'_>) -> Option<Party> {
    let written = unshielded(mailbox.address.as_deref()?);
    let written = written.as_ref();
    // An obsolete route (`<@a,@b:user@host>`) names the relays first.
    let written = if written.starts_with('@') { written.rsplit(':').next().unwrap_or(written) } else { written };
    let address = Address::parse(written.trim_matches('\''))?;
    let name = mailbox.name.as_deref().map(|name| strip_quotes(&clean(&unshielded(name))).to_owned());
    let name = name.filter(|n| !n.is_empty() && Address::parse(n).as_ref() != Some(&address));
    Some(Party { name, address })
}

/// Where what is special in a quoted local part hides from the parser: private use, and nobody's.
const SHIELD: u32 = 0x10_F700;

/// The list with every quoted local part (`"john doe"@`, RFC 5321 section 4.1.2) as one atom. The parser would take it
/// for a display name.
fn shield(list: &str) -> Cow<'_, str> {
    if !list.contains('"') || list.chars().any(is_shielded) {
        return Cow::Borrowed(list);
    }
    let mut shielded = String::with_capacity(list.len());
    let (mut rest, mut comments) = (list, 0_u32);
    while let Some(c) = rest.chars().next() {
        let quoted = if c == '"' && comments == 0 { quoted_length(rest) } else { None };
        let (piece, behind) = rest.split_at(quoted.unwrap_or(c.len_utf8()));
        rest = behind;
        match c {
            '\\' => {
                shielded.push(c);
                let mut pair = rest.chars();
                shielded.extend(pair.next());
                rest = pair.as_str();
                continue;
            }
            '(' => comments += 1,
            ')' => comments = comments.saturating_sub(1),
            _ => {}
        }
        // Space may stand around the `@` (obs-local-part of RFC 5322 section 4.4).
        let domain = rest.trim_start_matches([' ', '\t']);
        if quoted.is_some() && domain.starts_with('@') {
            shielded.extend(piece.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { shielded_form(c) }));
            rest = domain;
        } else {
            shielded.push_str(piece);
        }
    }
    Cow::Owned(shielded)
}

/// The length of the quoted string that `text` begins with, quotes and all.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn shielded_form(c: char) -> char {
    if c.is_ascii() { char::from_u32(SHIELD + u32::from(c)).unwrap_or(c) } else { c }
}

fn is_shielded(c: char) -> bool {
    (SHIELD..SHIELD + 0x80).contains(&u32::from(c))
}

fn unshielded(text: &str) -> Cow<'_, str> {
    if !text.contains(is_shielded) {
        return Cow::Borrowed(text);
    }
    let plain = |c: char| if is_shielded(c) { char::from_u32(u32::from(c) - SHIELD).unwrap_or(c) } else { c };
    Cow::Owned(text.chars().map(plain).collect())
}

/// The name without the quotes that some clients put around it a second time.
fn strip_quotes(name: &str) -> &str {
    let inner = ['\'', '"'].iter().find_map(|q| name.strip_prefix(*q)?.strip_suffix(*q));
    inner.unwrap_or(name).trim()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(body: &str) -> Vec<(String, String)> {
        parse(body).into_iter().map(|p| (p.name.unwrap_or_default(), p.address.as_str().to_owned())).collect()
    }

    fn pair(name: &str, address: &str) -> (String, String) {
        (name.to_owned(), address.to_owned())
    }

    #[test]
    fn mailboxes_are_read_in_every_form() {
        for (body, name, address) in [
            ("anna@x.example", "", "anna@x.example"),
            ("<anna@x.example>", "", "anna@x.example"),
            ("Anna Berg <anna@x.example>", "Anna Berg", "anna@x.example"),
            ("\"Berg, Anna\" <anna@x.example>", "Berg, Anna", "anna@x.example"),
            ("anna@x.example (Anna Berg)", "Anna Berg", "anna@x.example"),
            ("=?utf-8?Q?Berg=2C_=C3=85sa?= <asa@x.example>", "Berg, Åsa", "asa@x.example"),
            ("\"=?utf-8?Q?=C3=85sa_Berg?=\" <asa@x.example>", "Åsa Berg", "asa@x.example"),
            ("=?utf-8?B?5pc=?= =?utf-8?B?pQ==?= <a@x.example>", "日", "a@x.example"),
            ("Åsa <asa@x.example>", "Åsa", "asa@x.example"),
            ("\"'anna@x.example'\" <anna@x.example>", "", "anna@x.example"),
            ("'Anna Berg' <anna@x.example>", "Anna Berg", "anna@x.example"),
            ("<@relay.example,@b.example:anna@x.example>", "", "anna@x.example"),
            ("\"An\\\"na\" <anna@x.example>", "An\"na", "anna@x.example"),
        ] {
            assert_eq!(list(body), [pair(name, address)], "{body}");
        }
    }

    #[test]
    fn a_quoted_local_part_is_no_name() {
        let john = "\"john doe\"@customer.example";
        for (body, expected) in [
            (john.to_owned(), vec![pair("", john)]),
            (format!("<{john}>"), vec![pair("", john)]),
            (format!("John <{john}>"), vec![pair("John", john)]),
            (format!("\"Doe, John\" <{john}>"), vec![pair("Doe, John", john)]),
            (
                format!("a@x.example, {john}, b@x.example"),
                [pair("", "a@x.example"), pair("", john), pair("", "b@x.example")].into(),
            ),
            (format!("Sales: {john}, b@x.example;"), vec![pair("", john), pair("", "b@x.example")]),
            ("\"john doe\" @customer.example".to_owned(), vec![pair("", john)]),
            ("\"a,b <c>\"@x.example".to_owned(), vec![pair("", "\"a,b <c>\"@x.example")]),
            ("\"a \\\"b\\\" @c\"@x.example".to_owned(), vec![pair("", "\"a \\\"b\\\" @c\"@x.example")]),
            ("a@x.example (\"no one\"@all)".to_owned(), vec![pair("\"no one\"@all", "a@x.example")]),
        ] {
            assert_eq!(list(&body), expected, "{body}");
        }
    }

    #[test]
    fn the_dot_that_ends_a_domain_name_costs_no_mailbox() {
        let parties = parse("a@customer.example., Bo <bo@customer.example.>");
        let folded: Vec<_> = parties.iter().map(|party| party.address.folded()).collect();
        assert_eq!(folded, ["a@customer.example", "bo@customer.example"]);
    }

    #[test]
    fn groups_are_their_members() {
        assert_eq!(
            list("Sales: Anna <anna@x.example>, bo@x.example; , c@x.example"),
            [pair("Anna", "anna@x.example"), pair("", "bo@x.example"), pair("", "c@x.example")]
        );
        assert!(list("undisclosed-recipients:;").is_empty());
        assert!(list("Undisclosed recipients: ;").is_empty());
    }

    #[test]
    fn entries_without_a_whole_address_are_left_out() {
        assert_eq!(list("Anna, <bo>, c@x.example, d@"), [pair("", "c@x.example")]);
        assert!(list("").is_empty());
    }

    #[test]
    fn every_claimed_mailbox_counts() {
        assert_eq!(count("a@x.example"), 1);
        assert_eq!(count("a@x.example, <boss>"), 2);
        assert_eq!(count("Anna Berg"), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_list(text in "[a@x.,;:<>()\"\\\\ =?\\PC]{0,60}") {
            for party in parse(&text) {
                prop_assert!(party.name.is_none_or(|n| !n.is_empty() && !n.chars().any(char::is_control)));
            }
        }
    }
}
