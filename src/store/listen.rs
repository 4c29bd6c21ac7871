//! What PostgreSQL tells by itself (LISTEN, NOTIFY): accounts that changed, leases that became free.
//!
//! It only makes things quicker: everything is found by asking, too.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgListener;
use sea_orm::{ConnectionTrait, DatabaseBackend, DatabaseTransaction, Statement};
use uuid::Uuid;

use super::{Store, StoreError};

/// The channel of all workers; the trigger on `account` names it, too.
const CHANNEL: &str = "mailtrail";

/// How long a word to oneself may take. Behind a pooler that hands out another connection for each transaction it never
/// comes.
const ECHO: Duration = Duration::from_secs(5);

/// What is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// An account was added or changed.
    Account(Uuid),
    /// Leases became free.
    Free,
    /// The connection broke and stands again: anything may have been missed.
    Gap,
}

/// An open ear.
pub struct Listener {
    inner: PgListener,
    own: String,
}

impl Store {
    /// Listens to what is told to all workers. `None` where nothing is to be heard: on SQLite, and behind poolers that do
    /// not keep a connection for us.
    pub async fn listen(&self) -> Result<Option<Listener>, StoreError> {
        if !self.is_shared() {
            return Ok(None);
        }
        let own = format!("{CHANNEL}_{}", crate::clock::Clock::system().id().simple());
        let mut inner = PgListener::connect_with(self.db.get_postgres_connection_pool()).await?;
        inner.listen_all([CHANNEL, own.as_str()]).await?;
        self.db.execute_raw(say(&own)).await?;
        let mut listener = Listener { inner, own };
        let echo = tokio::time::timeout(ECHO, listener.echo()).await;
        match echo {
            Ok(heard) => heard.map(|()| Some(listener)),
            Err(_) => Ok(None),
        }
    }
}

impl Listener {
    async fn echo(&mut self) -> Result<(), StoreError> {
        loop {
            if self.inner.recv().await?.channel() == self.own {
                return Ok(());
            }
        }
    }

    /// The next thing that is told.
    pub async fn next(&mut self) -> Result<Heard, StoreError> {
        let Some(told) = self.inner.try_recv().await? else { return Ok(Heard::Gap) };
        Ok(told.payload().parse().map_or(Heard::Free, Heard::Account))
    }
}

/// Tells all workers, with the end of the transaction, that leases became free.
pub(in crate::store) async fn notify(db: &DatabaseTransaction) -> Result<(), StoreError> {
    db.execute_raw(say(CHANNEL)).await?;
    Ok(())
}

fn say(channel: &str) -> Statement {
    let say = "SELECT pg_notify($1, '')";
    Statement::from_sql_and_values(DatabaseBackend::Postgres, say, [channel.into()])
}
