//! What a server says it can do.

use std::collections::BTreeSet;

/// The capabilities of a server (RFC 3501 section 7.2.1), compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().map(|name| name.to_ascii_uppercase()).collect())
    }

    /// Whether the server announced `name`.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(&name.to_ascii_uppercase())
    }

    /// Gmail's X-GM-MSGID and X-GM-THRID.
    pub fn gmail(&self) -> bool {
        self.has("X-GM-EXT-1")
    }

    /// EMAILID and THREADID (RFC 8474).
    pub fn object_id(&self) -> bool {
        self.has("OBJECTID")
    }

    /// Modification sequences (RFC 7162).
    pub fn condstore(&self) -> bool {
        self.has("CONDSTORE") || self.has("QRESYNC")
    }

    /// IDLE (RFC 2177).
    pub fn idle(&self) -> bool {
        self.has("IDLE")
    }

    /// Attributes that tell a mailbox's purpose (RFC 6154). Exchange sends them without saying so.
    pub fn special_use(&self) -> bool {
        self.has("SPECIAL-USE")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_know_no_case() {
        let capabilities = Capabilities::new(["idle".to_owned(), "AUTH=xoauth2".to_owned()]);
        assert!(capabilities.idle() && capabilities.has("auth=XOAUTH2"));
        assert!(!capabilities.gmail() && !capabilities.object_id());
    }
}
