//! What servers mean by what they say: the one place where another program's words are matched.

use std::time::Duration;

use super::response_code::Notice;
use super::wire::Stage;
use crate::trouble::Trouble;

enum When {
    /// The response code.
    Code(&'static str),
    /// Words in the text or the code, in any case.
    Words(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// Come back later, after the time named in the text if there is one.
    Busy,
    /// The session is over; nothing is wrong.
    Over,
    /// The token or password is not accepted.
    Credential,
    /// The login is fine, but a person must mend something at the provider.
    Permission,
    /// The same words for a missing permission and for too many connections: believed when nothing has worked yet, in
    /// this session or ever before.
    PermissionOrBusy,
    /// The operator must mend the configuration.
    Configuration,
    /// The server failed over this command, maybe over one message in it.
    Broken,
    /// The messages asked for are not there (any more).
    Nothing,
}

struct Quirk {
    when: When,
    means: Means,
    /// Who says so and where it is written down.
    #[expect(dead_code, reason = "the evidence for the row, kept beside it")]
    seen: &'static str,
}

const fn words(words: &'static str, means: Means, seen: &'static str) -> Quirk {
    Quirk { when: When::Words(words), means, seen }
}

const fn code(code: &'static str, means: Means, seen: &'static str) -> Quirk {
    Quirk { when: When::Code(code), means, seen }
}

/// First match wins: words, which say more, before codes.
const QUIRKS: &[Quirk] = &[
    words("Request is throttled", Means::Busy, "Exchange Online, tagged BAD; imapflow lib/imap-flow.js"),
    words("Suggested Backoff Time", Means::Busy, "Exchange Online; imapflow lib/imap-flow.js"),
    words("AccessTokenExpired", Means::Over, "Exchange Online, BYE Session invalidated; angus-mail 176"),
    words("Server shutting down", Means::Over, "Dovecot, BYE at a restart"),
    words("Disconnected for inactivity", Means::Over, "Dovecot, BYE"),
    words("Session expired, please login again", Means::Over, "Gmail, BYE after hours or days; node-imap 789"),
    words(
        "authenticated but not connected",
        Means::PermissionOrBusy,
        "Exchange Online, BAD; MailKit 1396, node-imap 593",
    ),
    words("Server Unavailable. 15", Means::Busy, "Exchange Online, NO or a bare line; owncloud/mail 721"),
    words("Too many simultaneous connections", Means::Busy, "Gmail, NO [ALERT]; imapsync 239"),
    words("Maximum number of connections", Means::Busy, "Dovecot 2.3, NO [LIMIT]; tried on 2.3.19"),
    words("Temporary authentication failure", Means::Busy, "Dovecot 2.3, NO [UNAVAILABLE]; tried on 2.3.19"),
    words("[THROTTLED]", Means::Busy, "Gmail, as a suffix; imapflow lib/imap-flow.js"),
    words("[OVERQUOTA]", Means::Busy, "Gmail, as a suffix; imapflow lib/imap-flow.js"),
    words("command or bandwidth limits", Means::Busy, "Gmail, NO [OVERQUOTA]; chatwoot 6082"),
    words(
        "specified message set is invalid",
        Means::Nothing,
        "Exchange Online, FETCH in an empty mailbox; ImapEngine 109",
    ),
    words("IMAP access is disabled", Means::Permission, "Gmail, NO [ALERT]; support.google.com/a/answer/105694"),
    words("not enabled for IMAP use", Means::Permission, "Gmail, NO [ALERT]; support.google.com/mail/answer/7126229"),
    words(
        "log in via your web browser",
        Means::Permission,
        "Gmail, NO [ALERT]; support.google.com/mail/answer/7126229",
    ),
    words(
        "Application-specific password required",
        Means::Permission,
        "Gmail, NO [ALERT]; support.google.com/accounts/answer/185833",
    ),
    code("WEBALERT", Means::Permission, "Gmail, NO [WEBALERT https://…] Web login required; node-imap 561"),
    code("ALERT", Means::PermissionOrBusy, "RFC 3501 section 7.1: must be shown to the user"),
    code("THROTTLED", Means::Busy, "Gmail; imapflow lib/imap-flow.js"),
    code("OVERQUOTA", Means::Busy, "Gmail, bandwidth of the day; RFC 5530"),
    code("LIMIT", Means::Busy, "Dovecot; RFC 9051 section 7.1"),
    code("UNAVAILABLE", Means::Busy, "RFC 5530"),
    code("INUSE", Means::Busy, "RFC 5530"),
    code("SERVERBUG", Means::Broken, "RFC 5530; Dovecot, for a message whose file is damaged"),
    code("EXPUNGEISSUED", Means::Nothing, "RFC 5530"),
    code("AUTHENTICATIONFAILED", Means::Credential, "RFC 5530; Gmail, Dovecot"),
    code("EXPIRED", Means::Credential, "RFC 5530"),
    code("AUTHORIZATIONFAILED", Means::Permission, "RFC 5530"),
    code("NOPERM", Means::PermissionOrBusy, "RFC 5530"),
    code("CONTACTADMIN", Means::Permission, "RFC 5530"),
    code("PRIVACYREQUIRED", Means::Configuration, "RFC 5530"),
];

/// What a notice means, where the table knows it.
pub(super) fn meaning(notice: &Notice) -> Option<Means> {
    let text = notice.text.to_ascii_lowercase();
    let holds = |quirk: &&Quirk| match quirk.when {
        When::Code(code) => notice.code == code,
        When::Words(words) => text.contains(&words.to_ascii_lowercase()),
    };
    QUIRKS.iter().find(holds).map(|quirk| quirk.means)
}

/// Whether a refusal to hand out messages may be about one of them, and not about us.
pub(super) fn may_be_one_message(notice: &Notice) -> bool {
    matches!(meaning(notice), None | Some(Means::Broken))
}

/// A tagged OK that tells us to slow down (Gmail: `OK Success [THROTTLED]`).
pub(super) fn slow_down(notice: &Notice) -> bool {
    meaning(notice) == Some(Means::Busy)
}

/// Words by which servers ask for less, and not for another time.
const LESS: [&str; 6] =
    ["throttl", "backoff time", "[overquota]", "bandwidth limits", "[limit]", "too many simultaneous connections"];

/// Whether a server's reason asks us to slow down.
pub fn asks_to_slow_down(trouble: &Trouble) -> bool {
    let Trouble::Retry { after, reason } = trouble else { return false };
    let reason = reason.to_ascii_lowercase();
    after.is_some() || LESS.iter().any(|words| reason.contains(words))
}

/// What a refusal (a tagged NO or BAD) asks for at `stage`.
///
/// `has_worked`: whether the account has ever been read.
pub(super) fn refusal(stage: Stage, has_worked: bool, no: bool, notice: &Notice) -> Trouble {
    let fallback = match stage {
        Stage::Token | Stage::Password if no => Means::Credential,
        _ => Means::Busy,
    };
    trouble(stage, has_worked, meaning(notice).unwrap_or(fallback), notice)
}

/// What a BYE asks for at `stage`.
pub(super) fn farewell(stage: Stage, has_worked: bool, notice: &Notice) -> Trouble {
    let fallback = if stage.logged_in() { Means::Over } else { Means::Busy };
    let means = match meaning(notice) {
        // A server may give up over a message, too.
        Some(Means::Nothing) | None if fallback == Means::Over => {
            return Trouble::reconnect(format!("the server ended the session: {}", notice.shown()));
        }
        Some(Means::Nothing) | None => fallback,
        Some(means) => means,
    };
    trouble(stage, has_worked, means, notice)
}

fn trouble(stage: Stage, has_worked: bool, means: Means, notice: &Notice) -> Trouble {
    let said = notice.shown();
    let means = match means {
        // Also seen when connections pile up, on every fresh one of them.
        Means::PermissionOrBusy if has_worked => Means::Busy,
        means => means,
    };
    match means {
        Means::Over => Trouble::ended(format!("the server ended the session: {said}")),
        Means::Permission | Means::PermissionOrBusy if stage != Stage::Proven => Trouble::NeedsReauth {
            reason: format!(
                "the login was accepted or understood, but the mailbox is not open to it: {said}. Check at the provider that \
                 IMAP is switched on, that the account has a licence and that the connected user may open this mailbox, then \
                 connect the account again"
            ),
        },
        Means::Permission => Trouble::NeedsReauth {
            reason: format!(
                "the server takes away the right to this mailbox: {said}. Ask its administrator, then connect the account again"
            ),
        },
        Means::Credential => credential(stage, &said),
        Means::Configuration => Trouble::operator(format!(
            "the server wants a protected connection: {said}. Use TLS (port 993) for this account"
        )),
        Means::Busy | Means::Broken | Means::PermissionOrBusy | Means::Nothing => {
            Trouble::Retry { after: backoff(&notice.text), reason: format!("the server refuses for now: {said}") }
        }
    }
}

fn credential(stage: Stage, said: &str) -> Trouble {
    match stage {
        Stage::Token => Trouble::TokenRefused { reason: format!("the server refused the access token: {said}") },
        Stage::Password => Trouble::NeedsReauth {
            reason: format!(
                "the server refused the login or the password: {said}. Check the IMAP user and the password; many providers \
                 want an app password here"
            ),
        },
        _ => Trouble::reconnect(format!("the server forgot the login: {said}")),
    }
}

/// `Suggested Backoff Time: 92415 milliseconds` (Exchange Online).
fn backoff(text: &str) -> Option<Duration> {
    let (_, rest) = text.split_once("Backoff Time:")?;
    let mut words = rest.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    match words.next()? {
        unit if unit.starts_with("millisecond") => Some(Duration::from_millis(number)),
        unit if unit.starts_with("second") => Some(Duration::from_secs(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(stage: Stage, text: &str) -> &'static str {
        refusal(stage, false, true, &Notice::parse(text)).kind()
    }

    #[test]
    fn every_wording_has_its_trouble() {
        use Stage::{Password, Proven, Token, Unproven};
        let table = [
            (Token, "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", "token-refused"),
            (Token, "AUTHENTICATE failed.", "token-refused"),
            (Token, "[UNAVAILABLE] Temporary authentication failure.", "retry"),
            (Token, "Temporary authentication failure", "retry"),
            (Token, "[WEBALERT https://accounts.example/signin] Web login required.", "needs-reauth"),
            (Token, "[ALERT] Please log in via your web browser: https://a.example (Failure)", "needs-reauth"),
            (Token, "[ALERT] Too many simultaneous connections. (Failure)", "retry"),
            (Token, "[LIMIT] Maximum number of connections from user+IP exceeded", "retry"),
            (Password, "LOGIN failed.", "needs-reauth"),
            (Password, "[PRIVACYREQUIRED] Plaintext authentication disallowed", "operator"),
            (Unproven, "User is authenticated but not connected.", "needs-reauth"),
            (Proven, "User is authenticated but not connected.", "retry"),
            (Proven, "[THROTTLED] slow down", "retry"),
            (Proven, "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", "retry"),
            (Proven, "[INUSE] Mailbox is locked", "retry"),
            (Proven, "Server Unavailable. 15", "retry"),
            (Proven, "something else", "retry"),
        ];
        for (stage, text, kind) in table {
            assert_eq!(refused(stage, text), kind, "{text}");
        }
    }

    #[test]
    fn an_account_that_has_worked_lacks_no_permission_all_at_once() {
        let asked = |stage, text| refusal(stage, true, false, &Notice::parse(text)).kind();
        assert_eq!(asked(Stage::Unproven, "User is authenticated but not connected."), "retry");
        assert_eq!(asked(Stage::Token, "User is authenticated but not connected."), "retry");
        assert_eq!(asked(Stage::Token, "[WEBALERT https://accounts.example] Web login required."), "needs-reauth");
    }

    #[test]
    fn exchange_says_how_long_to_wait() {
        let notice = Notice::parse("Request is throttled. Suggested Backoff Time: 92415 milliseconds");
        let trouble = refusal(Stage::Proven, false, false, &notice);
        assert!(matches!(trouble, Trouble::Retry { after: Some(after), .. } if after == Duration::from_millis(92_415)));
    }

    #[test]
    fn a_farewell_in_a_session_is_nobodys_fault() {
        for text in [
            "Session invalidated - AccessTokenExpired",
            "Session expired, please login again.",
            "System Error",
            "Connection is closed. 13",
            "",
        ] {
            assert_eq!(farewell(Stage::Proven, false, &Notice::parse(text)).kind(), "reconnect", "{text}");
        }
        assert_eq!(farewell(Stage::Greeting, false, &Notice::parse("Too many connections")).kind(), "retry");
    }

    #[test]
    fn a_server_that_asks_for_less_is_told_from_one_that_is_broken() {
        let asks = |text: &str| asks_to_slow_down(&refusal(Stage::Proven, true, true, &Notice::parse(text)));
        assert!(asks("Request is throttled. Suggested Backoff Time: 92415 milliseconds"));
        assert!(asks("[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)"));
        assert!(asks("[ALERT] Too many simultaneous connections. (Failure)"));
        assert!(asks("[LIMIT] Maximum number of connections from user+IP exceeded"));
        assert!(!asks("[UNAVAILABLE] Temporary failure.") && !asks("[SERVERBUG] Internal error occurred."));
        assert!(!asks_to_slow_down(&Trouble::reconnect("throttled")));
    }

    #[test]
    fn a_throttled_ok_is_heard() {
        assert!(slow_down(&Notice::parse("Success [THROTTLED]")));
        assert!(!slow_down(&Notice::parse("Success")));
    }
}
