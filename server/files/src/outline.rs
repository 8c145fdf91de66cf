//! Where a content is cut: known of what is too large to be kept, so that what follows it can go
//! out as a difference.

use store::{Cut, Cutter};
use types::Hash;

use crate::contents::find;
use crate::disk::Root;
use crate::live::Live;
use crate::{Error, kept};

const READ_BYTES: usize = 256 * 1_024;

/// Where a content of the share is cut, or was.
pub(crate) fn outline(live: &Live, root: &Root, hash: Hash) -> Result<Option<Vec<Cut>>, Error> {
    let (share, store) = (live.share.id, &live.shared.store);
    if store.read_blocking(|view| kept::names(view, share, hash))?
        && let Some(cuts) = store.outline(hash)?
    {
        return Ok(Some(cuts));
    }
    let Some(found) = find(live, root, hash)? else { return Ok(None) };
    let (mut cutter, mut at) = (Cutter::default(), 0);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match found.read_at(at, &mut buffer)? {
            0 => return Ok(cutter.finish()),
            read => {
                cutter.push(&buffer[..read]);
                at += read as u64;
            }
        }
    }
}
