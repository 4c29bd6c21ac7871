//! A mail server that says anything.

use std::time::Duration;

use mailtrail::mail::envelope::FIELDS;
use mailtrail::source::Limits;
use mailtrail::source::probe;
use tokio::runtime::Runtime;

/// The longest literal and line here: small, so that bounds are met.
const BOUND: u64 = 16 * 1024;

/// Lines up to this length are held back until they are whole.
const HELD: usize = 4 * 1024;

thread_local! {
    static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
}

pub(crate) fn guard(raw: &[u8]) {
    let at_once = probe::guarded(raw, 1 << 20, BOUND);
    assert!(at_once.bytes.len() <= raw.len());
    if !at_once.broken {
        assert_eq!(at_once.bytes.len(), raw.len(), "nothing is lost");
    }
    for (passed, said) in at_once.bytes.iter().zip(raw) {
        // What people say in other charsets is made readable, and nothing else is touched.
        let untouched = passed == said || (passed.is_ascii() && *passed != b'\r' && *passed != b'\n');
        assert!(untouched, "{said:?} became {passed:?}");
    }
    let piece = raw.first().map_or(1, |byte| usize::from(*byte % 64) + 1);
    let in_pieces = probe::guarded(raw, piece, BOUND);
    assert_eq!(in_pieces.broken, at_once.broken, "in pieces of {piece}");
    let lines_are_short = raw.split(|byte| *byte == b'\n').all(|line| line.len() < HELD);
    if lines_are_short {
        assert_eq!(in_pieces.bytes, at_once.bytes, "in pieces of {piece}");
    }
}

pub(crate) fn session(raw: &[u8]) {
    RUNTIME.with(|runtime| runtime.block_on(talk(raw)));
}

async fn talk(raw: &[u8]) {
    let limits = Limits {
        literal_bytes: 64 * 1024,
        line_bytes: 64 * 1024,
        command_timeout: Duration::from_secs(5),
        idle_read_timeout: Duration::from_secs(5),
        ..Limits::default()
    };
    let piece = raw.first().map_or(1, |byte| usize::from(*byte) + 1);
    let Ok(mut session) = probe::session(raw, piece, &limits).await else { return };
    if let Ok(selected) = session.examine("INBOX").await {
        assert!(selected.uid_validity != 0, "there is no such epoch");
    }
    let uids: Vec<u32> = (3..=9).collect();
    if let Ok(listed) = session.list(3, Some(9)).await {
        let found: Vec<u32> = listed.iter().map(|one| one.uid).collect();
        assert!(found.iter().all(|uid| uids.contains(uid)) && found.is_sorted_by(|a, b| a < b), "{found:?}");
    }
    if let Ok(headers) = session.headers(&uids, FIELDS).await {
        let found: Vec<u32> = headers.iter().map(|one| one.uid).collect();
        assert!(found.iter().all(|uid| uids.contains(uid)) && found.is_sorted_by(|a, b| a < b), "{found:?}");
    }
    if let Ok(found) = session.uids(3, Some(9)).await {
        assert!(found.iter().all(|uid| uids.contains(uid)), "{found:?}");
    }
    let _ = session.mailboxes().await;
    session.logout().await;
}
