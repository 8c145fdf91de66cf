//! Contents of earlier versions: cut into chunks, each kept once, small ones in the database and
//! the rest packed into few files. What is read is checked by its hash.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::Hash;

use crate::{Error, Store, Tx, View};

mod cut;
mod index;
mod outline;
mod pack;
mod sweep;

use cut::cut;
use outline::Outlines;
use pack::{Packs, Spot};

pub use cut::CHUNK_BYTES_MAX;
pub use outline::{Cut, Measured, OUTLINE_BYTES_MIN, measure, put_outline};

/// Up to here a stored chunk goes into the database itself, and costs no sync of its own.
const INLINE_BYTES_MAX: usize = 16 * 1_024;
/// What was read and has no row yet: how many contents, and how many bytes of small chunks.
const PENDING_MAX: usize = 4_096;
const PENDING_BYTES_MAX: usize = 16 * 1_024 * 1_024;
const SAMPLE_BYTES: usize = 4_096;
const LEVEL: i32 = 1;

/// The chunks of a hive. Cheap to clone.
#[derive(Clone)]
pub struct Chunks(Arc<Inner>);

struct Inner {
    packs: Packs,
    pending: Mutex<Pending>,
    /// Compressors at rest: making one takes longer than a small chunk.
    compressors: Mutex<Vec<zstd::bulk::Compressor<'static>>>,
    /// How many contents are being read; their chunks may lie in a pack without being pending.
    keeping: AtomicUsize,
}

/// One content that is being read.
struct Keeping<'a>(&'a AtomicUsize);

impl<'a> Keeping<'a> {
    fn begin(chunks: &'a Chunks) -> Self {
        chunks.0.keeping.fetch_add(1, Ordering::SeqCst);
        Self(&chunks.0.keeping)
    }
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What an open file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub hash: Hash,
    pub size: u64,
    /// Whether it is kept, or will be with the next [`place_content`].
    pub kept: bool,
}

/// A chunk as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Whole(Vec<u8>),
    Missing,
    /// The disk gave other bytes than were kept.
    Damaged,
}

/// Read, and as far as need be durable, but known to nobody yet.
#[derive(Default)]
struct Pending {
    contents: HashMap<Hash, (u64, Content)>,
    /// Oldest first, by number; what was taken meanwhile still stands here.
    order: VecDeque<(u64, Hash)>,
    next: u64,
    bytes: usize,
    outlines: Outlines,
}

struct Content {
    size: u64,
    chunks: Vec<Piece>,
}

struct Piece {
    hash: Hash,
    size: u32,
    place: Place,
}

enum Place {
    Known,
    Inline { bytes: Vec<u8>, packed: bool },
    Packed { spot: Spot, packed: bool },
}

impl Chunks {
    pub(crate) fn open(folder: &Path) -> Self {
        let packs = Packs::open(folder.join("chunks"));
        let (pending, compressors) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { packs, pending, compressors, keeping: AtomicUsize::new(0) }))
    }

    /// How many bytes the packs take on disk.
    pub fn stored(&self) -> u64 {
        self.0.packs.stored()
    }

    /// How many bytes are free where they lie.
    pub fn free(&self) -> Option<u64> {
        self.space().map(|(free, _)| free)
    }

    /// How many bytes are free where they lie, and how many there are.
    pub fn space(&self) -> Option<(u64, u64)> {
        self.0.packs.space()
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, hash: Hash, content: Content) {
        let mut pending = self.pending();
        pending.forget(hash);
        pending.bytes += content.inline_bytes();
        let number = pending.next;
        pending.next += 1;
        pending.contents.insert(hash, (number, content));
        pending.order.push_back((number, hash));
        while pending.order.len() > PENDING_MAX || pending.bytes > PENDING_BYTES_MAX {
            let Some((number, oldest)) = pending.order.pop_front() else { break };
            if pending.contents.get(&oldest).is_some_and(|(newest, _)| *newest == number) {
                pending.forget(oldest);
            }
        }
    }

    /// Compressed, if a sample shrinks.
    fn shrunk(&self, bytes: &[u8]) -> (Vec<u8>, bool) {
        let resting = || self.0.compressors.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = resting().pop();
        let made = taken.map_or_else(|| zstd::bulk::Compressor::new(LEVEL), Ok);
        let Ok(mut compressor) = made else { return (bytes.to_vec(), false) };
        let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
        let mut smaller = |all: &[u8]| {
            let small = compressor.compress(all).ok();
            small.filter(|small| small.len() < all.len() - all.len() / 10)
        };
        let small = match smaller(sample) {
            Some(small) if sample.len() == bytes.len() => Some(small),
            Some(_) => smaller(bytes),
            None => None,
        };
        resting().push(compressor);
        small.map_or_else(|| (bytes.to_vec(), false), |small| (small, true))
    }

    /// Whether something without a row may lie in a pack that gets no further chunk.
    fn is_pending(&self, pack: u64) -> bool {
        if self.0.keeping.load(Ordering::SeqCst) > 0 {
            return true;
        }
        let pending = self.pending();
        let mut pieces = pending.contents.values().flat_map(|(_, content)| &content.chunks);
        pieces.any(|piece| matches!(&piece.place, Place::Packed { spot, .. } if spot.pack == pack))
    }
}

impl Pending {
    fn forget(&mut self, hash: Hash) -> Option<Content> {
        let (_, content) = self.contents.remove(&hash)?;
        self.bytes -= content.inline_bytes();
        if self.contents.is_empty() {
            self.order.clear();
        }
        Some(content)
    }
}

impl Content {
    fn inline_bytes(&self) -> usize {
        let inline = self.chunks.iter().map(|piece| match &piece.place {
            Place::Inline { bytes, .. } => bytes.len(),
            _ => 0,
        });
        inline.sum()
    }

    fn last_spot(&self) -> Option<Spot> {
        self.chunks.iter().rev().find_map(|piece| match &piece.place {
            Place::Packed { spot, .. } => Some(*spot),
            _ => None,
        })
    }
}

impl Store {
    /// Reads to the end, tells hash and size, and keeps what it read if that is at most
    /// `bytes_max`. The rows come with [`place_content`]; until then, and after a crash, nothing is
    /// known of it. Of what is large and not kept the outline is. An error is the reader's; a full
    /// disk only means that nothing is kept.
    pub fn keep_content(&self, reader: impl Read, bytes_max: u64) -> io::Result<Told> {
        let _keeping = Keeping::begin(self.chunks());
        let mut hasher = blake3::Hasher::new();
        let mut content = Some(Content { size: 0, chunks: Vec::new() });
        let mut size = 0;
        let mut outline = Vec::new();
        cut(reader, |run| {
            hasher.update(&run.bytes);
            for chunk in run.chunks() {
                size += chunk.len() as u64;
                if size > bytes_max {
                    content = None;
                }
                let print = Hash::of(chunk);
                outline.push(Cut::new(print, u32::try_from(chunk.len()).unwrap_or(u32::MAX)));
                if let Some(kept) = &mut content {
                    match self.keep_chunk(print, chunk) {
                        Ok(piece) => kept.chunks.push(piece),
                        Err(error) => {
                            tracing::debug!(%error, "a version is not kept");
                            content = None;
                        }
                    }
                }
            }
        })?;
        let hash = Hash::from_bytes(*hasher.finalize().as_bytes());
        let Some(mut content) = content else {
            if size >= OUTLINE_BYTES_MIN {
                self.chunks().pending().outlines.remember(hash, outline);
            }
            return Ok(Told { hash, size, kept: false });
        };
        content.size = size;
        if let Some(spot) = content.last_spot()
            && let Err(error) = self.chunks().0.packs.sync(spot)
        {
            tracing::warn!(%error, "a version is not kept");
            return Ok(Told { hash, size, kept: false });
        }
        self.chunks().remember(hash, content);
        Ok(Told { hash, size, kept: true })
    }

    fn keep_chunk(&self, hash: Hash, bytes: &[u8]) -> Result<Piece, Error> {
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if self.read_blocking(|view| index::has(view, hash))? {
            return Ok(Piece { hash, size, place: Place::Known });
        }
        let (bytes, packed) = self.chunks().shrunk(bytes);
        let place = if bytes.len() <= INLINE_BYTES_MAX {
            Place::Inline { bytes, packed }
        } else {
            let spot = self.chunks().0.packs.append(hash, &bytes, size, packed)?;
            Place::Packed { spot, packed }
        };
        Ok(Piece { hash, size, place })
    }

    /// Opens a content that is kept.
    pub fn open_content(&self, hash: Hash) -> Result<Option<Kept>, Error> {
        let Some(chunks) = self.read_blocking(|view| index::content(view, hash))? else {
            return Ok(None);
        };
        let mut starts = Vec::with_capacity(chunks.len());
        let mut size = 0;
        for (hash, length) in chunks {
            starts.push((size, hash));
            size += u64::from(length);
        }
        Ok(Some(Kept { store: self.clone(), hash, size, starts, last: Mutex::default() }))
    }

    /// Reads one chunk and checks it.
    pub fn read_chunk(&self, hash: Hash) -> Result<Found, Error> {
        let mut found = Found::Missing;
        // A chunk may be moved to another pack while it is looked for.
        for _ in 0..3 {
            let Some(row) = self.read_blocking(|view| index::chunk(view, hash))? else {
                return Ok(Found::Missing);
            };
            found = self.read_row(hash, row);
            if matches!(found, Found::Whole(_)) {
                break;
            }
        }
        Ok(found)
    }

    fn read_row(&self, hash: Hash, row: index::Row) -> Found {
        let stored = match row.place {
            index::Place::Inline(bytes) => bytes,
            index::Place::Packed(spot) => match self.chunks().0.packs.read(spot) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Missing,
                Err(error) => {
                    tracing::warn!(pack = spot.pack, %error, "a chunk cannot be read");
                    return Found::Damaged;
                }
            },
        };
        let size = usize::try_from(row.size).unwrap_or(0).min(CHUNK_BYTES_MAX);
        let bytes = match row.packed {
            true => zstd::bulk::decompress(&stored, size).unwrap_or_default(),
            false => stored,
        };
        if Hash::of(&bytes) == hash { Found::Whole(bytes) } else { Found::Damaged }
    }
}

/// Writes the rows of a content that was read just before, or of its outline. Tells whether the
/// content is kept now.
pub fn place_content(tx: &Tx, hash: Hash) -> Result<bool, Error> {
    if has_content(tx, hash)? {
        return Ok(true);
    }
    let (content, outline) = {
        let mut pending = tx.chunks().pending();
        (pending.forget(hash), pending.outlines.take(hash))
    };
    let Some(content) = content else {
        outline.map_or(Ok(()), |cuts| put_outline(tx, hash, &cuts))?;
        return Ok(false);
    };
    for piece in &content.chunks {
        if matches!(piece.place, Place::Known) && !index::has(tx, piece.hash)? {
            // It was swept away meanwhile.
            return Ok(false);
        }
    }
    for Piece { hash, size, place } in &content.chunks {
        match place {
            Place::Known => index::refer(tx, *hash)?,
            Place::Inline { bytes, packed } => index::put_inline(tx, *hash, bytes, *size, *packed)?,
            Place::Packed { spot, packed } => index::put_packed(tx, *hash, *spot, *size, *packed)?,
        }
    }
    let chunks = content.chunks.iter().map(|piece| (piece.hash, piece.size));
    index::put_content(tx, hash, content.size, chunks)?;
    Ok(true)
}

pub fn has_content(view: &View, hash: Hash) -> Result<bool, Error> {
    index::has_content(view, hash)
}

/// Forgets a content, of a large one all but its outline. Its chunks go with the last content that
/// holds them.
pub fn drop_content(tx: &Tx, hash: Hash) -> Result<(), Error> {
    if let Some(pieces) = index::content(tx, hash)?
        && pieces.iter().map(|(_, size)| u64::from(*size)).sum::<u64>() >= OUTLINE_BYTES_MIN
    {
        let cuts: Vec<Cut> = pieces.iter().map(|(hash, size)| Cut::new(*hash, *size)).collect();
        put_outline(tx, hash, &cuts)?;
    }
    index::drop_content(tx, hash)
}

/// Puts back those pieces of a kept content that were lost, from what was read just before. Tells
/// whether it is whole now.
pub fn mend_content(tx: &Tx, hash: Hash) -> Result<bool, Error> {
    if let Some(content) = tx.chunks().pending().forget(hash) {
        for Piece { hash, size: _, place } in &content.chunks {
            match place {
                _ if index::has(tx, *hash)? => {}
                Place::Known => {}
                Place::Inline { bytes, packed } => index::refill_inline(tx, *hash, bytes, *packed)?,
                Place::Packed { spot, packed } => index::refill_packed(tx, *hash, *spot, *packed)?,
            }
        }
    }
    let Some(pieces) = index::content(tx, hash)? else { return Ok(false) };
    for (piece, _) in pieces {
        if !index::has(tx, piece)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The size of a content that is kept.
pub fn content_size(view: &View, hash: Hash) -> Result<Option<u64>, Error> {
    let pieces = index::content(view, hash)?;
    Ok(pieces.map(|pieces| pieces.iter().map(|(_, size)| u64::from(*size)).sum()))
}

/// Some of the chunks after a row, with their rows and sizes.
pub fn chunks_after(view: &View, row: i64, limit: u32) -> Result<Vec<(i64, Hash, u32)>, Error> {
    index::after(view, row, limit)
}

/// The contents that a chunk is part of.
pub fn contents_with(view: &View, chunk: Hash) -> Result<Vec<Hash>, Error> {
    index::contents_with(view, chunk)
}

/// A damaged chunk counts as not there, so that the same bytes are kept anew when they are seen.
pub fn forget_chunk(tx: &Tx, hash: Hash) -> Result<(), Error> {
    index::empty(tx, hash)
}

/// A content that is kept, read by position. Every chunk is checked before a byte of it is given.
pub struct Kept {
    store: Store,
    hash: Hash,
    size: u64,
    /// Where each chunk begins.
    starts: Vec<(u64, Hash)>,
    last: Mutex<Option<(u64, Arc<[u8]>)>>,
}

/// Why a kept content cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("a part of it is no longer kept")]
    Missing(Hash),
    #[error("the disk gave back other bytes than were kept")]
    Damaged(Hash),
    #[error(transparent)]
    Store(#[from] Error),
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Kept {
    pub fn hash(&self) -> Hash {
        self.hash
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fills a part of the buffer; 0 at the end.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        if at >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let index = self.starts.partition_point(|(start, _)| *start <= at) - 1;
        let (start, hash) = self.starts[index];
        let bytes = self.chunk(start, hash)?;
        let from = usize::try_from(at - start).unwrap_or(usize::MAX).min(bytes.len());
        let length = buffer.len().min(bytes.len() - from);
        buffer[..length].copy_from_slice(&bytes[from..from + length]);
        Ok(length)
    }

    fn chunk(&self, start: u64, hash: Hash) -> Result<Arc<[u8]>, Unreadable> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = last.as_ref().filter(|(at, _)| *at == start) {
            return Ok(bytes.clone());
        }
        match self.store.read_chunk(hash)? {
            Found::Whole(bytes) => {
                let bytes: Arc<[u8]> = bytes.into();
                *last = Some((start, bytes.clone()));
                Ok(bytes)
            }
            Found::Missing => Err(Unreadable::Missing(hash)),
            Found::Damaged => Err(Unreadable::Damaged(hash)),
        }
    }
}

#[cfg(test)]
mod tests;
