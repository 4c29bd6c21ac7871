//! How much of a header is asked for.

use crate::mail::envelope::FIELDS;

/// Where a mail was delivered to tells apart the workspaces that share a dedicated mailbox (A18), and nothing about an
/// inbox; on most mail these are the longest fields.
const DELIVERY: &[&str] =
    &["Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Gm-Original-To", "Received"];

/// The header fields that tell whether a mail has to do with a thread. Of most mail nobody needs to know more.
const TIES: &[&str] =
    &["Message-ID", "X-Microsoft-Original-Message-ID", "In-Reply-To", "References", "Thread-Index", "Subject", "Date"];

/// How much of a header is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What ties it to a thread.
    Ties,
    /// All that may decide about mail of an inbox.
    Whole,
}

impl Part {
    pub(super) fn fields(self) -> Vec<&'static str> {
        match self {
            Self::Ties => TIES.to_vec(),
            Self::Whole => FIELDS.iter().copied().filter(|field| !DELIVERY.contains(field)).collect(),
        }
    }
}
