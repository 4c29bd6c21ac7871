use super::{Step, after, last, limits, session, session_with, step};
use crate::source::imap::{Bodies, Body, Budget, Limits, Listed, Session};
use crate::trouble::Trouble;

fn listed(messages: &[(u32, u32)]) -> Vec<Listed> {
    messages.iter().map(|(uid, size)| Listed { uid: *uid, size: *size, internal_date: None }).collect()
}

fn message(uid: u32, text: &str) -> String {
    format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n{text})\r\n", text.len())
}

fn slice(offset: u32, text: &str) -> String {
    format!("* 1 FETCH (BODY[]<{offset}> {{{}}}\r\n{text} UID 10)\r\n{{tag}} OK done\r\n", text.len())
}

/// What arrives, with `None` for what is gone, and how it ended.
async fn fetch(session: &mut Session, wanted: &[Listed]) -> (Vec<(u32, Option<String>)>, Result<(), Trouble>) {
    let (out, mut arriving) = Bodies::channel(&Budget::new(1 << 20));
    let collect = async {
        let mut seen = Vec::new();
        while let Some(body) = arriving.recv().await {
            seen.push(match body {
                Body::Arrived { uid, bytes, .. } => (uid, Some(String::from_utf8(bytes).unwrap())),
                Body::Gone { uid } => (uid, None),
            });
        }
        seen
    };
    let send = async move { session.bodies(wanted, &out).await };
    let (ended, seen) = tokio::join!(send, collect);
    (seen, ended)
}

fn seen(messages: &[(u32, Option<&str>)]) -> Vec<(u32, Option<String>)> {
    messages.iter().map(|(uid, text)| (*uid, text.map(str::to_owned))).collect()
}

#[tokio::test]
async fn the_next_group_is_asked_for_before_the_last_one_has_come() {
    let both = [
        message(10, "ten"),
        message(11, "eleven"),
        "{before} OK done\r\n".to_owned(),
        message(12, "twelve"),
        "{tag} OK done\r\n".to_owned(),
    ];
    let small = Limits { batch_messages: 2, ..limits() };
    let steps = vec![step("UID FETCH 10:11 (UID BODY.PEEK[])\r\n", ""), step("UID FETCH 12 ", both.concat())];
    let (mut session, heard) = session_with("X-NONE", &small, steps).await;
    let (got, ended) = fetch(&mut session, &listed(&[(12, 5), (10, 5), (11, 5)])).await;
    assert_eq!(got, seen(&[(10, Some("ten")), (11, Some("eleven")), (12, Some("twelve"))]));
    assert_eq!(ended, Ok(()));
    after(session, heard).await;
}

#[tokio::test]
async fn a_group_ends_at_its_bytes() {
    let small = Limits { batch_bytes: 10, ..limits() };
    let done = |uid| message(uid, "x") + "{tag} OK done\r\n";
    let steps = vec![step("UID FETCH 10 ", done(10)), step("UID FETCH 11 ", done(11))];
    let (mut session, heard) = session_with("X-NONE", &small, steps).await;
    assert_eq!(fetch(&mut session, &listed(&[(10, 6), (11, 6)])).await.1, Ok(()));
    after(session, heard).await;
}

#[tokio::test]
async fn messages_come_in_uid_order_whatever_the_server_does_and_what_is_missing_is_gone() {
    let answer = [
        message(14, "fourteen"),
        "* 5 FETCH (FLAGS (\\Seen) UID 12)\r\n* 3 EXPUNGE\r\n".to_owned(),
        message(10, "ten"),
        message(10, "again"),
        message(99, "never asked for"),
        message(13, "thirteen"),
        "{tag} OK done\r\n".to_owned(),
    ];
    let steps = vec![
        step("UID FETCH 10:14 ", answer.concat()),
        step("UID SEARCH UID 11:12\r\n", "* SEARCH\r\n{tag} OK done\r\n"),
    ];
    let (mut session, _heard) = session(steps).await;
    let wanted = listed(&[(10, 5), (11, 5), (12, 5), (13, 5), (14, 5)]);
    let (got, ended) = fetch(&mut session, &wanted).await;
    assert_eq!(got, seen(&[(10, Some("ten")), (11, None), (12, None), (13, Some("thirteen")), (14, Some("fourteen"))]));
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn a_message_that_an_ok_leaves_out_is_asked_for_again_if_the_server_still_has_it() {
    let small = Limits { batch_messages: 2, ..limits() };
    let flags_only = "* 1 FETCH (UID 10 FLAGS ())\r\n".to_owned();
    let both = [flags_only, message(11, "eleven"), "{before} OK done\r\n".to_owned()];
    let steps = vec![
        step("UID FETCH 10:11 ", ""),
        step("UID FETCH 12 ", both.concat() + &message(12, "twelve") + "{tag} OK done\r\n"),
        step("UID SEARCH UID 10\r\n", "* SEARCH 10\r\n{tag} OK done\r\n"),
        step("UID FETCH 10 ", message(10, "ten") + "{tag} OK done\r\n"),
        step("UID FETCH 11 ", message(11, "eleven") + "{tag} OK done\r\n"),
        step("UID FETCH 12 ", message(12, "twelve") + "{tag} OK done\r\n"),
    ];
    let (mut session, _heard) = session_with("X-NONE", &small, steps).await;
    let (got, ended) = fetch(&mut session, &listed(&[(10, 5), (11, 5), (12, 5)])).await;
    let expected = seen(&[(10, Some("ten")), (11, Some("eleven")), (12, Some("twelve"))]);
    assert_eq!((got, ended), (expected, Ok(())));
}

#[tokio::test]
async fn a_message_that_never_comes_and_is_still_there_is_not_gone() {
    let nothing = || "{tag} OK done\r\n".to_owned();
    let there = || "* SEARCH 10\r\n{tag} OK done\r\n".to_owned();
    let group = vec![
        step("UID FETCH", nothing()),
        step("SEARCH", there()),
        step("FETCH 10 ", nothing()),
        step("SEARCH", there()),
    ];
    let slices = vec![step("<0.4>", nothing()), step("<4.4>", nothing()), step("SEARCH", there())];
    for (size, steps) in [(4, group), (5, slices)] {
        let small = Limits { slice_bytes: 4, ..limits() };
        let (mut session, _heard) = session_with("X-NONE", &small, steps).await;
        let (got, ended) = fetch(&mut session, &listed(&[(10, size)])).await;
        assert!(got.is_empty() && matches!(ended, Err(Trouble::Message { uid: 10, .. })), "{ended:?}");
    }
}

#[tokio::test]
async fn a_server_that_fails_over_a_message_refuses_that_message() {
    let bug = "{tag} NO [SERVERBUG] Internal error occurred.\r\n";
    let (mut session, _heard) = session(vec![step("UID FETCH 10 ", bug), step("UID FETCH 10 ", bug)]).await;
    let (_, ended) = fetch(&mut session, &listed(&[(10, 5)])).await;
    assert!(matches!(ended, Err(Trouble::Refused { uid: 10, whole: true, .. })), "{ended:?}");
}

#[tokio::test]
async fn a_long_message_comes_in_slices_until_one_is_short() {
    let small = Limits { slice_bytes: 4, ..limits() };
    // Announced as 5 bytes long, which Exchange only guesses.
    let steps = vec![
        step("UID FETCH 10 (UID BODY.PEEK[]<0.4>)\r\n", slice(0, "abcd")),
        step("UID FETCH 10 (UID BODY.PEEK[]<4.4>)\r\n", slice(4, "efgh")),
        step("UID FETCH 10 (UID BODY.PEEK[]<8.4>)\r\n", slice(8, "ij")),
        step("UID FETCH 11 (UID BODY.PEEK[])\r\n", message(11, "x") + "{tag} OK done\r\n"),
    ];
    let (mut session, heard) = session_with("X-NONE", &small, steps).await;
    let (got, ended) = fetch(&mut session, &listed(&[(10, 5), (11, 1)])).await;
    assert_eq!(got, seen(&[(10, Some("abcdefghij")), (11, Some("x"))]));
    assert_eq!(ended, Ok(()));
    after(session, heard).await;
}

#[tokio::test]
async fn a_server_may_work_on_several_commands_at_once() {
    let small = Limits { slice_bytes: 4, batch_messages: 1, ..limits() };
    let piece = |offset, text: &str| format!("* 1 FETCH (UID 10 BODY[]<{offset}> {{{}}}\r\n{text})\r\n", text.len());
    let done = "{before} OK done\r\n{tag} OK done\r\n";
    let reversed = "{tag} OK done\r\n{before} OK done\r\n";
    for (end, slices) in [(done, [piece(0, "abcd"), piece(4, "ef")]), (reversed, [piece(4, "ef"), piece(0, "abcd")])] {
        let steps = vec![
            step("UID FETCH 10 (UID BODY.PEEK[]<0.4>)\r\n", ""),
            step("UID FETCH 10 (UID BODY.PEEK[]<4.4>)\r\n", slices.concat() + end),
            step("UID FETCH 11 ", ""),
            step("UID FETCH 12 ", message(12, "x") + end),
            step("UID SEARCH UID 11\r\n", "* SEARCH\r\n{tag} OK done\r\n"),
        ];
        let (mut session, heard) = session_with("X-NONE", &small, steps).await;
        let (got, ended) = fetch(&mut session, &listed(&[(10, 6), (11, 1), (12, 1)])).await;
        assert_eq!((got, ended), (seen(&[(10, Some("abcdef")), (11, None), (12, Some("x"))]), Ok(())));
        after(session, heard).await;
    }
}

#[tokio::test]
async fn a_long_message_may_end_on_the_edge_of_a_slice_or_be_gone_or_come_whole() {
    let nil = "* 1 FETCH (UID 10 BODY[]<4> NIL)\r\n{tag} OK done\r\n".to_owned();
    let whole = "* 1 FETCH (UID 10 BODY[] {10}\r\nabcdefghij)\r\n{tag} OK done\r\n".to_owned();
    let nothing = || "{tag} OK done\r\n".to_owned();
    let table: [(Vec<String>, Option<&str>); 5] = [
        (vec![slice(0, "abcd"), slice(4, "")], Some("abcd")),
        (vec![slice(0, "abcd"), nil], Some("abcd")),
        (vec![nothing(), nothing()], None),
        (vec![slice(0, "abcd"), nothing()], None),
        (vec![whole, nothing()], Some("abcdefghij")),
    ];
    for (answers, expected) in table {
        let small = Limits { slice_bytes: 4, ..limits() };
        let mut steps: Vec<Step> = answers.into_iter().map(|answer| step("UID FETCH 10 ", answer)).collect();
        if expected.is_none() {
            steps.push(step("UID SEARCH UID 10\r\n", "* SEARCH\r\n{tag} OK done\r\n"));
        }
        let (mut session, _heard) = session_with("X-NONE", &small, steps).await;
        let (got, ended) = fetch(&mut session, &listed(&[(10, 5)])).await;
        assert_eq!((got, ended), (seen(&[(10, expected)]), Ok(())));
    }
}

#[tokio::test]
async fn a_message_without_end_is_set_aside_and_the_session_goes_on() {
    let small = Limits { slice_bytes: 4, message_bytes: 6, ..limits() };
    let steps =
        vec![step("<0.4>", slice(0, "abcd")), step("<4.4>", slice(4, "efgh")), step("NOOP", "{tag} OK done\r\n")];
    let (mut session, _heard) = session_with("X-NONE", &small, steps).await;
    let (got, ended) = fetch(&mut session, &listed(&[(10, 5)])).await;
    assert!(got.is_empty() && matches!(ended, Err(Trouble::Message { uid: 10, .. })), "{ended:?}");
    session.noop().await.unwrap();
}

#[tokio::test]
async fn a_refused_group_is_asked_for_one_by_one_to_find_the_message_it_is_about() {
    let small = Limits { batch_messages: 3, ..limits() };
    let one = |uid, text| message(uid, text) + "{tag} OK done\r\n";
    let pipelined = [
        message(10, "ten"),
        "{before} NO cannot read\r\n".to_owned(),
        message(13, "thirteen"),
        "{tag} OK done\r\n".to_owned(),
    ];
    let steps = vec![
        step("UID FETCH 10:12 ", ""),
        step("UID FETCH 13 ", pipelined.concat()),
        step("UID FETCH 11 ", one(11, "eleven")),
        step("UID FETCH 12 ", one(12, "twelve")),
        step("UID FETCH 13 ", one(13, "thirteen")),
    ];
    let (mut session, _heard) = session_with("X-NONE", &small, steps).await;
    let (got, ended) = fetch(&mut session, &listed(&[(10, 5), (11, 5), (12, 5), (13, 5)])).await;
    let expected = seen(&[(10, Some("ten")), (11, Some("eleven")), (12, Some("twelve")), (13, Some("thirteen"))]);
    assert_eq!((got, ended), (expected, Ok(())));
}

#[tokio::test]
async fn a_refusal_of_one_message_is_about_that_message() {
    for refusal in ["NO cannot read\r\n", "BAD Command Argument Error. 11\r\n"] {
        let steps = vec![step("UID FETCH 10 ", format!("{{tag}} {refusal}")), step("NOOP", "{tag} OK done\r\n")];
        let (mut session, _heard) = session(steps).await;
        let (_, ended) = fetch(&mut session, &listed(&[(10, 5)])).await;
        assert!(matches!(ended, Err(Trouble::Refused { uid: 10, whole: true, .. })), "{ended:?}");
        session.noop().await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_for_another_reason_is_about_no_message() {
    for (refusal, kind) in [
        ("{tag} NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)\r\n", "retry"),
        ("{tag} BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds\r\n", "retry"),
        ("* BYE Session expired, please login again.\r\n", "reconnect"),
    ] {
        let (mut session, _heard) = session(vec![step("UID FETCH 10 ", refusal)]).await;
        let (_, ended) = fetch(&mut session, &listed(&[(10, 5)])).await;
        assert_eq!(ended.unwrap_err().kind(), kind, "{refusal}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_a_message_is_taken_up_again() {
    let broken = message(10, "ten") + "* 2 FETCH (UID 11 BODY[] {100}\r\nhalf";
    let (mut session, _heard) = session(vec![last("UID FETCH 10:11 ", broken)]).await;
    let (got, ended) = fetch(&mut session, &listed(&[(10, 5), (11, 5)])).await;
    assert_eq!(got, seen(&[(10, Some("ten"))]));
    assert_eq!(ended.unwrap_err().kind(), "reconnect");
}

#[tokio::test]
async fn an_unreadable_answer_is_about_the_message_that_was_due() {
    for broken in ["* 2 FETCH (UID 11 BODY[] nonsense (\r\n", "* 2 FETCH (UID 11 BODY[] {4000000000}\r\n"] {
        let (mut session, _heard) = session(vec![step("UID FETCH 10:11 ", message(10, "ten") + broken)]).await;
        let (got, ended) = fetch(&mut session, &listed(&[(10, 5), (11, 5)])).await;
        assert_eq!(got, seen(&[(10, Some("ten"))]));
        assert!(matches!(ended, Err(Trouble::Message { uid: 11, .. })), "{ended:?}");
        assert!(!session.usable());
    }
}

#[tokio::test]
async fn messages_wait_until_those_before_them_have_been_dropped() {
    let text = "x".repeat(1024);
    let answer = message(10, &text) + &message(11, &text) + "{tag} OK done\r\n";
    let (mut session, _heard) = session(vec![step("UID FETCH 10:11 ", answer)]).await;
    let (out, mut arriving) = Bodies::channel(&Budget::new(1024));
    let send = tokio::spawn(async move { session.bodies(&listed(&[(10, 1024), (11, 1024)]), &out).await });
    let first = arriving.recv().await.unwrap();
    // The budget is spent, so the second cannot be in the channel, however long the sender had.
    tokio::task::yield_now().await;
    assert!(arriving.try_recv().is_err());
    drop(first);
    assert_eq!(arriving.recv().await.map(|body| body.uid()), Some(11));
    assert_eq!(send.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_receiver_that_has_left_ends_the_fetch() {
    let (mut session, _heard) = session(vec![step("UID FETCH 10 ", message(10, "ten"))]).await;
    let (out, arriving) = Bodies::channel(&Budget::new(1024));
    drop(arriving);
    assert_eq!(session.bodies(&listed(&[(10, 5)]), &out).await.unwrap_err().kind(), "reconnect");
}
