//! The new text of a reply, without the mail it answers and without the signature.
//!
//! A body is read as lines. What mail programs put above history — an introduction (`On … wrote:`), a block of header
//! lines, a separator — says where it begins; in HTML their elements say so, too. The text above it is new, and so is
//! what was written below or between quotes.

pub(super) mod fold;
mod footer;
pub(super) mod header;
mod history;
mod html;
pub(super) mod intro;
pub(super) mod lines;
#[cfg(test)]
mod tests;
pub(super) mod words;

use super::content::text_of_html;
use history::{Found, new_text};
use lines::{Line, lines_of, without_marks};

/// The new text of a mail that has this text and this HTML; `is_plain` says that the text is the mail's own rather than
/// made of the HTML. `None` for a mail without text, and empty for one that quotes and says nothing. A forwarded mail
/// without a word of its own is kept whole, and so is a signature that is all there is.
pub fn reply_text(text: Option<&str>, html: Option<&str>, is_plain: bool) -> Option<String> {
    let plain = text.filter(|text| is_plain && !text.trim().is_empty());
    match (plain, html) {
        (Some(text), _) => Some(reply_of(text)),
        (None, Some(html)) => Some(match (html::marked(html), text) {
            (None, Some(text)) if !is_plain => reply_of(text),
            (None, _) => reply_of(&text_of_html(html)),
            (Some(marked), _) => reply_of(&text_of_html(&marked)),
        }),
        (None, None) => text.filter(|_| is_plain).map(|text| tidy(text).to_owned()),
    }
}

fn reply_of(text: &str) -> String {
    let lines = lines_of(text);
    match new_text(&lines) {
        Found::New(parts) => {
            let without: Vec<String> = parts.iter().map(|part| footer::without_footer(part)).collect();
            let new = join(&without);
            if !new.is_empty() {
                return new;
            }
            // A signature is all there is above the history.
            join(&parts.iter().map(|part| whole(part)).collect::<Vec<_>>())
        }
        Found::OnlyQuoted => String::new(),
        Found::Whole => whole(&lines),
    }
}

fn whole(lines: &[Line]) -> String {
    tidy(&lines.iter().map(|line| without_marks(line.text)).collect::<Vec<_>>().join("\n")).to_owned()
}

/// The parts below each other, with no more than an empty line between paragraphs.
fn join(parts: &[String]) -> String {
    let mut out = String::with_capacity(parts.iter().map(String::len).sum::<usize>() + parts.len());
    let mut empty = 0;
    for part in parts {
        for line in tidy(part).lines().chain([""]) {
            empty = if line.is_empty() { empty + 1 } else { 0 };
            if empty <= 1 && !(line.is_empty() && out.is_empty()) {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// No empty lines around the text; blanks that indent its first line stay.
fn tidy(text: &str) -> &str {
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n')
        && line.chars().all(|c| c.is_whitespace() || fold::is_invisible(c))
    {
        rest = after;
    }
    rest.trim_end()
}
