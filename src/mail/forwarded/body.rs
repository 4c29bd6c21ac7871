//! Where in a body a forwarded message begins. The first thing that is not the user's own decides: what stands deeper is
//! the history of the message (B26).

use super::attribution;
use super::block::{Block, labelled};
use super::client::Separator;
use super::lines::{Line, lines_of, text_of};
use super::people::{NoSender, Person, sender};
use super::subject::Prefix;
use super::unknown;
use super::{Certainty, Reason};
use crate::mail::forms::{is_bare_separator, languages_of_separator};
use crate::mail::reply::header::{dashed_head, is_dashed, may_separate, separator};
use crate::mail::reply::intro::{intro_ending_at, may_end_intro};
use crate::mail::reply::lines::{Kind, Line as ReplyLine};
use crate::mail::subject::BaseSubject;

/// How many lines are looked at closely. People's mail has a few before what it forwards.
const MAX_CANDIDATES: usize = 400;

/// How many empty lines there may be between a separator and its block.
const MAX_EMPTY: usize = 4;

/// The longest line that a program writes above a block, in characters.
const MAX_HEADING: usize = 60;

/// The shortest rule that separates.
const MIN_RULE: usize = 10;

/// The outer subject.
#[derive(Clone, Copy)]
pub(super) struct Outer<'a> {
    pub(super) prefix: Prefix,
    /// Without the prefix.
    pub(super) subject: &'a str,
}

impl Outer<'_> {
    /// Whether the subject is that of the message within.
    pub(super) fn is_about(&self, inner: &str) -> bool {
        let inner = inner.trim();
        let ends = inner.chars().count() >= 4 && self.subject.trim_end().ends_with(inner);
        ends || (BaseSubject::of(self.subject) == BaseSubject::of(inner) && !inner.is_empty())
    }
}

/// A forwarded message in a body.
pub(super) struct Found {
    pub(super) block: Block,
    pub(super) from: Person,
    pub(super) separator: Separator,
    pub(super) separator_line: Option<String>,
    pub(super) note: String,
    pub(super) below: String,
    pub(super) text: String,
    /// The line where the message's own text begins.
    pub(super) begins: usize,
    pub(super) certainty: Certainty,
}

/// A block that may be the header of a forwarded message.
struct Candidate {
    block: Block,
    separator: Separator,
    /// The separator, or else the first line of the block.
    at: usize,
    /// The line below the block.
    end: usize,
}

pub(super) fn find(text: &str, outer: &Outer) -> Result<Found, Reason> {
    let lines = lines_of(text);
    let for_reply: Vec<ReplyLine> = lines.iter().map(Line::for_reply).collect();
    let mut looked_at = 0;
    let mut forward_below = None;
    let mut deepest = 0;
    // The least depth of a block that cannot be read.
    let mut unread = usize::MAX;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        if looked_at > MAX_CANDIDATES {
            return Err(Reason::TooManyCandidates);
        }
        if may_separate(line.text) || is_rule(line.text) {
            looked_at += 1;
            if let Some(mut candidate) = candidate_at(&lines, at) {
                let depth = lines.get(candidate.end.saturating_sub(1)).map_or(0, |line| line.depth);
                // The user may quote a message in the note above the one that is forwarded.
                let in_note = depth > 0
                    && outer.prefix != Prefix::Reply
                    && *forward_below.get_or_insert_with(|| last_forward(&lines)) > candidate.end;
                // What is quoted before it is a message, and this one its history.
                if depth > 0 && deepest >= depth && !in_note {
                    let Some(above) = introduced(&lines, at, outer).filter(|_| candidate.block.told() >= 2) else {
                        return Err(Reason::Quoted);
                    };
                    candidate.at = above;
                }
                if !in_note && let Some(verdict) = judged(candidate, &lines, outer) {
                    return verdict
                        .and_then(|found| if depth >= unread { Err(Reason::UnknownLanguage) } else { Ok(found) });
                }
            } else if is_dashed(line.text) && separator(line.text) == Some(Kind::Intro) {
                // Proton's form of old: the separator of an answer, the line above one, and a subject that says more.
                if outer.prefix != Prefix::Forward || line.depth > 0 || !has_intro_below(&for_reply, at) {
                    return Err(Reason::NoHeader);
                }
            }
        }
        if unknown::begins_block(&lines, at) {
            return Err(Reason::UnknownLanguage);
        }
        if line.depth < unread && unknown::may_be_block(&lines, at, outer) {
            unread = line.depth;
        }
        if line.depth == 0 && may_end_intro(&for_reply, at) {
            looked_at += 1;
            if let Some(start) = intro_ending_at(&for_reply, at)
                && !is_above_block(&lines, at)
            {
                let found = attributed(&lines, start, at, outer)?;
                return if unread == 0 { Err(Reason::UnknownLanguage) } else { Ok(found) };
            }
        }
        deepest = deepest.max(line.depth);
    }
    Err(Reason::NoHeader)
}

/// The last line that says, unquoted, that a forwarded message follows, with its header below it.
fn last_forward(lines: &[Line]) -> usize {
    let says_so = |line: &Line| line.depth == 0 && is_dashed(line.text) && separator(line.text) == Some(Kind::Forward);
    let mut said = lines.iter().enumerate().rev().filter(|(_, line)| says_so(line)).take(MAX_CANDIDATES);
    said.find(|(at, _)| candidate_at(lines, *at).is_some()).map_or(0, |(at, _)| at)
}

/// The one line between the beginning of a quote and a block in it, which a program wrote there in words of its own: as a
/// heading, or with the time of the message. The subject must say that this is a forward.
fn introduced(lines: &[Line], at: usize, outer: &Outer) -> Option<usize> {
    if outer.prefix != Prefix::Forward {
        return None;
    }
    let above = lines.get(..at)?.iter().enumerate().rev();
    let mut quoted = above.filter(|(_, line)| !line.is_empty()).take_while(|(_, line)| line.depth > 0);
    let (above, line) = quoted.next().filter(|_| quoted.next().is_none())?;
    let text = line.text.trim_end();
    let heads = text.ends_with([':', '：']) || text.split_whitespace().any(is_time);
    (heads && text.chars().count() <= MAX_HEADING).then_some(above)
}

fn is_time(word: &str) -> bool {
    let is_number = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    word.split_once(':').is_some_and(|(hours, minutes)| is_number(hours) && is_number(minutes))
}

pub(super) fn is_rule(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '*');
    text.len() >= MIN_RULE && text.chars().all(|c| matches!(c, '_' | '-' | '=' | '─' | '—' | '–' | '━'))
}

fn candidate_at(lines: &[Line], at: usize) -> Option<Candidate> {
    let line = lines.get(at)?;
    let found = |block: Block, separator, from: usize| {
        let end = from + block.lines;
        Some(Candidate { block, separator, at, end })
    };
    let kind = match separator(line.text) {
        Some(Kind::Forward) => Separator::Forwarded,
        Some(_) => Separator::Original,
        None if is_rule(line.text) => Separator::Rule,
        // A separator in words that are not known.
        None if is_dashed(line.text) => Separator::Original,
        None => {
            labelled(line.text)?;
            return found(Block::parse(lines.get(at..)?)?, Separator::None, at);
        }
    };
    if let Some(head) = dashed_head(line.text)
        && let Some(rest) = line.text.trim_start().get(head.len()..).filter(|rest| labelled(rest).is_some())
    {
        if let Some(mut block) = Block::in_one_line(rest) {
            block.lines = 1;
            return found(block, kind, at);
        }
        let first = Line { text: rest, ..*line };
        let lines: Vec<Line> = std::iter::once(first).chain(lines.iter().skip(at + 1).take(80).copied()).collect();
        return found(Block::parse(&lines)?, kind, at);
    }
    let mut next = at + 1;
    let mut rules = 0;
    while next <= at + MAX_EMPTY + 1 {
        let line = lines.get(next)?;
        if is_rule(line.text) && rules == 0 {
            rules += 1;
        } else if !line.is_empty() {
            let below = lines.get(next..)?;
            let block = Block::parse(below).or_else(|| {
                // A rule alone is no separator of a block that looks like prose.
                (kind >= Separator::Original).then(|| Block::without_colons(below)).flatten()
            });
            return found(block?, kind, next);
        }
        next += 1;
    }
    None
}

/// Whether a block follows a line that looks like the one above a quote.
fn is_above_block(lines: &[Line], at: usize) -> bool {
    let below = lines.iter().enumerate().skip(at + 1).find(|(_, line)| !line.is_empty());
    below.is_some_and(|(next, line)| {
        (may_separate(line.text) || is_rule(line.text))
            && candidate_at(lines, next).is_some_and(|found| found.block.told() >= 2)
    })
}

/// What a block is worth: `None` if it is none, and the message goes on.
fn judged(candidate: Candidate, lines: &[Line], outer: &Outer) -> Option<Result<Found, Reason>> {
    let Candidate { block, separator, at, end } = candidate;
    let depth = lines.get(end.saturating_sub(1)).map_or(0, |line| line.depth);
    let told = block.told();
    let prefix = outer.prefix.among(block.languages);
    let needed = if separator >= Separator::Original { 1 } else { 2 };
    if told < needed {
        return None;
    }
    let from = match sender(block.from.as_deref().unwrap_or_default()) {
        Ok(from) => from,
        Err(NoSender::Several) => return Some(Err(Reason::SeveralSenders)),
        Err(NoSender::Nobody) => return Some(Err(Reason::NoSender)),
    };
    let certainty = match (separator, prefix) {
        (Separator::Forwarded, Prefix::Reply) if depth > 0 => return Some(Err(Reason::Reply)),
        (Separator::Forwarded, Prefix::Reply) => Certainty::Fair,
        // Who explains how mail is forwarded shows such a block, too.
        (Separator::Forwarded, Prefix::None) if told >= 2 && is_sketch(&block) => {
            return Some(Err(Reason::Unsure));
        }
        (Separator::Forwarded, _) | (_, Prefix::Forward) if told >= 2 => Certainty::Sure,
        (Separator::Forwarded, _) | (_, Prefix::Forward) => Certainty::Fair,
        (_, Prefix::Reply) => return Some(Err(Reason::Reply)),
        _ if told >= 2 && block.subject.as_deref().is_some_and(|subject| outer.is_about(subject)) => Certainty::Fair,
        _ => return Some(Err(Reason::Unsure)),
    };
    let (at, end) = (above_bare(lines, at, separator, depth), below_repeated(lines, at, end));
    let (text, below) = message(lines, end, depth, separator);
    Some(Ok(Found {
        separator_line: (separator != Separator::None)
            .then(|| lines.get(at).map(|line| line.text.to_owned()))
            .flatten(),
        note: note(lines.get(..at).unwrap_or_default()),
        begins: end,
        block,
        from,
        separator,
        below,
        text: text.trim_start().to_owned(),
        certainty,
    }))
}

/// Whether a block shows how one looks: it has no figure of a date and no recipient's address.
fn is_sketch(block: &Block) -> bool {
    let dated = block.date.as_deref().is_some_and(|date| date.contains(char::is_numeric));
    !dated && !block.to.as_deref().is_some_and(|to| to.contains('@'))
}

/// A message that is forwarded under a line as above an answer: the subject or a separator says that it is forwarded.
fn attributed(lines: &[Line], start: usize, end: usize, outer: &Outer) -> Result<Found, Reason> {
    let separated = separator_above(lines, start, outer);
    if outer.prefix == Prefix::Reply || (outer.prefix == Prefix::None && separated.is_none()) {
        return Err(Reason::Reply);
    }
    let words: Vec<&str> = lines.get(start..=end).unwrap_or_default().iter().map(|line| line.text.trim()).collect();
    let mut block = attribution::block_of(&words.join(" "), end + 1 - start).ok_or(Reason::NoHeader)?;
    if let Some(line) = separated.and_then(|at| lines.get(at)).filter(|_| block.languages == 0) {
        block.languages = languages_of_separator(line.text);
    }
    if separated.is_none() && outer.prefix.among(block.languages) != Prefix::Forward {
        return Err(Reason::Reply);
    }
    // A line within the message would name somebody of its history: only where the program's form is plain.
    let is_first = lines.iter().take(start).all(Line::is_empty);
    let marked = lines.get(start).is_some_and(|line| line.text.contains('\u{feff}'));
    let mut filled = lines.iter().skip(end + 1).filter(|line| !line.is_empty()).peekable();
    let indented = filled.peek().is_some() && filled.all(|line| line.text.starts_with("    "));
    if !is_first && !marked && !indented && separated.is_none() {
        return Err(Reason::Unsure);
    }
    let from = sender(block.from.as_deref().unwrap_or_default()).map_err(|_| Reason::NoSender)?;
    let closed = separated.and_then(|_| separator_below(lines, end));
    let (text, mut below) =
        message(lines.get(..closed.unwrap_or(lines.len())).unwrap_or(lines), end + 1, 0, Separator::Forwarded);
    if let Some(closed) = closed {
        below = text_of(lines.get(closed + 1..).unwrap_or_default(), 0);
    }
    let separator_line = separated.and_then(|at| lines.get(at)).map(|line| line.text.to_owned());
    Ok(Found {
        block,
        from,
        separator: if separated.is_some() { Separator::Forwarded } else { Separator::Attribution },
        separator_line,
        note: note(lines.get(..separated.unwrap_or(start)).unwrap_or_default()),
        below,
        text: outdented(&text).trim_start().to_owned(),
        begins: end + 1,
        certainty: Certainty::Fair,
    })
}

/// Whether the first lines below one say who wrote what follows.
fn has_intro_below(lines: &[ReplyLine], at: usize) -> bool {
    let below = lines.iter().enumerate().skip(at + 1).filter(|(_, line)| !line.text.trim().is_empty());
    let mut ends = below.take(3).filter(|(below, _)| may_end_intro(lines, *below));
    ends.any(|(below, _)| intro_ending_at(lines, below).is_some())
}

/// The separator right above the line that says who wrote the message, as Yandex writes it, and Proton did.
fn separator_above(lines: &[Line], start: usize, outer: &Outer) -> Option<usize> {
    let (at, line) = lines.get(..start)?.iter().enumerate().rev().find(|(_, line)| !line.is_empty())?;
    let separates = match separator(line.text) {
        Some(Kind::Forward) => true,
        Some(Kind::Intro) => outer.prefix == Prefix::Forward,
        _ => false,
    };
    (line.depth == 0 && is_dashed(line.text) && separates).then_some(at)
}

/// The separator that says where such a message ends.
fn separator_below(lines: &[Line], end: usize) -> Option<usize> {
    let is_separator = |line: &Line| is_dashed(line.text) && separator(line.text) == Some(Kind::Forward);
    lines.iter().skip(end + 1).rposition(is_separator).map(|at| at + end + 1)
}

/// The separator without dashes above a block, if there is one. A block that is quoted was put there by a program that writes
/// a heading above the quote, in whatever words.
fn above_bare(lines: &[Line], at: usize, separator: Separator, depth: usize) -> usize {
    let above = lines.get(..at).unwrap_or_default().iter().enumerate().rev().take(3).find(|(_, line)| !line.is_empty());
    let heads = |line: &Line| depth > line.depth && line.text.trim_end().ends_with([':', '：']);
    match above {
        Some((above, line)) if separator == Separator::None && (is_bare_separator(line.text) || heads(line)) => above,
        _ => at,
    }
}

/// Some programs write their separator below the block once more.
fn below_repeated(lines: &[Line], at: usize, end: usize) -> usize {
    let next = lines.iter().enumerate().skip(end).find(|(_, line)| !line.is_empty());
    match (next, lines.get(at)) {
        (Some((next, line)), Some(separator)) if line.text.trim() == separator.text.trim() && is_dashed(line.text) => {
            next + 1
        }
        _ => end,
    }
}

/// The user's own text above, without the rule that the program put under it.
fn note(lines: &[Line]) -> String {
    let drawn = lines.iter().rev().take_while(|line| line.is_empty() || is_rule(line.text)).count();
    text_of(lines.get(..lines.len() - drawn).unwrap_or_default(), 0)
}

/// The text of the message, and what the user wrote below it: that is not quoted while the message is.
fn message(lines: &[Line], from: usize, depth: usize, separator: Separator) -> (String, String) {
    let rest = lines.get(from..).unwrap_or_default();
    if depth > 0 {
        let last = rest.iter().rposition(|line| line.depth >= depth).map_or(0, |at| at + 1);
        let (message, below) = rest.split_at_checked(last).unwrap_or((rest, &[]));
        return (text_of(message, depth), text_of(below, 0));
    }
    let mut filled = rest.iter().filter(|line| !line.is_empty()).peekable();
    let quoted = separator == Separator::Forwarded && filled.peek().is_some() && filled.all(|line| line.depth > 0);
    (text_of(rest, usize::from(quoted)), String::new())
}

/// The text without the blanks that every line begins with.
fn outdented(text: &str) -> String {
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let common = text.lines().filter(|line| !line.trim().is_empty()).map(blanks).min().unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(|line| line.get(common..).unwrap_or(line.trim_start())).collect();
    lines.join("\n")
}
