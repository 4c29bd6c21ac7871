//! `mailtrail import users|companies|contacts|deals FILE`: CSV or JSON Lines into the CRM's records.
//!
//! `source` finds the form of the file and reads it line by line, `fields` turns a line into a row, and
//! [`crate::store::records`] takes the rows. The file is read once, so that standard input will do.

mod fields;
mod source;

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use entity::workspace;

use super::progress;
use crate::clock::Clock;
use crate::store::commit::WaitingKey;
use crate::store::records::{BATCH, Import, Numbered, Report, Rows};
use crate::store::{Store, StoreError};

pub use source::Form;
use source::Line;

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// CRM users: login,name,aliases,seat,active
    Users,
    /// Companies: key,name,domains
    Companies,
    /// Contacts: key,name,addresses,companies,primary_company,owner
    Contacts,
    /// Deals: key,name,stage,created_at,contacts
    Deals,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no such file, or none that we may open.
    #[error("{0}")]
    NoFile(String),
    /// The file could not be read to its end.
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file is not of a form we take.
    #[error("{0}")]
    Form(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Kind {
    /// The columns; the first one is the key and must be there.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["login", "name", "aliases", "seat", "active"],
            Self::Companies => &["key", "name", "domains"],
            Self::Contacts => &["key", "name", "addresses", "companies", "primary_company", "owner"],
            Self::Deals => &["key", "name", "stage", "created_at", "contacts"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Users => "users",
            Self::Companies => "companies",
            Self::Contacts => "contacts",
            Self::Deals => "deals",
        })
    }
}

/// Imports everything that `input` holds, or with any bad line nothing. `form` is known from the file's name, or else
/// seen in its first byte. With the key of the hashes by which mail waits for new contacts, that is judged again (K2).
///
/// Reads in the calling task: an import is a command of its own, with nothing beside it to hold up.
pub async fn run(
    store: &Store,
    workspace: &workspace::Model,
    kind: Kind,
    input: impl Read + Send,
    form: Option<Form>,
    clock: &Clock,
    waking: Option<WaitingKey>,
) -> Result<Report, ImportError> {
    let mut lines = source::open(input, form, kind)?;
    let mut import = Import::begin(store, workspace, clock).await?.waking(waking);
    let mut batch = Batch::new(kind);
    while let Some(Line { number, fields }) = lines.next()? {
        match fields.and_then(|fields| batch.push(number, &fields)) {
            Ok(()) => {}
            Err(reason) => import.bad(number, reason),
        }
        if batch.len() == BATCH {
            import.take(std::mem::replace(&mut batch, Batch::new(kind)).0).await?;
        }
    }
    import.take(batch.0).await?;
    Ok(import.finish().await?)
}

/// Imports a file, or standard input where it is `-`, with progress on a terminal.
pub async fn file(
    store: &Store,
    workspace: &workspace::Model,
    kind: Kind,
    path: &Path,
    clock: &Clock,
    waking: Option<WaitingKey>,
) -> Result<Report, ImportError> {
    let label = format!("importing {kind}");
    if path == Path::new("-") {
        // Not the locked handle, which is bound to one thread.
        return run(store, workspace, kind, progress::reading(io::stdin(), None, &label), None, clock, waking).await;
    }
    let unreadable = |e: io::Error| ImportError::NoFile(format!("{} cannot be read: {e}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(ImportError::NoFile(format!("{} is a folder: name one file", path.display())));
    }
    let total = file.metadata().ok().filter(Metadata::is_file).map(|metadata| metadata.len());
    run(store, workspace, kind, progress::reading(file, total, &label), Form::of_name(path), clock, waking).await
}

struct Batch(Rows);

impl Batch {
    fn new(kind: Kind) -> Self {
        Self(match kind {
            Kind::Users => Rows::Users(Vec::with_capacity(BATCH)),
            Kind::Companies => Rows::Companies(Vec::with_capacity(BATCH)),
            Kind::Contacts => Rows::Contacts(Vec::with_capacity(BATCH)),
            Kind::Deals => Rows::Deals(Vec::with_capacity(BATCH)),
        })
    }

    fn push(&mut self, line: u64, fields: &fields::Fields) -> Result<(), String> {
        match &mut self.0 {
            Rows::Users(rows) => rows.push(Numbered { line, row: fields.user()? }),
            Rows::Companies(rows) => rows.push(Numbered { line, row: fields.company()? }),
            Rows::Contacts(rows) => rows.push(Numbered { line, row: fields.contact()? }),
            Rows::Deals(rows) => rows.push(Numbered { line, row: fields.deal()? }),
        }
        Ok(())
    }

    fn len(&self) -> usize {
        match &self.0 {
            Rows::Users(rows) => rows.len(),
            Rows::Companies(rows) => rows.len(),
            Rows::Contacts(rows) => rows.len(),
            Rows::Deals(rows) => rows.len(),
        }
    }
}

#[cfg(test)]
mod tests;
