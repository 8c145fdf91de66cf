//! Where a content is cut: FastCDC of 2020 (Xia et al.), 16, 64 and 256 KiB. What is shorter than
//! 64 KiB stays whole.

use std::io::{self, Cursor, Read};

use fastcdc::v2020::{Error, StreamCDC};

pub(super) const CHUNK_BYTES_MIN: usize = 16 * 1_024;
pub(super) const ONE_CHUNK_BYTES_MAX: usize = 64 * 1_024;
pub const CHUNK_BYTES_MAX: usize = 256 * 1_024;

/// The chunks of what is read, one after the other.
pub(super) enum Cuts<R: Read> {
    Fresh(Option<R>),
    Cut(Box<StreamCDC<io::Chain<Cursor<Vec<u8>>, R>>>),
}

impl<R: Read> Cuts<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::Fresh(Some(reader))
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Self::Fresh(reader) = self {
            let Some(mut reader) = reader.take() else { return Ok(None) };
            let mut start = Vec::new();
            reader.by_ref().take(ONE_CHUNK_BYTES_MAX as u64).read_to_end(&mut start)?;
            if start.len() < ONE_CHUNK_BYTES_MAX {
                return Ok((!start.is_empty()).then_some(start));
            }
            let all = Cursor::new(start).chain(reader);
            let cuts = StreamCDC::new(all, CHUNK_BYTES_MIN, ONE_CHUNK_BYTES_MAX, CHUNK_BYTES_MAX);
            *self = Self::Cut(Box::new(cuts));
        }
        let Self::Cut(cuts) = self else { return Ok(None) };
        match cuts.next() {
            None | Some(Err(Error::Empty)) => Ok(None),
            Some(Ok(chunk)) => Ok(Some(chunk.data)),
            Some(Err(Error::IoError(error))) => Err(error),
            Some(Err(Error::Other(why))) => Err(io::Error::other(why)),
        }
    }
}
