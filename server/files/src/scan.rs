//! Brings the rows of a share in step with its folder, a bounded step at a time. Blocks.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use types::{FileId, Name, RelPath, Time};

use crate::db::change::{self, Batch};
use crate::disk::{Root, read_error};
use crate::entry::{ChangedEntry, Diff, EntryKind, Known, Seen, Stat, diff};
use crate::live::Live;
use crate::{Error, db, ingest, kept};

/// How many rows one transaction writes.
const ROWS_PER_TRANSACTION_MAX: usize = 2_000;
/// How many entries one step looks at, unless one folder alone holds more.
const ENTRIES_PER_STEP_MAX: usize = 2_000;
/// Above this many names a folder is rather listed.
const NAMES_MAX: usize = 4_096;
/// How long a file that was moved away gives its id back to one that appears under its old path:
/// some editors save by moving the file aside first.
const MOVED_ASIDE: Duration = Duration::from_secs(5);
const MOVES_REMEMBERED_MAX: usize = 256;
const UNREADABLE_TOLD_MAX: usize = 3;

/// How much of a folder is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Extent {
    Names(BTreeSet<Name>),
    /// All that is in it, and in new folders in it.
    Folder,
    Tree,
}

/// What is left to look at, and what was found missing so far.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    folders: BTreeMap<RelPath, Extent>,
    /// Known things that were not where they should be. They count as gone only when all that was
    /// asked for has been looked at, for they may turn up elsewhere.
    missing: Vec<Known>,
    /// Whether all of the share is looked at.
    pub(crate) whole: bool,
    pub(crate) seen: u64,
    pub(crate) changed: u64,
    unreadable: Vec<RelPath>,
    /// Files of which mode or attributes may be others than before.
    dressed: BTreeSet<RelPath>,
    /// Other names of files that are looked at, until nothing is left to look at.
    twins: BTreeSet<RelPath>,
}

/// Moves that may have been the first half of a save.
#[derive(Debug, Default)]
pub(crate) struct Moves(VecDeque<(Instant, RelPath, RelPath)>);

/// What one step looked at.
#[derive(Debug, Default)]
struct Look {
    known: Vec<Known>,
    seen: Vec<Seen>,
    times: Vec<(RelPath, i64)>,
    /// Folders to go into, whatever the comparison says.
    deeper: Vec<RelPath>,
    entries: usize,
    root_is_void: bool,
    /// Files of which only the inode tells that something is other than before.
    traces: Vec<(Known, Stat)>,
    /// Those of them that are to be read again.
    to_read: Vec<FileId>,
}

impl Scan {
    pub(crate) fn whole() -> Self {
        let mut scan = Self { whole: true, ..Self::default() };
        scan.push_tree(RelPath::root());
        scan
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.folders.is_empty() || !self.missing.is_empty()
    }

    pub(crate) fn push_tree(&mut self, folder: RelPath) {
        self.folders.insert(folder, Extent::Tree);
    }

    /// Asks for a look at one path, and if it is a folder, at all that is in it.
    pub(crate) fn push_path(&mut self, path: &RelPath) {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return self.push_tree(RelPath::root());
        };
        let extent = self.folders.entry(folder).or_insert_with(|| Extent::Names(BTreeSet::new()));
        if let Extent::Names(names) = extent {
            names.insert(name);
            if names.len() > NAMES_MAX {
                *extent = Extent::Tree;
            }
        }
    }

    /// Asks for a look at all that is in one folder.
    pub(crate) fn push_folder(&mut self, folder: RelPath) {
        self.folders
            .entry(folder)
            .and_modify(|extent| {
                if matches!(extent, Extent::Names(_)) {
                    *extent = Extent::Tree;
                }
            })
            .or_insert(Extent::Folder);
    }

    /// Asks for more than size and time of a file when it is looked at next.
    pub(crate) fn expect_dress(&mut self, path: &RelPath) {
        if self.dressed.len() < NAMES_MAX {
            self.dressed.insert(path.clone());
        }
    }

    /// Hands whole folders over to a scan that may take longer.
    pub(crate) fn hand_trees_to(&mut self, other: &mut Self) {
        let folders = std::mem::take(&mut self.folders);
        for (folder, extent) in folders {
            match extent {
                Extent::Tree => other.push_tree(folder),
                Extent::Names(_) | Extent::Folder => drop(self.folders.insert(folder, extent)),
            }
        }
    }

    /// What an owner should know of what was looked at.
    pub(crate) fn notes(&self, odd: usize) -> Vec<String> {
        let mut notes = Vec::new();
        if odd > 0 {
            notes.push(format!(
                "{odd} files or folders are not shared, because their names are not written in \
                 UTF-8 or their paths are too long. Rename them to share them."
            ));
        }
        if !self.unreadable.is_empty() {
            let shown: Vec<&str> =
                self.unreadable.iter().take(UNREADABLE_TOLD_MAX).map(RelPath::as_str).collect();
            notes.push(format!(
                "{} folders cannot be read, among them {}. Give the user that runs Skep the right \
                 to read them.",
                self.unreadable.len(),
                shown.join(", ")
            ));
        }
        notes
    }

    /// Looks at some folders, or when none is left settles what is missing. Tells what changed.
    pub(crate) fn step(
        &mut self,
        live: &Live,
        moves: &mut Moves,
    ) -> Result<Vec<ChangedEntry>, Error> {
        let _alone = live.scanning();
        let root = live.root()?;
        if self.folders.is_empty() {
            return self.settle(live, &root);
        }
        let id = live.share.id;
        let (marked, seen_whole) =
            live.shared.store.read_blocking(|view| db::share_facts(view, id))?;
        let mut look = Look::default();
        while look.entries < ENTRIES_PER_STEP_MAX
            && let Some((folder, extent)) = self.folders.pop_first()
        {
            self.look(live, &root, &folder, extent, &mut look)?;
        }
        if !marked && look.root_is_void {
            refuse_sudden_void(live)?;
        }
        let changes = self.commit(live, &root, look, moves, seen_whole)?;
        self.changed += changes.len() as u64;
        if self.folders.is_empty() {
            self.twins.clear();
        }
        Ok(changes)
    }

    fn look(
        &mut self,
        live: &Live,
        root: &Root,
        folder: &RelPath,
        extent: Extent,
        look: &mut Look,
    ) -> Result<(), Error> {
        let (store, id) = (&live.shared.store, live.share.id);
        if !folder.is_root() {
            let known = store.read_blocking(|view| db::known_at(view, id, folder))?;
            if known.is_none_or(|known| known.stat.kind != EntryKind::Folder) {
                // It becomes known by a look at the folder that holds it.
                self.push_path(folder);
                look.entries += 1;
                return Ok(());
            }
        }
        let names = match (&live.share.only, extent) {
            (Some(only), extent) => {
                live.watch(&RelPath::root());
                if extent == Extent::Tree {
                    tidy_around_one_file(live, root);
                }
                BTreeSet::from([only.clone()])
            }
            (None, Extent::Names(names)) => names,
            (None, extent) => {
                return self.look_at_all(live, root, folder, extent == Extent::Tree, look);
            }
        };
        for name in names {
            let path = folder.join(&name);
            if !live.share.holds(&path) {
                continue;
            }
            look.entries += 1;
            let stat = match root.stat(&path) {
                Ok(stat) => stat,
                Err(error) if live.share.only.is_some() => {
                    return Err(unreadable_root(live, &error));
                }
                Err(error) => {
                    tracing::debug!(%path, %error, "nothing can be told of a path");
                    continue;
                }
            };
            let known = store.read_blocking(|view| db::known_at(view, id, &path))?;
            self.look_at_twins(live, known.as_ref(), &path, stat.as_ref())?;
            if let (Some(known), Some(stat)) = (&known, &stat)
                && stat.kind == EntryKind::File
                && known.stat.is_as(stat)
            {
                let dressed = self.dressed.remove(&path);
                if known.stat.changed_ns != stat.changed_ns {
                    look.traces.push((known.clone(), *stat));
                } else if dressed && ingest::is_dressed_otherwise(live, root, known) {
                    look.to_read.push(known.id);
                }
            }
            look.known.extend(known);
            if let Some(stat) = stat {
                if stat.kind == EntryKind::Folder {
                    look.deeper.push(path.clone());
                }
                look.seen.push(Seen { path, stat });
            }
        }
        Ok(())
    }

    fn look_at_all(
        &mut self,
        live: &Live,
        root: &Root,
        folder: &RelPath,
        deep: bool,
        look: &mut Look,
    ) -> Result<(), Error> {
        let (store, id) = (&live.shared.store, live.share.id);
        // First the watch, then the look: what comes after the look brings an event.
        live.watch(folder);
        let listed = match root.list(folder) {
            Ok(listed) => listed,
            Err(error) if folder.is_root() => return Err(unreadable_root(live, &error)),
            Err(error) => {
                match read_error(&error) {
                    Error::Gone => self.push_path(folder),
                    _ => self.unreadable.push(folder.clone()),
                }
                return Ok(());
            }
        };
        look.entries += listed.seen.len() + 1;
        self.seen += listed.seen.len() as u64;
        live.set_odd(folder, listed.odd);
        look.root_is_void |= folder.is_root() && listed.seen.is_empty();
        remove_stale(live, root, folder, &listed.parts);
        let mut seen = listed.seen;
        if deep {
            look.deeper.extend(folders_of(&seen));
        }
        // What is as it was needs no comparison: mostly everything.
        store.read_blocking(|view| {
            db::each_known_in(view, id, folder, |known| match seen.get(&known.path) {
                Some(stat) if known.stat.is_as(stat) => {
                    let is_file = stat.kind == EntryKind::File;
                    if is_file && known.stat.changed_ns != stat.changed_ns {
                        look.traces.push((known.clone(), *stat));
                    }
                    seen.remove(&known.path);
                }
                _ => look.known.push(known),
            })
        })?;
        if !deep {
            look.deeper.extend(folders_of(&seen));
        }
        look.times.push((folder.clone(), listed.modified_ns));
        look.seen.extend(seen.into_iter().map(|(path, stat)| Seen { path, stat }));
        Ok(())
    }

    fn commit(
        &mut self,
        live: &Live,
        root: &Root,
        look: Look,
        moves: &mut Moves,
        seen_whole: bool,
    ) -> Result<Vec<ChangedEntry>, Error> {
        let elsewhere =
            if seen_whole { find_elsewhere(live, &look.known, &look.seen)? } else { Vec::new() };
        let mut diff = diff(look.known, look.seen, elsewhere);
        self.keep_what_stands(root, &mut diff);
        let moved = std::mem::take(&mut diff.moved);
        moved.iter().for_each(|(known, _)| live.forget_odd(&known.path));
        self.give_back(live, moves, &mut diff)?;
        moves.remember(&moved);
        diff.moved.extend(moved);
        self.missing.append(&mut diff.missing);
        // In the order of the index, so that each transaction touches few of its pages.
        diff.added.sort_unstable_by(|one, two| one.path.cmp(&two.path));
        let times = if diff.is_empty() { Vec::new() } else { look.times };
        let mut changes = Vec::new();
        for batch in batches(diff, times, seen_whole) {
            changes.extend(write(live, root, batch)?);
        }
        follow_traces(live, root, look.traces, look.to_read)?;
        for folder in look.deeper {
            self.push_tree(folder);
        }
        Ok(changes)
    }

    /// What is done to a file through one of its names is done to it under all.
    fn look_at_twins(
        &mut self,
        live: &Live,
        known: Option<&Known>,
        path: &RelPath,
        stat: Option<&Stat>,
    ) -> Result<(), Error> {
        let id = live.share.id;
        let stats = known.map(|known| &known.stat).into_iter().chain(stat);
        for stat in stats.filter(|stat| stat.kind == EntryKind::File && stat.names > 1) {
            let store = &live.shared.store;
            for twin in store.read_blocking(|view| db::twins(view, id, path, stat))? {
                if self.twins.len() < NAMES_MAX && self.twins.insert(twin.path.clone()) {
                    self.push_path(&twin.path);
                }
            }
        }
        Ok(())
    }

    /// A path that something stands under keeps its id: what seemed to have moved away from there
    /// has not. It happens between the two steps of a save by renaming.
    fn keep_what_stands(&mut self, root: &Root, diff: &mut Diff) {
        let moved = std::mem::take(&mut diff.moved);
        for (known, seen) in moved {
            if matches!(root.stat(&known.path), Ok(None)) {
                diff.moved.push((known, seen));
            } else {
                self.push_path(&known.path);
                diff.added.push(seen);
            }
        }
    }

    /// Gives a path its id back when the file was moved aside only to be saved anew.
    fn give_back(&mut self, live: &Live, moves: &mut Moves, diff: &mut Diff) -> Result<(), Error> {
        let id = live.share.id;
        let added = std::mem::take(&mut diff.added);
        for seen in added {
            let aside = moves.take(&seen.path).filter(|_| seen.stat.kind == EntryKind::File);
            let known = match &aside {
                Some(aside) => {
                    live.shared.store.read_blocking(|view| db::known_at(view, id, aside))?
                }
                None => None,
            };
            match known {
                Some(known) => {
                    diff.missing.retain(|missing| missing.id != known.id);
                    diff.changed.retain(|(changed, _)| changed.id != known.id);
                    self.push_path(&known.path);
                    diff.moved.push((known, seen));
                }
                None => diff.added.push(seen),
            }
        }
        Ok(())
    }

    /// What is still missing at the end is gone, if it really is.
    fn settle(&mut self, live: &Live, root: &Root) -> Result<Vec<ChangedEntry>, Error> {
        let mut lost = Vec::new();
        for known in std::mem::take(&mut self.missing) {
            match root.stat(&known.path) {
                Ok(None) => lost.push(known),
                Ok(Some(_)) => self.push_path(&known.path),
                Err(error) => {
                    tracing::debug!(path = %known.path, %error, "nothing can be told of a path");
                }
            }
        }
        let mut changes = Vec::new();
        lost.iter().for_each(|known| live.forget_odd(&known.path));
        let any = !lost.is_empty();
        let diff = Diff { missing: lost, ..Diff::default() };
        for batch in batches(diff, Vec::new(), true) {
            changes.extend(write(live, root, batch)?);
        }
        if any {
            live.shared.store.write_blocking(change::purge)?;
        }
        self.changed += changes.len() as u64;
        Ok(changes)
    }
}

impl Moves {
    fn remember(&mut self, moved: &[(Known, Seen)]) {
        let now = Instant::now();
        for (known, seen) in moved {
            if known.stat.kind == EntryKind::File {
                self.0.push_back((now, known.path.clone(), seen.path.clone()));
            }
        }
        while self.0.len() > MOVES_REMEMBERED_MAX {
            self.0.pop_front();
        }
    }

    /// Where the file went that stood under this path a moment ago.
    fn take(&mut self, from: &RelPath) -> Option<RelPath> {
        self.0.retain(|(at, _, _)| at.elapsed() < MOVED_ASIDE);
        let index = self.0.iter().rposition(|(_, path, _)| path == from)?;
        self.0.remove(index).map(|(_, _, to)| to)
    }
}

fn folders_of(seen: &HashMap<RelPath, Stat>) -> impl Iterator<Item = RelPath> {
    let folders = seen.iter().filter(|(_, stat)| stat.kind == EntryKind::Folder);
    folders.map(|(path, _)| path.clone())
}

/// Notes what only inodes tell, and has files read again of which that is news.
fn follow_traces(
    live: &Live,
    root: &Root,
    traces: Vec<(Known, Stat)>,
    mut to_read: Vec<FileId>,
) -> Result<(), Error> {
    if live.shared.signer.is_some() {
        let news =
            traces.iter().filter(|(known, stat)| ingest::is_to_be_read(live, root, known, stat));
        to_read.extend(news.map(|(known, _)| known.id));
    }
    let id = live.share.id;
    for some in traces.chunks(ROWS_PER_TRANSACTION_MAX) {
        let some: Vec<(FileId, Stat)> =
            some.iter().map(|(known, stat)| (known.id, *stat)).collect();
        live.shared.store.write_blocking(move |tx| {
            some.iter().try_for_each(|(file, stat)| change::restate(tx, *file, stat))
        })?;
    }
    if !to_read.is_empty() {
        live.shared.store.write_blocking(move |tx| {
            to_read.iter().try_for_each(|file| db::tree::set_unread(tx, id, *file, Time(0), None))
        })?;
        live.wake();
    }
    Ok(())
}

/// Writes a part of a diff, rows and as far as possible records in one transaction.
fn write(live: &Live, root: &Root, batch: Batch) -> Result<Vec<ChangedEntry>, Error> {
    let id = live.share.id;
    let Some(signer) = live.shared.signer.clone() else {
        return live.shared.store.write_blocking(move |tx| change::apply(tx, id, &batch));
    };
    let readings = ingest::read_ahead(live, root, &batch);
    let rules = live.rules(root);
    let changes = live.shared.store.write_blocking(move |tx| {
        let mut changes = change::apply(tx, id, &batch)?;
        ingest::note(tx, &*signer, &rules, id, &batch, &readings, &mut changes)?;
        Ok::<_, Error>(changes)
    })?;
    if !changes.is_empty() {
        live.wake();
    }
    Ok(changes)
}

/// Known things outside of what was looked at that may now stand under a new path in it.
fn find_elsewhere(live: &Live, known: &[Known], seen: &[Seen]) -> Result<Vec<Known>, Error> {
    let paths: HashSet<&RelPath> = known.iter().map(|known| &known.path).collect();
    let mut ids: HashSet<FileId> = known.iter().map(|known| known.id).collect();
    let new: Vec<&Seen> = seen.iter().filter(|seen| !paths.contains(&seen.path)).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let id = live.share.id;
    live.shared.store.read_blocking(|view| {
        let mut found = Vec::new();
        for seen in new {
            let candidates = db::known_by_inode(view, id, seen.stat.inode)?;
            let others = candidates.into_iter().filter(|known| known.path != seen.path);
            found.extend(others.filter(|known| ids.insert(known.id)));
        }
        Ok(found)
    })
}

/// Cuts a diff into pieces that fit into one transaction each.
fn batches(diff: Diff, times: Vec<(RelPath, i64)>, news: bool) -> Vec<Batch> {
    let mut batches = vec![Batch { folders: times, news, ..Batch::default() }];
    macro_rules! share_out {
        ($($field:ident)*) => {$(
            for item in diff.$field {
                if batches.last().is_none_or(|batch| batch.len() >= ROWS_PER_TRANSACTION_MAX) {
                    batches.push(Batch { news, ..Batch::default() });
                }
                if let Some(batch) = batches.last_mut() {
                    batch.$field.push(item);
                }
            }
        )*};
    }
    share_out!(moved missing replaced changed added);
    batches.retain(|batch| batch.len() > 0);
    batches
}

/// An unmarked root that is empty all at once is rather an empty mount point.
fn refuse_sudden_void(live: &Live) -> Result<(), Error> {
    let id = live.share.id;
    if !live.shared.store.read_blocking(|view| db::holds_something(view, id))? {
        return Ok(());
    }
    Err(Error::Missing {
        why: format!(
            "The folder {} is empty all at once. If its disk is not connected, connect it, and \
             the share goes on by itself. If you emptied the folder, stop sharing it. Nothing \
             counts as deleted.",
            live.share.root.display()
        ),
    })
}

/// The folder of a single file is not listed otherwise.
fn tidy_around_one_file(live: &Live, root: &Root) {
    match root.parts() {
        Ok(parts) => remove_stale(live, root, &RelPath::root(), &parts),
        Err(error) => tracing::debug!(%error, "half-written files cannot be looked for"),
    }
}

fn remove_stale(live: &Live, root: &Root, folder: &RelPath, parts: &[String]) {
    for part in parts.iter().filter(|part| live.shared.parts.is_stale(live.share.id, part)) {
        if let Err(error) = root.remove_part(folder, part) {
            tracing::debug!(part, %error, "a stale half-written file stays");
        }
    }
    // What was taken away before a crash may be all that is left of somebody's work.
    for part in parts.iter().filter(|part| live.shared.parts.is_stale_aside(live.share.id, part)) {
        kept::set_aside(live, root, (folder, part), folder);
    }
}

fn unreadable_root(live: &Live, error: &io::Error) -> Error {
    match read_error(error) {
        Error::Unreadable { why } => {
            Error::Unreadable { why: format!("{}: {why}", live.share.root.display()) }
        }
        _ => Error::Missing {
            why: format!(
                "The folder {} went away. Put it back, and the share goes on by itself. Nothing \
                 counts as deleted.",
                live.share.root.display()
            ),
        },
    }
}
