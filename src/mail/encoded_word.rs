//! Encoded words (RFC 2047), with what senders make of them: characters split across words, words in quoted strings,
//! blanks inside words, charsets under other names.

use std::borrow::Cow;

use base64::Engine;

use super::{charset, transfer};

/// The longest word we look for the end of. RFC 2047 allows 75 octets; some senders put a whole subject into one.
const MAX_WORD: usize = 4096;

/// The text of a field without structure, such as a subject.
pub fn decode(value: &str) -> Cow<'_, str> {
    rewrite(value, |out, text| out.push_str(text))
}

/// The field with each run of encoded words as one word in UTF-8, which keeps the structure around it readable: a
/// decoded comma or quote must not end an address.
pub fn canonical(value: &str) -> Cow<'_, str> {
    rewrite(value, |out, text| {
        if text.is_empty() {
            return;
        }
        if out.ends_with(|c: char| c.is_alphanumeric()) {
            out.push(' ');
        }
        out.push_str("=?utf-8?B?");
        base64::engine::general_purpose::STANDARD.encode_string(text, out);
        out.push_str("?=");
    })
}

fn rewrite(value: &str, emit: impl Fn(&mut String, &str)) -> Cow<'_, str> {
    if !value.contains("=?") {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut run = Run::default();
    let mut rest = value;
    while let Some(start) = rest.find("=?") {
        let (before, from_word) = rest.split_at(start);
        let Some((word, after)) = Word::read(from_word) else {
            run.end(&mut out, &emit);
            out.push_str(before);
            out.push_str("=?");
            rest = from_word.get(2..).unwrap_or_default();
            continue;
        };
        // Blanks between two words are not part of the text (RFC 2047 section 6.2).
        if !(run.is_open() && before.chars().all(char::is_whitespace)) {
            run.end(&mut out, &emit);
            out.push_str(before);
        }
        run.add(word);
        rest = after;
    }
    run.end(&mut out, &emit);
    out.push_str(rest);
    Cow::Owned(out)
}

struct Word<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
}

impl<'a> Word<'a> {
    /// The word at the start of `text`, and what follows it.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let inner = text.strip_prefix("=?")?;
        let (charset, inner) = split_near(inner, "?", 64)?;
        let (encoding, inner) = split_near(inner, "?", 2)?;
        let (encoded, after) = split_near(inner, "?=", MAX_WORD)?;
        // RFC 2231 section 5: a language may follow the charset.
        let charset = charset.split('*').next().unwrap_or_default();
        if charset.is_empty() || charset.contains(char::is_whitespace) {
            return None;
        }
        let bytes = match encoding {
            "b" | "B" => transfer::lenient_base64(encoded.as_bytes()),
            "q" | "Q" => transfer::lenient_quoted_printable(encoded.replace('_', " ").as_bytes()),
            _ => return None,
        };
        Some((Self { charset, bytes }, after))
    }
}

/// Splits at the first `separator` that ends within `limit` octets.
fn split_near<'a>(text: &'a str, separator: &str, limit: usize) -> Option<(&'a str, &'a str)> {
    let near = text.get(..text.floor_char_boundary(limit))?;
    let at = near.find(separator)?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}

/// Words that follow each other. Bytes in one charset are joined before they are decoded, because a character may be
/// split across two words.
#[derive(Default)]
struct Run<'a> {
    text: String,
    pending: Option<Word<'a>>,
    open: bool,
}

impl<'a> Run<'a> {
    fn is_open(&self) -> bool {
        self.open
    }

    fn add(&mut self, word: Word<'a>) {
        self.open = true;
        match &mut self.pending {
            Some(last) if last.charset.eq_ignore_ascii_case(word.charset) => last.bytes.extend(word.bytes),
            _ => {
                self.flush();
                self.pending = Some(word);
            }
        }
    }

    fn flush(&mut self) {
        if let Some(word) = self.pending.take() {
            self.text.push_str(&charset::decode(Some(word.charset), word.bytes));
        }
    }

    fn end(&mut self, out: &mut String, emit: impl Fn(&mut String, &str)) {
        if self.open {
            self.flush();
            emit(out, &self.text);
            self.text.clear();
            self.open = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_decoded_where_they_stand() {
        for (value, text) in [
            ("plain", "plain"),
            ("=?utf-8?Q?caf=C3=A9_noir?=", "café noir"),
            ("=?UTF-8?B?w6XDpMO2?=", "åäö"),
            ("a =?iso-8859-1?q?=E5?= b", "a å b"),
            ("Re:=?iso-8859-1?q?=E5?=", "Re:å"),
            ("=?iso-8859-1*sv?q?=E5?=", "å"),
            ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
            ("=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
            ("=?utf-8?q?a?==?utf-8?q?b?=", "ab"),
            ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
            ("=?utf-8?q?a b?=", "a b"),
            ("=?utf-8?q?what?_then?=", "what? then"),
            ("=?cp932?B?k/qWe4zq?=", "日本語"),
            ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= =?iso-2022-jp?B?GyRCOGwbKEI=?=", "日本語"),
            ("=?gb2312?B?xOO6ww==?=", "你好"),
            ("=?ks_c_5601-1987?B?vsiz5w==?=", "안녕"),
            ("=?koi8-r?Q?=F0=D2=C9?=", "При"),
            ("=?utf-8?q?=41?=", "A"),
        ] {
            assert_eq!(decode(value), text, "{value}");
        }
    }

    #[test]
    fn a_character_split_across_words_is_one_character() {
        assert_eq!(decode("=?utf-8?Q?=E6=97?= =?utf-8?Q?=A5?="), "日");
        assert_eq!(decode("=?UTF-8?B?5pc=?=\r\n =?utf-8?B?pQ==?="), "日");
    }

    #[test]
    fn what_only_looks_like_a_word_is_left() {
        for value in ["=?", "=?utf-8?x?a?=", "=?utf-8?q?a", "1 =? 2", "=??q?a?=", "=?utf 8?q?a?="] {
            assert_eq!(decode(value), value);
        }
    }

    #[test]
    fn the_canonical_form_keeps_the_structure() {
        assert_eq!(
            canonical("=?utf-8?Q?Berg=2C?= =?utf-8?Q?_A?= <a@x.example>"),
            "=?utf-8?B?QmVyZywgQQ==?= <a@x.example>"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_decoded(text in "[=?QqBb_ uf8\\PC]{0,60}") {
            let once = canonical(&text);
            prop_assert_eq!(decode(&once).replace(' ', ""), decode(&text).replace(' ', ""));
        }
    }
}
