//! Where the notice in a text ends and the copy of the original begins.

use super::MAX_TEXT;

/// The text of a bounce in two.
pub struct Layout<'a> {
    /// What the mail system says.
    pub notice: &'a str,
    /// The copy of the original message that follows in the same text.
    pub original: Option<&'a str>,
}

/// Header fields that open the copy of a message.
const OPENING: &[&str] =
    &["received:", "return-path:", "dkim-signature:", "x-google-smtp-source:", "x-originating-ip:"];

/// What stands above the copy, in a line of its own with dashes around it or a colon or a full stop behind it.
const HEADINGS: &[&str] = &[
    "original message",
    "copy of the message",
    "copy of your message",
    "copy of the original",
    "header of the original",
    "headers of the original",
    "original headers",
    "message headers",
    "message header",
    "returned message",
    "returned mail",
    "unsent message",
    "rejected message",
    "undelivered message",
    "bounced e-mail",
    "bounced message",
    "message text follows",
    "message follows",
    "below this line",
    "below the next line",
    "ursprüngliche nachricht",
    "originalnachricht",
    "kopie der nachricht",
    "message d'origine",
    "message original",
    "mensaje original",
    "mensagem original",
    "messaggio originale",
    "ursprungligt meddelande",
];

impl<'a> Layout<'a> {
    /// Splits at the first line that opens the copy.
    pub fn of(text: &'a str) -> Self {
        let text = text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let opens = opens_header(line);
            if opens || is_heading(line) {
                let from = if opens { at } else { at + line.len() };
                return Self { notice: text.get(..at).unwrap_or_default(), original: text.get(from..) };
            }
            at += line.len();
        }
        Self { notice: text, original: None }
    }

    /// Whether the copy has fields that no reply quotes, so that a mail system made it.
    pub fn has_copy(&self) -> bool {
        let has = |name: &str| self.original.is_some_and(|original| value_in(original, name).is_some());
        has("received:") || has("message-id:")
    }
}

fn opens_header(line: &str) -> bool {
    let line = unquoted(line);
    OPENING.iter().any(|name| starts_with(line, name))
}

fn is_heading(line: &str) -> bool {
    let line = line.trim();
    if line.len() > 200 {
        return false;
    }
    let framed = line.starts_with(['-', '=', '|', '*', '_', '#']) || line.ends_with([':', '-']);
    let lower = line.to_lowercase();
    // "The following addresses did not get a copy of your message:" opens the list that is looked for.
    if lower.contains("address") || lower.contains("recipient") {
        return false;
    }
    let announced = lower.ends_with("follows.") || lower.ends_with("follows") || lower.ends_with("of the message.");
    (framed || announced) && HEADINGS.iter().any(|heading| lower.contains(heading))
}

/// A line without the marks that quoting puts before it.
pub fn unquoted(line: &str) -> &str {
    line.trim().trim_start_matches(['>', '|', ' ', '\t'])
}

/// Whether the text begins with these ASCII letters, in any case.
pub fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The value of a field in a copy that is no longer a header: the first line that begins with its name.
pub fn value_in(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = unquoted(line);
        if !starts_with(line, name) {
            continue;
        }
        let value = line.get(name.len()..).unwrap_or_default().trim();
        // An identifier may have been folded onto the next line.
        let value = if value.is_empty() { lines.next().map(unquoted).unwrap_or_default() } else { value };
        if !value.is_empty() {
            return Some(value.to_owned());
        }
    }
    None
}
