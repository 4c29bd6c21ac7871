//! Address lists (RFC 5322 section 3.4), groups and all.

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
    let line = format!("{canonical}\n");
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
    let written = mailbox.address.as_deref()?;
    // An obsolete route (`<@a,@b:user@host>`) names the relays first.
    let written = if written.starts_with('@') { written.rsplit(':').next().unwrap_or(written) } else { written };
    let address = Address::parse(written.trim_matches('\''))?;
    let name = mailbox.name.as_deref().map(|name| strip_quotes(&clean(name)).to_owned());
    let name = name.filter(|n| !n.is_empty() && Address::parse(n).as_ref() != Some(&address));
    Some(Party { name, address })
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
