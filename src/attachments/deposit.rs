//! Blobs that become durable together: the disk is waited for once a batch, not once a file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use object_store::{ObjectStore as _, PutMode, PutOptions};

use super::{Blobs, Sha256Hex, place, unwritten};
use crate::seam::seam;
use crate::trouble::Trouble;

/// Blobs on their way to the disk. What refers to one is written after [`settle`](Self::settle) alone: the database says
/// that a blob is there, so after a power cut it must be.
#[derive(Debug)]
#[must_use = "what is not settled may not outlive a power cut"]
pub struct Deposit<'a> {
    blobs: &'a Blobs,
    names: Mutex<BTreeSet<Sha256Hex>>,
}

impl Blobs {
    /// A deposit without a blob.
    pub fn deposit(&self) -> Deposit<'_> {
        Deposit { blobs: self, names: Mutex::default() }
    }
}

impl Deposit<'_> {
    /// Keeps `bytes`, whole or not at all, and says under which name.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<Sha256Hex, Trouble> {
        seam("blob.before")?;
        let bytes: Bytes = bytes.into();
        let name = Sha256Hex::of(&bytes);
        if !self.is_kept(&name, &bytes).await? {
            let options = PutOptions { mode: PutMode::Overwrite, ..PutOptions::default() };
            let put = self.blobs.store.put_opts(&place(&name), bytes.into(), options).await;
            put.map_err(|error| unwritten(&error))?;
        }
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        seam("blob.written")?;
        Ok(name)
    }

    /// A file that a power cut caught before it was settled can have its name and its size, but not its content.
    async fn is_kept(&self, name: &Sha256Hex, bytes: &Bytes) -> Result<bool, Trouble> {
        let is_there = self.blobs.size(name).await? == Some(bytes.len() as u64);
        Ok(is_there && self.blobs.read(name).await? == bytes)
    }

    /// Waits until every blob of the deposit is on the disk.
    pub async fn settle(self) -> Result<(), Trouble> {
        let names = self.names.into_inner().unwrap_or_else(PoisonError::into_inner);
        if names.is_empty() {
            return Ok(());
        }
        let folder = self.blobs.folder.clone();
        let flushed = tokio::task::spawn_blocking(move || flush(&folder, &names)).await;
        flushed.map_err(Trouble::retry)?.map_err(|error| unwritten(&error))?;
        Ok(seam("blob.settled")?)
    }
}

/// Files first, then the folders that name them. The first flush of a journalling file system takes the others along.
fn flush(folder: &Path, names: &BTreeSet<Sha256Hex>) -> io::Result<()> {
    let mut folders = BTreeSet::from([PathBuf::from(folder)]);
    for name in names {
        let file = folder.join(place(name).as_ref());
        File::open(&file)?.sync_all()?;
        folders.extend(file.parent().map(Path::to_path_buf));
    }
    // A folder cannot be opened as a file everywhere; where it can, it must be on the disk as well.
    folders.iter().filter(|_| cfg!(unix)).try_for_each(|folder| File::open(folder)?.sync_all())
}
