//! Tidying up: small chunks move from the database into packs, and packs of which little is still
//! wanted are written anew. A crash at any point leaves every chunk where its row says.

use types::Hash;

use super::index::{self, Stored};
use super::pack::Spot;
use crate::{Error, Store};

/// How many chunks one transaction moves at most.
const MOVED_MAX: u32 = 256;
/// A pack is written anew when less than one part of this many is wanted.
const WANTED_PART_MIN: u64 = 2;

impl Store {
    /// Moves what is small into packs, and frees what nobody wants. Blocks for a while.
    pub fn sweep_chunks(&self) -> Result<(), Error> {
        loop {
            let small = self.read_blocking(|view| index::inline(view, MOVED_MAX))?;
            let last = small.len() < MOVED_MAX as usize;
            if small.is_empty() || !self.pack(small)? || last {
                break;
            }
        }
        for (pack, length) in self.chunks().0.packs.sealed() {
            let wanted = self.read_blocking(|view| index::wanted_of(view, pack))?;
            if wanted < length / WANTED_PART_MIN && !self.chunks().is_pending(pack) {
                self.empty_pack(pack)?;
            }
        }
        Ok(())
    }

    /// Moves what is wanted elsewhere, then removes the file.
    fn empty_pack(&self, pack: u64) -> Result<(), Error> {
        let chunks = self.read_blocking(|view| index::in_pack(view, pack))?;
        for some in chunks.chunks(MOVED_MAX as usize) {
            let read = some.iter().filter_map(|(hash, spot, size, packed)| {
                let bytes = self.chunks().0.packs.read(*spot).ok()?;
                Some((*hash, bytes, *size, *packed))
            });
            self.pack(read.collect())?;
        }
        // What could not be read stays where it is.
        if self.read_blocking(|view| index::wanted_of(view, pack))? == 0 {
            self.chunks().0.packs.remove(pack)?;
        }
        Ok(())
    }

    /// Tells whether any of the chunks has moved.
    fn pack(&self, chunks: Vec<Stored<Vec<u8>>>) -> Result<bool, Error> {
        let packs = &self.chunks().0.packs;
        let mut moved: Vec<(Hash, Spot)> = Vec::with_capacity(chunks.len());
        for (hash, bytes, size, packed) in chunks {
            moved.push((hash, packs.append(hash, &bytes, size, packed)?));
        }
        if let Some((_, last)) = moved.last() {
            packs.sync(*last)?;
        }
        self.write_blocking(move |tx| {
            let mut any = false;
            for (hash, spot) in moved {
                any |= index::relocate(tx, hash, spot)?;
            }
            Ok(any)
        })
    }
}
