//! Names of attachments: the sender's, made safe, or one that tells what the part is.

use super::content;

/// The longest name that is kept, in octets. File systems take 255.
const MAX_NAME: usize = 200;

/// The sender's name for a part of that type, made safe, or one made up from the type.
pub fn of(sent: &str, media_type: &str) -> String {
    let name = safe(sent);
    let extension = match media_type {
        "message/rfc822" | "message/global" => ".eml",
        "text/calendar" => ".ics",
        _ => "",
    };
    if name.is_empty() {
        made_up(media_type)
    } else if extension.is_empty() || name.to_lowercase().ends_with(extension) {
        name
    } else {
        name + extension
    }
}

/// Without folders, control characters, direction marks and blanks at the ends, and not longer than file systems take.
fn safe(sent: &str) -> String {
    let last = sent.rsplit(['/', '\\']).find(|piece| !piece.trim().is_empty()).unwrap_or_default();
    let unsafe_mark = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let clean: String = last.chars().filter(|c| !unsafe_mark(*c)).collect();
    let clean = clean.trim();
    if clean.trim_matches('.').is_empty() {
        return String::new();
    }
    if clean.len() <= MAX_NAME {
        return clean.to_owned();
    }
    let (stem, extension) = clean.rsplit_once('.').filter(|(_, e)| e.len() <= 10).unwrap_or((clean, ""));
    let stem = content::truncate_text(stem, MAX_NAME - 11);
    if extension.is_empty() { stem.to_owned() } else { format!("{stem}.{extension}") }
}

fn made_up(media_type: &str) -> String {
    let name = match media_type {
        "message/rfc822" | "message/global" => "message.eml",
        "message/delivery-status" => "delivery-status.txt",
        "text/rfc822-headers" => "headers.txt",
        "text/calendar" => "invite.ics",
        "text/plain" => "text.txt",
        "text/html" => "page.html",
        "text/csv" => "table.csv",
        "text/x-vcard" | "text/vcard" => "contact.vcf",
        "application/pdf" => "document.pdf",
        "application/zip" => "archive.zip",
        "application/ms-tnef" | "application/vnd.ms-tnef" => "winmail.dat",
        "application/pgp-signature" => "signature.asc",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "smime.p7s",
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => "smime.p7m",
        "image/jpeg" => "image.jpg",
        "image/svg+xml" => "image.svg",
        "image/tiff" => "image.tif",
        _ => "",
    };
    if !name.is_empty() {
        return name.to_owned();
    }
    let short = |s: &&str| s.len() <= 4 && s.bytes().all(|b| b.is_ascii_alphanumeric());
    match media_type.split_once('/') {
        Some((kind @ ("image" | "audio" | "video"), subtype)) => match Some(subtype).filter(short) {
            Some(subtype) => format!("{kind}.{subtype}"),
            None => format!("{kind}.bin"),
        },
        _ => "attachment.bin".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for (sent, name) in [
            ("offer.pdf", "offer.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\docs\\offer.pdf", "offer.pdf"),
            ("of\u{0}fer\r\n.pdf ", "offer.pdf"),
            ("offer\u{202e}fdp.exe", "offerfdp.exe"),
            ("docs/", "docs"),
            ("åäö 日本.pdf", "åäö 日本.pdf"),
        ] {
            assert_eq!(of(sent, "application/pdf"), name);
        }
    }

    #[test]
    fn a_missing_name_tells_the_type() {
        for (media_type, name) in [
            ("message/rfc822", "message.eml"),
            ("text/calendar", "invite.ics"),
            ("application/ms-tnef", "winmail.dat"),
            ("image/png", "image.png"),
            ("image/vnd.adobe.photoshop", "image.bin"),
            ("video/mp4", "video.mp4"),
            ("application/x-unheard-of", "attachment.bin"),
            ("", "attachment.bin"),
        ] {
            assert_eq!(of("..", media_type), name);
        }
    }

    #[test]
    fn messages_and_invitations_get_their_extension() {
        assert_eq!(of("Re: offer", "message/rfc822"), "Re: offer.eml");
        assert_eq!(of("Offer.EML", "message/rfc822"), "Offer.EML");
        assert_eq!(of("meeting", "text/calendar"), "meeting.ics");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = of(&format!("{}.pdf", "å".repeat(300)), "application/pdf");
        assert!(name.ends_with("å.pdf") && name.len() <= MAX_NAME, "{name}");
    }

    proptest! {
        #[test]
        fn any_name_is_made_safe(sent in "[./\\\\\\PC]{0,40}") {
            let name = of(&sent, "image/png");
            prop_assert!(!name.is_empty() && !name.contains(['/', '\\']) && !name.chars().any(char::is_control));
            prop_assert!(!name.trim_matches('.').is_empty());
        }
    }
}
