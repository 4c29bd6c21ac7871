//! Mail that a rule of somebody's mailbox passed on, or that somebody resent: it keeps its sender (spec I5).

use serde::Serialize;

use super::address::{Address, Party};
use super::fields::Fields;
use super::parties;

/// The header fields that are read here.
pub(super) const FIELDS: [&str; 5] =
    ["X-Forwarded-To", "X-Forwarded-For", "Resent-From", "Resent-To", "X-MS-Exchange-Inbox-Rules-Loop"];

/// How many fields of one name are read.
const MAX_REPEATED: usize = 10;

/// The signs that a mail was redirected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Redirect {
    /// The addresses that it came by, the surest first. What a header says is no proof.
    pub by: Vec<Address>,
}

impl Redirect {
    /// What the header says of a redirection. Nobody redirects to us what they write themselves.
    pub(super) fn read(fields: &Fields<'_>, from: Option<&Party>) -> Option<Self> {
        let mut by: Vec<Address> = Vec::new();
        for name in FIELDS {
            // Some mail systems put the IP addresses of clients into X-Forwarded-For.
            let listed = fields.all(name).take(MAX_REPEATED).flat_map(|body| addresses(&body)).collect::<Vec<_>>();
            by.extend(listed);
        }
        by.extend(fields.first("Return-Path").and_then(|path| rewriter(&path)));
        let mut seen = std::collections::HashSet::new();
        by.retain(|by| from.is_none_or(|from| from.address != *by) && seen.insert(by.folded().to_owned()));
        (!by.is_empty()).then_some(Self { by })
    }
}

/// Gmail separates the addresses of X-Forwarded-For by a blank.
fn addresses(body: &str) -> Vec<Address> {
    let parties: Vec<Address> = parties::parse(body).into_iter().map(|party| party.address).collect();
    match parties.as_slice() {
        [] => body.split([' ', ',', ';']).filter_map(Address::parse).take(MAX_REPEATED).collect(),
        _ => parties,
    }
}

/// Who rewrote an envelope sender: `anna+caf_=log=crm.example@ours.example` of Gmail,
/// `anna+SRS=x=y=their.example=carla@ours.example` of Exchange, `SRS0=x=y=their.example=carla@ours.example` of the
/// Sender Rewriting Scheme.
fn rewriter(path: &str) -> Option<Address> {
    let address = Address::parse(path)?;
    let (local, domain) = address.as_str().rsplit_once('@')?;
    let folded = local.to_ascii_lowercase();
    for mark in ["+caf_=", "+srs="] {
        if let Some(at) = folded.find(mark) {
            return Address::parse(&format!("{}@{domain}", local.trim_start_matches('<').get(..at)?));
        }
    }
    (folded.starts_with("srs0=") || folded.starts_with("srs1=") || folded.starts_with("srs0+")).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(header: &str) -> Option<Vec<String>> {
        let redirect = Redirect::read(&Fields::parse(header.as_bytes()), None)?;
        Some(redirect.by.iter().map(|address| address.as_str().to_owned()).collect())
    }

    #[test]
    fn who_passed_a_mail_on_is_read_off_its_header() {
        for (header, expected) in [
            (
                "X-Forwarded-For: anna@ours.example log@crm.example\r\nX-Forwarded-To: log@crm.example\r\n",
                Some(&["log@crm.example", "anna@ours.example"][..]),
            ),
            ("Resent-From: Anna Berg <anna@ours.example>\r\n", Some(&["anna@ours.example"])),
            ("Return-Path: <anna+caf_=log=crm.example@ours.example>\r\n", Some(&["anna@ours.example"])),
            ("Return-Path: <anna+SRS=a=b=their.example=carla@ours.example>\r\n", Some(&["anna@ours.example"])),
            (
                "Return-Path: <SRS0=a=b=their.example=carla@ours.example>\r\n",
                Some(&["SRS0=a=b=their.example=carla@ours.example"]),
            ),
            ("X-MS-Exchange-Inbox-Rules-Loop: anna@ours.example\r\n", Some(&["anna@ours.example"])),
            ("X-Forwarded-For: 192.0.2.1, 198.51.100.7\r\n", None),
            ("Return-Path: <carla@their.example>\r\n", None),
            ("Subject: Hello\r\n", None),
        ] {
            let expected = expected.map(|all| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
            assert_eq!(by(header), expected, "{header}");
        }
    }
}
