//! What became other in a folder since a moment.

use std::collections::{BTreeMap, HashMap};

use store::View;
use tree::What;
use types::{FileId, HiveId, RelPath, ShareId, Time};

use super::db;
use super::put_back::{Place, Tree, check_moment, tree_of};
use crate::{EntryKind, Error};

/// A file that is other than it was at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub file: FileId,
    /// Where it stands, or stood last.
    pub path: RelPath,
    /// Where it stood at that moment, if that was elsewhere in the folder.
    pub was: Option<RelPath>,
    /// `added`, `changed`, `removed` or `renamed`.
    pub verb: &'static str,
    pub edited: bool,
    pub kind: EntryKind,
    pub size: u64,
    /// When it changed last.
    pub at: Time,
    /// Who changed it since: hives, and guests there. The last one first.
    pub by: Vec<(HiveId, Option<String>)>,
    /// The versions that it was and is.
    pub before: Option<u64>,
    pub now: Option<u64>,
}

/// What was added, changed, removed or renamed in a folder since a moment, the newest first.
/// Folders tell by what is in them.
pub fn changes(
    view: &View,
    share: ShareId,
    folder: &RelPath,
    since: Time,
) -> Result<Vec<Changed>, Error> {
    crate::share(view, share)?;
    // The history may begin later than that: all of the folder was added then.
    if since > view.now() {
        check_moment(view, share, since)?;
    }
    let then = by_file(tree_of(db::at(view, share, since)?, share, folder));
    let mut now = by_file(tree_of(db::at(view, share, view.now())?, share, folder));
    let mut makers = db::makers_since(view, share, since)?;
    let mut found = Vec::new();
    for (file, (was, before)) in then {
        let stands = now.remove(&file);
        let Some((path, place)) = &stands else {
            let change = (was, None, "removed", true);
            found.push(changed(view, change, (&before, Some(&before), None), &mut makers)?);
            continue;
        };
        let edited = !before.what.reads_like(&place.what);
        if edited || *path != was {
            let verb = if *path == was { "changed" } else { "renamed" };
            let change = (path.clone(), Some(was).filter(|was| was != path), verb, edited);
            let places = (place, Some(&before), Some(place));
            found.push(changed(view, (change.0, change.1, verb, edited), places, &mut makers)?);
        }
    }
    for (path, place) in now.into_values() {
        let change = (path, None, "added", true);
        found.push(changed(view, change, (&place, None, Some(&place)), &mut makers)?);
    }
    found.sort_by(|one, two| two.at.cmp(&one.at).then_with(|| one.path.cmp(&two.path)));
    Ok(found)
}

/// Who changed each file of a share since a moment and when, the last one first.
pub(super) type Makers = HashMap<FileId, Vec<(HiveId, Option<String>, Time)>>;

fn by_file(tree: Tree) -> BTreeMap<FileId, (RelPath, Place)> {
    let files = tree.into_iter().filter(|(_, place)| !place.what.is_folder());
    files.map(|(path, place)| (place.file, (path, place))).collect()
}

fn changed(
    view: &View,
    (path, was, verb, edited): (RelPath, Option<RelPath>, &'static str, bool),
    (place, before, now): (&Place, Option<&Place>, Option<&Place>),
    makers: &mut Makers,
) -> Result<Changed, Error> {
    let makers = makers.remove(&place.file).unwrap_or_default();
    let mut by: Vec<(HiveId, Option<String>)> = Vec::new();
    for (hive, guest, _) in &makers {
        let one = (*hive, guest.clone());
        if !by.contains(&one) {
            by.push(one);
        }
    }
    let version = |place: Option<&Place>| -> Result<Option<u64>, Error> {
        let Some((place, hash)) = place.and_then(|place| Some((place, place.what.hash()?))) else {
            return Ok(None);
        };
        let found = db::version_at(view, place.file, hash, view.now())?;
        Ok(found.map(|(id, _)| id))
    };
    let (kind, size) = match &place.what {
        What::Folder => (EntryKind::Folder, 0),
        What::File { size, .. } => (EntryKind::File, *size),
        What::Link { .. } => (EntryKind::Link, 0),
    };
    Ok(Changed {
        file: place.file,
        path,
        was,
        verb,
        edited,
        kind,
        size,
        at: makers.first().map_or(place.at, |(.., at)| *at),
        by,
        before: version(before)?,
        now: version(now)?,
    })
}
