//! Attachments by their content: a blob is named by its SHA-256, so the same file is kept once however often it is sent.

mod deposit;
mod sweep;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _, path};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::trouble::Trouble;

pub use deposit::Deposit;

/// The name of a blob: 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The name of what `bytes` hold.
    pub fn of(bytes: &[u8]) -> Self {
        use std::fmt::Write as _;
        let digest = Sha256::digest(bytes);
        Self(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// Reads a name as the database keeps it.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        hex.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("64 lower-case hexadecimal digits")
    }
}

impl From<Sha256Hex> for String {
    fn from(name: Sha256Hex) -> Self {
        name.0
    }
}

/// Where blobs are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    folder: Arc<Path>,
}

impl Blobs {
    /// Opens `file:///FOLDER` or a path, making the folder where it is missing.
    pub fn open(url: &str) -> Result<Self, Trouble> {
        let folder = folder(url)?;
        let unusable = |error: &dyn std::fmt::Display| {
            Trouble::operator(format!(
                "attachments.url: cannot use the folder {}: {error}; make it writable for this user, or name another",
                folder.display()
            ))
        };
        make_private(&folder).map_err(|error| unusable(&error))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| unusable(&error))?;
        Ok(Self { store: Arc::new(store), folder: folder.into() })
    }

    /// Keeps `bytes`, whole or not at all, and says under which name. Afterwards it is on the disk.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<Sha256Hex, Trouble> {
        let deposit = self.deposit();
        let name = deposit.put(bytes).await?;
        deposit.settle().await?;
        Ok(name)
    }

    /// What was kept under `name`.
    pub async fn get(&self, name: &Sha256Hex) -> Result<Bytes, Trouble> {
        let bytes = self.read(name).await?;
        if Sha256Hex::of(&bytes) != *name {
            return Err(Trouble::operator(format!("the attachment {name} is damaged: restore it from a backup")));
        }
        Ok(bytes)
    }

    /// Whether there is something under `name`.
    pub async fn exists(&self, name: &Sha256Hex) -> Result<bool, Trouble> {
        Ok(self.size(name).await?.is_some())
    }

    async fn read(&self, name: &Sha256Hex) -> Result<Bytes, Trouble> {
        let found = self.store.get(&place(name)).await.map_err(|error| unread(name, &error))?;
        found.bytes().await.map_err(|error| unread(name, &error))
    }

    async fn size(&self, name: &Sha256Hex) -> Result<Option<u64>, Trouble> {
        match self.store.head(&place(name)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(unread(name, &error)),
        }
    }
}

/// `ab/abcd…`: 256 folders keep each of a size that file systems like, and are soon all there; making a folder costs
/// more than a small attachment.
fn place(name: &Sha256Hex) -> path::Path {
    let digits = name.as_str();
    path::Path::from(format!("{}/{digits}", digits.get(..2).unwrap_or_default()))
}

fn folder(url: &str) -> Result<PathBuf, Trouble> {
    if !url.contains("://") && !url.is_empty() {
        return Ok(PathBuf::from(url));
    }
    let file = Url::parse(url).ok().filter(|url| url.scheme() == "file");
    file.and_then(|url| url.to_file_path().ok()).ok_or_else(|| {
        Trouble::operator("attachments.url names no folder: write file:///FOLDER (three slashes) or a path")
    })
}

/// Attachments are as private as the mail they came in.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn unwritten(error: &(dyn std::error::Error + 'static)) -> Trouble {
    Trouble::retry(match io_kind(error) {
        Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) => {
            "the disk for attachments is full: make room, the work goes on by itself".to_owned()
        }
        Some(kind) => format!("an attachment cannot be written ({kind}): check the folder of attachments.url"),
        None => format!("an attachment cannot be written: {error}"),
    })
}

fn unread(name: &Sha256Hex, error: &object_store::Error) -> Trouble {
    match error {
        object_store::Error::NotFound { .. } => {
            Trouble::operator(format!("the attachment {name} is gone: restore the folder of attachments.url"))
        }
        _ => Trouble::retry(format!("the attachment {name} cannot be read: {error}")),
    }
}

/// The error of the system, or the one below an error of the store.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<std::io::ErrorKind> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return Some(error.kind());
        }
        source = error.source();
    }
    None
}

#[cfg(test)]
mod tests;
