//! The mailboxes of an account: their names, and what they are for.

use async_imap::imap_proto::{MailboxListData, NameAttribute};
use base64::Engine as _;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

/// What a mailbox is for, told by its attributes (RFC 6154) and never by its name, which is in the user's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Where mail arrives.
    Inbox,
    /// All messages; on Gmail without spam and trash.
    All,
    /// Sent messages.
    Sent,
    /// Drafts.
    Drafts,
    /// Spam.
    Junk,
    /// Deleted messages.
    Trash,
    /// Archived messages.
    Archive,
}

impl Role {
    /// A stable word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::All => "all",
            Self::Sent => "sent",
            Self::Drafts => "drafts",
            Self::Junk => "junk",
            Self::Trash => "trash",
            Self::Archive => "archive",
        }
    }

    fn of(attribute: &NameAttribute<'_>) -> Option<Self> {
        Some(match attribute {
            NameAttribute::All => Self::All,
            NameAttribute::Sent => Self::Sent,
            NameAttribute::Drafts => Self::Drafts,
            NameAttribute::Junk => Self::Junk,
            NameAttribute::Trash => Self::Trash,
            NameAttribute::Archive => Self::Archive,
            _ => return None,
        })
    }
}

/// One mailbox of a LIST answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxInfo {
    /// Its name as the server knows it: what EXAMINE takes.
    pub wire_name: String,
    /// Its name for people.
    pub name: String,
    /// What it is for; a mailbox may have several purposes or none.
    pub roles: Vec<Role>,
    /// Whether it can be examined at all.
    pub selectable: bool,
}

impl MailboxInfo {
    pub(super) fn of(data: &MailboxListData<'_>) -> Self {
        let wire_name = unescaped(&data.name);
        let mut roles: Vec<Role> = data.name_attributes.iter().filter_map(Role::of).collect();
        if wire_name.eq_ignore_ascii_case("INBOX") {
            roles.push(Role::Inbox);
        }
        roles.sort_unstable();
        roles.dedup();
        let barred = |attribute: &NameAttribute<'_>| match attribute {
            NameAttribute::NoSelect => true,
            NameAttribute::Extension(name) => name.eq_ignore_ascii_case("\\NonExistent"),
            _ => false,
        };
        let selectable = !data.name_attributes.iter().any(barred) && quoted(&wire_name).is_some();
        Self { name: decoded(&wire_name), wire_name, roles, selectable }
    }
}

/// A string as it goes into a command; none for what a quoted string cannot hold (RFC 3501 section 9).
pub(super) fn quoted(text: &str) -> Option<String> {
    if !text.chars().all(|c| c.is_ascii() && !c.is_ascii_control()) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Undoes the escapes of a quoted string, which the parser leaves in. It does not tell a quoted string from a literal
/// either, but a literal with only complete escapes in it is hardly a mailbox.
fn unescaped(name: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(name.len()), name.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(escaped @ ('\\' | '"')) => plain.push(escaped),
                _ => return name.to_owned(),
            },
            '"' => return name.to_owned(),
            _ => plain.push(c),
        }
    }
    plain
}

/// Modified UTF-7 (RFC 3501 section 5.1.3). A name that is none is shown as it is.
fn decoded(name: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(name.len()), name);
    while let Some((before, coded)) = rest.split_once('&') {
        let Some((coded, after)) = coded.split_once('-') else { return name.to_owned() };
        plain.push_str(before);
        match coded {
            "" => plain.push('&'),
            _ => match utf16(coded) {
                Some(text) => plain.push_str(&text),
                None => return name.to_owned(),
            },
        }
        rest = after;
    }
    plain + rest
}

fn utf16(coded: &str) -> Option<String> {
    let alphabet = Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").ok()?;
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&alphabet, config).decode(coded).ok()?;
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    String::from_utf16(&units).ok().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_from_modified_utf_7() {
        assert_eq!(decoded("Elementy wys&AUI-ane"), "Elementy wysłane");
        assert_eq!(decoded("&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-"), "Отправленные");
        assert_eq!(decoded("R&-D"), "R&D");
        assert_eq!(decoded("&2D3eAA-"), "😀");
    }

    #[test]
    fn a_name_that_is_no_modified_utf_7_is_shown_as_it_is() {
        for name in ["AT&T-x", "A & B", "&AUI", "&2D0-", "&A-"] {
            assert_eq!(decoded(name), name);
        }
    }

    #[test]
    fn quoted_specials_are_unescaped_once() {
        assert_eq!(unescaped(r#"a\\b \"c\""#), r#"a\b "c""#);
        assert_eq!(unescaped(r"a\b"), r"a\b");
        assert_eq!(unescaped(r#"a"b"#), r#"a"b"#);
        assert_eq!(quoted(r#"a\b "c""#).as_deref(), Some(r#""a\\b \"c\"""#));
    }

    #[test]
    fn no_command_can_be_smuggled_into_a_name() {
        assert_eq!(quoted("INBOX\"\r\nA1 DELETE INBOX"), None);
        assert_eq!(quoted("żółw"), None);
    }
}
