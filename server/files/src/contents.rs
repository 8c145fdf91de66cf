//! Contents on their way between hives: read by position, received by position and verified.

use types::Hash;

use crate::Error;

/// A content that is read by position, in the folder or in the history. Blocks.
#[derive(Debug)]
pub struct Reader {
    pub hash: Hash,
    pub size: u64,
}

impl Reader {
    /// Fills the buffer from a position; fewer bytes only at the end.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let _ = (at, buffer);
        Err(Error::Gone)
    }
}

/// A content that is being received. What was marked as here survives a restart. Blocks.
#[derive(Debug)]
pub struct Receiving {
    pub hash: Hash,
    pub size: u64,
}

impl Receiving {
    /// The ranges (start, end) that are here, sorted and apart.
    pub fn here(&self) -> Vec<(u64, u64)> {
        Vec::new()
    }

    /// The ranges that are not.
    pub fn missing(&self) -> Vec<(u64, u64)> {
        Vec::new()
    }

    /// Writes bytes that the sender vouches for.
    pub fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        let _ = (at, bytes);
        Err(Error::Gone)
    }

    /// Takes a range over from a content that this hive has, without copying where the file
    /// system can.
    pub fn copy_from(
        &mut self,
        from: &Reader,
        start: u64,
        length: u64,
        at: u64,
    ) -> Result<(), Error> {
        let _ = (from, start, length, at);
        Err(Error::Gone)
    }

    /// Makes what is here survive a restart.
    pub fn keep(&mut self) -> Result<(), Error> {
        Err(Error::Gone)
    }

    /// Verifies the whole and hands it to the folder. False, and it begins again: the bytes were
    /// not what the hash says.
    pub fn finish(self) -> Result<bool, Error> {
        Err(Error::Gone)
    }
}
