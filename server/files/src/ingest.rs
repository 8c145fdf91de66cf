//! What people change in a folder becomes records: entries that a scan found changed are read and
//! told to the tree, at once and in the same transaction when they are few and small, else bit by
//! bit beside everything else. Blocks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use store::Tx;
use tree::{Held, Seen as Observed, What};
use types::{FileId, Hash, Name, PersonId, RelPath, ShareId, Signer, Time};

use crate::db::change::Batch;
use crate::db::tree as db;
use crate::disk::{Dress, Root, leads_inside};
use crate::entry::{ChangedEntry, EntryKind, Known, Seen, Stat, What as Change};
use crate::ignore::Rules;
use crate::ledger::{Moment, Records};
use crate::live::Live;
use crate::share::GuestNames;
use crate::{Error, db as rows, guard, kept, rot, twins, unchosen, units};

mod dress;
mod together;

use dress::dressed;
pub(crate) use dress::{is_dressed_otherwise, is_to_be_read};
use together::{QUIET_MS, busy, is_apart, settle_units};

/// Up to here a scan's changes are read before its transaction, so that row and record are one.
const AT_ONCE_ENTRIES_MAX: usize = 64;
const AT_ONCE_BYTES_MAX: u64 = 4 * 1_024 * 1_024;
/// How much one background step reads.
const STEP_ENTRIES_MAX: u32 = 1_000;
const STEP_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// How long a file that is being changed, or cannot be read, is left alone.
const AGAIN_MS: i64 = 200;
const UNREADABLE_MS: i64 = 60_000;
const NEVER: Time = Time(i64::MAX);
/// A removal waits this long for further ones, and never longer than the last number: of many at
/// once none is told before they are seen as many.
const REMOVALS_WAIT_MS: i64 = 300;
const REMOVALS_WAIT_MAX_MS: i64 = 5_000;
/// How long the removal of a database's log waits for what was written from it to be told.
const LOG_GOES_MS: i64 = 3 * QUIET_MS;
/// What was read of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    Read {
        stat: Stat,
        what: What,
    },
    /// It cannot be taken now: when to look again, and why.
    Later(Time, &'static str),
}

/// What was read before a transaction, by path.
pub(crate) type Readings = HashMap<RelPath, Reading>;

/// Reads what a batch found, if that is little. What was only renamed holds what it held.
pub(crate) fn read_ahead(live: &Live, root: &Root, batch: &Batch) -> Readings {
    if live.shared.signer.is_none() || !batch.news {
        return Readings::new();
    }
    let renamed = batch.moved.iter().filter_map(|(known, seen)| {
        Some((&seen.path, held_content(live, known, seen).ok().flatten()?))
    });
    let renamed: HashMap<&RelPath, Hash> = renamed.collect();
    let unread = || stands(batch).filter(|seen| !renamed.contains_key(&seen.path));
    let bytes: u64 = unread().map(|seen| seen.stat.size).sum();
    let few = unread().count() + batch.missing.len() <= AT_ONCE_ENTRIES_MAX;
    let at_once = few && bytes <= AT_ONCE_BYTES_MAX;
    let rules = live.rules(root);
    let Ok(room) = kept::room(&live.shared.store) else { return Readings::new() };
    stands(batch)
        .filter(|seen| at_once || renamed.contains_key(&seen.path))
        .filter(|seen| !rules.ignores(&seen.path, seen.stat.kind == EntryKind::Folder))
        .map(|seen| {
            let content = renamed.get(&seen.path).copied();
            (seen.path.clone(), read(live, root, (&seen.path, &seen.stat), content, room))
        })
        .collect()
}

/// What a file holds that stands elsewhere and is else as it was when it was last in step.
fn held_content(live: &Live, known: &Known, seen: &Seen) -> Result<Option<Hash>, Error> {
    if !known.stat.is_as(&seen.stat) || seen.stat.kind != EntryKind::File {
        return Ok(None);
    }
    let share = live.share.id;
    live.shared.store.read_blocking(|view| {
        if db::unread(view, share, known.id)?.is_some() {
            return Ok(None);
        }
        let held = db::held(view, share, known.id)?;
        Ok(held.and_then(|held| match held.what {
            What::File { hash, size, modified_ns, .. } => {
                let same = (size, modified_ns) == (seen.stat.size, seen.stat.modified_ns);
                same.then_some(hash)
            }
            What::Folder | What::Link { .. } => None,
        }))
    })
}

fn stands(batch: &Batch) -> impl Iterator<Item = &Seen> {
    let known = batch.moved.iter().chain(&batch.replaced).chain(&batch.changed);
    known.map(|(_, seen)| seen).chain(&batch.added)
}

/// Reads one entry, its content into the history.
///
/// `content` is what it is known to hold, if it is.
fn read(
    live: &Live,
    root: &Root,
    (path, stat): (&RelPath, &Stat),
    content: Option<Hash>,
    room: u64,
) -> Reading {
    let now = live.shared.store.now();
    if let Some(due) = busy(root, path, stat, now) {
        return Reading::Later(due, "busy");
    }
    match read_what(live, root, (path, stat), content, room) {
        Ok(Ok(what)) => Reading::Read { stat: *stat, what },
        Ok(Err("changing")) | Err(Error::Gone) => {
            // What takes long to read and changes all the time is read the more seldom.
            let wait = AGAIN_MS.max(live.shared.store.now().since(now).saturating_mul(4));
            Reading::Later(now.plus(wait), "changing")
        }
        Ok(Err(code)) => Reading::Later(NEVER, code),
        Err(error) => {
            tracing::debug!(%path, %error, "a file cannot be read");
            Reading::Later(now.plus(UNREADABLE_MS), "unreadable")
        }
    }
}

/// What stands under a path, or why it cannot be told.
fn read_what(
    live: &Live,
    root: &Root,
    (path, expected): (&RelPath, &Stat),
    content: Option<Hash>,
    room: u64,
) -> Result<Result<What, &'static str>, Error> {
    match expected.kind {
        EntryKind::Folder => Ok(Ok(What::Folder)),
        EntryKind::Link => match root.link_target(path)? {
            Some(target) if leads_inside(path, &target) => Ok(Ok(What::Link { target })),
            _ => Ok(Err("link")),
        },
        EntryKind::File => {
            let (file, before) = root.open_plain(path)?;
            if !before.is_as(expected) {
                return Ok(Err("changing"));
            }
            let (hash, size) = match content {
                Some(hash) => (hash, before.size),
                None => kept::keep_within(live, &file, room)?,
            };
            let dress = dressed(live, path, &file, &before)?;
            let Dress { modified_ns, executable, attributes } = dress;
            let same = root.stat(path).is_ok_and(|after| after == Some(before));
            if !same || size != before.size {
                return Ok(Err("changing"));
            }
            if rot::is_no_edit(live, path, hash)? {
                return Ok(Err(rot::DAMAGED));
            }
            Ok(Ok(What::File { hash, size, modified_ns, executable, attributes }))
        }
    }
}

/// Tells the tree what a batch changed, in the transaction that writes its rows.
pub(crate) fn note(
    tx: &mut Tx,
    signer: &dyn Signer,
    rules: &Rules,
    share: ShareId,
    batch: &Batch,
    readings: &Readings,
    changes: &mut [ChangedEntry],
) -> Result<(), Error> {
    if !batch.news {
        // Everything is read once all was seen.
        return Ok(());
    }
    let mut removed = Vec::new();
    for change in changes.iter().filter(|change| change.what == Change::Removed) {
        if !unchosen::leaves(tx, share, change.id)? {
            removed.push(change);
        }
    }
    let (logs, removed): (Vec<_>, Vec<_>) =
        removed.into_iter().partition(|change| change.path.as_str().ends_with(units::LOG));
    for log in logs {
        if db::held(tx, share, log.id)?.is_some() {
            let due = tx.now().plus(LOG_GOES_MS);
            db::set_unread(tx, share, log.id, due, Some("gone"))?;
        }
    }
    let removed: Vec<FileId> = removed.into_iter().map(|change| change.id).collect();
    let mut found = Found::default();
    let_wait(tx, share, removed)?;
    let mut stood: Vec<&Seen> = stands(batch).collect();
    stood.sort_by(|one, two| one.path.cmp(&two.path));
    for seen in stood {
        let is_folder = seen.stat.kind == EntryKind::Folder;
        let Some(known) = rows::known_at(tx, share, &seen.path)? else { continue };
        if rules.ignores(&seen.path, is_folder) {
            continue;
        }
        match readings.get(&seen.path) {
            Some(Reading::Read { stat, what }) if known.stat.is_as(stat) => {
                let id = found.stands(tx, share, (known.id, &seen.path, what.clone()), None)?;
                for change in changes.iter_mut().filter(|change| change.id == known.id) {
                    change.id = id;
                }
            }
            Some(Reading::Later(due, code)) => {
                db::set_unread(tx, share, known.id, *due, Some(code))?;
            }
            _ => db::set_unread(tx, share, known.id, Time(0), None)?,
        }
    }
    found.tell(tx, signer, share)?;
    let linked = stands(batch).filter(|seen| seen.stat.names > 1);
    let linked: Vec<RelPath> = linked.map(|seen| seen.path.clone()).collect();
    twins::follow(tx, share, &linked)
}

/// What Skep itself wrote into a folder for a person, for the records.
pub(crate) struct Written {
    signer: Option<Arc<dyn Signer>>,
    guests: Option<GuestNames>,
    path: RelPath,
    /// `None`: it is ignored, or could not be kept and is read later.
    what: Option<What>,
    ignored: bool,
}

impl Written {
    pub(crate) fn new(live: &Live, root: &Root, seen: &Seen, bytes: &[u8]) -> Self {
        let signer = live.shared.signer.clone();
        let ignored = signer.is_none() || live.rules(root).ignores(&seen.path, false);
        let what = if ignored { None } else { Self::what(live, root, seen, bytes) };
        let guests = live.shared.guests.clone();
        Self { signer, guests, path: seen.path.clone(), what, ignored }
    }

    fn what(live: &Live, root: &Root, seen: &Seen, bytes: &[u8]) -> Option<What> {
        let (file, stat) = root.open_plain(&seen.path).ok()?;
        if !stat.is_as(&seen.stat) {
            return None;
        }
        let hash = kept::keep_bytes(live, bytes).ok()?;
        let dress = dressed(live, &seen.path, &file, &stat).ok()?;
        let Dress { modified_ns, executable, attributes } = dress;
        Some(What::File { hash, size: bytes.len() as u64, modified_ns, executable, attributes })
    }

    /// Gives the file's id from now on.
    pub(crate) fn note(
        self,
        tx: &mut Tx,
        share: ShareId,
        file: FileId,
        by: Option<PersonId>,
    ) -> Result<FileId, Error> {
        let Some(signer) = self.signer.filter(|_| !self.ignored) else { return Ok(file) };
        let Some(what) = self.what else {
            db::set_unread(tx, share, file, Time(0), None)?;
            return Ok(file);
        };
        let by = by.zip(self.guests).and_then(|(by, name_of)| name_of(tx, by));
        let mut found = Found::default();
        let file = found.stands(tx, share, (file, &self.path, what), by)?;
        found.tell(tx, &*signer, share)?;
        Ok(file)
    }
}

/// Removals wait a moment for more, so that many at once are seen as many, and the owner is asked
/// first.
fn let_wait(tx: &Tx, share: ShareId, removed: Vec<FileId>) -> Result<(), Error> {
    let code = if db::is_cautious(tx, share)? { "held" } else { "gone" };
    for id in removed {
        let is_gone = db::node(tx, share, id)?.is_some_and(|node| !tree::is_alive(&node));
        match db::held(tx, share, id)? {
            Some(_) if is_gone => forget_removal(tx, share, id)?,
            Some(_) => {
                let due = tx.now().plus(REMOVALS_WAIT_MS);
                db::set_unread(tx, share, id, due, Some(code))?;
            }
            None => db::set_read(tx, share, id)?,
        }
    }
    Ok(())
}

/// What is missing here was removed by friends too: there is nothing to tell, and nothing to ask.
pub(crate) fn forget_removal(tx: &Tx, share: ShareId, id: FileId) -> Result<(), Error> {
    db::set_read(tx, share, id)?;
    db::set_held(tx, share, id, None)?;
    db::set_out_of_step(tx, share, id, false)
}

/// Tells of the removals that waited, or asks the owner. Tells whether there were any.
fn tell_removals(live: &Live, signer: &Arc<dyn Signer>) -> Result<bool, Error> {
    let (share, store) = (live.share.id, &live.shared.store);
    let (waiting, oldest, newest) = store.read_blocking(|view| db::untold_removals(view, share))?;
    let now = store.now();
    let more = newest > now || live.looking.load(Ordering::Relaxed);
    if waiting == 0 || (more && now.since(oldest) < REMOVALS_WAIT_MAX_MS) {
        return Ok(false);
    }
    tell_waiting(live, signer.clone())?;
    Ok(true)
}

/// Tells at once of removals that wait for more of them, or asks the owner if they are many
/// already.
pub(crate) fn tell_waiting(live: &Live, signer: Arc<dyn Signer>) -> Result<(), Error> {
    let share = live.share.id;
    live.shared.store.write_blocking(move |tx| {
        let (waiting, ..) = db::untold_removals(tx, share)?;
        // What follows on many that wait for a word is one of them.
        let all = waiting + db::held_back(tx, share)?.len() as u64;
        if guard::is_unusual(all, db::held_count(tx, share)?) {
            db::hold_removals(tx, share)?;
            return tx.announce("share", &share.to_string(), Some(share)).map_err(Error::from);
        }
        let mut gone = Vec::new();
        for id in db::removals_untold(tx, share)? {
            match rows::known(tx, share, id)? {
                None => gone.push(id),
                Some(_) => db::set_unread(tx, share, id, Time(0), None)?,
            }
        }
        tell_gone(tx, &*signer, share, gone)
    })
}

/// Removals that the owner agreed to, or that are usual.
pub(crate) fn tell_gone(
    tx: &mut Tx,
    signer: &dyn Signer,
    share: ShareId,
    gone: Vec<FileId>,
) -> Result<(), Error> {
    Found { gone, ..Found::default() }.tell(tx, signer, share)
}

/// What one look at the disk found, to be told to the tree at once.
#[derive(Debug, Default)]
struct Found {
    stands: Vec<Observed>,
    gone: Vec<FileId>,
    /// Versions for the history: id, content, guest.
    versions: Vec<(FileId, What, Option<String>)>,
    /// Folders that the tree knows, or is told of with the rest.
    folders: HashMap<RelPath, FileId>,
}

impl Found {
    /// Something stands under a path. Gives the id that it has from now on: what friends have made
    /// alike under the same path is the same thing.
    fn stands(
        &mut self,
        tx: &mut Tx,
        share: ShareId,
        (id, path, what): (FileId, &RelPath, What),
        by: Option<String>,
    ) -> Result<FileId, Error> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else { return Ok(id) };
        let parent = match self.folder_id(tx, share, &folder) {
            // Its folder is seen next.
            Err(Error::Gone) => {
                db::set_unread(tx, share, id, tx.now().plus(AGAIN_MS), None)?;
                return Ok(id);
            }
            parent => parent?,
        };
        db::set_read(tx, share, id)?;
        let id = adopt(tx, share, id, parent, &name, &what)?;
        if what == What::Folder {
            self.folders.insert(path.clone(), id);
        }
        let held = db::held(tx, share, id)?;
        let same = |held: &Held| held.parent == parent && held.name == name && held.what == what;
        if held.as_ref().is_some_and(same) {
            return Ok(id);
        }
        if held.is_none_or(|held| held.what != what) {
            self.versions.push((id, what.clone(), by.clone()));
        }
        self.stands.push(Observed::Stands { id, parent, name, what, by });
        Ok(id)
    }

    /// The node of a folder on disk, told to the tree before what lies in it.
    fn folder_id(&mut self, tx: &mut Tx, share: ShareId, path: &RelPath) -> Result<FileId, Error> {
        if path.is_root() {
            return Ok(tree::root_of(share));
        }
        if let Some(id) = self.folders.get(path) {
            return Ok(*id);
        }
        let known = rows::known_at(tx, share, path)?.ok_or(Error::Gone)?;
        let held = db::held(tx, share, known.id)?.is_some();
        let id = match held && db::unread(tx, share, known.id)?.is_none() {
            true => known.id,
            false => self.stands(tx, share, (known.id, path, What::Folder), None)?,
        };
        self.folders.insert(path.clone(), id);
        Ok(id)
    }

    fn tell(self, tx: &mut Tx, signer: &dyn Signer, share: ShareId) -> Result<(), Error> {
        for id in &self.gone {
            db::set_read(tx, share, *id)?;
            kept::gone(tx, share, *id)?;
        }
        let gone = self.gone.into_iter().map(|id| Observed::Gone { id });
        let found: Vec<Observed> = self.stands.into_iter().chain(gone).collect();
        if !found.is_empty() {
            let mut records = Records::new(tx, share, signer.hive());
            tree::observe(&mut records, signer, found)?;
        }
        for (id, what, by) in self.versions {
            kept::note(tx, id, signer.hive(), &what, by.as_deref())?;
        }
        Ok(())
    }
}

/// What stands under a path for the first time may be what friends have there already.
fn adopt(
    tx: &mut Tx,
    share: ShareId,
    id: FileId,
    parent: FileId,
    name: &Name,
    what: &What,
) -> Result<FileId, Error> {
    if db::node(tx, share, id)?.is_some() {
        return Ok(id);
    }
    let moment = Moment { view: tx, share };
    let Some(other) = tree::known_as(&moment, parent, name, what)? else { return Ok(id) };
    if !db::rename_entry(tx, share, id, other)? {
        return Ok(id);
    }
    tx.announce("file", &id.to_string(), Some(share))?;
    tx.announce("file", &other.to_string(), Some(share))?;
    Ok(other)
}

/// Reads some of what is not read yet. Tells whether there was any.
pub(crate) fn read_some(live: &Live) -> Result<bool, Error> {
    let Some(signer) = live.shared.signer.clone() else { return Ok(false) };
    let (share, store) = (live.share.id, &live.shared.store);
    let due = store.read_blocking(|view| {
        let mut due = Vec::new();
        for id in db::due_unread(view, share, STEP_ENTRIES_MAX)? {
            due.push((id, rows::known(view, share, id)?));
        }
        Ok::<_, Error>(due)
    })?;
    let told = tell_removals(live, &signer)?;
    if due.is_empty() {
        return Ok(told);
    }
    let root = live.root()?;
    let rules = live.rules(&root);
    let room = kept::room(store)?;
    let mut read_so_far = 0;
    let mut found = Vec::new();
    for (id, known) in due {
        if read_so_far > STEP_BYTES_MAX || live.is_stopped() {
            break;
        }
        let reading = known.filter(|known| {
            live.share.holds(&known.path)
                && !rules.ignores(&known.path, known.stat.kind == EntryKind::Folder)
        });
        let reading = reading.map(|known| {
            read_so_far += known.stat.size;
            let reading = read(live, &root, (&known.path, &known.stat), None, room);
            (known, reading)
        });
        found.push((id, reading));
    }
    settle_units(&root, store.now(), &mut found);
    let told = store.write_blocking(move |tx| take_in(tx, (&*signer, &rules), share, found))?;
    live.tell(told);
    Ok(true)
}

/// Writes what was read into the records, as far as it still stands so.
fn take_in(
    tx: &mut Tx,
    (signer, rules): (&dyn Signer, &Rules),
    share: ShareId,
    mut read: Vec<(FileId, Option<(Known, Reading)>)>,
) -> Result<Vec<ChangedEntry>, Error> {
    let path = |read: &Option<(Known, Reading)>| {
        read.as_ref().map(|(known, _)| known.path.clone()).unwrap_or_default()
    };
    read.sort_by_cached_key(|(_, read)| (units::rank(&path(read), false), path(read)));
    let at_once: HashSet<RelPath> = read
        .iter()
        .filter_map(|(_, read)| match read {
            Some((known, Reading::Read { .. })) => Some(known.path.clone()),
            _ => None,
        })
        .collect();
    let (mut told, mut found) = (Vec::new(), Found::default());
    let mut linked = Vec::new();
    for (id, read) in read {
        let Some((known, reading)) = read else {
            // It was gone, or is ignored.
            let stands = rows::known(tx, share, id)?;
            if stands.is_none_or(|known| {
                rules.ignores(&known.path, known.stat.kind == EntryKind::Folder)
            }) {
                db::set_read(tx, share, id)?;
            }
            continue;
        };
        let now = rows::known(tx, share, id)?;
        if now.is_none_or(|now| now != known) {
            continue;
        }
        match reading {
            Reading::Later(due, code) => db::set_unread(tx, share, id, due, Some(code))?,
            Reading::Read { .. } if is_apart(tx, share, &known.path, &at_once)? => {
                db::set_unread(tx, share, id, tx.now().plus(QUIET_MS), Some("busy"))?;
            }
            Reading::Read { what, .. } => {
                let path = known.path;
                if known.stat.names > 1 || twins::group_in(&what).is_some() {
                    linked.push(path.clone());
                }
                let new = found.stands(tx, share, (id, &path, what), None)?;
                if new != id {
                    let removed = ChangedEntry { id, path: path.clone(), what: Change::Removed };
                    told.extend([removed, ChangedEntry { id: new, path, what: Change::Added }]);
                }
            }
        }
    }
    found.tell(tx, signer, share)?;
    twins::follow(tx, share, &linked)?;
    Ok(told)
}
