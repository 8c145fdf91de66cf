//! Two versions of a text become one, if they do not touch the same lines.

use types::Hash;

use crate::contents::find;
use crate::disk::Root;
use crate::live::Live;
use crate::{Error, kept, looks_like_text};

/// Hash and size of what the two make together; `None` if a person has to choose.
pub(super) fn merge(
    live: &Live,
    root: &Root,
    (base, first, second): (Hash, Hash, Hash),
) -> Result<Option<(Hash, u64)>, Error> {
    let mut texts = Vec::new();
    for hash in [base, first, second] {
        // What nobody has any more, and what is no text, cannot be merged.
        let Some(text) = text(live, root, hash)? else { return Ok(None) };
        texts.push(text);
    }
    let [base, first, second] = texts.as_slice() else { return Ok(None) };
    let Some(merged) = tree::merge_text(base, first, second) else { return Ok(None) };
    let hash = kept::keep_bytes(live, &merged)?;
    let size = merged.len() as u64;
    live.stock.give(hash, merged);
    Ok(Some((hash, size)))
}

/// What is here of the three contents is no text, so that the rest need not come.
pub(super) fn is_hopeless(live: &Live, root: &Root, contents: [Hash; 3]) -> Result<bool, Error> {
    for hash in contents {
        if find(live, root, hash)?.is_some() && text(live, root, hash)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn text(live: &Live, root: &Root, hash: Hash) -> Result<Option<Vec<u8>>, Error> {
    let Some(reader) = find(live, root, hash)? else { return Ok(None) };
    if reader.size > tree::MERGE_BYTES_MAX {
        return Ok(None);
    }
    let bytes = reader.read_all()?;
    Ok(looks_like_text(&bytes).then_some(bytes))
}
