//! A block of header lines as mail programs print it above what they forward.

use super::lines::Line;
use super::one_line;
use crate::mail::forms::{LABELS, Languages, Meaning, bit};
use crate::mail::reply::fold::{fold, is_invisible};
use crate::mail::reply::words::Label;

/// The longest label with what surrounds it, in octets.
const MAX_LABEL: usize = 64;

/// How many lines a block may have: recipients may take several.
const MAX_LINES: usize = 60;

/// How many lines in a row may go on with a value.
const MAX_CONTINUED: usize = 12;

/// How many lines in a row may be empty within a block.
const MAX_SPACE: usize = 3;

/// The longest value, in octets.
const MAX_VALUE: usize = 16 * 1024;

/// What a block says.
#[derive(Debug, Default, Clone)]
pub(super) struct Block {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) cc: Option<String>,
    pub(super) date: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) order: Vec<Label>,
    /// The languages that its labels may be in.
    pub(super) languages: Languages,
    /// How many lines it takes.
    pub(super) lines: usize,
}

/// A label with what stands after it.
pub(super) struct Entry {
    pub(super) meanings: &'static [Meaning],
    pub(super) value: String,
}

impl Block {
    /// The block that begins with the first of these lines.
    pub(super) fn parse(lines: &[Line]) -> Option<Self> {
        let first = lines.first()?;
        let (_, value) = labelled(first.text)?;
        if value.contains([':', '：'])
            && let Some(entries) = one_line::entries(first.text)
        {
            return Self::of(entries, 1);
        }
        let (entries, taken) = entries(lines);
        Self::of(entries, taken)
    }

    /// A block whose labels have no colons, as eM Client writes it: only below a separator, and only a whole one.
    pub(super) fn without_colons(lines: &[Line]) -> Option<Self> {
        let depth = lines.first()?.depth;
        let lines = lines.iter().take(MAX_LINES).take_while(|line| line.depth == depth && !line.is_empty());
        let mut entries: Vec<Entry> = Vec::new();
        for (meanings, value) in lines.map_while(|line| bare(line.text)) {
            if is_told(&entries, meanings) {
                break;
            }
            entries.push(Entry { meanings, value: head(value).to_owned() });
        }
        let taken = entries.len();
        let block = if is_whole(&entries) { Self::of(entries, taken)? } else { return None };
        // Sentences may begin with these words, but name no sender.
        block.from.as_ref().is_some_and(|from| from.contains('@')).then_some(block)
    }

    /// A block that stands in one line, behind its separator.
    pub(super) fn in_one_line(text: &str) -> Option<Self> {
        Self::of(one_line::entries(text)?, 0)
    }

    fn of(entries: Vec<Entry>, lines: usize) -> Option<Self> {
        let languages = languages_of(&entries);
        let mut block = Self { languages, lines, ..Self::default() };
        for entry in entries {
            let label = block.label_of(&entry);
            let value = tidy(head(&entry.value));
            block.order.extend(label);
            match label {
                Some(Label::From) => block.from = Some(value),
                Some(Label::To) => block.to = Some(value),
                Some(Label::Cc) => block.cc = Some(value),
                Some(Label::Date) => block.date = Some(value),
                Some(Label::Subject) => block.subject = Some(value),
                _ => {}
            }
        }
        block.from.is_some().then_some(block)
    }

    /// A word may be the label of different things: what it means in the language of the block, if that is not told yet.
    fn label_of(&self, entry: &Entry) -> Option<Label> {
        let new = |meaning: &&Meaning| meaning.label == Label::Other || !self.order.contains(&meaning.label);
        let within =
            |languages: Languages| entry.meanings.iter().filter(move |m| m.languages & languages != 0).find(new);
        within(self.languages)
            .or_else(|| within(bit("en")))
            .or_else(|| entry.meanings.iter().find(new))
            .map(|meaning| meaning.label)
    }

    pub(super) fn has(&self, label: Label) -> bool {
        self.order.contains(&label)
    }

    /// How much of a header it has beside the sender: subject, date, recipients.
    pub(super) fn told(&self) -> usize {
        [Label::Subject, Label::Date, Label::To].iter().filter(|label| self.has(**label)).count()
    }
}

/// As much of a value as is read.
fn head(value: &str) -> &str {
    value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or(value)
}

/// The label that a line begins with, and what stands after it.
pub(super) fn labelled(line: &str) -> Option<(&'static [Meaning], &str)> {
    let line = line.trim_start_matches(is_decoration);
    let start = line.get(..line.floor_char_boundary(MAX_LABEL)).unwrap_or(line);
    let end = start.find([':', '：'])?;
    let meanings = LABELS.get(&fold(start.get(..end)?.trim_end_matches(is_decoration)))?;
    let value = line.get(end..)?.trim_start_matches([':', '：']);
    Some((meanings, value))
}

/// A label with a blank behind it, and what stands after that.
fn bare(line: &str) -> Option<(&'static [Meaning], &str)> {
    let line = line.trim_start_matches(is_decoration);
    let blanks = line.match_indices([' ', '\t', '\u{a0}']).map(|(at, _)| at).take_while(|at| *at < MAX_LABEL).take(4);
    let label = |at: usize| Some((LABELS.get(&fold(line.get(..at)?))?.as_slice(), line.get(at..)?));
    blanks.filter_map(label).last()
}

/// Bold and rules of text made from HTML, and marks of direction.
fn is_decoration(c: char) -> bool {
    matches!(c, '*' | '_' | '|' | '#' | '•' | '·') || c.is_whitespace() || is_invisible(c)
}

/// A value without what made it bold.
fn tidy(value: &str) -> String {
    let blank = |c: char| c.is_whitespace() || is_invisible(c);
    let mut value = value.trim_matches(blank);
    while let Some(inner) = value.strip_prefix('*').filter(|inner| !inner.starts_with('*') || value.starts_with("** "))
    {
        value = inner.trim_matches(blank);
    }
    if value.matches('*').count() % 2 == 1 {
        value = value.strip_suffix('*').unwrap_or(value);
    }
    value.trim_matches(blank).to_owned()
}

/// The entries of a block of lines, and how many lines they take.
fn entries(lines: &[Line]) -> (Vec<Entry>, usize) {
    let depth = lines.first().map_or(0, |line| line.depth);
    let mut found: Vec<Entry> = Vec::new();
    let (mut end, mut continued, mut spaced) = (0, 0, false);
    let lines = lines.get(..lines.len().min(MAX_LINES)).unwrap_or_default();
    for (at, line) in lines.iter().enumerate() {
        if line.is_empty() {
            let next = lines.iter().skip(at + 1).take(MAX_SPACE).find(|line| !line.is_empty());
            let next = next.filter(|next| next.depth == depth && goes_on(&found, next));
            // Some programs leave lines empty within the block; what follows a whole header is the message.
            if next.is_none() || (is_whole(&found) && !spaced) {
                break;
            }
            spaced = true;
            continue;
        }
        if line.depth != depth {
            break;
        }
        match labelled(line.text) {
            Some((meanings, value)) if !is_told(&found, meanings) => {
                found.push(Entry { meanings, value: head(value).to_owned() });
                (end, continued) = (at + 1, 0);
            }
            Some(_) => break,
            None if let Some((meanings, value)) = without_colon(&found, line) => {
                found.push(Entry { meanings, value: head(value).to_owned() });
                (end, continued) = (at + 1, 0);
            }
            None => {
                continued += 1;
                let below = lines.get(at..).unwrap_or_default();
                let Some(last) = found.last_mut() else { break };
                let empty_above = at > 0 && lines.get(at - 1).is_some_and(Line::is_empty);
                let goes_on = is_open(&last.value) || is_before_label(below) || is_address_of(last, line.text);
                if continued > MAX_CONTINUED || empty_above || !goes_on {
                    break;
                }
                append(&mut last.value, line.text);
                end = at + 1;
            }
        }
    }
    (found, end)
}

/// Some translations lost the colon of one label: `Dw Bo <bo@…>`, `Assunto Proposta`.
fn without_colon<'a>(found: &[Entry], line: &Line<'a>) -> Option<(&'static [Meaning], &'a str)> {
    let (meanings, value) = bare(line.text).filter(|_| found.len() >= 2 && !is_whole(found))?;
    let languages = languages_of(found);
    let fits = |meaning: &Meaning| {
        let kind =
            meaning.label == Label::Subject && found.len() >= 3 || meaning.label == Label::Cc && value.contains('@');
        kind && meaning.languages & languages != 0
    };
    (meanings.iter().any(fits) && !is_told(found, meanings)).then_some((meanings, value))
}

/// Whether the next line is one of the block, too.
fn goes_on(found: &[Entry], next: &Line) -> bool {
    labelled(next.text).is_some_and(|(meanings, _)| !is_told(found, meanings))
}

/// No label stands twice in one block, and nothing is said twice in one that is whole.
fn is_told(found: &[Entry], meanings: &'static [Meaning]) -> bool {
    let mean = |entry: &Entry, label: Label| entry.meanings.iter().any(|meaning| meaning.label == label);
    found.iter().any(|entry| std::ptr::eq(entry.meanings, meanings))
        || is_whole(found)
            && meanings.iter().all(|m| {
                m.label != Label::Other && found.iter().any(|entry| mean(entry, m.label) && entry.meanings.len() == 1)
            })
}

fn is_whole(found: &[Entry]) -> bool {
    let has = |label| found.iter().any(|entry| entry.meanings.iter().any(|meaning| meaning.label == label));
    has(Label::From) && has(Label::Subject) && (has(Label::Date) || has(Label::To))
}

/// Whether a value goes on in the next line: it is empty, its list goes on, or an address is broken.
fn is_open(value: &str) -> bool {
    let value = value.trim_end();
    let tail = value.get(value.floor_char_boundary(value.len().saturating_sub(400))..).unwrap_or_default();
    let unclosed = |open: char, close: char| {
        tail.rfind(open).is_some_and(|at| !tail.get(at..).unwrap_or_default().contains(close))
    };
    value.trim_matches(is_decoration).is_empty()
        || value.ends_with([',', ';'])
        || unclosed('<', '>')
        || unclosed('[', ']')
}

/// Whether a line of the block follows at once: then what stands before it belongs to the line above.
fn is_before_label(lines: &[Line]) -> bool {
    let depth = lines.first().map_or(0, |line| line.depth);
    let below = lines.iter().skip(1).take(4).take_while(|line| !line.is_empty() && line.depth == depth);
    below.into_iter().any(|line| labelled(line.text).is_some())
}

/// Whether a line begins with the address whose name ends the value above it.
fn is_address_of(last: &Entry, line: &str) -> bool {
    let of_people = |meaning: &Meaning| matches!(meaning.label, Label::From | Label::To | Label::Cc);
    let bracket = line.trim_start().strip_prefix('<').and_then(|inner| inner.split_once('>'));
    bracket.is_some_and(|(inner, _)| inner.contains('@') && !inner.contains(char::is_whitespace))
        && last.meanings.iter().any(of_people)
        && !last.value.trim_end().ends_with(['>', ')', ']'])
}

fn append(value: &mut String, line: &str) {
    if value.len() + line.len() > MAX_VALUE {
        return;
    }
    let line = line.trim();
    let broken = value.rfind('<').is_some_and(|at| !value.get(at..).unwrap_or_default().contains(['>', ' ']));
    if !broken && !value.trim().is_empty() {
        value.push(' ');
    }
    value.push_str(line);
}

/// The languages that most labels are in. Some programs translate one label only: then that one tells.
fn languages_of(entries: &[Entry]) -> Languages {
    let known = |entry: &Entry| entry.meanings.iter().fold(0, |all, meaning| all | meaning.languages);
    let english = bit("en");
    let told: Vec<Languages> = entries.iter().map(known).collect();
    let foreign: Vec<Languages> = told.iter().copied().filter(|languages| languages & english == 0).collect();
    if foreign.is_empty() {
        return english;
    }
    let common = foreign.iter().fold(Languages::MAX, |all, languages| all & languages);
    if common == 0 { most(&foreign) } else { common }
}

/// The languages that know the most of the labels.
fn most(told: &[Languages]) -> Languages {
    let count = |bit: u32| told.iter().filter(|languages| *languages & (1 << bit) != 0).count();
    let best = (0..Languages::BITS).map(count).max().unwrap_or_default();
    (0..Languages::BITS).filter(|bit| count(*bit) == best).fold(0, |all, bit| all | (1 << bit))
}
