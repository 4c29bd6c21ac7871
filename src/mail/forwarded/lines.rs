//! The lines of a body, each with its quote marks told from its text.

use crate::mail::reply::fold::is_invisible;
use crate::mail::reply::lines::{Kind, Line as ReplyLine};

/// The deepest quote that is counted.
const MAX_DEPTH: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// How many quote marks stand before the text.
    pub(super) depth: usize,
    pub(super) text: &'a str,
    pub(super) raw: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn of(raw: &'a str) -> Self {
        let raw = raw.trim_end();
        let mut text = raw;
        let mut depth = 0;
        while depth < MAX_DEPTH
            && let Some(after) = text.trim_start_matches(is_blank).strip_prefix('>')
        {
            depth += 1;
            text = after;
        }
        let text = if depth > 0 { text.strip_prefix(' ').unwrap_or(text) } else { text };
        Self { depth, text, raw }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.chars().all(is_blank)
    }

    /// The line without this many quote marks.
    pub(super) fn unquoted(&self, marks: usize) -> &'a str {
        let mut text = self.raw;
        for _ in 0..marks.min(self.depth) {
            text = text.trim_start_matches(is_blank).strip_prefix('>').unwrap_or(text);
        }
        if marks > 0 && self.depth > 0 { text.strip_prefix(' ').unwrap_or(text) } else { text }
    }

    /// The line as [`crate::mail::reply`] looks at it.
    pub(super) fn for_reply(&self) -> ReplyLine<'a> {
        let kind = match self.depth {
            _ if self.is_empty() => Kind::Empty,
            0 => Kind::Text,
            _ => Kind::Quote,
        };
        ReplyLine { text: if self.depth > 0 { self.raw } else { self.text }, kind }
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

pub(super) fn lines_of(text: &str) -> Vec<Line<'_>> {
    text.lines().map(Line::of).collect()
}

/// Lines without this many quote marks as a text without empty lines around it.
pub(super) fn text_of(lines: &[Line], marks: usize) -> String {
    let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |at| at + 1);
    let mut out = String::new();
    for line in lines.get(first..last).unwrap_or_default() {
        let text = line.unquoted(marks);
        out.push_str(if text.chars().all(is_blank) { "" } else { text });
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_marks_are_told_from_text() {
        for (raw, depth, text) in [
            ("a", 0, "a"),
            ("> a", 1, "a"),
            (">>  a", 2, " a"),
            ("> > a ", 2, "a"),
            ("\u{200f}> a", 1, "a"),
            (">", 1, ""),
            ("  a", 0, "  a"),
        ] {
            let line = Line::of(raw);
            assert_eq!((line.depth, line.text), (depth, text), "{raw:?}");
        }
        assert_eq!(Line::of("> > a").unquoted(1), "> a");
        assert_eq!(text_of(&lines_of(">\n> a\n> \u{a0}\n> > b\n>"), 1), "a\n\n> b");
    }
}
