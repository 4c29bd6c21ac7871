//! The only place that knows SeaORM: what is read before a decision and written after it.
//!
//! [`open`] connects, migrates and begins transactions; [`workspaces`], [`users`], [`accounts`], [`never_log`] and
//! [`records`] hold what people and the CRM tell mailtrail.

pub mod accounts;
mod audits;
pub mod commit;
pub mod consents;
pub mod error;
pub mod facts;
pub mod grants;
pub mod health;
mod late;
pub mod leases;
pub mod ledger;
pub mod listen;
pub mod mailboxes;
pub mod never_log;
pub mod notices;
pub mod open;
mod originals;
pub mod outbox;
pub mod pending;
pub mod records;
mod reviews;
mod sendings;
pub mod service_lock;
pub mod settings;
#[cfg(test)]
pub mod testing;
pub mod timeline;
mod told;
pub mod usage;
pub mod users;
pub mod watching;
pub mod webhooks;
pub mod workspaces;

pub use audits::Found;
pub use error::StoreError;
pub use open::{Options, Store, Tx};

/// Values up to which an IN list is padded.
const PADDED: usize = 4_096;

/// The values of an IN list, the last one repeated up to a power of two: lists of any length then share few statements,
/// which the engines prepare once and keep.
fn padded<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        let room = values.len().next_power_of_two();
        // Long lists are rare, and an engine binds only so many values (SQLite 32,766).
        if room <= PADDED {
            values.resize(room, last);
        }
    }
    values
}
