//! Looks, now and then and whenever it is asked to, whether the disk still gives back what was
//! written: the files of the shares, and the contents that the history kept.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use store::{Found, Store};
use tokio::sync::{mpsc, oneshot, watch};
use types::{DAY_MS, FileId, Hash, RelPath, ShareId, Time};

use crate::db::scrub::{self as db, Rotten};
use crate::live::{Live, Shared};
use crate::rot::{self, Looked};
use crate::task::{Handle, Lives};
use crate::{Error, db as rows};

/// How often everything is looked at without being asked.
const EVERY_MS: i64 = 30 * DAY_MS;
/// How often it is seen whether that is due; and how long a slice of it rests.
const CHECK: Duration = Duration::from_secs(10 * 60);
const REST: Duration = Duration::from_secs(20);
/// How much one slice reads, unless one file alone has more.
const SLICE_BYTES: u64 = 64 * 1_024 * 1_024;
const ROWS_MAX: u32 = 64;
const DAMAGED_MAX: usize = 1_000;

/// How a look at all contents went that was asked for, or how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrubbed {
    pub running: bool,
    pub began_at: Option<Time>,
    pub ended_at: Option<Time>,
    /// What was looked at.
    pub files: u64,
    pub bytes: u64,
    /// What is to be looked at altogether.
    pub of_files: u64,
    pub of_bytes: u64,
    /// Files that were just being changed, and so could not be judged.
    pub skipped: u64,
    /// Pieces of earlier versions that were looked at.
    pub pieces: u64,
    /// At most a thousand.
    pub damaged: Vec<Damaged>,
}

/// A file, or a version of it, that the disk spoilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    pub share: ShareId,
    pub file: FileId,
    pub hash: Hash,
    pub path: RelPath,
    /// Whether it is an earlier version that was kept, and not what stands in the folder.
    pub earlier: bool,
    /// Whether it is whole again.
    pub healed: bool,
}

impl Handle {
    /// Begins to look at all contents of a share, or of all and of the history.
    pub async fn scrub(&self, share: Option<ShareId>) -> Result<Scrubbed, Error> {
        if let Some(share) = share {
            self.live(share)?;
        }
        {
            let mut scrubbed = lock(&self.shared);
            if scrubbed.running {
                return Ok(scrubbed.clone());
            }
            let began_at = Some(self.shared.store.now());
            *scrubbed = Scrubbed { running: true, began_at, ..Scrubbed::default() };
        }
        let closed = |_| Error::Store(store::Error::Closed);
        self.scrubs.send(share).await.map_err(closed)?;
        self.scrubbed().await
    }

    /// How the last look at all contents went, or how far it is.
    pub async fn scrubbed(&self) -> Result<Scrubbed, Error> {
        let mut scrubbed = lock(&self.shared).clone();
        let read = self.shared.store.read(move |view| {
            for one in &mut scrubbed.damaged {
                one.healed = db::of(view, one.share, one.file, one.hash, one.earlier)?.is_none();
            }
            Ok(scrubbed)
        });
        read.await
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, Scrubbed> {
    shared.scrubbed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Works until no share is followed any more.
pub(crate) async fn run(
    shared: Arc<Shared>,
    mut lives: watch::Receiver<Arc<Lives>>,
    mut asked: mpsc::Receiver<Option<ShareId>>,
) {
    let mut wait = CHECK;
    loop {
        let wish = tokio::select! {
            wish = asked.recv() => match wish {
                Some(wish) => Some(wish),
                None => return,
            },
            () = tokio::time::sleep(wait) => None,
            changed = lives.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let now: Vec<Arc<Live>> = lives.borrow().values().cloned().collect();
        let at_work = shared.clone();
        let done = match wish {
            Some(wish) => {
                beside(false, move || {
                    let looked = look_at_all(&at_work, &now, wish);
                    let mut scrubbed = lock(&at_work);
                    scrubbed.running = false;
                    scrubbed.ended_at = Some(at_work.store.now());
                    looked.map(|()| false)
                })
                .await
            }
            None => beside(true, move || look_at_some(&at_work, &now)).await,
        };
        wait = match done {
            Ok(true) => REST,
            Ok(false) => CHECK,
            Err(Error::Store(store::Error::Closed)) => return,
            Err(error) => {
                tracing::warn!(%error, "contents could not be looked at");
                CHECK
            }
        };
    }
}

/// Runs on a thread of its own, which yields to everything else if it is patient.
async fn beside<T: Send + 'static>(
    patient: bool,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (sender, done) = oneshot::channel();
    let thread = std::thread::Builder::new().name("scrub".to_owned());
    let spawned = thread.spawn(move || {
        if patient {
            yield_to_others();
        }
        // Whoever stopped waiting needs no answer.
        drop(sender.send(work()));
    });
    let closed = || Error::Store(store::Error::Closed);
    spawned.map_err(|error| Error::Refused(error.to_string()))?;
    done.await.map_err(|_| closed())?
}

/// The lowest share of processor and disk, for the calling thread alone.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::debug!(%error, "a thread keeps its usual priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

fn look_at_all(shared: &Shared, lives: &[Arc<Live>], wish: Option<ShareId>) -> Result<(), Error> {
    let wanted = |live: &&Arc<Live>| wish.is_none_or(|share| live.share.id == share);
    let lives: Vec<&Arc<Live>> = lives.iter().filter(wanted).collect();
    for live in &lives {
        let share = live.share.id;
        let totals = shared.store.read_blocking(|view| rows::totals(view, share))?;
        let mut scrubbed = lock(shared);
        scrubbed.of_files += totals.files;
        scrubbed.of_bytes += totals.bytes;
    }
    for live in &lives {
        let mut at = 0;
        while let Some(next) = look_at_files(shared, live, at, u64::MAX, true)? {
            at = next;
        }
    }
    let mut at = 0;
    while let Some(next) = look_at_pieces(shared, &lives, at, u64::MAX, wish.is_none())? {
        at = next;
    }
    for live in lives {
        rot::heal_some(live, &live.root()?)?;
        live.tell_needs();
    }
    Ok(())
}

/// A slice of what is due without being asked. Tells whether more of it is under way.
fn look_at_some(shared: &Shared, lives: &[Arc<Live>]) -> Result<bool, Error> {
    let parts = lives.iter().map(Some).chain([None]);
    for part in parts {
        let share = part.map(|live| live.share.id);
        let now = shared.store.now();
        let position = shared.store.read_blocking(|view| db::position(view, share))?;
        let Some((at, ended_at)) = position else {
            // What is new was checked when it was written.
            shared.store.write_blocking(move |tx| db::set_position(tx, share, None, now))?;
            continue;
        };
        if at.is_none() && now.since(ended_at) < EVERY_MS {
            continue;
        }
        let from = at.unwrap_or(0);
        let next = match part {
            Some(live) if live.is_stopped() => continue,
            Some(live) => match look_at_files(shared, live, from, SLICE_BYTES, false) {
                // Its folder is away.
                Err(Error::Missing { .. } | Error::Unreadable { .. } | Error::Gone) => continue,
                next => next?,
            },
            None => {
                let lives: Vec<&Arc<Live>> = lives.iter().collect();
                look_at_pieces(shared, &lives, from, SLICE_BYTES, true)?
            }
        };
        let ended_at = if next.is_some() { ended_at } else { now };
        shared.store.write_blocking(move |tx| db::set_position(tx, share, next, ended_at))?;
        return Ok(true);
    }
    Ok(false)
}

/// Looks at files after a row, as many as have so many bytes. Gives the row to go on with.
fn look_at_files(
    shared: &Shared,
    live: &Live,
    mut at: i64,
    bytes_max: u64,
    count: bool,
) -> Result<Option<i64>, Error> {
    let share = live.share.id;
    let root = live.root()?;
    let mut bytes = 0;
    while bytes < bytes_max {
        let files =
            shared.store.read_blocking(|view| db::files_after(view, share, at, ROWS_MAX))?;
        if files.is_empty() {
            return Ok(None);
        }
        for (row, file, size) in files {
            if live.is_stopped() {
                return Ok(None);
            }
            let looked = rot::look(live, &root, file)?;
            (at, bytes) = (row, bytes + size);
            if count {
                let mut scrubbed = lock(shared);
                scrubbed.files += 1;
                scrubbed.bytes += size;
                scrubbed.skipped += u64::from(looked == Looked::Untold);
                drop(scrubbed);
                if looked == Looked::Rotten {
                    note(shared, live, file, true)?;
                }
            }
            if bytes >= bytes_max {
                break;
            }
        }
    }
    Ok(Some(at))
}

/// Adds to what is told to whoever asked.
fn note(shared: &Shared, live: &Live, file: FileId, in_folder: bool) -> Result<(), Error> {
    let share = live.share.id;
    let found = shared.store.read_blocking(|view| {
        let path = rows::known(view, share, file)?.map(|known| known.path).unwrap_or_default();
        let mut rotten = db::all(view, share)?;
        rotten.retain(|rotten| rotten.file == file && rotten.found.is_some() == in_folder);
        Ok::<_, Error>(rotten.into_iter().map(move |rotten| (rotten.hash, path.clone())))
    })?;
    let mut scrubbed = lock(shared);
    for (hash, path) in found {
        let one = Damaged { share, file, hash, path, earlier: !in_folder, healed: false };
        if scrubbed.damaged.len() < DAMAGED_MAX && !scrubbed.damaged.contains(&one) {
            scrubbed.damaged.push(one);
        }
    }
    Ok(())
}

/// Looks at pieces of the history after a row, as many as have so many bytes. Gives the row to go
/// on with.
fn look_at_pieces(
    shared: &Shared,
    lives: &[&Arc<Live>],
    mut at: i64,
    bytes_max: u64,
    all: bool,
) -> Result<Option<i64>, Error> {
    if !all {
        return Ok(None);
    }
    let store = &shared.store;
    let mut bytes = 0;
    while bytes < bytes_max {
        let pieces = store.read_blocking(|view| store::chunks_after(view, at, ROWS_MAX))?;
        if pieces.is_empty() {
            return Ok(None);
        }
        for (row, hash, size) in pieces {
            (at, bytes) = (row, bytes + u64::from(size));
            lock(shared).pieces += 1;
            if !matches!(store.read_chunk(hash)?, Found::Whole(_)) {
                lose_piece(shared, store, lives, hash)?;
            }
        }
        if lives.iter().all(|live| live.is_stopped()) {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

/// A piece is spoilt: every content that it is part of is to be kept anew.
fn lose_piece(
    shared: &Shared,
    store: &Store,
    lives: &[&Arc<Live>],
    piece: Hash,
) -> Result<(), Error> {
    tracing::warn!(%piece, "the disk gave back other bytes of an earlier version");
    let contents = store.read_blocking(|view| store::contents_with(view, piece))?;
    store.write_blocking(move |tx| store::forget_chunk(tx, piece))?;
    for hash in contents {
        let versions = store.read_blocking(|view| db::versions_of(view, hash))?;
        let owner = versions.iter().find_map(|(share, file)| {
            Some((lives.iter().find(|live| live.share.id == *share)?, *file))
        });
        match owner {
            Some((live, file)) => {
                rot::note(live, Rotten { file, hash, found: None })?;
                note(shared, live, file, false)?;
            }
            None if versions.is_empty() => {
                store.write_blocking(move |tx| store::drop_content(tx, hash))?;
            }
            // Its share is away at the moment.
            None => {}
        }
    }
    Ok(())
}
