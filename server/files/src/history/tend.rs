//! What the history does for itself: keeps what was not kept at once, thins and forgets what is
//! old, and stays within its part of the disk.

use std::sync::Arc;
use std::time::Duration;

use store::Store;
use tokio::sync::watch;
use types::{DAY_MS, FileId, HOUR_MS, Hash, MINUTE_MS, RelPath, ShareId, Time};

use super::{Limits, db, keep};
use crate::disk::Root;
use crate::follow::blocking;
use crate::ignore::KEPT_FOLDER;
use crate::live::{Live, Shared};
use crate::task::Lives;
use crate::{Error, db as rows};

/// How long nothing changes before what is missing is kept.
const QUIET: Duration = Duration::from_secs(3);
const QUIET_MAX: Duration = Duration::from_secs(60);
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);
const TIDY_FIRST: Duration = Duration::from_secs(120);
/// How much one transaction keeps.
const FILES_PER_STEP_MAX: u32 = 128;
const BYTES_PER_STEP_MAX: u64 = 16 * 1_024 * 1_024;
const CONTENTS_PER_STEP_MAX: u32 = 256;
/// Of versions older than this that stood no longer than a span, one for each span is kept:
/// typing in an open document makes many.
const THINNED: [(i64, i64); 3] =
    [(HOUR_MS, MINUTE_MS), (DAY_MS, 10 * MINUTE_MS), (7 * DAY_MS, HOUR_MS)];

/// A content that stands in a folder and is not kept yet.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    pub(super) row: i64,
    pub(super) share: ShareId,
    pub(super) file: FileId,
    pub(super) hash: Hash,
    pub(super) size: u64,
}

/// Works until no share is followed any more.
pub(crate) async fn run(shared: Arc<Shared>, mut lives: watch::Receiver<Arc<Lives>>) {
    let mut records = shared.store.follow_records();
    let mut tidy_at = tokio::time::Instant::now() + TIDY_FIRST;
    let mut kept_to = 0;
    loop {
        let now: Vec<Arc<Live>> = lives.borrow_and_update().values().cloned().collect();
        records.mark_unchanged();
        let tidy = tokio::time::Instant::now() >= tidy_at;
        let (at_work, from) = (shared.clone(), kept_to);
        let done = blocking(move || {
            let to = keep_missing(&at_work.store, &now, from)?;
            if tidy {
                tidy_up(&at_work.store, &now)?;
            }
            Ok(to)
        });
        match done.await {
            // After an hour, what could not be kept is tried again.
            Ok(to) => kept_to = if tidy { 0 } else { to },
            Err(Error::Store(store::Error::Closed)) => return,
            Err(error) => tracing::warn!(%error, "the history is behind"),
        }
        if tidy {
            tidy_at = tokio::time::Instant::now() + TIDY_EVERY;
        }
        tokio::select! {
            changed = records.changed() => if changed.is_err() { return },
            changed = lives.changed() => if changed.is_err() { return },
            () = tokio::time::sleep_until(tidy_at) => continue,
        }
        let latest = tokio::time::Instant::now() + QUIET_MAX;
        loop {
            let quiet = (tokio::time::Instant::now() + QUIET).min(latest);
            tokio::select! {
                changed = records.changed() => if changed.is_err() { return },
                changed = lives.changed() => if changed.is_err() { return },
                () = tokio::time::sleep_until(quiet) => break,
            }
            if tokio::time::Instant::now() >= latest {
                break;
            }
        }
    }
}

/// Keeps contents that stand in a folder, from a row on. Gives the row to begin with next.
fn keep_missing(store: &Store, lives: &[Arc<Live>], mut from: i64) -> Result<i64, Error> {
    loop {
        let most = store.read_blocking(Limits::read)?.file_bytes;
        let missing =
            store.read_blocking(|view| db::missing(view, from, most, FILES_PER_STEP_MAX))?;
        let Some(last) = missing.last().map(|one| one.row) else {
            return Ok(from.max(store.read_blocking(db::newest_row)?));
        };
        let mut bytes = 0;
        let mut kept = Vec::new();
        let mut reached = last;
        for one in missing {
            let Some(live) = lives.iter().find(|live| live.share.id == one.share) else { continue };
            if live.is_stopped() {
                continue;
            }
            if let Ok(true) = keep_one(live, &one) {
                kept.push(one.hash);
            }
            bytes += one.size;
            if bytes > BYTES_PER_STEP_MAX {
                reached = one.row;
                break;
            }
        }
        store.write_blocking(move |tx| {
            kept.into_iter().try_for_each(|hash| store::place_content(tx, hash).map(drop))
        })?;
        from = reached;
    }
}

fn keep_one(live: &Live, one: &Missing) -> Result<bool, Error> {
    let store = &live.shared.store;
    let known = store.read_blocking(|view| rows::known(view, one.share, one.file))?;
    let Some(known) = known.filter(|known| known.stat.size == one.size) else { return Ok(false) };
    let (file, stat) = live.root()?.open_plain(&known.path)?;
    if !stat.is_as(&known.stat) {
        return Ok(false);
    }
    Ok(keep(live, &file)?.0 == one.hash)
}

/// Thins, forgets and frees.
pub(crate) fn tidy_up(store: &Store, lives: &[Arc<Live>]) -> Result<(), Error> {
    let limits = store.read_blocking(Limits::read)?;
    store.write_blocking(move |tx| {
        for (age, span) in THINNED {
            db::thin(tx, tx.now().plus(-age), span)?;
        }
        db::forget_old(tx, tx.now().plus(-limits.days * DAY_MS))
    })?;
    drop_contents(store, |view| db::unwanted(view, CONTENTS_PER_STEP_MAX))?;
    let most = limits.bytes_max(store);
    let mut over = store.chunks().stored().saturating_sub(most);
    while over > 0 {
        let oldest = store.read_blocking(|view| db::oldest(view, CONTENTS_PER_STEP_MAX))?;
        let mut dropped = Vec::new();
        for (hash, size) in oldest {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(size);
            dropped.push(hash);
        }
        if dropped.is_empty() {
            break;
        }
        drop_contents(store, |_| Ok(std::mem::take(&mut dropped)))?;
    }
    store.sweep_chunks()?;
    store.write_blocking(|tx| db::forget_outlines(tx))?;
    for live in lives.iter().filter(|live| !live.is_stopped()) {
        if let Ok(root) = live.root()
            && let Err(error) = drop_aside(live, &root, store.now().plus(-limits.days * DAY_MS))
        {
            tracing::debug!(%error, "old contents stay aside");
        }
    }
    Ok(())
}

fn drop_contents(
    store: &Store,
    mut which: impl FnMut(&store::View) -> Result<Vec<Hash>, Error>,
) -> Result<(), Error> {
    loop {
        let some = store.read_blocking(&mut which)?;
        if some.is_empty() {
            return Ok(());
        }
        store.write_blocking(move |tx| {
            some.into_iter().try_for_each(|hash| store::drop_content(tx, hash))
        })?;
    }
}

/// Removes what was moved aside before a moment.
fn drop_aside(live: &Live, root: &Root, before: Time) -> Result<(), Error> {
    let (share, store) = (live.share.id, &live.shared.store);
    let old = store.read_blocking(|view| db::asides_before(view, share, before))?;
    let folder: RelPath = KEPT_FOLDER.parse()?;
    for (hash, name) in old {
        root.drop_part(&folder, &name);
        store.write_blocking(move |tx| db::forget_aside(tx, share, hash))?;
    }
    Ok(())
}
