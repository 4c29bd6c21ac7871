//! The base subject: what remains the same when a mail is answered and forwarded (RFC 5256 section 2.1, spec D4).

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::prefixes::{AUTOMATIC, FORWARDED, FORWARDED_SHORT, GATEWAY_TAGS, PREFIXES};

/// The longest subject that is told apart, in octets: a pile of prefixes costs the square of its length.
const MAX_LEN: usize = 8 * 1024;

/// A subject without reply and forward prefixes, tags at its front and differences of case and blanks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BaseSubject(String);

impl BaseSubject {
    /// The base of a decoded subject.
    pub fn of(subject: &str) -> Self {
        let mut folded = fold(subject);
        folded.truncate(folded.floor_char_boundary(MAX_LEN));
        loop {
            let shorter = base(&folded);
            if shorter == folded {
                return Self(shorter);
            }
            // What stood between two pieces may have hidden a third.
            folded = shorter;
        }
    }

    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the subject opens as an automatic reply does (decision 12 of the spec).
pub(super) fn is_automatic_reply(subject: &str) -> bool {
    let folded = fold(subject);
    let text = strip_tag(&folded).unwrap_or(&folded).trim_start();
    let phrase = text.trim_end_matches(['.', '!', ' ']);
    AUTOMATIC.contains(&phrase) || strip_automatic(text).is_some() || text.ends_with("(automatic response)")
}

/// One spelling of equal subjects: NFC, case folded, runs of blanks as one, invisible marks removed.
pub(super) fn fold(subject: &str) -> String {
    let mut out = String::with_capacity(subject.len());
    for word in subject.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    if out.is_ascii() {
        out.make_ascii_lowercase();
        return out;
    }
    let folded: String = out.nfc().filter(|c| !is_invisible(*c)).flat_map(fold_case).nfc().collect();
    // A removed mark may have stood between two blanks.
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Full case folding where it differs from lower case and occurs in mail.
fn fold_case(c: char) -> impl Iterator<Item = char> {
    let special: &[char] = match c {
        'ß' | 'ẞ' => &['s', 's'],
        'ς' => &['σ'],
        'ſ' => &['s'],
        _ => &[],
    };
    let lower = special.is_empty().then(|| c.to_lowercase());
    special.iter().copied().chain(lower.into_iter().flatten())
}

/// Direction marks and zero-width characters, which clients put before right-to-left subjects.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// Takes off one piece after the other. Tags alone are a subject of their own.
fn base(folded: &str) -> String {
    let mut text = folded.trim();
    let mut tags = Vec::new();
    loop {
        if let Some(shorter) = strip_once(text) {
            text = shorter.trim();
        } else if let Some((tag, rest)) = leading_tag(text) {
            if unwrap_forward(tag).is_none() {
                tags.push(tag);
            }
            text = rest;
        } else {
            break;
        }
    }
    if !text.is_empty() && !is_tag(text) {
        return text.to_owned();
    }
    tags.push(text);
    tags.join(" ").trim().to_owned()
}

/// The tag before other text: of a mailing list, a ticket system, a gateway (RFC 5256 `subj-blob`). They come and go
/// within one thread, and stand on either side of a prefix: `[Ticket 1] Re: help` answers `help`.
fn leading_tag(text: &str) -> Option<(&str, &str)> {
    let end = text.strip_prefix('[')?.find(['[', ']'])? + 1;
    let (tag, rest) = text.split_at_checked(end + 1)?;
    let rest = rest.trim();
    (tag.ends_with(']') && !rest.is_empty()).then_some((tag, rest))
}

fn is_tag(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    inner.is_some_and(|inner| !inner.contains(['[', ']']))
}

fn strip_once(text: &str) -> Option<&str> {
    strip_trailer(text)
        .or_else(|| unwrap_forward(text))
        .or_else(|| strip_tag(text))
        .or_else(|| strip_automatic(text))
        .or_else(|| strip_prefix(text))
}

/// `… (fwd)` and its translations (RFC 5256 `subj-trailer`).
fn strip_trailer(text: &str) -> Option<&str> {
    let inner = text.strip_suffix([')', '）'])?;
    let (before, word) = inner.rsplit_once(['(', '（'])?;
    (FORWARDED.contains(&word) || word == "automatic response").then_some(before)
}

/// `[fwd: …]` (RFC 5256 `subj-fwd-hdr`).
fn unwrap_forward(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let (word, rest) = inner.split_once([':', '：'])?;
    let word = word.trim().trim_end_matches('.');
    (FORWARDED.contains(&word) || FORWARDED_SHORT.contains(&word)).then_some(rest)
}

/// A tag that a mail gateway adds, in any brackets, and even where nothing else is left.
fn strip_tag(text: &str) -> Option<&str> {
    let (open, rest) = split_first(text)?;
    let close = match open {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        '*' => '*',
        '【' => '】',
        '［' => '］',
        '<' => '>',
        _ => return None,
    };
    let (tag, after) = rest.trim_start_matches(open).split_once(close)?;
    let tag = tag.trim_matches(|c: char| c.is_whitespace() || "*!-:".contains(c));
    // Round brackets and stars are ordinary punctuation but around the plainest tags.
    let known = GATEWAY_TAGS.contains(&tag) && (open == '[' || !matches!(tag, "ext" | "bulk"));
    known.then(|| after.trim_start_matches([close, ':']))
}

/// `automatic reply: …`, `[automatyczna odpowiedź] …`
fn strip_automatic(text: &str) -> Option<&str> {
    if let Some((tag, after)) = text.strip_prefix('[').and_then(|t| t.split_once(']')) {
        return AUTOMATIC.contains(&tag.trim()).then_some(after);
    }
    let (phrase, after) = text.split_once([':', '：'])?;
    AUTOMATIC.contains(&phrase.trim()).then_some(after)
}

/// `re: …`, `aw[2]: …`, `sv : …`, `re^3: …`, `réf. : …`
fn strip_prefix(text: &str) -> Option<&str> {
    let (head, after) = text.split_once([':', '：'])?;
    let head = head.trim_end();
    let word = strip_counter(head).unwrap_or(head).trim_end().trim_end_matches('.');
    PREFIXES.iter().any(|(_, words)| words.contains(&word)).then_some(after)
}

/// The word before `[…]`, `(n)` or `^n`.
fn strip_counter(head: &str) -> Option<&str> {
    if let Some((word, blob)) = head.strip_suffix(']').and_then(|h| h.split_once('[')) {
        return (!blob.contains(['[', ']'])).then_some(word);
    }
    let is_number = |n: &str| !n.is_empty() && n.len() <= 4 && n.bytes().all(|b| b.is_ascii_digit());
    if let Some((word, number)) = head.strip_suffix([')', '）']).and_then(|h| h.split_once(['(', '（'])) {
        return is_number(number.trim()).then_some(word);
    }
    let (word, number) = head.split_once('^')?;
    is_number(number).then_some(word)
}

fn split_first(text: &str) -> Option<(char, &str)> {
    let first = text.chars().next()?;
    Some((first, text.get(first.len_utf8()..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base_of(subject: &str) -> String {
        BaseSubject::of(subject).0
    }

    #[test]
    fn a_reply_in_any_language_keeps_its_base() {
        let original = BaseSubject::of("Offert på tak");
        for (language, words) in PREFIXES {
            for word in *words {
                for written in [format!("{word}: Offert på tak"), format!("{} :offert  PÅ tak", word.to_uppercase())]
                {
                    assert_eq!(BaseSubject::of(&written), original, "{language} {written}");
                }
            }
        }
        assert!(PREFIXES.len() >= 26);
    }

    #[test]
    fn prefixes_pile_up_in_every_form() {
        for subject in [
            "SV: AW: Re[2]: offer",
            "Re:offer",
            "RE : offer",
            "Re： offer",
            "Re(3): Fwd[7]: offer",
            "re^2: offer",
            "Réf. : offer",
            "Redir.: offer",
            "回复：轉寄: offer",
            "İLT: offer",
            "[Fwd: Re: offer (fwd)]",
            "[EXTERN] Re: [EXT] offer",
            "Re: [External] offer",
            "***SPAM*** Re: offer",
            "{Spam?} offer",
            "Autosvar: Re: offer",
            "Automatic reply: offer",
            "[Automatyczna odpowiedź] offer",
            "offer (Automatic Response)",
            "\u{200f}Re: offer",
            "[TR: offer]",
            "［外部］ offer （转发）",
            "<External> offer",
            " \tOFFER ",
        ] {
            assert_eq!(base_of(subject), "offer", "{subject}");
        }
    }

    #[test]
    fn a_tag_at_the_front_comes_and_goes_within_a_thread() {
        for subject in [
            "[Ticket 1] help",
            "Re: [Ticket 1] help",
            "[Ticket 1] Re: help",
            "[EXT] [Ticket 1]  SV: help (fwd)",
            "[List]AW:[#7] help",
            "[] help",
        ] {
            assert_eq!(base_of(subject), "help", "{subject}");
        }
        assert_eq!(base_of("[list] help [urgent]"), "help [urgent]");
    }

    #[test]
    fn tags_alone_are_a_subject() {
        for subject in ["[hello world]", "[one] [two]", "[open [two]", "(one) [two]"] {
            assert_eq!(base_of(subject), subject);
        }
        assert_eq!(base_of("Re: [one] Fwd: [two]"), "[one] [two]");
        assert_eq!(base_of("[list] Re:"), "[list]");
        assert_eq!(base_of("[Fwd: Re:] Fwd:"), "");
    }

    #[test]
    fn a_changed_subject_is_another_base() {
        for (one, other) in [
            ("[Ticket 1]", "[Ticket 2]"),
            ("offer", "offer 2"),
            ("Retail: offer", "offer"),
            ("Project: offer", "offer"),
            ("z: hello", "hello"),
            ("(b) offer", "offer"),
            ("(ext) offer", "offer"),
        ] {
            assert_ne!(BaseSubject::of(one), BaseSubject::of(other), "{one}");
        }
    }

    #[test]
    fn spelling_does_not_change_the_base() {
        assert_eq!(base_of("Straße"), base_of("STRASSE"));
        assert_eq!(base_of("ΟΔΟΣ"), base_of("οδος"));
        assert_eq!(base_of("A\u{30a}ngström"), base_of("ångström"));
        assert_eq!(base_of("a\r\n\t b"), "a b");
    }

    #[test]
    fn an_empty_subject_equals_an_empty_subject() {
        for subject in ["", " ", "Re:", "SV: Fwd: ", "[EXTERN]", "[Fwd: Re: ]"] {
            assert_eq!(base_of(subject), "", "{subject}");
        }
    }

    #[test]
    fn automatic_replies_are_told_by_their_opening() {
        for subject in [
            "Automatic reply: offer",
            "Autosvar: offert",
            "[EXTERN] Automatische Antwort: Angebot",
            "Réponse automatique : devis",
        ] {
            assert!(is_automatic_reply(subject), "{subject}");
        }
        for subject in ["Re: Automatic reply: offer", "About the automatic reply: offer", "offer"] {
            assert!(!is_automatic_reply(subject), "{subject}");
        }
    }

    #[test]
    fn the_tables_are_folded() {
        let words = PREFIXES
            .iter()
            .flat_map(|(_, words)| *words)
            .chain(AUTOMATIC)
            .chain(FORWARDED)
            .chain(FORWARDED_SHORT)
            .chain(GATEWAY_TAGS);
        for word in words {
            assert_eq!(fold(word), **word);
        }
    }

    #[test]
    fn a_long_pile_of_prefixes_is_read_in_one_go() {
        assert_eq!(base_of(&format!("{}offer{}", "re: ".repeat(500), " (fwd)".repeat(500))), "offer");
    }

    proptest! {
        #[test]
        fn the_base_of_a_base_is_the_same(subject in "((re|FW|Sv|automatic reply|İLT)( |\\[2\\])?[:：] ?|\\[ext\\]|\\[fwd:|\\(fwd\\)|\\]|\\PC| ){0,12}") {
            let once = BaseSubject::of(&subject);
            prop_assert_eq!(&BaseSubject::of(once.as_str()), &once);
        }
    }
}
