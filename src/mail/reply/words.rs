//! The words of mail programs, by language: tables in `words/`, read once.

use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::fold::fold;

pub(super) static LABELS: LazyLock<HashMap<String, Vec<Label>>> = LazyLock::new(labels);
pub(in crate::mail) static INTROS: LazyLock<Intros> = LazyLock::new(intros);
pub(super) static SEPARATORS: LazyLock<Separators> = LazyLock::new(separators);
pub(super) static FOOTERS: LazyLock<Footers> = LazyLock::new(footers);

/// What a line of a header block tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mail) enum Label {
    From,
    Date,
    To,
    Cc,
    Subject,
    Other,
}

/// The table of [`INTROS`].
pub(in crate::mail) const INTROS_TXT: &str = include_str!("words/intros.txt");

/// The columns of `labels.txt`.
pub(in crate::mail) const LABEL_COLUMNS: [Label; 6] =
    [Label::From, Label::Date, Label::To, Label::Cc, Label::Subject, Label::Other];

/// The words of the line above a quote.
pub(in crate::mail) struct Intros {
    pub(in crate::mail) leads: Vec<String>,
    /// Verbs that end the line.
    pub(in crate::mail) last: Vec<String>,
    /// Verbs that the name or the date may follow.
    pub(in crate::mail) within: Vec<String>,
    /// Both, in this order.
    pub(in crate::mail) verbs: Option<AhoCorasick>,
}

/// What is written between dashes, or alone on a line, above mail that is quoted or forwarded.
pub(super) struct Separators {
    pub(super) quoted: Vec<String>,
    pub(super) forwarded: Vec<String>,
    pub(super) alone: Vec<String>,
}

/// Two letters at an edge of a phrase or a line, the outermost first.
pub(super) type Edge = [Option<char>; 2];

/// Phrases by their edge: most lines have none of them.
pub(super) type ByEdge = HashMap<Edge, Vec<String>>;

/// How a text begins.
pub(super) fn first_two(text: &str) -> Edge {
    let mut letters = text.chars();
    [letters.next(), letters.next()]
}

/// How a text ends.
pub(super) fn last_two(text: &str) -> Edge {
    let mut letters = text.chars().rev();
    [letters.next(), letters.next()]
}

/// What programs write below and above a mail.
pub(super) struct Footers {
    pub(super) begin: ByEdge,
    pub(super) end: ByEdge,
    pub(super) warnings: Vec<String>,
    pub(super) devices: Vec<String>,
}

fn labels() -> HashMap<String, Vec<Label>> {
    let mut found: HashMap<String, Vec<Label>> = HashMap::new();
    for (_, columns) in rows(include_str!("../forms/labels.txt")) {
        for (label, words) in LABEL_COLUMNS.iter().zip(columns) {
            for word in words {
                let known = found.entry(word).or_default();
                if !known.contains(label) {
                    known.push(*label);
                }
            }
        }
    }
    found
}

fn intros() -> Intros {
    let [leads, last, within] = columns(INTROS_TXT, |_| true);
    // Only tables thousands of times as long could not be taken.
    let verbs = AhoCorasick::new(last.iter().chain(&within)).ok();
    Intros { leads, last, within, verbs }
}

fn separators() -> Separators {
    let [quoted, forwarded, mut alone] = columns(include_str!("../forms/separators.txt"), |_| true);
    // French and its like write a blank before the colon, or none.
    alone.iter_mut().for_each(|phrase| *phrase = phrase.replace(" :", ":"));
    Separators { quoted, forwarded, alone }
}

fn footers() -> Footers {
    let table = include_str!("words/footers.txt");
    let [begin, end, warnings] = columns(table, |language| language != "devices");
    let [devices, ..] = columns::<3>(table, |language| language == "devices");
    let by = |edge: fn(&str) -> Edge, phrases: Vec<String>| {
        let mut found = ByEdge::new();
        for phrase in phrases {
            found.entry(edge(&phrase)).or_default().push(phrase);
        }
        found
    };
    Footers { begin: by(first_two, begin), end: by(last_two, end), warnings, devices }
}

/// Each column of a table, over all its languages, without repetition; longer phrases first.
fn columns<const N: usize>(table: &str, wanted: impl Fn(&str) -> bool) -> [Vec<String>; N] {
    let mut found = [const { Vec::new() }; N];
    for (_, row) in rows(table).filter(|(language, _)| wanted(language)) {
        for (column, words) in found.iter_mut().zip(row) {
            column.extend(words);
        }
    }
    for column in &mut found {
        column.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        column.dedup();
    }
    found
}

/// The rows of a table: `language | words; words | words`.
pub(in crate::mail) fn rows(table: &str) -> impl Iterator<Item = (&str, Vec<Vec<String>>)> {
    table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (language, rest) = line.split_once('|')?;
        let columns = rest.split('|').map(|words| words.split(';').map(fold).filter(|word| !word.is_empty()).collect());
        Some((language.trim(), columns.collect()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: &[&str] = &[
        "en", "sv", "pl", "nl", "de", "fr", "es", "it", "pt", "pt-br", "da", "no", "fi", "et", "cs", "sk", "hu", "ro",
        "hr", "tr", "uk", "ru", "ja", "ko", "zh-cn", "zh-tw",
    ];

    #[test]
    fn every_language_has_its_words() {
        for (table, needed) in [
            (include_str!("../forms/labels.txt"), &[0usize, 1, 2, 3, 4][..]),
            (INTROS_TXT, &[1]),
            (include_str!("../forms/separators.txt"), &[0, 1]),
        ] {
            let found: HashMap<&str, Vec<Vec<String>>> = rows(table).collect();
            for language in LANGUAGES {
                let columns = &found[language];
                assert!(needed.iter().all(|at| !columns[*at].is_empty()), "{language}: {columns:?}");
            }
        }
        let footers: HashMap<&str, Vec<Vec<String>>> = rows(include_str!("words/footers.txt")).collect();
        // Shorter ones would not be found by their edge.
        assert!(FOOTERS.begin.keys().chain(FOOTERS.end.keys()).all(|edge| edge[1].is_some()));
        assert!(LANGUAGES.iter().all(|language| footers[language][..2].iter().any(|words| !words.is_empty())));
    }
}
