//! What friends' changes do to a folder: each act checks first that what stands there is what is
//! known to stand there, and nothing is ever put over or taken away that is not.

use std::io;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions};
use types::{Name, RelPath};

use super::file::plain_stat;
use super::replace::{USUAL, dress, rename_new, rename_swap, set_mode, sync_folder};
use super::{Root, Traits, open_plain, read_error, stat_of, write_error};
use crate::Error;
use crate::entry::{EntryKind, Stat};

/// What a file has besides its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Dress {
    pub(crate) modified_ns: i64,
    pub(crate) executable: bool,
    pub(crate) attributes: Vec<(String, Vec<u8>)>,
}

/// How many bytes of extended attributes a file may have to be carried along.
const ATTRIBUTES_BYTES_MAX: usize = 63 * 1_024;
const ATTRIBUTES_SPACE: &str = "user.";
/// The mode of a file, where it is unusual; no extended attribute is called so.
pub(crate) const MODE: &str = "mode";

impl Root {
    /// Opens a plain file for reading, and tells how it stands.
    pub(crate) fn open_plain(&self, path: &RelPath) -> Result<(std::fs::File, Stat), Error> {
        let (folder, name) = self.parent(path)?;
        let file = open_plain(&folder, name.as_str()).map_err(|error| read_error(&error))?;
        let stat = plain_stat(&file)?;
        Ok((file.into_std(), stat))
    }

    /// The text of a symbolic link; `None` if it is not written in UTF-8.
    pub(crate) fn link_target(&self, path: &RelPath) -> Result<Option<String>, Error> {
        let (folder, name) = self.parent(path)?;
        let target =
            folder.read_link_contents(name.as_str()).map_err(|error| read_error(&error))?;
        Ok(target.to_str().map(str::to_owned))
    }

    pub(crate) fn make_folder(&self, path: &RelPath) -> Result<Stat, Error> {
        let (folder, name) = self.parent(path)?;
        folder.create_dir(name.as_str()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Taken,
            _ => write_error(&error),
        })?;
        sync_folder(&folder)?;
        self.must_stat(path)
    }

    /// Removes a folder that holds nothing; `Taken` if it holds something.
    pub(crate) fn remove_folder(&self, path: &RelPath) -> Result<(), Error> {
        let (folder, name) = self.parent(path)?;
        folder.remove_dir(name.as_str()).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty => Error::Taken,
            _ => write_error(&error),
        })?;
        sync_folder(&folder)
    }

    /// Gives what stands under a path another one, where nothing may stand. How it stands is as
    /// before: what is different from that by now is somebody's change and to be looked at.
    pub(crate) fn move_to(
        &self,
        from: &RelPath,
        to: &RelPath,
        expected: &Stat,
    ) -> Result<Stat, Error> {
        let (old_folder, old_name) = self.parent(from)?;
        let (new_folder, new_name) = self.parent(to)?;
        self.check(from, expected)?;
        let recased = self.rename_in_place(from, to, &old_folder, &old_name);
        let new_name = recased.as_ref().unwrap_or(&new_name);
        if recased.is_none() {
            rename_new(&old_folder, old_name.as_str(), &new_folder, new_name.as_str())?;
        }
        sync_folder(&new_folder)?;
        if from.parent() != to.parent() {
            sync_folder(&old_folder)?;
        }
        Ok(expected.renamed(stat_by_name(&new_folder, new_name.as_str())))
    }

    /// Renames a thing to what the system takes for the same name, where it can be had.
    fn rename_in_place(
        &self,
        from: &RelPath,
        to: &RelPath,
        folder: &Dir,
        old: &Name,
    ) -> Option<Name> {
        if !self.naming.folds || from.parent() != to.parent() {
            return None;
        }
        let new = Name::new(&self.naming.on_disk(to.name()?.as_str())).ok()?;
        let stands = stat_by_name(folder, new.as_str())?;
        if stands.inode != stat_by_name(folder, old.as_str())?.inode {
            return None;
        }
        folder.rename(old.as_str(), folder, new.as_str()).ok()?;
        super::holds_exactly(folder, new.as_str()).then_some(new)
    }

    /// Takes a file or link out of people's sight, to a name of Skep's own in the same folder.
    pub(crate) fn take_away(
        &self,
        path: &RelPath,
        expected: &Stat,
        part: &str,
    ) -> Result<(), Error> {
        let (folder, name) = self.parent(path)?;
        self.check(path, expected)?;
        rename_new(&folder, name.as_str(), &folder, part)?;
        let taken = folder.symlink_metadata(part).map_err(|error| read_error(&error))?;
        if stat_of(&taken).is_some_and(|taken| taken.is_as(expected)) {
            return Ok(());
        }
        // Somebody saved in the last moment: what was saved goes back under its name.
        rename_new(&folder, part, &folder, name.as_str())?;
        Err(Error::Changed)
    }

    /// Makes a half-written file in a folder, with the mode that new files have.
    pub(crate) fn new_part(&self, folder: &RelPath, part: &str) -> Result<std::fs::File, Error> {
        let folder = self.folder(folder).map_err(|error| write_error(&error))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).follow(FollowSymlinks::No);
        set_mode(&mut options, USUAL);
        let file = folder.open_with(part, &options).map_err(|error| write_error(&error))?;
        Ok(file.into_std())
    }

    /// Opens a half-written file that is received bit by bit, or makes it. Tells whether it is new.
    pub(crate) fn open_part(&self, part: &str) -> Result<(std::fs::File, bool), Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).follow(FollowSymlinks::No);
        match self.dir.open_with(part, &options) {
            Ok(file) => Ok((file.into_std(), false)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok((self.new_part(&RelPath::root(), part)?, true))
            }
            Err(error) => Err(write_error(&error)),
        }
    }

    /// Gives a file a second name, a part's, if the file is as it is known.
    pub(crate) fn twin_part(
        &self,
        path: &RelPath,
        expected: &Stat,
        folder: &RelPath,
        part: &str,
    ) -> Result<bool, Error> {
        let (from, name) = self.parent(path)?;
        let to = self.folder(folder).map_err(|error| write_error(&error))?;
        self.check(path, expected)?;
        if from.hard_link(name.as_str(), &to, part).is_err() {
            return Ok(false);
        }
        if stat_by_name(&to, part).is_some_and(|twin| twin.is_as(expected)) {
            return Ok(true);
        }
        self.drop_part(folder, part);
        Err(Error::Changed)
    }

    /// Makes a symbolic link under a part's name.
    #[cfg(unix)]
    pub(crate) fn new_link(&self, folder: &RelPath, part: &str, target: &str) -> Result<(), Error> {
        let folder = self.folder(folder).map_err(|error| write_error(&error))?;
        // The text is carried, not followed: it may lead nowhere.
        folder.symlink_contents(target, part).map_err(|error| write_error(&error))
    }

    #[cfg(not(unix))]
    pub(crate) fn new_link(&self, _: &RelPath, _: &str, _: &str) -> Result<(), Error> {
        Err(Error::Unwritable { why: "this system makes no symbolic links".to_owned() })
    }

    /// Puts a part in its place, which must be free or hold what is expected: then the old thing is
    /// given the name `old`, which is the part's own or one that is free. Tells how the part stands
    /// in its place, and whether the old thing stands beside it now.
    pub(crate) fn put_part(
        &self,
        (part_folder, part): (&RelPath, &str),
        path: &RelPath,
        kind: EntryKind,
        instead: Option<(&Stat, &str)>,
    ) -> Result<(Stat, bool), Error> {
        let from = self.folder(part_folder).map_err(|error| write_error(&error))?;
        let ready = stat_by_name(&from, part).filter(|stat| stat.kind == kind);
        let ready = ready.ok_or(Error::Changed)?;
        let (folder, name) = self.parent(path)?;
        let Some((expected, old)) = instead else {
            rename_new(&from, part, &folder, name.as_str())?;
            return Ok((ready.renamed(stat_by_name(&folder, name.as_str())), false));
        };
        self.check(path, expected)?;
        if part != old {
            rename_new(&from, part, &folder, old)?;
        }
        let replaced = swap(&folder, old, &name, expected);
        if replaced.is_err() && part != old {
            rename_new(&folder, old, &from, part)?;
        }
        Ok((ready.renamed(stat_by_name(&folder, name.as_str())), replaced?))
    }

    /// Gives what stands under a part's name a name that people see, where nothing may stand.
    pub(crate) fn give_name(
        &self,
        part_folder: &RelPath,
        part: &str,
        path: &RelPath,
    ) -> Result<(), Error> {
        let (folder, name) = self.parent(path)?;
        let from = self.folder(part_folder).map_err(|error| write_error(&error))?;
        rename_new(&from, part, &folder, name.as_str())?;
        sync_folder(&folder)
    }

    /// What stands under a part's name in a folder.
    pub(crate) fn open_named(&self, folder: &RelPath, part: &str) -> Result<std::fs::File, Error> {
        let folder = self.folder(folder).map_err(|error| read_error(&error))?;
        let name = self.on_disk(&folder, part);
        Ok(open_plain(&folder, &name).map_err(|error| read_error(&error))?.into_std())
    }

    /// Removes what stands under a part's name, whatever it is.
    pub(crate) fn drop_part(&self, folder: &RelPath, part: &str) {
        let removed = self
            .folder(folder)
            .and_then(|folder| folder.remove_file(&*self.on_disk(&folder, part)));
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(part, %error, "a half-written file could not be removed");
        }
    }

    /// Gives a new file the owner, mode and attributes of the one that it is to replace.
    pub(crate) fn usual_mode(
        &self,
        file: &std::fs::File,
        replaced: Option<&RelPath>,
    ) -> Result<(), Error> {
        let Some(path) = replaced else { return Ok(()) };
        if let Ok((old, _)) = self.open_plain(path) {
            let new = file.try_clone().map_err(|error| write_error(&error))?;
            dress(&cap_std::fs::File::from_std(new), &cap_std::fs::File::from_std(old));
        }
        Ok(())
    }

    /// Dresses a file that keeps its content, and tells how it stands unless somebody changes it.
    pub(crate) fn dress(
        &self,
        path: &RelPath,
        expected: &Stat,
        dress: &Dress,
        traits: &Traits,
    ) -> Result<Stat, Error> {
        let (file, stat) = self.open_plain(path)?;
        if !stat.is_as(expected) {
            return Err(Error::Changed);
        }
        put_on(&file, dress, traits)?;
        file.sync_all().map_err(|error| write_error(&error))?;
        let dressed = Stat { modified_ns: dress.modified_ns, ..stat };
        let now = plain_stat(&cap_std::fs::File::from_std(file)).ok();
        Ok(dressed.renamed(now))
    }

    /// Makes everything that was written into the share's file system durable.
    pub(crate) fn sync_all(&self) -> Result<(), Error> {
        sync_file_system(&self.dir)
    }

    pub(crate) fn sync_folder(&self, path: &RelPath) -> Result<(), Error> {
        sync_folder(&self.folder(path).map_err(|error| write_error(&error))?)
    }

    /// Free bytes, and all bytes, of the file system that the share lies on.
    #[cfg(unix)]
    pub(crate) fn space(&self) -> Option<(u64, u64)> {
        let facts = rustix::fs::fstatvfs(&self.dir).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(facts.f_frsize);
        Some((bytes(facts.f_bavail), bytes(facts.f_blocks)))
    }

    #[cfg(not(unix))]
    pub(crate) fn space(&self) -> Option<(u64, u64)> {
        None
    }

    fn check(&self, path: &RelPath, expected: &Stat) -> Result<(), Error> {
        match self.stat(path) {
            Ok(Some(stat)) if stat.is_as(expected) => Ok(()),
            Ok(_) => Err(Error::Changed),
            Err(error) => Err(read_error(&error)),
        }
    }

    fn must_stat(&self, path: &RelPath) -> Result<Stat, Error> {
        self.stat(path).map_err(|error| read_error(&error))?.ok_or(Error::Changed)
    }
}

/// Swaps a part with what is expected under a name, or leaves both as they are.
fn swap(folder: &Dir, part: &str, name: &Name, expected: &Stat) -> Result<bool, Error> {
    if !rename_swap(folder, part, name.as_str())? {
        put_over(folder, part, name)?;
        return Ok(false);
    }
    let old = folder.symlink_metadata(part).map_err(|error| read_error(&error))?;
    if stat_of(&old).is_some_and(|old| old.is_as(expected)) {
        return Ok(true);
    }
    rename_swap(folder, part, name.as_str())?;
    Err(Error::Changed)
}

/// Where the file system cannot swap two names.
fn put_over(folder: &Dir, part: &str, name: &Name) -> Result<(), Error> {
    folder.rename(part, folder, name.as_str()).map_err(|error| write_error(&error))
}

fn stat_by_name(folder: &Dir, name: &str) -> Option<Stat> {
    folder.symlink_metadata(name).ok().and_then(|found| stat_of(&found))
}

/// How an open file is dressed. Attributes that are too many are not carried.
#[cfg(unix)]
pub(crate) fn dress_of(file: &std::fs::File, stat: &Stat, traits: &Traits) -> Dress {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_or(0, |metadata| metadata.permissions().mode());
    let mut attributes = attributes(file);
    if !is_usual(mode, traits) {
        let mode = u16::try_from(mode & 0o777).unwrap_or_default();
        attributes.insert(0, (MODE.to_owned(), mode.to_le_bytes().to_vec()));
    }
    Dress { modified_ns: stat.modified_ns, executable: mode & 0o100 != 0, attributes }
}

#[cfg(not(unix))]
pub(crate) fn dress_of(_: &std::fs::File, stat: &Stat, _: &Traits) -> Dress {
    Dress { modified_ns: stat.modified_ns, ..Dress::default() }
}

/// Whether a mode is one that files have without being asked, here or at friends: it is not
/// carried.
#[cfg(unix)]
fn is_usual(mode: u32, traits: &Traits) -> bool {
    let mode = mode & 0o777;
    [0o644, 0o755, 0o664, 0o775].contains(&mode)
        || mode == executable_mode(traits.usual_mode, mode & 0o100 != 0)
}

#[cfg(unix)]
const fn executable_mode(mode: u32, executable: bool) -> u32 {
    if executable { mode | ((mode & 0o444) >> 2) } else { mode & !0o111 }
}

/// The mode that a file is to have.
#[cfg(unix)]
fn mode_for(dress: &Dress, now: u32, traits: &Traits) -> u32 {
    let carried = dress.attributes.iter().find(|(name, _)| name == MODE);
    if let Some(Ok(mode)) = carried.map(|(_, value)| <[u8; 2]>::try_from(value.as_slice())) {
        return u32::from(u16::from_le_bytes(mode)) & 0o777;
    }
    let base = if is_usual(now, traits) { now & 0o777 } else { traits.usual_mode };
    executable_mode(base, dress.executable)
}

#[cfg(unix)]
fn attributes(file: &std::fs::File) -> Vec<(String, Vec<u8>)> {
    use rustix::fs::{fgetxattr, flistxattr};
    let mut names = vec![0; ATTRIBUTES_BYTES_MAX];
    let Ok(length) = flistxattr(file, &mut names[..]) else { return Vec::new() };
    let mut found = Vec::new();
    let mut bytes = 0;
    for name in names[..length].split(|byte| *byte == 0) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if !name.starts_with(ATTRIBUTES_SPACE) {
            continue;
        }
        let mut value = vec![0; ATTRIBUTES_BYTES_MAX];
        let Ok(length) = fgetxattr(file, name, &mut value[..]) else { continue };
        value.truncate(length);
        bytes += name.len() + length;
        if bytes > ATTRIBUTES_BYTES_MAX {
            return Vec::new();
        }
        found.push((name.to_owned(), value));
    }
    found.sort();
    found
}

/// Sets mode, attributes and time, the time last.
#[cfg(unix)]
pub(crate) fn put_on(file: &std::fs::File, dress: &Dress, traits: &Traits) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;

    use rustix::fs::{Timespec, Timestamps, XattrFlags, fremovexattr, fsetxattr, futimens};
    let io = |error: io::Error| write_error(&error);
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
    let wanted = (mode & !0o777) | mode_for(dress, mode, traits);
    if wanted != mode && traits.modes {
        file.set_permissions(std::fs::Permissions::from_mode(wanted)).map_err(io)?;
    }
    let old = attributes(file);
    if old != dress.attributes {
        for (name, _) in &old {
            if dress.attributes.iter().all(|(other, _)| other != name) {
                super::replace::note(fremovexattr(file, name.as_str()));
            }
        }
        for (name, value) in &dress.attributes {
            if name.starts_with(ATTRIBUTES_SPACE) {
                super::replace::note(fsetxattr(file, name.as_str(), value, XattrFlags::empty()));
            }
        }
    }
    let time = Timespec {
        tv_sec: dress.modified_ns.div_euclid(1_000_000_000),
        tv_nsec: dress.modified_ns.rem_euclid(1_000_000_000),
    };
    futimens(file, &Timestamps { last_access: time, last_modification: time })
        .map_err(|error| write_error(&error.into()))
}

#[cfg(not(unix))]
pub(crate) fn put_on(file: &std::fs::File, dress: &Dress, _: &Traits) -> Result<(), Error> {
    let since = std::time::Duration::from_nanos(dress.modified_ns.max(0).cast_unsigned());
    file.set_modified(std::time::UNIX_EPOCH + since).map_err(|error| write_error(&error))
}

/// One call for all that was written into the file system.
#[cfg(target_os = "linux")]
fn sync_file_system(dir: &Dir) -> Result<(), Error> {
    use rustix::fs::{Mode, OFlags, openat, syncfs};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(dir, ".", flags, Mode::empty())
        .and_then(syncfs)
        .map_err(|error| write_error(&error.into()))
}

/// Without such a call each file is synced by itself.
#[cfg(not(target_os = "linux"))]
fn sync_file_system(_: &Dir) -> Result<(), Error> {
    Ok(())
}

/// Whether each part must be synced by itself even in a batch.
pub(crate) const SYNC_EACH: bool = !cfg!(target_os = "linux");

/// Whether a link's text leads to something inside of the share.
pub(crate) fn leads_inside(link: &RelPath, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return false;
    }
    let mut depth = link
        .parent()
        .map_or(0, |folder| if folder.is_root() { 0 } else { folder.as_str().split('/').count() });
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

/// What a kind of thing on disk must be for a node of the records.
pub(crate) fn kind_of(what: &tree::What) -> EntryKind {
    match what {
        tree::What::Folder => EntryKind::Folder,
        tree::What::File { .. } => EntryKind::File,
        tree::What::Link { .. } => EntryKind::Link,
    }
}
