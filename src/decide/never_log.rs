//! Never-log lists (section F).

use std::collections::HashSet;

use crate::mail::address::Address;

/// The normalised entries that cover `address`: itself, its domain, and `*.` each domain above it (F6, F12).
pub fn entries_matching(address: &Address) -> impl Iterator<Item = String> + use<> {
    let domain = address.domain();
    let parents = domain.match_indices('.').filter_map(|(at, _)| domain.get(at..)).map(|parent| format!("*{parent}"));
    [address.folded().to_owned(), domain.to_owned()].into_iter().chain(parents).collect::<Vec<_>>().into_iter()
}

/// The entry of `lists` that covers `address`, if one does: effective is the union of the lists (F2).
pub fn covering(address: &Address, lists: &[&HashSet<String>]) -> Option<String> {
    entries_matching(address).find(|entry| lists.iter().any(|list| list.contains(entry)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(address: &str, entry: &str) -> bool {
        let list = HashSet::from([entry.to_owned()]);
        covering(&Address::parse(address).unwrap(), &[&list]).is_some()
    }

    #[test]
    fn a_domain_entry_covers_exactly_that_domain() {
        assert!(covered("Ann@Secret.Example", "secret.example"));
        assert!(!covered("ann@sub.secret.example", "secret.example"));
        assert!(!covered("ann@notsecret.example", "secret.example"));
    }

    #[test]
    fn a_star_entry_covers_the_domains_below_and_not_the_domain_itself() {
        assert!(covered("ann@a.b.secret.example", "*.secret.example"));
        assert!(!covered("ann@secret.example", "*.secret.example"));
    }

    #[test]
    fn an_address_entry_covers_that_address_in_any_case() {
        assert!(covered("ANN@secret.example", "ann@secret.example"));
        assert!(!covered("bob@secret.example", "ann@secret.example"));
    }
}
