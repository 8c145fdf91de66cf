//! A content on its way here: written by position, kept over a restart, and verified as a whole.

use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use store::OUTLINE_BYTES_MIN;
use types::{Hash, RelPath};

use super::verify::Verifier;
use super::{READ_BYTES, Reader, Source, need_room, part_of, write_with_holes};
use crate::db::tree as db;
use crate::disk::{Root, copy_range, read_error, write_at, write_error};
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
    verifier: Verifier,
    /// Makes what was there when it began survive a restart.
    keeper: Option<JoinHandle<Result<(), Error>>>,
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
        // Of what is large and will not be kept, it is to be known where it is cut.
        let outlined = size >= OUTLINE_BYTES_MIN && size > kept::room(&live.shared.store)?;
        let verifier = Verifier::begin(&file, size, outlined);
        let verifier = verifier.map_err(|error| read_error(&error))?;
        verifier.reaches(here.without_gap());
        Ok(Self {
            hash,
            size,
            live: live.clone(),
            root,
            file,
            here,
            fresh,
            verifier,
            keeper: None,
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
        self.is_here(at, end);
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
            self.is_here(at, end);
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

    fn is_here(&mut self, start: u64, end: u64) {
        self.here.insert(start, end);
        self.verifier.reaches(self.here.without_gap());
    }

    /// Begins to make what is here survive a restart. False while that is still under way for what
    /// was here earlier.
    pub fn keep(&mut self) -> Result<bool, Error> {
        if self.keeper.as_ref().is_some_and(|keeper| !keeper.is_finished()) {
            return Ok(false);
        }
        self.is_kept()?;
        let file = self.file.try_clone().map_err(|error| write_error(&error))?;
        let (live, here) = (self.live.clone(), self.here.0.clone());
        let (share, hash, size) = (live.share.id, self.hash, self.size);
        let work = move || {
            file.sync_data().map_err(|error| write_error(&error))?;
            let store = &live.shared.store;
            store.write_blocking(move |tx| db::set_part(tx, share, hash, Some((size, &here))))
        };
        let keeper = Builder::new().spawn(work).map_err(|error| write_error(&error))?;
        self.keeper = Some(keeper);
        Ok(true)
    }

    /// Ends for now. What is here survives a restart.
    pub fn leave(mut self) -> Result<(), Error> {
        self.is_kept()?;
        self.keep()?;
        self.is_kept()
    }

    fn is_kept(&mut self) -> Result<(), Error> {
        let Some(keeper) = self.keeper.take() else { return Ok(()) };
        keeper.join().unwrap_or_else(|_| Err(Error::Unwritable { why: "not kept".to_owned() }))
    }

    /// Verifies the whole and hands it to the folder. False, and it begins again: the bytes were
    /// not what the hash says.
    pub fn finish(mut self) -> Result<bool, Error> {
        if !self.missing().is_empty() {
            return Err(Error::Changed);
        }
        self.is_kept()?;
        self.keep()?;
        let measured = self.verifier.finish().map_err(|error| read_error(&error))?;
        self.is_kept()?;
        let right = measured.hash == self.hash;
        let (share, hash) = (self.live.share.id, self.hash);
        let store = &self.live.shared.store;
        if right {
            if let Some(cuts) = measured.outline {
                store.write_blocking(move |tx| store::put_outline(tx, hash, &cuts))?;
            }
            self.live.stock.received_again(hash, self.size);
            self.live.stock.arrived(hash);
            self.live.wake();
        } else {
            self.root.drop_part(&RelPath::root(), &part_of(share, hash));
            self.taken_from.iter().for_each(|hash| rot::suspect(&self.live, *hash));
            store.write_blocking(move |tx| db::set_part(tx, share, hash, None))?;
        }
        Ok(right)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        if let Err(error) = self.is_kept() {
            tracing::debug!(%error, "what came of a content is not kept");
        }
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

    /// How far it is here without a gap.
    fn without_gap(&self) -> u64 {
        self.0.first().filter(|(start, _)| *start == 0).map_or(0, |(_, end)| *end)
    }

    fn total(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start).sum()
    }
}
