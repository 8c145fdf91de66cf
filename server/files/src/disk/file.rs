//! Reading files: their content with a stamp that tells it again, or an open handle.

use std::io::{self, Read};

use cap_std::fs::File;
use types::{Hash, RelPath};

use super::{Root, open_plain, read_error, stat_of};
use crate::Error;
use crate::entry::{Entry, Stat};

/// How often a file is read again because it changed while it was read.
const READS_MAX: usize = 3;

/// What a file held at one moment, and by what to tell whether it still does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub size: u64,
    pub modified_ns: i64,
    pub inode: u64,
    pub hash: Hash,
}

impl Stamp {
    /// Whether both stand for the same bytes, whatever was done to the file around them.
    pub fn same_content(&self, other: &Self) -> bool {
        self.hash == other.hash && self.size == other.size
    }

    pub(crate) fn new(stat: &Stat, bytes: &[u8]) -> Self {
        Self {
            size: bytes.len() as u64,
            modified_ns: stat.modified_ns,
            inode: stat.inode,
            hash: Hash::of(bytes),
        }
    }
}

/// A file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub stamp: Stamp,
}

/// A file opened for reading.
#[derive(Debug)]
pub struct OpenFile {
    pub file: std::fs::File,
    pub size: u64,
    /// Changes with the content; fit for an `ETag` once it is put in quotes.
    pub tag: String,
    pub entry: Entry,
}

impl Root {
    /// Reads a whole file of at most `max_bytes`.
    pub(crate) fn read(&self, path: &RelPath, max_bytes: u64) -> Result<Content, Error> {
        let (folder, name) = self.parent(path)?;
        let mut reads = 1;
        loop {
            let file = open_plain(&folder, name.as_str()).map_err(|error| read_error(&error))?;
            let before = plain_stat(&file)?;
            if before.size > max_bytes {
                return Err(Error::TooLarge { size: before.size });
            }
            let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or(0));
            (&file)
                .take(max_bytes.saturating_add(1))
                .read_to_end(&mut bytes)
                .map_err(|error| read_error(&error))?;
            let after = plain_stat(&file)?;
            if after != before && reads < READS_MAX {
                reads += 1;
                continue;
            }
            if bytes.len() as u64 > max_bytes {
                return Err(Error::TooLarge { size: after.size.max(bytes.len() as u64) });
            }
            let stamp = Stamp::new(&after, &bytes);
            return Ok(Content { bytes, stamp });
        }
    }

    pub(crate) fn open_file(&self, entry: Entry) -> Result<OpenFile, Error> {
        let (folder, name) = self.parent(&entry.path)?;
        let file = open_plain(&folder, name.as_str()).map_err(|error| read_error(&error))?;
        let stat = plain_stat(&file)?;
        let tag = format!("{:x}-{:x}-{:x}", stat.size, stat.modified_ns, stat.inode);
        Ok(OpenFile { file: file.into_std(), size: stat.size, tag, entry })
    }
}

/// What the file system says of an open plain file.
pub(super) fn plain_stat(file: &File) -> Result<Stat, Error> {
    let metadata = file.metadata().map_err(|error| read_error(&error))?;
    stat_of(&metadata).ok_or(Error::Gone)
}

/// The hash of an open file's content.
pub(super) fn hash_of(file: &File) -> io::Result<Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(Hash::from_bytes(*hasher.finalize().as_bytes()))
}
