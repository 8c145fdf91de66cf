//! What stands in the folder of a hive that may not change its share is in no record. When friends
//! put something under the same name, it becomes that if it is the same, and makes room if not.

use tree::{Step, What};
use types::{FileId, Hash, Name, RelPath};

use super::act::dress;
use crate::db::tree as db;
use crate::disk::{Root, hash_from_start, read_error};
use crate::entry::{EntryKind, Known, Seen};
use crate::live::Live;
use crate::{Error, db as rows};

/// So many things of one name make room.
const ASIDE_MAX: u32 = 1_000;

/// How a stranger gave way.
pub(super) enum Way {
    /// It is what was to be put there: it belongs to the node from now on.
    Became(Known, Seen),
    Moved(Known, Seen),
}

/// Where a step puts something that did not stand there.
pub(super) fn target(step: &Step) -> Option<(FileId, &Name, Option<&What>)> {
    match step {
        Step::MakeFolder { parent, name, .. } => Some((*parent, name, Some(&What::Folder))),
        Step::Write { parent, name, what, instead_of: None, .. } => {
            Some((*parent, name, Some(what)))
        }
        Step::Move { to: (parent, name), .. } => Some((*parent, name, None)),
        _ => None,
    }
}

/// Has what stands under a path give way. `Taken` if it is no stranger.
pub(super) fn give_way(
    live: &Live,
    root: &Root,
    path: &RelPath,
    what: Option<&What>,
) -> Result<Way, Error> {
    let share = live.share.id;
    let stranger = live.shared.store.read_blocking(|view| {
        if db::facts(view, share)?.edits {
            return Ok(None);
        }
        let Some(known) = rows::known_at(view, share, path)? else { return Ok(None) };
        Ok::<_, Error>(db::held(view, share, known.id)?.is_none().then_some(known))
    })?;
    let known = stranger.ok_or(Error::Taken)?;
    if let Some(what) = what
        && is_same(root, &known, what)?
    {
        let stat = match what {
            What::File { .. } => root.dress(path, &known.stat, &dress(what), &live.traits())?,
            What::Folder | What::Link { .. } => known.stat,
        };
        return Ok(Way::Became(known, Seen { path: path.clone(), stat }));
    }
    let folder = path.parent().ok_or(Error::Taken)?;
    let name = path.name().ok_or(Error::Taken)?;
    for number in 1..=ASIDE_MAX {
        let aside = folder.join(&aside(&name, number)?);
        match root.move_to(path, &aside, &known.stat) {
            Err(Error::Taken) => {}
            Err(error) => return Err(error),
            Ok(stat) => return Ok(Way::Moved(known, Seen { path: aside, stat })),
        }
    }
    Err(Error::Taken)
}

fn is_same(root: &Root, known: &Known, what: &What) -> Result<bool, Error> {
    match what {
        What::Folder => Ok(known.stat.kind == EntryKind::Folder),
        What::File { hash, size, .. } => {
            if known.stat.kind != EntryKind::File || known.stat.size != *size {
                return Ok(false);
            }
            let (file, stat) = root.open_plain(&known.path)?;
            let found: Hash = hash_from_start(&file).map_err(|error| read_error(&error))?;
            Ok(stat.is_as(&known.stat) && found == *hash)
        }
        What::Link { .. } => Ok(false),
    }
}

fn aside(name: &Name, number: u32) -> Result<Name, Error> {
    let whole = name.as_str();
    let (stem, extension) = match whole.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (whole, String::new()),
    };
    let number = if number > 1 { format!(" {number}") } else { String::new() };
    Ok(Name::new(&format!("{stem} (only here{number}){extension}"))?)
}
