//! Where a content is cut: known of what is too large to be kept, so that what follows it can go
//! out as a difference.

use std::io;

use store::Cut;
use types::Hash;

use crate::contents::{Reader, find};
use crate::disk::{Root, read_error};
use crate::live::Live;
use crate::{Error, kept};

/// Where a content of the share is cut, or was.
pub(crate) fn outline(live: &Live, root: &Root, hash: Hash) -> Result<Option<Vec<Cut>>, Error> {
    let (share, store) = (live.share.id, &live.shared.store);
    if store.read_blocking(|view| kept::names(view, share, hash))?
        && let Some(cuts) = store.outline(hash)?
    {
        return Ok(Some(cuts));
    }
    let Some(found) = find(live, root, hash)? else { return Ok(None) };
    let measured = store::measure(Whole(&found, 0)).map_err(|error| read_error(&error))?;
    Ok(measured.outline)
}

/// A content from where it was read so far.
struct Whole<'a>(&'a Reader, u64);

impl io::Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read_at(self.1, buffer).map_err(io::Error::other)?;
        self.1 += read as u64;
        Ok(read)
    }
}
