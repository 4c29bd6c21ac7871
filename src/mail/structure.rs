//! The parts of a MIME message as ranges of its bytes (RFC 2046 section 5.1).
//!
//! `mail_parser` could do this, but decodes text attachments to UTF-8 and nested messages whole, takes a boundary in
//! the middle of a line for one, and reads to the end of the message for each boundary that never comes. Here every line
//! is looked at once, and nothing is decoded.

use std::ops::Range;

use super::fields::Fields;
use super::parameters::Value;

/// How deep multiparts are opened. What is deeper stays one part.
const MAX_DEPTH: usize = 64;

/// How many parts one message is split into.
const MAX_PARTS: usize = 2_000;

/// The longest media type, in octets (RFC 6838 section 4.2).
const MAX_MEDIA_TYPE: usize = 255;

/// One part of a message.
#[derive(Debug)]
pub struct Node {
    /// The multipart it stands in, by position.
    pub parent: Option<usize>,
    /// The media type in lower case, `text/plain` where it is missing or no type at all.
    pub media_type: String,
    pub content_type: Value,
    pub disposition: Value,
    pub content_id: Option<String>,
    pub encoding: String,
    pub body: Range<usize>,
    /// Whether it was split into other parts.
    pub is_split: bool,
}

/// A message taken apart. The first node is the message itself.
#[derive(Debug)]
pub struct Structure<'a> {
    pub fields: Fields<'a>,
    pub nodes: Vec<Node>,
    /// How many parts were passed over because there are too many.
    pub omitted: usize,
}

/// Takes a message apart. Total, and linear in the message's length.
pub fn parse(raw: &[u8]) -> Structure<'_> {
    let body_start = super::fields::header_len(raw);
    let fields = Fields::parse(raw.get(..body_start).unwrap_or_default());
    let root = Node::read(&fields, None, body_start..raw.len(), false);
    let mut walk = Walk { raw, nodes: vec![root], open: Vec::new(), omitted: 0 };
    walk.open(0);
    walk.run(body_start);
    let Walk { mut nodes, omitted, .. } = walk;
    settle(&mut nodes);
    Structure { fields, nodes, omitted }
}

/// A multipart whose delimiter never came is text, as a reader would show it.
fn settle(nodes: &mut [Node]) {
    let parents: Vec<usize> = nodes.iter().filter_map(|n| n.parent).collect();
    for parent in parents {
        if let Some(node) = nodes.get_mut(parent) {
            node.is_split = true;
        }
    }
    for node in nodes.iter_mut().filter(|n| !n.is_split && n.parent.is_none() && n.media_type.starts_with("multipart/"))
    {
        node.media_type = "text/plain".to_owned();
    }
}

impl Node {
    fn read(fields: &Fields<'_>, parent: Option<usize>, body: Range<usize>, in_digest: bool) -> Self {
        let content_type = fields.value("Content-Type").unwrap_or_default();
        let is_type =
            content_type.value.split_once('/').is_some_and(|(a, b)| !a.trim().is_empty() && !b.trim().is_empty());
        let media_type = if content_type.value.len() > MAX_MEDIA_TYPE {
            "application/octet-stream".to_owned()
        } else if is_type {
            content_type.value.split_whitespace().collect()
        } else if in_digest && content_type.value.is_empty() {
            // RFC 2046 section 5.1.5
            "message/rfc822".to_owned()
        } else {
            "text/plain".to_owned()
        };
        let content_id = fields.first("Content-ID").map(|id| id.trim().trim_matches(['<', '>']).to_owned());
        Self {
            parent,
            media_type,
            content_type,
            disposition: fields.value("Content-Disposition").unwrap_or_default(),
            content_id: content_id.filter(|id| !id.is_empty()),
            encoding: fields.value("Content-Transfer-Encoding").unwrap_or_default().value,
            body,
            is_split: false,
        }
    }
}

/// A multipart whose parts are being read.
struct Open {
    node: usize,
    boundary: Vec<u8>,
}

struct Walk<'a> {
    raw: &'a [u8],
    nodes: Vec<Node>,
    open: Vec<Open>,
    omitted: usize,
}

/// A delimiter line: of which open multipart, whether it is the last, and where it starts and ends.
struct Delimiter {
    level: usize,
    closes: bool,
    start: usize,
    end: usize,
}

impl<'a> Walk<'a> {
    /// Reads delimiters until there are no more, giving each part the bytes between two of them.
    fn run(&mut self, mut at: usize) {
        let mut current = None;
        while let Some(delimiter) = self.next_delimiter(at) {
            let end = before_line_end(self.raw, at, delimiter.start);
            self.end(current.take(), end);
            // Multiparts within the one that goes on were never closed: they end here.
            for inner in self.open.drain(delimiter.level + 1..).collect::<Vec<_>>() {
                self.end(Some(inner.node), end);
            }
            at = delimiter.end;
            if delimiter.closes {
                let closed = self.open.pop().map(|open| open.node);
                self.end(closed, delimiter.start);
            } else if self.nodes.len() >= MAX_PARTS {
                self.omitted += 1;
            } else if let Some(parent) = self.open.get(delimiter.level).map(|open| open.node) {
                (current, at) = self.part(parent, at);
            }
        }
    }

    /// Reads the header of a part and opens the part if it is a multipart.
    fn part(&mut self, parent: usize, start: usize) -> (Option<usize>, usize) {
        let limit = self.header_end(start);
        let block = self.raw.get(start..limit).unwrap_or_default();
        let in_digest = self.nodes.get(parent).is_some_and(|p| p.media_type == "multipart/digest");
        let node = Node::read(&Fields::parse(block), Some(parent), limit..self.raw.len(), in_digest);
        let index = self.nodes.len();
        self.nodes.push(node);
        let current = if self.open(index) { None } else { Some(index) };
        (current, limit)
    }

    /// Where the header that starts here ends: after the empty line, or before a delimiter if that comes first.
    fn header_end(&self, start: usize) -> usize {
        let mut at = start;
        while let Some(line) = line(self.raw, at) {
            if matches!(line, b"\n" | b"\r\n") {
                return at + line.len();
            }
            if line.starts_with(b"--") && self.matches(line).is_some() {
                return at;
            }
            at += line.len();
        }
        at
    }

    fn open(&mut self, index: usize) -> bool {
        let Some(node) = self.nodes.get(index) else { return false };
        if self.open.len() >= MAX_DEPTH || !node.media_type.starts_with("multipart/") {
            return false;
        }
        let Some(boundary) = node.content_type.parameter("boundary") else { return false };
        let boundary = boundary.trim_end().as_bytes().to_vec();
        if boundary.is_empty() {
            return false;
        }
        self.open.push(Open { node: index, boundary });
        true
    }

    fn end(&mut self, index: Option<usize>, end: usize) {
        if let Some(node) = index.and_then(|index| self.nodes.get_mut(index)) {
            node.body.end = end.max(node.body.start);
        }
    }

    fn next_delimiter(&self, from: usize) -> Option<Delimiter> {
        if self.open.is_empty() {
            return None;
        }
        let mut at = from;
        loop {
            let rest = self.raw.get(at..)?;
            if rest.starts_with(b"--") {
                let line = line(self.raw, at)?;
                if let Some((level, closes)) = self.matches(line) {
                    return Some(Delimiter { level, closes, start: at, end: at + line.len() });
                }
            }
            at += memchr::memchr(b'\n', rest)? + 1;
        }
    }

    /// The innermost open multipart whose delimiter the line is (RFC 2046 section 5.1.1: blanks may follow).
    fn matches(&self, line: &[u8]) -> Option<(usize, bool)> {
        let line = line.trim_ascii_end().strip_prefix(b"--")?;
        self.open.iter().enumerate().rev().find_map(|(level, open)| {
            match line.strip_prefix(open.boundary.as_slice())? {
                b"" => Some((level, false)),
                b"--" => Some((level, true)),
                _ => None,
            }
        })
    }
}

/// The line that starts here, with its line end.
fn line(raw: &[u8], at: usize) -> Option<&[u8]> {
    let rest = raw.get(at..).filter(|rest| !rest.is_empty())?;
    let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    rest.get(..len)
}

/// The line end before a delimiter belongs to the delimiter.
fn before_line_end(raw: &[u8], from: usize, at: usize) -> usize {
    let part = raw.get(from..at).unwrap_or_default();
    let part = part.strip_suffix(b"\n").map_or(part, |p| p.strip_suffix(b"\r").unwrap_or(p));
    from + part.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaves(raw: &str) -> Vec<(String, String)> {
        let structure = parse(raw.as_bytes());
        let leaves = structure.nodes.iter().filter(|n| !n.is_split);
        leaves.map(|n| (n.media_type.clone(), raw.get(n.body.clone()).unwrap_or_default().to_owned())).collect()
    }

    fn leaf(media_type: &str, body: &str) -> (String, String) {
        (media_type.to_owned(), body.to_owned())
    }

    #[test]
    fn a_nested_message_is_taken_apart() {
        let raw = "Content-Type: multipart/mixed; boundary=\"b\"\n\npreamble\n--b\nContent-Type: multipart/alternative; \
            boundary=bb\n\n--bb\n\nplain\n--bb\nContent-Type: text/html\n\n<p>\n\n--bb--\nepilogue\n--b  \n\
            Content-Type: application/pdf\n\n%PDF\r\n--b--\nmore";
        assert_eq!(
            leaves(raw),
            [leaf("text/plain", "plain"), leaf("text/html", "<p>\n"), leaf("application/pdf", "%PDF")]
        );
    }

    #[test]
    fn a_boundary_that_is_the_start_of_another_is_no_delimiter() {
        let raw = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none --b--\n--bb\nstill one\n--b\n\ntwo\n--b--";
        assert_eq!(leaves(raw), [leaf("text/plain", "one --b--\n--bb\nstill one"), leaf("text/plain", "two")]);
    }

    #[test]
    fn an_unclosed_message_ends_where_the_bytes_end() {
        let raw = "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--a\n\ntwo";
        assert_eq!(leaves(raw), [leaf("text/plain", "one"), leaf("text/plain", "two")]);
    }

    #[test]
    fn a_part_without_an_empty_line_has_no_body() {
        let raw = "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: image/png\n--a\n\ntwo\n--a--";
        assert_eq!(leaves(raw), [leaf("image/png", ""), leaf("text/plain", "two")]);
    }

    #[test]
    fn a_multipart_whose_delimiter_never_comes_is_text() {
        assert_eq!(leaves("Content-Type: multipart/mixed; boundary=a\n\nwords"), [leaf("text/plain", "words")]);
        assert_eq!(leaves("Content-Type: multipart/mixed\n\nwords"), [leaf("text/plain", "words")]);
        assert_eq!(leaves("Content-Type: words\n\nwords"), [leaf("text/plain", "words")]);
    }

    #[test]
    fn the_parts_of_a_digest_are_messages() {
        let raw = "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\ny\n--a--";
        assert_eq!(leaves(raw), [leaf("message/rfc822", "Subject: x\n\ny")]);
    }

    #[test]
    fn endless_depth_and_endless_parts_are_bounded() {
        let deep: String =
            (0..100_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
        assert_eq!(parse(deep.as_bytes()).nodes.len(), MAX_DEPTH + 1);
        let wide = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(100_000));
        let wide = parse(wide.as_bytes());
        assert_eq!((wide.nodes.len(), wide.omitted), (MAX_PARTS, 100_001 - MAX_PARTS));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message(pieces in proptest::collection::vec(prop_oneof![
            Just("Content-Type: multipart/mixed; boundary=a\n"), Just("Content-Type: multipart/digest; boundary=ab\n"),
            Just("--a\n"), Just("--ab\n"), Just("--a--\n"), Just("--ab--"), Just("\n"), Just("\r\n"), Just("x"), Just("--"),
        ], 0..40)) {
            let raw = pieces.concat();
            for node in parse(raw.as_bytes()).nodes {
                prop_assert!(raw.as_bytes().get(node.body.clone()).is_some());
            }
        }
    }
}
