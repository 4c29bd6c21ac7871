//! Where things are kept and how much of them.

use std::path::PathBuf;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::optional;
use super::value::{DatabaseUrl, Secret};
use crate::store::commit::late::Patience;

const MEBIBYTE: u64 = 1024 * 1024;

/// `[database]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://FILE` or `postgres://…`.
    pub url: DatabaseUrl,
    /// Connections held at most. PostgreSQL only: SQLite has one writer anyway.
    pub max_connections: u32,
    /// Seconds to wait for a free connection, or for a lock that another program holds.
    pub wait_seconds: u64,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://mailtrail.db".into(), max_connections: 10, wait_seconds: 30 }
    }
}

/// `[tls]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificates (PEM) to trust besides the public ones.
    #[serde(with = "optional")]
    pub ca_file: Option<PathBuf>,
    /// Whether an account may speak to this machine without TLS.
    pub allow_plaintext_loopback: bool,
}

/// `[attachments]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attachments {
    /// `file:///FOLDER` or a plain path.
    pub url: String,
    /// The largest attachment that is kept, in decoded bytes (H1).
    pub max_bytes: u64,
    /// Hours that attachments are waited for which a scanner holds back (H7).
    pub pending_hours: u32,
    /// Seconds until the first look for them.
    pub look_again_seconds: u32,
    /// Names of what scanners deliver in their place, besides those that are known.
    pub placeholders: Vec<String>,
}

impl Attachments {
    /// How long attachments are waited for that come later.
    pub fn patience(&self) -> Patience {
        let bound = TimeDelta::hours(i64::from(self.pending_hours));
        Patience { bound, first: TimeDelta::seconds(i64::from(self.look_again_seconds)) }
    }
}

impl Default for Attachments {
    fn default() -> Self {
        Self {
            url: "mailtrail-attachments".to_owned(),
            max_bytes: 50 * MEBIBYTE,
            pending_hours: 24,
            look_again_seconds: 60,
            placeholders: Vec::new(),
        }
    }
}

/// What to do with a body over the limit (H5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyOverLimit {
    /// Log the beginning of it and say so.
    #[default]
    Truncate,
    /// Do not log the mail.
    Reject,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest text or HTML that is kept whole, in bytes (H5).
    pub body_bytes: u64,
    /// What happens to a larger one.
    pub body_over_limit: BodyOverLimit,
    /// The largest mail that is fetched, in bytes.
    pub message_bytes: u64,
    /// The largest mail that is logged when it was redirected to a forwarding address, in bytes (H6).
    pub hosted_bytes: u64,
    /// Recipients of one mail that get the activity; the rest is recorded as excess (A21).
    pub recipients: usize,
    /// Open deals of a contact that get the activity (E3).
    pub deals: usize,
    /// Attempts at a message before it is quarantined (L16).
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 2 * MEBIBYTE,
            body_over_limit: BodyOverLimit::default(),
            message_bytes: 150 * MEBIBYTE,
            hosted_bytes: 30 * MEBIBYTE,
            recipients: 50,
            deals: 5,
            attempts: 5,
        }
    }
}

/// `[secrets]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// Base64 of 32 bytes a line: the first seals, all of them open.
    pub key_file: PathBuf,
    /// The same by value, for places without a file system to trust; it goes before the file.
    #[serde(with = "optional")]
    pub key: Option<Secret>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self { key_file: "mailtrail.key".into(), key: None }
    }
}
