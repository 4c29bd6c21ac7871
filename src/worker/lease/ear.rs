//! Hears what the database tells, as long as it does.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use crate::store::listen::Heard;
use crate::store::{Store, StoreError};

/// Between two attempts to listen.
const AGAIN: Duration = Duration::from_secs(30);

/// Wakes the supervisor and the holder. Where nothing can be heard they ask, as they do anyway now and then.
pub(super) async fn listen(store: Store, shared: Arc<Shared>) {
    loop {
        match hear(&store, &shared).await {
            Ok(()) => tracing::debug!("nothing is told by the database (a pooler?); it is asked instead"),
            Err(error) => tracing::debug!(%error, "the database cannot be listened to; it is asked instead"),
        }
        shared.hears.store(false, Ordering::Relaxed);
        shared.look();
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear(store: &Store, shared: &Shared) -> Result<(), StoreError> {
    let Some(mut listener) = store.listen().await? else { return Ok(()) };
    shared.hears.store(true, Ordering::Relaxed);
    shared.look();
    loop {
        match listener.next().await? {
            Heard::Account(account) if shared.state().held.contains_key(&account) => {
                shared.changed.store(true, Ordering::Relaxed);
                shared.news.notify_one();
                shared.look();
            }
            // Perhaps it is free.
            Heard::Account(_) | Heard::Free => shared.wake.notify_one(),
            Heard::Gap => {
                shared.changed.store(true, Ordering::Relaxed);
                shared.news.notify_one();
                shared.look();
            }
        }
    }
}
