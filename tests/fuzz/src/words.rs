//! Single header fields: the subject, and what the receiving server says of the sender.

use mailtrail::mail::authentication::{Assessment, Stamp, assess, was_sent_by};
use mailtrail::mail::envelope::Envelope;
use mailtrail::mail::subject::BaseSubject;

/// Longer than most, and short enough for many.
const LONGEST_SUBJECT: usize = 2 * 1024;

pub(crate) fn subject(raw: &[u8]) {
    // What is longer is cut off, and a pile of prefixes costs the square of its length.
    let text = String::from_utf8_lossy(&raw[..raw.len().min(LONGEST_SUBJECT)]);
    let base = BaseSubject::of(&text);
    let again = BaseSubject::of(base.as_str());
    assert_eq!(again, base, "the base of a base subject of {text:?}");
    // Folding case makes some letters longer, decomposing others.
    assert!(base.as_str().len() <= 18 * text.len() + 16, "{:?}", base.as_str());
    // What is longer than any subject is cut off, sooner behind a prefix.
    if text.len() < 1_000 {
        assert_eq!(base, BaseSubject::of(&format!("Re: {text}")), "an answer to {text:?}");
    }
}

pub(crate) fn authentication(raw: &[u8]) {
    let header = [b"From: anna@customer.example\r\nAuthentication-Results: ".as_slice(), raw, b"\r\n\r\n"].concat();
    let envelope = Envelope::parse(&header);
    let named = Stamp::Named(vec!["mx.ours.example".to_owned()]);
    for stamp in [Stamp::Google, Stamp::Microsoft, named, Stamp::Unknown] {
        match assess(&envelope, &stamp) {
            Assessment::Pass { method } => {
                let known = ["dmarc", "dkim", "spf", "compauth", "tenant-internal"];
                assert!(known.contains(&method.as_str()), "{method:?}");
                assert!(method == "tenant-internal" || names(&header, &method), "{method} out of nothing");
            }
            Assessment::Fail { detail, .. } => {
                assert!(!detail.contains('@') && detail.len() <= 4 * header.len() + 256, "{detail:?}");
            }
            Assessment::Absent => {}
        }
        let sent = was_sent_by(&envelope, &stamp, "customer.example");
        assert!(!sent || (stamp != Stamp::Unknown && names(&header, "spf")));
    }
}

/// Whether the word stands there; control characters are taken out of a field before it is read.
fn names(header: &[u8], word: &str) -> bool {
    let shown: Vec<u8> = header.to_ascii_lowercase().into_iter().filter(|byte| !byte.is_ascii_control()).collect();
    shown.windows(word.len()).any(|window| window == word.as_bytes())
}
