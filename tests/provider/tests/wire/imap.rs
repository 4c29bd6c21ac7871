//! Greetings, logins and what is particular to each profile.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provider::{Certificate, Logins, MailServer, MailSettings, OAuthSettings, Profile, Provider};

use crate::client::{ANNA, Client, anna, mail, sasl, sasl_with};

#[tokio::test]
async fn gmail_pushes_its_capabilities_before_the_tagged_ok() {
    let provider = Provider::start(Profile::Gmail).await;
    provider.create_user(ANNA);
    let mut client = Client::tls(&provider.mail, "localhost").await.unwrap();
    assert!(client.greeting.starts_with("* OK Gimap ready"));
    assert!(client.ask("CAPABILITY").await.contains("X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2"));
    let answer = client.ask(&format!("AUTHENTICATE XOAUTH2 {}", sasl(&provider, ANNA))).await;
    let lines: Vec<&str> = answer.lines().collect();
    assert!(lines[0].starts_with("* CAPABILITY IMAP4rev1") && lines[0].ends_with("APPENDLIMIT=35651584"), "{answer}");
    assert_eq!(lines[1], "a OK anna@ours.example authenticated (Success)");
    assert!(client.ask("ID (\"name\" \"mailtrail\")").await.contains("GImap"));
}

#[tokio::test]
async fn a_dead_token_is_explained_in_a_challenge_and_refused_after_an_empty_line() {
    let provider = Provider::start(Profile::Gmail).await;
    provider.create_user(ANNA);
    let response = sasl(&provider, ANNA);
    provider.oauth.expire_access(ANNA);
    let mut client = Client::tls(&provider.mail, "localhost").await.unwrap();
    client.send("b AUTHENTICATE XOAUTH2\r\n").await;
    assert_eq!(client.line().await, "+ \r\n");
    client.send(&format!("{response}\r\n")).await;
    let challenge = client.line().await;
    let json = STANDARD.decode(challenge.trim().strip_prefix("+ ").unwrap()).unwrap();
    assert!(String::from_utf8(json).unwrap().contains("\"status\":\"400\""));
    client.send("\r\n").await;
    assert_eq!(client.answer("b").await, "b NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n");
    let answer = client.ask(&format!("AUTHENTICATE XOAUTH2 {}", sasl(&provider, ANNA))).await;
    assert!(answer.contains("a OK"), "the same connection may try again: {answer}");
}

#[tokio::test]
async fn a_token_opens_no_other_mailbox_unless_it_is_shared() {
    let provider = Provider::start(Profile::Plain).await;
    provider.create_user(ANNA);
    provider.create_user("log@ours.example");
    let response = sasl_with("log@ours.example", &provider.oauth.access_token(ANNA));
    let mut client = Client::tls(&provider.mail, "localhost").await.unwrap();
    client.send(&format!("b AUTHENTICATE XOAUTH2 {response}\r\n")).await;
    assert!(client.line().await.starts_with("+ "));
    client.send("\r\n").await;
    assert!(client.answer("b").await.starts_with("b NO [AUTHENTICATIONFAILED]"));
    provider.mail.share("log@ours.example", ANNA);
    assert!(client.ask(&format!("AUTHENTICATE XOAUTH2 {response}")).await.contains("a OK"));
}

#[tokio::test]
async fn exchange_refuses_without_a_challenge_and_accepts_tokens_it_then_refuses() {
    let provider = Provider::start(Profile::Exchange).await;
    provider.create_user(ANNA);
    provider.create_user("log@ours.example");
    let mut client = Client::tls(&provider.mail, "localhost").await.unwrap();
    let dead = sasl_with(ANNA, "no-such-token");
    assert_eq!(client.ask(&format!("AUTHENTICATE XOAUTH2 {dead}")).await, "a NO AUTHENTICATE failed.\r\n");
    let foreign = sasl_with("log@ours.example", &provider.oauth.access_token(ANNA));
    assert_eq!(client.ask(&format!("AUTHENTICATE XOAUTH2 {foreign}")).await, "a OK AUTHENTICATE completed.\r\n");
    assert_eq!(client.ask("LIST \"\" \"*\"").await, "a BAD User is authenticated but not connected.\r\n");
}

#[tokio::test]
async fn exchange_ends_a_session_whose_token_has_expired() {
    let (provider, mut client) = anna(Profile::Exchange).await;
    assert!(client.ask("NOOP").await.starts_with("a OK"));
    provider.oauth.advance(std::time::Duration::from_secs(4000));
    assert_eq!(client.ask("EXAMINE INBOX").await, "* BYE Session invalidated - AccessTokenExpired\r\n");
    assert!(client.end().await.is_ok());
}

#[tokio::test]
async fn exchange_has_localised_names_estimated_sizes_and_no_condstore() {
    let (provider, mut client) = anna(Profile::Exchange).await;
    provider.mail.deliver(ANNA, "Skräppost", mail("one", "One"));
    let list = client.ask("LIST \"\" \"*\"").await;
    assert!(list.contains("* LIST (\\HasNoChildren \\Junk) \"/\" \"Skr&AOQ-ppost\"\r\n"), "{list}");
    assert!(!client.ask("CAPABILITY").await.contains("SPECIAL-USE"));
    assert_eq!(client.ask("EXAMINE INBOX (CONDSTORE)").await, "a BAD Command Argument Error. 11\r\n");
    let examined = client.ask("EXAMINE Skr&AOQ-ppost").await;
    assert!(examined.contains("[UIDVALIDITY 14]") && !examined.contains("HIGHESTMODSEQ"), "{examined}");
    let exact = mail("one", "One").len();
    let sized = client.ask("UID FETCH 1 (RFC822.SIZE)").await;
    assert!(!sized.contains(&format!("RFC822.SIZE {exact})")), "{sized}");
    assert!(client.ask("UID FETCH 1 (BODY.PEEK[])").await.contains(&format!("BODY[] {{{exact}}}")));
    assert_eq!(client.ask("UID FETCH 1 ()").await, "a BAD Command Argument Error. 11\r\n");
    assert_eq!(client.ask("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)").await, "a BAD Command Argument Error. 11\r\n");
    assert_eq!(client.ask("UID SEARCH KEYWORD x").await, "a BAD Command Argument Error. 11\r\n");
    assert!(client.ask("UID SEARCH CHARSET UTF-8 ALL").await.starts_with("a NO [BADCHARSET"));
    assert_eq!(client.ask("ENABLE IMAP4rev2").await, "a BAD Command Error. 12\r\n");
    assert_eq!(client.ask("STATUS Kalender (MESSAGES)").await, "a NO Server Unavailable. 15\r\n");
    client.ask("EXAMINE INBOX").await;
    assert_eq!(client.ask("FETCH 1:* (UID)").await, "a BAD The specified message set is invalid.\r\n");
}

#[tokio::test]
async fn all_mail_shows_everything_but_spam_and_trash_under_the_same_ids() {
    let (provider, mut client) = anna(Profile::Gmail).await;
    provider.mail.deliver(ANNA, Profile::Gmail.junk(), mail("spam", "Spam"));
    provider.mail.deliver(ANNA, "INBOX", mail("one", "One"));
    let sent = format!("References: <one@there.example>\r\n{}", mail("two", "Re: One"));
    provider.mail.deliver(ANNA, Profile::Gmail.sent(), sent);
    let other = format!("References: <one@there.example>\r\n{}", mail("three", "Another matter"));
    provider.mail.deliver(ANNA, "INBOX", other);
    client.ask("EXAMINE \"[Gmail]/All Mail\"").await;
    let all = client.ask("UID FETCH 1:* (X-GM-MSGID X-GM-THRID X-GM-LABELS)").await;
    let first = 10_664_221_785_176_062_002_u64;
    let expected = format!(
        "* 1 FETCH (UID 1 X-GM-MSGID {first} X-GM-THRID {first} X-GM-LABELS (\"\\\\Inbox\"))\r\n\
         * 2 FETCH (UID 2 X-GM-MSGID {} X-GM-THRID {first} X-GM-LABELS (\"\\\\Sent\"))\r\n\
         * 3 FETCH (UID 3 X-GM-MSGID {} X-GM-THRID {} X-GM-LABELS (\"\\\\Inbox\"))\r\na OK FETCH completed.\r\n",
        first + 1,
        first + 2,
        first + 2
    );
    assert_eq!(all, expected);
    provider.mail.copy(ANNA, Profile::Gmail.sent(), 1, "INBOX");
    let labels = client.ask("UID FETCH 2 (X-GM-LABELS)").await;
    assert!(labels.contains("X-GM-LABELS (\"\\\\Inbox\" \"\\\\Sent\")"), "{labels}");
    provider.mail.expunge(ANNA, "INBOX", 1);
    assert_eq!(provider.mail.uids(ANNA, "[Gmail]/All Mail"), [1, 2, 3], "only the label is gone");
    provider.mail.expunge(ANNA, "[Gmail]/All Mail", 2);
    assert!(provider.mail.uids(ANNA, Profile::Gmail.sent()).is_empty());
}

#[tokio::test]
async fn gmail_lists_special_uses_and_a_folder_that_cannot_be_opened() {
    let (_provider, mut client) = anna(Profile::Gmail).await;
    let list = client.ask("LIST \"\" \"*\" RETURN (SPECIAL-USE STATUS (MESSAGES UIDNEXT))").await;
    for expected in [
        "* LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"\r\n",
        "* LIST (\\All \\HasNoChildren) \"/\" \"[Gmail]/All Mail\"\r\n* STATUS \"[Gmail]/All Mail\" (MESSAGES 0 UIDNEXT 1)\r\n",
        "\\Junk",
    ] {
        assert!(list.contains(expected), "{expected} in {list}");
    }
    assert!(client.ask("LIST \"\" %").await.lines().count() == 3);
    assert!(client.ask("LIST \"\" \"\"").await.contains("(\\Noselect) \"/\" \"\""));
    assert_eq!(client.ask("EXAMINE \"[Gmail]\"").await, "a NO [NONEXISTENT] Unknown Mailbox (Failure)\r\n");
}

#[tokio::test]
async fn passwords_and_tokens_are_masked_in_the_record() {
    let settings = MailSettings { profile: Profile::Plain, logins: Logins::Passwords, certificate: None };
    let server = MailServer::start_with(settings).await;
    server.create_user(ANNA, Some("pass \"word\""));
    let mut client = Client::plaintext(&server).await;
    assert!(client.ask("LOGIN anna@ours.example wrong").await.starts_with("a NO [AUTHENTICATIONFAILED]"));
    let plain = STANDARD.encode("\0anna@ours.example\0pass \"word\"");
    assert!(client.ask(&format!("AUTHENTICATE PLAIN {plain}")).await.starts_with("a OK [CAPABILITY IMAP4rev1"));
    assert!(client.ask("LOGOUT").await.starts_with("* BYE"));
    let mut client = Client::plaintext(&server).await;
    client.send("b LOGIN {17}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("anna@ours.example \"pass \\\"word\\\"\"\r\n").await;
    assert!(client.answer("b").await.starts_with("b OK"));
    let lines: Vec<String> = server.commands().into_iter().map(|command| command.line).collect();
    assert_eq!(
        lines,
        ["a LOGIN anna@ours.example ***", "a AUTHENTICATE PLAIN ***", "a LOGOUT", "b LOGIN \"anna@ours.example\" ***"]
    );
}

#[tokio::test]
async fn commands_carry_user_and_mailbox_and_can_be_waited_for() {
    let (provider, mut client) = anna(Profile::Exchange).await;
    client.ask("EXAMINE Skr&AOQ-ppost").await;
    client.send("i IDLE\r\n").await;
    let idle = provider.mail.wait_for_command(|command| command.verb == "IDLE").await;
    assert_eq!((idle.user.as_deref(), idle.mailbox.as_deref()), (Some(ANNA), Some("Skräppost")));
    assert!(provider.mail.bytes_sent() > 100);
    provider.mail.clear_commands();
    assert!(provider.mail.commands().is_empty());
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let (_provider, mut client) = anna(Profile::Plain).await;
    for command in ["STORE 1 +FLAGS (\\Seen)", "NAMESPACE", "UID EXPUNGE 1", "FETCH 1 (UID)", "STATUS INBOX (SIZE)"] {
        assert!(client.ask(command).await.starts_with("a BAD"), "{command}");
    }
    client.ask("EXAMINE INBOX").await;
    assert!(client.ask("UNSELECT").await.starts_with("a OK"));
    assert!(client.ask("UID FETCH 1 (UID)").await.starts_with("a BAD"));
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("* BAD"));
}

#[tokio::test]
async fn bad_certificates_are_bad() {
    for certificate in [Certificate::OtherAuthority, Certificate::OtherName, Certificate::Expired] {
        let provider = Provider::start_with(Profile::Plain, OAuthSettings::default(), certificate).await;
        assert!(Client::tls(&provider.mail, "localhost").await.is_err(), "{certificate:?}");
    }
    let provider = Provider::start(Profile::Plain).await;
    assert!(Client::tls(&provider.mail, "127.0.0.1").await.is_ok());
}

#[tokio::test]
async fn a_dropped_provider_ends_its_connections() {
    let (provider, mut client) = anna(Profile::Plain).await;
    let port = provider.mail.port();
    drop(provider);
    assert!(client.line().await.is_empty());
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
}
