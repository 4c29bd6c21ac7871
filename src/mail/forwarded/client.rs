//! Which mail program made a forward: by what it leaves in HTML, its separator and the order of its labels.

use std::cmp::Ordering;
use std::sync::LazyLock;

use super::block::Block;
use crate::mail::forms::{CLIENTS_TXT, bit, languages_of_separator};
use crate::mail::reply::words::{LABEL_COLUMNS, Label};

/// How much of the HTML is looked at, in octets.
const MAX_HTML: usize = 64 * 1024;

/// How long a rule is that separates without words.
const MIN_RULE: usize = 20;

/// What a form is worth. A program is named if it fits as well as its dashes and the order of its labels.
const BY_OWN_WORD: u32 = 8;
const BY_DASHES: u32 = 3;
const BY_ORDER: u32 = 3;
const BY_WORD: u32 = 2;
const ENOUGH: u32 = 5;

/// What stands above a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Separator {
    None,
    /// A line as above an answer.
    Attribution,
    /// A line without words.
    Rule,
    /// It says that an earlier message follows.
    Original,
    /// It says that a forwarded message follows.
    Forwarded,
}

struct Client {
    name: &'static str,
    dashes: Vec<Dashes>,
    says: Vec<&'static str>,
    orders: Vec<Vec<Label>>,
    words: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dashes {
    None,
    /// Only the words of its HTML tell it from another program.
    ByWords,
    Rule,
    Colon,
    Around(usize, usize),
}

static CLIENTS: LazyLock<Vec<Client>> =
    LazyLock::new(|| CLIENTS_TXT.lines().filter(|line| !line.starts_with('#')).filter_map(client_of).collect());

fn client_of(line: &'static str) -> Option<Client> {
    let mut columns = line.split('|').map(str::trim);
    let mut list = |by: char| -> Option<Vec<&'static str>> {
        Some(columns.next()?.split(by).map(str::trim).filter(|word| !word.is_empty()).collect())
    };
    let name = list(';')?.first().copied()?;
    let dashes = list(';')?.into_iter().filter_map(dashes_of).collect();
    let says = list(';')?;
    let order = |text: &str| text.split(' ').filter_map(label_of).collect();
    let orders = list(';')?.into_iter().map(order).collect();
    Some(Client { name, dashes, says, orders, words: list(';')? })
}

fn dashes_of(word: &str) -> Option<Dashes> {
    match word {
        "none" => Some(Dashes::None),
        "by-words" => Some(Dashes::ByWords),
        "_" => Some(Dashes::Rule),
        ":" => Some(Dashes::Colon),
        other => {
            let (before, after) = other.split_once('-')?;
            Some(Dashes::Around(before.parse().ok()?, after.parse().ok()?))
        }
    }
}

fn label_of(word: &str) -> Option<Label> {
    let at = ["from", "date", "to", "cc", "subject"].iter().position(|known| *known == word)?;
    LABEL_COLUMNS.get(at).copied()
}

/// The program that a forward looks like the work of.
pub(super) fn client_of_forward(
    line: Option<&str>,
    separator: Separator,
    block: &Block,
    html: Option<&str>,
) -> Option<&'static str> {
    let dashes = line.map_or(Dashes::None, dashes_in);
    let in_english = line.is_some_and(|line| languages_of_separator(line) & bit("en") != 0);
    let says = match separator {
        Separator::Forwarded if in_english => "forwarded-in-english",
        Separator::Forwarded => "forwarded",
        Separator::Original => "original",
        Separator::Attribution => return Some("outlook-mac"),
        Separator::None | Separator::Rule => "nothing",
    };
    let html = html.map(|html| html.get(..html.floor_char_boundary(MAX_HTML)).unwrap_or(html).to_ascii_lowercase());
    let rate = |client: &Client| -> u32 {
        let mut points = 0;
        for word in &client.words {
            let found = |word: &str| {
                html.as_ref().is_some_and(|html| memchr::memmem::find(html.as_bytes(), word.as_bytes()).is_some())
            };
            points += match word.strip_suffix('!') {
                Some(own) if found(own) => BY_OWN_WORD,
                None if found(word) => BY_WORD,
                _ => 0,
            };
        }
        let fits = client.says.iter().any(|known| *known == says || says.strip_suffix("-in-english") == Some(*known));
        let exactly = u32::from(client.says.contains(&says));
        points += if fits && client.dashes.contains(&dashes) { BY_DASHES + exactly } else { 0 };
        let in_order = |order: &&Vec<Label>| in_order(&block.order, order);
        let missing =
            |order: &Vec<Label>| order.iter().filter(|label| !block.has(**label) && **label != Label::Cc).count();
        let order = client.orders.iter().filter(in_order).map(missing).min();
        points + order.map_or(0, |missing| if missing == 0 { BY_ORDER + 1 } else { BY_ORDER })
    };
    let rated = CLIENTS.iter().map(|client| (rate(client), client.name));
    let best = rated.fold((0, None), |best, (points, name)| match points.cmp(&best.0) {
        Ordering::Greater => (points, Some(name)),
        // It may be the work of either.
        Ordering::Equal => (points, None),
        Ordering::Less => best,
    });
    best.1.filter(|_| best.0 >= ENOUGH)
}

fn dashes_in(line: &str) -> Dashes {
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '*');
    let is_dash = |c: &char| matches!(c, '-' | '=' | '‐' | '_' | '—' | '–');
    let before = line.chars().take_while(is_dash).count();
    let words = line.get(line.chars().take_while(is_dash).map(char::len_utf8).sum::<usize>()..).unwrap_or_default();
    let after =
        words.find("--").or_else(|| words.find("==")).or_else(|| words.find("‐‐")).and_then(|at| words.get(at..));
    let after = after.map_or(0, |tail| tail.chars().take_while(is_dash).count());
    match (before, after) {
        (MIN_RULE.., 0) if words.is_empty() => Dashes::Rule,
        (0, _) if line.ends_with([':', '：']) => Dashes::Colon,
        (0, _) => Dashes::None,
        around => Dashes::Around(around.0, around.1),
    }
}

/// Whether labels stand in this order, other labels aside.
fn in_order(found: &[Label], order: &[Label]) -> bool {
    let mut places =
        found.iter().filter(|label| **label != Label::Other).map(|label| order.iter().position(|o| o == label));
    let mut last = None;
    places.all(|place| {
        let goes_on = place.is_some() && place > last;
        last = place;
        goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_form() {
        for client in CLIENTS.iter() {
            assert!(
                !client.dashes.is_empty() && !client.orders.is_empty() && !client.says.is_empty(),
                "{}",
                client.name
            );
            assert!(client.orders.iter().all(|order| order.len() >= 3), "{}", client.name);
        }
        assert!(CLIENTS.len() >= 20);
    }

    #[test]
    fn dashes_are_counted_on_both_sides() {
        for (line, dashes) in [
            ("---------- Forwarded message ---------", Dashes::Around(10, 9)),
            ("   ----- Message transmis ----- De : Ana", Dashes::Around(5, 5)),
            ("________________________________", Dashes::Rule),
            ("Begin forwarded message:", Dashes::Colon),
            ("‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐", Dashes::Around(7, 7)),
        ] {
            assert_eq!(dashes_in(line), dashes, "{line}");
        }
    }
}
