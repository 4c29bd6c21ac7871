//! A forward without a header block: a line says who wrote what follows, as in an answer (legacy Outlook for Mac).

use super::block::Block;
use super::people::mailbox_range;
use crate::mail::forms::LANGUAGES;
use crate::mail::reply::fold::{fold, is_invisible};
use crate::mail::reply::words::{INTROS, Label};

/// What the line tells, if it names exactly one mailbox and a date.
pub(super) fn block_of(line: &str, lines: usize) -> Option<Block> {
    let line = line.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
    let (start, end) = mailbox_range(line)?;
    let before = line.get(..start)?.trim_end();
    let name = quoted(before).or_else(|| name_before(before));
    let outside = match name {
        Some((at, _)) => format!("{} {}", line.get(..at)?, line.get(end..)?),
        None => format!("{before} {}", line.get(end..)?),
    };
    let date = date_in(&outside)?;
    let mailbox = line.get(start..end)?.trim_matches(['(', ')', '<', '>']);
    let from = format!("{} <{mailbox}>", name.map(|(_, name)| name).unwrap_or_default());
    Some(Block {
        from: Some(from),
        date: Some(date),
        order: vec![Label::From, Label::Date],
        languages: languages_of(line),
        lines,
        ..Block::default()
    })
}

/// A name in quotes, and where it begins.
fn quoted(before: &str) -> Option<(usize, &str)> {
    for (open, close) in [('"', '"'), ('„', '”'), ('„', '“'), ('“', '”'), ('«', '»')] {
        if let Some(inner) = before.strip_suffix(close)
            && let Some(at) = inner.rfind(open)
        {
            let name = inner.get(at + open.len_utf8()..)?;
            return Some((at, name.trim()));
        }
    }
    None
}

/// The words before the mailbox, back to a figure, a comma or a word of the line itself.
fn name_before(before: &str) -> Option<(usize, &str)> {
    let mut start = before.len();
    for (at, word) in words_back(before) {
        let folded = fold(word);
        let known = |list: &[String]| list.iter().any(|phrase| phrase.split(' ').any(|known| known == folded));
        let ends = word.contains(|c: char| c.is_ascii_digit())
            || word.ends_with([',', ':'])
            || known(&INTROS.within)
            || known(&INTROS.last);
        if ends || (folded.chars().count() <= 4 && known(&INTROS.leads)) {
            break;
        }
        start = at;
    }
    let name = before.get(start..)?.trim();
    (!name.is_empty()).then_some((start, name))
}

fn words_back(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_end();
        let start = rest
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + rest.get(at..).and_then(|s| s.chars().next()).map_or(1, char::len_utf8));
        let word = rest.get(start..).filter(|word| !word.is_empty())?;
        rest = rest.get(..start)?;
        Some((start, word))
    })
}

/// The date: from its first figure to its last, with the words that belong to it.
fn date_in(text: &str) -> Option<String> {
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let last = text.rfind(|c: char| c.is_ascii_digit())?;
    let folded = fold(text);
    let tail = text.get(last + 1..)?;
    let half = ["AM", "PM", "am", "pm", "a.m.", "p.m."].iter().find(|half| tail.trim_start().starts_with(**half));
    // A weekday or a month before the first figure belongs to the date, the word that leads to it does not.
    let head = text.get(..first)?.trim_start();
    let lead =
        INTROS.leads.iter().filter(|lead| folded.starts_with(lead.as_str())).map(|lead| lead.chars().count()).max();
    let head: String = head.chars().skip(lead.unwrap_or(0)).collect();
    let words = head.split_whitespace().collect::<Vec<_>>();
    let is_date = words.len() <= 2 && words.iter().all(|word| word.chars().count() <= 12 && !word.contains('@'));
    let head = head.trim_matches(|c: char| c.is_whitespace() || ",;:".contains(c));
    let begins = if is_date && !is_verb(&words) { format!("{head} ") } else { String::new() };
    let date =
        format!("{begins}{}{}", text.get(first..=last)?, half.map(|half| format!(" {half}")).unwrap_or_default());
    let date = date.trim().to_owned();
    (date.len() <= 80 && date.chars().filter(char::is_ascii_digit).count() >= 4).then_some(date)
}

fn is_verb(words: &[&str]) -> bool {
    let text = fold(&words.join(" "));
    INTROS.last.iter().chain(&INTROS.within).any(|phrase| text.contains(phrase.as_str()))
}

/// The languages whose verbs the line has.
fn languages_of(line: &str) -> u64 {
    let folded = fold(line);
    let rows = crate::mail::reply::words::rows(crate::mail::reply::words::INTROS_TXT);
    let mut best = (0, 0);
    for (language, columns) in rows {
        let verbs = columns.iter().skip(1).flatten().chain(columns.first().into_iter().flatten());
        let hits = verbs
            .filter(|word| crate::mail::reply::fold::find_phrase(&folded, word).is_some())
            .map(|w| w.len())
            .sum::<usize>();
        let bit = LANGUAGES.iter().position(|known| *known == language).map_or(0, |at| 1u64 << at);
        if hits > best.0 && bit != 0 {
            best = (hits, bit);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_who_and_when() {
        for (line, from, date) in [
            (
                "On 05/03/2024 14:07, \"Ana Berg\" <ana@customer.example> wrote:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024 14:07",
            ),
            (
                "\u{feff}Am 05/03/2024, 14:07 schrieb \"Ana Berg\" <ana@customer.example>:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024, 14:07",
            ),
            (
                "Op 05/03/2024 14:07 heeft Ana Berg <ana@customer.example> geschreven:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024 14:07",
            ),
            (
                "Dnia 05/03/2024, 14:07 użytkownik „Ana Berg” <ana@customer.example> napisał:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024, 14:07",
            ),
            (
                "Le 05/03/2024 14:07, « Ana Berg » <ana@customer.example> a écrit :",
                "Ana Berg <ana@customer.example>",
                "05/03/2024 14:07",
            ),
            (
                "Ana Berg <ana@customer.example> skrev følgende den 05/03/2024, 14:07:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024, 14:07",
            ),
            (
                "05/03/2024 14:07 időpontban Ana Berg (ana@customer.example) ezt írta:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024 14:07",
            ),
            (
                "05/03/2024 14:07 používateľ Ana Berg (<ana@customer.example>) napísal:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024 14:07",
            ),
            (
                "\"Ana Berg\" <ana@customer.example>, 05/03/2024 14:07 tarihinde şunu yazdı:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024 14:07",
            ),
            (
                "Den 05/03/2024 14:07 skrev \"Ana Berg\" <ana@customer.example> följande:",
                "Ana Berg <ana@customer.example>",
                "05/03/2024 14:07",
            ),
        ] {
            let block = block_of(line, 1).unwrap_or_default();
            assert_eq!((block.from.as_deref(), block.date.as_deref()), (Some(from), Some(date)), "{line}");
        }
    }

    #[test]
    fn a_line_that_names_two_mailboxes_tells_nothing() {
        assert!(block_of("On 05/03/2024 14:07, a@x.example wrote to b@x.example:", 1).is_none());
    }
}
