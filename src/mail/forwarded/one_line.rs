//! A header block that stands in one line, as Yahoo's text has it: `From: a <a@b>To: c <c@d>Sent: …Subject: …`.

use super::block::Entry;
use crate::mail::forms::{LABEL_WORDS, LABELS, Languages, Meaning, bit};
use crate::mail::reply::fold::fold;
use crate::mail::reply::words::Label;

/// How many colons of a line are looked at, and how much of it.
const MAX_COLONS: usize = 40;
const MAX_LENGTH: usize = 8 * 1024;

/// A label within a line.
struct Found {
    meanings: &'static [Meaning],
    label: Label,
    languages: Languages,
    start: usize,
    end: usize,
}

/// The entries of the line, if it has a sender, a subject and more.
pub(super) fn entries(line: &str) -> Option<Vec<Entry>> {
    let line = line.get(..line.floor_char_boundary(MAX_LENGTH)).unwrap_or(line);
    let mut found = with_colon(line);
    without_colon(line, &mut found);
    let has = |label| found.iter().any(|one| one.label == label);
    if !has(Label::From) || !has(Label::Subject) || found.len() < 3 {
        return None;
    }
    let ends = found.iter().skip(1).map(|one| one.start).chain([line.len()]);
    let entry = |(one, end): (&Found, usize)| {
        let value =
            line.get(one.end..end).unwrap_or_default().trim_start_matches([' ', ':', '：', '\u{a0}', '\u{202f}']);
        Entry { meanings: one.meanings, value: value.to_owned() }
    };
    Some(found.iter().zip(ends).map(entry).collect())
}

fn with_colon(line: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (colon, _) in line.match_indices([':', '：']).take(MAX_COLONS) {
        let from = found.last().map_or(0, |last| last.end);
        let before = line.get(from..colon).unwrap_or_default();
        let before = before.trim_end();
        // Some labels stay English in every language.
        let languages = found.first().map_or(Languages::MAX, |first| first.languages | bit("en"));
        let Some((meanings, meaning, length)) = label_at_end(before, languages, &found) else { continue };
        if found.is_empty() && before.len() > length && !before.get(..before.len() - length).is_some_and(is_lead) {
            continue;
        }
        // What follows the subject is its own, unless people are named.
        let after = line.get(colon..).unwrap_or_default();
        let told = found.iter().any(|one| one.label == Label::Subject);
        if told
            && !(matches!(meaning.label, Label::To | Label::Cc) && after.contains('@')
                || meaning.label == Label::Date && after.contains(|c: char| c.is_ascii_digit()))
        {
            continue;
        }
        let start = from + before.len() - length;
        let languages = meaning.languages & languages;
        found.push(Found { meanings, label: meaning.label, languages, start, end: colon });
    }
    found
}

/// Nothing but decoration before the first label.
fn is_lead(text: &str) -> bool {
    !text.chars().any(char::is_alphanumeric)
}

/// The longest label that the text ends with, in one of the languages, and how many octets it takes.
fn label_at_end(text: &str, languages: Languages, found: &[Found]) -> Option<(&'static [Meaning], Meaning, usize)> {
    let tail = text.get(text.floor_char_boundary(text.len().saturating_sub(64))..)?;
    let folded_tail = fold(tail);
    let fits = |(word, meaning): &&(&'static str, Meaning)| {
        meaning.languages & languages != 0
            && folded_tail.ends_with(word)
            && !found.iter().any(|one| one.label == meaning.label)
    };
    for (word, meaning) in LABEL_WORDS.iter().filter(fits) {
        let length = word.chars().count();
        let Some((start, first)) = tail.char_indices().rev().nth(length.checked_sub(1)?) else { continue };
        let (before, label) = tail.split_at_checked(start)?;
        // A label that is glued to a value begins with a capital, where letters have them.
        let glued = before.chars().next_back().is_some_and(char::is_alphanumeric);
        if fold(label) == **word && (!glued || !first.is_lowercase()) {
            return Some((LABELS.get(*word)?, *meaning, label.len()));
        }
    }
    None
}

/// Some translations lost the colon of one label: `…<ana@customer.example>Dw Bo <bo@…>`.
fn without_colon(line: &str, found: &mut Vec<Found>) {
    let Some(languages) = found.last().map(|last| last.languages).filter(|_| found.len() >= 2) else { return };
    for label in [Label::Cc, Label::Subject] {
        if found.iter().any(|one| one.label == label) {
            continue;
        }
        let last = found.last().map_or(0, |last| last.end);
        let words =
            LABEL_WORDS.iter().filter(|(_, meaning)| meaning.label == label && meaning.languages & languages != 0);
        let places = words.filter_map(|(word, meaning)| Some((place_of(line, word, label, last)?, *word, *meaning)));
        if let Some(((start, end), word, meaning)) = places.min_by_key(|((start, _), ..)| *start)
            && let Some(meanings) = LABELS.get(word)
        {
            let one = Found { meanings, label, languages: meaning.languages & languages, start, end };
            let at = found.iter().position(|other| other.start > start).unwrap_or(found.len());
            found.insert(at, one);
        }
    }
}

/// Where the word stands right behind a value: of people for a copy, of the last label for a subject.
fn place_of(line: &str, word: &str, label: Label, last: usize) -> Option<(usize, usize)> {
    let mut chars = word.chars();
    let capital: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    let ends = |at: usize| line.get(at + capital.len()..).is_some_and(|rest| rest.starts_with([' ', '\u{a0}']));
    let behind = |at: usize| line.get(..at).and_then(|before| before.chars().next_back());
    let fits = |at: usize| match label {
        Label::Cc => behind(at) == Some('>'),
        _ => at > last + 1 && behind(at).is_some_and(|c| !c.is_whitespace() && c != ':'),
    };
    let at = line.match_indices(capital.as_str()).map(|(at, _)| at).find(|at| ends(*at) && fits(*at))?;
    Some((at, at + capital.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Option<Vec<String>> {
        Some(entries(line)?.into_iter().map(|entry| entry.value.trim().to_owned()).collect())
    }

    #[test]
    fn labels_are_found_where_nothing_separates_them_from_values() {
        for (line, expected) in [
            (
                "From: Ana <ana@customer.example>To: us <us@ours.example>Sent: Tue, 9:26:50 AM GMT+1Subject: Offer: new",
                &["Ana <ana@customer.example>", "us <us@ours.example>", "Tue, 9:26:50 AM GMT+1", "Offer: new"][..],
            ),
            (
                "Von: Ana <ana@customer.example>An: us@ours.exampleCC: Bo <bo@ours.example>Gesendet: 2. Mai, 09:26 MEZBetreff: Neu",
                &["Ana <ana@customer.example>", "us@ours.example", "Bo <bo@ours.example>", "2. Mai, 09:26 MEZ", "Neu"],
            ),
            (
                "De: Ana <ana@customer.example>Para: us <us@ours.example>Enviado: 2 de maio, 09:26 CETAssunto Proposta",
                &["Ana <ana@customer.example>", "us <us@ours.example>", "2 de maio, 09:26 CET", "Proposta"],
            ),
            (
                "Od: Ana <ana@customer.example>Do: us <us@ours.example>Dw Bo <bo@ours.example>Wysłano: 2 maja 9:26Temat: Oferta",
                &[
                    "Ana <ana@customer.example>",
                    "us <us@ours.example>",
                    "Bo <bo@ours.example>",
                    "2 maja 9:26",
                    "Oferta",
                ],
            ),
        ] {
            assert_eq!(
                values(line).as_deref().map(|v| v.iter().map(String::as_str).collect::<Vec<_>>()).as_deref(),
                Some(expected),
                "{line}"
            );
        }
    }

    #[test]
    fn a_line_of_one_label_is_no_block() {
        assert_eq!(values("From: Ana <ana@customer.example>"), None);
        assert_eq!(values("Subject: Re: To: whom?"), None);
    }
}
