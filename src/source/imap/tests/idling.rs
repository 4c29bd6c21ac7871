use std::time::Duration;

use super::{after, limits, session, session_with, step};
use crate::source::imap::{Limits, Polled, Waited};

const SHORT: Duration = Duration::from_millis(30);
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn new_mail_ends_idle_and_the_session_goes_on() {
    let steps = vec![
        step("IDLE", "+ idling\r\n* OK Still here\r\n* 3 FETCH (FLAGS ())\r\n* 10 EXISTS\r\n"),
        step("DONE", "M3 OK done\r\n"),
        step("NOOP", "{tag} OK done\r\n"),
    ];
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.wait(LONG).await, Ok(Waited::Changed));
    session.noop().await.unwrap();
    assert_eq!(after(session, heard).await.len(), 3);
}

#[tokio::test]
async fn one_message_gone_and_another_come_is_new_mail() {
    let steps = vec![step("IDLE", "+ idling\r\n* 3 EXPUNGE\r\n* 9 EXISTS\r\n"), step("DONE", "M3 OK done\r\n")];
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.wait(LONG).await, Ok(Waited::Changed));
    after(session, heard).await;
}

#[tokio::test]
async fn mail_that_came_during_another_command_is_not_waited_for() {
    let (mut session, heard) =
        session_with("IDLE", &limits(), vec![step("NOOP", "* 10 EXISTS\r\n{tag} OK done\r\n")]).await;
    session.noop().await.unwrap();
    assert_eq!(session.wait(LONG).await, Ok(Waited::Changed));
    assert_eq!(after(session, heard).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_ends_idle_at_once_is_not_asked_again_at_once() {
    let steps = vec![step("IDLE", "+ idling\r\n{tag} OK done\r\n"), step("NOOP", "{tag} OK done\r\n")];
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.wait(SHORT).await, Ok(Waited::Quiet));
    assert_eq!(after(session, heard).await.len(), 2);
}

#[tokio::test]
async fn silence_ends_idle_in_time() {
    let steps = vec![step("IDLE", "+ idling\r\n* 9 EXISTS\r\n"), step("DONE", "M3 OK done\r\n")];
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.wait(SHORT).await, Ok(Waited::Quiet));
    assert!(session.usable());
    after(session, heard).await;
}

#[tokio::test]
async fn a_refused_idle_does_not_wait_forever() {
    let (mut session, _heard) = session_with("IDLE", &limits(), vec![step("IDLE", "{tag} NO not now\r\n")]).await;
    assert_eq!(session.wait(LONG).await.unwrap_err().kind(), "retry");
}

#[tokio::test]
async fn the_end_of_the_connection_is_no_news() {
    let steps = vec![super::last("IDLE", "+ idling\r\n")];
    let (mut session, _heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.wait(LONG).await.unwrap_err().kind(), "reconnect");
}

#[tokio::test]
async fn a_server_that_does_not_end_idle_is_left() {
    let small = Limits { command_timeout: Duration::from_millis(300), ..limits() };
    let (mut session, _heard) = session_with("IDLE", &small, vec![step("IDLE", "+ idling\r\n")]).await;
    assert_eq!(session.wait(SHORT).await.unwrap_err().kind(), "reconnect");
    assert!(!session.usable());
}

#[tokio::test]
async fn without_idle_one_look_at_the_end_tells() {
    let (mut session, _heard) = session(vec![step("NOOP", "* 11 EXISTS\r\n{tag} OK done\r\n")]).await;
    assert_eq!(session.wait(SHORT).await, Ok(Waited::Changed));
}

const STATUS: &str = "STATUS \"Sent\" (MESSAGES UIDNEXT UIDVALIDITY)";

#[tokio::test]
async fn a_quiet_poll_is_one_round_trip_and_idle_goes_on() {
    let told = "* STATUS Sent (MESSAGES 2 UIDNEXT 8 UIDVALIDITY 5)\r\n{tag} OK done\r\n";
    let steps = vec![
        step("IDLE", "+ idling\r\n"),
        step("DONE", "M3 OK done\r\n"),
        step("NOOP", "{tag} OK done\r\n"),
        step(STATUS, told),
        step("IDLE", "+ idling\r\n* OK Still here\r\n"),
        step("DONE", "M6 OK done\r\n"),
        step("NOOP", "{tag} OK done\r\n"),
    ];
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    let Polled::Quiet(told) = session.poll(SHORT, &["Sent"]).await.unwrap() else { panic!("it is quiet") };
    assert_eq!((told.len(), told[0].uid_next, told[0].uid_validity), (1, Some(8), 5));
    assert!(!session.usable(), "it is in IDLE");
    session.leave_idle().await.unwrap();
    session.noop().await.unwrap();
    assert_eq!(after(session, heard).await.len(), 7);
}

#[tokio::test]
async fn a_server_that_fell_silent_in_idle_tells_its_news_when_it_is_polled_and_is_left_if_it_does_not_answer() {
    let silent = || vec![step("IDLE", "+ idling\r\n"), step("DONE", "M3 OK done\r\n")];
    let news = [
        step("NOOP", "* 10 EXISTS\r\n{tag} OK done\r\n"),
        step("IDLE", "+ idling\r\n"),
        step("DONE", "M5 OK done\r\n"),
        step("NOOP", "{tag} OK done\r\n"),
    ];
    let steps = silent().into_iter().chain(news).collect();
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.poll(SHORT, &[]).await, Ok(Polled::Changed));
    assert_eq!(session.take_news(), Some((10, 1)));
    assert!(!session.has_news() && session.take_news() == Some((10, 0)));
    session.noop().await.unwrap();
    after(session, heard).await;

    let small = Limits { command_timeout: Duration::from_millis(300), ..limits() };
    let (mut session, _heard) = session_with("IDLE", &small, silent()).await;
    assert_eq!(session.poll(SHORT, &[]).await.unwrap_err().kind(), "reconnect");
    assert!(!session.usable());
}

#[tokio::test]
async fn news_end_a_poll_at_once_and_a_server_that_ends_idle_is_asked_when_the_time_is_over() {
    let steps = vec![step("IDLE", "+ idling\r\n* 3 EXPUNGE\r\n* 9 EXISTS\r\n"), step("DONE", "M3 OK done\r\n")];
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.poll(LONG, &["Sent"]).await, Ok(Polled::Changed));
    assert_eq!(session.take_news(), Some((9, 1)), "one went, one came");
    after(session, heard).await;

    let steps = vec![step("IDLE", "+ idling\r\n{tag} OK done\r\n"), step("NOOP", "{tag} OK done\r\n")];
    let (mut session, heard) = session_with("IDLE", &limits(), steps).await;
    assert_eq!(session.poll(SHORT, &["Sent"]).await, Ok(Polled::Ended));
    assert_eq!(after(session, heard).await.len(), 2);
}

#[tokio::test]
async fn a_wait_that_was_dropped_leaves_no_session() {
    let (mut session, _heard) = session_with("IDLE", &limits(), vec![step("IDLE", "+ idling\r\n")]).await;
    assert!(tokio::time::timeout(SHORT, session.wait(LONG)).await.is_err());
    assert_eq!(session.noop().await.unwrap_err().kind(), "reconnect");
}
