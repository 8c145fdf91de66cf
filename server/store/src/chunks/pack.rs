//! The pack files: chunks one behind the other, each with a heading that tells it. A pack is only
//! ever appended to, and removed as a whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::{Hash, Time};

/// A pack that is this long gets no further chunk.
const PACK_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
const READERS_MAX: usize = 8;
const HEADING: [u8; 4] = *b"SKc1";

/// Where a chunk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) pack: u64,
    pub(super) at: u64,
    pub(super) length: u32,
}

pub(super) struct Packs {
    folder: PathBuf,
    writer: Mutex<Option<Writer>>,
    readers: Mutex<Vec<(u64, Arc<File>)>>,
    stored: AtomicU64,
}

struct Writer {
    pack: u64,
    file: Arc<File>,
    length: u64,
    synced: u64,
}

impl Packs {
    pub(super) fn open(folder: PathBuf) -> Self {
        let packs = Self {
            folder,
            writer: Mutex::default(),
            readers: Mutex::default(),
            stored: AtomicU64::new(0),
        };
        let stored = packs.list().iter().map(|(_, length)| length).sum();
        packs.stored.store(stored, Ordering::Relaxed);
        packs
    }

    pub(super) fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    #[cfg(unix)]
    pub(super) fn space(&self) -> Option<(u64, u64)> {
        let folder = self.folder.parent()?;
        let facts = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(facts.f_frsize);
        Some((bytes(facts.f_bavail), bytes(facts.f_blocks)))
    }

    #[cfg(not(unix))]
    pub(super) fn space(&self) -> Option<(u64, u64)> {
        None
    }

    /// Appends a chunk. It is durable after [`Packs::sync`].
    pub(super) fn append(
        &self,
        hash: Hash,
        bytes: &[u8],
        size: u32,
        packed: bool,
    ) -> io::Result<Spot> {
        let mut writer = self.writer();
        if let Some(full) = writer.as_ref().filter(|writer| writer.length >= PACK_BYTES_MAX) {
            full.file.sync_data()?;
            *writer = None;
        }
        let writer = match &mut *writer {
            Some(writer) => writer,
            none => none.insert(self.begin()?),
        };
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut record = Vec::with_capacity(bytes.len() + 48);
        record.extend_from_slice(&HEADING);
        record.extend_from_slice(hash.as_bytes());
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(&size.to_le_bytes());
        record.push(u8::from(packed));
        let at = writer.length + record.len() as u64;
        record.extend_from_slice(bytes);
        if let Err(error) = write_at(&writer.file, writer.length, &record) {
            // What was half written is written over by the next.
            drop(writer.file.set_len(writer.length));
            return Err(error);
        }
        writer.length += record.len() as u64;
        self.stored.fetch_add(record.len() as u64, Ordering::Relaxed);
        Ok(Spot { pack: writer.pack, at, length })
    }

    /// Makes durable what lies up to a chunk, inclusive.
    pub(super) fn sync(&self, spot: Spot) -> io::Result<()> {
        let (file, length) = match &*self.writer() {
            // A pack that is full was synced when it was left.
            Some(writer) if writer.pack == spot.pack && writer.synced < spot.end() => {
                (writer.file.clone(), writer.length)
            }
            _ => return Ok(()),
        };
        file.sync_data()?;
        if let Some(writer) = &mut *self.writer()
            && writer.pack == spot.pack
        {
            writer.synced = writer.synced.max(length);
        }
        Ok(())
    }

    pub(super) fn read(&self, spot: Spot) -> io::Result<Vec<u8>> {
        let file = self.reader(spot.pack)?;
        let mut bytes = vec![0; usize::try_from(spot.length).map_err(io::Error::other)?];
        read_at(&file, spot.at, &mut bytes)?;
        Ok(bytes)
    }

    /// The packs that get no further chunk, with their lengths, oldest first.
    pub(super) fn sealed(&self) -> Vec<(u64, u64)> {
        let writer = self.writer();
        let mut packs = self.list();
        // Before anything was written, the newest may still be appended to.
        let open = writer.as_ref().map(|writer| writer.pack);
        let open = open.or_else(|| packs.last().map(|(pack, _)| *pack));
        packs.retain(|(pack, _)| Some(*pack) != open);
        packs
    }

    pub(super) fn remove(&self, pack: u64) -> io::Result<()> {
        self.cache().retain(|(other, _)| *other != pack);
        let path = self.path(pack);
        let length = fs::metadata(&path)?.len();
        fs::remove_file(path)?;
        self.stored.fetch_sub(length, Ordering::Relaxed);
        Ok(())
    }

    /// The newest pack as long as it has room, or a new one.
    fn begin(&self) -> io::Result<Writer> {
        make_private(&self.folder)?;
        let packs = self.list();
        let newest = packs.last().copied();
        if let Some((pack, length)) = newest.filter(|(_, length)| *length < PACK_BYTES_MAX) {
            let file = OpenOptions::new().read(true).write(true).open(self.path(pack))?;
            return Ok(Writer { pack, file: Arc::new(file), length, synced: 0 });
        }
        let now = Time::now().0.max(1).unsigned_abs();
        let pack = newest.map_or(now, |(newest, _)| now.max(newest + 1));
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).open(self.path(pack))?;
        sync_folder(&self.folder)?;
        Ok(Writer { pack, file: Arc::new(file), length: 0, synced: 0 })
    }

    /// Oldest first.
    fn list(&self) -> Vec<(u64, u64)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut packs: Vec<(u64, u64)> = entries
            .filter_map(|entry| {
                let name = entry.file_name();
                let number = name.to_str()?.strip_suffix(".pack")?;
                let pack = u64::from_str_radix(number, 16).ok()?;
                Some((pack, entry.metadata().ok()?.len()))
            })
            .collect();
        packs.sort_unstable();
        packs
    }

    fn path(&self, pack: u64) -> PathBuf {
        self.folder.join(format!("{pack:016x}.pack"))
    }

    fn reader(&self, pack: u64) -> io::Result<Arc<File>> {
        let mut cache = self.cache();
        if let Some((_, file)) = cache.iter().find(|(other, _)| *other == pack) {
            return Ok(file.clone());
        }
        let file = Arc::new(File::open(self.path(pack))?);
        if cache.len() >= READERS_MAX {
            cache.remove(0);
        }
        cache.push((pack, file.clone()));
        Ok(file)
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> MutexGuard<'_, Vec<(u64, Arc<File>)>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spot {
    fn end(self) -> u64 {
        self.at + u64::from(self.length)
    }
}

#[cfg(unix)]
fn make_private(folder: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

#[cfg(not(unix))]
fn make_private(folder: &std::path::Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &std::path::Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &std::path::Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn write_at(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(unix)]
fn read_at(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let position = at + written as u64;
        written += std::os::windows::fs::FileExt::seek_write(file, &bytes[written..], position)?;
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        let position = at + done as u64;
        let read = std::os::windows::fs::FileExt::seek_read(file, &mut bytes[done..], position)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        done += read;
    }
    Ok(())
}
