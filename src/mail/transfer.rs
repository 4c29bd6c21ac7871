//! Content-Transfer-Encoding (RFC 2045 section 6): the bytes that were attached, exactly.

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

/// The bytes behind the encoding called `name`. An unknown encoding is none; damaged data gives what can be had.
pub fn decode(name: &str, bytes: &[u8]) -> Vec<u8> {
    let name = name.trim();
    if name.eq_ignore_ascii_case("base64") {
        base64_decode(bytes).unwrap_or_else(|| lenient_base64(bytes))
    } else if name.eq_ignore_ascii_case("quoted-printable") {
        quoted_printable_decode(bytes).unwrap_or_else(|| lenient_quoted_printable(bytes))
    } else {
        bytes.to_vec()
    }
}

/// Ignores what is outside the alphabet (RFC 2045 section 6.8) and stops where the padding says so, which leaves out
/// the footers that mailing lists append.
pub fn lenient_base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u8);
    for &byte in bytes {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' if count > 1 => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            let [_, a, b, c] = bits.to_be_bytes();
            out.extend_from_slice(&[a, b, c]);
            (bits, count) = (0, 0);
        }
    }
    let [_, first, second, _] = (bits << (6 * (4 - u32::from(count)))).to_be_bytes();
    match count {
        2 => out.push(first),
        3 => out.extend_from_slice(&[first, second]),
        _ => {}
    }
    out
}

/// Keeps an `=` that encodes nothing as it stands.
pub fn lenient_quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'=' {
            out.push(byte);
            continue;
        }
        if let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else if let Some(after) = soft_break(tail) {
            rest = after;
        } else {
            out.push(byte);
        }
    }
    out
}

fn soft_break(rest: &[u8]) -> Option<&[u8]> {
    let blanks = rest.iter().take(MAX_BLANKS).take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
    rest.get(blanks..)?.strip_prefix(b"\n")
}

/// Blanks that may stand between a `=` and its line end.
const MAX_BLANKS: usize = 100;

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_encodings_are_undone() {
        assert_eq!(decode("base64", b"aGVs\r\nbG8="), b"hello");
        assert_eq!(decode("BASE64 ", b"aGVsbG8"), b"hello");
        assert_eq!(decode("quoted-printable", b"caf=C3=A9 =\r\nnoir=0D=0A"), "café noir\r\n".as_bytes());
        assert_eq!(decode("8bit", b"caf\xe9"), b"caf\xe9");
        assert_eq!(decode("x-garbage; yes", b"as =41 is"), b"as =41 is");
    }

    #[test]
    fn damaged_data_gives_what_can_be_had() {
        assert_eq!(decode("base64", b"aGVs!bG8=\r\n\r\n-- \r\nlist footer"), b"hello");
        assert_eq!(decode("quoted-printable", b"100=% a=C3=A9b = \r\nc="), "100=% aéb c=".as_bytes());
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..200), width in 1usize..80) {
            let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
            let folded: Vec<u8> = encoded.as_bytes().chunks(width).collect::<Vec<_>>().join(&b"\r\n"[..]);
            prop_assert_eq!(&decode("base64", &folded), &bytes);
            prop_assert_eq!(&lenient_base64(&folded), &bytes);
        }

        #[test]
        fn any_bytes_are_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for name in ["base64", "quoted-printable", "7bit"] {
                decode(name, &bytes);
            }
        }
    }
}
