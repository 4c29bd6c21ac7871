//! The mail by which a provider asks whether somebody may forward mail here (spec I13).

use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::message::Mail;

/// What confirms a forwarding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verification {
    /// The code to be typed in.
    pub code: Option<String>,
    /// The page to be opened.
    pub link: Option<String>,
}

/// How a provider asks.
struct Provider {
    /// Who asks.
    from: &'static str,
    /// What one of these words is in, where the sender writes about other things, too.
    subject: &'static [&'static str],
    /// Where its pages are: a link to anywhere else is nobody's to open.
    pages: &'static [&'static str],
    /// What a link that confirms has in it, where the mail has others.
    path: &'static [&'static str],
}

const PROVIDERS: &[Provider] = &[
    Provider {
        from: "forwarding-noreply@google.com",
        subject: &[],
        pages: &["mail.google.com", "mail-settings.google.com"],
        path: &["/vf-", "%2fvf-"],
    },
    Provider {
        from: "noreply@zohoaccounts.com",
        subject: &["forward"],
        pages: &["zoho.com", "zoho.eu", "zoho.in"],
        path: &[],
    },
    Provider { from: "noreply@zoho.com", subject: &["forward"], pages: &["zoho.com", "zoho.eu", "zoho.in"], path: &[] },
    Provider {
        from: "no-reply@cc.yahoo-inc.com",
        subject: &["verify", "forward"],
        pages: &["yahoo.com"],
        path: &["verif"],
    },
    Provider {
        from: "noreply@notifications.fastmail.com",
        subject: &["verif", "forward"],
        pages: &["fastmail.com"],
        path: &[],
    },
    Provider { from: "no-reply@notify.proton.me", subject: &["forward"], pages: &["proton.me"], path: &["forward"] },
];

/// Whether a provider sent it to have a forwarding confirmed, by its header.
pub fn is_asked(envelope: &Envelope) -> bool {
    provider(envelope).is_some()
}

/// What it asks to confirm by.
pub fn read(mail: &Mail) -> Option<Verification> {
    let provider = provider(&mail.envelope)?;
    let text = mail.text.as_deref().unwrap_or_default();
    let code = code_in(&mail.envelope.subject, true).or_else(|| code_in(text, false));
    Some(Verification { code, link: link(text, provider).or_else(|| link(mail.html.as_deref()?, provider)) })
}

fn provider(envelope: &Envelope) -> Option<&'static Provider> {
    let [from] = envelope.from.as_slice() else { return None };
    let subject = envelope.subject.to_lowercase();
    let said = |words: &[&str]| words.is_empty() || words.iter().any(|word| subject.contains(word));
    PROVIDERS.iter().find(|one| from.address.folded() == one.from && said(one.subject))
}

/// A number of as many figures as codes have; in a subject after `#`.
fn code_in(text: &str, marked: bool) -> Option<String> {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at_checked(at)?;
        let length = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at_checked(length)?;
        let alone = before.chars().next_back().is_none_or(|c| c.is_whitespace() || ":#(".contains(c));
        if (6..=12).contains(&length) && alone && (!marked || before.ends_with('#')) {
            return Some(digits.to_owned());
        }
        rest = after;
    }
    None
}

fn link(text: &str, provider: &Provider) -> Option<String> {
    let ends = |c: char| c.is_whitespace() || "\"'<>".contains(c);
    let found = text.match_indices("https://").filter_map(|(at, _)| text.get(at..)?.split(ends).next());
    let mut found = found.map(|link| link.trim_end_matches(['.', ',', ')']).replace("&amp;", "&"));
    found.find(|link| link.len() <= 2_000 && is_confirming(link, provider))
}

fn is_confirming(link: &str, provider: &Provider) -> bool {
    let Some(rest) = link.strip_prefix("https://") else { return false };
    let (host, path) = rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let (path, is_host) = (path.to_ascii_lowercase(), |page: &str| {
        host == page || host.strip_suffix(page).is_some_and(|sub| sub.ends_with('.'))
    });
    // What stands before an `@` is no host.
    !host.contains(['@', '\\'])
        && provider.pages.iter().any(|page| is_host(page))
        && (provider.path.is_empty() || provider.path.iter().any(|mark| path.contains(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, subject: &str, text: &str) -> Option<Verification> {
        let raw = format!("From: {from}\r\nSubject: {subject}\r\nContent-Type: text/plain\r\n\r\n{text}\r\n");
        read(&Mail::parse(raw.as_bytes()).unwrap())
    }

    const GOOGLE: &str = "Gmail Team <forwarding-noreply@google.com>";

    #[test]
    fn gmails_question_has_a_code_and_a_link_in_any_language() {
        let text = "anna@ours.example has requested to automatically forward mail.\r\nConfirmation code: 123456789\r\n\
                    https://support.google.com/mail/\r\nhttps://mail-settings.google.com/mail/vf-%5Babc%5D-x1\r\n";
        let expected = Verification {
            code: Some("123456789".to_owned()),
            link: Some("https://mail-settings.google.com/mail/vf-%5Babc%5D-x1".to_owned()),
        };
        for subject in [
            "(#123456789) Gmail Forwarding Confirmation - Receive Mail from anna@ours.example",
            "Gmail-bekräftelse för vidarebefordran",
        ] {
            assert_eq!(asked(GOOGLE, subject, text), Some(expected.clone()), "{subject}");
        }
    }

    #[test]
    fn a_link_to_anywhere_else_is_not_taken() {
        for link in [
            "https://mail.google.com.evil.example/mail/vf-1",
            "https://mail.google.com@evil.example/mail/vf-1",
            "http://mail.google.com/mail/vf-1",
            "https://mail.google.com/mail/help",
        ] {
            assert_eq!(asked(GOOGLE, "(#123456) x", link).unwrap().link, None, "{link}");
        }
    }

    #[test]
    fn other_mail_asks_nothing() {
        assert_eq!(asked("carla@customer.example", "(#123456789) Gmail Forwarding Confirmation", "1234567"), None);
        assert_eq!(asked("no-reply@cc.yahoo-inc.com", "Your invoice", "1234567"), None);
    }
}
