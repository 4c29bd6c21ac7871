//! The fields of a line as a typed row.

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound, Utc};
use serde_json::Value;

use crate::mail::address::Address;
use crate::mail::domain;
use crate::store::records::{CompanyRow, ContactRow, DealRow, Stage, UserRow};
use crate::store::users::Seat;

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// As CSV has it: lists separated by `;`, truth as a word.
    Text(String),
    /// A JSON list.
    List(Vec<String>),
}

/// The fields of a line. One that is not there leaves what the database has; an empty one empties it.
#[derive(Debug, Default)]
pub struct Fields(Vec<(&'static str, Field)>);

impl Field {
    /// JSON's `null` is an empty field.
    pub fn of_json(name: &str, value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(Self::Text(String::new())),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Bool(truth) => Ok(Self::Text(truth.to_string())),
            // A CRM whose keys are numbers.
            Value::Number(number) => Ok(Self::Text(number.to_string())),
            Value::Array(items) => {
                items.into_iter().map(|item| scalar(name, item)).collect::<Result<_, _>>().map(Self::List)
            }
            Value::Object(_) => Err(format!("{name} is an object; write a text or a list of texts")),
        }
    }
}

fn scalar(name: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(format!("{name} is a list of something else than texts")),
    }
}

impl Fields {
    /// Fields by column.
    pub fn new(fields: Vec<(&'static str, Field)>) -> Self {
        Self(fields)
    }

    /// A user.
    pub fn user(&self) -> Result<UserRow, String> {
        let login = self.text("login")?.filter(|login| !login.is_empty()).ok_or("login is empty")?;
        Ok(UserRow {
            login: address("login", &login)?,
            name: self.text("name")?,
            aliases: self.addresses("aliases")?,
            seat: self.word("seat", "core or view-only", Seat::parse)?,
            active: self.word("active", "true or false", truth)?,
        })
    }

    /// A company.
    pub fn company(&self) -> Result<CompanyRow, String> {
        let fold = |written: &String| {
            let bare = written.trim_start_matches('@');
            domain::fold(bare)
                .ok_or_else(|| format!("domains: \"{written}\" is no domain; write it as in customer.example"))
        };
        let domains = self.list("domains")?;
        Ok(CompanyRow {
            key: self.key()?,
            name: self.text("name")?,
            domains: domains.map(|list| list.iter().map(fold).collect()).transpose()?,
        })
    }

    /// A contact.
    pub fn contact(&self) -> Result<ContactRow, String> {
        let owner = self.text("owner")?;
        Ok(ContactRow {
            key: self.key()?,
            name: self.text("name")?,
            addresses: self.addresses("addresses")?,
            companies: self.list("companies")?,
            primary_company: self.text("primary_company")?,
            owner: owner
                .map(|login| if login.is_empty() { Ok(None) } else { address("owner", &login).map(Some) })
                .transpose()?,
        })
    }

    /// A deal.
    pub fn deal(&self) -> Result<DealRow, String> {
        Ok(DealRow {
            key: self.key()?,
            name: self.text("name")?,
            stage: self.word("stage", "open, won or lost", Stage::parse)?,
            created_at: self.word("created_at", "a date (2026-11-22) or a time (2026-11-22T10:00:00Z)", time)?,
            contacts: self.list("contacts")?,
        })
    }

    fn key(&self) -> Result<String, String> {
        self.text("key")?.filter(|key| !key.is_empty()).ok_or_else(|| "key is empty".to_owned())
    }

    fn field(&self, column: &str) -> Option<&Field> {
        self.0.iter().find(|(name, _)| *name == column).map(|(_, field)| field)
    }

    fn text(&self, column: &str) -> Result<Option<String>, String> {
        match self.field(column) {
            None => Ok(None),
            Some(Field::Text(text)) => Ok(Some(clean(text))),
            Some(Field::List(_)) => Err(format!("{column} is a list; write one text")),
        }
    }

    /// An empty word is as good as none: these have no empty state.
    fn word<T>(&self, column: &str, allowed: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, String> {
        let Some(word) = self.text(column)?.filter(|word| !word.is_empty()) else { return Ok(None) };
        parse(&word).map(Some).ok_or_else(|| format!("{column} is \"{word}\"; write {allowed}"))
    }

    fn list(&self, column: &str) -> Result<Option<Vec<String>>, String> {
        let items: Vec<String> = match self.field(column) {
            None => return Ok(None),
            Some(Field::Text(text)) => text.split(';').map(clean).collect(),
            Some(Field::List(items)) => items.iter().map(|item| clean(item)).collect(),
        };
        Ok(Some(items.into_iter().filter(|item| !item.is_empty()).collect()))
    }

    fn addresses(&self, column: &str) -> Result<Option<Vec<Address>>, String> {
        let list = self.list(column)?;
        list.map(|list| list.iter().map(|text| address(column, text)).collect()).transpose()
    }
}

/// PostgreSQL keeps no NUL in a text.
fn clean(text: &str) -> String {
    text.trim().replace('\0', "")
}

fn address(column: &str, text: &str) -> Result<Address, String> {
    Address::parse(text).ok_or_else(|| format!("{column}: \"{text}\" is no mail address"))
}

fn truth(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A date alone is its first moment in UTC.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let at = match DateTime::parse_from_rfc3339(text) {
        Ok(at) => at.to_utc(),
        Err(_) => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(NaiveTime::MIN).and_utc(),
    };
    Some(at.trunc_subsecs(6))
}
