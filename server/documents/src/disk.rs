//! The door to the files: the hive hands in who reads and writes them.

use std::future::Future;
use std::pin::Pin;

use types::{FileId, Hash, PersonId};

/// A future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Reads and writes whole files. Writing replaces a file at once or not at all.
pub trait Disk: Send + Sync + 'static {
    fn read(&self, file: FileId) -> BoxFuture<'_, Result<Plain, DiskError>>;

    /// Writes the bytes if the file still is what was expected, else answers
    /// [`DiskError::Changed`]. Never makes a file that is not there.
    fn write(&self, file: FileId, write: Write) -> BoxFuture<'_, Result<Stamp, DiskError>>;

    /// Tells that the file, if it is this content, holds what these contents hold, which friends
    /// made apart from it.
    fn embrace(
        &self,
        file: FileId,
        content: Hash,
        holds: Vec<Hash>,
    ) -> BoxFuture<'_, Result<(), DiskError>>;
}

/// What a file is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub bytes: Vec<u8>,
    pub expected: Stamp,
    /// Who changed it last.
    pub by: Option<PersonId>,
    /// Contents of friends that went into it.
    pub holds: Vec<Hash>,
}

/// A file's content as it was read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    pub bytes: Vec<u8>,
    pub stamp: Stamp,
    /// Names this very version, the same on every hive that has it; `None` if nobody else has it.
    /// No other version has it, not even one that holds the same.
    pub version: Option<Hash>,
    /// Whether a friend's hive made it, or it was merged from what one made.
    pub foreign: bool,
}

/// By what a file is recognised as unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Of the bytes.
    pub hash: Hash,
    /// Only the disk knows what it means (size, modification time, inode).
    pub token: [u64; 3],
}

/// Why a file could not be read or written. Nothing of a failed write is kept.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("another program changed the file")]
    Changed,
    #[error("the file is gone")]
    Gone,
    #[error("the disk is full")]
    Full,
    #[error("the file cannot be written: {0}")]
    Unwritable(String),
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    #[error("the shared folder is missing: {0}")]
    Missing(String),
    #[error("the file is too large: {0} bytes")]
    TooLarge(u64),
    #[error("the hive is paused")]
    Paused,
    #[error(transparent)]
    Store(#[from] store::Error),
}
