//! What a scanner delivers in the place of an attachment while it looks at it (H7, L14).

use super::message::Part;

/// The names under which Safe Attachments of Microsoft Defender for Office 365 (once Advanced Threat Protection) delivers
/// mail at once with Dynamic Delivery: a message in the place of all attachments, put right when the scan is over.
const NAMES: &[&str] = &["atp scan in progress", "safe attachments scan in progress"];

/// What the message in that place says of itself, under whatever name.
const WORDS: &[&str] = &["safe attachments scan in progress", "atp safe attachments is scanning"];

/// The largest that a placeholder is, in octets: it only says that something will come.
const LARGEST: usize = 256 * 1024;

/// The kinds of parts that a text for people may be.
const TYPES: &[&str] = &["message/rfc822", "message/global", "text/html", "text/plain", "application/octet-stream"];

/// What a name may end with that says nothing about what it names.
const ENDINGS: &[&str] = &[".eml", ".msg", ".html", ".htm", ".txt"];

/// Whether a part stands for an attachment that is still to come; `more` are names that other scanners give theirs.
pub fn is_placeholder(part: &Part, more: &[String]) -> bool {
    if part.inline || part.bytes.len() > LARGEST {
        return false;
    }
    let name = plain(&part.name);
    if more.iter().any(|other| plain(other) == name) {
        return true;
    }
    TYPES.contains(&part.media_type.as_str()) && (NAMES.contains(&name.as_str()) || says_so(part))
}

fn says_so(part: &Part) -> bool {
    part.media_type.starts_with("message/") && {
        let text = words(&String::from_utf8_lossy(&part.bytes));
        WORDS.iter().any(|said| text.contains(said))
    }
}

/// A name in lower case with single blanks and without an ending.
fn plain(name: &str) -> String {
    let name = words(&name.replace('_', " "));
    let short = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending));
    short.unwrap_or(&name).trim_end().to_owned()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, media_type: &str, bytes: &[u8]) -> Part {
        Part {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            content_id: None,
            inline: false,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn what_stands_for_an_attachment_is_told_from_one_by_name_kind_and_words() {
        let notice = b"Subject: Notice\r\n\r\nSafe Attachments\r\n scan in progress. Your file will be here soon.";
        let table = [
            ("ATP Scan In Progress.eml", "message/rfc822", &b"x"[..], true),
            ("Safe Attachments Scan In Progress", "text/html", b"x", true),
            ("safe_attachments  scan in progress.msg", "application/octet-stream", b"x", true),
            ("message.eml", "message/rfc822", notice, true),
            ("notes.txt", "text/plain", notice, false),
            ("ATP Scan In Progress.pdf", "application/pdf", b"%PDF", false),
            ("How an ATP scan in progress looks.eml", "message/rfc822", b"x", false),
            ("offer.pdf", "application/pdf", b"%PDF", false),
            ("Being looked at.html", "text/html", b"x", false),
        ];
        for (name, media_type, bytes, expected) in table {
            assert_eq!(is_placeholder(&part(name, media_type, bytes), &[]), expected, "{name}");
        }
    }

    #[test]
    fn other_scanners_are_known_by_the_names_that_are_configured() {
        let more = ["Being looked at".to_owned()];
        assert!(is_placeholder(
            &part("being looked at.pdf.html", "text/html", b"x"),
            &["Being looked at.pdf".to_owned()]
        ));
        assert!(is_placeholder(&part("Being Looked At.html", "application/x-scan", b"x"), &more));
        assert!(!is_placeholder(&part("Being looked into.html", "text/html", b"x"), &more));
    }

    #[test]
    fn a_picture_in_the_text_and_a_large_file_are_what_they_are() {
        let shown = Part { inline: true, ..part("ATP Scan In Progress.eml", "message/rfc822", b"x") };
        assert!(!is_placeholder(&shown, &[]));
        assert!(!is_placeholder(&part("ATP Scan In Progress.eml", "message/rfc822", &vec![b'x'; LARGEST + 1]), &[]));
    }
}
