//! One spelling of a line for every comparison: what is compared is bounded, however long the line.

use unicode_normalization::UnicodeNormalization;

/// The longest line that a mail program writes above a quote, in octets. Names and addresses may be long.
pub(super) const MAX_LINE: usize = 600;

/// Lower case, composed, digits of every script as ASCII, blanks as single spaces; no marks that nobody sees. Of a line
/// longer than [`MAX_LINE`] only the beginning.
pub(in crate::mail) fn fold(line: &str) -> String {
    let line = line.get(..line.floor_char_boundary(MAX_LINE)).unwrap_or(line);
    #[cfg(test)]
    EXAMINED.with(|sum| sum.set(sum.get() + line.len()));
    let mut out = String::with_capacity(line.len());
    for c in line.nfc().filter(|c| !is_invisible(*c)) {
        match c {
            c if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            '：' => out.push(':'),
            '’' | '‘' | '´' => out.push('\''),
            // The two letters i of Turkish are one here: some programs write either for the other.
            'İ' | 'ı' => out.push('i'),
            c => out.extend(ascii_digit(c).unwrap_or(c).to_lowercase()),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
thread_local! {
    /// How many octets were folded: nothing else looks closely at a line.
    pub(super) static EXAMINED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Whether a phrase stands in the text as words. Scripts without blanks have no words to be told apart.
pub(in crate::mail) fn find_phrase(text: &str, phrase: &str) -> Option<usize> {
    let spaced = phrase.chars().next().is_some_and(|c| c.is_alphanumeric() && !is_unspaced(c));
    text.match_indices(phrase).map(|(at, _)| at).find(|at| {
        let (before, after) = (text.get(..*at), text.get(at + phrase.len()..));
        let part = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && !is_unspaced(c));
        !spaced || !(part(before.and_then(|s| s.chars().next_back())) || part(after.and_then(|s| s.chars().next())))
    })
}

/// Han, kana, hangul and Thai, which are written without blanks between words or with endings that follow at once.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{ff00}'..='\u{ffef}')
}

/// Marks of direction and width, and the vowel signs of Arabic, which are optional.
pub(in crate::mail) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fe0f}' | '\u{feff}')
}

fn ascii_digit(c: char) -> Option<char> {
    let zero =
        [0x660, 0x6f0, 0x966, 0xe50, 0xff10].into_iter().find(|zero| (*zero..*zero + 10).contains(&u32::from(c)))?;
    char::from_digit(u32::from(c) - zero, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_line_fold_alike() {
        assert_eq!(fold(" Le\u{a0}5 mai,  A e\u{301}crit\u{202f}："), "le 5 mai, a écrit :");
        assert_eq!(fold("\u{202b}٢٠٢٤ Mesajı İLETİ\u{feff}"), "2024 mesaji ileti");
        assert!(fold(&"é".repeat(10_000)).len() <= MAX_LINE);
    }

    #[test]
    fn a_phrase_is_not_found_within_a_word() {
        assert_eq!(find_phrase("she rewrote it, i wrote:", "wrote"), Some(18));
        assert_eq!(find_phrase("typewrote", "wrote"), None);
        assert!(find_phrase("田中さんのメッセージ:", "のメッセージ").is_some());
    }
}
