//! Two ends under measure, whatever carries the bytes between them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use tempfile::TempDir;

use crate::failure::Outcome;
use crate::peers::Places;
use crate::sync::end::Used;
use crate::sync::floor::Floor;
use crate::sync::rsync::Rsync;
use crate::sync::skep::Skep;
use crate::sync::syncthing::Syncthing;
use crate::sync::unison::Unison;
use crate::sync::wire::Wire;

/// What carries the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    Skep,
    /// Watch, loopback, write: what the machine allows. No encryption, no index, no history.
    Floor,
    /// As it comes: nothing is waited for to be on the disk.
    Rsync,
    /// Each file on the disk; for what arrives intact, with hard links, extended attributes and
    /// sparse files as well.
    RsyncFsync,
    Unison,
    /// With its default settings.
    Syncthing,
    /// With the lowest delays that it accepts.
    SyncthingFast,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Skep => "Skep",
            Self::Floor => "floor",
            Self::Rsync => "rsync",
            Self::RsyncFsync => "rsync --fsync",
            Self::Unison => "Unison",
            Self::Syncthing => "Syncthing",
            Self::SyncthingFast => "Syncthing, least delays",
        })
    }
}

impl Kind {
    /// It has to be run for each change, as it does not watch.
    pub(crate) fn is_run(self) -> bool {
        matches!(self, Self::Rsync | Self::RsyncFsync | Self::Unison)
    }

    /// Two ends that run, joined, with empty folders.
    pub(crate) fn start(self, places: &Places, folder: &Path) -> Outcome<Box<dyn Pair>> {
        let ground = Ground::new(folder)?;
        Ok(match self {
            Self::Skep => Box::new(Skep::start(ground, places)?),
            Self::Floor => Box::new(Floor::start(ground)?),
            Self::Rsync => Box::new(Rsync::start(ground, false)?),
            Self::RsyncFsync => Box::new(Rsync::start(ground, true)?),
            Self::Unison => Box::new(Unison::start(ground)?),
            Self::Syncthing => Box::new(Syncthing::start(ground, false)?),
            Self::SyncthingFast => Box::new(Syncthing::start(ground, true)?),
        })
    }
}

/// What a measure asks of the two ends.
pub(crate) trait Pair {
    fn ground(&self) -> &Ground;

    /// Something changed on the left: runs what has to be run, tells what can be told.
    fn begin(&mut self) -> Outcome<()>;

    /// Whether that has ended, with everything acknowledged. Asked once the right side looks done.
    fn is_over(&mut self) -> Outcome<bool>;

    /// What both sides took since their start: left, right.
    fn used(&self) -> (Used, Used);

    /// Kill -9.
    fn kill_right(&mut self) -> Outcome<()>;

    /// Starts it again, and runs what has to be run.
    fn start_right(&mut self) -> Outcome<()>;

    /// Ends the left side and starts it again, from the moment that is handed back; done when it
    /// answers.
    fn restart_left(&mut self) -> Outcome<Instant>;

    /// Whether the left side has looked at so many files since its start.
    fn has_scanned(&mut self, files: usize) -> Outcome<bool>;

    /// Ends the right side for good, where the left side is measured alone.
    fn without_right(&mut self) -> Outcome<()>;
}

/// The folders of one pair and the wire between them. Removed when dropped.
pub(crate) struct Ground {
    folder: TempDir,
    pub(crate) wire: Wire,
}

impl Ground {
    fn new(folder: &Path) -> Outcome<Self> {
        let folder = tempfile::Builder::new().prefix("skep-bench-").tempdir_in(folder)?;
        for name in ["left", "right", "making"] {
            fs::create_dir(folder.path().join(name))?;
        }
        Ok(Self { folder, wire: Wire::default() })
    }

    /// Where changes are made.
    pub(crate) fn left(&self) -> PathBuf {
        self.folder.path().join("left")
    }

    /// Where they shall arrive.
    pub(crate) fn right(&self) -> PathBuf {
        self.folder.path().join("right")
    }

    /// On the same disk, seen by nobody: what is made here is moved into its place at once.
    pub(crate) fn making(&self) -> PathBuf {
        self.folder.path().join("making")
    }

    /// For what an end keeps for itself.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
