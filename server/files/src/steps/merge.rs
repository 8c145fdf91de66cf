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
    let text = |hash| {
        let reader = find(live, root, hash)?.ok_or(Error::Gone)?;
        if reader.size > tree::MERGE_BYTES_MAX {
            return Ok(None);
        }
        let bytes = reader.read_all()?;
        Ok::<_, Error>(looks_like_text(&bytes).then_some(bytes))
    };
    let (Some(base), Some(one), Some(other)) = (text(base)?, text(first)?, text(second)?) else {
        return Ok(None);
    };
    let Some(merged) = tree::merge_text(&base, &one, &other) else { return Ok(None) };
    let hash = kept::keep_bytes(live, &merged)?;
    let size = merged.len() as u64;
    live.stock.give(hash, merged);
    Ok(Some((hash, size)))
}
