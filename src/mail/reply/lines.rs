//! The lines of a body, and which of them are quoted.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::fold::is_invisible;
use super::header::separator;

/// Where [`super::html`] saw history or a signature begin and end. They stand alone on their line, in characters that
/// mean nothing in any text.
pub(super) const HISTORY: char = '\u{e000}';
pub(super) const HISTORY_END: char = '\u{e001}';
pub(super) const SIGNATURE: char = '\u{e002}';
pub(super) const SIGNATURE_END: char = '\u{e003}';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mail) enum Kind {
    Empty,
    Text,
    Quote,
    /// Who wrote what follows, and when; or that history follows.
    Intro,
    /// A forwarded mail follows.
    Forward,
    Signature,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::mail) struct Line<'a> {
    pub(in crate::mail) text: &'a str,
    pub(in crate::mail) kind: Kind,
}

/// A quote may be marked by other lines within, as by a mailing list's members, but a program writes `>`.
pub(super) fn lines_of(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::with_capacity(memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1);
    let mut region = Region::default();
    for raw in text.lines().flat_map(split_inline_intro) {
        let line = raw.trim_end();
        if let Some(mark) = mark_in(line) {
            region.turn(mark, &mut lines);
            continue;
        }
        let kind = match plain_kind(line) {
            Kind::Empty => Kind::Empty,
            _ if region.history > 0 => Kind::Quote,
            _ if region.signature > 0 => Kind::Signature,
            kind => kind,
        };
        lines.push(Line { text: line, kind });
    }
    region.close(&mut lines);
    lines
}

fn plain_kind(line: &str) -> Kind {
    let text = line.trim_start_matches(|c: char| c.is_whitespace() || is_invisible(c));
    match text.as_bytes() {
        [] => Kind::Empty,
        [b'>', ..] => Kind::Quote,
        _ => Kind::Text,
    }
}

static INLINE_INTRO: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("--- On "));

/// Yahoo's old `--- On …, … wrote:` may follow the text of a reply that ended without a line end.
fn split_inline_intro(line: &str) -> impl Iterator<Item = &str> {
    let at = INLINE_INTRO.find(line.as_bytes());
    let at = at.map(|at| line.get(..at).unwrap_or_default().trim_end_matches('-').len());
    let (first, second) = match at.filter(|at| *at > 0 && !line.trim_start().starts_with('>')) {
        Some(at) if line.trim_end().ends_with(':') => line.split_at_checked(at).unwrap_or((line, "")),
        _ => (line, ""),
    };
    std::iter::once(first).chain((!second.is_empty()).then_some(second))
}

fn is_mark(c: char) -> bool {
    (HISTORY..=SIGNATURE_END).contains(&c)
}

/// The first mark of a line.
fn mark_in(line: &str) -> Option<char> {
    // Every one of them begins with this octet in UTF-8, as few other characters do.
    let from = memchr::memchr(0xee, line.as_bytes())?;
    line.get(from..)?.chars().find(|c| is_mark(*c))
}

/// The line without [`HISTORY`] and its like.
pub(super) fn without_marks(line: &str) -> Cow<'_, str> {
    if mark_in(line).is_some() { line.replace(is_mark, "").into() } else { line.into() }
}

/// What the marks of HTML say about the lines that follow.
#[derive(Default)]
struct Region {
    history: usize,
    signature: usize,
    start: usize,
}

impl Region {
    fn turn(&mut self, mark: char, lines: &mut Vec<Line>) {
        match mark {
            HISTORY => {
                if self.history == 0 {
                    lines.push(Line { text: "", kind: Kind::Intro });
                    self.start = lines.len();
                }
                self.history += 1;
            }
            HISTORY_END if self.history == 1 => self.close(lines),
            HISTORY_END => self.history = self.history.saturating_sub(1),
            SIGNATURE => self.signature += 1,
            _ => self.signature = self.signature.saturating_sub(1),
        }
    }

    /// The end of history. In some programs the element holds the quotes and the answers between them: then only what is
    /// marked as quoted is history.
    fn close(&mut self, lines: &mut [Line]) {
        if self.history == 0 {
            return;
        }
        self.history = 0;
        let region = lines.get_mut(self.start..).unwrap_or_default();
        let filled = |line: &&Line| line.kind != Kind::Empty;
        let first = region.iter().find(filled);
        if first.is_some_and(|line| separator(line.text).is_some_and(|found| found == Kind::Forward)) {
            if let Some(line) = region.iter_mut().find(|line| line.kind != Kind::Empty) {
                line.kind = Kind::Forward;
            }
            return;
        }
        // An introduction takes up to three lines.
        let quoted_at = region.iter().filter(filled).take(4).position(|line| plain_kind(line.text) == Kind::Quote);
        if quoted_at.is_some() {
            let mut above = true;
            for line in region.iter_mut().filter(|line| line.kind != Kind::Empty) {
                above &= plain_kind(line.text) != Kind::Quote;
                line.kind = if above { Kind::Intro } else { plain_kind(line.text) };
            }
        }
    }
}
