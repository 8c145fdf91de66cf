//! The sides of two versions that do not stand in the folder: fetched and kept in the history, so
//! that a person can look at them and choose while the other hive is away.

use std::sync::Arc;

use tree::What;
use types::{FileId, Hash, RelPath};

use crate::contents::{self, Source};
use crate::db::tree as db;
use crate::disk::Root;
use crate::exchange::Wanted;
use crate::live::Live;
use crate::{Error, kept};

/// What of them is neither in the history nor in the folder. What arrived is kept first. Blocks.
pub(crate) fn lacking(live: &Arc<Live>, root: &Root) -> Result<Vec<Wanted>, Error> {
    let mut lacking = Vec::new();
    let sides = sides(live)?;
    let room = if sides.is_empty() { 0 } else { kept::room(&live.shared.store)? };
    // What the history has no room for stays with the other hive.
    for (file, path, hash, size) in sides.into_iter().filter(|(.., size)| *size <= room) {
        if kept::open(live, hash)?.is_some() {
            continue;
        }
        match contents::find(live, root, hash)? {
            Some(found) => keep(live, hash, &found, room)?,
            None => lacking.push(Wanted { file, path, hash, size, base: None }),
        }
    }
    Ok(lacking)
}

fn sides(live: &Live) -> Result<Vec<(FileId, RelPath, Hash, u64)>, Error> {
    let share = live.share.id;
    live.shared.store.read_blocking(|view| {
        let mut sides = Vec::new();
        for (_, id) in db::nodes_apart(view, Some(share))? {
            let Some(node) = db::node(view, share, id)? else { continue };
            let Some(path) = db::path_of(view, share, id)? else { continue };
            let others = tree::standing(&node).map(|standing| standing.others).unwrap_or_default();
            for version in others {
                if let What::File { hash, size, .. } = version.what {
                    sides.push((id, path.clone(), hash, size));
                }
            }
        }
        Ok(sides)
    })
}

fn keep(live: &Live, hash: Hash, found: &contents::Reader, room: u64) -> Result<(), Error> {
    match &found.source {
        Source::Bytes(bytes) => drop(kept::keep_bytes(live, bytes)?),
        Source::File(file) => drop(kept::keep_within(live, file, room)?),
        Source::Kept(_) => return Ok(()),
    }
    live.shared.store.write_blocking(move |tx| store::place_content(tx, hash).map(drop))?;
    Ok(())
}
