//! Which workspace a mail in a shared mailbox is for (A18).

use std::collections::HashSet;

use crate::decide::facts::{Facts, WorkspaceFacts};
use crate::decide::{Code, Finding, Trace};
use crate::mail::address::Address;
use crate::mail::envelope::Envelope;

/// The workspace: by the tag of the address the mail was delivered to, else by the sender where that is unambiguous,
/// else by the plain address. The Bcc header itself is normally absent.
pub fn resolve<'a>(envelope: &Envelope, facts: &'a Facts, trace: &mut Trace) -> Result<&'a WorkspaceFacts, Code> {
    if let [only] = facts.workspaces.as_slice() {
        trace.found_by(Finding::WorkspaceIsOnlyOne, &only.name);
        return Ok(only);
    }
    let delivered = envelope.delivered_to.iter().map(Address::folded).collect();
    let anywhere = delivered_to(envelope);
    let addressed = |places: &HashSet<&str>, tagged: bool| {
        let mut named = facts.workspaces.iter().filter(|workspace| {
            let address = if tagged { &workspace.tagged_address } else { &workspace.plain_address };
            address.as_ref().is_some_and(|address| places.contains(address.folded()))
        });
        named.next().filter(|_| named.next().is_none())
    };
    // Of a mail to several tags each copy says in its own delivery fields whose it is.
    if let Some(workspace) = addressed(&delivered, true).or_else(|| addressed(&anywhere, true)) {
        trace.found_by(Finding::WorkspaceByAddress, &workspace.name);
        return Ok(workspace);
    }
    let of_sender: Vec<_> = facts.workspaces.iter().filter(|workspace| knows_sender(workspace, envelope)).collect();
    if let [only] = of_sender.as_slice() {
        trace.found_by(Finding::WorkspaceBySender, &only.name);
        return Ok(only);
    }
    match addressed(&anywhere, false) {
        Some(workspace) => {
            trace.found_by(Finding::WorkspaceByAddress, &workspace.name);
            Ok(workspace)
        }
        None => {
            trace.found(Finding::WorkspaceUnclear);
            Err(if of_sender.is_empty() { Code::UnknownSender } else { Code::AmbiguousSender })
        }
    }
}

/// Every address the mail may have been delivered to, folded.
fn delivered_to(envelope: &Envelope) -> HashSet<&str> {
    let visible = envelope.to.iter().chain(&envelope.cc).map(|party| &party.address);
    envelope.delivered_to.iter().chain(visible).map(|address| address.folded()).collect()
}

impl Facts {
    /// Whether the sender is one of us in some workspace.
    pub fn knows_sender(&self, envelope: &Envelope) -> bool {
        self.workspaces.iter().any(|workspace| knows_sender(workspace, envelope))
    }
}

fn knows_sender(workspace: &WorkspaceFacts, envelope: &Envelope) -> bool {
    let sender = envelope.from.first().map(|party| party.address.folded());
    sender.is_some_and(|sender| workspace.claims.contains_key(sender) || workspace.teams.contains_key(sender))
}
