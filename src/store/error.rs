//! What can go wrong in the database, told by what the caller can do about it.

use crate::trouble::Trouble;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};

/// A failure of the database. The text is for people and never holds a URL, a password or the contents of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another transaction was in the way: try again at once.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The database is away or full: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A uniqueness or a reference would break.
    #[error("the database refused a change: {0}")]
    Constraint(String),
    /// A value that the database cannot hold, or holds in a form we cannot read.
    #[error("the database cannot take or give a value: {0}")]
    Data(String),
    /// Another worker reads the same mailbox: it has moved the cursor from where we left it.
    #[error("another worker reads this mailbox")]
    CursorMoved,
    /// Another worker holds the account's lease by now: what this one has to say about it is not written.
    #[error("another worker has taken the account over")]
    LeaseLost,
    /// What was asked for cannot be done; says why and what to do instead.
    #[error("{0}")]
    Refused(String),
    /// The database is not what we need: wrong rights, wrong schema, a broken file.
    #[error("the database cannot be used: {0}")]
    Fatal(String),
}

impl StoreError {
    /// A [`StoreError::Refused`].
    pub fn refused(reason: impl std::fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }

    /// Whether the same thing may work later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unavailable(_) | Self::CursorMoved)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) => Self::operator(error),
            StoreError::LeaseLost => Self::LeaseLost,
            // The database is everybody's: what is wrong with it says nothing about an account and never parks one.
            _ => Self::retry(error),
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(e))
            | DbErr::Exec(RuntimeErr::SqlxError(e))
            | DbErr::Query(RuntimeErr::SqlxError(e)) => of_sqlx(&e),
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => no_connection(),
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => closed(),
            DbErr::Migration(text) => Self::Fatal(format!("its schema could not be brought up to date ({text})")),
            // The texts of these may quote values.
            DbErr::TryIntoErr { into, .. } => Self::Data(format!("a value does not fit into {into}")),
            DbErr::Type(_) | DbErr::Json(_) => Self::Data("a value is not of the type its column has".into()),
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated | DbErr::RecordNotInserted => {
                Self::Constraint("a row that should be there is not".into())
            }
            DbErr::Conn(RuntimeErr::Internal(_)) => closed(),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        of_sqlx(&error)
    }
}

fn of_sqlx(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(e) => {
            let code = e.code().unwrap_or_default();
            match e.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
                Some(_) => of_sqlite(code.parse().unwrap_or(1), e.message()),
                None => of_postgres(&code, e.message()),
            }
        }
        sqlx::Error::Io(e) => StoreError::Unavailable(format!("the connection failed ({e}); is the server running?")),
        sqlx::Error::PoolTimedOut => no_connection(),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => closed(),
        sqlx::Error::Protocol(_) => StoreError::Unavailable("the connection broke off".into()),
        sqlx::Error::Tls(_) => StoreError::Unavailable("no TLS connection; see sslmode in database.url".into()),
        sqlx::Error::ColumnDecode { index, .. } => StoreError::Data(format!("column {index} cannot be read")),
        sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => StoreError::Data("a value cannot be converted".into()),
        sqlx::Error::Configuration(_) => StoreError::Fatal("the driver does not understand database.url".into()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// By result code (sqlite.org/rescode.html); the low byte of an extended code is the primary one.
fn of_sqlite(code: i32, message: &str) -> StoreError {
    match code & 0xff {
        5 | 6 => StoreError::Busy("another program writes to it".into()),
        13 => StoreError::Unavailable("the disk is full: make room, the work goes on by itself".into()),
        10 => StoreError::Unavailable("its file cannot be read or written: check the disk and its free space".into()),
        18 | 20 => StoreError::Data("a value is too big or of the wrong type".into()),
        19 => StoreError::Constraint(message.to_owned()),
        8 => StoreError::Fatal("its file or folder is read-only for this user".into()),
        11 | 26 => StoreError::Fatal("its file is damaged or no SQLite database: restore it from a backup".into()),
        // Also when no file descriptor is left.
        14 => StoreError::Unavailable(
            "its file cannot be opened: does the folder exist, and may this user write there?".into(),
        ),
        _ => StoreError::Unavailable(message.to_owned()),
    }
}

/// By SQLSTATE (PostgreSQL manual, appendix A). The messages of classes 21 and 22 quote values, so they are left out.
fn of_postgres(code: &str, message: &str) -> StoreError {
    match code {
        "55P03" => StoreError::Busy("another program holds a lock for longer than database.wait_seconds".into()),
        "40001" | "40P01" | "57014" => StoreError::Busy(message.to_owned()),
        "53100" => StoreError::Unavailable("its disk is full: make room, the work goes on by itself".into()),
        "25006" => StoreError::Unavailable("it is read-only at the moment (a standby?)".into()),
        "58030" => StoreError::Unavailable(message.to_owned()),
        _ if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
            StoreError::Unavailable(message.to_owned())
        }
        _ if code.starts_with("23") => StoreError::Constraint(message.to_owned()),
        _ if code.starts_with("21") || code.starts_with("22") => {
            StoreError::Data(format!("a value does not fit its column (SQLSTATE {code})"))
        }
        // No table, no right, no database, no login. Everything else may pass.
        "42P01" | "42501" | "3D000" | "28000" | "28P01" => StoreError::Fatal(message.to_owned()),
        _ => StoreError::Unavailable(message.to_owned()),
    }
}

fn no_connection() -> StoreError {
    StoreError::Unavailable("no connection became free in time".into())
}

fn closed() -> StoreError {
    StoreError::Unavailable("the connection is closed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_worth_another_try() {
        for code in ["40001", "40P01", "53100", "08006", "57P01", "XX000", "0A000", "25P02"] {
            assert!(of_postgres(code, "x").is_retryable(), "{code}");
        }
        for code in [5, 517, 6, 13, 10, 778, 1, 7, 14, 17] {
            assert!(of_sqlite(code, "x").is_retryable(), "{code}");
        }
        assert!(!of_postgres("23505", "x").is_retryable());
        assert!(!of_sqlite(2067, "x").is_retryable());
    }

    #[test]
    fn a_database_that_fails_parks_no_account() {
        for error in [of_postgres("42P01", "x"), of_sqlite(8, "x"), of_sqlite(11, "x"), of_sqlite(19, "x")] {
            assert!(!error.is_retryable(), "{error}");
            assert_eq!(Trouble::from(error).kind(), "retry");
        }
        assert_eq!(Trouble::from(StoreError::refused("x")).kind(), "operator");
    }

    #[test]
    fn a_value_is_not_quoted() {
        let text = of_postgres("22P02", "invalid input syntax for type uuid: \"secret\"").to_string();
        assert!(!text.contains("secret"), "{text}");
    }
}
