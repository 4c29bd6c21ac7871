//! One service per SQLite file.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;

use super::{Store, StoreError};

/// Held while the service runs. The operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct ServiceLock(#[expect(dead_code, reason = "kept open: closing the file gives the lock back")] Option<File>);

impl Store {
    /// Takes the place of the one service on this database, or says that another process has it. PostgreSQL needs no
    /// such lock: several services may share one database.
    pub fn lock_service(&self) -> Result<ServiceLock, StoreError> {
        let Some(database) = &self.file else { return Ok(ServiceLock(None)) };
        let mut name = database.clone().into_os_string();
        name.push(".lock");
        let path = PathBuf::from(name);
        let unusable = |e: std::io::Error| StoreError::Fatal(format!("the lock file {}: {e}", path.display()));
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(ServiceLock(Some(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::Refused(format!(
                "another mailtrail runs on {}. Stop it first, or use PostgreSQL, which several may share",
                database.display()
            ))),
            Err(TryLockError::Error(e)) => Err(unusable(e)),
        }
    }
}
