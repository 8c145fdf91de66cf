//! Atomic writing: a reader, and a crash, find the old content or the new one and never a part.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, File, OpenOptions};
use types::{Name, RelPath, ShareId};

use super::file::{Stamp, hash_of, plain_stat};
use super::{Root, open_plain, read_error, stat_of, write_error};
use crate::Error;
use crate::entry::Stat;

/// The mode of a part until it takes over the mode of the file that it replaces.
const PRIVATE: u32 = 0o600;
/// The mode of a new file, before the user's mask.
pub(super) const USUAL: u32 = 0o666;

/// What tells a part that may come to hold an old content.
const ASIDE: &str = "aside-";

/// How many contents of one file are set aside at most.
#[cfg(target_os = "linux")]
const ASIDE_MAX: u32 = 10_000;

/// Draws the names of half-written files. They tell whose they are: the share's id, then a number
/// drawn at the start of this process.
#[derive(Debug)]
pub(crate) struct PartNames {
    run: u64,
    next: AtomicU64,
}

impl PartNames {
    pub(crate) fn new(run: u64) -> Self {
        Self { run, next: AtomicU64::new(0) }
    }

    pub(crate) fn draw(&self, share: ShareId) -> String {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{}{share}-{:016x}-{next}", RelPath::TEMPORARY_PREFIX, self.run)
    }

    /// A name for a file that may come to hold what stood in its place: it is never just removed.
    pub(crate) fn draw_for(&self, share: ShareId, aside: bool) -> String {
        let drawn = self.draw(share);
        let own = format!("{}{share}-", RelPath::TEMPORARY_PREFIX);
        if aside { drawn.replacen(&own, &format!("{own}{ASIDE}"), 1) } else { drawn }
    }

    /// Whether a file of this name was left by an earlier process and may hold what people wrote.
    pub(crate) fn is_stale_aside(&self, share: ShareId, name: &str) -> bool {
        let own = format!("{}{share}-", RelPath::TEMPORARY_PREFIX);
        let plain = name.replacen(&format!("{own}{ASIDE}"), &own, 1);
        plain != name && self.is_stale(share, &plain)
    }

    /// Whether a file of this name was left by an earlier process that wrote into this share.
    pub(crate) fn is_stale(&self, share: ShareId, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(RelPath::TEMPORARY_PREFIX) else { return false };
        let Some(rest) = rest.strip_prefix(&format!("{share}-")) else { return false };
        let Some((run, number)) = rest.split_once('-') else { return false };
        let hexadecimal = run.len() == 16 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        hexadecimal && numbered && run != format!("{:016x}", self.run)
    }
}

/// A half-written file, removed again unless it was put in its place.
struct Part<'a> {
    folder: &'a Dir,
    name: &'a str,
    file: File,
    placed: bool,
}

impl Part<'_> {
    /// What stands under the part's name, which need not be the part after a swap.
    #[cfg(target_os = "linux")]
    fn stat_by_name(&self) -> Option<Stat> {
        self.folder.symlink_metadata(self.name).ok().and_then(|found| stat_of(&found))
    }

    /// Gives what stands under the part's name a name that people see: it is somebody's content.
    #[cfg(target_os = "linux")]
    fn set_aside(&mut self, name: &Name) -> Result<(), Error> {
        use rustix::fs::{RenameFlags, renameat_with};
        self.placed = true;
        let (stem, extension) = match name.as_str().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            _ => (name.as_str(), String::new()),
        };
        for number in 1..=ASIDE_MAX {
            let aside = format!("{stem} (other version {number}){extension}");
            match renameat_with(self.folder, self.name, self.folder, &aside, RenameFlags::NOREPLACE)
            {
                Ok(()) => {
                    tracing::warn!(%aside, "two programs saved at the same moment, both are kept");
                    return Ok(());
                }
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(write_error(&error.into())),
            }
        }
        Err(Error::Taken)
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if !self.placed
            && let Err(error) = self.folder.remove_file(self.name)
        {
            tracing::warn!(name = self.name, %error, "a half-written file could not be removed");
        }
    }
}

impl Root {
    /// Replaces a file's content, provided that it still is what `expected` says.
    pub(crate) fn replace(
        &self,
        path: &RelPath,
        bytes: &[u8],
        expected: &Stamp,
        part: &str,
    ) -> Result<(Stamp, Stat), Error> {
        let (folder, name) = self.parent(path)?;
        let old = open_plain(&folder, name.as_str()).map_err(|error| read_error(&error))?;
        if plain_stat(&old)?.size != expected.size {
            return Err(Error::Changed);
        }
        may_write(&folder, &name)?;
        let mut part = write_part(&folder, part, bytes, PRIVATE)?;
        dress(&part.file, &old);
        part.file.sync_all().map_err(|error| write_error(&error))?;
        let written = as_written(&part.file, bytes)?;
        let checked = check(&folder, &name, expected)?;
        put_in_place(&mut part, &name, &checked, expected)?;
        sync_folder(&folder)?;
        Ok((written.0, written.1.renamed(plain_stat(&part.file).ok())))
    }

    /// Makes a new file, never over an existing one.
    pub(crate) fn create(
        &self,
        path: &RelPath,
        bytes: &[u8],
        part: &str,
    ) -> Result<(Stamp, Stat), Error> {
        let (folder, name) = self.parent(path)?;
        if folder.symlink_metadata(name.as_str()).is_ok() {
            return Err(Error::Taken);
        }
        let mut part = write_part(&folder, part, bytes, USUAL)?;
        part.file.sync_all().map_err(|error| write_error(&error))?;
        let written = as_written(&part.file, bytes)?;
        put_new(&mut part, &name)?;
        sync_folder(&folder)?;
        Ok((written.0, written.1.renamed(plain_stat(&part.file).ok())))
    }

    /// Removes what an earlier process left half-written.
    pub(crate) fn remove_part(&self, folder: &RelPath, name: &str) -> io::Result<()> {
        let folder = self.folder(folder)?;
        if folder.symlink_metadata(name)?.is_file() {
            folder.remove_file(name)?;
        }
        Ok(())
    }
}

fn write_part<'a>(
    folder: &'a Dir,
    name: &'a str,
    bytes: &[u8],
    mode: u32,
) -> Result<Part<'a>, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).follow(FollowSymlinks::No);
    set_mode(&mut options, mode);
    let file = folder.open_with(name, &options).map_err(|error| write_error(&error))?;
    let mut part = Part { folder, name, file, placed: false };
    part.file.write_all(bytes).map_err(|error| write_error(&error))?;
    Ok(part)
}

/// Makes sure that the file still holds what is expected, and tells how it stands.
fn check(folder: &Dir, name: &Name, expected: &Stamp) -> Result<Stat, Error> {
    let file = open_plain(folder, name.as_str()).map_err(|error| read_error(&error))?;
    let stat = plain_stat(&file)?;
    let hash = hash_of(&file).map_err(|error| read_error(&error))?;
    let same = stat.size == expected.size && hash == expected.hash && plain_stat(&file)? == stat;
    if same { Ok(stat) } else { Err(Error::Changed) }
}

/// How the new file stands before it has its name: from then on another program may write to it,
/// and what that changes must not be taken for our own.
fn as_written(file: &File, bytes: &[u8]) -> Result<(Stamp, Stat), Error> {
    let stat = plain_stat(file)?;
    Ok((Stamp::new(&stat, bytes), stat))
}

/// Swaps the new file with the old one, and looks at the old one again where nobody else writes:
/// what another program saved in the last moment is put back.
#[cfg(target_os = "linux")]
fn put_in_place(
    part: &mut Part,
    name: &Name,
    checked: &Stat,
    expected: &Stamp,
) -> Result<(), Error> {
    use rustix::fs::{RenameFlags, renameat_with};
    let folder = part.folder;
    let swap = |part: &Part| {
        renameat_with(folder, part.name, folder, name.as_str(), RenameFlags::EXCHANGE)
    };
    match swap(part) {
        Ok(()) => {}
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            return put_over(part, name);
        }
        Err(error) => return Err(write_error(&error.into())),
    }
    let name_of_part = Name::new(part.name)?;
    if part.stat_by_name().is_some_and(|stat| stat.is_as(checked))
        || check(folder, &name_of_part, expected).is_ok()
    {
        return Ok(());
    }
    let own = plain_stat(&part.file)?.inode;
    let put_back = swap(part).is_ok();
    if put_back && part.stat_by_name().is_some_and(|stat| stat.inode == own) {
        return Err(Error::Changed);
    }
    // Somebody saved over the new content within the same moment: the last save stays in place,
    // and the one before is kept beside it.
    if put_back && let Err(error) = swap(part) {
        tracing::debug!(%error, "the last save is the one that is set aside");
    }
    part.set_aside(name)?;
    Err(Error::Changed)
}

#[cfg(not(target_os = "linux"))]
fn put_in_place(part: &mut Part, name: &Name, _: &Stat, _: &Stamp) -> Result<(), Error> {
    put_over(part, name)
}

fn put_over(part: &mut Part, name: &Name) -> Result<(), Error> {
    part.folder
        .rename(part.name, part.folder, name.as_str())
        .map_err(|error| write_error(&error))?;
    part.placed = true;
    Ok(())
}

#[cfg(target_os = "linux")]
fn put_new(part: &mut Part, name: &Name) -> Result<(), Error> {
    use rustix::fs::{RenameFlags, renameat_with};
    let folder = part.folder;
    match renameat_with(folder, part.name, folder, name.as_str(), RenameFlags::NOREPLACE) {
        Ok(()) => {
            part.placed = true;
            Ok(())
        }
        Err(rustix::io::Errno::EXIST) => Err(Error::Taken),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => link_new(part, name),
        Err(error) => Err(write_error(&error.into())),
    }
}

#[cfg(not(target_os = "linux"))]
fn put_new(part: &mut Part, name: &Name) -> Result<(), Error> {
    link_new(part, name)
}

/// Gives a thing another name, where nothing may stand.
#[cfg(target_os = "linux")]
pub(super) fn rename_new(
    old_folder: &Dir,
    old: &str,
    new_folder: &Dir,
    new: &str,
) -> Result<(), Error> {
    use rustix::fs::{RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(old_folder, old, new_folder, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(Error::Taken),
        Err(Errno::INVAL | Errno::NOSYS) if new_folder.symlink_metadata(new).is_err() => {
            old_folder.rename(old, new_folder, new).map_err(|error| write_error(&error))
        }
        Err(error) => Err(write_error(&error.into())),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn rename_new(
    old_folder: &Dir,
    old: &str,
    new_folder: &Dir,
    new: &str,
) -> Result<(), Error> {
    if new_folder.symlink_metadata(new).is_ok() {
        return Err(Error::Taken);
    }
    old_folder.rename(old, new_folder, new).map_err(|error| write_error(&error))
}

/// Swaps two names of one folder; false where the file system cannot.
#[cfg(target_os = "linux")]
pub(super) fn rename_swap(folder: &Dir, one: &str, two: &str) -> Result<bool, Error> {
    use rustix::fs::{RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(folder, one, folder, two, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS) => Ok(false),
        Err(error) => Err(write_error(&error.into())),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn rename_swap(_: &Dir, _: &str, _: &str) -> Result<bool, Error> {
    Ok(false)
}

/// A second name for the part, which fails where something stands; the part's own name goes.
fn link_new(part: &mut Part, name: &Name) -> Result<(), Error> {
    match part.folder.hard_link(part.name, part.folder, name.as_str()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Taken),
        Err(error) => Err(write_error(&error)),
    }
}

#[cfg(unix)]
pub(super) fn sync_folder(folder: &Dir) -> Result<(), Error> {
    use rustix::fs::{Mode, OFlags, fsync, openat};
    // The handle that leads here stands for the path alone and cannot be synced.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(folder, ".", flags, Mode::empty()).and_then(fsync) {
        // Some file systems cannot sync a folder, and then need not.
        Ok(()) | Err(rustix::io::Errno::INVAL) => Ok(()),
        Err(error) => Err(write_error(&error.into())),
    }
}

/// Other systems keep names with the file itself.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Dir) -> Result<(), Error> {
    Ok(())
}

#[cfg(unix)]
fn may_write(folder: &Dir, name: &Name) -> Result<(), Error> {
    use rustix::fs::{Access, AtFlags, accessat};
    accessat(folder, name.as_str(), Access::WRITE_OK, AtFlags::EACCESS)
        .map_err(|error| write_error(&error.into()))
}

#[cfg(not(unix))]
fn may_write(folder: &Dir, name: &Name) -> Result<(), Error> {
    let metadata = folder.symlink_metadata(name.as_str()).map_err(|error| write_error(&error))?;
    if metadata.permissions().readonly() {
        return Err(Error::Unwritable { why: "the file is marked read-only".to_owned() });
    }
    Ok(())
}

#[cfg(unix)]
pub(super) fn set_mode(options: &mut OpenOptions, mode: u32) {
    use cap_std::fs::OpenOptionsExt;
    options.mode(mode);
}

#[cfg(not(unix))]
pub(super) fn set_mode(_: &mut OpenOptions, _: u32) {}

/// Gives the new file the old one's owner, mode and extended attributes, as far as allowed.
#[cfg(unix)]
pub(super) fn dress(new: &File, old: &File) {
    use cap_std::fs::PermissionsExt;
    use rustix::fs::{Gid, Mode, Uid, fchmod, fchown, fgetxattr, flistxattr, fsetxattr};
    let (Ok(old_facts), Ok(new_facts)) = (rustix::fs::fstat(old), rustix::fs::fstat(new)) else {
        return;
    };
    if (old_facts.st_uid, old_facts.st_gid) != (new_facts.st_uid, new_facts.st_gid) {
        let (owner, group) = (Uid::from_raw(old_facts.st_uid), Gid::from_raw(old_facts.st_gid));
        note(fchown(new, Some(owner), None));
        note(fchown(new, None, Some(group)));
    }
    if let Ok(metadata) = old.metadata() {
        note(fchmod(new, Mode::from_raw_mode(metadata.permissions().mode() & 0o7777)));
    }
    let mut names = vec![0; 64 * 1_024];
    let Ok(length) = flistxattr(old, &mut names) else { return };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 * 1_024];
        if let Ok(length) = fgetxattr(old, name, &mut value) {
            let flags = rustix::fs::XattrFlags::empty();
            note(fsetxattr(new, name, &value[..length], flags));
        }
    }
}

/// What a file is dressed in is worth less than its content.
#[cfg(unix)]
pub(super) fn note(done: Result<(), rustix::io::Errno>) {
    if let Err(error) = done {
        tracing::debug!(%error, "a file lost an attribute when it was written");
    }
}

#[cfg(not(unix))]
pub(super) fn dress(new: &File, old: &File) {
    if let Ok(metadata) = old.metadata() {
        drop(new.set_permissions(metadata.permissions()));
    }
}
