//! Values with parameters, as in Content-Type and Content-Disposition (RFC 2045, RFC 2183, RFC 2231).

use std::collections::BTreeMap;

use super::{charset, encoded_word};

/// How many parameters one value is read for.
const MAX_PARAMETERS: usize = 200;

/// `value; name=value; …` with the parameters decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// What stands before the first `;`, in lower case.
    pub value: String,
    parameters: Vec<(String, String)>,
}

impl Value {
    /// Reads the unfolded body of a field. Total.
    pub fn parse(body: &str) -> Self {
        let mut rest = body;
        let value = take_until(&mut rest, ";").trim().to_ascii_lowercase();
        let mut plain = Vec::new();
        let mut sections: BTreeMap<String, BTreeMap<u32, Section>> = BTreeMap::new();
        for _ in 0..MAX_PARAMETERS {
            rest = rest.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
            if rest.is_empty() {
                break;
            }
            let name = take_until(&mut rest, "=;").trim().to_ascii_lowercase();
            let Some(after) = rest.strip_prefix('=') else { continue };
            rest = after.trim_start();
            let text = take_value(&mut rest);
            match split_name(&name) {
                (base, Some((number, encoded))) => {
                    let section = Section { text, encoded };
                    sections.entry(base.to_owned()).or_default().entry(number).or_insert(section);
                }
                _ => plain.push((name, encoded_word::decode(&text).into_owned())),
            }
        }
        // RFC 2231 section 4: the extended form wins over the plain one that is sent for old readers.
        let mut parameters: Vec<_> = sections.into_iter().map(|(name, parts)| (name, join(&parts))).collect();
        parameters.extend(plain);
        Self { value, parameters }
    }

    /// The parameter of that name (in lower case), if it says anything.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }
}

struct Section {
    text: String,
    encoded: bool,
}

/// `name*1*` → (`name`, section 1, encoded). A name without `*` has no section.
fn split_name(name: &str) -> (&str, Option<(u32, bool)>) {
    let Some((base, suffix)) = name.split_once('*') else { return (name, None) };
    let (number, encoded) = match suffix.strip_suffix('*') {
        Some(number) => (number, true),
        None => (suffix, suffix.is_empty()),
    };
    (base, Some((number.parse().unwrap_or(0), encoded)))
}

/// Joins the sections up to the first gap and decodes the bytes at once, since a character may be split across them.
fn join(sections: &BTreeMap<u32, Section>) -> String {
    let mut bytes = Vec::new();
    let mut label = None;
    for (index, (number, section)) in sections.iter().enumerate() {
        if u32::try_from(index).ok() != Some(*number) {
            break;
        }
        let mut text = section.text.as_str();
        if section.encoded {
            if index == 0
                && let Some((charset, rest)) = text.split_once('\'')
                && let Some((_language, rest)) = rest.split_once('\'')
            {
                label = Some(charset.to_owned());
                text = rest;
            }
            bytes.extend(percent_decode(text));
        } else {
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    charset::decode(label.as_deref(), bytes)
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%'
            && let Some((pair, after)) = tail.split_at_checked(2)
            && let Some(value) = std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok())
        {
            out.push(value);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    out
}

/// Takes what stands before the first of `stops`, which stays in `rest`. Skips comments (RFC 822 section 3.1.4).
fn take_until(rest: &mut &str, stops: &str) -> String {
    let mut taken = String::new();
    let mut depth = 0u32;
    for (at, c) in rest.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            c if stops.contains(c) => {
                *rest = rest.get(at..).unwrap_or_default();
                return taken;
            }
            c => taken.push(c),
        }
    }
    *rest = "";
    taken
}

/// Takes a quoted string, or a bare value up to the next `;`: file names with blanks come unquoted.
fn take_value(rest: &mut &str) -> String {
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(';').unwrap_or(rest.len());
        let (value, after) = rest.split_at(end);
        *rest = after;
        return value.trim().to_owned();
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                // A lone backslash is part of the Windows paths that old clients send as names.
                if c != '"' && c != '\\' {
                    value.push('\\');
                }
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => {
                *rest = quoted.get(at + 1..).unwrap_or_default();
                return value;
            }
            c => value.push(c),
        }
    }
    *rest = "";
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(body: &str) -> Option<String> {
        Value::parse(body).parameter("filename").map(str::to_owned)
    }

    #[test]
    fn file_names_are_decoded_in_every_form() {
        for (body, expected) in [
            ("attachment; filename=offer.pdf", "offer.pdf"),
            ("attachment; filename=\"an offer; two.pdf\"", "an offer; two.pdf"),
            ("attachment; FileName = an offer.pdf ; size=1", "an offer.pdf"),
            ("attachment; filename*=utf-8''caf%C3%A9.pdf", "café.pdf"),
            ("attachment; filename*=iso-8859-1'fr'caf%E9.pdf", "café.pdf"),
            ("attachment; filename=\"cafe.pdf\"; filename*=utf-8''caf%C3%A9.pdf", "café.pdf"),
            ("attachment; filename*0*=iso-8859-1''%E5; filename*1*=%E4; filename*2=\"b.pdf\"", "åäb.pdf"),
            ("attachment; filename*1=\"b.pdf\"; filename*0=\"a\"", "ab.pdf"),
            ("attachment; filename*0*=utf-8''%E6%97; filename*1*=%A5.pdf", "日.pdf"),
            ("attachment; filename=\"=?utf-8?Q?caf=C3=A9.pdf?=\"", "café.pdf"),
            ("attachment; filename==?utf-8?B?Y2Fmw6kucGRm?=", "café.pdf"),
            ("attachment; filename=\"=?utf-8?Q?a?= =?utf-8?Q?b.pdf?=\"", "ab.pdf"),
            ("attachment; filename=\"a \\\"b\\\".pdf\"", "a \"b\".pdf"),
            ("attachment; filename=\"C:\\docs\\b.pdf\"", "C:\\docs\\b.pdf"),
            ("attachment; filename=\"open.pdf", "open.pdf"),
            ("attachment; filename=\"日本.pdf\"", "日本.pdf"),
        ] {
            assert_eq!(name(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn a_value_is_read_without_its_comments() {
        let value = Value::parse("Text/HTML (of sorts); charset=\"UTF-8\"; broken; =x; boundary='a b'");
        assert_eq!(value.value, "text/html");
        assert_eq!(value.parameter("charset"), Some("UTF-8"));
        assert_eq!(value.parameter("boundary"), Some("'a b'"));
        assert_eq!(Value::parse("").value, "");
    }

    proptest! {
        #[test]
        fn any_text_is_a_value(text in "[a-c*0-1=;\"'% \\\\()\\PC]{0,60}") {
            Value::parse(&text);
        }
    }
}
