//! The line above a quote: `On 4 May 2021 at 10:12, Ana <ana@customer.example> wrote:` in any language, on one line or
//! broken over several.

use super::fold::{MAX_LINE, find_phrase, fold, is_invisible};
use super::lines::{Kind, Line};
use super::words::INTROS;

/// How many lines an introduction may be broken over.
const MAX_LINES: usize = 5;

/// How many empty lines there may be between an introduction and the quote.
const MAX_EMPTY: usize = 6;

/// How many words may follow a verb that ends the line, as in `wrote the following:`, and one that the name follows.
const AFTER_LAST: usize = 2;
const AFTER_WITHIN: usize = 16;

/// The longest introduction without a date or an address, in words.
const MAX_BARE: usize = 8;

/// Whether a line is worth a closer look.
pub(in crate::mail) fn may_end_intro(lines: &[Line], end: usize) -> bool {
    let Some(line) = lines.get(end).filter(|line| !line.text.is_empty() && line.text.len() <= MAX_LINE) else {
        return false;
    };
    match line.kind {
        Kind::Text => {
            let mut below = lines.iter().skip(end + 1).take(MAX_EMPTY + 1).filter(|line| line.kind != Kind::Empty);
            Close::of(line.text) != Close::None || below.next().is_some_and(is_quote) || looks_stamped(line.text)
        }
        Kind::Quote => is_broken_end(lines, end),
        _ => false,
    }
}

/// Where the introduction begins that ends with the line at `end`.
pub(in crate::mail) fn intro_ending_at(lines: &[Line], end: usize) -> Option<usize> {
    let last = lines.get(end).filter(|line| line.kind == Kind::Text || is_broken_end(lines, end))?;
    let close = Close::of(last.text);
    let mut below = lines.iter().skip(end + 1).take(MAX_EMPTY + 1).filter(|line| line.kind != Kind::Empty);
    let before_quote = below.next().is_some_and(is_quote);
    let goes_on = close == Close::None && is_broken_end(lines, end + 1);
    if goes_on || (close == Close::None && !before_quote && !looks_stamped(last.text)) {
        return None;
    }
    let mut best: Option<usize> = None;
    let mut cut_off = true;
    let mut joined = String::new();
    for start in starts(lines, end) {
        let text = lines.get(start)?.text.trim();
        let is_sentence =
            start < end && text.ends_with(['.', '!', '?']) && !text.contains('@') && text.split(' ').count() > 4;
        if is_sentence || joined.len() + text.len() > MAX_LINE {
            break;
        }
        joined = if joined.is_empty() { text.to_owned() } else { format!("{text} {joined}") };
        let folded = fold(&joined);
        let evidence = Evidence::of(&folded);
        if !is_intro(&folded, &evidence, close, before_quote) {
            continue;
        }
        // A line that begins as an introduction does is its first; else a name may be broken off above.
        if Evidence::of(&fold(text)).begins() {
            return Some(begun_above(lines, start, &evidence));
        }
        if cut_off {
            best = Some(start);
            cut_off = text.starts_with(['<', '(', '[']) || !(evidence.address || evidence.date || evidence.time);
        }
    }
    best
}

/// The line above, if the introduction begins there because it was broken before the date or within it: that line has
/// the sender, `Ana <ana@customer.example>`, or the rest of the date, and is the first of its paragraph.
fn begun_above(lines: &[Line], start: usize, evidence: &Evidence) -> usize {
    let line = |back: usize| start.checked_sub(back).and_then(|at| lines.get(at));
    let is_first = line(2).is_none_or(|line| line.kind != Kind::Text);
    let Some(above) = line(1).filter(|line| is_first && line.kind == Kind::Text && line.text.len() < MAX_LINE) else {
        return start;
    };
    let folded = fold(above.text);
    let told = Evidence::of(&folded);
    let words = folded.split(' ').count();
    let is_sender = !evidence.address && told.address && folded.contains('<') && words <= 12;
    let is_rest = evidence.starts_with_rest_of_date || (told.date && !evidence.date) || (!evidence.lead && words <= 5);
    let is_date = is_rest && words <= 8 && (told.lead || told.starts_with_date || told.address);
    if folded.ends_with(['!', '?', ':']) {
        return start;
    }
    if is_sender || is_date { start - 1 } else { start }
}

/// The lines an introduction may begin with, nearest first. An empty line is within one only before a `<` that stands
/// alone, as Polymail writes it.
fn starts<'a>(lines: &'a [Line], end: usize) -> impl Iterator<Item = usize> + 'a {
    let mut at = Some(end);
    let mut taken = 0;
    std::iter::from_fn(move || {
        let now = at.filter(|_| taken < MAX_LINES)?;
        taken += 1;
        let above = now.checked_sub(1);
        let kind = |at: Option<usize>| at.and_then(|at| lines.get(at)).map(|line| line.kind);
        at = match kind(above) {
            Some(Kind::Text) => above,
            Some(Kind::Empty) if lines.get(now).is_some_and(|line| line.text.trim() == "<") => {
                now.checked_sub(2).filter(|at| kind(Some(*at)) == Some(Kind::Text))
            }
            _ => None,
        };
        Some(now)
    })
}

/// `>:` or `> wrote:`, the end of an address that was broken before its bracket.
fn is_broken_end(lines: &[Line], end: usize) -> bool {
    let above = lines.get(end.saturating_sub(MAX_LINES - 1)..end).unwrap_or_default();
    let is_end = |line: &Line| line.kind == Kind::Quote && line.text.len() < 40 && Close::of(line.text) == Close::Colon;
    if !lines.get(end).is_some_and(is_end) || above.last().is_none_or(|line| line.kind != Kind::Text) {
        return false;
    }
    let brackets = above.iter().rev().take_while(|line| line.kind == Kind::Text).flat_map(|line| line.text.bytes());
    brackets.fold(0i64, |sum, byte| sum + i64::from(byte == b'<') - i64::from(byte == b'>')) > 0
}

fn is_quote(line: &Line) -> bool {
    line.kind == Kind::Quote
}

/// How a line ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Close {
    Colon,
    /// `---- On … wrote ----`
    Dashes,
    None,
}

impl Close {
    fn of(line: &str) -> Self {
        let text = line.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_') || is_invisible(c));
        if text.ends_with([':', '：']) {
            Self::Colon
        } else if text.ends_with("--") && text.trim_start().starts_with("--") && text.contains(char::is_alphabetic) {
            Self::Dashes
        } else {
            Self::None
        }
    }
}

/// `2016-03-03 17:21 GMT+01:00 Ana`, as Gmail wrote it for some languages.
fn looks_stamped(line: &str) -> bool {
    line.len() < 200 && line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(" GMT") && {
        let evidence = Evidence::of(&fold(line));
        evidence.date && evidence.time
    }
}

fn is_intro(folded: &str, evidence: &Evidence, close: Close, before_quote: bool) -> bool {
    let dated = evidence.date || evidence.time;
    let (last, within) = verbs(folded);
    match close {
        Close::Dashes => last,
        Close::Colon if last || within => {
            let told = evidence.address || (evidence.begins() && evidence.date) || (evidence.date && evidence.time);
            told || (before_quote && (dated || (last && folded.split(' ').count() <= MAX_BARE)))
        }
        Close::Colon => {
            let stamped = evidence.address && evidence.starts_with_date && dated;
            stamped || (before_quote && dated && (evidence.address || (evidence.date && evidence.time)))
        }
        Close::None if before_quote => {
            (last && dated) || (evidence.address && evidence.starts_with_date && folded.ends_with(['>', ')', ']']))
        }
        Close::None => looks_stamped(folded) || looks_stamped(&folded.to_uppercase()),
    }
}

/// Whether there is a verb at the end, and one that something follows.
fn verbs(folded: &str) -> (bool, bool) {
    let within_reach = |phrase: &String, reach: usize| {
        let tail = find_phrase(folded, phrase).and_then(|at| folded.get(at + phrase.len()..));
        tail.is_some_and(|tail| {
            tail.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count() <= reach
        })
    };
    let last = INTROS.last.iter().any(|phrase| within_reach(phrase, AFTER_LAST));
    (last, INTROS.within.iter().any(|phrase| within_reach(phrase, AFTER_WITHIN)))
}

/// What speaks for an introduction.
struct Evidence {
    address: bool,
    /// A year, or day, month and year in digits.
    date: bool,
    time: bool,
    /// Begins with the word that a date follows.
    lead: bool,
    starts_with_date: bool,
    /// Begins with a year or a time, as no date does.
    starts_with_rest_of_date: bool,
}

impl Evidence {
    fn of(folded: &str) -> Self {
        let folded = folded.trim_start_matches(['-', '*', '_', '–', '—', '"', ' ']);
        let numbers = numbers(folded);
        let first =
            numbers.first().and_then(|n| folded.get(..n.at)).map_or(usize::MAX, |before| before.chars().count());
        let lead = INTROS.leads.iter().any(|lead| {
            folded.strip_prefix(lead.as_str()).is_some_and(|rest| rest.starts_with(' ') || !lead.is_ascii())
        });
        let date = numbers.iter().any(|n| n.len == 4 && (1950..2700).contains(&n.value))
            || numbers
                .windows(3)
                .any(|three| three.iter().take(2).all(|n| n.len <= 2 && matches!(n.next, Some('.' | '/' | '-'))));
        let time = numbers.windows(2).any(|two| {
            matches!(two, [hour, minute] if hour.len <= 2 && minute.len == 2 && hour.value < 24 && minute.value < 60
                && hour.adjoins(minute) && matches!(hour.next, Some(':' | 'h' | '.' | '時' | '时' | '시')))
        });
        let address = folded.match_indices('@').any(|(at, _)| {
            let around = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
            around(folded.get(..at).and_then(|s| s.chars().next_back()))
                && around(folded.get(at + 1..).and_then(|s| s.chars().next()))
        });
        let is_rest = |n: &Number| n.at == 0 && (n.len == 4 || matches!(n.next, Some(':')));
        let starts_with_rest_of_date = numbers.first().is_some_and(is_rest);
        Self { address, date, time, lead: lead && first < 48, starts_with_date: first < 24, starts_with_rest_of_date }
    }

    fn begins(&self) -> bool {
        (self.lead || self.starts_with_date) && (self.date || self.time)
    }
}

/// A run of digits in the text.
struct Number {
    at: usize,
    len: usize,
    value: u32,
    next: Option<char>,
}

impl Number {
    fn adjoins(&self, other: &Self) -> bool {
        other.at <= self.at + self.len + self.next.map_or(0, char::len_utf8) + 1
    }
}

/// The numbers of the text that are no part of a word of ASCII.
fn numbers(folded: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let mut before = None;
    let mut chars = folded.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !c.is_ascii_digit() {
            before = Some(c);
            continue;
        }
        let mut end = at + 1;
        while chars.next_if(|(_, c)| c.is_ascii_digit()).is_some() {
            end += 1;
        }
        let next = chars.peek().map(|(_, c)| *c);
        let glued = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic() && c != 'h' && c != 't');
        if !glued(before) && (!glued(next) || end - at <= 2) {
            let value = folded.get(at..end).and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX);
            found.push(Number { at, len: end - at, value, next });
        }
        before = Some('0');
    }
    found
}
