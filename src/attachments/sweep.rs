//! What writes left behind that were cut short.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::{Blobs, Sha256Hex, unwritten};
use crate::trouble::Trouble;

impl Blobs {
    /// Removes the files of writes that began before `before` and never ended, and says how many. A write that is under
    /// way has a young file: several services may share a folder.
    pub async fn sweep(&self, before: SystemTime) -> Result<usize, Trouble> {
        let folder = self.folder.clone();
        let swept = tokio::task::spawn_blocking(move || sweep(&folder, before)).await;
        swept.map_err(Trouble::retry)?.map_err(|error| unwritten(&error))
    }
}

fn sweep(folder: &Path, before: SystemTime) -> io::Result<usize> {
    let mut swept = 0;
    for shard in fs::read_dir(folder)? {
        let shard = shard?;
        if shard.file_name().len() != 2 || !shard.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(shard.path())? {
            let file = file?;
            if is_staged(&file.file_name().to_string_lossy()) && file.metadata()?.modified()? < before {
                fs::remove_file(file.path())?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}

/// `<sha256>#1`: where object_store writes a file before it gives it its name.
fn is_staged(name: &str) -> bool {
    name.split_once('#').is_some_and(|(blob, count)| Sha256Hex::parse(blob).is_some() && count.parse::<u64>().is_ok())
}
