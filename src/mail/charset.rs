//! Bytes to text, for the charsets that mail really comes in (spec L26).

use mail_parser::decoders::charsets::map::charset_decoder;

/// Names in use that are not in the IANA registry's spelling, with a name the decoder knows. Written without `-` and `_`.
const ALIASES: &[(&str, &str)] = &[
    ("cp932", "shift_jis"),
    ("mscp932", "shift_jis"),
    ("xmscp932", "shift_jis"),
    ("cswindows31j", "shift_jis"),
    ("xshiftjis", "shift_jis"),
    ("eucjp", "euc-jp"),
    ("ujis", "euc-jp"),
    ("eucjpms", "euc-jp"),
    ("cp51932", "euc-jp"),
    ("cp949", "euc-kr"),
    ("ms949", "euc-kr"),
    ("xwindows949", "euc-kr"),
    ("uhc", "euc-kr"),
    ("euckr", "euc-kr"),
    ("ksc56011987", "euc-kr"),
    ("cp950", "big5"),
    ("ms950", "big5"),
    ("xgb2312", "gbk"),
    ("gb2312", "gbk"),
    ("euccn", "gbk"),
    ("cp54936", "gb18030"),
    ("koi8r", "koi8-r"),
    ("koi8u", "koi8-u"),
    ("tis620", "tis-620"),
    ("cp874", "windows-874"),
    ("windows874", "windows-874"),
    ("macroman", "macintosh"),
];

/// Names that say nothing about the bytes.
const UNKNOWN: &[&str] =
    &["", "unknown8bit", "xunknown", "unknown", "binary", "default", "none", "ansi", "8bit", "7bit"];

type Decoder = fn(&[u8]) -> String;

enum Charset {
    Utf8,
    Ascii,
    /// ISO-2022-JP (RFC 1468) and its extensions.
    EscapedJapanese,
    /// ISO-2022-KR (RFC 1557) and HZ (RFC 1843): seven-bit wrappings, unwrapped here.
    ShiftedKorean,
    ShiftedChinese,
    Named(Decoder),
    Unknown,
}

/// The text of `bytes` in the charset called `label`. Total: what cannot be decoded is guessed, then replaced.
pub fn decode(label: Option<&str>, bytes: Vec<u8>) -> String {
    match find(label.unwrap_or_default()) {
        Charset::Named(decoder) => decoder(&bytes),
        Charset::EscapedJapanese => decode_escaped(&bytes),
        Charset::ShiftedKorean => decode_shifted(&bytes, "euc-kr", korean_shift),
        Charset::ShiftedChinese => decode_shifted(&bytes, "gbk", chinese_shift),
        // UTF-8 under the name of ASCII is common; ASCII is UTF-8.
        Charset::Utf8 | Charset::Ascii => String::from_utf8(bytes).unwrap_or_else(|e| broken_utf8(e.as_bytes())),
        Charset::Unknown => String::from_utf8(bytes).unwrap_or_else(|e| guess(e.as_bytes())),
    }
}

/// The text of bytes nobody named a charset for: UTF-8, else `fallback`, else windows-1252.
pub fn decode_unlabelled(fallback: Option<&str>, bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => match find(fallback.unwrap_or_default()) {
            Charset::Named(decoder) => decoder(bytes),
            _ => guess(bytes),
        },
    }
}

fn find(label: &str) -> Charset {
    let label = label.trim().trim_matches(['"', '\'']);
    let short: String = label.chars().filter(|c| !"-_ ".contains(*c)).map(|c| c.to_ascii_lowercase()).collect();
    if short.starts_with("utf8") || short.ends_with("utf8") {
        return Charset::Utf8;
    }
    match short.as_str() {
        "cp437" | "ibm437" | "437" | "cspc8codepage437" => return Charset::Named(decode_437),
        "utf32" | "utf32be" | "utf32le" | "ucs4" | "iso10646ucs4" => {
            return Charset::Named(if short.ends_with("le") { decode_utf32_le } else { decode_utf32 });
        }
        "usascii" | "ascii" | "ansix3.41968" | "iso646us" => return Charset::Ascii,
        "cp50220" | "cp50221" | "jis" | "csiso2022jp" => return Charset::EscapedJapanese,
        s if s.starts_with("iso2022jp") => return Charset::EscapedJapanese,
        "iso2022kr" | "csiso2022kr" => return Charset::ShiftedKorean,
        "hzgb2312" | "hz" => return Charset::ShiftedChinese,
        s if UNKNOWN.contains(&s) => return Charset::Unknown,
        _ => {}
    }
    if let Some((_, name)) = ALIASES.iter().find(|(alias, _)| *alias == short) {
        return named(name);
    }
    if let Some(number) = ["windows", "win", "xcp", "cp", "ibm"].iter().find_map(|p| short.strip_prefix(p)) {
        for prefix in ["windows-", "cp", "ibm"] {
            if let Charset::Named(decoder) = named(&format!("{prefix}{number}")) {
                return Charset::Named(decoder);
            }
        }
    }
    named(label)
}

fn named(label: &str) -> Charset {
    charset_decoder(label.as_bytes()).map_or(Charset::Unknown, Charset::Named)
}

/// Bytes called UTF-8 that are not: cut or damaged text keeps what is whole, text in another charset is guessed.
fn broken_utf8(bytes: &[u8]) -> String {
    let has_sequence = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    if has_sequence { String::from_utf8_lossy(bytes).into_owned() } else { guess(bytes) }
}

fn guess(bytes: &[u8]) -> String {
    let japanese = bytes.windows(3).any(|w| w == b"\x1b$B" || w == b"\x1b$@");
    if japanese { decode_escaped(bytes) } else { decode_named("windows-1252", bytes) }
}

fn decode_named(label: &str, bytes: &[u8]) -> String {
    match named(label) {
        Charset::Named(decoder) => decoder(bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// An escape sequence that another follows switches nothing. The decoder reports it as an error, and it stands wherever
/// two encoded words were joined.
fn decode_escaped(bytes: &[u8]) -> String {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        if let [0x1b, b'(' | b'$', b'@'..=b'Z', 0x1b, ..] = rest {
            rest = rest.get(3..).unwrap_or_default();
            continue;
        }
        kept.push(byte);
        rest = tail;
    }
    decode_named("iso-2022-jp", &kept)
}

/// The upper half of code page 437, the first IBM PC's, in order.
const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

fn decode_437(bytes: &[u8]) -> String {
    let upper: Vec<char> = CODE_PAGE_437.chars().collect();
    let letter = |byte: &u8| match byte.checked_sub(0x80) {
        Some(at) => upper.get(usize::from(at)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        None => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

/// UTF-32 with a byte order mark, and big-endian without one (RFC 2781 says so of UTF-16).
fn decode_utf32(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, 0, 0, rest @ ..] => decode_utf32_le(rest),
        _ => utf32(bytes.strip_prefix(&[0, 0, 0xfe, 0xff]).unwrap_or(bytes), u32::from_be_bytes),
    }
}

fn decode_utf32_le(bytes: &[u8]) -> String {
    utf32(bytes.strip_prefix(&[0xff, 0xfe, 0, 0]).unwrap_or(bytes), u32::from_le_bytes)
}

fn utf32(bytes: &[u8], read: fn([u8; 4]) -> u32) -> String {
    let (letters, _cut) = bytes.as_chunks::<4>();
    letters.iter().map(|letter| char::from_u32(read(*letter)).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// One step of a shifted charset: how many bytes the control sequence takes, and whether double bytes follow.
type Shift = fn(rest: &[u8], double: bool) -> Option<(usize, bool)>;

fn korean_shift(rest: &[u8], double: bool) -> Option<(usize, bool)> {
    match rest {
        [0x1b, b'$', b')', b'C', ..] => Some((4, double)),
        [0x0e, ..] => Some((1, true)),
        [0x0f, ..] => Some((1, false)),
        _ => None,
    }
}

fn chinese_shift(rest: &[u8], double: bool) -> Option<(usize, bool)> {
    match rest {
        [b'~', b'{', ..] if !double => Some((2, true)),
        [b'~', b'}', ..] if double => Some((2, false)),
        [b'~', b'\n', ..] if !double => Some((2, false)),
        _ => None,
    }
}

fn decode_shifted(bytes: &[u8], inner: &str, shift: Shift) -> String {
    let mut eight_bit = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let mut double = false;
    while let Some((&byte, tail)) = rest.split_first() {
        if let Some((taken, next)) = shift(rest, double) {
            double = next;
            rest = rest.get(taken..).unwrap_or_default();
            continue;
        }
        eight_bit.push(if double && byte.is_ascii_graphic() { byte | 0x80 } else { byte });
        rest = tail;
    }
    decode_named(inner, &eight_bit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_charsets_of_real_mail_are_decoded() {
        for (label, bytes, text) in [
            ("windows-1252", &b"\x80 caf\xe9"[..], "€ café"),
            ("ISO-8859-1", b"caf\xe9", "café"),
            ("iso-8859-15", b"\xa4", "€"),
            ("latin1", b"\xe5\xe4\xf6", "åäö"),
            ("cp437", b"\x86\x84\x94 \xfe", "åäö ■"),
            ("IBM437", b"\x80\xe1", "Çß"),
            ("utf-32", b"\xff\xfe\0\0h\0\0\0\xe5\0\0\0", "hå"),
            ("utf-32be", b"\0\0\0h\0\0\0\xe5", "hå"),
            ("iso-8859-2", b"\xb3\xf3d\xbc", "łódź"),
            ("cp1250", b"\xb3\xf3d\x9f", "łódź"),
            ("windows1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
            ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
            ("koi8_u", b"\xf0\xd2\xc9\xd7\xa6\xd4", "Привіт"),
            ("cp932", b"\x93\xfa\x96{\x8c\xea\x87@", "日本語①"),
            ("shift_jis", b"\x93\xfa\x96{\x8c\xea", "日本語"),
            ("iso-2022-jp", b"\x1b$BF|K\\8l\x1b(B", "日本語"),
            ("euc_jp", b"\xc6\xfc\xcb\xdc\xb8\xec", "日本語"),
            ("gb2312", b"\xc4\xe3\xba\xc3\xe9F", "你好镕"),
            ("gb18030", b"\xc4\xe3\xba\xc3", "你好"),
            ("big5", b"\xa7A\xa6n", "你好"),
            ("ks_c_5601-1987", b"\xbe\xc8\xb3\xe7", "안녕"),
            ("cp949", b"\xbe\xc8\xb3\xe7\x8cc", "안녕똠"),
            ("iso-2022-kr", b"\x1b$)C\x0e>H3g\x0f!", "안녕!"),
            ("hz-gb-2312", b"~{Dc:C~}!", "你好!"),
            ("utf-7", b"+AOU-", "å"),
            ("utf-16le", b"a\x00\xe5\x00", "aå"),
            ("\"UTF-8\"", b"\xc3\xa5", "å"),
            ("utf8", b"\xc3\xa5", "å"),
            ("us-ascii", b"\xc3\xa5", "å"),
            ("us-ascii", b"\xe5", "å"),
            ("x-unknown", b"\xe5", "å"),
            ("x-never-heard-of", b"\xc3\xa5", "å"),
        ] {
            assert_eq!(decode(Some(label), bytes.to_vec()), text, "{label}");
        }
    }

    #[test]
    fn text_without_a_charset_is_guessed() {
        assert_eq!(decode(None, b"\xc3\xa5".to_vec()), "å");
        assert_eq!(decode(None, b"\xe5 \x80".to_vec()), "å €");
        assert_eq!(decode(None, b"\x1b$BF|K\\\x1b(B \xe5".to_vec()).chars().next(), Some('日'));
        assert_eq!(decode_unlabelled(Some("koi8-r"), b"\xf0\xd2\xc9\xd7\xc5\xd4"), "Привет");
        assert_eq!(decode_unlabelled(Some("koi8-r"), "Привет".as_bytes()), "Привет");
        assert_eq!(decode_unlabelled(None, b"\xe5"), "å");
    }

    #[test]
    fn damaged_utf8_keeps_what_is_whole() {
        assert_eq!(decode(Some("utf-8"), b"\xc3\xa5\xe5 b".to_vec()), "å\u{fffd} b");
        assert_eq!(decode(Some("utf-8"), b"f\xf6r".to_vec()), "för");
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_charset_are_text(label in "[a-z0-9_-]{0,16}", bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            decode(Some(&label), bytes);
        }
    }
}
