//! Where the data lies, and the lock that keeps a second hive out of it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

/// An existing, writable data folder, locked for this process until it is unlocked or the value
/// is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes the folder if need be, readable by its owner alone, and locks it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let not_writable = |error: std::io::Error| Error::NotWritable {
            folder: path.display().to_string(),
            why: error.to_string(),
        };
        create_private(path).map_err(not_writable)?;
        create_private(&path.join("snapshots")).map_err(not_writable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("hive.lock"))
            .map_err(not_writable)?;
        match lock.try_lock() {
            Ok(()) => {
                check_writable(path).map_err(not_writable)?;
                Ok(Self { path: path.to_owned(), lock })
            }
            Err(TryLockError::WouldBlock) => Err(Error::InUse),
            Err(TryLockError::Error(error)) => Err(not_writable(error)),
        }
    }

    /// Another hive may have it from now on.
    pub(crate) fn unlock(&self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the data folder stays locked until this program ends");
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("hive.db")
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }
}

/// Files that are there already may be writable in a folder that takes no new ones. A full disk is
/// no reason to stop: what is there can be read.
fn check_writable(folder: &Path) -> std::io::Result<()> {
    use std::io::ErrorKind as Kind;
    let probe = folder.join("hive.probe");
    match File::create(&probe).and_then(|_| std::fs::remove_file(&probe)) {
        Err(error) if matches!(error.kind(), Kind::StorageFull | Kind::QuotaExceeded) => Ok(()),
        other => other,
    }
}

#[cfg(unix)]
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}
