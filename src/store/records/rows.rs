//! The rows of an import. A field that is `None` was not in the file and leaves what is there.

use chrono::{DateTime, Utc};

use crate::mail::address::Address;
use crate::store::users::Seat;

/// A row and the line it began on.
#[derive(Debug, Clone)]
pub struct Numbered<T> {
    /// The line, from 1.
    pub line: u64,
    /// The row.
    pub row: T,
}

/// A CRM user; the key is the login.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// Login address.
    pub login: Address,
    /// Display name.
    pub name: Option<String>,
    /// Further addresses of the user; they replace those before.
    pub aliases: Option<Vec<Address>>,
    /// `core` for a new user where not given.
    pub seat: Option<Seat>,
    /// True for a new user where not given.
    pub active: Option<bool>,
}

/// A company.
#[derive(Debug, Clone)]
pub struct CompanyRow {
    /// The CRM's identifier.
    pub key: String,
    /// Display name.
    pub name: Option<String>,
    /// Mail domains, folded; they replace those before.
    pub domains: Option<Vec<String>>,
}

/// A contact.
#[derive(Debug, Clone)]
pub struct ContactRow {
    /// The CRM's identifier.
    pub key: String,
    /// Display name; empty for none.
    pub name: Option<String>,
    /// Addresses, the primary first; they replace those before.
    pub addresses: Option<Vec<Address>>,
    /// Companies by key or domain; they replace those before.
    pub companies: Option<Vec<String>>,
    /// The primary company by key or domain; empty for none. It need not be in `companies` too.
    pub primary_company: Option<String>,
    /// Login of the owner; the inner `None` for nobody.
    pub owner: Option<Option<Address>>,
}

/// A deal.
#[derive(Debug, Clone)]
pub struct DealRow {
    /// The CRM's identifier.
    pub key: String,
    /// Display name.
    pub name: Option<String>,
    /// Open for a new deal where not given.
    pub stage: Option<Stage>,
    /// When the deal was made in the CRM; the time of the import for a new deal where not given.
    pub created_at: Option<DateTime<Utc>>,
    /// Contacts by key or address; they replace those before.
    pub contacts: Option<Vec<String>>,
}

/// Where a deal stands (E3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Takes mail.
    Open,
    /// Closed.
    Won,
    /// Closed.
    Lost,
}

impl Stage {
    /// The word that the database and imports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// The stage of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Won, Self::Lost].into_iter().find(|stage| stage.as_str().eq_ignore_ascii_case(word))
    }
}
