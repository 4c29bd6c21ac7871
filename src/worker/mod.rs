//! One task an account: connect, plan, fetch, decide, commit.
//!
//! ```text
//! service ──► account: token ► connect ► mailbox ► plan ──► intake: bodies ─► parse ─► decide + store blobs ─► commit
//!    ▲                                                        (each a stage, all at once, memory bounded by a budget)
//!    └── backoff(failures, trouble, longest)
//! ```

pub mod account;
mod attachments;
pub mod audit;
mod audit_loop;
pub mod backoff;
mod commit_stage;
pub mod common;
pub mod connected;
mod deadline;
pub mod declared;
pub mod files;
mod heal;
mod intake;
mod judge;
mod judge_stage;
mod lag;
mod large;
pub mod lease;
pub(crate) mod login;
mod notify;
pub mod once;
pub mod pace;
mod parse_stage;
pub mod parser;
pub mod policy;
mod prepare;
pub mod pulse;
mod ramp;
mod refused;
mod reload;
mod review;
mod running;
mod second_chance;
pub mod service;
mod signals;
mod stay;
mod supervisor;
mod told;
pub mod turn;
mod usage;
mod watch;
mod windows;

use std::sync::Arc;

use self::common::Common;
use self::lease::Leases;
use self::turn::Turn;
use crate::attachments::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::oauth::tokens::Tokens;
use crate::source::Budget;
use crate::store::Store;
use crate::store::commit::{CommitPolicy, WaitingKey};
use crate::store::leases::Fence;

/// What every account's task works with. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    /// The database.
    pub store: Store,
    /// Attachments.
    pub blobs: Blobs,
    /// Access tokens.
    pub tokens: Arc<Tokens>,
    /// Whom to trust on the wire.
    pub tls: Arc<rustls::ClientConfig>,
    /// The configuration.
    pub config: Arc<Config>,
    /// Time and identifiers.
    pub clock: Clock,
    /// Room in memory for fetched mail, over all accounts.
    pub memory: Budget,
    /// The same for messages that come in slices: on a budget of their own, a slow server that sends one cannot keep
    /// the other accounts waiting.
    pub memory_for_large: Budget,
    /// The installation's key for hashes of Message-IDs.
    pub hash_key: Arc<[u8; 32]>,
    /// Which accounts this process reads.
    pub leases: Leases,
    /// Under what it writes.
    pub fence: Fence,
    /// What all accounts' tasks share.
    pub common: Arc<Common>,
    /// This account's place among those that are busy.
    pub turn: Turn,
}

impl Worker {
    /// The same, that writes only as long as `fence` stands.
    pub(crate) fn under(&self, fence: Fence) -> Self {
        Self { fence, ..self.clone() }
    }

    /// What the store needs to know to write a batch.
    pub(crate) fn commit_policy(&self) -> CommitPolicy {
        CommitPolicy {
            deals: self.config.limits.deals,
            contact_owner: self.config.policy.contact_owner,
            create_companies: self.config.policy.create_companies,
            patience: self.config.attachments.patience(),
            waiting: WaitingKey::new(*self.hash_key),
        }
    }
}
