//! The only door to shared folders. Every step goes through the handle of the folder above and
//! follows no symbolic link, so that nothing outside of a share's root can be reached.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cap_fs_ext::{DirExt, FollowSymlinks, MetadataExt, OpenOptionsFollowExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry, Metadata, OpenOptions};
use types::{Name, PATH_BYTES_MAX, RelPath, ShareId};

use crate::Error;
use crate::entry::{EntryKind, Stat};
use crate::share::Share;

mod copy;
mod file;
mod marker;
mod names;
mod replace;
mod step;
mod traits;

pub(crate) use copy::{copy_range, hash_from_start, print_of, read_at, write_at};
pub use file::{Content, OpenFile, Stamp};
pub(crate) use names::Naming;
pub(crate) use replace::PartNames;
pub(crate) use step::{Dress, MODE, SYNC_EACH, dress_of, kind_of, leads_inside, put_on};
pub(crate) use traits::Traits;

/// The opened root of a share.
pub(crate) struct Root {
    dir: Dir,
    share: ShareId,
    pub(crate) naming: Naming,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) seen: HashMap<RelPath, Stat>,
    /// Entries whose names cannot be shared, as far as they can be written: not UTF-8, or too long
    /// a path.
    pub(crate) odd: Vec<String>,
    /// Half-written files with a name of ours.
    pub(crate) parts: Vec<String>,
    pub(crate) modified_ns: i64,
}

impl Root {
    /// Opens the root and makes sure that it is the folder that was shared.
    pub(crate) fn open(share: &Share, marked: bool) -> Result<Self, Error> {
        let dir = Dir::open_ambient_dir(&share.root, ambient_authority())
            .map_err(|error| root_error(&share.root, &error))?;
        let root = Self { dir, share: share.id, naming: Naming::default() };
        if marked && !root.has_marker().map_err(|error| root_error(&share.root, &error))? {
            return Err(Error::Missing {
                why: format!(
                    "{} is there, but it is not the folder that was shared: its file {} is \
                     missing or belongs to another share. Connect its disk or put the folder \
                     back, and the share goes on by itself. If you removed that file, stop \
                     sharing the folder and share it again. Nothing counts as deleted.",
                    share.root.display(),
                    RelPath::MARKER
                ),
            });
        }
        Ok(root)
    }

    /// Device and inode of the root itself.
    pub(crate) fn identity(&self) -> io::Result<(u64, u64)> {
        let metadata = self.dir.dir_metadata()?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Whether changes made by other machines bring no event, as on network drives.
    pub(crate) fn is_remote(&self) -> bool {
        is_remote(&self.dir)
    }

    /// What stands under a path; `None`: nothing, or nothing that can be shared.
    pub(crate) fn stat(&self, path: &RelPath) -> io::Result<Option<Stat>> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else { return Ok(None) };
        let found = self
            .folder(&folder)
            .and_then(|folder| folder.symlink_metadata(&*self.on_disk(&folder, name.as_str())))
            .map(|metadata| stat_of(&metadata));
        match found {
            Err(error) if is_absent(&error) => Ok(None),
            other => other,
        }
    }

    /// Everything in a folder. An error means that nothing is known of any of it.
    pub(crate) fn list(&self, path: &RelPath) -> io::Result<Listed> {
        let folder = self.folder(path)?;
        let mut listed =
            Listed { modified_ns: modified_ns(&folder.dir_metadata()?), ..Listed::default() };
        for entry in folder.entries()? {
            let entry = entry?;
            let file_name = entry.file_name();
            let name = file_name.to_str().and_then(|name| self.naming.meant_by(name));
            let name = name.and_then(|name| Name::new(&name).ok());
            let child = name.map(|name| path.join(&name));
            let Some(child) = child.filter(|path| path.as_str().len() <= PATH_BYTES_MAX) else {
                listed.odd.push(escaped(&file_name));
                continue;
            };
            if child.name().is_some_and(|name| RelPath::root().join(&name).is_skeps_own()) {
                listed.parts.extend(file_name.to_str().map(str::to_owned));
                continue;
            }
            if let Some(stat) = stat_entry(&entry)? {
                listed.seen.insert(child, stat);
            }
        }
        Ok(listed)
    }

    /// The names of half-written files in the root, whosever they are.
    pub(crate) fn parts(&self) -> io::Result<Vec<String>> {
        let mut parts = Vec::new();
        for entry in self.folder(&RelPath::root())?.entries()? {
            let name = entry?.file_name().into_string();
            parts.extend(name.ok().filter(|name| name.starts_with(RelPath::TEMPORARY_PREFIX)));
        }
        Ok(parts)
    }

    /// Opens a folder, refusing a symbolic link at every step.
    fn folder(&self, path: &RelPath) -> io::Result<Dir> {
        let mut dir = self.dir.try_clone()?;
        if !path.is_root() {
            for name in path.as_str().split('/') {
                dir = dir.open_dir_nofollow(&*self.on_disk(&dir, name))?;
            }
        }
        Ok(dir)
    }

    /// The name under which something stands in a folder, or is to stand there.
    fn on_disk<'a>(&self, folder: &Dir, name: &'a str) -> Cow<'a, str> {
        if self.naming.is_exact() {
            return Cow::Borrowed(name);
        }
        let own = self.naming.on_disk(name);
        if !self.naming.folds {
            return Cow::Owned(own);
        }
        let twin = self.naming.twin_on_disk(name);
        let form = match folder.symlink_metadata(&own) {
            Err(_) if folder.symlink_metadata(&twin).is_ok() => twin,
            Err(_) => own,
            Ok(_) if holds_exactly(folder, &own) => own,
            // What answers to it has another name, which the system takes for the same.
            Ok(_) => twin,
        };
        Cow::Owned(form)
    }

    /// The path under which something stands on disk, as far as its folders are there.
    pub(crate) fn path_on_disk(&self, path: &RelPath) -> io::Result<String> {
        let mut dir = self.dir.try_clone()?;
        let mut names = Vec::new();
        for name in path.as_str().split('/').filter(|name| !name.is_empty()) {
            let form = self.on_disk(&dir, name).into_owned();
            if let Ok(next) = dir.open_dir_nofollow(&form) {
                dir = next;
            }
            names.push(form);
        }
        Ok(names.join("/"))
    }

    /// The folder that holds a path, and the path's last name as it stands on disk.
    fn parent(&self, path: &RelPath) -> Result<(Dir, Name), Error> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return Err(Error::Gone);
        };
        if path.is_skeps_own() {
            return Err(Error::Gone);
        }
        let folder = self.folder(&folder).map_err(|error| read_error(&error))?;
        let name = match self.naming.is_exact() {
            true => name,
            false => Name::new(&self.on_disk(&folder, name.as_str()))?,
        };
        Ok((folder, name))
    }
}

/// A name as far as it can be written: bytes that are no UTF-8 as numbers.
pub(crate) fn escaped(name: &std::ffi::OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Whether a folder lists a name just so, whatever else the system takes for it.
fn holds_exactly(folder: &Dir, name: &str) -> bool {
    folder.entries().is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_str() == Some(name))
    })
}

/// Opens for reading what must be a plain file; never waits for a pipe, never follows a link.
fn open_plain(folder: &Dir, name: &str) -> io::Result<cap_std::fs::File> {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    let file = folder.open_with(name, &options)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::NotFound, "it is no plain file"))
    }
}

fn stat_entry(entry: &DirEntry) -> io::Result<Option<Stat>> {
    match entry.metadata() {
        Ok(metadata) => Ok(stat_of(&metadata)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn stat_of(metadata: &Metadata) -> Option<Stat> {
    let kind = if metadata.is_dir() {
        EntryKind::Folder
    } else if metadata.is_symlink() {
        EntryKind::Link
    } else if metadata.is_file() {
        EntryKind::File
    } else {
        return None;
    };
    Some(Stat {
        kind,
        size: if kind == EntryKind::File { metadata.len() } else { 0 },
        modified_ns: modified_ns(metadata),
        inode: metadata.ino(),
        changed_ns: changed_ns(metadata),
        names: metadata.nlink(),
        born_ns: metadata.created().ok().map(|time| nanoseconds(time.into_std())),
    })
}

/// The time that the file system keeps itself, and that nobody can set.
#[cfg(unix)]
fn changed_ns(metadata: &Metadata) -> i64 {
    use cap_std::fs::MetadataExt;
    let (seconds, rest) = (MetadataExt::ctime(metadata), MetadataExt::ctime_nsec(metadata));
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

#[cfg(not(unix))]
fn changed_ns(_: &Metadata) -> i64 {
    0
}

fn modified_ns(metadata: &Metadata) -> i64 {
    metadata.modified().map_or(0, |time| nanoseconds(time.into_std()))
}

/// When an open file was changed last.
pub(crate) fn modified_ns_of(metadata: &std::fs::Metadata) -> i64 {
    metadata.modified().map_or(0, nanoseconds)
}

fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

/// Whether nothing stands there that could be reached without following a link.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) || is_link(error)
}

#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}

/// Why a file or folder inside of a share could not be read.
pub(crate) fn read_error(error: &io::Error) -> Error {
    if is_absent(error) { Error::Gone } else { Error::Unreadable { why: words(error) } }
}

/// Why something inside of a share could not be written.
pub(crate) fn write_error(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
        _ if is_absent(error) => Error::Gone,
        _ => Error::Unwritable { why: words(error) },
    }
}

fn root_error(root: &Path, error: &io::Error) -> Error {
    if is_absent(error) {
        return Error::Missing {
            why: format!(
                "The folder {} is not there: it was moved, renamed or removed, or its disk is not \
                 connected. Put it back, and the share goes on by itself. Nothing counts as \
                 deleted.",
                root.display()
            ),
        };
    }
    Error::Unreadable { why: format!("{}: {}", root.display(), words(error)) }
}

/// The system's reason in plain words.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "permission denied. Give the user that runs Skep the right to it".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the disk is mounted read-only. Mount it writable to edit".to_owned()
        }
        io::ErrorKind::StorageFull => "the disk is full. Make room on it".to_owned(),
        _ => error.to_string(),
    }
}

/// What a person named: its canonical path, and whether it is a folder.
pub(crate) fn look_at(path: &Path) -> Result<(std::path::PathBuf, bool), Error> {
    let shown = path.display();
    let canonical = std::fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Refused(format!(
            "There is nothing at {shown}. Check the path, or choose the folder again."
        )),
        _ => Error::Refused(format!("{shown} cannot be read: {}.", words(&error))),
    })?;
    let metadata = std::fs::metadata(&canonical)
        .map_err(|error| Error::Refused(format!("{shown} cannot be read: {}.", words(&error))))?;
    if metadata.is_dir() {
        std::fs::read_dir(&canonical).map_err(|error| {
            Error::Refused(format!("The folder {shown} cannot be read: {}.", words(&error)))
        })?;
    } else if metadata.is_file() {
        std::fs::File::open(&canonical).map_err(|error| {
            Error::Refused(format!("The file {shown} cannot be read: {}.", words(&error)))
        })?;
    } else {
        return Err(Error::Refused(format!(
            "{shown} is neither a folder nor a file. Choose a folder or a file."
        )));
    }
    Ok((canonical, metadata.is_dir()))
}

/// Deletes the folder of a share that was left, links in it as such.
pub(crate) fn delete_folder(root: &Path) -> Result<(), Error> {
    std::fs::remove_dir_all(root).map_err(|error| write_error(&error))
}

/// The canonical form of a path, as far as it exists.
pub(crate) fn canonical(path: &Path) -> std::path::PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(target_os = "linux")]
fn is_remote(dir: &Dir) -> bool {
    /// NFS, SMB, SMB 2, CIFS, FUSE, 9p: `statfs(2)`.
    const REMOTE: [u64; 6] = [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x6573_5546, 0x0102_1997];
    rustix::fs::fstatfs(dir)
        .is_ok_and(|facts| REMOTE.contains(&(facts.f_type.cast_unsigned() & 0xffff_ffff)))
}

#[cfg(not(target_os = "linux"))]
fn is_remote(_: &Dir) -> bool {
    false
}
