//! Mailbox names on the wire: modified UTF-7 (RFC 3501 section 5.1.3), quoting, LIST patterns.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

pub(crate) fn encode(name: &str) -> String {
    let mut wire = String::new();
    let mut shifted: Vec<u8> = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            unshift(&mut wire, &mut shifted);
            wire.push(character);
            if character == '&' {
                wire.push('-');
            }
        } else {
            let mut units = [0_u16; 2];
            shifted.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    unshift(&mut wire, &mut shifted);
    wire
}

fn unshift(wire: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        wire.push('&');
        wire.push_str(&STANDARD_NO_PAD.encode(shifted.as_slice()).replace('/', ","));
        wire.push('-');
        shifted.clear();
    }
}

pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `*` is anything, `%` anything without the delimiter (RFC 3501 section 6.3.8).
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern_rest = pattern.chars();
    match pattern_rest.next() {
        None => name.is_empty(),
        Some(wildcard @ ('*' | '%')) => {
            let rest = pattern_rest.as_str();
            let stop = if wildcard == '%' { name.find('/').unwrap_or(name.len()) } else { name.len() };
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.take_while(|at| *at <= stop).any(|at| name.get(at..).is_some_and(|tail| matches(rest, tail)))
        }
        Some(character) => name.strip_prefix(character).is_some_and(|tail| matches(pattern_rest.as_str(), tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_ascii_are_written_in_modified_utf_7() {
        assert_eq!(encode("Skräppost"), "Skr&AOQ-ppost");
        assert_eq!(encode("Elementy wysłane"), "Elementy wys&AUI-ane");
        assert_eq!(encode("R&D"), "R&-D");
        assert_eq!(encode("台北"), "&U,BTFw-");
    }

    #[test]
    fn a_percent_sign_stops_at_the_delimiter_and_a_star_does_not() {
        assert!(matches("*", "[Gmail]/All Mail"));
        assert!(!matches("%", "[Gmail]/All Mail"));
        assert!(matches("[Gmail]/%", "[Gmail]/All Mail"));
        assert!(!matches("IN", "INBOX"));
    }
}
