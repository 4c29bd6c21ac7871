//! Which records a mail is put on besides its contacts (section E).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::mail::address::Address;
use crate::mail::domain;

/// A contact's tie to a company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompanyLink {
    /// The company.
    pub company: Uuid,
    /// Whether it is the contact's primary one.
    pub is_primary: bool,
}

/// The company a contact's mail is put on: the primary one, else the only one (E2).
pub fn company(links: &[CompanyLink]) -> Option<Uuid> {
    let primary = links.iter().find(|link| link.is_primary);
    match (primary, links) {
        (Some(link), _) | (None, [link]) => Some(link.company),
        (None, _) => None,
    }
}

/// An open deal of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDeal {
    /// The deal.
    pub deal: Uuid,
    /// The CRM's key.
    pub key: String,
    /// When the deal was made.
    pub created_at: DateTime<Utc>,
}

/// The newest `limit` open deals of one contact: by creation, then by key (E3, decision 7).
pub fn deals(mut open: Vec<OpenDeal>, limit: usize) -> Vec<Uuid> {
    open.sort_by(|a, b| (b.created_at, &b.key).cmp(&(a.created_at, &a.key)));
    open.into_iter().take(limit).map(|deal| deal.deal).collect()
}

/// The company domains that a contact's address may belong to, nearest first: none for free-mail providers (E8, L22).
pub fn company_domains(address: &Address) -> Vec<String> {
    let own = address.domain();
    let registrable = domain::registrable(own);
    if domain::is_free_mail(own) || registrable.as_deref().is_some_and(domain::is_free_mail) {
        return Vec::new();
    }
    let parent = registrable.filter(|parent| parent != own);
    std::iter::once(own.to_owned()).chain(parent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deal(n: u128, day: i64, key: &str) -> OpenDeal {
        let created_at = DateTime::from_timestamp(day * 86_400, 0).unwrap();
        OpenDeal { deal: Uuid::from_u128(n), key: key.to_owned(), created_at }
    }

    #[test]
    fn deals_are_the_newest_and_ties_go_to_the_higher_key() {
        let open = vec![deal(1, 1, "a"), deal(2, 3, "b"), deal(3, 2, "c"), deal(4, 3, "d")];
        assert_eq!(deals(open, 3), [4, 2, 3].map(Uuid::from_u128));
    }

    #[test]
    fn the_company_is_the_primary_or_the_only_one() {
        let link = |n, is_primary| CompanyLink { company: Uuid::from_u128(n), is_primary };
        assert_eq!(company(&[link(1, false), link(2, true)]), Some(Uuid::from_u128(2)));
        assert_eq!(company(&[link(1, false)]), Some(Uuid::from_u128(1)));
        assert_eq!(company(&[link(1, false), link(2, false)]), None);
        assert_eq!(company(&[]), None);
    }

    #[test]
    fn a_free_mail_domain_is_no_company() {
        let of = |address| company_domains(&Address::parse(address).unwrap());
        assert_eq!(of("ann@gmail.com"), Vec::<String>::new());
        assert_eq!(of("ann@sales.acme.co.uk"), ["sales.acme.co.uk", "acme.co.uk"]);
        assert_eq!(of("ann@acme.example"), ["acme.example"]);
    }
}
