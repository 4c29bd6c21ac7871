//! The tags of HTML, and whether there are more of them within each other than a tree builder should be given.
//!
//! Tree builders take the square of the depth in time, and repeat open formatting elements in every block, so that a
//! few kilobytes can cost gigabytes. This estimate never falls below what they do; it may exceed it for broken HTML.

/// How deep elements may nest. Mail has a few dozen levels.
const MAX_DEPTH: usize = 256;

/// How many elements may be repeated because formatting was left open.
const MAX_REPEATED: usize = 300_000;

/// How many tags HTML may have if it holds what this scanner does not follow.
const MAX_UNFOLLOWED: usize = 1_000;

/// Elements that never nest, or that a parser closes by itself: leaving them open is normal in mail.
const SELF_CLOSING: &[&str] = &[
    "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img", "input", "li",
    "link", "meta", "option", "p", "param", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr",
];

/// Elements that are opened again in the next block if they were not closed.
const FORMATTING: &[&str] =
    &["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];

/// Elements whose content is text up to their end tag.
const RAW: &[&str] = &["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"];

/// Elements within which other rules hold.
const UNFOLLOWED: &[&str] = &["frameset", "math", "plaintext", "select", "svg", "template"];

/// How far up an end tag looks for its element.
const MAX_MISNESTED: usize = 16;

/// Whether the HTML is too deep or too tangled to be parsed.
pub fn is_hostile(html: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    let (mut formatting, mut repeated, mut count) = (0usize, 0usize, 0usize);
    let mut tags = Tags::new(html);
    while let Some(tag) = tags.next() {
        count += 1;
        repeated += formatting;
        if is_one_of(tag.name, SELF_CLOSING) {
            // Only the repeated formatting counts.
        } else if !tag.closes {
            formatting += usize::from(is_one_of(tag.name, FORMATTING));
            open.push(tag.name);
        } else if let Some(at) = opener(&open, tag.name) {
            formatting -= usize::from(is_one_of(tag.name, FORMATTING));
            open.remove(at);
        }
        if open.len() > MAX_DEPTH || repeated > MAX_REPEATED || (tags.unfollowed && count > MAX_UNFOLLOWED) {
            return true;
        }
    }
    false
}

/// The element an end tag closes for certain: the innermost, but for formatting around which it may be misplaced.
fn opener(open: &[&str], name: &str) -> Option<usize> {
    for (at, other) in open.iter().enumerate().rev().take(MAX_MISNESTED) {
        if other.eq_ignore_ascii_case(name) {
            return Some(at);
        }
        if !is_one_of(other, FORMATTING) {
            return None;
        }
    }
    None
}

pub fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// A tag: its name, whether it is an end tag, and its bytes.
pub struct Tag<'a> {
    pub name: &'a str,
    pub closes: bool,
    pub start: usize,
    pub end: usize,
}

/// The tags of HTML by the rules of the HTML standard's tokenizer (section 13.2.5), as far as they tell tags from text.
pub struct Tags<'a> {
    html: &'a str,
    at: usize,
    /// Whether something was met that is tokenized in another way.
    unfollowed: bool,
}

impl<'a> Tags<'a> {
    pub fn new(html: &'a str) -> Self {
        Self { html, at: 0, unfollowed: false }
    }

    /// Passes over the text of a raw element, up to its end tag.
    fn skip_raw(&mut self, name: &str) {
        let bytes = self.html.as_bytes();
        let from = self.at;
        while let Some(found) = memchr::memchr(b'<', bytes.get(self.at..).unwrap_or_default()) {
            let start = self.at + found;
            let after = bytes.get(start + 1..).and_then(|b| b.strip_prefix(b"/")).unwrap_or_default();
            let (same, next) = (after.get(..name.len()).unwrap_or_default(), after.get(name.len()));
            if same.eq_ignore_ascii_case(name.as_bytes()) && next.is_some_and(|b| ends_name(*b)) {
                self.at = start;
                // A script within a comment within a script moves the end.
                let content = bytes.get(from..start).unwrap_or_default();
                self.unfollowed |= name.eq_ignore_ascii_case("script") && content.windows(4).any(|w| w == b"<!--");
                return;
            }
            self.at = start + 1;
        }
        self.at = bytes.len();
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let bytes = self.html.as_bytes();
        loop {
            let start = self.at + memchr::memchr(b'<', bytes.get(self.at..)?)?;
            let closes = bytes.get(start + 1) == Some(&b'/');
            let name_at = start + 1 + usize::from(closes);
            match bytes.get(name_at) {
                Some(b) if b.is_ascii_alphabetic() => {}
                Some(b'!' | b'?') => {
                    self.at = comment_end(bytes, start);
                    continue;
                }
                Some(_) if closes => {
                    self.at = comment_end(bytes, start);
                    continue;
                }
                _ => {
                    self.at = start + 1;
                    continue;
                }
            }
            let len = bytes.get(name_at..)?.iter().position(|b| ends_name(*b)).unwrap_or(bytes.len() - name_at);
            let name = self.html.get(name_at..name_at + len)?;
            self.at = tag_end(bytes, name_at + len);
            let tag = Tag { name, closes, start, end: self.at };
            self.unfollowed |= is_one_of(name, UNFOLLOWED);
            if !closes && !self.unfollowed && is_one_of(name, RAW) {
                self.skip_raw(name);
            }
            return Some(tag);
        }
    }
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'/' || byte == b'>'
}

/// The end of a comment, a declaration or anything else that is treated as one.
fn comment_end(bytes: &[u8], start: usize) -> usize {
    let is_comment = bytes.get(start..).is_some_and(|b| b.starts_with(b"<!--"));
    let mut at = start + 2;
    while let Some(found) = memchr::memchr(b'>', bytes.get(at..).unwrap_or_default()) {
        let end = at + found;
        let before = bytes.get(start + 2..end).unwrap_or_default();
        if !is_comment || before.ends_with(b"--") || before.ends_with(b"--!") {
            return end + 1;
        }
        at = end + 1;
    }
    bytes.len()
}

#[derive(Clone, Copy)]
enum State {
    BeforeName,
    Name,
    BeforeValue,
    Value,
}

/// The end of a tag whose name ends here. Quotes count only where an attribute's value starts.
fn tag_end(bytes: &[u8], mut at: usize) -> usize {
    let mut state = State::BeforeName;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        state = match (state, byte) {
            (_, b'>') => return at,
            (State::BeforeValue, b'"' | b'\'') => {
                let Some(len) = memchr::memchr(byte, bytes.get(at..).unwrap_or_default()) else { break };
                at += len + 1;
                State::BeforeName
            }
            (State::BeforeValue, b) if b.is_ascii_whitespace() => State::BeforeValue,
            (State::BeforeValue, _) => State::Value,
            (State::Value, b) if !b.is_ascii_whitespace() => State::Value,
            (State::Value, _) | (_, b'/') => State::BeforeName,
            (State::Name, b'=') => State::BeforeValue,
            // A `=` may follow the name after blanks.
            (State::Name, b) if b.is_ascii_whitespace() => State::Name,
            (State::BeforeName, b) if b.is_ascii_whitespace() => State::BeforeName,
            _ => State::Name,
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(html: &str) -> String {
        Tags::new(html)
            .map(|t| format!("{}{} ", if t.closes { "/" } else { "" }, t.name))
            .collect::<String>()
            .trim_end()
            .to_owned()
    }

    #[test]
    fn tags_are_told_from_text() {
        for (html, expected) in [
            ("<p class=x>a < b</P>", "p /P"),
            ("<a title=\"</a>\">x</a>", "a /a"),
            ("<a title = '>'>x</a>", "a /a"),
            ("<i \"><b>", "i b"),
            ("<i =\"><b>", "i b"),
            ("<i/=\"><b>", "i b"),
            ("<i a=b\"><b>", "i b"),
            ("<!-- <b> --><i>", "i"),
            ("<!--><b>", "b"),
            ("<!--- --!><b>", "b"),
            ("<!doctype html><?xml <b>?></ <b>", ""),
            ("<style>a<b>c</styles></STYLE ><i>", "style /STYLE i"),
            ("<title><b></title>", "title /title"),
            ("<o:p></o:p>", "o:p /o:p"),
            ("<a title=\"<b>", "a"),
            ("<", ""),
            ("</", ""),
        ] {
            assert_eq!(names(html), expected, "{html}");
        }
    }

    #[test]
    fn real_mail_is_not_hostile() {
        let table = "<table><tr><td><p><b>x</b><br>".repeat(30) + &"</td></tr></table>".repeat(30);
        let misnested = "<div><b><i>x</b></i><p><span><font size=1>y</span></font></div>".repeat(200);
        let rows = format!("<table>{}</table>", "<tr><td><p class=a><span><b>1</b></span></p></td></tr>".repeat(5_000));
        for html in [table, rows, "<p>a".repeat(10_000), "<li>a<br>".repeat(10_000)] {
            assert!(!is_hostile(&html));
        }
        assert!(!is_hostile(&misnested[..misnested.len() / 2]));
    }

    #[test]
    fn depth_cannot_be_hidden() {
        for step in [
            "<div>",
            "<div></x>",
            "<div><!--</div>-->",
            "<div><i title=\"</div>\"></i>",
            "<div><style></div></style>",
            "<div><table><tr><td></div></table>",
            "<b><div></b>",
            "<i \"><div></i>",
            "<svg><style><g>",
            "<script><!--<script></script></div>--></script><div>",
        ] {
            assert!(is_hostile(&step.repeat(2_000)), "{step}");
        }
    }

    #[test]
    fn formatting_that_is_repeated_in_every_block_is_hostile() {
        let fonts: String = (0..200).map(|n| format!("<font size={n}>")).collect();
        assert!(is_hostile(&format!("{fonts}{}", "<p>x".repeat(2_000))));
    }
}
