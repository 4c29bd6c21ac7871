//! What stands above mail that is quoted without marks: a block of header lines, or a separator.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::fold::{find_phrase, fold};
use super::lines::{Kind, Line};
use super::words::{LABELS, Label, SEPARATORS};

/// The longest label with what surrounds it, in octets.
const MAX_LABEL: usize = 64;

/// How many lines a block may have: recipients may take several.
const MAX_BLOCK: usize = 20;

/// How many lines the value of one header line may go on for.
const MAX_CONTINUED: usize = 4;

/// The longest line that separates, in octets.
const MAX_SEPARATOR: usize = 200;

/// Decoration around labels and separators: bold and rules of text made from HTML.
fn is_decoration(c: char) -> bool {
    matches!(c, '*' | '_' | '|' | '#') || c.is_whitespace()
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '=' | '_' | '~' | '*' | '‐' | '‑' | '‒' | '–' | '—' | '―' | '─' | '━')
}

/// The separator that a line begins with, when the header follows in the same line, as Samsung's programs write it.
pub(in crate::mail) fn dashed_head(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let head = line.get(..line.floor_char_boundary(MAX_SEPARATOR)).filter(|head| head.starts_with("----"))?;
    let words = head.find(|c: char| c != '-' && c != ' ')?;
    let dashes = words + head.get(words..)?.find("----")?;
    let end = dashes + head.get(dashes..)?.find(|c| c != '-')?;
    line.get(..end)
}

/// Whether the line begins and ends with dashes.
pub(in crate::mail) fn is_dashed(line: &str) -> bool {
    let dashes = |chars: &mut dyn Iterator<Item = char>| chars.take_while(|c| is_dash(*c) || *c == ' ').count() >= 2;
    let line = line.trim();
    !line.is_empty() && dashes(&mut line.chars()) && dashes(&mut line.chars().rev())
}

/// `Write your answer above this line`
static THIS_LINE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("this line"));

/// Whether the line is worth a closer look.
pub(in crate::mail) fn may_separate(line: &str) -> bool {
    is_dashed(line)
        || dashed_head(line).is_some()
        || THIS_LINE.find(line.as_bytes()).is_some()
        || line.trim_end().ends_with([':', '：'])
        || labels(line).is_some()
}

/// Whether the line says by itself that quoted or forwarded mail follows.
pub(in crate::mail) fn separator(line: &str) -> Option<Kind> {
    let line = dashed_head(line).unwrap_or(line);
    if line.len() > MAX_SEPARATOR {
        return None;
    }
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '*');
    let words = line.trim_matches(|c: char| is_dash(c) || c.is_whitespace() || c == '#');
    if words.is_empty() || words.len() == line.len() && !line.ends_with([':', '：']) && line.len() > 60 {
        return None;
    }
    let words = fold(words);
    let tight = words.replace(" :", ":");
    let alone = SEPARATORS.alone.iter().any(|phrase| match phrase.ends_with(':') {
        true => tight == *phrase,
        false => find_phrase(&words, phrase).is_some(),
    });
    if alone {
        let above = SEPARATORS.alone.iter().any(|phrase| !phrase.ends_with(':') && words.contains(phrase));
        return Some(if above { Kind::Intro } else { Kind::Forward });
    }
    if !is_dashed(line) || words.len() > 100 {
        return None;
    }
    // The word order of `Original` and its like is free; a sentence between dashes is none of them.
    let has = |phrases: &[String]| {
        phrases
            .iter()
            .any(|phrase| find_phrase(&words, phrase).is_some_and(|at| at <= 40 && words.len() <= phrase.len() + 50))
    };
    if has(&SEPARATORS.forwarded) { Some(Kind::Forward) } else { has(&SEPARATORS.quoted).then_some(Kind::Intro) }
}

/// How many lines a block of header lines takes that begins with the first of these.
pub(super) fn block(lines: &[Line]) -> Option<usize> {
    let first = lines.first().filter(|line| line.kind == Kind::Text)?;
    labels(first.text)?.iter().find(|label| **label != Label::Other)?;
    if in_one_line(first.text) {
        return Some(1);
    }
    let mut seen = Seen::default();
    let (mut end, mut continued) = (0, 0);
    for (at, line) in lines.iter().enumerate().take(MAX_BLOCK) {
        match labels(line.text).filter(|_| line.kind == Kind::Text) {
            Some(labels) => {
                seen.add(labels, line.text);
                (end, continued) = (at + 1, 0);
            }
            None if line.kind == Kind::Empty => {
                // Some programs leave lines empty within the block, but never two values of one label.
                let next = lines.get(at + 1).filter(|next| next.kind == Kind::Text).and_then(|next| labels(next.text));
                if next.is_none() {
                    break;
                }
            }
            None => {
                continued += 1;
                if continued > MAX_CONTINUED || line.kind != Kind::Text {
                    break;
                }
                seen.address |= line.text.contains('@');
            }
        }
    }
    seen.is_header().then_some(end)
}

#[derive(Default)]
struct Seen {
    labels: Vec<Label>,
    address: bool,
}

impl Seen {
    /// A word may be the label of different things in different languages.
    fn add(&mut self, labels: &[Label], line: &str) {
        self.address |= line.contains('@');
        if let Some(new) = labels.iter().find(|label| !self.labels.contains(label)) {
            self.labels.push(*new);
        }
    }

    /// Forms that people fill in have labels like these, too: only mail has these together.
    fn is_header(&self) -> bool {
        let has = |label| self.labels.contains(&label);
        let ends = usize::from(has(Label::From)) + usize::from(has(Label::To)) + usize::from(has(Label::Date));
        (has(Label::From) && has(Label::Subject)) || (has(Label::Subject) && ends >= 2) || (self.address && ends >= 2)
    }
}

/// What the label of this line may mean.
fn labels(line: &str) -> Option<&'static [Label]> {
    let line = line.trim_start_matches(is_decoration);
    let head = line.get(..line.floor_char_boundary(MAX_LABEL)).unwrap_or(line);
    let end = colon(head)?;
    let label = fold(head.get(..end)?.trim_end_matches(is_decoration));
    LABELS.get(&label).map(Vec::as_slice)
}

/// Where the first colon is, of either width.
fn colon(text: &str) -> Option<usize> {
    const WIDE: &[u8] = "：".as_bytes();
    let bytes = text.as_bytes();
    let is_colon = |at: &usize| bytes.get(*at) == Some(&b':') || bytes.get(*at..).is_some_and(|b| b.starts_with(WIDE));
    memchr::memchr2_iter(b':', 0xef, bytes).find(is_colon)
}

/// Yahoo's text has the whole block in one line: `From: a <a@b>To: c <c@d>Sent: …Subject: …`.
fn in_one_line(line: &str) -> bool {
    let folded = fold(line);
    let Some((_, rest)) = folded.split_once(':').filter(|_| folded.contains('@')) else { return false };
    let mut seen = Vec::new();
    for (at, _) in rest.match_indices(':').take(24) {
        let before = rest.get(..at).unwrap_or_default().trim_end();
        let found = LABELS.iter().find(|(word, _)| before.ends_with(word.as_str()) && word.len() > 1);
        if let Some(label) = found.and_then(|(_, labels)| labels.first())
            && !seen.contains(label)
        {
            seen.push(*label);
        }
    }
    seen.contains(&Label::Subject) && seen.len() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::reply::lines::lines_of;

    #[test]
    fn a_block_of_header_lines_is_one_in_any_language() {
        for text in [
            "From: Ana <ana@customer.example>\nSent: Monday\nTo: us\nSubject: Offer",
            "*Von:* Ana [mailto:\nana@customer.example]\n*Gesendet:* heute\n*An:* uns\n*Betreff:* Angebot",
            "De : Ana\nEnvoyé : lundi\nÀ : nous\nObjet : Offre",
            "差出人：Ana\n送信日時：今日\n宛先：us\n件名：提案",
            "보낸 사람: Ana\n보낸 날짜: 오늘\n받는 사람: us\n제목: 제안",
            "Date: Monday\nTo: ana@customer.example",
            "From: Ana <ana@customer.example>To: us <us@ours.example>Sent: MondaySubject: Offer",
        ] {
            assert_eq!(block(&lines_of(text)), Some(text.lines().count()), "{text}");
        }
    }

    #[test]
    fn a_form_that_somebody_filled_in_is_no_header() {
        for text in [
            "From: Lund\nTo: Malmö\nDate: Friday",
            "Date: Friday\nTime: 7:00",
            "To: do\nFrom: scratch",
            "A: yes\nB: no",
        ] {
            assert_eq!(block(&lines_of(text)), None, "{text}");
        }
    }

    #[test]
    fn separators_are_known_with_any_dashes() {
        for (line, kind) in [
            ("-----Original Message-----", Some(Kind::Intro)),
            ("*-------- Oprindelig besked --------*", Some(Kind::Intro)),
            ("‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐", Some(Kind::Intro)),
            ("--------原始郵件 --------", Some(Kind::Intro)),
            ("------------------ 原始邮件 ------------------", Some(Kind::Intro)),
            ("---------- Forwarded message ---------", Some(Kind::Forward)),
            ("Début du message réexpédié\u{a0}:", Some(Kind::Forward)),
            ("##- Please type your reply above this line -##", Some(Kind::Intro)),
            ("--------- Enter your answer below ---------", None),
            ("the original message was lost", None),
            (
                "-------- Ursprüngliche Nachricht --------Von: Ana <ana@customer.example> Datum: 4.5.21",
                Some(Kind::Intro),
            ),
            ("------------------------", None),
        ] {
            assert_eq!(separator(line), kind, "{line}");
        }
    }
}
