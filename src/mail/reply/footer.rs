//! What is no text of the writer's: signatures, the lines of programs and mailing lists, and warnings of gateways.

use super::fold::{find_phrase, fold, is_invisible};
use super::lines::{Kind, Line};
use super::words::{Edge, FOOTERS, first_two, last_two};

/// How many lines a signature may have below `-- ` (RFC 3676 section 4.3 asks for four), and below another rule.
const MAX_SIGNATURE: usize = 30;
const MAX_BELOW_RULE: usize = 15;

/// How much of a paragraph tells whether it is a warning, in octets.
const MAX_WARNING: usize = 200;

/// How far from the end programs add their lines.
const MAX_FROM_END: usize = 60;

/// The longest line that a program adds, in octets, and how many words it has beside what is known of it.
const MAX_ADDED: usize = 240;
const MAX_WORDS: usize = 7;

/// How many octets at an edge are enough to tell its two letters: marks and accents may stand with them.
const EDGE: usize = 20;

/// What stands within sentences and not in a program's line.
const STOPS: [char; 9] = [',', '?', '!', ';', '，', '？', '！', '。', '،'];

/// The text of these lines without signature.
pub(super) fn without_footer(part: &[Line]) -> String {
    let lines: Vec<&str> = part.iter().filter(|line| line.kind != Kind::Signature).map(|line| line.text).collect();
    let lines = lines.get(warning(&lines)..).unwrap_or_default();
    let end = signature_at(lines).unwrap_or(lines.len());
    let mut kept: Vec<&str> = Vec::with_capacity(end);
    for (at, line) in lines.iter().take(end).enumerate() {
        if at + MAX_FROM_END < end || !is_added(line) {
            kept.push(line);
        }
    }
    while kept.last().is_some_and(|line| is_blank(line) || is_rule(line)) {
        kept.pop();
    }
    kept.join("\n")
}

/// How many lines the warnings above the text take: the paragraphs that begin as one does.
fn warning(lines: &[&str]) -> usize {
    let mut at = 0;
    loop {
        let start = at + lines.iter().skip(at).take_while(|line| is_blank(line)).count();
        let is_warning = lines.get(start).is_some_and(|line| {
            let line = fold(line.get(..line.floor_char_boundary(MAX_WARNING)).unwrap_or(line));
            let line = line.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '[' && c != '【');
            FOOTERS.warnings.iter().any(|phrase| {
                line.strip_prefix(phrase.as_str())
                    .is_some_and(|rest| phrase.len() > 10 || !rest.starts_with(char::is_alphabetic))
            })
        });
        let end = start + lines.iter().skip(start).take_while(|line| !is_blank(line)).count();
        // A mail that is nothing but a warning is somebody's own.
        if !is_warning || lines.iter().skip(end).all(|line| is_blank(line)) {
            return at;
        }
        at = end;
    }
}

/// Where a signature begins.
fn signature_at(lines: &[&str]) -> Option<usize> {
    let mut below = Below::default();
    let mut found = None;
    // From the last line up, so that what is below a rule is known when the rule comes.
    for (at, line) in lines.iter().enumerate().rev() {
        let text = line.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        let begins = match text {
            "--" | "- -" => below.lines <= MAX_SIGNATURE,
            "—" | "–" | "―" => below.lines <= MAX_BELOW_RULE && (below.has_contact() || below.longest <= 60),
            _ if is_rule(text) => {
                // Under a line it is a heading's, and between paragraphs it divides them.
                let stands_alone = at.checked_sub(1).and_then(|at| lines.get(at)).is_none_or(|above| is_blank(above));
                let is_signature =
                    stands_alone && !below.divided && below.lines <= MAX_BELOW_RULE && below.has_contact();
                let ends = below.lines == 0;
                below.divided |= !ends;
                ends || is_signature
            }
            _ => false,
        };
        if begins {
            found = Some(at);
        }
        if below.lines > MAX_SIGNATURE {
            break;
        }
        if !text.is_empty() && !is_rule(text) {
            below.add(text);
        }
    }
    found
}

/// What is below a line.
#[derive(Default)]
struct Below<'a> {
    lines: usize,
    /// Lines that nobody has looked at: most mail has no rule that would make it necessary.
    unread: Vec<&'a str>,
    longest: usize,
    contact: bool,
    /// Whether there is a rule with text below it.
    divided: bool,
}

impl<'a> Below<'a> {
    fn add(&mut self, line: &'a str) {
        self.lines += 1;
        self.unread.push(line);
    }

    /// Whether an address, a page or a telephone is named; the longest line is known then, too.
    fn has_contact(&mut self) -> bool {
        for line in self.unread.drain(..) {
            self.longest = self.longest.max(line.chars().take(200).count());
            let head = line.get(..line.floor_char_boundary(400)).unwrap_or(line);
            let digits = head.chars().filter(char::is_ascii_digit).count();
            let phone = digits >= 7 && head.chars().filter(|c| c.is_alphabetic()).count() <= digits + 10;
            self.contact |= head.contains('@') || head.contains("http") || head.contains("www.") || phone;
        }
        self.contact
    }
}

fn is_blank(line: &str) -> bool {
    line.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// A line that divides and says nothing.
fn is_rule(line: &str) -> bool {
    let mut count = 0;
    let mut dots = 0;
    for c in line.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c)) {
        match c {
            '-' | '_' | '=' | '~' | '*' | '#' | '+' | '|' | '‐' | '‑' | '‒' | '–' | '—' | '―' | '─' | '━' | '═'
            | '•' | '·' => count += 1,
            // A mark that programs leave to see whether a mail was read.
            'ᐧ' => count += 2,
            '.' => dots += 1,
            _ => return false,
        }
    }
    count >= 2 || (dots >= 5 && line.contains(". ."))
}

/// A line that a program added, such as `Sent from my iPhone`.
fn is_added(line: &str) -> bool {
    if line.len() > MAX_ADDED || !may_be_added(line) {
        return false;
    }
    let folded = fold(&without_links(line));
    let text = folded.trim_matches(|c: char| !c.is_alphanumeric());
    if text.is_empty() || text.contains(STOPS) || text.contains(": ") {
        return false;
    }
    let mut begins = FOOTERS.begin.get(&first_two(text)).into_iter().flatten();
    let mut ends = FOOTERS.end.get(&last_two(text)).into_iter().flatten();
    let begin = begins.find_map(|phrase| text.strip_prefix(phrase.as_str()).map(|rest| (phrase, rest)));
    let end = ends.find_map(|phrase| text.strip_suffix(phrase.as_str()));
    let Some(rest) = begin.map(|(_, rest)| rest).or(end) else { return false };
    if rest.split(' ').filter(|word| !word.is_empty()).count() > MAX_WORDS + 3 {
        return false;
    }
    let own = begin.is_some_and(|(phrase, _)| phrase.ends_with(" my"));
    // `Sent from TypeApp` needs no name that is known.
    let named = begin.is_some_and(|(phrase, rest)| {
        matches!(phrase.as_str(), "sent from" | "sent with" | "sent using" | "sent via")
            && rest.split_whitespace().count() <= 2
            && line.split_whitespace().nth(2).is_some_and(|word| word.starts_with(char::is_uppercase))
    });
    named
        || own && rest.split(' ').count() <= MAX_WORDS
        || FOOTERS.devices.iter().any(|device| names_device(rest, device))
}

/// Whether a line is worth a closer look. Every line near the end of every mail is asked, and nearly all are prose.
fn may_be_added(line: &str) -> bool {
    let text = line.trim_matches(|c: char| !c.is_alphanumeric());
    // Of links, and of letters that have several spellings, only the closer look knows what they come to.
    if text.contains(['<', '(']) {
        return true;
    }
    let edge_of = |edge: Edge, near: &str, of: fn(&str) -> Edge| match edge.iter().flatten().all(char::is_ascii) {
        true => edge.map(|c| c.map(|c| c.to_ascii_lowercase())),
        false => of(fold(near).trim_matches(|c: char| !c.is_alphanumeric())),
    };
    let begins = || FOOTERS.begin.contains_key(&edge_of(first_two(text), head(text), first_two));
    let ends = || FOOTERS.end.contains_key(&edge_of(last_two(text), tail(text), last_two));
    (begins() || ends()) && !text.contains(STOPS)
}

/// The beginning of a text, as much as the two letters at its edge may take in any spelling.
fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(EDGE)).unwrap_or(text)
}

/// The end of it.
fn tail(text: &str) -> &str {
    text.get(text.ceil_char_boundary(text.len().saturating_sub(EDGE))..).unwrap_or(text)
}

/// Whether a device is named: words of some languages take endings, as in `iPhonesta`.
fn names_device(text: &str, device: &str) -> bool {
    if device.len() < 4 {
        return find_phrase(text, device).is_some();
    }
    text.match_indices(device)
        .any(|(at, _)| !text.get(..at).unwrap_or_default().ends_with(|c: char| c.is_ascii_alphabetic()))
}

/// The line without `<https://…>`, `(https://…)` and the brackets of Markdown.
fn without_links(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['<', '(']) {
        let (before, link) = rest.split_at(at);
        let inner = link.get(1..).unwrap_or_default();
        let end = inner.find(['>', ')']).filter(|end| inner.get(..*end).is_some_and(|link| link.contains("://")));
        out.push_str(before);
        rest = match end {
            Some(end) => inner.get(end + 1..).unwrap_or_default(),
            None => {
                out.push(' ');
                inner
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_lines_are_known_in_every_language() {
        for line in [
            "Sent from my iPhone",
            "Skickat från min iPhone",
            "Wysłane z iPhone'a",
            "Verstuurd vanaf mijn iPhone",
            "Von meinem iPhone gesendet",
            "Gesendet von Mail für Windows",
            "Envoyé de mon iPhone",
            "Enviado desde mi iPhone",
            "Inviato da iPhone",
            "Enviado do meu iPhone",
            "Sendt fra min iPhone",
            "Lähetetty iPhonesta",
            "Saadetud minu iPhone'ist",
            "Odesláno z iPhonu",
            "Odoslané z iPhonu",
            "iPhone készülékemről küldve",
            "Trimis de pe iPhone-ul meu",
            "Poslano s mog iPhonea",
            "iPhone'umdan gönderildi",
            "Надіслано з iPhone",
            "Отправлено с iPhone",
            "iPhoneから送信",
            "나의 iPhone에서 보냄",
            "发自我的iPhone",
            "從我的iPhone傳送",
            "\u{202b}أُرسلت من الـ iPhone\u{202c}",
            "Get Outlook for iOS<https://aka.example/o0ukef>",
            "Sent from [Proton Mail](https://proton.example) for iOS",
            "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        ] {
            assert!(is_added(line), "{line}");
        }
    }

    #[test]
    fn what_a_person_says_about_sending_stays() {
        for line in [
            "Sent from my house, because the phone is broken there",
            "Sent from the warehouse this morning",
            "Fatura gönderildi",
            "Envoyé de la part de Marie",
            "Enviado por Ana",
            "Elküldve: 2024. 05. 04.",
        ] {
            assert!(!is_added(line), "{line}");
        }
    }
}
