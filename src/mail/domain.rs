//! Domain names: one spelling for comparison, the registrable part, and whether anybody can have an address there.

use std::sync::LazyLock;

/// Free-mail domains, one a line, lower-case and sorted. They name no company (spec L22).
static FREE_MAIL: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("free_mail.txt").lines().collect());

/// The longest domain name (RFC 1035 section 2.3.4), with room for a trailing dot.
const MAX_LEN: usize = 254;

/// The domain in the form in which two spellings of it are equal: A-labels, lower-case, without a trailing dot.
///
/// An address literal (`[192.0.2.1]`) is kept, in lower case.
pub fn fold(domain: &str) -> Option<String> {
    let domain = domain.trim().trim_end_matches('.');
    if domain.is_empty() || domain.len() > MAX_LEN {
        return None;
    }
    if let Some(literal) = domain.strip_prefix('[') {
        let inner = literal.strip_suffix(']')?;
        let valid = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-".contains(&b));
        return valid.then(|| domain.to_ascii_lowercase());
    }
    // Nearly every domain is plain: no need for the tables of UTS 46.
    let folded = if is_plain(domain) { domain.to_ascii_lowercase() } else { idna::domain_to_ascii(domain).ok()? };
    let folded = folded.trim_end_matches('.');
    let whole = !folded.is_empty() && folded.split('.').all(|label| !label.is_empty()) && has_host_characters(folded);
    whole.then(|| folded.to_owned())
}

/// The part of a domain that its owner registered (`mail.example.co.uk` → `example.co.uk`), by the public suffix list.
///
/// A public suffix itself, a single label and an address literal have none.
pub fn registrable(domain: &str) -> Option<String> {
    let folded = fold(domain)?;
    if folded.starts_with('[') {
        return None;
    }
    psl::domain_str(&folded).map(str::to_owned)
}

/// Whether a folded domain is a name of several labels: neither an address literal nor the name of a machine like
/// `localhost`, which stands for another one elsewhere.
pub fn is_whole(folded: &str) -> bool {
    !folded.starts_with('[') && folded.contains('.')
}

/// Whether the domain is one where anybody gets an address.
pub fn is_free_mail(domain: &str) -> bool {
    fold(domain).is_some_and(|folded| FREE_MAIL.binary_search(&folded.as_str()).is_ok())
}

/// ASCII without a label that only UTS 46 can judge.
fn is_plain(domain: &str) -> bool {
    domain.is_ascii() && !domain.as_bytes().windows(4).any(|w| w.eq_ignore_ascii_case(b"xn--"))
}

/// Letters, digits, `-`, `.` and the `_` that mail systems get away with.
fn has_host_characters(domain: &str) -> bool {
    domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_domain_are_equal() {
        for (written, folded) in [
            ("Customer.EXAMPLE", "customer.example"),
            ("customer.example.", "customer.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("XN--bcher-kva.example", "xn--bcher-kva.example"),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"),
        ] {
            assert_eq!(fold(written).as_deref(), Some(folded), "{written}");
        }
    }

    #[test]
    fn what_is_no_domain_folds_to_nothing() {
        for wrong in ["", ".", "a..b", "a b.example", "x@y", "a,b", "[]", "[1.2.3.4", "a/b", &"a".repeat(300)] {
            assert_eq!(fold(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_registrable_part_follows_the_public_suffix_list() {
        for (domain, expected) in [
            ("mail.sales.customer.co.uk", Some("customer.co.uk")),
            ("customer.example", Some("customer.example")),
            ("a.b.customer.example", Some("customer.example")),
            ("co.uk", None),
            ("localhost", None),
            ("[192.0.2.1]", None),
            ("shop.食狮.公司.cn", Some("xn--85x722f.xn--55qx5d.cn")),
        ] {
            assert_eq!(registrable(domain).as_deref(), expected, "{domain}");
        }
    }

    #[test]
    fn a_free_mail_domain_is_known_in_any_spelling() {
        assert!(is_free_mail("Gmail.com"));
        assert!(is_free_mail("web.de"));
        assert!(is_free_mail("wp.pl"));
        assert!(!is_free_mail("customer.example"));
        assert!(!is_free_mail("mail.gmail.com"));
    }

    #[test]
    fn the_free_mail_list_is_sorted_folded_and_without_doubles() {
        assert!(FREE_MAIL.len() >= 300, "{}", FREE_MAIL.len());
        for pair in FREE_MAIL.windows(2) {
            assert!(pair[0] < pair[1], "{} before {}", pair[0], pair[1]);
        }
        for domain in FREE_MAIL.iter() {
            assert_eq!(fold(domain).as_deref(), Some(*domain));
        }
    }
}
