//! Putting a folder back to how it stood at a moment. What stands now is kept, so that it can be
//! undone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use store::View;
use tree::What;
use types::{DAY_MS, FileId, RelPath, ShareId, Time};

use super::restore::{make_folders, write};
use super::{Limits, aside, db, root_of};
use crate::db::change;
use crate::disk::{Root, read_error};
use crate::entry::{ChangedEntry, EntryKind};
use crate::follow::blocking;
use crate::live::Live;
use crate::task::Handle;
use crate::{Error, db as rows, ingest};

/// A putting back that can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBack {
    pub id: u64,
    pub done: PutBackDone,
}

/// What putting a folder back did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PutBackDone {
    pub restored: u64,
    pub removed: u64,
    /// Files of which the bytes of that moment are no longer kept: they stay as they are.
    pub missing: u64,
}

/// How something stands, or is to stand.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: FileId,
    pub(super) what: What,
    pub(super) at: Time,
}

pub(super) type Tree = BTreeMap<RelPath, Place>;

impl Handle {
    /// Puts a folder back to how it stood at a moment.
    pub async fn put_back(
        &self,
        share: ShareId,
        folder: RelPath,
        at: Time,
    ) -> Result<PutBack, Error> {
        let store = self.shared.store.clone();
        store.read(move |view| check_moment(view, share, at)).await?;
        self.note_all(share, folder.clone()).await?;
        let began = store.now();
        let noted = folder.clone();
        let id = store.write(move |tx| db::insert_put_back(tx, share, &noted, began)).await?;
        let done = self.bring_back(share, folder, at, began).await?;
        Ok(PutBack { id, done })
    }

    pub async fn undo_put_back(&self, id: u64) -> Result<PutBackDone, Error> {
        let store = self.shared.store.clone();
        let (share, folder, began) =
            store.read(move |view| db::put_back(view, id)?.ok_or(Error::Gone)).await?;
        self.note_all(share, folder.clone()).await?;
        self.bring_back(share, folder, began, store.now()).await
    }

    /// What was saved or removed a moment ago belongs to what can be put back, and be undone.
    async fn note_all(&self, share: ShareId, folder: RelPath) -> Result<(), Error> {
        self.rescan(share, folder).await?;
        let Some(signer) = self.shared.signer.clone() else { return Ok(()) };
        let live = self.live(share)?;
        blocking(move || ingest::tell_waiting(&live, signer)).await
    }

    /// The share that a putting back belongs to.
    pub async fn put_back_in(&self, id: u64) -> Result<ShareId, Error> {
        let found = self.shared.store.read(move |view| db::put_back(view, id)).await?;
        Ok(found.ok_or(Error::Gone)?.0)
    }

    async fn bring_back(
        &self,
        share: ShareId,
        folder: RelPath,
        at: Time,
        began: Time,
    ) -> Result<PutBackDone, Error> {
        // What is done now must be told from what was there at that moment.
        for _ in 0..100 {
            if self.shared.store.now() > began {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let handle = self.clone();
        let inside = folder.clone();
        let done = blocking(move || {
            let live = handle.live(share)?;
            let root = root_of(&live)?;
            let store = &live.shared.store;
            let (wanted, stands) = store.read_blocking(|view| {
                let wanted = tree_of(db::at(view, share, at)?, share, &inside);
                let stands = tree_of(db::at(view, share, began)?, share, &inside);
                Ok::<_, Error>((wanted, stands))
            })?;
            change(&live, &root, wanted, stands)
        })
        .await?;
        self.rescan(share, folder).await?;
        let announced =
            move |tx: &mut store::Tx| tx.announce("share", &share.to_string(), Some(share));
        self.shared.store.write(announced).await?;
        Ok(done)
    }
}

/// Whether the history tells of a moment; a sentence if not.
pub(super) fn check_moment(view: &View, share: ShareId, at: Time) -> Result<(), Error> {
    let days = Limits::read(view)?.days;
    if at > view.now() {
        return Err(Error::Refused("That moment is still to come.".to_owned()));
    }
    if at < view.now().plus(-days * DAY_MS) {
        return Err(Error::Refused(format!(
            "The history reaches back {days} days. Choose a later moment."
        )));
    }
    if !db::reaches(view, share, at)? {
        return Err(Error::Refused(
            "The history of this folder begins after that. Choose a later moment.".to_owned(),
        ));
    }
    Ok(())
}

/// What stood inside of a folder, by path.
pub(super) fn tree_of(rows: Vec<db::Row>, share: ShareId, folder: &RelPath) -> Tree {
    let known: HashMap<FileId, db::Row> = rows.into_iter().map(|row| (row.file, row)).collect();
    let mut paths: HashMap<FileId, Option<RelPath>> = HashMap::new();
    paths.insert(tree::root_of(share), Some(RelPath::root()));
    for file in known.keys() {
        let mut above = Vec::new();
        let mut next = *file;
        let mut seen = HashSet::new();
        while !paths.contains_key(&next) && seen.insert(next) {
            let Some(row) = known.get(&next) else { break };
            above.push(next);
            next = row.parent;
        }
        let mut path = paths.get(&next).cloned().flatten();
        for file in above.into_iter().rev() {
            path = path.map(|path| path.join(&known[&file].name));
            paths.insert(file, path.clone());
        }
    }
    let inside = |path: &RelPath| path != folder && path.is_within(folder);
    known
        .into_iter()
        .filter_map(|(file, row)| {
            let path = paths.remove(&file).flatten().filter(inside)?;
            Some((path, Place { file, what: row.what, at: row.at }))
        })
        .collect()
}

/// Moves back what moved, writes what is missing or other, removes what was not there.
fn change(live: &Live, root: &Root, wanted: Tree, mut stands: Tree) -> Result<PutBackDone, Error> {
    let mut done = PutBackDone::default();
    let mut at: HashMap<FileId, RelPath> =
        stands.iter().map(|(path, place)| (place.file, path.clone())).collect();
    let mut moved = Vec::new();
    // Folders come before what is in them.
    for (path, place) in &wanted {
        let from = at.get(&place.file).filter(|from| *from != path).cloned();
        if let Some(from) = from.filter(|_| !place.what.is_folder())
            && move_back(live, root, &from, path)?
        {
            if let Some(stood) = stands.remove(&from) {
                stands.insert(path.clone(), stood);
            }
            at.insert(place.file, path.clone());
            done.restored += 1;
            moved.push(from);
        }
        let same = stands.get(path).is_some_and(|stood| stood.what.reads_like(&place.what));
        if same {
            continue;
        }
        let written = make_folders(root, path)
            .and_then(|()| make_way(live, root, path, &place.what))
            .and_then(|()| write(live, root, path, &place.what, true));
        match written {
            Ok(()) => done.restored += u64::from(!place.what.is_folder()),
            Err(Error::Refused(_) | Error::Unreadable { .. } | Error::Taken) => done.missing += 1,
            Err(error) => return Err(error),
        }
    }
    let extra: Vec<RelPath> =
        stands.keys().filter(|path| !wanted.contains_key(*path)).cloned().collect();
    done.removed = remove(live, root, extra)?;
    for path in moved {
        live.watch(&path.parent().unwrap_or_default());
    }
    Ok(done)
}

fn move_back(live: &Live, root: &Root, from: &RelPath, to: &RelPath) -> Result<bool, Error> {
    let _writing = live.writing();
    let stat = |path| root.stat(path).map_err(|error| read_error(&error));
    let (Some(stood), None) = (stat(from)?, stat(to)?) else { return Ok(false) };
    make_folders(root, to)?;
    match root.move_to(from, to, &stood) {
        Ok(_) => Ok(true),
        Err(Error::Taken | Error::Changed | Error::Gone) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file makes way for a folder of its name, and the other way round.
fn make_way(live: &Live, root: &Root, path: &RelPath, what: &What) -> Result<(), Error> {
    let stands = root.stat(path).map_err(|error| read_error(&error))?;
    match stands {
        Some(stat) if (stat.kind == EntryKind::Folder) != what.is_folder() => {
            let share = live.share.id;
            let inside = live.shared.store.read_blocking(|view| {
                Ok::<_, Error>(tree_of(db::at(view, share, view.now())?, share, path))
            })?;
            let mut gone: Vec<RelPath> = inside.into_keys().collect();
            gone.push(path.clone());
            remove(live, root, gone).map(drop)
        }
        _ => Ok(()),
    }
}

/// Removes from disk and tells the records; a folder only when nothing is left in it. Gives how
/// many files went.
fn remove(live: &Live, root: &Root, mut paths: Vec<RelPath>) -> Result<u64, Error> {
    // What lies in a folder goes before the folder.
    paths.sort_by(|one, two| two.cmp(one));
    let (share, store) = (live.share.id, &live.shared.store);
    let (mut lost, mut old) = (Vec::new(), Vec::new());
    let mut files = 0;
    {
        let _writing = live.writing();
        for path in paths {
            let Some(stat) = root.stat(&path).map_err(|error| read_error(&error))? else {
                continue;
            };
            let Some(known) = store.read_blocking(|view| rows::known_at(view, share, &path))?
            else {
                continue;
            };
            if stat.kind == EntryKind::Folder {
                match root.remove_folder(&path) {
                    Ok(()) => lost.push(known),
                    Err(Error::Taken) => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            let part = live.shared.parts.draw_for(share, true);
            match root.take_away(&path, &stat, &part) {
                Ok(()) => {
                    files += 1;
                    old.push((path.parent().unwrap_or_default(), part, path.clone()));
                    lost.push(known);
                }
                Err(Error::Changed | Error::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        let signer = live.shared.signer.clone();
        let changes = store.write_blocking(move |tx| {
            let mut changes: Vec<ChangedEntry> = Vec::new();
            for known in &lost {
                change::lose(tx, share, known, true, &mut changes)?;
            }
            if let Some(signer) = signer {
                let gone = lost.iter().map(|known| known.id).collect();
                ingest::tell_gone(tx, &*signer, share, gone)?;
            }
            Ok::<_, Error>(changes)
        })?;
        live.tell(changes);
    }
    for (folder, part, path) in old {
        aside::set_aside(live, root, (&folder, &part), &path);
    }
    Ok(files)
}
