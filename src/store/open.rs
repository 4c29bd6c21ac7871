//! Opening the database: where it is, how it is set, how its schema is brought up to date, how a transaction begins.

use std::ops::Deref;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StoreError;

/// Names the advisory lock under which one process migrates a PostgreSQL database ("mailtrai" as a number).
const MIGRATION_LOCK: i64 = i64::from_be_bytes(*b"mailtrai");

/// How often a SQLite file is opened in vain while another program makes it.
const OPENINGS: u32 = 100;

/// SQLite connections for reading at most, beside the one for transactions: each has a page cache of its own.
const SQLITE_READERS: u32 = 2;

/// Statements that a SQLite connection keeps prepared. A commit has up to eight for each of its tables.
const STATEMENTS: usize = 300;

/// How long a SQLite connection for what must last is kept for the next use.
const DURABLE_IDLE: Duration = Duration::from_secs(10);

/// How the database is used.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections at most. SQLite uses them for reading beside the one writer.
    pub connections: u32,
    /// How long to wait for a free connection, for a lock, or for another program that writes to a SQLite file.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 8, wait: Duration::from_secs(30) }
    }
}

/// An open database.
#[derive(Clone)]
pub struct Store {
    /// The connections; for reading outside a transaction.
    pub db: DatabaseConnection,
    /// Which engine it is.
    pub backend: DatabaseBackend,
    /// The connection to a SQLite file for transactions: it keeps what only these need, statements and pages.
    writing: Option<DatabaseConnection>,
    /// Connections to a SQLite file whose commits wait for the disk.
    durable: Option<DatabaseConnection>,
    /// The file of a SQLite database.
    pub(super) file: Option<PathBuf>,
    /// Told whenever a batch of this process is committed: there may be events.
    pub(crate) committed: Arc<tokio::sync::Notify>,
    /// SQLite has one writer: its transactions queue here in order, instead of polling for the file's lock.
    writer: Option<Arc<Semaphore>>,
}

/// A transaction that may write. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx {
    inner: DatabaseTransaction,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Store {
    /// Connects to `sqlite://FILE`, `sqlite::memory:` or `postgres://…`. The schema is left as it is.
    pub async fn open(url: &str, options: &Options) -> Result<Self, StoreError> {
        match Target::parse(url)? {
            Target::Memory => memory(options).await,
            Target::File(path) => file(path, options).await,
            Target::Postgres(server) => postgres(*server, options).await,
        }
    }

    /// Whether there may be a database at this URL: of a file it is seen without a connection.
    pub fn may_be_there(url: &str) -> bool {
        !matches!(Target::parse(url), Ok(Target::File(path)) if !path.exists())
    }

    /// Brings the schema up to date, all or nothing. Safe when several processes start at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        if self.backend == DatabaseBackend::Postgres {
            tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
        }
        Migrator::up(&*tx, None).await?;
        tx.commit().await
    }

    /// How many steps the schema is behind, and whether it has steps that this version does not know. Changes nothing.
    pub async fn schema(&self) -> (usize, bool) {
        let statement = Statement::from_string(self.backend, "SELECT version FROM seaql_migrations");
        // Without the table nothing was done yet.
        let rows = self.db.query_all_raw(statement).await.unwrap_or_default();
        let done: Vec<String> = rows.iter().filter_map(|row| row.try_get("", "version").ok()).collect();
        let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
        let missing = known.iter().filter(|step| !done.contains(step)).count();
        (missing, done.iter().any(|step| !known.contains(step)))
    }

    /// Begins a transaction that may write. IMMEDIATE on SQLite: a transaction that reads first and writes later
    /// fails there as soon as another one wrote in between, however long the busy timeout.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        self.begin_on(self.writing.as_ref().unwrap_or(&self.db)).await
    }

    /// The same for what cannot be had a second time: once committed, it outlives a power cut on SQLite, too.
    pub async fn begin_durable(&self) -> Result<Tx, StoreError> {
        self.begin_on(self.durable.as_ref().unwrap_or(&self.db)).await
    }

    async fn begin_on(&self, db: &DatabaseConnection) -> Result<Tx, StoreError> {
        let turn = match &self.writer {
            Some(writer) => Some(
                Arc::clone(writer)
                    .acquire_owned()
                    .await
                    .map_err(|_| StoreError::Unavailable("the database is being closed".into()))?,
            ),
            None => None,
        };
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Tx { inner: db.begin_with_options(options).await?, _turn: turn })
    }

    /// Empties the write-ahead log of SQLite, which holds pages as they were before. Others who are reading put that off.
    pub async fn forget(&self) -> Result<(), StoreError> {
        if self.backend == DatabaseBackend::Sqlite {
            self.durable.as_ref().unwrap_or(&self.db).execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
        Ok(())
    }

    /// Closes every connection; SQLite then folds its write-ahead log into the file.
    pub async fn close(self) -> Result<(), StoreError> {
        for other in self.durable.iter().chain(&self.writing) {
            other.close_by_ref().await?;
        }
        Ok(self.db.close_by_ref().await?)
    }
}

impl Tx {
    /// Makes the changes last.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

enum Target {
    Memory,
    File(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Target {
    /// Read here and not by the driver, whose errors quote the URL with the password in it.
    fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return sqlite_target(path.strip_prefix("//").unwrap_or(path));
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(StoreError::refused(
                "database.url must begin with sqlite:// or postgres://, as in sqlite:///var/lib/mailtrail/mailtrail.db",
            ));
        }
        postgres_target(url).map(|server| Self::Postgres(Box::new(server))).ok_or_else(|| {
            StoreError::refused(
                "database.url is no PostgreSQL URL (postgres://USER:PASSWORD@HOST:PORT/DATABASE). In the password, write \
                 characters such as @ : / ? # as %40 %3A %2F %3F %23",
            )
        })
    }
}

fn sqlite_target(path: &str) -> Result<Target, StoreError> {
    // Others' documentation asks for `?mode=rwc`; it is what we do anyway.
    let path = path.strip_suffix("?mode=rwc").unwrap_or(path);
    match path {
        ":memory:" => Ok(Target::Memory),
        "" => Err(StoreError::refused("database.url names no file; write sqlite:// and the path of the database file")),
        _ if path.contains('?') => Err(StoreError::refused(
            "database.url has a `?`: mailtrail sets SQLite's options itself, write only the path",
        )),
        _ => Ok(Target::File(PathBuf::from(path))),
    }
}

fn postgres_target(url: &str) -> Option<PgConnectOptions> {
    let parsed = url::Url::parse(url).ok()?;
    // An `@` behind the authority means that a raw `/`, `?` or `#` in the password cut it short: what then looks like
    // host and port is user and password.
    if parsed.username().is_empty() && url.contains('@') {
        return None;
    }
    PgConnectOptions::from_str(url).ok()
}

async fn memory(options: &Options) -> Result<Store, StoreError> {
    let settings = SqliteConnectOptions::from_str("sqlite::memory:")?.disable_statement_logging();
    // The database lives as long as its only connection.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(options.wait)
        .connect_with(settings)
        .await?;
    Ok(sqlite_store(pool, None))
}

async fn file(path: PathBuf, options: &Options) -> Result<Store, StoreError> {
    create_private(&path)?;
    let settings = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        // With a write-ahead log this loses no consistency: after a power cut the last commits may be undone, and
        // the cursor with them, so that their mail is read again. What cannot be read again goes another way.
        .synchronous(SqliteSynchronous::Normal)
        // Mail is larger than SQLite's usual rows: larger pages mean shorter overflow chains, and a longer log fewer
        // checkpoints, each of which waits for the disk.
        .page_size(8_192)
        .pragma("cache_size", "-4000")
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .statement_cache_capacity(STATEMENTS)
        .busy_timeout(options.wait)
        .foreign_keys(true)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(options.connections.clamp(1, SQLITE_READERS))
        .acquire_timeout(options.wait);
    // Of programs that make the same new database at once, SQLite turns all but one away without waiting.
    let mut tries = 0;
    loop {
        match pool.clone().connect_with(settings.clone()).await.map_err(StoreError::from) {
            Ok(pool) => return Ok(sqlite_store(pool, Some((path, settings, options)))),
            Err(StoreError::Busy(_)) if tries < OPENINGS => tries += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A connection that is made when it is first asked for and goes when it was idle. One sync of the write-ahead log, which
/// is what FULL adds to a commit, makes everything before it last as well.
fn durable(settings: SqliteConnectOptions, options: &Options) -> sea_orm::sqlx::SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(DURABLE_IDLE)
        .acquire_timeout(options.wait)
        // Tokens that were replaced or erased do not stay behind in free space.
        .connect_lazy_with(
            settings.synchronous(SqliteSynchronous::Full).pragma("cache_size", "-256").pragma("secure_delete", "ON"),
        )
}

/// Makes the file, and its folder where that is missing, for this user alone: the database holds mail. SQLite's side files
/// take over its mode.
fn create_private(path: &std::path::Path) -> Result<(), StoreError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        // Whether it is there now is seen below.
        let _ = builder.create(folder);
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|e| {
        StoreError::Refused(format!(
            "the database file {} cannot be opened ({e}). Does its folder exist, and may this user write there?",
            path.display()
        ))
    })
}

/// The connection for transactions, made when the first one begins.
fn writing(settings: SqliteConnectOptions, options: &Options) -> sea_orm::sqlx::SqlitePool {
    SqlitePoolOptions::new().max_connections(1).acquire_timeout(options.wait).connect_lazy_with(settings)
}

fn sqlite_store(pool: sea_orm::sqlx::SqlitePool, file: Option<(PathBuf, SqliteConnectOptions, &Options)>) -> Store {
    let connect = SqlxSqliteConnector::from_sqlx_sqlite_pool;
    let of = |make: fn(SqliteConnectOptions, &Options) -> sea_orm::sqlx::SqlitePool| {
        file.as_ref().map(|(_, settings, options)| connect(make(settings.clone(), options)))
    };
    Store {
        db: connect(pool),
        backend: DatabaseBackend::Sqlite,
        writing: of(writing),
        durable: of(durable),
        file: file.map(|(path, ..)| path),
        committed: Arc::default(),
        writer: Some(Arc::new(Semaphore::new(1))),
    }
}

async fn postgres(server: PgConnectOptions, options: &Options) -> Result<Store, StoreError> {
    let place = format!("{}:{}", server.get_host(), server.get_port());
    // By default a statement waits for a lock for ever, and a forgotten transaction of somebody else stops all mail. Ours is
    // forgotten when the process is stopped in it, or its machine is gone: then the server takes it back.
    let wait = options.wait.as_millis();
    let patience = format!("SET lock_timeout = {wait}; SET idle_in_transaction_session_timeout = {wait}");
    // The pool tries again until its time is up and then only says so; a single connection says why.
    let first = tokio::time::timeout(options.wait, server.connect()).await;
    let first = first.unwrap_or_else(|_| Err(sea_orm::sqlx::Error::PoolTimedOut));
    first.map_err(|e| at_place(e.into(), &place))?.close().await.ok();
    let pool = PgPoolOptions::new()
        .after_connect(move |connection, _| {
            let patience = sea_orm::sqlx::AssertSqlSafe(patience.clone());
            Box::pin(async move { connection.execute(patience).await.map(drop) })
        })
        .max_connections(options.connections)
        .acquire_timeout(options.wait)
        .connect_with(server.application_name("mailtrail").disable_statement_logging())
        .await
        .map_err(|e| at_place(e.into(), &place))?;
    Ok(Store {
        db: SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
        backend: DatabaseBackend::Postgres,
        writing: None,
        durable: None,
        file: None,
        committed: Arc::default(),
        writer: None,
    })
}

fn at_place(error: StoreError, place: &str) -> StoreError {
    match error {
        StoreError::Unavailable(reason) => StoreError::Unavailable(format!("PostgreSQL at {place}: {reason}")),
        StoreError::Fatal(reason) => StoreError::Fatal(format!("PostgreSQL at {place}: {reason}")),
        other => other,
    }
}

#[cfg(test)]
#[path = "open_tests.rs"]
mod tests;
