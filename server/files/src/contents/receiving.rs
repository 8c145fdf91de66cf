//! A content on its way here: written by position, kept over a restart, and verified as a whole.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use store::{Cut, Cutter, OUTLINE_BYTES_MIN};
use types::{Hash, RelPath};

use super::{READ_BYTES, Reader, Source, need_room, part_of, write_with_holes};
use crate::db::tree as db;
use crate::disk::{Root, copy_range, read_at, read_error, write_at, write_error};
use crate::live::Live;
use crate::{Error, kept, rot};

/// How many bytes are received until it is looked again how much is free.
const LOOK_BYTES: u64 = 8 * 1_024 * 1_024;

/// A content that is being received. What was kept survives a restart. Blocks.
pub struct Receiving {
    pub hash: Hash,
    pub size: u64,
    live: Arc<Live>,
    root: Root,
    file: File,
    here: Ranges,
    /// Whether nothing but zeros stands where nothing was written.
    fresh: bool,
    hasher: blake3::Hasher,
    hashed: u64,
    /// Of what is large and will not be kept.
    cutter: Option<Cutter>,
    /// What ranges were taken over from.
    taken_from: HashSet<Hash>,
    /// How many bytes were written since it was looked how much is free.
    looked: u64,
}

impl std::fmt::Debug for Receiving {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Receiving").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Receiving {
    pub(crate) fn open(live: &Arc<Live>, hash: Hash, size: u64) -> Result<Self, Error> {
        let share = live.share.id;
        {
            let mut shelf = live.stock.shelf();
            if shelf.receiving.contains_key(&hash) {
                return Err(Error::Refused("This content is being received already.".to_owned()));
            }
            shelf.receiving.insert(hash, 0);
        }
        let opened = Self::open_part(live, hash, size);
        if let Err(error) = &opened {
            live.stock.shelf().receiving.remove(&hash);
            if let Error::NoRoom { .. } = error {
                // Whoever needs it says so, and asks again when there is room.
                live.stock.arrived(hash);
                live.wake();
            }
        }
        tracing::trace!(%share, %hash, "a content is received");
        opened
    }

    fn open_part(live: &Arc<Live>, hash: Hash, size: u64) -> Result<Self, Error> {
        let share = live.share.id;
        let root = live.root()?;
        let known = live.shared.store.read_blocking(|view| db::part(view, share, hash))?;
        let mut here = Ranges(known.unwrap_or_default());
        let to_come = size.saturating_sub(here.total());
        need_room(live, &root, to_come)?;
        live.stock.shelf().receiving.insert(hash, to_come);
        let (file, new) = root.open_part(&part_of(share, hash))?;
        let length = file.metadata().map_err(|error| read_error(&error))?.len();
        let fresh = new || here.0.is_empty() || length != size;
        if fresh {
            here = Ranges::default();
            file.set_len(0).map_err(|error| write_error(&error))?;
            file.set_len(size).map_err(|error| write_error(&error))?;
            live.shared
                .store
                .write_blocking(move |tx| db::set_part(tx, share, hash, Some((size, &[]))))?;
        }
        let hasher = blake3::Hasher::new();
        let outlined = size >= OUTLINE_BYTES_MIN && size > kept::room(&live.shared.store)?;
        Ok(Self {
            hash,
            size,
            live: live.clone(),
            root,
            file,
            here,
            fresh,
            hasher,
            hashed: 0,
            cutter: outlined.then(Cutter::default),
            taken_from: HashSet::new(),
            looked: 0,
        })
    }

    /// The ranges (start, end) that are here, sorted and apart.
    pub fn here(&self) -> Vec<(u64, u64)> {
        self.here.0.clone()
    }

    /// The ranges that are not.
    pub fn missing(&self) -> Vec<(u64, u64)> {
        self.here.missing(self.size)
    }

    /// Writes bytes that the sender vouches for.
    pub fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        let end = at.saturating_add(bytes.len() as u64);
        if end > self.size {
            return Err(Error::TooLarge { size: end });
        }
        self.looked += bytes.len() as u64;
        if let Some(to_come) = self.live.stock.shelf().receiving.get_mut(&self.hash) {
            *to_come = to_come.saturating_sub(bytes.len() as u64);
        }
        if self.looked >= LOOK_BYTES {
            self.looked = 0;
            need_room(&self.live, &self.root, 0)?;
        }
        let written = match self.fresh {
            true => write_with_holes(&self.file, at, bytes),
            false => write_at(&self.file, at, bytes),
        };
        written.map_err(|error| write_error(&error))?;
        if at <= self.hashed && self.hashed < end {
            let known = usize::try_from(self.hashed - at).unwrap_or(bytes.len());
            self.hash_on(&bytes[known..]);
        }
        self.here.insert(at, end);
        Ok(())
    }

    /// Takes a range over from a content that this hive has, without copying where the file
    /// system can.
    pub fn copy_from(
        &mut self,
        from: &Reader,
        start: u64,
        length: u64,
        at: u64,
    ) -> Result<(), Error> {
        let end = at.saturating_add(length);
        if end > self.size || start.saturating_add(length) > from.size {
            return Err(Error::TooLarge { size: end });
        }
        if let Source::File(file) = &from.source {
            self.taken_from.insert(from.hash);
            copy_range(file, start, &self.file, at, length).map_err(|error| write_error(&error))?;
            self.here.insert(at, end);
            return Ok(());
        }
        let mut buffer = vec![0; READ_BYTES.min(usize::try_from(length).unwrap_or(READ_BYTES))];
        let mut copied = 0;
        while copied < length {
            let left = usize::try_from(length - copied).unwrap_or(usize::MAX).min(buffer.len());
            let read = from.read_at(start + copied, &mut buffer[..left])?;
            if read == 0 {
                return Err(Error::Changed);
            }
            self.write_at(at + copied, &buffer[..read])?;
            copied += read as u64;
        }
        Ok(())
    }

    /// Makes what is here survive a restart.
    pub fn keep(&mut self) -> Result<(), Error> {
        self.keep_with(None)
    }

    fn keep_with(&mut self, cuts: Option<Vec<Cut>>) -> Result<(), Error> {
        self.file.sync_data().map_err(|error| write_error(&error))?;
        let (share, hash, size) = (self.live.share.id, self.hash, self.size);
        let here = self.here.0.clone();
        self.live.shared.store.write_blocking(move |tx| {
            if let Some(cuts) = cuts {
                store::put_outline(tx, hash, &cuts)?;
            }
            db::set_part(tx, share, hash, Some((size, &here)))
        })
    }

    fn hash_on(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some(cutter) = &mut self.cutter {
            cutter.push(bytes);
        }
        self.hashed += bytes.len() as u64;
    }

    /// Verifies the whole and hands it to the folder. False, and it begins again: the bytes were
    /// not what the hash says.
    pub fn finish(mut self) -> Result<bool, Error> {
        if !self.missing().is_empty() {
            return Err(Error::Changed);
        }
        let mut buffer = vec![0; READ_BYTES];
        while self.hashed < self.size {
            let read = read_at(&self.file, self.hashed, &mut buffer)
                .map_err(|error| read_error(&error))?;
            if read == 0 {
                break;
            }
            self.hash_on(&buffer[..read]);
        }
        let right = self.hasher.finalize().as_bytes() == self.hash.as_bytes();
        let (share, hash) = (self.live.share.id, self.hash);
        if right {
            let cuts = self.cutter.take().and_then(Cutter::finish);
            self.keep_with(cuts)?;
            self.live.stock.received_again(hash, self.size);
            self.live.stock.arrived(hash);
            self.live.wake();
        } else {
            self.root.drop_part(&RelPath::root(), &part_of(share, hash));
            self.taken_from.iter().for_each(|hash| rot::suspect(&self.live, *hash));
            self.live.shared.store.write_blocking(move |tx| db::set_part(tx, share, hash, None))?;
        }
        Ok(right)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.live.stock.shelf().receiving.remove(&self.hash);
    }
}

/// Ranges (start, end), sorted and apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let first = self.0.partition_point(|(_, other)| *other < start);
        let last = self.0.partition_point(|(other, _)| *other <= end);
        let (mut start, mut end) = (start, end);
        if first < last {
            start = start.min(self.0[first].0);
            end = end.max(self.0[last - 1].1);
        }
        self.0.splice(first..last, [(start, end)]);
    }

    fn missing(&self, size: u64) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = 0;
        for (start, end) in &self.0 {
            if next < *start {
                missing.push((next, *start));
            }
            next = *end;
        }
        if next < size {
            missing.push((next, size));
        }
        missing
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }
}
