//! What a sync worker does, from login to IDLE.

use provider::{Profile, UidNext};

use crate::client::{ANNA, anna, mail};

#[tokio::test]
async fn a_watcher_lists_examines_and_fetches_without_a_trace() {
    let (provider, mut client) = anna(Profile::Plain).await;
    let uid = provider.mail.deliver(ANNA, "INBOX", mail("one", "Hello"));
    let list = client.ask("LIST \"\" \"*\"").await;
    assert!(list.contains("* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n"), "{list}");
    let examined = client.ask("EXAMINE INBOX (CONDSTORE)").await;
    for expected in ["* 1 EXISTS", "[UIDVALIDITY 1700000000]", "[UIDNEXT 2]", "[HIGHESTMODSEQ 2]", "a OK [READ-ONLY]"] {
        assert!(examined.contains(expected), "{expected} in {examined}");
    }
    let fetched = client
        .ask("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY[HEADER.FIELDS (Message-ID TO)] BODY[]<5.10>)")
        .await;
    let head = "Message-ID: <one@there.example>\r\nTo: anna@ours.example,\r\n\tlog@ours.example\r\n\r\n";
    let expected = format!(
        "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \" 1-Jan-2026 00:00:01 +0000\" RFC822.SIZE {} \
         BODY[HEADER.FIELDS (MESSAGE-ID TO)] {{{}}}\r\n{head} BODY[]<5> {{10}}\r\nge-ID: <on)\r\na OK",
        mail("one", "Hello").len(),
        head.len()
    );
    assert!(fetched.starts_with(&expected), "{fetched}\n{expected}");
    assert!(provider.mail.flags(ANNA, "INBOX", uid).is_empty());
    assert!(provider.mail.commands().iter().all(|command| command.verb != "SELECT"));
}

#[tokio::test]
async fn a_body_fetched_without_peek_after_select_is_seen() {
    let (provider, mut client) = anna(Profile::Plain).await;
    let uid = provider.mail.deliver(ANNA, "INBOX", mail("one", "Hello"));
    client.ask("SELECT INBOX").await;
    client.ask("UID FETCH 1 BODY.PEEK[]").await;
    assert!(provider.mail.flags(ANNA, "INBOX", uid).is_empty());
    client.ask("UID FETCH 1 BODY[]").await;
    assert_eq!(provider.mail.flags(ANNA, "INBOX", uid), ["\\Seen"]);
    assert_eq!(provider.mail.commands().iter().filter(|command| command.verb == "SELECT").count(), 1);
}

#[tokio::test]
async fn a_range_beyond_the_end_returns_the_last_message() {
    let (provider, mut client) = anna(Profile::Gmail).await;
    provider.mail.deliver(ANNA, "INBOX", mail("one", "One"));
    provider.mail.deliver_uid(ANNA, "INBOX", mail("two", "Two"), 40);
    client.ask("EXAMINE INBOX").await;
    let fetched = client.ask("UID FETCH 900:* (UID)").await;
    assert_eq!(fetched, "* 2 FETCH (UID 40)\r\na OK FETCH completed.\r\n");
    assert!(client.ask("UID FETCH 2:39 (UID)").await.starts_with("a OK"));
}

#[tokio::test]
async fn idle_tells_of_new_and_of_lost_messages_at_once() {
    let (provider, mut client) = anna(Profile::Gmail).await;
    let first = provider.mail.deliver(ANNA, "INBOX", mail("one", "One"));
    client.ask("EXAMINE INBOX").await;
    client.send("i IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling\r\n");
    provider.mail.deliver(ANNA, "INBOX", mail("two", "Two"));
    assert_eq!(client.line().await, "* 2 EXISTS\r\n");
    provider.mail.expunge(ANNA, "INBOX", first);
    assert_eq!(client.line().await, "* 1 EXPUNGE\r\n");
    provider.mail.say(Some(ANNA), "* OK Still here");
    assert_eq!(client.line().await, "* OK Still here\r\n");
    client.send("DONE\r\n").await;
    assert!(client.answer("i").await.starts_with("i OK"));
}

#[tokio::test]
async fn searches_combine_uids_dates_and_headers() {
    let (provider, mut client) = anna(Profile::Gmail).await;
    let old = chrono::DateTime::parse_from_rfc3339("2020-05-06T23:59:59Z").unwrap().to_utc();
    provider.mail.deliver_at(ANNA, "INBOX", mail("old", "Old"), old);
    provider.mail.deliver(ANNA, "INBOX", mail("new", "New"));
    provider.mail.deliver(ANNA, "INBOX", mail("newer", "Newer"));
    client.ask("EXAMINE INBOX").await;
    for (keys, found) in [
        ("ALL", "* SEARCH 1 2 3\r\n"),
        ("UID 2:*", "* SEARCH 2 3\r\n"),
        ("UID 9:*", "* SEARCH 3\r\n"),
        ("SINCE 7-May-2020", "* SEARCH 2 3\r\n"),
        ("SINCE 06-May-2020 UID 1:2", "* SEARCH 1 2\r\n"),
        ("HEADER Message-ID \"<NEW@there.example>\"", "* SEARCH 2\r\n"),
        ("OR HEADER SUBJECT old (NOT UID 1:2)", "* SEARCH 1 3\r\n"),
        ("X-GM-RAW \"rfc822msgid:newer@there.example\"", "* SEARCH 3\r\n"),
        ("HEADER X-None \"\"", "* SEARCH\r\n"),
    ] {
        let answer = client.ask(&format!("UID SEARCH {keys}")).await;
        assert!(answer.starts_with(found), "{keys}: {answer}");
    }
    client.send("s UID SEARCH HEADER Subject {5}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("newer\r\n").await;
    assert!(client.answer("s").await.starts_with("* SEARCH 3\r\n"));
    assert!(client.ask("UID SEARCH RETURN (MIN) ALL").await.starts_with("a BAD"));
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let (_provider, mut client) = anna(Profile::Plain).await;
    client.send("x EXAMINE \"INBOX\"\r\ny EXAMINE {4+}\r\nSent\r\nz NOOP\r\n").await;
    let all = client.answer("z").await;
    let tagged: Vec<&str> = all.lines().filter(|line| !line.starts_with('*')).map(|line| &line[..4]).collect();
    assert_eq!(tagged, ["x OK", "y OK", "z OK"]);
}

#[tokio::test]
async fn uidnext_can_be_missing_or_wrong_and_the_epoch_can_change() {
    let (provider, mut client) = anna(Profile::Plain).await;
    provider.mail.deliver_uid(ANNA, "INBOX", mail("one", "One"), 7);
    provider.mail.set_uid_next(ANNA, "INBOX", UidNext::Omitted);
    assert!(!client.ask("EXAMINE INBOX").await.contains("UIDNEXT"));
    assert_eq!(
        client.ask("STATUS INBOX (MESSAGES UIDNEXT)").await.lines().next().unwrap(),
        "* STATUS \"INBOX\" (MESSAGES 1)"
    );
    provider.mail.set_uid_next(ANNA, "INBOX", UidNext::Says(3));
    assert!(client.ask("EXAMINE INBOX").await.contains("[UIDNEXT 3]"));
    provider.mail.renumber(ANNA, "INBOX", 99);
    provider.mail.set_uid_next(ANNA, "INBOX", UidNext::Real);
    let examined = client.ask("EXAMINE INBOX").await;
    assert!(examined.contains("[UIDVALIDITY 99]") && examined.contains("[UIDNEXT 2]"), "{examined}");
    assert_eq!(provider.mail.uids(ANNA, "INBOX"), [1]);
}

#[tokio::test]
async fn only_changed_messages_come_with_changedsince() {
    let (provider, mut client) = anna(Profile::Plain).await;
    let one = provider.mail.deliver(ANNA, "INBOX", mail("one", "One"));
    provider.mail.deliver(ANNA, "INBOX", mail("two", "Two"));
    client.ask("ENABLE CONDSTORE").await;
    client.ask("EXAMINE INBOX").await;
    provider.mail.set_flags(ANNA, "INBOX", one, &["\\Draft"]);
    let answer = client.ask("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 3)").await;
    assert!(answer.starts_with("* 1 FETCH (UID 1 FLAGS (\\Draft) MODSEQ (4))\r\na OK"), "{answer}");
}
