//! Whole messages: what they become, what they forward, what is new in them.

use mailtrail::mail::address::{Address, Party};
use mailtrail::mail::content::{display_html, truncate_text};
use mailtrail::mail::forwarded::{MAX_ORIGINALS, each, into_original};
use mailtrail::mail::message::Mail;
use mailtrail::mail::reply::reply_text;

/// Characters of a text that came out of `size` octets, at most: every octet may become a character of three octets, and
/// tables and lists of HTML are set with blanks.
fn room(size: usize) -> usize {
    64 * 1024 + 24 * size
}

pub(crate) fn mail(raw: &[u8]) {
    let Ok(mail) = Mail::parse(raw) else { return };
    whole(&mail, raw.len());
    assert_eq!(mail.size, raw.len());
    let kept: usize = mail.attachments.iter().map(|part| part.bytes.len()).sum();
    assert!(kept <= raw.len(), "{kept} octets of attachments in {}", raw.len());
    let shown = mail.html.as_deref().map(display_html).unwrap_or_default();
    let lower = shown.to_ascii_lowercase();
    assert!(!lower.contains("<script") && !lower.contains("javascript:"), "{shown}");
    let new = reply_text(mail.text.as_deref(), mail.html.as_deref(), mail.has_plain_text);
    assert!(new.is_none_or(|new| new.len() <= room(raw.len())));
}

pub(crate) fn forward(raw: &[u8]) {
    let Ok(mail) = Mail::parse(raw) else { return };
    let mail = mail.with_forward();
    if let Some(Ok(forwarded)) = mail.forward.as_deref() {
        let original = forwarded.original();
        assert!(original.text.len() <= room(raw.len()));
        assert!(original.html.as_ref().is_none_or(|html| html.len() <= room(raw.len())));
        assert!(forwarded.others.len() < MAX_ORIGINALS.max(1));
        let people = original.to.iter().chain(&original.cc).chain([&original.from]);
        for address in people.filter_map(|person| person.address.as_ref()) {
            again(address);
        }
        serde_is_total(&forwarded.shown());
    }
    let parted = each(mail);
    assert!(!parted.is_empty() && parted.len() <= MAX_ORIGINALS, "{}", parted.len());
    for one in parted {
        let original = into_original(one);
        whole(&original, raw.len());
    }
}

fn serde_is_total(shown: &impl std::fmt::Display) {
    assert!(!shown.to_string().is_empty());
}

/// The first octet says which of the two a mail has; a NUL parts them.
pub(crate) fn reply(raw: &[u8]) {
    let (kind, rest) = raw.split_first().map_or((0, raw), |(kind, rest)| (*kind, rest));
    let text = String::from_utf8_lossy(rest);
    let new = match kind % 3 {
        0 => {
            let new = reply_text(Some(&text), None, true);
            assert!(new.as_ref().is_none_or(|new| new.len() <= text.len()), "plain text grew: {new:?}");
            new
        }
        1 => reply_text(None, Some(&text), false),
        _ => {
            let (plain, html) = text.split_once('\0').unwrap_or((&text, ""));
            reply_text(Some(plain), Some(html), true)
        }
    };
    let Some(new) = new else { return };
    assert!(new.len() <= room(text.len()));
    assert_eq!(new.trim_end(), new, "blanks behind it");
}

fn whole(mail: &Mail, size: usize) {
    let envelope = &mail.envelope;
    for text in [&mail.text, &mail.html].into_iter().flatten() {
        assert!(text.len() <= room(size), "{} characters of {size} octets", text.len());
        assert!(truncate_text(text, 100).len() <= 100 && text.starts_with(truncate_text(text, 100)));
    }
    let people = envelope.from.iter().chain(&envelope.to).chain(&envelope.cc).chain(&envelope.reply_to);
    for Party { name, address } in people.chain(&envelope.sender) {
        again(address);
        assert!(!name.as_deref().unwrap_or_default().chars().any(char::is_control), "{name:?}");
    }
    for id in envelope.message_id.iter().chain(&envelope.in_reply_to).chain(&envelope.references) {
        let id = id.as_str();
        assert!(!id.is_empty() && !id.chars().any(|c| c.is_control()), "{id:?}");
    }
    assert!(!envelope.subject.chars().any(char::is_control), "{:?}", envelope.subject);
    assert!(envelope.subject.len() <= 8 * 1024);
    for part in &mail.attachments {
        let name = &part.name;
        assert!(!name.is_empty() && name.len() <= 1024 && name != "." && name != "..", "{name:?}");
        assert!(!name.contains(['/', '\\', '\0']) && !name.chars().any(char::is_control), "{name:?}");
    }
}

/// What was read as an address is one.
fn again(address: &Address) {
    assert_eq!(Address::parse(address.as_str()).as_ref(), Some(address), "{:?}", address.as_str());
    assert!(!address.as_str().contains(['\r', '\n', '\0']));
}
