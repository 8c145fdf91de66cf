//! Several names of one file, hard links: each carries the id of the group among its attributes,
//! so that they arrive as names of one file again.

use std::sync::atomic::Ordering;

use store::{Tx, View};
use tree::{Step, What};
use types::{FileId, RelPath, ShareId, Time};

use crate::db::tree as db;
use crate::entry::Stat;
use crate::live::Live;
use crate::{Error, db as rows};

/// No extended attribute is called so: all that are carried begin with `user.`.
const ATTRIBUTE: &str = "link";

/// Whether an attribute is the one that carries the group.
pub(crate) fn is_group(name: &str) -> bool {
    name == ATTRIBUTE
}

/// The group of a file that has several names.
pub(crate) fn group_in(what: &What) -> Option<FileId> {
    let What::File { attributes, .. } = what else { return None };
    let (_, value) = attributes.iter().find(|(name, _)| name == ATTRIBUTE)?;
    value.as_slice().try_into().ok().map(FileId::from_bytes)
}

/// The group of what a step writes.
pub(crate) fn group_of(step: &Step) -> Option<FileId> {
    if let Step::Write { what, .. } = step { group_in(what) } else { None }
}

/// Adds the group that a file is found in to its attributes.
pub(crate) fn add_group(
    live: &Live,
    path: &RelPath,
    stat: &Stat,
    attributes: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), Error> {
    if stat.names < 2 && !live.linked.load(Ordering::Relaxed) {
        return Ok(());
    }
    let share = live.share.id;
    let found = live.shared.store.read_blocking(|view| group(view, share, path, stat))?;
    if let Some(group) = found {
        live.linked.store(true, Ordering::Relaxed);
        attributes.insert(0, (ATTRIBUTE.to_owned(), group.as_bytes().to_vec()));
    }
    Ok(())
}

/// The group that a file belongs to as it stands: that of the other names on disk, or the one that
/// it was told in, as long as no other name of it stands apart on disk, but for a moment.
fn group(
    view: &View,
    share: ShareId,
    path: &RelPath,
    stat: &Stat,
) -> Result<Option<FileId>, Error> {
    let own = rows::known_at(view, share, path)?.map(|known| known.id);
    let told_of = |id| Ok::<_, Error>(db::held(view, share, id)?.and_then(|it| group_in(&it.what)));
    let told = match own {
        Some(own) => told_of(own)?,
        None => None,
    };
    let twins = if stat.names > 1 { rows::twins(view, share, path, stat)? } else { Vec::new() };
    if !twins.is_empty() {
        let mut groups: Vec<FileId> = told.into_iter().collect();
        for twin in &twins {
            groups.extend(told_of(twin.id)?);
        }
        let ids = twins.iter().map(|twin| twin.id).chain(own);
        return Ok(groups.into_iter().min().or_else(|| ids.min()));
    }
    let Some(group) = told else { return Ok(None) };
    let mut apart = false;
    for other in db::twins_of(view, share, group)? {
        if Some(other) == own || rows::known(view, share, other)?.is_none() {
            continue;
        }
        if db::unread(view, share, other)?.is_some() || db::waiting(view, share, other)?.is_some() {
            return Ok(told);
        }
        apart = true;
    }
    let moving = match own {
        Some(own) => db::waiting(view, share, own)?.is_some(),
        None => false,
    };
    Ok(told.filter(|_| !apart || moving))
}

/// After files were told of: those whose other names tell of another group are read again.
pub(crate) fn follow(tx: &mut Tx, share: ShareId, paths: &[RelPath]) -> Result<(), Error> {
    if paths.is_empty() || !db::facts(tx, share)?.edits {
        return Ok(());
    }
    for path in paths {
        let Some(known) = rows::known_at(tx, share, path)? else { continue };
        let mut all = rows::twins(tx, share, path, &known.stat)?;
        all.push(known);
        for one in all {
            let held = db::held(tx, share, one.id)?;
            let told = held.and_then(|held| group_in(&held.what));
            if group(tx, share, &one.path, &one.stat)? != told
                && db::unread(tx, share, one.id)?.is_none()
            {
                db::set_unread(tx, share, one.id, Time(0), None)?;
            }
        }
    }
    Ok(())
}
