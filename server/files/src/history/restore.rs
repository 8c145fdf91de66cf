//! Bringing back: a version over what stands, or beside it, and what is in the trash. What stands
//! is replaced in one step, and becomes a version itself.

use std::collections::HashMap;
use std::sync::Arc;

use tree::What;
use types::{FileId, Hash, Name, RelPath, ShareId};

use super::{aside, db, root_of, version};
use crate::contents::{self, Reader};
use crate::disk::{Dress, Root, kind_of, put_on, read_error, write_error};
use crate::entry::{Entry, EntryKind};
use crate::follow::blocking;
use crate::live::Live;
use crate::task::Handle;
use crate::{Error, entry, entry_at};

/// How many copies of one name are tried.
const COPIES_MAX: u32 = 1_000;
const NANOSECONDS: i64 = 1_000_000;

impl Handle {
    /// The bytes of a version.
    pub async fn open_version(&self, file: FileId, id: u64) -> Result<Reader, Error> {
        let handle = self.clone();
        blocking(move || {
            let version = handle.shared.store.read_blocking(|view| version(view, file, id))?;
            let live = handle.live(version.share)?;
            reader(&live, &root_of(&live)?, version.hash)
        })
        .await
    }

    /// Brings a version back: over what stands, or as a copy beside it.
    pub async fn restore_version(
        &self,
        file: FileId,
        id: u64,
        as_copy: bool,
    ) -> Result<Entry, Error> {
        let handle = self.clone();
        let (share, path, hash) = blocking(move || {
            let store = &handle.shared.store;
            let version = store.read_blocking(|view| version(view, file, id))?;
            let live = handle.live(version.share)?;
            let root = root_of(&live)?;
            let what = version_what(&live, file, version.hash)?;
            let stands = match store.read_blocking(|view| entry(view, file)) {
                Ok(entry) => Some(entry.path),
                Err(Error::Gone) => None,
                Err(error) => return Err(error),
            };
            let path = match stands {
                Some(path) if !as_copy => {
                    write(&live, &root, &path, &what, true)?;
                    path
                }
                Some(path) => write_beside(&live, &root, &path, &what)?,
                None => {
                    let row = store.read_blocking(|view| db::newest(view, file))?;
                    let row = row.ok_or(Error::Gone)?;
                    let path = store.read_blocking(|view| db::path_of(view, row.share, &row))?;
                    make_folders(&root, &path)?;
                    write_beside(&live, &root, &path, &what)?
                }
            };
            Ok((version.share, path, version.hash))
        })
        .await?;
        self.take_note(share, &path, Some((file, hash)).filter(|_| !as_copy)).await
    }

    /// Brings back what was removed, with a folder all that went with it.
    pub async fn restore_trashed(&self, file: FileId) -> Result<Entry, Error> {
        let handle = self.clone();
        let (share, top, made) = blocking(move || {
            let store = &handle.shared.store;
            let row = store.read_blocking(|view| db::removed(view, file))?.ok_or(Error::Gone)?;
            let live = handle.live(row.share)?;
            let root = root_of(&live)?;
            let path = store.read_blocking(|view| db::path_of(view, row.share, &row))?;
            make_folders(&root, &path)?;
            let inside = store.read_blocking(|view| db::went_with(view, &row))?;
            let top = write_beside(&live, &root, &path, &row.what)?;
            let mut made = vec![(file, top.clone(), row.hash)];
            let mut folders = HashMap::from([(file, top.clone())]);
            for (id, row) in inside {
                let Some(folder) = folders.get(&row.parent) else { continue };
                match write_beside(&live, &root, &folder.join(&row.name), &row.what) {
                    Ok(path) => {
                        folders.insert(id, path.clone());
                        made.push((id, path, row.hash));
                    }
                    Err(error) => {
                        tracing::warn!(name = %row.name, %error, "it is not brought back");
                    }
                }
            }
            Ok((row.share, top, made))
        })
        .await?;
        let entry = self.take_note(share, &top, None).await?;
        self.shared
            .store
            .write(move |tx| {
                for (old, path, hash) in made {
                    let Ok(entry) = entry_at(tx, share, &path) else { continue };
                    if entry.id != old {
                        db::hand_over(tx, old, entry.id)?;
                    }
                    if let Some(hash) = hash {
                        db::mark_restored(tx, entry.id, hash)?;
                    }
                }
                Ok::<_, Error>(())
            })
            .await?;
        Ok(entry)
    }

    /// Lets the rows and the records follow what was written.
    async fn take_note(
        &self,
        share: ShareId,
        path: &RelPath,
        restored: Option<(FileId, Hash)>,
    ) -> Result<Entry, Error> {
        self.rescan(share, path.clone()).await?;
        let path = path.clone();
        self.shared
            .store
            .write(move |tx| {
                let entry = entry_at(tx, share, &path)?;
                if let Some((old, hash)) = restored {
                    if entry.id != old && db::removed(tx, old)?.is_some() {
                        db::hand_over(tx, old, entry.id)?;
                    }
                    db::mark_restored(tx, entry.id, hash)?;
                }
                tx.announce("file", &entry.id.to_string(), Some(share))?;
                Ok(entry)
            })
            .await
    }
}

/// A content, from wherever it can be had whole.
pub(super) fn reader(live: &Live, root: &Root, hash: Hash) -> Result<Reader, Error> {
    if let Some(kept) = super::open(live, hash)? {
        return Ok(Reader { hash, size: kept.size(), source: contents::Source::Kept(kept) });
    }
    contents::find(live, root, hash)?.ok_or_else(|| {
        Error::Refused(
            "The bytes of this version are no longer kept here. A friend's hive may still have \
             them."
                .to_owned(),
        )
    })
}

/// What a version was, dressed as it was then.
fn version_what(live: &Arc<Live>, file: FileId, hash: Hash) -> Result<What, Error> {
    let what = live.shared.store.read_blocking(|view| db::what_of(view, file, hash))?;
    what.ok_or(Error::Gone)
}

/// Makes the folders above a path that are missing.
pub(super) fn make_folders(root: &Root, path: &RelPath) -> Result<(), Error> {
    let mut missing = Vec::new();
    let mut next = path.parent();
    while let Some(folder) = next.filter(|folder| !folder.is_root()) {
        if root.stat(&folder).map_err(|error| read_error(&error))?.is_some() {
            break;
        }
        next = folder.parent();
        missing.push(folder);
    }
    for folder in missing.iter().rev() {
        match root.make_folder(folder) {
            Ok(_) | Err(Error::Taken) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes something under a path, or under a name beside it when something stands there. Gives
/// the path.
pub(super) fn write_beside(
    live: &Live,
    root: &Root,
    path: &RelPath,
    what: &What,
) -> Result<RelPath, Error> {
    match write(live, root, path, what, false) {
        Err(Error::Taken) => {}
        other => return other.map(|()| path.clone()),
    }
    let (Some(folder), Some(name)) = (path.parent(), path.name()) else { return Err(Error::Gone) };
    let (stem, extension) = match name.as_str().rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name.as_str(), String::new()),
    };
    for number in 1..=COPIES_MAX {
        let number = if number == 1 { String::new() } else { format!(" {number}") };
        let copy = folder.join(&Name::new(&format!("{stem} (restored{number}){extension}"))?);
        match write(live, root, &copy, what, false) {
            Err(Error::Taken) => {}
            other => return other.map(|()| copy),
        }
    }
    Err(Error::Taken)
}

/// Writes something under a path: over a file that stands there, or where nothing stands.
pub(super) fn write(
    live: &Live,
    root: &Root,
    path: &RelPath,
    what: &What,
    over: bool,
) -> Result<(), Error> {
    let share = live.share.id;
    let _writing = live.writing();
    let stands = root.stat(path).map_err(|error| read_error(&error))?;
    if stands.is_some() && !over {
        return Err(Error::Taken);
    }
    if stands.is_some_and(|stat| (stat.kind == EntryKind::Folder) != what.is_folder()) {
        return Err(Error::Taken);
    }
    let folder = path.parent().ok_or(Error::Gone)?;
    let part = live.shared.parts.draw_for(share, stands.is_some());
    match what {
        What::Folder if stands.is_some() => return Ok(()),
        What::Folder => return root.make_folder(path).map(drop),
        What::Link { target } => root.new_link(&folder, &part, target)?,
        What::File { hash, executable, attributes, .. } => {
            let reader = reader(live, root, *hash)?;
            let file = root.new_part(&folder, &part)?;
            let written = reader.write_to(&file).and_then(|()| {
                root.usual_mode(&file, stands.map(|_| path))?;
                // The date is that of bringing it back, so that programs see a new content.
                let dress = Dress {
                    modified_ns: live.shared.store.now().0.saturating_mul(NANOSECONDS),
                    executable: *executable,
                    attributes: attributes.clone(),
                };
                put_on(&file, &dress, &live.traits())?;
                file.sync_all().map_err(|error| write_error(&error))
            });
            if let Err(error) = written {
                root.drop_part(&folder, &part);
                return Err(error);
            }
        }
    }
    if stands.is_some() {
        keep_what_stands(live, root, path)?;
    }
    let instead = stands.as_ref().map(|stands| (stands, part.as_str()));
    match root.put_part((&folder, &part), path, kind_of(what), instead) {
        Ok((_, old)) => {
            root.sync_folder(&folder)?;
            if old {
                aside::set_aside(live, root, (&folder, &part), path);
            }
            Ok(())
        }
        Err(error) => {
            root.drop_part(&folder, &part);
            Err(error)
        }
    }
}

/// Puts what stands into the history, in case nobody has read it yet.
fn keep_what_stands(live: &Live, root: &Root, path: &RelPath) -> Result<(), Error> {
    let Ok((file, stat)) = root.open_plain(path) else { return Ok(()) };
    let (share, store) = (live.share.id, &live.shared.store);
    let known = store.read_blocking(|view| {
        let Some(id) = db::id_at(view, share, path)? else { return Ok(false) };
        let mut contents = db::contents_of(view, id)?.into_iter();
        let same = contents.find(|(_, size, at)| (*size, *at) == (stat.size, stat.modified_ns));
        same.map_or(Ok(false), |(hash, _, _)| super::contains(view, share, hash))
    })?;
    if known {
        return Ok(());
    }
    let (hash, _) = super::keep(live, &file)?;
    store.write_blocking(move |tx| store::place_content(tx, hash)).map(drop)?;
    Ok(())
}
