//! The header of a message, read as leniently as a server reads it.

/// The header of a message, with the empty line that ends it.
pub(crate) fn header_end(raw: &[u8]) -> usize {
    let mut from = 0;
    while let Some(length) = raw.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
        let line = raw.get(from..from + length).unwrap_or_default();
        from += length + 1;
        if line.is_empty() || line == b"\r" {
            return from;
        }
    }
    raw.len()
}

/// The fields of a header as written, each with its folded lines.
pub(crate) fn fields(raw: &[u8]) -> Vec<&[u8]> {
    let head = raw.get(..header_end(raw)).unwrap_or(raw);
    let mut fields = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let continues = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if !continues && at > start {
            fields.extend(head.get(start..at));
            start = at;
        }
        at += line.len();
        if matches!(line, b"\r\n" | b"\n") {
            return fields;
        }
    }
    fields.extend(head.get(start..at).filter(|field| !field.is_empty()));
    fields
}

/// The unfolded values of the fields of this name.
pub(crate) fn header(raw: &[u8], name: &str) -> Vec<String> {
    let named = fields(raw).into_iter().filter_map(|field| {
        let colon = field.iter().position(|byte| *byte == b':')?;
        let (found, value) = field.split_at_checked(colon)?;
        found.trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| value.get(1..).unwrap_or_default())
    });
    named.map(|value| String::from_utf8_lossy(value).replace(['\r', '\n'], "").trim().to_owned()).collect()
}

/// The message that a part of a multipart message is, if that part is one.
pub(crate) fn enclosed(raw: &[u8], part: usize) -> Option<&[u8]> {
    let content_type = header(raw, "Content-Type").concat();
    let (_, boundary) = content_type.split_once("boundary=")?;
    let delimiter = format!("--{}", boundary.split(';').next()?.trim().trim_matches('"'));
    let body = raw.get(header_end(raw)..)?;
    let starts: Vec<usize> = body
        .windows(delimiter.len())
        .enumerate()
        .filter(|(at, window)| *window == delimiter.as_bytes() && (*at == 0 || body.get(at - 1) == Some(&b'\n')))
        .map(|(at, _)| at)
        .collect();
    let (from, to) = (starts.get(part.checked_sub(1)?)?, starts.get(part)?);
    let part = body.get(*from..*to)?;
    let part = part.get(part.iter().position(|byte| *byte == b'\n')? + 1..)?;
    let is_message = header(part, "Content-Type").concat().to_lowercase().starts_with("message/rfc822");
    is_message.then(|| part.get(header_end(part)..)).flatten()
}

/// The subject without reply marks, in lower case.
pub(crate) fn base_subject(raw: &[u8]) -> String {
    let subject = header(raw, "Subject").concat().to_lowercase();
    let mut rest = subject.trim();
    while let Some(tail) =
        ["re:", "fwd:", "fw:", "sv:", "vs:", "aw:", "vb:"].iter().find_map(|mark| rest.strip_prefix(mark))
    {
        rest = tail.trim_start();
    }
    rest.to_owned()
}
