//! Where the keys come from: the configuration, or a file that is made where it is missing.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Vault;
use crate::config::Secrets;
use crate::trouble::Trouble;

impl Vault {
    /// Takes the keys of the configuration, making the file where it is missing.
    pub fn unlock(secrets: &Secrets) -> Result<Self, Trouble> {
        if let Some(key) = &secrets.key {
            return Self::parse(key.expose(), "secrets.key");
        }
        let file = &secrets.key_file;
        let text = match read(file)? {
            Some(text) => text,
            None => {
                make(file)?;
                read(file)?.ok_or_else(|| unwritable(file, "it vanished"))?
            }
        };
        warn_if_open_to_others(file);
        Self::parse(&text, &file.display().to_string())
    }

    /// The keys there are; a file that is missing is not made.
    pub fn present(secrets: &Secrets) -> Result<Option<Self>, Trouble> {
        let file = &secrets.key_file;
        match &secrets.key {
            Some(key) => Self::parse(key.expose(), "secrets.key").map(Some),
            None => match read(file)? {
                Some(text) => Self::parse(&text, &file.display().to_string()).map(Some),
                None => Ok(None),
            },
        }
    }

    /// Whether there are keys, or could be: a file that is missing is made when a key is needed.
    pub fn examine(secrets: &Secrets) -> Result<(), Trouble> {
        match Self::present(secrets)? {
            Some(_) => Ok(()),
            None => folder_of(&secrets.key_file),
        }
    }

    fn parse(text: &str, from: &str) -> Result<Self, Trouble> {
        let wrong = || {
            Trouble::operator(format!(
                "{from} is no key file: each line must be the base64 of 32 bytes; restore your backup, or make a key \
                 with `head -c 32 /dev/urandom | base64`"
            ))
        };
        let words = text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty() && !word.starts_with('#'));
        let secrets = words.map(secret).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
        Self::of(secrets).ok_or_else(wrong)
    }
}

fn folder_of(file: &Path) -> Result<(), Trouble> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() { Ok(()) } else { Err(unwritable(file, "its folder is not there")) }
}

fn secret(word: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(STANDARD.decode(word).ok()?);
    bytes.as_slice().try_into().map(Zeroizing::new).ok()
}

fn read(file: &Path) -> Result<Option<Zeroizing<String>>, Trouble> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Trouble::operator(format!(
            "cannot read the key file {}: {error}; check secrets.key_file and its permissions",
            file.display()
        ))),
    }
}

/// Makes the file whole or not at all, and never over one that another process has just made.
fn make(file: &Path) -> Result<(), Trouble> {
    let mut secret = Zeroizing::new([0_u8; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| unwritable(file, error))?;
    let text = Zeroizing::new(STANDARD.encode(secret.as_slice()) + "\n");
    let draft = draft_of(file).map_err(|error| unwritable(file, error))?;
    let linked = write_private(&draft, &text).and_then(|()| fs::hard_link(&draft, file));
    let _ = fs::remove_file(&draft);
    match linked {
        Ok(()) => {
            tracing::warn!(
                file = %file.display(),
                "made a new key file: back it up, without it every account must be connected again"
            );
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && file.exists() => Ok(()),
        Err(error) => Err(unwritable(file, error)),
    }
}

/// A name beside the file that no other starter uses.
fn draft_of(file: &Path) -> Result<PathBuf, getrandom::Error> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", getrandom::u64()?));
    Ok(file.with_file_name(name))
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn unwritable(file: &Path, why: impl std::fmt::Display) -> Trouble {
    Trouble::operator(format!(
        "cannot make the key file {}: {why}; make its folder writable, or set secrets.key_file",
        file.display()
    ))
}

/// The mode of a key file that others can read or change.
#[cfg(unix)]
pub fn open_to_others(file: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(file).map(|metadata| metadata.permissions().mode()).unwrap_or(0);
    (mode & 0o077 != 0).then_some(mode & 0o777)
}

/// Elsewhere the file system does not tell.
#[cfg(not(unix))]
pub fn open_to_others(_: &Path) -> Option<u32> {
    None
}

fn warn_if_open_to_others(file: &Path) {
    if let Some(mode) = open_to_others(file) {
        tracing::warn!(
            file = %file.display(),
            mode = format_args!("{mode:o}"),
            "other users of this machine can read the key file: chmod 600 it"
        );
    }
}
