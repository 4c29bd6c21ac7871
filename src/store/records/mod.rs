//! What the CRM tells us: users, companies, contacts and deals, mirrored by key.
//!
//! An import is one transaction. Rows come in batches; a row that cannot be taken is noted as a bad line and the rest is
//! still looked at, so that one run finds every bad line. With any bad line nothing is kept.

mod batch;
mod companies;
pub mod contacts;
mod deals;
mod links;
mod rows;
mod users;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use entity::workspace;
use sea_orm::{ConnectionTrait, DatabaseBackend};

pub use rows::{CompanyRow, ContactRow, DealRow, Numbered, Stage, UserRow};

use super::commit::watched::wake_people;
use super::commit::{WaitingKey, lock_workspaces};
use super::{Store, StoreError, Tx};
use crate::clock::Clock;

/// Rows in a batch: few enough for the engines' limits on parameters, enough to make round trips rare.
pub const BATCH: usize = 500;

/// A batch of rows of one kind.
#[derive(Debug)]
pub enum Rows {
    /// CRM users.
    Users(Vec<Numbered<UserRow>>),
    /// Companies.
    Companies(Vec<Numbered<CompanyRow>>),
    /// Contacts.
    Contacts(Vec<Numbered<ContactRow>>),
    /// Deals.
    Deals(Vec<Numbered<DealRow>>),
}

/// A line that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Why, and what to do.
    pub reason: String,
}

/// What an import came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows made.
    pub made: u64,
    /// Rows changed.
    pub changed: u64,
    /// Rows that were right already.
    pub unchanged: u64,
    /// Lines that cannot be taken; with any of them nothing was written.
    pub bad: Vec<BadLine>,
}

impl Report {
    fn count(&mut self, is_new: bool, is_changed: bool) {
        match (is_new, is_changed) {
            (true, _) => self.made += 1,
            (false, true) => self.changed += 1,
            (false, false) => self.unchanged += 1,
        }
    }
}

/// An import on its way.
pub struct Import<'a> {
    tx: Tx,
    backend: DatabaseBackend,
    batches: u32,
    workspace: &'a workspace::Model,
    clock: &'a Clock,
    report: Report,
    /// Keys seen so far, hashed, with their lines: a file may be long.
    seen: HashMap<u64, u64>,
    hasher: RandomState,
    /// Addresses and domains that belonged to another row when theirs was read. A later line may free them.
    claims: Vec<links::Claim>,
    /// The key of the hashes by which mail waits for new contacts, where it does (K2).
    waiting: Option<WaitingKey>,
}

impl<'a> Import<'a> {
    /// Begins an import into a workspace.
    pub async fn begin(store: &Store, workspace: &'a workspace::Model, clock: &'a Clock) -> Result<Self, StoreError> {
        let tx = store.begin().await?;
        // The service makes contacts at the same time; of the same address, the later one would fail.
        lock_workspaces(&tx, [workspace.id].into()).await?;
        Ok(Self {
            tx,
            backend: store.backend,
            batches: 0,
            workspace,
            clock,
            report: Report::default(),
            seen: HashMap::new(),
            hasher: RandomState::new(),
            claims: Vec::new(),
            waiting: None,
        })
    }

    /// The same, which has mail judged again that waits for one of the contacts.
    pub fn waking(self, waiting: Option<WaitingKey>) -> Self {
        Self { waiting, ..self }
    }

    async fn wake(&self, addresses: impl Iterator<Item = &str>) -> Result<(), StoreError> {
        let Some(waiting) = self.waiting else { return Ok(()) };
        wake_people(&self.tx, addresses.map(|folded| (self.workspace.id, folded)), waiting).await
    }

    /// Takes a batch of at most [`BATCH`] rows. All batches of an import are of one kind.
    pub async fn take(&mut self, rows: Rows) -> Result<(), StoreError> {
        match rows {
            Rows::Users(rows) => users::take(self, rows).await?,
            Rows::Companies(rows) => companies::take(self, rows).await?,
            Rows::Contacts(rows) => contacts::take(self, rows).await?,
            Rows::Deals(rows) => deals::take(self, rows).await?,
        }
        self.batches += 1;
        self.refresh_plans().await
    }

    /// PostgreSQL plans by what it last counted, which for tables that this very transaction fills is nothing: it would
    /// walk all rows of the workspace in every look-up. So it counts again whenever they may have doubled. A count locks
    /// its table against other counts up to the end of the transaction: an import elsewhere does not wait for it.
    async fn refresh_plans(&self) -> Result<(), StoreError> {
        if self.backend == DatabaseBackend::Postgres && self.batches.is_power_of_two() {
            let tables = "contact, contact_address, contact_company, company, company_domain, deal, deal_contact";
            self.tx.execute_unprepared(&format!("ANALYZE (SKIP_LOCKED) {tables}")).await?;
        }
        Ok(())
    }

    /// Notes a line that cannot be taken.
    pub fn bad(&mut self, line: u64, reason: impl Into<String>) {
        self.report.bad.push(BadLine { line, reason: reason.into() });
    }

    /// Settles what later lines may have freed; keeps everything, or with a bad line nothing.
    pub async fn finish(mut self) -> Result<Report, StoreError> {
        links::settle(&mut self).await?;
        self.report.bad.sort_by_key(|bad| bad.line);
        if self.report.bad.is_empty() {
            self.tx.commit().await?;
        }
        Ok(self.report)
    }

    /// Leaves out rows whose key was there before, and notes them.
    fn once<T>(&mut self, rows: Vec<Numbered<T>>, key: impl Fn(&T) -> &str) -> Vec<Numbered<T>> {
        let mut first = Vec::with_capacity(rows.len());
        for row in rows {
            match self.seen.insert(self.hasher.hash_one(key(&row.row)), row.line) {
                None => first.push(row),
                Some(before) => {
                    let reason = format!("{} is on line {before} already; leave one of the two", key(&row.row));
                    self.bad(row.line, reason);
                }
            }
        }
        first
    }
}

#[cfg(test)]
mod tests;
