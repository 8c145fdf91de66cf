//! Folders that are not chosen: what stands in them stays, and follows its changes, until somebody
//! removes it. Removed by hand or by Skep, it leaves this disk alone: friends keep it.

use std::collections::BTreeSet;

use store::{Tx, View};
use tree::What;
use types::{FileId, RelPath, ShareId};

use crate::db::change;
use crate::db::tree as db;
use crate::disk::{Root, kind_of};
use crate::entry::{EntryKind, Known};
use crate::follow::blocking;
use crate::live::Live;
use crate::task::Handle;
use crate::{Error, db as rows, history, kept};

/// So many things leave the disk in one go.
const AT_ONCE_MAX: usize = 128;

/// Whether something under a path is wanted, or lies on the way to something that is.
pub(crate) fn is_chosen(chosen: &[RelPath], path: &RelPath) -> bool {
    let wanted = |folder: &RelPath| path.is_within(folder) || folder.is_within(path);
    chosen.is_empty() || chosen.iter().any(wanted)
}

/// What still stands in folders that are not chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOver {
    pub files: u64,
    pub bytes: u64,
}

/// What still stands in folders of a share that are not chosen.
pub fn left_over(view: &View, share: ShareId) -> Result<LeftOver, Error> {
    let mut left = LeftOver::default();
    for known in standing(view, share)? {
        if known.stat.kind != EntryKind::Folder {
            left.files += 1;
            left.bytes += known.stat.size;
        }
    }
    Ok(left)
}

fn standing(view: &View, share: ShareId) -> Result<Vec<Known>, Error> {
    let chosen = db::facts(view, share)?.chosen;
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let mut standing = rows::held(view, share)?;
    standing.retain(|known| !is_chosen(&chosen, &known.path));
    Ok(standing)
}

/// Something that lay in a folder that is not chosen is missing: it went from this disk alone.
/// `false` if it is a removal as any other.
pub(crate) fn leaves(tx: &Tx, share: ShareId, id: FileId) -> Result<bool, Error> {
    let chosen = db::facts(tx, share)?.chosen;
    if chosen.is_empty() || db::held(tx, share, id)?.is_none() {
        return Ok(false);
    }
    let lives = db::node(tx, share, id)?.is_some_and(|node| tree::is_alive(&node));
    let path = db::path_of(tx, share, id)?;
    if !lives || path.is_none_or(|path| is_chosen(&chosen, &path)) {
        return Ok(false);
    }
    let_go(tx, share, id)?;
    Ok(true)
}

fn let_go(tx: &Tx, share: ShareId, id: FileId) -> Result<(), Error> {
    db::set_read(tx, share, id)?;
    history::ends(tx, id, None)?;
    db::set_held(tx, share, id, None)?;
    db::set_out_of_step(tx, share, id, true)
}

impl Handle {
    /// Removes from this disk what stands in folders that are not chosen, as far as it is in step.
    /// The history keeps it.
    pub async fn remove_unchosen(&self, share: ShareId) -> Result<(), Error> {
        // What was saved a moment ago is no copy yet.
        self.rescan(share, RelPath::root()).await?;
        let live = self.live(share)?;
        blocking(move || {
            let mut all = live.shared.store.read_blocking(|view| standing(view, share))?;
            // What is in a folder goes before it, and is out of it before the folder's turn comes.
            all.sort_by(|one, two| two.path.cmp(&one.path));
            let is_folder = |known: &Known| known.stat.kind == EntryKind::Folder;
            let (folders, files): (Vec<_>, Vec<_>) = all.into_iter().partition(is_folder);
            let root = live.root()?;
            let mut some = files.chunks(AT_ONCE_MAX).chain(folders.chunks(AT_ONCE_MAX));
            some.try_for_each(|some| remove(&live, &root, some))?;
            live.wake();
            live.tell_needs();
            Ok(())
        })
        .await
    }
}

fn remove(live: &Live, root: &Root, some: &[Known]) -> Result<(), Error> {
    let (share, store) = (live.share.id, &live.shared.store);
    let (changes, aside) = {
        let _alone = live.scanning();
        let chosen = store.read_blocking(|view| db::facts(view, share))?.chosen;
        let (mut gone, mut aside, mut folders) = (Vec::new(), Vec::new(), BTreeSet::new());
        for known in some.iter().filter(|known| !is_chosen(&chosen, &known.path)) {
            match take_away(live, root, known) {
                Ok(part) => {
                    let folder = known.path.parent().unwrap_or_default();
                    aside.extend(part.map(|part| (folder.clone(), part, known.path.clone())));
                    folders.insert(folder);
                    gone.push(known.clone());
                }
                Err(Error::Store(error)) => return Err(Error::Store(error)),
                Err(error) => tracing::debug!(path = %known.path, %error, "a copy stays"),
            }
        }
        let stands = |folder: &&RelPath| root.stat(folder).is_ok_and(|found| found.is_some());
        folders.iter().filter(stands).try_for_each(|folder| root.sync_folder(folder))?;
        let changes = store.write_blocking(move |tx| {
            let mut changes = Vec::new();
            for known in &gone {
                change::lose(tx, share, known, false, &mut changes)?;
                let_go(tx, share, known.id)?;
            }
            change::announce(tx, share, &changes)?;
            Ok::<_, Error>(changes)
        })?;
        (changes, aside)
    };
    live.tell(changes);
    for (folder, part, path) in aside {
        kept::set_aside(live, root, (&folder, &part), &path);
    }
    Ok(())
}

/// Takes one thing from the disk if it is as it was last in step. Gives the hidden name under which
/// a file stands now.
fn take_away(live: &Live, root: &Root, known: &Known) -> Result<Option<String>, Error> {
    let (share, store) = (live.share.id, &live.shared.store);
    let (held, now, unread) = store.read_blocking(|view| {
        let now = rows::known(view, share, known.id)?;
        Ok::<_, Error>((db::held(view, share, known.id)?, now, db::unread(view, share, known.id)?))
    })?;
    let (held, now) = held.zip(now).ok_or(Error::Changed)?;
    let as_held = match &held.what {
        What::File { size, modified_ns, .. } => {
            let same_time = live.traits().same_time(now.stat.modified_ns, *modified_ns);
            now.stat.size == *size && same_time
        }
        What::Folder | What::Link { .. } => true,
    };
    let same = as_held && unread.is_none() && now.stat.kind == kind_of(&held.what);
    if !same || now.path != known.path {
        return Err(Error::Changed);
    }
    if now.stat.kind == EntryKind::Folder {
        return root.remove_folder(&now.path).map(|()| None);
    }
    let part = live.shared.parts.draw_for(share, true);
    root.take_away(&now.path, &now.stat, &part)?;
    Ok(Some(part))
}
