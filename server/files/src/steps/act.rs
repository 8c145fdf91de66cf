//! One round of steps on disk. What is written is made ready beside everything else; then, alone
//! with the folder, each thing is put in its place if the disk is as it is known to be, and rows
//! and records follow in one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::Ordering;

use store::Tx;
use tree::{Held, Step, What};
use types::{FileId, Hash, Name, RelPath, ShareId};

use super::strangers::{self, Way};
use super::{AGAIN_MS, Planned, is_dressed_alone, merge};
use crate::contents::{self, find, part_of};
use crate::db::change;
use crate::db::tree as db;
use crate::disk::{Dress, Root, SYNC_EACH, Traits, kind_of, put_on};
use crate::entry::{ChangedEntry, Known, Seen, Stat};
use crate::ledger::{Moment, Records};
use crate::live::Live;
use crate::{Error, db as rows, kept, rot, twins};

/// From so many files or folders on, everything is made durable by one call.
const SYNC_TOGETHER_MIN: usize = 4;
/// How long a step waits that cannot be taken at all at the moment.
pub(super) const HINDERED_MS: i64 = 10_000;

/// A step that is made ready.
struct Ready {
    id: FileId,
    step: Step,
    /// Where the new content stands: folder and name.
    part: Option<(RelPath, String)>,
}

/// Where folders stand, as the rows say, looked up once.
#[derive(Default)]
struct Paths(HashMap<FileId, Option<RelPath>>);

impl Paths {
    fn of(&mut self, live: &Live, folder: FileId) -> Result<RelPath, Error> {
        let known = match self.0.get(&folder) {
            Some(known) => known.clone(),
            None => {
                let (share, store) = (live.share.id, &live.shared.store);
                let found = store.read_blocking(|view| db::folder_path(view, share, folder))?;
                self.0.insert(folder, found.clone());
                found
            }
        };
        known.ok_or(Error::Gone)
    }
}

/// What was done on disk, for the rows.
enum Done {
    Placed {
        seen: Seen,
        old: Option<(RelPath, String)>,
    },
    /// What stood there in no record is the thing itself.
    Adopted {
        stranger: FileId,
        seen: Seen,
    },
    Moved {
        known: Known,
        seen: Seen,
    },
    Removed {
        known: Known,
        old: Option<(RelPath, String)>,
    },
    /// Nothing is different on disk, or only how a file is dressed.
    Became {
        known: Known,
    },
    Merged {
        hash: Hash,
        size: u64,
    },
    Apart,
}

pub(super) fn perform(live: &Live, root: &Root, steps: Vec<Planned>) -> Result<(), Error> {
    let mut failed: Vec<(FileId, Error)> = Vec::new();
    let mut ready = Vec::new();
    let together = steps.len() >= SYNC_TOGETHER_MIN && !SYNC_EACH;
    let mut paths = Paths::default();
    for planned in steps {
        match prepare(live, root, &planned, (together, &mut paths)) {
            Ok(part) => {
                let Planned { id, step, .. } = planned;
                ready.push(Ready { id, step, part });
            }
            Err(error) => failed.push((planned.id, error)),
        }
    }
    if together
        && ready.iter().any(|ready| ready.part.is_some())
        && let Err(error) = root.sync_all()
    {
        // What was written may be lost without another word: it is written anew.
        for Ready { step, part, .. } in &ready {
            give_up(live, root, step, part.as_ref());
        }
        return Err(error);
    }
    let (changes, old) = {
        let _alone = live.scanning();
        let (mut done, mut moved) = (Vec::new(), Vec::new());
        let (mut folders, mut paths) = (BTreeSet::new(), Paths::default());
        for ready in ready {
            let Ready { id, step, part } = ready;
            let mut go = || act(live, root, id, &step, part.as_ref(), (&mut folders, &mut paths));
            let acted = match still_goes(live, id, &step).and_then(|()| go()) {
                Err(Error::Taken) => match make_room(live, root, &step)? {
                    Some(Way::Moved(known, seen)) => {
                        moved.push((known, seen));
                        go()
                    }
                    Some(Way::Became(known, seen)) => {
                        give_up(live, root, &step, part.as_ref());
                        Ok(Done::Adopted { stranger: known.id, seen })
                    }
                    None => Err(Error::Taken),
                },
                acted => acted,
            };
            match acted {
                Ok(one) => done.push((id, step, one)),
                Err(error) => {
                    give_up(live, root, &step, part.as_ref());
                    failed.push((id, error));
                }
            }
        }
        sync(root, &folders)?;
        write(live, moved, done, failed)?
    };
    live.tell(changes);
    live.tell_needs();
    for (folder, part, path) in old {
        kept::set_aside(live, root, (&folder, &part), &path);
    }
    Ok(())
}

/// Somebody may have taken the file in hand since the step was planned.
fn still_goes(live: &Live, id: FileId, step: &Step) -> Result<(), Error> {
    let in_hand = &live.shared.in_hand;
    if !in_hand.has(id) {
        return Ok(());
    }
    let (share, own) = (live.share.id, live.shared.signer()?.hive());
    let kept_off = live
        .shared
        .store
        .read_blocking(|view| in_hand.keeps_off(&Moment { view, share }, own, id, step))?;
    if kept_off.is_some() { Err(Error::Changed) } else { Ok(()) }
}

/// Has what stands in the way of a step give way, if it may.
fn make_room(live: &Live, root: &Root, step: &Step) -> Result<Option<Way>, Error> {
    let Some((parent, name, what)) = strangers::target(step) else { return Ok(None) };
    let Ok(folder) = Paths::default().of(live, parent) else { return Ok(None) };
    match strangers::give_way(live, root, &folder.join(name), what) {
        Ok(way) => Ok(Some(way)),
        Err(Error::Store(error)) => Err(Error::Store(error)),
        Err(error) => {
            tracing::debug!(%error, "what stands in the way stays");
            Ok(None)
        }
    }
}

/// A part is not put in its place after all. What was received bit by bit is kept.
fn give_up(live: &Live, root: &Root, step: &Step, part: Option<&(RelPath, String)>) {
    match (part, step) {
        (Some((_, name)), Step::Write { what: What::File { hash, size, .. }, .. })
            if *name == part_of(live.share.id, *hash) =>
        {
            live.stock.received_again(*hash, *size);
        }
        (Some((folder, name)), _) => root.drop_part(folder, name),
        (None, _) => {}
    }
}

/// Makes a new content ready, durable unless all are synced together.
fn prepare(
    live: &Live,
    root: &Root,
    Planned { id, step, anew, .. }: &Planned,
    (together, paths): (bool, &mut Paths),
) -> Result<Option<(RelPath, String)>, Error> {
    let Step::Write { parent, name, what, instead_of, .. } = step else { return Ok(None) };
    let share = live.share.id;
    let folder = paths.of(live, *parent)?;
    let aside = instead_of.is_some();
    let part = live.shared.parts.draw_for(share, aside);
    match what {
        What::Folder => Ok(None),
        What::Link { target } => {
            root.new_link(&folder, &part, target)?;
            Ok(Some((folder, part)))
        }
        What::File { hash, size, .. } => {
            let held = instead_of.as_ref().map(|held| &held.what);
            if !*anew && held.is_some_and(|held| is_dressed_alone(held, what)) {
                return Ok(None);
            }
            if let Some(part) = twin(live, root, *id, what, (&folder, &part))? {
                return Ok(Some(part));
            }
            let (place, name_of_part) = match live.stock.take_received(*hash) {
                true => (RelPath::root(), part_of(share, *hash)),
                false => (folder.clone(), part),
            };
            let received = name_of_part == part_of(share, *hash);
            let made = (|| {
                let file = if received {
                    // It takes no more room than it has taken already.
                    root.open_part(&name_of_part)?.0
                } else {
                    contents::need_room(live, root, *size)?;
                    let file = root.new_part(&place, &name_of_part)?;
                    if *size > 0 {
                        let found = find(live, root, *hash)?.ok_or(Error::Gone)?;
                        found.write_to(&file).inspect_err(|_| rot::suspect(live, *hash))?;
                    }
                    file
                };
                root.usual_mode(&file, held.is_some().then(|| folder.join(name)).as_ref())?;
                put_on(&file, &dress(what), &live.traits())?;
                if !together {
                    file.sync_all().map_err(|error| crate::disk::write_error(&error))?;
                }
                Ok(())
            })();
            if let Err(error) = made {
                match received {
                    true => live.stock.received_again(*hash, *size),
                    false => root.drop_part(&place, &name_of_part),
                }
                return Err(error);
            }
            Ok(Some((place, name_of_part)))
        }
    }
}

/// Makes the part another name of a file that is to be the same one, if that stands already.
fn twin(
    live: &Live,
    root: &Root,
    id: FileId,
    what: &What,
    (folder, part): (&RelPath, &str),
) -> Result<Option<(RelPath, String)>, Error> {
    let Some(group) = twins::group_in(what) else { return Ok(None) };
    live.linked.store(true, Ordering::Relaxed);
    let share = live.share.id;
    let candidates = live.shared.store.read_blocking(|view| {
        let own = rows::known(view, share, id)?.map(|known| known.stat.inode);
        let mut candidates = Vec::new();
        for other in db::twins_of(view, share, group)? {
            let same = db::held(view, share, other)?.is_some_and(|held| held.what == *what);
            if other == id || !same || rot::is_known(view, share, other)? {
                continue;
            }
            match db::unread(view, share, other)? {
                None => candidates.extend(rows::known(view, share, other)?),
                // It is only looked at, and then is the one to be linked to.
                Some(None) => return Err(Error::Changed),
                Some(Some(_)) => {}
            }
        }
        candidates.retain(|known| Some(known.stat.inode) != own);
        Ok::<_, Error>(candidates)
    })?;
    for known in candidates {
        if root.twin_part(&known.path, &known.stat, folder, part)? {
            return Ok(Some((folder.clone(), part.to_owned())));
        }
    }
    Ok(None)
}

pub(super) fn dress(what: &What) -> Dress {
    match what {
        What::File { modified_ns, executable, attributes, .. } => Dress {
            modified_ns: *modified_ns,
            executable: *executable,
            attributes: attributes.clone(),
        },
        What::Folder | What::Link { .. } => Dress::default(),
    }
}

/// Takes one step, alone with the folder.
fn act(
    live: &Live,
    root: &Root,
    id: FileId,
    step: &Step,
    part: Option<&(RelPath, String)>,
    (folders, paths): (&mut BTreeSet<RelPath>, &mut Paths),
) -> Result<Done, Error> {
    let share = live.share.id;
    let mut path_in =
        |parent: FileId, name: &Name| Ok::<_, Error>(paths.of(live, parent)?.join(name));
    let known_as = |held: &Held| known_as(live, id, held);
    match step {
        Step::MakeFolder { parent, name, .. } => {
            let path = path_in(*parent, name)?;
            let stat = root.make_folder(&path)?;
            live.watch(&path);
            Ok(Done::Placed { seen: Seen { path, stat }, old: None })
        }
        Step::Move { to: (parent, name), .. } => relocate(live, root, id, &path_in(*parent, name)?),
        Step::StepAside { name, .. } => {
            let known = known(live, id)?;
            let folder = known.path.parent().ok_or(Error::Gone)?;
            relocate(live, root, id, &folder.join(name))
        }
        Step::Write { parent, name, what, instead_of, .. } => {
            let path = path_in(*parent, name)?;
            let expected = instead_of.as_ref().map(known_as).transpose()?;
            if expected.as_ref().is_some_and(|known| known.path != path) {
                return Err(Error::Changed);
            }
            let expected = expected.map(|known| known.stat);
            // What was received bit by bit has a name under which nothing old is looked for.
            let is_received = |hash| part.is_some_and(|(_, name)| *name == part_of(share, hash));
            let drawn = match what {
                What::File { hash, .. } if is_received(*hash) => {
                    Some(live.shared.parts.draw_for(share, true))
                }
                _ => None,
            };
            put((root, &live.traits()), &path, part, expected.as_ref(), what, (drawn, folders))
        }
        Step::Remove { held } => {
            let known = known_as(held)?;
            if held.what == What::Folder {
                root.remove_folder(&known.path)?;
                return Ok(Done::Removed { known, old: None });
            }
            let folder = known.path.parent().unwrap_or_default();
            let part = live.shared.parts.draw_for(share, true);
            root.take_away(&known.path, &known.stat, &part)?;
            folders.insert(folder.clone());
            Ok(Done::Removed { known, old: Some((folder, part)) })
        }
        Step::Become { .. } => Ok(Done::Became { known: known(live, id)? }),
        Step::Merge { base, first, second } => {
            Ok(match merge::merge(live, root, (*base, *first, *second))? {
                Some((hash, size)) => Done::Merged { hash, size },
                None => Done::Apart,
            })
        }
        Step::Nothing | Step::After(_) => Err(Error::Changed),
    }
}

/// Puts a new content in its place, or dresses the old one anew.
fn put(
    (root, traits): (&Root, &Traits),
    path: &RelPath,
    part: Option<&(RelPath, String)>,
    expected: Option<&Stat>,
    what: &What,
    (drawn, folders): (Option<String>, &mut BTreeSet<RelPath>),
) -> Result<Done, Error> {
    let Some((part_folder, name)) = part else {
        let stat = root.dress(path, expected.ok_or(Error::Changed)?, &dress(what), traits)?;
        return Ok(Done::Placed { seen: Seen { path: path.clone(), stat }, old: None });
    };
    let folder = path.parent().unwrap_or_default();
    let beside = drawn.as_deref().unwrap_or(name);
    let instead = expected.map(|expected| (expected, beside));
    let (stat, replaced) = root.put_part((part_folder, name), path, kind_of(what), instead)?;
    let old = replaced.then(|| (folder.clone(), beside.to_owned()));
    if *part_folder != folder {
        folders.insert(part_folder.clone());
    }
    folders.insert(folder);
    Ok(Done::Placed { seen: Seen { path: path.clone(), stat }, old })
}

fn relocate(live: &Live, root: &Root, id: FileId, to: &RelPath) -> Result<Done, Error> {
    let known = known(live, id)?;
    let stat = root.move_to(&known.path, to, &known.stat)?;
    let seen = Seen { path: to.clone(), stat };
    Ok(Done::Moved { known, seen })
}

fn known(live: &Live, id: FileId) -> Result<Known, Error> {
    let share = live.share.id;
    let store = &live.shared.store;
    store.read_blocking(|view| rows::known(view, share, id))?.ok_or(Error::Changed)
}

/// What is known to stand on disk, if that is what was last in step.
fn known_as(live: &Live, id: FileId, held: &Held) -> Result<Known, Error> {
    let known = known(live, id)?;
    let share = live.share.id;
    let unread = live.shared.store.read_blocking(|view| db::unread(view, share, id))?;
    let as_held = match &held.what {
        What::File { size, modified_ns, .. } => {
            known.stat.size == *size
                && live.traits().same_time(known.stat.modified_ns, *modified_ns)
        }
        What::Folder | What::Link { .. } => true,
    };
    let same = as_held && unread.is_none() && known.stat.kind == kind_of(&held.what);
    if same { Ok(known) } else { Err(Error::Changed) }
}

/// Makes new names durable. Where one folder cannot be synced, the whole file system may be; if
/// that fails too, nothing was done as far as the rows know, and it is looked at anew.
fn sync(root: &Root, folders: &BTreeSet<RelPath>) -> Result<(), Error> {
    if folders.len() >= SYNC_TOGETHER_MIN && !SYNC_EACH {
        return root.sync_all();
    }
    folders.iter().try_for_each(|folder| root.sync_folder(folder)).or_else(|error| {
        tracing::warn!(%error, "a folder could not be made durable by itself");
        root.sync_all()
    })
}

type Old = Vec<(RelPath, String, RelPath)>;

/// Rows and records of what was done, in one transaction.
fn write(
    live: &Live,
    moved: Vec<(Known, Seen)>,
    done: Vec<(FileId, Step, Done)>,
    failed: Vec<(FileId, Error)>,
) -> Result<(Vec<ChangedEntry>, Old), Error> {
    let share = live.share.id;
    let signer = live.shared.signer()?;
    let mut merged = HashSet::new();
    for (_, step, done) in &done {
        match (step, done) {
            (_, Done::Merged { hash, .. }) => live.stock.note_merged(*hash),
            (Step::Write { what: What::File { hash, .. }, .. }, _)
                if live.stock.take_merged(*hash) =>
            {
                merged.insert(*hash);
            }
            _ => {}
        }
    }
    live.shared.store.write_blocking(move |tx| {
        let (mut changes, mut old) = (Vec::new(), Vec::new());
        for (known, seen) in &moved {
            change::relocate(tx, share, known, seen, &mut changes)?;
        }
        for (id, step, done) in done {
            match &done {
                Done::Merged { hash, size } => {
                    let Step::Merge { first, second, .. } = &step else { continue };
                    let mut records = Records::new(tx, share, signer.hive());
                    let (sides, made) = ((*first, *second), (*hash, *size));
                    tree::merged(&mut records, &*signer, id, sides, made)?;
                    continue;
                }
                Done::Apart => {
                    let Step::Merge { first, second, .. } = &step else { continue };
                    let mut records = Records::new(tx, share, signer.hive());
                    tree::stay_apart(&mut records, id, *first, *second)?;
                    continue;
                }
                _ => {}
            }
            note_row(tx, share, (id, &step), done, &mut changes, &mut old)?;
            let mut records = Records::new(tx, share, signer.hive());
            tree::did(&mut records, id, &step)?;
            if let Step::Write { what: what @ What::File { .. }, .. } = &step {
                note_version(tx, share, id, what)?;
                if what.hash().is_some_and(|hash| merged.contains(&hash)) {
                    kept::is_merged(tx, id, what)?;
                }
            }
        }
        for (id, error) in failed {
            let (code, wait) = reason(&error);
            tracing::debug!(?id, %error, "a step waits");
            db::fail_step(tx, share, id, tx.now().plus(wait), (code, &error.to_string()))?;
        }
        change::announce(tx, share, &changes)?;
        Ok((changes, old))
    })
}

fn note_row(
    tx: &mut Tx,
    share: ShareId,
    (id, step): (FileId, &Step),
    done: Done,
    changes: &mut Vec<ChangedEntry>,
    old: &mut Old,
) -> Result<(), Error> {
    match done {
        Done::Placed { seen, old: aside } => {
            old.extend(aside.map(|(folder, part)| (folder, part, seen.path.clone())));
            change::placed(tx, share, id, &seen, changes)
        }
        Done::Adopted { stranger, seen } => {
            if stranger != id && !db::rename_entry(tx, share, stranger, id)? {
                return Err(Error::Changed);
            }
            let removed = crate::entry::What::Removed;
            changes.push(ChangedEntry { id: stranger, path: seen.path.clone(), what: removed });
            db::set_read(tx, share, id)?;
            change::placed(tx, share, id, &seen, changes)
        }
        Done::Moved { known, seen } => change::relocate(tx, share, &known, &seen, changes),
        Done::Removed { known, old: aside } => {
            old.extend(aside.map(|(folder, part)| (folder, part, known.path.clone())));
            change::lose(tx, share, &known, true, changes)?;
            kept::gone(tx, share, id)
        }
        Done::Became { known } => {
            let Step::Become { successor } = step else { return Ok(()) };
            change::hand_over(tx, share, &known, *successor, changes)
        }
        Done::Merged { .. } | Done::Apart => Ok(()),
    }
}

/// A friend's version that now stands on disk.
fn note_version(tx: &mut Tx, share: ShareId, id: FileId, what: &What) -> Result<(), Error> {
    let Some(node) = db::node(tx, share, id)? else { return Ok(()) };
    let Some(version) = tree::current(&node).filter(|version| version.what == *what) else {
        return Ok(());
    };
    kept::note(tx, id, version.tick.hive, what, version.by.as_deref())
}

/// The code of a failure, and how long to wait.
fn reason(error: &Error) -> (&'static str, i64) {
    match error {
        Error::Changed | Error::Gone | Error::Taken => ("changed", AGAIN_MS),
        Error::Full | Error::NoRoom { .. } | Error::Store(store::Error::Full) => {
            ("full", HINDERED_MS)
        }
        Error::BadPath(_) => ("name", HINDERED_MS),
        _ => ("unwritable", HINDERED_MS),
    }
}
