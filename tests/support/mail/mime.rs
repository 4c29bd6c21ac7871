//! Writing MIME the way mail programs do: charsets, transfer encodings, boundaries, file names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::chance::Chance;

/// `text` in `charset`; it must be able to express it.
pub fn encode(text: &str, charset: &str) -> Vec<u8> {
    if charset == "us-ascii" || charset == "utf-8" {
        return text.as_bytes().to_vec();
    }
    let encoding = encoding_rs::Encoding::for_label(charset.as_bytes()).expect("a known charset");
    let (bytes, _, lossy) = encoding.encode(text);
    assert!(!lossy, "{charset} cannot express {text}");
    bytes.into_owned()
}

/// Base64 in lines of 76 (RFC 2045 section 6.8).
pub fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 4 / 3 + bytes.len() / 28 + 8);
    for line in bytes.chunks(57) {
        out.extend_from_slice(STANDARD.encode(line).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Quoted-printable (RFC 2045 section 6.7) of bytes whose lines end with CRLF.
pub fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 5 / 4);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (text, end) = line.strip_suffix(b"\r\n").map_or((line, &b""[..]), |text| (text, &b"\r\n"[..]));
        let mut width = 0;
        for (position, byte) in text.iter().enumerate() {
            let last = position + 1 == text.len();
            let literal = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (*byte == b' ' && !last);
            let needed = if literal { 1 } else { 3 };
            if width + needed > 75 {
                out.extend_from_slice(b"=\r\n");
                width = 0;
            }
            match literal {
                true => out.push(*byte),
                false => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
            }
            width += needed;
        }
        out.extend_from_slice(end);
    }
    out
}

/// A header value: as it is, or as encoded-words (RFC 2047) each of which holds whole characters.
pub fn header(text: &str, charset: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut piece = String::new();
    for character in text.chars() {
        piece.push(character);
        if encode(&piece, charset).len() >= 30 {
            words.push(encoded_word(&piece, charset));
            piece.clear();
        }
    }
    if !piece.is_empty() {
        words.push(encoded_word(&piece, charset));
    }
    words.join("\r\n ")
}

/// Q for charsets that are mostly ASCII, B for the rest, as mail programs choose.
fn encoded_word(text: &str, charset: &str) -> String {
    let bytes = encode(text, charset);
    if !charset.starts_with("iso-8859") && !charset.starts_with("windows") {
        return format!("=?{charset}?B?{}?=", STANDARD.encode(bytes));
    }
    let mut word = format!("=?{charset}?Q?");
    for byte in bytes {
        match byte {
            b' ' => word.push('_'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => word.push(char::from(byte)),
            _ => word.push_str(&format!("={byte:02X}")),
        }
    }
    word + "?="
}

/// A text part with its headers.
pub fn text_part(chance: &mut Chance, subtype: &str, text: &str, charset: &str) -> Vec<u8> {
    let bytes = encode(text, charset);
    let choice = if bytes.is_ascii() {
        "7bit"
    } else {
        *chance.pick(&["quoted-printable", "quoted-printable", "8bit", "base64"])
    };
    let body = match choice {
        "quoted-printable" => quoted_printable(&bytes),
        "base64" => base64_lines(&bytes),
        _ => bytes,
    };
    let head =
        format!("Content-Type: text/{subtype}; charset=\"{charset}\"\r\nContent-Transfer-Encoding: {choice}\r\n\r\n");
    [head.into_bytes(), body].concat()
}

/// Parts between boundaries.
pub fn multipart(chance: &mut Chance, subtype: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let boundary = format!("=_{}", chance.hex(24));
    let mut out = format!("Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n\r\n").into_bytes();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// A file in base64. Its name is written by RFC 2231, or in RFC 2047 words as Outlook does.
pub fn file_part(chance: &mut Chance, name: &str, media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let parameter = match name.is_ascii() {
        true => format!("filename=\"{name}\""),
        false if chance.percent(50) => format!("filename*=utf-8''{}", percent_encoded(name)),
        false => format!("filename=\"{}\"", header(name, "utf-8")),
    };
    let head = format!(
        "Content-Type: {media_type}\r\nContent-Disposition: attachment;\r\n {parameter}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    [head.into_bytes(), base64_lines(bytes)].concat()
}

/// An image that the HTML refers to by `cid`.
pub fn inline_part(cid: &str, name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "Content-Type: image/png; name=\"{name}\"\r\nContent-ID: <{cid}>\r\nContent-Disposition: inline; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    [head.into_bytes(), base64_lines(bytes)].concat()
}

fn percent_encoded(text: &str) -> String {
    let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes()
        .map(|byte| if unreserved(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
