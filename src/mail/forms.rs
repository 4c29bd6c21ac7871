//! The words of mail programs above mail that is quoted or forwarded: tables by language in `forms/`, read once.
//!
//! [`super::reply`] and [`super::forwarded`] share them. A language is a row in each table.

use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::reply::fold::{fold, stands_alone};
use super::reply::words::{LABEL_COLUMNS, Label, rows};

/// The languages of a word, one bit each, in the order of `labels.txt`.
pub type Languages = u64;

/// What a label may mean, and where.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    pub label: Label,
    pub languages: Languages,
}

/// Prefixes of subjects, without colon and counter.
pub struct Prefixes {
    pub forward: HashMap<String, Languages>,
    pub reply: HashMap<String, Languages>,
}

/// The calendar of a language.
#[derive(Default)]
pub struct Calendar {
    /// How the names of the months begin.
    pub months: Vec<(String, u32)>,
    pub morning: Vec<String>,
    pub evening: Vec<String>,
    /// Weekdays and what stands before a time: they tell languages that share labels.
    pub words: Vec<String>,
}

const LABELS_TXT: &str = include_str!("forms/labels.txt");
const SEPARATORS_TXT: &str = include_str!("forms/separators.txt");
const PREFIXES_TXT: &str = include_str!("forms/prefixes.txt");
const MONTHS_TXT: &str = include_str!("forms/months.txt");
const BEHALF_TXT: &str = include_str!("forms/behalf.txt");
/// The table of [`super::forwarded`]'s clients.
pub const CLIENTS_TXT: &str = include_str!("forms/clients.txt");

/// Every language, in the order of its bit.
pub static LANGUAGES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| rows(LABELS_TXT).map(|(language, _)| language).take(64).collect());

/// What each label may mean, by its folded form.
pub static LABELS: LazyLock<HashMap<String, Vec<Meaning>>> = LazyLock::new(labels);

/// All labels, the longest first, for lines that hold several.
pub static LABEL_WORDS: LazyLock<Vec<(&'static str, Meaning)>> = LazyLock::new(|| {
    let all = LABELS.iter().flat_map(|(word, meanings)| meanings.iter().map(move |meaning| (word.as_str(), *meaning)));
    let mut all: Vec<_> = all.collect();
    all.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    all
});

pub static PREFIXES: LazyLock<Prefixes> = LazyLock::new(|| {
    let [forward, reply] = by_word(PREFIXES_TXT);
    Prefixes { forward, reply }
});

/// What stands between a sender and the one in whose name it was sent.
pub static BEHALF: LazyLock<Vec<String>> =
    LazyLock::new(|| rows(BEHALF_TXT).flat_map(|(_, columns)| columns.into_iter().flatten()).collect());

static SEPARATORS: LazyLock<[HashMap<String, Languages>; 3]> = LazyLock::new(|| by_word(SEPARATORS_TXT));

/// The same for a search of all at once, without their colons.
struct SeparatorWords {
    words: Option<AhoCorasick>,
    /// By pattern.
    languages: Vec<Languages>,
}

static SEPARATOR_WORDS: LazyLock<SeparatorWords> = LazyLock::new(|| {
    let known = SEPARATORS.iter().flatten().map(|(words, languages)| (words.trim_end_matches([':', ' ']), *languages));
    let (words, languages): (Vec<&str>, Vec<Languages>) = known.unzip();
    // Only tables thousands of times as long could not be taken.
    SeparatorWords { words: AhoCorasick::new(words).ok(), languages }
});

static CALENDARS: LazyLock<HashMap<&'static str, Calendar>> = LazyLock::new(|| {
    let calendar = |columns: Vec<Vec<String>>| {
        let mut columns = columns.into_iter();
        let months = columns.next().unwrap_or_default();
        let months = (1u32..).zip(months).flat_map(|(month, forms)| {
            forms.split(',').map(|form| (form.trim().to_owned(), month)).collect::<Vec<_>>()
        });
        let mut months: Vec<_> = months.collect();
        months.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        let mut next = || columns.next().unwrap_or_default();
        Calendar { months, morning: next(), evening: next(), words: next() }
    };
    rows(MONTHS_TXT).map(|(language, columns)| (language, calendar(columns))).collect()
});

/// The bit of a language.
pub fn bit(language: &str) -> Languages {
    LANGUAGES.iter().position(|known| *known == language).map_or(0, |at| 1 << at)
}

/// The first of these languages.
pub fn name_of(languages: Languages) -> Option<&'static str> {
    LANGUAGES.get(usize::try_from(languages.trailing_zeros()).ok()?).copied()
}

/// The languages in which the line separates.
pub fn languages_of_separator(line: &str) -> Languages {
    let folded = fold(line);
    let found = SEPARATOR_WORDS.words.iter().flat_map(|words| words.find_overlapping_iter(&folded));
    let said = found.filter(|found| stands_alone(&folded, found.range()));
    said.fold(0, |all, found| all | SEPARATOR_WORDS.languages.get(found.pattern().as_usize()).copied().unwrap_or(0))
}

/// Whether the line has the words of a separator and nothing else: some programs draw no dashes around them.
pub fn is_bare_separator(line: &str) -> bool {
    let folded = fold(line);
    SEPARATORS.iter().take(2).any(|words| words.contains_key(&folded))
}

/// How a language writes dates.
pub fn calendar(language: &str) -> Option<&'static Calendar> {
    CALENDARS.get(language)
}

fn labels() -> HashMap<String, Vec<Meaning>> {
    let mut found: HashMap<String, Vec<Meaning>> = HashMap::new();
    for (language, columns) in rows(LABELS_TXT) {
        for (label, words) in LABEL_COLUMNS.iter().zip(columns) {
            for word in words {
                let known = found.entry(word).or_default();
                match known.iter_mut().find(|meaning| meaning.label == *label) {
                    Some(meaning) => meaning.languages |= bit(language),
                    None => known.push(Meaning { label: *label, languages: bit(language) }),
                }
            }
        }
    }
    found
}

/// The words of each column, with their languages.
fn by_word<const N: usize>(table: &'static str) -> [HashMap<String, Languages>; N] {
    let mut found = [const { None }; N].map(|column: Option<HashMap<_, _>>| column.unwrap_or_default());
    for (language, columns) in rows(table) {
        for (known, words) in found.iter_mut().zip(columns) {
            for word in words {
                *known.entry(word).or_default() |= bit(language);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_speaks_of_known_languages() {
        assert!(rows(LABELS_TXT).count() <= 64);
        for (name, table) in [("months", MONTHS_TXT), ("behalf", BEHALF_TXT), ("separators", SEPARATORS_TXT)] {
            for (language, _) in rows(table) {
                assert!(LANGUAGES.contains(&language), "{name}: {language} has no labels");
            }
        }
    }

    #[test]
    fn a_calendar_has_twelve_months_or_counts_them() {
        for (language, columns) in rows(MONTHS_TXT) {
            let months = columns.first().map_or(0, Vec::len);
            assert!(months == 12 || months == 0, "{language} has {months}");
        }
    }

    #[test]
    fn a_label_means_what_its_language_says() {
        let found = &LABELS["från"];
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].label, name_of(found[0].languages)), (Label::From, Some("sv")));
        assert!(LABELS["data"].iter().any(|meaning| meaning.languages & bit("pl") != 0));
    }
}
