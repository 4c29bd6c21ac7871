use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{GREETING, limits, serve, session, session_with, step, token};
use crate::source::imap::connect::establish;
use crate::source::imap::{Endpoint, Limits, Security, client_config, connect};

/// The trouble of a list that gets this answer.
async fn trouble(answer: impl AsRef<[u8]>) -> String {
    let (mut session, _heard) = session(vec![step("UID FETCH", answer)]).await;
    let trouble = session.list(1, None).await.unwrap_err();
    assert!(!session.usable());
    assert_eq!(trouble.kind(), "message");
    trouble.to_string()
}

#[tokio::test]
async fn what_exceeds_a_bound_ends_the_session() {
    assert!(trouble("* 1 FETCH (UID 1 BODY[] {4294967295}\r\n").await.contains("literal longer"));
    assert!(trouble("* 1 FETCH (UID 1 BODY[] {400000000000000000000000}\r\n").await.contains("literal longer"));
    assert!(trouble(format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(100_000))).await.contains("parentheses"));
}

#[tokio::test]
async fn an_endless_line_ends_the_session() {
    let small = Limits { line_bytes: 10_000, ..limits() };
    let (mut session, _heard) =
        session_with("X-NONE", &small, vec![step("UID SEARCH", format!("* SEARCH{}", " 1".repeat(20_000)))]).await;
    assert!(session.uids(1, None).await.unwrap_err().to_string().contains("line longer"));
    assert!(!session.usable());
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time() {
    let short = Duration::from_millis(300);
    let small = Limits { command_timeout: short, idle_read_timeout: short, ..limits() };
    for command in ["NOOP", "UID FETCH"] {
        let (mut session, _heard) = session_with("X-NONE", &small, vec![step(command, "* 1 FETCH (UID ")]).await;
        let trouble = match command {
            "NOOP" => session.noop().await.unwrap_err(),
            _ => session.list(1, None).await.unwrap_err(),
        };
        assert_eq!(trouble.kind(), "reconnect");
        assert!(!session.usable());
    }
    for greeting in ["", GREETING] {
        let (client, _heard) = serve(greeting, Vec::new());
        let trouble = establish(Box::new(client), &token(), &small).await.unwrap_err();
        assert_eq!(trouble.kind(), "retry");
    }
}

#[tokio::test]
async fn a_server_that_lets_an_answer_trickle_is_left_in_time() {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let server = tokio::spawn(async move {
        let mut asked = [0; 4096];
        far.write_all(GREETING.as_bytes()).await.unwrap();
        let _ = far.read(&mut asked).await.unwrap();
        far.write_all(b"M1 OK [CAPABILITY IMAP4rev1] done\r\n").await.unwrap();
        let _ = far.read(&mut asked).await.unwrap();
        far.write_all(b"* 1 FETCH (UID 1 BODY[] {100000}\r\n").await.unwrap();
        // Until we hang up.
        while far.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let small = Limits { trickle_timeout: Duration::from_millis(300), ..limits() };
    let mut session = establish(Box::new(near), &token(), &small).await.unwrap();
    let trouble = session.list(1, None).await.unwrap_err();
    assert!(trouble.to_string().contains("trickle"), "{trouble}");
    assert!(!session.usable());
    assert_eq!(small.meter.spent().commands, 2);
    assert!(small.meter.spent().bytes > 100);
    drop(session);
    server.await.unwrap();
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_tried_again_later() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let endpoint = Endpoint { host: "127.0.0.1".to_owned(), port, security: Security::Plaintext };
    let tls = client_config(None).unwrap();
    let trouble = connect(&endpoint, &tls, &token(), &limits()).await.unwrap_err();
    assert_eq!(trouble.kind(), "retry");
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_the_operators_to_mend() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"* OK ready\r\n").await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let endpoint = Endpoint { host: "localhost".to_owned(), port, security: Security::Tls };
    let tls = client_config(None).unwrap();
    let trouble = connect(&endpoint, &tls, &token(), &limits()).await.unwrap_err();
    assert_eq!(trouble.kind(), "operator", "{trouble}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_plaintext_login_works_on_this_machine() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut scripted, heard) = serve(
            GREETING,
            vec![
                step("AUTHENTICATE", "{tag} OK [CAPABILITY IMAP4rev1] in\r\n"),
                super::last("LOGOUT", "* BYE\r\n{tag} OK\r\n"),
            ],
        );
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut scripted).await;
        heard.await.unwrap()
    });
    let endpoint = Endpoint { host: "localhost".to_owned(), port, security: Security::Plaintext };
    let session = connect(&endpoint, &client_config(None).unwrap(), &token(), &limits()).await.unwrap();
    session.logout().await;
    assert_eq!(server.await.unwrap().len(), 2);
}
