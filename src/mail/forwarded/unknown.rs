//! Header blocks in words that are not known. What stands below one is the history of a message that cannot be read, and
//! must not be taken for it.

use super::block::Block;
use super::body::{Outer, is_rule};
use super::lines::Line;
use crate::mail::reply::header::is_dashed;
use crate::mail::subject::BaseSubject;

/// The longest label, in characters and words.
const MAX_LABEL: usize = 30;
const MAX_WORDS: usize = 3;

/// How many lines are looked at.
const MAX_LINES: usize = 8;

/// Whether a block of header lines begins here that names a sender and a date by labels that no table has. Lines of a
/// signature have labels, too, but no `Name <address>` and no date.
pub(super) fn begins_block(lines: &[Line], at: usize) -> bool {
    let above = at.checked_sub(1).and_then(|above| lines.get(above));
    if above.is_some_and(|line| value_of(line).is_some()) {
        return false;
    }
    let below = lines.get(at..).unwrap_or_default();
    let depth = below.first().map_or(0, |line| line.depth);
    let values: Vec<&str> =
        below.iter().take(MAX_LINES).take_while(|line| line.depth == depth).map_while(value_of).collect();
    values.len() >= 3
        && values.iter().any(|v| names(v))
        && values.iter().any(|v| is_dated(v))
        && !is_known(below, values.len())
}

/// Whether a block of known labels begins with one of the first `count` lines.
fn is_known(lines: &[Line], count: usize) -> bool {
    (0..count).any(|from| lines.get(from..).is_some_and(|rest| Block::parse(rest).is_some()))
}

/// Whether a paragraph of labelled lines begins here that may be the header of a message, though it shows no address or no
/// date: a line of it has the subject of the mail, or two tell of somebody or of a moment. The user's own notes may look
/// like that, so it only counts where a block further down would be taken for the message.
pub(super) fn may_be_block(lines: &[Line], at: usize, outer: &Outer) -> bool {
    let above = at.checked_sub(1).and_then(|above| lines.get(above));
    if above.is_some_and(|line| !line.is_empty() && !is_dashed(line.text) && !is_rule(line.text)) {
        return false;
    }
    let below = lines.get(at..).unwrap_or_default();
    let depth = below.first().map_or(0, |line| line.depth);
    let paragraph = || below.iter().take(MAX_LINES).take_while(|line| line.depth == depth);
    let values: Vec<&str> = paragraph().map_while(value_of).map(str::trim_end).collect();
    if values.len() < 3 {
        return false;
    }
    let labels: Vec<&str> =
        paragraph().take(values.len()).filter_map(|line| line.text.split([':', '：']).next()).collect();
    let distinct = labels.iter().enumerate().all(|(at, label)| !labels.iter().take(at).any(|other| other == label));
    let subject = BaseSubject::of(outer.subject);
    let is_subject = |value: &str| !outer.subject.is_empty() && BaseSubject::of(value) == subject;
    let telling = values.iter().filter(|value| names(value) || is_timed(value)).count();
    distinct && (telling >= 2 || values.iter().skip(1).any(|value| is_subject(value))) && !is_known(below, values.len())
}

/// A moment: a telephone number has no colon.
fn is_timed(value: &str) -> bool {
    let figure = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    is_dated(value)
        && value.match_indices(':').any(|(at, _)| {
            figure(value.get(..at).and_then(|before| before.chars().next_back()))
                && figure(value.get(at + 1..).and_then(|after| after.chars().next()))
        })
}

/// What stands behind a label, known or not.
fn value_of<'a>(line: &Line<'a>) -> Option<&'a str> {
    let text = line.text.trim_matches(|c: char| c.is_whitespace() || c == '*');
    let end = text.char_indices().take(MAX_LABEL).find(|(_, c)| matches!(c, ':' | '：')).map(|(at, _)| at)?;
    let label = text.get(..end)?.trim();
    let is_label = !label.is_empty()
        && label.split(' ').count() <= MAX_WORDS
        && !label.contains(|c: char| c.is_ascii_digit() || "<>@/,.".contains(c));
    let value = text.get(end..)?.trim_start_matches([':', '：']).trim_start_matches(['*', ' ', '\t', '\u{a0}']);
    (is_label && !value.is_empty() && !value.starts_with("//")).then_some(value)
}

/// `Ana <ana@customer.example>`
fn names(value: &str) -> bool {
    let open = value.find(['<', '[', '(']).filter(|at| *at > 0);
    open.and_then(|at| value.get(at..)).is_some_and(|behind| behind.contains('@') && behind.contains(['>', ']', ')']))
}

/// A year and a time.
fn is_dated(value: &str) -> bool {
    let runs = value.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty());
    let year = runs.clone().any(|run| run.len() == 4 && (run.starts_with("19") || run.starts_with("20")));
    year && runs.count() >= 3 && value.len() <= 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::forwarded::lines::lines_of;

    fn begins(text: &str) -> bool {
        begins_block(&lines_of(text), 0)
    }

    #[test]
    fn a_block_in_unknown_words_is_one() {
        assert!(begins("Xar: Ana Berg <ana@customer.example>\nYor: 5 Mur 2024 14:07\nZil: us\nWen: Quote\n"));
        assert!(begins("*Xar:* Ana Berg [mailto:ana@customer.example]\n*Yor:* 5 Mur 2024 14:07\n*Wen:* Quote\n"));
    }

    #[test]
    fn signatures_and_known_blocks_are_none() {
        for text in [
            "Tel: +46 8 000 00 00\nMobile: +46 70 000 00 00\nE-mail: desk@ours.example\nWeb: https://ours.example\n",
            "From: Ana Berg <ana@customer.example>\nSent: 5 March 2024 14:07\nTo: us\nSubject: Quote\n",
            "Heads up: see below\n\nFrom: Ana <ana@customer.example>\n",
        ] {
            assert!(!begins(text), "{text}");
        }
    }
}
