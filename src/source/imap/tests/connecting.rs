use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{GREETING, Step, after, last, log_in, session, step, token};
use crate::source::imap::Login;
use crate::trouble::Trouble;

const CHALLENGE: &str = r#"{"status":"401","schemes":"Bearer","scope":"https://mail.example/"}"#;

fn challenge() -> String {
    format!("+ {}\r\n", STANDARD.encode(CHALLENGE))
}

fn password() -> Login {
    Login::Password { user: "anna".to_owned(), password: "a \"b\" \\".to_owned().into() }
}

/// The trouble a token login meets with this answer.
async fn refused(answer: &str) -> Trouble {
    let (session, _heard) = log_in(GREETING, vec![step("AUTHENTICATE", answer)], &token()).await;
    session.unwrap_err()
}

#[tokio::test]
async fn the_first_response_goes_with_the_command_where_the_server_takes_it() {
    let steps = vec![step("AUTHENTICATE XOAUTH2 ", "{tag} OK [CAPABILITY IMAP4rev1 IDLE] done\r\n")];
    let (session, heard) = log_in(GREETING, steps, &token()).await;
    assert!(session.unwrap().capabilities().idle());
    let heard = heard.await.unwrap();
    let sent = STANDARD.decode(heard[0].rsplit(' ').next().unwrap()).unwrap();
    assert_eq!(sent, b"user=anna@ours.example\x01auth=Bearer sesame\x01\x01");
}

#[tokio::test]
async fn without_sasl_ir_the_response_waits_for_the_challenge() {
    let steps = vec![
        step("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done\r\n"),
        step("AUTHENTICATE XOAUTH2\r\n", "+ \r\n"),
        step(STANDARD.encode("user=anna@ours.example\x01auth=Bearer sesame\x01\x01"), "M2 OK done\r\n"),
        step("CAPABILITY", "* CAPABILITY IMAP4rev1 X-GM-EXT-1\r\n{tag} OK done\r\n"),
    ];
    let (session, _heard) = log_in("* OK ready\r\n", steps, &token()).await;
    assert!(session.unwrap().capabilities().gmail());
}

#[tokio::test]
async fn a_refused_token_is_acknowledged_with_an_empty_line_and_its_status_kept() {
    let steps = vec![
        step("AUTHENTICATE XOAUTH2 ", challenge()),
        step("", "M1 NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n"),
    ];
    let (session, heard) = log_in(GREETING, steps, &token()).await;
    let trouble = session.unwrap_err();
    assert!(matches!(&trouble, Trouble::TokenRefused { reason } if reason.ends_with("status 401")), "{trouble}");
    assert!(!trouble.to_string().contains("scope"));
    assert_eq!(heard.await.unwrap()[1], "");
}

#[tokio::test]
async fn without_sasl_ir_a_refused_token_is_acknowledged_too() {
    let steps = vec![
        step("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n{tag} OK done\r\n"),
        step("AUTHENTICATE XOAUTH2\r\n", "+ \r\n"),
        step("", challenge()),
        step("\r\n", "M2 NO AUTHENTICATE failed.\r\n"),
    ];
    let (session, _heard) = log_in("* OK ready\r\n", steps, &token()).await;
    assert_eq!(session.unwrap_err().kind(), "token-refused");
}

#[tokio::test]
async fn a_server_that_keeps_asking_is_left() {
    let steps = vec![step("AUTHENTICATE", "+ \r\n+ \r\n")];
    let (session, _heard) = log_in(GREETING, steps, &token()).await;
    assert_eq!(session.unwrap_err().kind(), "retry");
}

#[tokio::test]
async fn each_refusal_of_a_login_asks_for_what_helps() {
    let table = [
        ("{tag} NO AUTHENTICATE failed.\r\n", "token-refused"),
        ("{tag} NO [UNAVAILABLE] Temporary authentication failure.\r\n", "retry"),
        ("{tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n", "retry"),
        ("{tag} NO [WEBALERT https://accounts.example/x] Web login required.\r\n", "needs-reauth"),
        ("{tag} BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds\r\n", "retry"),
        ("* BYE Connection closed. 14\r\n", "retry"),
        ("nonsense\r\n", "retry"),
    ];
    for (answer, kind) in table {
        assert_eq!(refused(answer).await.kind(), kind, "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_during_login_is_tried_again_later() {
    let (session, _heard) = log_in(GREETING, vec![last("AUTHENTICATE", "")], &token()).await;
    assert_eq!(session.unwrap_err().kind(), "retry");
}

#[tokio::test]
async fn a_login_without_a_mailbox_needs_a_person() {
    let steps = vec![
        step("AUTHENTICATE", "{tag} OK done\r\n"),
        step("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n"),
        step("EXAMINE", "{tag} BAD User is authenticated but not connected.\r\n"),
    ];
    let (session, _heard) = log_in(GREETING, steps, &token()).await;
    let trouble = session.unwrap().examine("INBOX").await.unwrap_err();
    assert_eq!(trouble.kind(), "needs-reauth");
}

#[tokio::test]
async fn a_password_goes_by_plain_or_else_by_login() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN LOGINDISABLED] ready\r\n";
    let plain = STANDARD.encode("\0anna\0a \"b\" \\");
    let steps = vec![step(format!("AUTHENTICATE PLAIN {plain}"), "{tag} OK [CAPABILITY IMAP4rev1] in\r\n")];
    assert!(log_in(greeting, steps, &password()).await.0.is_ok());

    let steps = vec![step(r#"LOGIN "anna" "a \"b\" \\""#, "{tag} OK [CAPABILITY IMAP4rev1] in\r\n")];
    assert!(log_in("* OK [CAPABILITY IMAP4rev1] ready\r\n", steps, &password()).await.0.is_ok());
}

#[tokio::test]
async fn a_server_that_takes_no_such_login_is_the_operators_to_mend() {
    let none: fn() -> Vec<Step> = Vec::new;
    let disabled = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] ready\r\n";
    for (greeting, login) in [
        (disabled, password()),
        (disabled, token()),
        ("* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n", token()),
        ("* PREAUTH hello\r\n", token()),
    ] {
        assert_eq!(log_in(greeting, none(), &login).await.0.unwrap_err().kind(), "operator", "{greeting}");
    }
}

#[tokio::test]
async fn gmail_is_told_who_we_are() {
    let steps = vec![
        step("AUTHENTICATE", "* CAPABILITY IMAP4rev1 ID X-GM-EXT-1\r\n{tag} OK done\r\n"),
        step("ID (\"name\" \"mailtrail\"", "* ID (\"name\" \"GImap\")\r\n{tag} OK done\r\n"),
    ];
    let (session, heard) = log_in(GREETING, steps, &token()).await;
    assert!(session.unwrap().capabilities().gmail());
    assert_eq!(heard.await.unwrap().len(), 2);
}

/// What the text of a response may be, as servers write it in their own language and charset.
const WORDS: [&[u8]; 6] = [
    "[ALERT]é".as_bytes(),
    "[ALERT]é Ihr Postfach ist fast voll".as_bytes(),
    b"[ALERT]\xe9 in Latin-1",
    b"gr\xfc\xdfe [\xe4",
    "[X-ÅÄÖ] 你好".as_bytes(),
    b"a\0b",
];

#[tokio::test]
async fn what_a_server_says_to_people_in_any_charset_fails_no_command() {
    for words in WORDS {
        for kind in ["OK", "NO", "BAD"] {
            let said = [b"* ", kind.as_bytes(), b" ", words, b"\r\n"].concat();
            let answer = [&said[..], b"* 3 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n{tag} OK ", words, b"\r\n"].concat();
            let (mut session, heard) = session(vec![step("EXAMINE \"Sent\"", answer)]).await;
            let selected = session.examine("Sent").await.unwrap();
            assert_eq!((selected.exists, selected.uid_validity), (3, 5), "{kind} {}", String::from_utf8_lossy(words));
            after(session, heard).await;
        }
    }
}

#[tokio::test]
async fn a_farewell_or_a_refusal_in_any_charset_is_what_it_is() {
    for words in WORDS {
        let bye = [b"* BYE ", words, b"\r\n"].concat();
        let (mut session, heard) = session(vec![last("NOOP", bye)]).await;
        let trouble = session.noop().await.unwrap_err().to_string();
        assert!(!trouble.contains("not IMAP") && !trouble.contains("cannot take"), "{trouble}");
        after(session, heard).await;
        let no = [b"{tag} NO ", words, b"\r\n"].concat();
        let (mut session, heard) = self::session(vec![step("NOOP", no)]).await;
        session.noop().await.unwrap_err();
        assert!(session.usable(), "{}", String::from_utf8_lossy(words));
        after(session, heard).await;
    }
}
