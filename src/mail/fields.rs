//! A header block as a list of fields, whatever its bytes are.

use std::borrow::Cow;
use std::ops::Range;

use super::{charset, encoded_word, parameters};

/// How many fields one header is read for. Real mail has up to two hundred.
const MAX_FIELDS: usize = 5_000;

/// One field: its name, and its body with line ends as they came.
#[derive(Debug, Clone, Copy)]
struct Field<'a> {
    name: &'a [u8],
    body: &'a [u8],
}

/// The fields of one header, in order.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    fields: Vec<Field<'a>>,
    /// The charset of raw 8-bit bytes: the one the message declares for its body.
    fallback: Option<String>,
}

impl<'a> Fields<'a> {
    /// Reads a header block. What is no field, such as an mbox `From ` line, is passed over.
    pub fn parse(block: &'a [u8]) -> Self {
        let mut fields = Vec::with_capacity(32);
        for Range { start, end } in unfolded_lines(block) {
            let line = block.get(start..end).unwrap_or_default();
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (name, body) = line.split_at(colon);
            let name = name.trim_ascii();
            if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) || fields.len() == MAX_FIELDS {
                continue;
            }
            fields.push(Field { name, body: body.get(1..).unwrap_or_default() });
        }
        let mut parsed = Self { fields, fallback: None };
        if !block.is_ascii() {
            let declared = parsed.first("Content-Type").map(|value| parameters::Value::parse(&value));
            parsed.fallback = declared.and_then(|value| value.parameter("charset").map(str::to_owned));
        }
        parsed
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The bodies of every field of that name, topmost first, unfolded and without control characters.
    pub fn all(&self, name: &str) -> impl Iterator<Item = Cow<'a, str>> {
        self.fields.iter().filter(move |f| f.name.eq_ignore_ascii_case(name.as_bytes())).map(|f| self.text(f.body))
    }

    /// The body of the topmost field of that name.
    pub fn first(&self, name: &str) -> Option<Cow<'a, str>> {
        self.all(name).next()
    }

    /// Whether there is a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|f| f.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The decoded text of the topmost field of that name, empty if there is none.
    pub fn decoded(&self, name: &str) -> String {
        let body = self.first(name).unwrap_or_default();
        clean(&encoded_word::decode(&body))
    }

    /// The topmost field of that name as a value with parameters.
    pub fn value(&self, name: &str) -> Option<parameters::Value> {
        self.first(name).map(|body| parameters::Value::parse(&body))
    }

    fn text(&self, body: &'a [u8]) -> Cow<'a, str> {
        let body = body.trim_ascii();
        let text = match std::str::from_utf8(body) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(charset::decode_unlabelled(self.fallback.as_deref(), body)),
        };
        if text.bytes().any(|b| b.is_ascii_control() && b != b'\t') { Cow::Owned(unfold(&text)) } else { text }
    }
}

/// The length of the header at the start of `bytes`, with the empty line that ends it.
pub fn header_len(bytes: &[u8]) -> usize {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        if matches!(bytes.get(start..end), Some(b"" | b"\r")) {
            return end + 1;
        }
        start = end + 1;
    }
    bytes.len()
}

/// The text on one line, without control characters, ready to be shown and stored.
pub fn clean(text: &str) -> String {
    let text = text.trim();
    if text.chars().any(char::is_control) { unfold(text).trim().to_owned() } else { text.to_owned() }
}

/// Removes line ends (RFC 5322 section 2.2.3) and other control characters; a tab is a space.
fn unfold(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\t' => Some(' '),
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

/// The ranges of the fields up to the first empty line: each a line with the lines that continue it.
fn unfolded_lines(block: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = block.get(start..)?;
        if first.is_empty() || first.starts_with(b"\r\n") || first.starts_with(b"\n") {
            return None;
        }
        let mut end = start;
        loop {
            end += memchr::memchr(b'\n', block.get(end..)?).map_or(block.len() - end, |at| at + 1);
            if !matches!(block.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let line = start..end;
        start = end;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_found_by_name_in_order() {
        let fields = Fields::parse(
            b"From mbox line\nX-A: one\r\n two\r\nx-a : three\nSubject:\n\t=?utf-8?q?=C3=A5?=\n\nX-A: body",
        );
        assert_eq!(fields.all("x-a").collect::<Vec<_>>(), ["one two", "three"]);
        assert_eq!(fields.decoded("subject"), "å");
        assert!(fields.has("SUBJECT") && !fields.has("Date"));
    }

    #[test]
    fn raw_bytes_are_read_in_the_charset_of_the_message() {
        let header = b"Subject: \xf0\xd2\xc9\r\nContent-Type: text/plain; charset=\"koi8-r\"\r\n";
        assert_eq!(Fields::parse(header).decoded("Subject"), "При");
        assert_eq!(Fields::parse(b"Subject: caf\xe9\r\n").decoded("Subject"), "café");
        assert_eq!(Fields::parse("Subject: café\r\n".as_bytes()).decoded("Subject"), "café");
    }

    #[test]
    fn control_characters_never_leave_the_header() {
        let fields = Fields::parse(b"Subject: a\0b\tc =?utf-8?q?d=00=0Ae?=\r\n");
        assert_eq!(fields.decoded("Subject"), "ab c de");
    }

    #[test]
    fn the_header_ends_at_the_first_empty_line() {
        assert_eq!(header_len(b"A: b\r\n\r\nbody"), 8);
        assert_eq!(header_len(b"A: b\n\nbody"), 6);
        assert_eq!(header_len(b"\r\nbody"), 2);
        assert_eq!(header_len(b"A: b"), 4);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let fields = Fields::parse(&bytes);
            prop_assert!(!fields.decoded("a").chars().any(char::is_control));
            prop_assert!(header_len(&bytes) <= bytes.len());
        }
    }
}
