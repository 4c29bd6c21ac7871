//! Whether two texts are one message's, each as some mail program renders it.

use std::collections::BTreeSet;

use crate::decide::key::alike;

/// Characters of a text that are looked at: as many as are read of a mail on the timeline.
const READ: usize = 400;

/// Letters and figures by which two texts are held to be one, if the words with figures after them are the same, too:
/// of what programs send, greetings are alike and numbers tell.
const LIKE: usize = 120;

/// How a text begins, as far as mail programs leave it alone.
pub(super) struct Beginning {
    /// Its letters and figures, without links.
    letters: Vec<char>,
    /// After how many of them a line ends.
    line_ends: BTreeSet<usize>,
    /// Its words with figures.
    figures: Vec<String>,
    /// Whether that is all of it.
    whole: bool,
}

impl Beginning {
    pub(super) fn of(text: &str) -> Self {
        let read: String = text.chars().take(READ).collect();
        let whole = read.len() == text.len() && text.chars().count() < READ;
        let mut beginning = Self { letters: Vec::new(), line_ends: BTreeSet::new(), figures: Vec::new(), whole };
        read.lines().for_each(|line| beginning.add(line));
        if !whole && read.ends_with(char::is_alphanumeric) {
            // The last word may have been cut.
            let last = read.split_whitespace().next_back().map(alike);
            beginning.figures.pop_if(|word| Some(&*word) == last.as_ref());
        }
        beginning
    }

    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Whether it is the other's message: a short text may be followed by no more than a signature or a footer, on
    /// lines of its own.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let (shorter, longer) = if self.letters.len() <= other.letters.len() { (self, other) } else { (other, self) };
        let length = shorter.letters.len();
        if length == 0 || length == longer.letters.len() {
            return shorter.letters == longer.letters;
        }
        let same = |(a, b): (&char, &char)| a == b;
        let ends = length >= LIKE || !shorter.whole || longer.line_ends.contains(&length);
        ends && shorter.letters.iter().zip(&longer.letters).take(LIKE).all(same)
            && shorter.figures.iter().zip(&longer.figures).all(|(a, b)| a == b)
    }

    fn add(&mut self, line: &str) {
        let mut in_image = false;
        for word in line.split_whitespace() {
            in_image |= word.starts_with("[image:") || word.starts_with("[cid:");
            if !in_image {
                let word = alike(without_link(word));
                self.letters.extend(word.chars());
                if word.contains(char::is_numeric) {
                    self.figures.push(word);
                }
            }
            in_image &= !word.ends_with(']');
        }
        self.line_ends.insert(self.letters.len());
    }
}

/// A word without the link that some programs print beside it.
fn without_link(word: &str) -> &str {
    let is_link = |text: &str| text.contains("://") || text.starts_with("www.") || text.starts_with("mailto:");
    match word.split_once('<') {
        Some((before, link)) if is_link(link) || link.contains('@') => before,
        _ if is_link(word) => "",
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_is_told_from_another_however_programs_render_it() {
        let like = |one: &str, other: &str| {
            let (one, other) = (Beginning::of(one), Beginning::of(other));
            assert_eq!(one.is_like(&other), other.is_like(&one));
            one.is_like(&other)
        };
        let long = "Dear customer, thank you for your trust in our services during the last month; attached to this mail you \
            will find all that is needed for the settlement of your account: invoice";
        for (one, other) in [
            ("Invoice 1001, 500 EUR", "> *Invoice 1001,*\r\n> 500 EUR\r\n"),
            ("We take it.", "We take it.\r\n\r\n--\r\nCarla, +48 22 100"),
            ("See our terms <https://a.example/1>, 2 pages", "See our terms, 2 pages"),
            ("See terms<https://a.example/1> today", "[image: Our logo]\r\nSee terms today"),
            (&format!("{long} 1001."), &format!("{long}\n1001.\n\nCarla")),
            (&format!("{long} 1001. {}", "word ".repeat(90)), &format!("{long} 1001. {}", "word ".repeat(60))),
            ("", "\r\n"),
        ] {
            assert!(like(one, other), "{one:?} {other:?}");
        }
        for (one, other) in [
            ("Invoice 1001, 500 EUR", "Invoice 1002, 900 EUR"),
            ("Invoice 100", "Invoice 1001"),
            ("Yes.", "Yes, but at half the price."),
            (&format!("{long} 1001."), &format!("{long} 1002.")),
            ("", "Invoice 1002"),
        ] {
            assert!(!like(one, other), "{one:?} {other:?}");
        }
    }
}
