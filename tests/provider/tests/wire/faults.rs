//! Each family of faults, as the client meets it.

use std::time::Duration;

use provider::{Fault, Profile, When};

use crate::client::{ANNA, Client, anna, mail};

/// A client with two messages before it.
async fn two_messages(profile: Profile) -> (provider::Provider, Client) {
    let (provider, mut client) = anna(profile).await;
    provider.mail.deliver(ANNA, "INBOX", mail("one", "One"));
    provider.mail.deliver(ANNA, "INBOX", mail("two", "Two"));
    client.ask("EXAMINE INBOX").await;
    (provider, client)
}

const BODIES: &str = "UID FETCH 1:* (BODY.PEEK[])";

#[tokio::test]
async fn a_fault_waits_for_its_verb_mailbox_uid_and_turn() {
    let (provider, mut client) = two_messages(Profile::Plain).await;
    let when = When::verb("uid fetch").user(ANNA).mailbox("INBOX").uid(2).containing("body.peek[]").after(1).times(2);
    provider.mail.inject(when, Fault::No("not now".to_owned()));
    assert!(client.ask("UID FETCH 1 (BODY.PEEK[])").await.contains("a OK"), "another UID");
    assert!(client.ask("UID FETCH 1:* (UID)").await.contains("a OK"), "no body");
    assert!(client.ask(BODIES).await.contains("a OK"), "its first turn is skipped");
    assert_eq!(client.ask(BODIES).await, "a NO not now\r\n");
    assert_eq!(client.ask(BODIES).await, "a NO not now\r\n");
    assert!(client.ask(BODIES).await.contains("a OK"), "two were asked for");
    provider.mail.inject(When::verb("STATUS").mailbox("Sent").always(), Fault::Bad("no".to_owned()));
    assert!(client.ask("STATUS INBOX (MESSAGES)").await.contains("a OK"));
    assert_eq!(client.ask("STATUS Sent (MESSAGES)").await, "a BAD no\r\n");
    provider.mail.clear_faults();
    assert!(client.ask("STATUS Sent (MESSAGES)").await.contains("a OK"));
}

#[tokio::test]
async fn refusals_have_the_words_of_the_provider() {
    for (profile, fault, words) in [
        (Profile::Gmail, Fault::Throttled(Duration::ZERO), "a OK Success [THROTTLED]\r\n"),
        (
            Profile::Gmail,
            Fault::OverQuota,
            "a NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)\r\n",
        ),
        (
            Profile::Exchange,
            Fault::Throttled(Duration::from_millis(92_415)),
            "a BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds\r\n",
        ),
        (Profile::Exchange, Fault::NotConnected, "a BAD User is authenticated but not connected.\r\n"),
        (Profile::Plain, Fault::Unavailable, "a NO [UNAVAILABLE] Temporary failure.\r\n"),
    ] {
        let (provider, mut client) = two_messages(profile).await;
        provider.mail.inject(When::verb("UID FETCH"), fault);
        let answer = client.ask(BODIES).await;
        assert!(answer.ends_with(words), "{answer}");
    }
}

#[tokio::test]
async fn a_bye_ends_with_close_notify_and_a_cut_without() {
    let (provider, mut client) = two_messages(Profile::Gmail).await;
    provider.mail.inject(When::verb("NOOP"), Fault::SessionExpired);
    assert_eq!(client.ask("NOOP").await, "* BYE Session expired, please login again.\r\n");
    assert!(client.end().await.is_ok());

    let mut client = Client::of(&provider).await;
    provider.mail.inject(When::verb("NOOP"), Fault::Bye("System Error".to_owned()));
    assert_eq!(client.ask("NOOP").await, "* BYE System Error\r\n");

    let mut client = Client::of(&provider).await;
    provider.mail.inject(When::verb("NOOP"), Fault::Cut);
    assert_eq!(client.ask("NOOP").await, "");
    assert!(client.end().await.is_err());
}

#[tokio::test]
async fn a_body_can_stop_in_the_middle() {
    let (provider, mut client) = two_messages(Profile::Plain).await;
    provider.mail.inject(When::verb("UID FETCH"), Fault::CutInLiteral);
    let answer = client.ask(BODIES).await;
    let whole = mail("one", "One");
    let half = &whole[..whole.len() / 2];
    assert_eq!(answer, format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n{half}", whole.len()));
    assert!(client.end().await.is_err());

    let mut client = Client::of(&provider).await;
    provider.mail.inject(When::verb("LIST"), Fault::CutInLiteral);
    assert!(!client.ask("LIST \"\" \"*\"").await.contains("a OK"));
}

#[tokio::test]
async fn lines_that_are_no_imap_come_before_the_answer() {
    let (provider, mut client) = two_messages(Profile::Exchange).await;
    provider.mail.inject(When::verb("NOOP"), Fault::Line("Server Unavailable. 15".to_owned()));
    provider.mail.inject(When::verb("NOOP"), Fault::Alert);
    provider.mail.inject(When::verb("NOOP"), Fault::DeepParentheses(1000));
    assert_eq!(client.ask("NOOP").await, "Server Unavailable. 15\r\na OK NOOP completed.\r\n");
    assert!(client.ask("NOOP").await.starts_with("* OK [ALERT]é"));
    assert!(client.ask("NOOP").await.contains(&"(".repeat(1000)));
}

#[tokio::test]
async fn literals_can_lie() {
    for announced in [400_000_000, 4_294_967_290] {
        let (provider, mut client) = two_messages(Profile::Plain).await;
        provider.mail.inject(When::default(), Fault::HugeLiteral(announced));
        client.send("a UID FETCH 1 (BODY.PEEK[])\r\n").await;
        assert_eq!(client.line().await, format!("* 1 FETCH (UID 1 BODY[] {{{announced}}}\r\n"));
        assert_eq!(client.line().await, "Subject: huge\r\n");
    }
    let (provider, mut client) = two_messages(Profile::Plain).await;
    let length = mail("one", "One").len();
    provider.mail.inject(When::default(), Fault::WrongLiteralLength(-3));
    assert!(client.ask(BODIES).await.contains(&format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n", length - 3)));
}

#[tokio::test]
async fn a_line_can_have_no_end() {
    let (provider, mut client) = two_messages(Profile::Plain).await;
    provider.mail.inject(When::verb("NOOP"), Fault::EndlessLine);
    client.send("a NOOP\r\n").await;
    let enough = client.bytes(300_000).await;
    assert!(enough.starts_with(b"* OK aaaa") && !enough.contains(&b'\n'));
}

#[tokio::test]
async fn an_ok_may_come_with_too_little_or_too_much() {
    let (provider, mut client) = two_messages(Profile::Plain).await;
    for (fault, uids) in [
        (Fault::MissingMessages(1), vec!["1"]),
        (Fault::DuplicateMessages, vec!["1", "1", "2", "2"]),
        (Fault::NoBody, vec!["1", "2"]),
    ] {
        provider.mail.inject(When::verb("UID FETCH"), fault.clone());
        let answer = client.ask(BODIES).await;
        assert!(answer.ends_with("a OK FETCH completed.\r\n"));
        let found: Vec<&str> = answer.split("FETCH (UID ").skip(1).map(|rest| &rest[..1]).collect();
        assert_eq!(found, uids, "{fault:?}");
        assert_eq!(answer.contains("BODY[]"), fault != Fault::NoBody);
    }
}

#[tokio::test]
async fn messages_can_vanish_between_the_list_and_the_fetch() {
    let (provider, mut client) = two_messages(Profile::Plain).await;
    provider.mail.inject(When::verb("UID FETCH").containing("BODY.PEEK[]"), Fault::ExpungeFirst);
    assert!(client.ask("UID FETCH 1:* (UID)").await.contains("UID 1"));
    assert_eq!(client.ask("UID FETCH 1 (BODY.PEEK[])").await, "* 1 EXPUNGE\r\na OK FETCH completed.\r\n");
    assert_eq!(provider.mail.uids(ANNA, "INBOX"), [2]);
}

#[tokio::test]
async fn a_slow_answer_is_the_right_one_and_a_hanging_server_says_nothing() {
    let (provider, mut client) = two_messages(Profile::Plain).await;
    provider.mail.inject(When::verb("UID FETCH"), Fault::Slow(Duration::from_millis(5)));
    assert!(client.ask(BODIES).await.ends_with("a OK FETCH completed.\r\n"));
    provider.mail.inject(When::verb("UID FETCH"), Fault::Hang);
    client.send("a UID FETCH 1 (UID)\r\nb NOOP\r\n").await;
    provider.mail.wait_for_command(|command| command.line == "a UID FETCH 1 (UID)").await;
    assert!(provider.mail.commands().iter().all(|command| command.verb != "NOOP"));
    drop(provider);
    assert_eq!(client.line().await, "");
}

#[tokio::test]
async fn a_greeting_can_fail_and_sessions_can_be_ended_from_outside() {
    let (provider, mut client) = two_messages(Profile::Exchange).await;
    provider.mail.inject(When::verb("GREETING"), Fault::Bye("Connection closed. 14".to_owned()));
    let refused = Client::tls(&provider.mail, "localhost").await.unwrap();
    assert_eq!(refused.greeting, "* BYE Connection closed. 14\r\n");
    client.send("i IDLE\r\n").await;
    client.line().await;
    provider.mail.kick(Some("nobody@ours.example"), "not you");
    provider.mail.kick(Some(ANNA), "Connection is closed. 13");
    assert_eq!(client.line().await, "* BYE Connection is closed. 13\r\n");
    let mut client = Client::of(&provider).await;
    provider.mail.cut(None);
    assert!(client.end().await.is_err());
}
