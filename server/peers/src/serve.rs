//! Contents on their way out: small ones packed together, large ones in pieces or as a difference.
//! Two lanes, so that small ones never wait for large ones.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use types::{Hash, ShareId};

use crate::difference::{self, Part};
use crate::line::Line;
use crate::narrow;
use crate::shared::Shared;
use crate::wire::{self, Blob, Bulk, Control, Given, Outcome, PIECE_BYTES};
use crate::{Content, Failure};

/// So many requests may wait in a lane.
const WAITING_MAX: usize = 256;
const HASHES_MAX: usize = 1_024;
const RANGES_MAX: usize = 4_096;
/// Small contents are put together up to this size.
const PACK_BYTES: usize = 512 * 1_024;

/// The requests of one friend.
pub(crate) struct Counter {
    small: mpsc::Sender<Fetch>,
    large: mpsc::Sender<Request>,
    open: Arc<Mutex<HashMap<u64, Arc<AtomicBool>>>>,
}

struct Fetch {
    id: u64,
    share: ShareId,
    hashes: Vec<Hash>,
}

enum Request {
    Want(Want),
    Narrow { id: u64, share: ShareId, hash: Hash, spans: Vec<(u64, u64)> },
}

struct Want {
    id: u64,
    share: ShareId,
    hash: Hash,
    base: Option<Hash>,
    ranges: Vec<(u64, u64)>,
    stopped: Arc<AtomicBool>,
}

impl Counter {
    /// Frames go to `bulk`, which is bounded: a friend who reads slowly is sent slowly.
    pub(crate) fn open(
        shared: &Arc<Shared>,
        line: &Arc<Line>,
        bulk: &mpsc::Sender<Vec<u8>>,
        tasks: &mut tokio::task::JoinSet<()>,
    ) -> Self {
        let (small, fetches) = mpsc::channel(WAITING_MAX);
        let (large, wants) = mpsc::channel(WAITING_MAX);
        let open = Arc::default();
        tasks.spawn(serve_small(shared.clone(), line.clone(), bulk.clone(), fetches));
        tasks.spawn(serve_large(
            shared.clone(),
            line.clone(),
            bulk.clone(),
            wants,
            Arc::clone(&open),
        ));
        Self { small, large, open }
    }

    /// Takes a request in, or says what is wrong with it.
    pub(crate) fn take(&self, message: Control) -> Result<(), &'static str> {
        let full = "it asks for too much at once";
        match message {
            Control::Fetch { id, share, hashes } => {
                if hashes.len() > HASHES_MAX {
                    return Err(full);
                }
                self.small.try_send(Fetch { id, share, hashes }).map_err(|_| full)
            }
            Control::Want { id, share, hash, base, ranges } => {
                if ranges.len() > RANGES_MAX {
                    return Err(full);
                }
                let stopped = Arc::new(AtomicBool::new(false));
                self.wants().insert(id, stopped.clone());
                let want = Want { id, share, hash, base, ranges, stopped };
                self.large.try_send(Request::Want(want)).map_err(|_| full)
            }
            Control::Narrow { id, share, hash, spans } => {
                let narrow = Request::Narrow { id, share, hash, spans };
                self.large.try_send(narrow).map_err(|_| full)
            }
            Control::Cancel { id } => {
                if let Some(stopped) = self.wants().get(&id) {
                    stopped.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn wants(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<AtomicBool>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A content that the share has, if the friend may have the share.
async fn content(
    shared: &Shared,
    line: &Line,
    share: ShareId,
    hash: Hash,
) -> Result<Option<Box<dyn Content>>, Failure> {
    if !line.has(share) {
        return Ok(None);
    }
    shared.house.content(share, hash).await
}

async fn serve_small(
    shared: Arc<Shared>,
    line: Arc<Line>,
    bulk: mpsc::Sender<Vec<u8>>,
    mut fetches: mpsc::Receiver<Fetch>,
) {
    while let Some(Fetch { id, share, hashes }) = fetches.recv().await {
        let mut left = hashes;
        loop {
            let asked = left.clone();
            let found = match line.has(share) {
                true => shared.house.small_contents(share, asked, PACK_BYTES).await,
                false => Ok(Vec::new()),
            };
            let found = found.unwrap_or_else(|failure| {
                tracing::debug!(%failure, "contents could not be read");
                Vec::new()
            });
            let sent: HashSet<Hash> = found.iter().map(|(hash, _)| *hash).collect();
            left.retain(|hash| !sent.contains(hash));
            let bytes: usize = found.iter().map(|(_, bytes)| bytes.len()).sum();
            line.note_traffic(share, 0, bytes as u64);
            let given = found.into_iter().map(|(hash, bytes)| Given { hash, bytes: Blob(bytes) });
            let mut frames = wire::frame(&Bulk::Small { id, contents: given.collect() });
            let over = sent.is_empty() || left.is_empty();
            if over {
                let missing = std::mem::take(&mut left);
                frames.extend(wire::frame(&Bulk::End { id, outcome: Outcome::Sent { missing } }));
            }
            if bulk.send(frames).await.is_err() {
                return;
            }
            if over {
                break;
            }
        }
    }
}

async fn serve_large(
    shared: Arc<Shared>,
    line: Arc<Line>,
    bulk: mpsc::Sender<Vec<u8>>,
    mut wants: mpsc::Receiver<Request>,
    open: Arc<Mutex<HashMap<u64, Arc<AtomicBool>>>>,
) {
    while let Some(request) = wants.recv().await {
        let want = match request {
            Request::Want(want) => want,
            Request::Narrow { id, share, hash, spans } => {
                let answer = narrowed(&shared, &line, share, hash, spans).await;
                let answer = answer.map_or_else(
                    |_| Bulk::End { id, outcome: Outcome::Failed },
                    |prints| Bulk::Prints { id, prints: Blob(prints) },
                );
                if bulk.send(wire::frame(&answer)).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let id = want.id;
        let outcome = match give(&shared, &line, &bulk, want).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                tracing::debug!(%failure, "a content could not be sent");
                Outcome::Failed
            }
        };
        open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if bulk.send(wire::frame(&Bulk::End { id, outcome })).await.is_err() {
            return;
        }
    }
}

async fn narrowed(
    shared: &Shared,
    line: &Line,
    share: ShareId,
    hash: Hash,
    spans: Vec<(u64, u64)>,
) -> Result<Vec<u8>, Failure> {
    let target = content(shared, line, share, hash).await?;
    let target = target.ok_or_else(|| Failure::new("it is not here"))?;
    if !narrow::may_ask(&spans, target.size()) {
        return Err(Failure::new("it asks about too much"));
    }
    let read = tokio::task::spawn_blocking(move || narrow::prints(&*target, &spans));
    read.await.map_err(Failure::new)?
}

/// What there is to make a difference to.
enum Base {
    None,
    Here(Box<dyn Content>),
    /// Only where both are cut is known: the parts, and how large the base was.
    Outlined(Vec<Part>, u64),
}

async fn base_of(
    shared: &Shared,
    line: &Line,
    want: &Want,
    size: u64,
) -> Result<Option<Base>, Failure> {
    let Some(hash) = want.base else { return Ok(Some(Base::None)) };
    if let Some(base) = content(shared, line, want.share, hash).await? {
        return Ok(Some(Base::Here(base)));
    }
    let Some(base) = shared.house.outline(want.share, hash).await? else { return Ok(None) };
    let Some(target) = shared.house.outline(want.share, want.hash).await? else { return Ok(None) };
    if narrow::size_of(&target) != size {
        return Ok(None);
    }
    let parts = narrow::parts(&base, &target);
    let alike = parts.iter().any(|part| matches!(part, Part::Copy { .. }));
    Ok(alike.then(|| Base::Outlined(parts, narrow::size_of(&base))))
}

async fn give(
    shared: &Shared,
    line: &Arc<Line>,
    bulk: &mpsc::Sender<Vec<u8>>,
    want: Want,
) -> Result<Outcome, Failure> {
    let Some(target) = content(shared, line, want.share, want.hash).await? else {
        return Ok(Outcome::Gone);
    };
    let Some(base) = base_of(shared, line, &want, target.size()).await? else {
        return Ok(Outcome::NoBase);
    };
    let (line, bulk) = (line.clone(), bulk.clone());
    let done = tokio::task::spawn_blocking(move || send(&line, &bulk, &want, &*target, base));
    done.await.map_err(Failure::new)??;
    Ok(Outcome::Sent { missing: Vec::new() })
}

fn send(
    line: &Line,
    bulk: &mpsc::Sender<Vec<u8>>,
    want: &Want,
    target: &dyn Content,
    base: Base,
) -> Result<(), Failure> {
    let (parts, base_size) = match base {
        Base::None => (vec![Part::Fresh { at: 0, length: target.size() }], 0),
        Base::Here(base) => (difference::difference(&*base, target)?, base.size()),
        Base::Outlined(parts, size) => (parts, size),
    };
    let id = want.id;
    for (start, end) in &want.ranges {
        for part in parts.iter().filter_map(|part| part.within(*start, *end)) {
            if want.stopped.load(Ordering::Relaxed) || line.cut.load(Ordering::Relaxed) {
                return Ok(());
            }
            let frame = match part {
                Part::Copy { at, from, length } => {
                    wire::frame(&Bulk::Copy { id, at, from, length })
                }
                Part::Unsure(stretch) => {
                    let prints = Blob(narrow::first_prints(target, &stretch, base_size)?);
                    let narrow::Stretch { at, length, from, to } = stretch;
                    wire::frame(&Bulk::Unsure { id, at, length, from, to, prints })
                }
                Part::Fresh { .. } => {
                    send_fresh(line, bulk, want, target, part.span())?;
                    continue;
                }
            };
            bulk.blocking_send(frame).map_err(Failure::new)?;
        }
    }
    Ok(())
}

fn send_fresh(
    line: &Line,
    bulk: &mpsc::Sender<Vec<u8>>,
    want: &Want,
    target: &dyn Content,
    (start, end): (u64, u64),
) -> Result<(), Failure> {
    let mut at = start;
    while at < end {
        if want.stopped.load(Ordering::Relaxed) || line.cut.load(Ordering::Relaxed) {
            return Ok(());
        }
        // Under a limit the way is left to small contents until it is free.
        if line.pace.up.rest_blocking() {
            continue;
        }
        let size = usize::try_from(end - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let bytes = Blob(difference::read(target, at, size)?);
        let frame = wire::frame(&Bulk::Piece { id: want.id, at, bytes });
        bulk.blocking_send(frame).map_err(Failure::new)?;
        line.note_traffic(want.share, 0, size as u64);
        at += size as u64;
    }
    Ok(())
}
