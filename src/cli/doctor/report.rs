//! What a check found, as a line for people or for programs.

use serde::Serialize;

use crate::cli::output::Output;
use crate::trouble::Trouble;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Ok,
    Warn,
    Fail,
    Skip,
}

/// One line of the report.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) account: Option<String>,
    pub(super) result: Outcome,
    pub(super) detail: String,
    pub(super) cure: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, account: None, result: Outcome::Ok, detail: detail.into(), cure: None }
    }

    pub(super) fn skip(check: &'static str, detail: impl Into<String>) -> Self {
        Self { result: Outcome::Skip, ..Self::ok(check, detail) }
    }

    pub(super) fn warn(check: &'static str, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { result: Outcome::Warn, cure: Some(cure.into()), ..Self::ok(check, detail) }
    }

    pub(super) fn fail(check: &'static str, detail: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { result: Outcome::Fail, ..Self::warn(check, detail, cure) }
    }

    /// A failure whose text says what to do behind what happened; where it does not, `cure` does.
    pub(super) fn failed(check: &'static str, trouble: &Trouble, cure: &str) -> Self {
        let text = trouble.to_string();
        match divided(&text) {
            Some((what, cure)) => Self::fail(check, what, cure),
            None => Self::fail(check, text, cure),
        }
    }

    pub(super) fn of(self, account: &str) -> Self {
        Self { account: Some(account.to_owned()), ..self }
    }

    pub(super) fn print(&self, output: &mut Output) -> anyhow::Result<()> {
        output.record(self, |finding| {
            let word = match finding.result {
                Outcome::Ok => "ok",
                Outcome::Warn => "warning",
                Outcome::Fail => "failed",
                Outcome::Skip => "skipped",
            };
            let account = finding.account.as_ref().map(|account| format!(" {account}:")).unwrap_or_default();
            let cure = finding.cure.as_ref().map(|cure| format!(". Cure: {cure}")).unwrap_or_default();
            format!("{word:<8} {:<14}{account} {}{cure}", finding.check, finding.detail)
        })
    }
}

/// What happened, and what is to be done: the first colon outside parentheses and before a space parts them.
fn divided(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b':' | b';' if depth == 0 => {
                let (what, rest) = text.split_at(at);
                match rest.get(1..).and_then(|rest| rest.strip_prefix(' ')) {
                    // A server's words are no advice; that stands behind them.
                    Some(said) if said.starts_with('“') => return behind_words(text, at),
                    Some(cure) => return Some((what, cure)),
                    None => {}
                }
            }
            _ => {}
        }
    }
    None
}

fn behind_words(text: &str, from: usize) -> Option<(&str, &str)> {
    let (at, _) = text.match_indices("”. ").find(|(at, _)| *at > from)?;
    let (what, rest) = text.split_at(at + "”".len());
    Some((what, rest.trim_start_matches(['.', ' '])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_divided_into_what_happened_and_what_to_do() {
        let table = [
            ("a does not answer on port 1: check it", Some(("a does not answer on port 1", "check it"))),
            ("refused (why: so) by a:993: check it", Some(("refused (why: so) by a:993", "check it"))),
            ("withdrawn; connect again", Some(("withdrawn", "connect again"))),
            ("it says no: “go: away.”. Wait a while", Some(("it says no: “go: away.”", "Wait a while"))),
            ("it says no: “go: away.”", None),
            ("it took too long", None),
        ];
        for (text, expected) in table {
            assert_eq!(divided(text), expected);
        }
    }
}
