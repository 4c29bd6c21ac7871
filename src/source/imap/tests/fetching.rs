use chrono::NaiveDate;

use super::{after, last, session, session_with, step};
use crate::source::imap::Role;
use crate::trouble::Trouble;

#[tokio::test]
async fn mailboxes_are_told_by_their_attributes() {
    let list = concat!(
        "* LIST (\\HasNoChildren) \"/\" inbox\r\n",
        "* LIST (\\HasChildren \\Noselect) \"/\" \"[Gmail]\"\r\n",
        "* LIST (\\All \\HasNoChildren) \"/\" \"[Gmail]/Wszystkie\"\r\n",
        "* LIST (\\sent) \"/\" \"Elementy wys&AUI-ane\"\r\n",
        "* LIST (\\HasNoChildren \\NonExistent) \"/\" gone\r\n",
        "* LIST () \"/\" \"a \\\"b\\\" \\\\c\"\r\n",
        "* LIST () \"/\" {7}\r\nlit (er\r\n",
        "{tag} OK done\r\n",
    );
    let (mut session, heard) = session(vec![
        step("LIST \"\" \"*\"\r\n", list),
        step("EXAMINE \"a \\\"b\\\" \\\\c\"", "* OK [UIDVALIDITY 1] x\r\n{tag} OK x\r\n"),
    ])
    .await;
    let found = session.mailboxes().await.unwrap();
    let seen: Vec<_> = found.iter().map(|m| (m.name.as_str(), m.roles.first().copied(), m.selectable)).collect();
    assert_eq!(
        seen,
        [
            ("INBOX", Some(Role::Inbox), true),
            ("[Gmail]", None, false),
            ("[Gmail]/Wszystkie", Some(Role::All), true),
            ("Elementy wysłane", Some(Role::Sent), true),
            ("gone", None, false),
            ("a \"b\" \\c", None, true),
            ("lit (er", None, true),
        ]
    );
    session.examine(&found[5].wire_name).await.unwrap();
    after(session, heard).await;
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_free_of_what_nobody_asked_for() {
    let answer = concat!(
        "* 9 FETCH (UID 12 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 300)\r\n",
        "* 8 FETCH (UID 10 FLAGS (\\Seen) RFC822.SIZE 100)\r\n",
        "* 7 FETCH (FLAGS (\\Seen))\r\n",
        "* 7 FETCH (UID 11 FLAGS (\\Seen))\r\n",
        "* 10 EXISTS\r\n",
        "* 9 FETCH (UID 12 RFC822.SIZE 999)\r\n",
        "* 6 FETCH (UID 9 RFC822.SIZE 50)\r\n",
        "{tag} OK done\r\n",
    );
    let (mut session, heard) = session(vec![step("UID FETCH 10:* (UID INTERNALDATE RFC822.SIZE)\r\n", answer)]).await;
    let listed = session.list(10, None).await.unwrap();
    let seen: Vec<_> = listed.iter().map(|l| (l.uid, l.size, l.internal_date.is_some())).collect();
    assert_eq!(seen, [(10, 100, false), (12, 300, true)]);
    after(session, heard).await;
}

#[tokio::test]
async fn nothing_is_asked_of_an_empty_mailbox() {
    let empty = "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n{tag} OK done\r\n";
    let (mut session, heard) = session(vec![step("EXAMINE", empty)]).await;
    session.examine("Sent").await.unwrap();
    assert!(session.list(1, None).await.unwrap().is_empty());
    assert!(session.uids(1, None).await.unwrap().is_empty());
    assert_eq!(after(session, heard).await.len(), 1);
}

#[tokio::test]
async fn a_mailbox_without_uidvalidity_is_no_quiet_mailbox() {
    let (mut session, _heard) = session(vec![step("EXAMINE", "* 3 EXISTS\r\n{tag} OK done\r\n")]).await;
    assert_eq!(session.examine("Sent").await.unwrap_err().kind(), "retry");
}

#[tokio::test]
async fn a_refused_examine_leaves_no_empty_mailbox_behind() {
    let (mut session, _heard) = session(vec![
        step("EXAMINE", "* 0 EXISTS\r\n{tag} NO [NONEXISTENT] no such mailbox\r\n"),
        step("UID FETCH", "{tag} BAD no mailbox selected\r\n"),
    ])
    .await;
    assert_eq!(session.examine("Sent").await.unwrap_err().kind(), "retry");
    assert_eq!(session.list(1, None).await.unwrap_err().kind(), "retry");
}

#[tokio::test]
async fn no_and_bad_are_never_an_empty_answer() {
    let table = [
        ("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n{tag} NO [UNAVAILABLE] later\r\n", "retry"),
        ("{tag} BAD Command Argument Error. 11\r\n", "retry"),
        ("{tag} NO [THROTTLED] slow down\r\n", "retry"),
        ("* BYE Session invalidated - AccessTokenExpired\r\n", "reconnect"),
    ];
    for (answer, kind) in table {
        let (mut first, _heard) = session(vec![step("UID FETCH", answer)]).await;
        assert_eq!(first.list(10, None).await.unwrap_err().kind(), kind, "{answer}");
        let (mut second, _heard) = session(vec![step("UID SEARCH", answer)]).await;
        assert_eq!(second.uids(10, None).await.unwrap_err().kind(), kind, "{answer}");
        let (mut third, _heard) = session(vec![step("NOOP", answer)]).await;
        assert_eq!(third.noop().await.unwrap_err().kind(), kind, "{answer}");
    }
}

#[tokio::test]
async fn the_end_of_the_connection_is_never_an_empty_answer() {
    for answer in ["", "* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n", "* 1 FETCH (UID 10 BODY[] {100}\r\nhalf"] {
        let (mut session, _heard) = session(vec![last("UID FETCH", answer)]).await;
        assert_eq!(session.list(10, None).await.unwrap_err().kind(), "reconnect", "{answer}");
        assert!(!session.usable());
        assert_eq!(session.noop().await.unwrap_err().kind(), "reconnect");
    }
}

#[tokio::test]
async fn a_throttled_ok_is_an_answer_and_a_hint() {
    let answer = "* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n{tag} OK Success [THROTTLED]\r\n";
    let (mut session, _heard) = session(vec![step("UID FETCH", answer)]).await;
    assert_eq!(session.list(10, None).await.unwrap().len(), 1);
    assert!(session.throttled() && session.usable());
}

#[tokio::test]
async fn a_junk_line_ends_the_session_and_is_not_repeated() {
    let (mut session, _heard) = session(vec![step("UID FETCH", "Subject: quarterly secret\r\n")]).await;
    let trouble = session.list(10, None).await.unwrap_err();
    assert_eq!(trouble.kind(), "message");
    assert!(!trouble.to_string().contains("secret"));
    assert!(!session.usable());
}

#[tokio::test]
async fn a_panic_of_the_parser_ends_the_session_only() {
    let answer = "* 1 FETCH (UID 10 INTERNALDATE NIL)\r\n";
    let (mut session, _heard) = session(vec![step("UID FETCH", answer)]).await;
    assert_eq!(session.list(10, None).await.unwrap_err().kind(), "message");
    assert!(!session.usable());
}

#[tokio::test]
async fn a_search_filters_the_star_and_asks_one_day_earlier() {
    let (mut session, heard) = session(vec![
        step("UID SEARCH UID 10:*\r\n", "* SEARCH 9 12\r\n* SEARCH 11\r\n{tag} OK done\r\n"),
        step("UID SEARCH UID 5:* SINCE 28-Feb-2026\r\n", "* SEARCH\r\n{tag} OK done\r\n"),
    ])
    .await;
    assert_eq!(session.uids(10, None).await.unwrap(), [11, 12]);
    let date = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    assert!(session.since(date, 5).await.unwrap().is_empty());
    after(session, heard).await;
}

#[tokio::test]
async fn a_large_mailbox_is_searched_in_windows() {
    let large = "* 70000 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 80001] ok\r\n{tag} OK done\r\n";
    let (mut session, heard) = session(vec![
        step("EXAMINE", large),
        step("UID SEARCH UID 1:50000\r\n", "* SEARCH 3\r\n{tag} OK done\r\n"),
        step("UID SEARCH UID 50001:*\r\n", "* SEARCH 80000\r\n{tag} OK done\r\n"),
    ])
    .await;
    session.examine("All").await.unwrap();
    assert_eq!(session.uids(1, None).await.unwrap(), [3, 80_000]);
    after(session, heard).await;
}

#[tokio::test]
async fn headers_are_asked_for_at_once_and_come_with_the_providers_ids() {
    let answer = concat!(
        "* 3 FETCH (X-GM-THRID 18446744073709551615 X-GM-MSGID 5 UID 12 BODY[HEADER.FIELDS (FROM)] {9}\r\nFrom: b\r\n)\r\n",
        "* 1 FETCH (FLAGS ())\r\n",
        "* 1 FETCH (UID 10 BODY[HEADER.FIELDS (\"FROM\")] {9}\r\nFrom: a\r\n X-GM-MSGID 4 X-GM-THRID 4 FLAGS (\\Seen \\draft))\r\n",
        "* 1 FETCH (UID 10 BODY[HEADER.FIELDS (FROM)] {9}\r\nFrom: x\r\n)\r\n",
        "{tag} OK done\r\n",
    );
    let ask = "UID FETCH 10:12 (UID BODY.PEEK[HEADER.FIELDS (FROM TO)] X-GM-MSGID X-GM-THRID FLAGS)\r\n";
    let (mut session, heard) = session_with("X-GM-EXT-1", &super::limits(), vec![step(ask, answer)]).await;
    let headers = session.headers(&[12, 10, 11], &["FROM", "TO"]).await.unwrap();
    let seen: Vec<_> = headers.iter().map(|h| (h.uid, &h.bytes[..], h.provider_thread.as_deref())).collect();
    assert_eq!(headers.iter().map(|header| header.draft).collect::<Vec<_>>(), [true, false]);
    assert_eq!(seen, [(10, &b"From: a\r\n"[..], Some("4")), (12, b"From: b\r\n", Some("18446744073709551615"))]);
    after(session, heard).await;
}

#[tokio::test]
async fn object_ids_are_asked_for_where_there_are_some() {
    let answer = "* 1 FETCH (UID 10 EMAILID (M1) THREADID NIL BODY[HEADER.FIELDS (FROM)] \"\")\r\n{tag} OK done\r\n";
    let (mut session, _heard) =
        session_with("OBJECTID", &super::limits(), vec![step("] EMAILID THREADID)", answer)]).await;
    let headers = session.headers(&[10], &["FROM"]).await.unwrap();
    assert_eq!(headers[0].provider_message.as_deref(), Some("M1"));
    assert_eq!(headers[0].provider_thread, None);
}

#[tokio::test]
async fn of_returned_mail_its_id_is_asked_for_and_a_server_may_have_none() {
    let ask = "UID FETCH 7:8 (UID BODY.PEEK[3.HEADER.FIELDS (MESSAGE-ID)])\r\n";
    let answer = concat!(
        "* 1 FETCH (UID 7 BODY[3.HEADER.FIELDS (MESSAGE-ID)] {19}\r\nMessage-ID: <a@b>\r\n)\r\n",
        "* 2 FETCH (UID 8 BODY[3.HEADER.FIELDS (MESSAGE-ID)] NIL)\r\n{tag} OK done\r\n",
    );
    let (mut session, heard) = session(vec![step(ask, answer), step(ask, "{tag} BAD no such part\r\n")]).await;
    let found = session.returned_ids(&[7, 8]).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(7, b"Message-ID: <a@b>\r\n".to_vec())]);
    assert!(session.returned_ids(&[7, 8]).await.unwrap().is_empty());
    after(session, heard).await;
}

#[tokio::test]
async fn a_header_set_refused_as_a_whole_is_asked_for_one_by_one() {
    let (mut session, _heard) = session(vec![
        step("UID FETCH 10:11 ", "{tag} NO cannot\r\n"),
        step("UID FETCH 10 ", "* 1 FETCH (UID 10 BODY[HEADER.FIELDS (FROM)] \"\")\r\n{tag} OK done\r\n"),
        step("UID FETCH 11 ", "{tag} NO cannot\r\n"),
        step("NOOP", "{tag} OK done\r\n"),
    ])
    .await;
    let trouble = session.headers(&[10, 11], &["FROM"]).await.unwrap_err();
    assert!(matches!(trouble, Trouble::Refused { uid: 11, whole: false, .. }), "{trouble}");
    session.noop().await.unwrap();
}

#[tokio::test]
async fn a_server_hands_messages_out_if_any_of_them_comes() {
    let refused = "{tag} NO cannot\r\n";
    let gone = "{tag} OK done\r\n";
    let another = "* 1 FETCH (UID 9 BODY[]<0> \"a\")\r\n{tag} OK done\r\n";
    let there = "* 3 FETCH (UID 12 BODY[]<0> \"a\")\r\n{tag} OK done\r\n";
    let (mut session, _heard) = session(vec![
        step("UID FETCH 10 (UID BODY.PEEK[]<0.1>)", refused),
        step("UID FETCH 11 ", another),
        step("UID FETCH 12 ", there),
        step("UID FETCH 10 (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])", refused),
        step("UID FETCH 11 ", gone),
    ])
    .await;
    assert_eq!(session.hands_out(&[10, 11, 12, 13], true).await, Ok(true));
    assert_eq!(session.hands_out(&[10, 11], false).await, Ok(false));
    assert_eq!(session.hands_out(&[], true).await, Ok(false));
}
