//! Where large contents are cut and what each piece is, known even when the bytes are not kept:
//! enough to tell which parts of a later content are as they were.

use std::collections::VecDeque;
use std::io::{self, Read};

use rusqlite::{OptionalExtension, params};
use types::Hash;

use super::cut::cut;
use super::index;
use crate::{Error, Store, Tx, View};

/// Smaller contents are sent whole for about the same price.
pub const OUTLINE_BYTES_MIN: u64 = 1_024 * 1_024;
/// No outline is longer.
const CUTS_MAX: usize = 1 << 20;
const PRINT_BYTES: usize = 16;
const ENTRY_BYTES: usize = PRINT_BYTES + 4;

/// One piece of a content: the beginning of its hash, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cut {
    pub print: [u8; PRINT_BYTES],
    pub size: u32,
}

impl Cut {
    pub(super) fn new(hash: Hash, size: u32) -> Self {
        let mut print = [0; PRINT_BYTES];
        print.copy_from_slice(&hash.as_bytes()[..PRINT_BYTES]);
        Self { print, size }
    }

    fn of(bytes: &[u8]) -> Self {
        Self::new(Hash::of(bytes), u32::try_from(bytes.len()).unwrap_or(u32::MAX))
    }
}

/// What a content is, and where it is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    pub hash: Hash,
    pub size: u64,
    /// None if it is too much.
    pub outline: Option<Vec<Cut>>,
}

/// Reads to the end and keeps nothing. An error is the reader's.
pub fn measure(reader: impl Read) -> io::Result<Measured> {
    let (mut hasher, mut size, mut cuts) = (blake3::Hasher::new(), 0, Vec::new());
    cut(reader, |run| {
        hasher.update(&run.bytes);
        size += run.bytes.len() as u64;
        if cuts.len() <= CUTS_MAX {
            cuts.extend(run.chunks().map(Cut::of));
        }
    })?;
    let hash = Hash::from_bytes(*hasher.finalize().as_bytes());
    Ok(Measured { hash, size, outline: (cuts.len() <= CUTS_MAX).then_some(cuts) })
}

/// Outlines of what was read just before, until they are placed.
#[derive(Default)]
pub(super) struct Outlines(VecDeque<(Hash, Vec<Cut>)>);

impl Outlines {
    pub(super) fn remember(&mut self, hash: Hash, cuts: Vec<Cut>) {
        if cuts.len() > CUTS_MAX {
            return;
        }
        self.take(hash);
        self.0.push_back((hash, cuts));
        let total = |all: &VecDeque<(Hash, Vec<Cut>)>| -> usize {
            all.iter().map(|(_, cuts)| cuts.len()).sum()
        };
        while total(&self.0) > CUTS_MAX {
            self.0.pop_front();
        }
    }

    pub(super) fn take(&mut self, hash: Hash) -> Option<Vec<Cut>> {
        let index = self.0.iter().position(|(other, _)| *other == hash)?;
        self.0.remove(index).map(|(_, cuts)| cuts)
    }
}

impl Store {
    /// The outline of a content that was kept, or is large and was read.
    pub fn outline(&self, hash: Hash) -> Result<Option<Vec<Cut>>, Error> {
        self.read_blocking(|view| outline(view, hash))
    }
}

fn outline(view: &View, hash: Hash) -> Result<Option<Vec<Cut>>, Error> {
    if let Some(chunks) = index::content(view, hash)? {
        return Ok(Some(chunks.into_iter().map(|(hash, size)| Cut::new(hash, size)).collect()));
    }
    let list: Option<Vec<u8>> = view
        .prepare_cached("SELECT cuts FROM chunk_outline WHERE hash = ?1")?
        .query_row([hash.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(list.map(|list| {
        let (entries, _) = list.as_chunks::<ENTRY_BYTES>();
        let read = |entry: &[u8; ENTRY_BYTES]| {
            let (mut print, mut size) = ([0; PRINT_BYTES], [0; 4]);
            print.copy_from_slice(&entry[..PRINT_BYTES]);
            size.copy_from_slice(&entry[PRINT_BYTES..]);
            Cut { print, size: u32::from_le_bytes(size) }
        };
        entries.iter().map(read).collect()
    }))
}

/// Keeps an outline. Whoever knows that nobody asks for it any more removes its row.
pub fn put_outline(tx: &Tx, hash: Hash, cuts: &[Cut]) -> Result<(), Error> {
    let mut list = Vec::with_capacity(cuts.len() * ENTRY_BYTES);
    for cut in cuts {
        list.extend_from_slice(&cut.print);
        list.extend_from_slice(&cut.size.to_le_bytes());
    }
    tx.prepare_cached("INSERT OR IGNORE INTO chunk_outline (hash, cuts) VALUES (?1, ?2)")?
        .execute(params![hash.as_bytes(), list])?;
    Ok(())
}
