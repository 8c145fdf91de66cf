//! What a file system can hold, found out by trying it in the share's root.

use std::io::{self, ErrorKind};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, File, OpenOptions};

use super::Root;
use super::names::Naming;
use super::replace::{USUAL, set_mode};

/// What of a file a file system keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) naming: Naming,
    /// The mode that a new file has here.
    pub(crate) usual_mode: u32,
    pub(crate) modes: bool,
    pub(crate) attributes: bool,
    /// How exact times are kept.
    pub(crate) time_ns: i64,
}

/// Nothing is lacking; whoever cannot write into a root needs no more.
impl Default for Traits {
    fn default() -> Self {
        let naming = Naming::default();
        Self { naming, usual_mode: 0o644, modes: true, attributes: true, time_ns: 1 }
    }
}

/// As coarse as times are kept anywhere.
const COARSE_NS: i64 = 2_000_000_000;

impl Traits {
    /// Whether both times are one as far as the file system can tell.
    pub(crate) const fn same_time(&self, one: i64, two: i64) -> bool {
        one.abs_diff(two) < self.time_ns.unsigned_abs()
    }

    pub(crate) const fn is_lacking(&self) -> bool {
        !self.modes || !self.attributes || self.time_ns > 1
    }
}

impl Root {
    /// Finds out what the share's file system can hold; nothing where nothing can be written.
    /// `part` is a name for trying.
    pub(crate) fn traits(&self, part: &str) -> Traits {
        let name = format!("{part}-a\u{e9}");
        let Ok(file) = make(&self.dir, &name) else { return Traits::default() };
        let stands = |name: &str| self.dir.symlink_metadata(name).is_ok();
        let folds = stands(&format!("{part}-A\u{e9}")) || stands(&format!("{part}-ae\u{301}"));
        let other = format!("{part}:");
        let made = make(&self.dir, &other);
        // A full or failing disk says something else.
        let narrow = made.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidInput);
        if made.is_ok() {
            remove(&self.dir, &other);
        }
        let traits = keeps(&file);
        remove(&self.dir, &name);
        Traits { naming: Naming { narrow, folds }, ..traits }
    }
}

fn make(dir: &Dir, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).follow(FollowSymlinks::No);
    set_mode(&mut options, USUAL);
    dir.open_with(name, &options)
}

fn remove(dir: &Dir, name: &str) {
    if let Err(error) = dir.remove_file(name) {
        tracing::debug!(name, %error, "a name that was tried stays");
    }
}

#[cfg(unix)]
fn keeps(file: &File) -> Traits {
    use cap_std::fs::PermissionsExt;
    use rustix::fs::{Mode, Timespec, Timestamps, XattrFlags, fchmod, fsetxattr, futimens};
    let mode = || file.metadata().map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    let usual_mode = mode();
    let modes = fchmod(file, Mode::from_raw_mode(0o710)).is_ok() && mode() == 0o710;
    let attributes = fsetxattr(file, "user.skep", b"1", XattrFlags::empty()).is_ok();
    let time = Timespec { tv_sec: 1_234_567_891, tv_nsec: 123_456_789 };
    let set = futimens(file, &Timestamps { last_access: time, last_modification: time });
    let kept = file.metadata().map_or(0, |metadata| super::modified_ns(&metadata));
    let exact = set.is_ok() && kept == 1_234_567_891_123_456_789;
    let time_ns = if exact { 1 } else { COARSE_NS };
    Traits { naming: Naming::default(), usual_mode, modes, attributes, time_ns }
}

#[cfg(not(unix))]
fn keeps(_: &File) -> Traits {
    Traits { modes: false, attributes: false, time_ns: COARSE_NS, ..Traits::default() }
}
