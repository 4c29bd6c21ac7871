//! The words of a status response: its code in brackets and its text.

use async_imap::imap_proto::{Outcome, ResponseCode};

/// What a server says with OK, NO, BAD or BYE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Notice {
    /// The response code's name in upper case (RFC 3501 section 7.1, RFC 5530), or empty.
    pub(super) code: String,
    /// The text after the code. It is written by the server and may hold anything.
    pub(super) text: String,
}

impl Notice {
    /// Reads an outcome. imap-proto leaves every code it does not know in the text (libs: THROTTLED, UNAVAILABLE, …).
    pub(super) fn of(outcome: &Outcome<'_>) -> Self {
        let text = outcome.information.as_deref().unwrap_or_default();
        let code = match &outcome.code {
            None => return Self::parse(text),
            Some(ResponseCode::Alert) => "ALERT",
            Some(ResponseCode::Parse) => "PARSE",
            Some(ResponseCode::TryCreate) => "TRYCREATE",
            Some(ResponseCode::BadCharset(_)) => "BADCHARSET",
            Some(_) => "",
        };
        Self { code: code.to_owned(), text: text.trim().to_owned() }
    }

    /// Splits `[CODE argument] text`.
    pub(super) fn parse(text: &str) -> Self {
        let bracketed = text.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let Some((code, rest)) = bracketed else { return Self { code: String::new(), text: text.trim().to_owned() } };
        let name = code.split(' ').next().unwrap_or_default();
        Self { code: name.to_ascii_uppercase(), text: rest.trim().to_owned() }
    }

    /// The words as an operator may see them: short, printable, without anything that looks like an address or a token.
    pub(super) fn shown(&self) -> String {
        let words = self.text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let words: Vec<&str> =
            words.map(|word| if word.contains('@') || word.len() > 40 { "…" } else { word }).take(20).collect();
        let code = if self.code.is_empty() { String::new() } else { format!("[{}] ", self.code) };
        let said: String = format!("{code}{}", words.join(" ")).chars().take(160).collect();
        if said.trim().is_empty() { "no reason given".to_owned() } else { format!("“{}”", said.trim()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(code: &str, text: &str) -> Notice {
        Notice { code: code.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_code_is_told_from_the_text() {
        assert_eq!(Notice::parse("[UNAVAILABLE] Try later"), notice("UNAVAILABLE", "Try later"));
        assert_eq!(Notice::parse("[webalert https://a.example/b] Web login"), notice("WEBALERT", "Web login"));
        assert_eq!(Notice::parse("[LIMIT]"), notice("LIMIT", ""));
        assert_eq!(Notice::parse("[never closed"), notice("", "[never closed"));
        assert_eq!(Notice::parse("Success [THROTTLED]"), notice("", "Success [THROTTLED]"));
        assert_eq!(Notice::parse(""), notice("", ""));
    }

    #[test]
    fn an_address_and_a_token_are_not_shown() {
        let long = "x".repeat(41);
        let said = Notice::parse(&format!("[NOPERM] anna@ours.example may not {long} \u{7}")).shown();
        assert_eq!(said, "“[NOPERM] … may not …”");
        assert_eq!(Notice::default().shown(), "no reason given");
    }
}
