//! Contents on their way between hives: read by position, received by position and verified.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::View;
use types::{FileId, Hash, RelPath, ShareId};

use crate::db::tree as db;
use crate::disk::{Root, copy_range, hash_from_start, read_at, read_error, write_at, write_error};
use crate::entry::Known;
use crate::exchange::Wanted;
use crate::live::Live;
use crate::{Error, kept, rot};

mod receiving;
mod verify;

pub use receiving::Receiving;

/// How many bytes of contents wait in memory for their place in a folder.
const GIVEN_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// A content up to this size may be handed over whole.
pub(crate) const GIVE_BYTES_MAX: usize = 8 * 1_024 * 1_024;
/// What stays free on a disk, for its owner and for the hive's own database: the smaller of this
/// and a share of the disk.
const FREE_BYTES_MIN: u64 = 512 * 1_024 * 1_024;
const FREE_PART_MIN: u64 = 20;
/// What stays free at the least where the database lies: its log grows by some megabytes.
const DATA_FREE_BYTES_MIN: u64 = 8 * 1_024 * 1_024;
/// Pieces of this length that are all zeros become holes.
const HOLE_BYTES: usize = 64 * 1_024;
const READ_BYTES: usize = 256 * 1_024;
/// Contents up to this size go out whole.
const GIVEN_WHOLE_BYTES_MAX: u64 = 64 * 1_024;

/// A content that is read by position, in the folder or in the history. Blocks.
#[derive(Debug)]
pub struct Reader {
    pub hash: Hash,
    pub size: u64,
    pub(crate) source: Source,
}

#[derive(Debug)]
pub(crate) enum Source {
    Bytes(Arc<[u8]>),
    /// A file in the folder: it may be changed while it is read.
    File(File),
    Kept(kept::Reader),
}

impl Reader {
    /// Fills the buffer from a position; fewer bytes only at the end. Whoever receives them
    /// verifies the whole: a file in the folder may be written while it is read.
    pub fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            let position = at.saturating_add(filled as u64);
            let rest = &mut buffer[filled..];
            let read = match &self.source {
                Source::Bytes(bytes) => {
                    let start = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                    let length = rest.len().min(bytes.len() - start);
                    rest[..length].copy_from_slice(&bytes[start..start + length]);
                    length
                }
                Source::File(file) => {
                    read_at(file, position, rest).map_err(|error| read_error(&error))?
                }
                Source::Kept(kept) => kept.read_at(position, rest)?,
            };
            if read == 0 {
                break;
            }
            filled += read;
        }
        Ok(filled)
    }

    /// The whole, for small contents; `Changed` if it is not what the hash says.
    pub(crate) fn read_all(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        let length = self.read_at(0, &mut bytes)?;
        bytes.truncate(length);
        if Hash::of(&bytes) == self.hash { Ok(bytes) } else { Err(Error::Changed) }
    }

    /// Writes the whole into a new file, with holes where there are long runs of zeros.
    pub(crate) fn write_to(&self, file: &File) -> Result<(), Error> {
        if let Source::File(from) = &self.source {
            copy_range(from, 0, file, 0, self.size).map_err(|error| write_error(&error))?;
            // It may have been written meanwhile, or spoilt by the disk.
            let hash = hash_from_start(file).map_err(|error| read_error(&error))?;
            return if hash == self.hash { Ok(()) } else { Err(Error::Changed) };
        }
        file.set_len(self.size).map_err(|error| write_error(&error))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; READ_BYTES.min(usize::try_from(self.size).unwrap_or(READ_BYTES))];
        let mut at = 0;
        while at < self.size {
            let read = self.read_at(at, &mut buffer)?;
            if read == 0 {
                return Err(Error::Changed);
            }
            hasher.update(&buffer[..read]);
            write_with_holes(file, at, &buffer[..read]).map_err(|error| write_error(&error))?;
            at += read as u64;
        }
        let hash = Hash::from_bytes(*hasher.finalize().as_bytes());
        if hash == self.hash { Ok(()) } else { Err(Error::Changed) }
    }
}

/// Into a file that holds nothing there yet.
fn write_with_holes(file: &File, at: u64, bytes: &[u8]) -> std::io::Result<()> {
    let mut at = at;
    for piece in bytes.chunks(HOLE_BYTES) {
        if piece.iter().any(|byte| *byte != 0) {
            write_at(file, at, piece)?;
        }
        at += piece.len() as u64;
    }
    Ok(())
}

/// What a share has of contents besides its folder and its history.
#[derive(Debug, Default)]
pub(crate) struct Stock(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    given: HashMap<Hash, Arc<[u8]>>,
    order: VecDeque<Hash>,
    bytes: usize,
    /// Received and verified, in a half-written file.
    received: HashMap<Hash, u64>,
    /// Being received, with how many bytes are still to come.
    receiving: HashMap<Hash, u64>,
    wants: Wants,
    /// Files of which a content arrived.
    arrived: HashSet<FileId>,
    /// Made here of two texts, and not in the folder yet.
    merged: HashSet<Hash>,
}

/// What files need that is not here, until they are planned again.
#[derive(Debug, Default)]
struct Wants {
    /// Small ones first.
    in_order: BTreeMap<(u64, Hash), Wanted>,
    /// Who needs it, and how large it is.
    by_hash: HashMap<Hash, (u64, HashSet<FileId>)>,
    by_file: HashMap<FileId, Vec<Hash>>,
}

impl Wants {
    fn add(&mut self, wanted: Wanted) {
        let Wanted { file, hash, size, .. } = wanted;
        let (known, files) = self.by_hash.entry(hash).or_insert_with(|| (size, HashSet::new()));
        if files.insert(file) {
            self.by_file.entry(file).or_default().push(hash);
        }
        self.in_order.entry((*known, hash)).or_insert(wanted);
    }

    /// It is here; tells who needed it.
    fn take(&mut self, hash: Hash) -> HashSet<FileId> {
        let Some((size, files)) = self.by_hash.remove(&hash) else { return HashSet::new() };
        self.in_order.remove(&(size, hash));
        files
    }

    fn forget(&mut self, file: FileId) {
        for hash in self.by_file.remove(&file).unwrap_or_default() {
            let Some((_, files)) = self.by_hash.get_mut(&hash) else { continue };
            files.remove(&file);
            if files.is_empty() {
                self.take(hash);
            }
        }
    }
}

impl Stock {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_merged(&self, hash: Hash) {
        self.shelf().merged.insert(hash);
    }

    pub(crate) fn take_merged(&self, hash: Hash) -> bool {
        self.shelf().merged.remove(&hash)
    }

    pub(crate) fn give(&self, hash: Hash, bytes: Vec<u8>) {
        let mut shelf = self.shelf();
        if shelf.given.contains_key(&hash) {
            return;
        }
        shelf.bytes += bytes.len();
        shelf.order.push_back(hash);
        shelf.given.insert(hash, bytes.into());
        while shelf.bytes > GIVEN_BYTES_MAX
            && let Some(oldest) = shelf.order.pop_front()
        {
            let gone = shelf.given.remove(&oldest).map_or(0, |bytes| bytes.len());
            shelf.bytes -= gone;
        }
    }

    pub(crate) fn given(&self, hash: Hash) -> Option<Arc<[u8]>> {
        self.shelf().given.get(&hash).cloned()
    }

    pub(crate) fn is_received(&self, hash: Hash) -> bool {
        self.shelf().received.contains_key(&hash)
    }

    /// How many bytes are still to come of what is being received.
    fn to_come(&self) -> u64 {
        self.shelf().receiving.values().sum()
    }

    /// A received file was put in its place, or is gone.
    pub(crate) fn used(&self, hash: Hash) {
        self.shelf().received.remove(&hash);
    }

    /// Takes a received file to put it in its place.
    pub(crate) fn take_received(&self, hash: Hash) -> bool {
        self.shelf().received.remove(&hash).is_some()
    }

    pub(crate) fn received_again(&self, hash: Hash, size: u64) {
        self.shelf().received.insert(hash, size);
    }

    /// Nothing waits any more for what came.
    fn clear(&self) {
        let mut shelf = self.shelf();
        let receiving = std::mem::take(&mut shelf.receiving);
        *shelf = Shelf { receiving, ..Shelf::default() };
    }

    /// Adds what files turned out to need. What came in the meantime has arrived.
    pub(crate) fn want(&self, wanted: Vec<Wanted>) {
        let mut shelf = self.shelf();
        for wanted in wanted {
            if shelf.given.contains_key(&wanted.hash) || shelf.received.contains_key(&wanted.hash) {
                shelf.arrived.insert(wanted.file);
            } else {
                shelf.wants.add(wanted);
            }
        }
    }

    /// What is needed, small ones first.
    pub(crate) fn wanted(&self, most: usize) -> Vec<Wanted> {
        self.shelf().wants.in_order.values().take(most).cloned().collect()
    }

    /// The paths of what is wanted, as far as they are asked for.
    pub(crate) fn wanted_paths(&self, which: impl Fn(&RelPath) -> bool) -> Vec<RelPath> {
        let shelf = self.shelf();
        let paths = shelf.wants.in_order.values().map(|wanted| &wanted.path);
        paths.filter(|path| which(path)).cloned().collect()
    }

    /// A content is here: nobody needs it from elsewhere, and who waited for it may go on.
    pub(crate) fn arrived(&self, hash: Hash) {
        let mut shelf = self.shelf();
        let waited = shelf.wants.take(hash);
        shelf.arrived.extend(waited);
    }

    /// The files of which a content arrived since the last time.
    pub(crate) fn take_arrived(&self) -> Vec<FileId> {
        std::mem::take(&mut self.shelf().arrived).into_iter().collect()
    }

    /// Files of which a content arrived, and which cannot be planned yet.
    pub(crate) fn arrived_before(&self, files: HashSet<FileId>) {
        self.shelf().arrived.extend(files);
    }

    /// What these files need is told anew, if they still need it.
    pub(crate) fn forget_wanted(&self, files: impl Iterator<Item = FileId>) {
        let mut shelf = self.shelf();
        for file in files {
            shelf.wants.forget(file);
        }
    }
}

/// Forgets contents that nothing waits for, and removes what was received in vain.
pub(crate) fn tidy(live: &Live, root: &Root) -> Result<(), Error> {
    if !live.stock.shelf().receiving.is_empty() {
        return Ok(());
    }
    live.stock.clear();
    let own = format!("{}{}-got-", RelPath::TEMPORARY_PREFIX, live.share.id);
    for part in root.parts().map_err(|error| read_error(&error))? {
        if part.starts_with(&own) {
            root.drop_part(&RelPath::root(), &part);
        }
    }
    let share = live.share.id;
    live.shared.store.write_blocking(move |tx| db::forget_parts(tx, share))
}

/// The name of the half-written file that a content is received in. Names of this form outlive a
/// restart.
pub(crate) fn part_of(share: ShareId, hash: Hash) -> String {
    format!("{}{share}-got-{hash}", RelPath::TEMPORARY_PREFIX)
}

/// Looks for a content: in memory, among what was received, in the folder, in the history.
pub(crate) fn find(live: &Live, root: &Root, hash: Hash) -> Result<Option<Reader>, Error> {
    if let Some(found) = find_in_folder(live, root, hash)? {
        return Ok(Some(found));
    }
    if rot::is_kept_spoilt(live, hash)? {
        return Ok(None);
    }
    let kept = kept::open(live, hash)?;
    Ok(kept.map(|kept| Reader { hash, size: kept.size(), source: Source::Kept(kept) }))
}

/// [`find`] for those outside: what is small is known to be right before a byte of it is given.
pub(crate) fn find_to_give(live: &Live, root: &Root, hash: Hash) -> Result<Option<Reader>, Error> {
    for _ in 0..2 {
        let Some(found) = find(live, root, hash)? else { return Ok(None) };
        if !matches!(found.source, Source::File(_)) || found.size > GIVEN_WHOLE_BYTES_MAX {
            return Ok(Some(found));
        }
        match found.read_all() {
            Ok(bytes) => {
                let source = Source::Bytes(bytes.into());
                return Ok(Some(Reader { source, ..found }));
            }
            // Without a file that is known to be spoilt, the history is next.
            Err(Error::Changed) => rot::suspect(live, hash),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Reads small contents whole: those that are here and are what their hash says.
pub(crate) fn read_small(
    live: &Live,
    hashes: &[Hash],
    each_max: u64,
    bytes_max: usize,
) -> Result<Vec<(Hash, Vec<u8>)>, Error> {
    let (share, root) = (live.share.id, live.root()?);
    let holders = live.shared.store.read_blocking(|view| {
        let holders = hashes.iter().map(|hash| holders(view, share, *hash));
        holders.collect::<Result<Vec<_>, Error>>()
    })?;
    let (mut found, mut bytes) = (Vec::with_capacity(hashes.len()), 0);
    for (hash, holders) in hashes.iter().zip(holders) {
        let reader = match find_stocked(live, &root, *hash)? {
            Some(reader) => Some(reader),
            None => find_among(&root, *hash, &holders)?,
        };
        let first = reader.filter(|reader| reader.size <= each_max);
        let content = match first.and_then(|reader| reader.read_all().ok()) {
            Some(content) => content,
            None => match find_to_give(live, &root, *hash)? {
                Some(reader) if reader.size <= each_max => reader.read_all()?,
                _ => continue,
            },
        };
        bytes += content.len();
        found.push((*hash, content));
        if bytes >= bytes_max {
            break;
        }
    }
    Ok(found)
}

/// Looks for a content everywhere but in the history.
pub(crate) fn find_in_folder(
    live: &Live,
    root: &Root,
    hash: Hash,
) -> Result<Option<Reader>, Error> {
    if let Some(found) = find_stocked(live, root, hash)? {
        return Ok(Some(found));
    }
    let share = live.share.id;
    let holders = live.shared.store.read_blocking(|view| holders(view, share, hash))?;
    find_among(root, hash, &holders)
}

/// Looks for what came and is not in its place yet.
pub(crate) fn find_stocked(live: &Live, root: &Root, hash: Hash) -> Result<Option<Reader>, Error> {
    if let Some(bytes) = live.stock.given(hash) {
        let size = bytes.len() as u64;
        return Ok(Some(Reader { hash, size, source: Source::Bytes(bytes) }));
    }
    if live.stock.is_received(hash) {
        match root.open_named(&RelPath::root(), &part_of(live.share.id, hash)) {
            Ok(file) => return file_reader(hash, file).map(Some),
            Err(_) => live.stock.used(hash),
        }
    }
    Ok(None)
}

/// The files of the folder that are known to hold a content.
fn holders(view: &View, share: ShareId, hash: Hash) -> Result<Vec<Known>, Error> {
    let ids = db::holders(view, share, hash)?.into_iter();
    ids.filter_map(|id| crate::db::known(view, share, id).transpose()).collect()
}

fn find_among(root: &Root, hash: Hash, holders: &[Known]) -> Result<Option<Reader>, Error> {
    for known in holders {
        if let Ok((file, stat)) = root.open_plain(&known.path)
            && stat.is_as(&known.stat)
        {
            return file_reader(hash, file).map(Some);
        }
    }
    Ok(None)
}

fn file_reader(hash: Hash, file: File) -> Result<Reader, Error> {
    let size = file.metadata().map_err(|error| read_error(&error))?.len();
    Ok(Reader { hash, size, source: Source::File(file) })
}

/// Whether so much more fits on a share's disk and leaves room for others, and for the hive's own
/// database where that lies.
pub(crate) fn need_room(live: &Live, root: &Root, bytes: u64) -> Result<(), Error> {
    let lacking = |space: Option<(u64, u64)>, least: u64, bytes: u64| {
        let (free, all) = space?;
        let needed = bytes.saturating_add(least.max(all / FREE_PART_MIN).min(FREE_BYTES_MIN));
        Some(needed.saturating_sub(free)).filter(|lacking| *lacking > 0)
    };
    let data = || lacking(live.shared.store.chunks().space(), DATA_FREE_BYTES_MIN, 0);
    let bytes = bytes.saturating_add(live.stock.to_come());
    match lacking(root.space(), 0, bytes).or_else(data) {
        Some(bytes) => Err(Error::NoRoom { bytes }),
        None => Ok(()),
    }
}
