//! Contents that the disk spoilt: other bytes than were written, though nobody wrote. They are
//! told to nobody and served to nobody, and written anew from the history or from a friend's hive.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use store::View;
use tree::{Held, Step, What};
use types::{FileId, Hash, RelPath, ShareId};

use crate::contents::{self, Source};
use crate::db::scrub::{self as db, Rotten};
use crate::db::tree::{has_twins, held, set_read, unread};
use crate::disk::{Root, print_of};
use crate::entry::Known;
use crate::exchange::Wanted;
use crate::live::Live;
use crate::{Error, db as rows, steps};

/// What waits for its bytes to be mended is marked so.
pub(crate) const DAMAGED: &str = "damaged";

/// What a look at a file's bytes told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    Whole,
    Rotten,
    /// It is being changed, or nothing is known of it yet.
    Untold,
}

/// Remembers what an earlier run of the hive found.
pub(crate) fn recall(live: &Live) {
    let share = live.share.id;
    let known = live.shared.store.read_blocking(|view| {
        Ok::<_, Error>((!db::all(view, share)?.is_empty(), has_twins(view, share)?))
    });
    match known {
        Ok((ailing, linked)) => {
            live.ailing.fetch_or(ailing, Ordering::Relaxed);
            live.linked.fetch_or(linked, Ordering::Relaxed);
        }
        Err(error) => tracing::debug!(%share, %error, "what was found is not known"),
    }
}

/// Reads a file that is in step from the disk, and notes when it holds other bytes than it should.
pub(crate) fn look(live: &Live, root: &Root, file: FileId) -> Result<Looked, Error> {
    let Some((known, hash)) = expected(live, file)? else { return Ok(Looked::Untold) };
    let as_known = |stat| known.stat == stat && known.stat.changed_ns != 0;
    let Ok((open, before)) = root.open_plain(&known.path) else { return Ok(Looked::Untold) };
    if !as_known(before) {
        return Ok(Looked::Untold);
    }
    let found = print_of(&open);
    let after = root.stat(&known.path).ok().flatten();
    if !after.is_some_and(as_known) || expected(live, file)? != Some((known.clone(), hash)) {
        return Ok(Looked::Untold);
    }
    if found == hash {
        let share = live.share.id;
        if live.ailing.load(Ordering::Relaxed) {
            live.shared
                .store
                .write_blocking(move |tx| db::forget(tx, share, (file, hash), false))?;
        }
        return Ok(Looked::Whole);
    }
    tracing::warn!(path = %known.path, "the disk gave back other bytes than were written");
    note(live, Rotten { file, hash, found: Some(found) })?;
    Ok(Looked::Rotten)
}

/// A file that is in step, and what it holds.
fn expected(live: &Live, file: FileId) -> Result<Option<(Known, Hash)>, Error> {
    let share = live.share.id;
    live.shared.store.read_blocking(|view| {
        let Some(known) = rows::known(view, share, file)? else { return Ok(None) };
        let Some(Held { what: What::File { hash, size, modified_ns, .. }, .. }) =
            held(view, share, file)?
        else {
            return Ok(None);
        };
        let same =
            known.stat.size == size && live.traits().same_time(known.stat.modified_ns, modified_ns);
        let read = unread(view, share, file)?.is_none();
        Ok((same && read).then_some((known, hash)))
    })
}

pub(crate) fn note(live: &Live, rotten: Rotten) -> Result<(), Error> {
    let share = live.share.id;
    live.shared.store.write_blocking(move |tx| {
        db::note(tx, share, &rotten)?;
        tx.announce("share", &share.to_string(), Some(share)).map_err(Error::from)
    })?;
    live.ailing.store(true, Ordering::Relaxed);
    live.tell_needs();
    live.wake();
    Ok(())
}

/// A content did not come out of the folder as its hash says: whoever holds it is looked at.
pub(crate) fn suspect(live: &Live, hash: Hash) {
    let share = live.share.id;
    let looked = live.root().and_then(|root| {
        let store = &live.shared.store;
        let holders = store.read_blocking(|view| rows::tree::holders(view, share, hash))?;
        holders.into_iter().try_for_each(|file| look(live, &root, file).map(drop))
    });
    if let Err(error) = looked {
        tracing::debug!(%hash, %error, "a content that may be spoilt could not be looked at");
    }
}

/// Whether what stands in the folder for a file is known to be spoilt.
pub(crate) fn is_known(view: &View, share: ShareId, file: FileId) -> Result<bool, Error> {
    let mut all = db::all(view, share)?.into_iter();
    Ok(all.any(|rotten| rotten.file == file && rotten.found.is_some()))
}

/// Whether these bytes under a path are no edit but what the disk made of the last one.
pub(crate) fn is_no_edit(live: &Live, path: &RelPath, hash: Hash) -> Result<bool, Error> {
    if !live.ailing.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let share = live.share.id;
    live.shared.store.read_blocking(|view| {
        let Some(known) = rows::known_at(view, share, path)? else { return Ok(false) };
        let mut all = db::all(view, share)?.into_iter();
        Ok(all.any(|rotten| rotten.file == known.id && rotten.found == Some(hash)))
    })
}

/// Whether what the history kept of a content is spoilt.
pub(crate) fn is_kept_spoilt(live: &Live, hash: Hash) -> Result<bool, Error> {
    if !live.ailing.load(Ordering::Relaxed) {
        return Ok(false);
    }
    live.shared.store.read_blocking(|view| db::is_kept_spoilt(view, hash))
}

/// The contents that friends' hives are asked for, so that they are written anew.
pub(crate) fn lacking(live: &Arc<Live>, root: &Root) -> Result<Vec<Wanted>, Error> {
    if !live.ailing.load(Ordering::Relaxed) {
        return Ok(Vec::new());
    }
    // What is just being put in its place is not to be received once more.
    let _alone = live.healing.lock().unwrap_or_else(PoisonError::into_inner);
    let (share, store) = (live.share.id, &live.shared.store);
    let mut lacking = Vec::new();
    for Rotten { file, hash, found } in store.read_blocking(|view| db::all(view, share))? {
        let here = match found {
            Some(_) => contents::find(live, root, hash)?,
            None => contents::find_in_folder(live, root, hash)?,
        };
        if here.is_some() {
            continue;
        }
        let (path, size) = store.read_blocking(|view| {
            let known = rows::known(view, share, file)?;
            let size = match found {
                Some(_) => known.as_ref().map(|known| known.stat.size),
                None => store::content_size(view, hash)?,
            };
            let path = known.map(|known| known.path).unwrap_or_default();
            Ok::<_, Error>((path, size.unwrap_or(0)))
        })?;
        lacking.push(Wanted { file, path, hash, size, base: None });
    }
    Ok(lacking)
}

/// Writes anew what can be had whole by now. Tells whether anything was.
pub(crate) fn heal_some(live: &Live, root: &Root) -> Result<bool, Error> {
    if !live.ailing.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let _alone = live.healing.lock().unwrap_or_else(PoisonError::into_inner);
    let (share, store) = (live.share.id, &live.shared.store);
    let all = store.read_blocking(|view| db::all(view, share))?;
    live.ailing.store(!all.is_empty(), Ordering::Relaxed);
    let mut any = false;
    for rotten in all {
        let healed = match rotten.found {
            Some(_) => heal_file(live, root, &rotten),
            None => heal_kept(live, root, rotten.hash),
        };
        match healed {
            Ok(false) => {}
            Ok(true) => {
                any = true;
                let Rotten { file, hash, found } = rotten;
                store.write_blocking(move |tx| {
                    db::forget(tx, share, (file, hash), found.is_none())?;
                    tx.announce("share", &share.to_string(), Some(share)).map_err(Error::from)
                })?;
            }
            Err(error) => tracing::debug!(hash = %rotten.hash, %error, "a content stays spoilt"),
        }
    }
    Ok(any)
}

/// True when the file holds what it should, or should hold something else by now.
fn heal_file(live: &Live, root: &Root, rotten: &Rotten) -> Result<bool, Error> {
    let (share, file) = (live.share.id, rotten.file);
    let store = &live.shared.store;
    let held = store.read_blocking(|view| held(view, share, file))?;
    let Some(held) = held.filter(|held| held.what.hash() == Some(rotten.hash)) else {
        return Ok(true);
    };
    if contents::find(live, root, rotten.hash)?.is_none() {
        return Ok(false);
    }
    let Some(instead_of) = spoilt(live, file, &held)? else { return Ok(false) };
    let Held { parent, name, what, vector } = held;
    let step = Step::Write { parent, name, what, vector, instead_of: Some(instead_of) };
    steps::rewrite(live, root, vec![(file, step)])?;
    Ok(look(live, root, file)? == Looked::Whole)
}

/// What stands in the folder instead: the same but for its bytes, and perhaps its date. `None` if
/// somebody changed it meanwhile.
fn spoilt(live: &Live, file: FileId, held: &Held) -> Result<Option<Held>, Error> {
    let (share, mut held) = (live.share.id, held.clone());
    let store = &live.shared.store;
    let (known, waits) = store.read_blocking(|view| {
        Ok::<_, Error>((rows::known(view, share, file)?, unread(view, share, file)?))
    })?;
    let What::File { size, modified_ns, .. } = &mut held.what else { return Ok(None) };
    let Some(known) = known.filter(|known| known.stat.size == *size) else { return Ok(None) };
    *modified_ns = known.stat.modified_ns;
    match waits {
        None => Ok(Some(held)),
        Some(Some(code)) if code == DAMAGED => {
            store.write_blocking(move |tx| set_read(tx, share, file))?;
            Ok(Some(held))
        }
        Some(_) => Ok(None),
    }
}

/// True when the history has the content whole, or is to keep it no longer.
fn heal_kept(live: &Live, root: &Root, hash: Hash) -> Result<bool, Error> {
    let store = &live.shared.store;
    if !store.read_blocking(|view| store::has_content(view, hash))? {
        return Ok(true);
    }
    let Some(found) = contents::find_in_folder(live, root, hash)? else { return Ok(false) };
    let told = match &found.source {
        Source::Bytes(bytes) => store.keep_content(&bytes[..], u64::MAX),
        Source::File(file) => store.keep_content(file, u64::MAX),
        Source::Kept(_) => return Ok(false),
    };
    let told = told.map_err(|error| crate::disk::read_error(&error))?;
    if told.hash != hash {
        suspect(live, hash);
        return Ok(false);
    }
    Ok(store.write_blocking(move |tx| store::mend_content(tx, hash))?)
}
