//! A small disk of its own, which can be full, and whose power can be cut.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::ioctl::{Opcode, Setter, opcode};
use tempfile::TempDir;

use super::{PATIENCE, note};

/// `EXT4_IOC_SHUTDOWN`; the same number on XFS.
const SHUTDOWN: Opcode = opcode::read::<u32>(b'X', 125);
/// What is not in the journal yet is lost, as when the current fails.
const WITHOUT_THE_LOG: u32 = 2;

/// A mounted disk, unmounted when it is dropped.
pub struct Disk {
    own: TempDir,
    is_mounted: bool,
}

impl Disk {
    /// A disk in memory, of this size. `None`, with a word why, where none can be mounted.
    ///
    /// # Panics
    /// If there is no room for its folder.
    pub fn in_memory(bytes: u64) -> Option<Self> {
        let mut disk = Self::unmounted()?;
        let size = format!("size={bytes}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.folder());
        disk.is_mounted = works(&mut mount);
        disk.is_mounted.then_some(disk)
    }

    /// A disk with a journal, whose power can be cut. `None`, with a word why, where there is none.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn with_power(bytes: u64) -> Option<Self> {
        let mut disk = Self::unmounted()?;
        let image = fs::File::create(disk.image()).expect("an image must be made");
        image.set_len(bytes).expect("an image must be made");
        let mut make = Command::new("mkfs.ext4");
        make.args(["-q", "-F", "-E", "lazy_itable_init=0"]).arg(disk.image());
        if !works(&mut make) || !disk.mount() {
            return None;
        }
        // The root of the new file system is not lost with the first cut.
        rustix::fs::sync();
        Some(disk)
    }

    fn unmounted() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            note("not tested: only root can mount a disk");
            return None;
        }
        let own = tempfile::tempdir().expect("a folder must be made");
        fs::create_dir(own.path().join("disk")).expect("a folder must be made");
        Some(Self { own, is_mounted: false })
    }

    pub fn folder(&self) -> PathBuf {
        self.own.path().join("disk")
    }

    /// The file that stands for the disk itself.
    pub fn image(&self) -> PathBuf {
        self.own.path().join("image")
    }

    fn mount(&mut self) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(self.image()).arg(self.folder());
        self.is_mounted = works(&mut mount);
        self.is_mounted
    }

    /// Cuts the power: from now on nothing reaches the disk. `false` where that cannot be done.
    ///
    /// # Panics
    /// If the disk is gone.
    #[expect(unsafe_code, reason = "this one call to the kernel has no safe wrapping")]
    pub fn cut(&self) -> bool {
        let root = fs::File::open(self.folder()).expect("the disk must be there");
        // SAFETY: the call reads one number of four bytes, as its opcode says.
        let done = unsafe {
            let call = Setter::<SHUTDOWN, u32>::new(WITHOUT_THE_LOG);
            rustix::ioctl::ioctl(&root, call)
        };
        if let Err(error) = done {
            note(&format!("not tested: the power of this disk cannot be cut: {error}"));
        }
        done.is_ok()
    }

    /// Brings the power back: unmounts and mounts again. Nothing may have a file open any more.
    ///
    /// # Panics
    /// If the disk does not come back.
    pub fn power_on(&mut self) {
        let since = Instant::now();
        while !is_done(Command::new("umount").arg(self.folder())) {
            assert!(since.elapsed() < PATIENCE, "the disk stays busy");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.is_mounted = false;
        assert!(self.mount(), "the disk must come back");
    }

    /// Gives a disk in memory another size.
    ///
    /// # Panics
    /// If that cannot be done.
    pub fn resize(&self, bytes: u64) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={bytes}")]).arg(self.folder());
        assert!(works(&mut mount), "the disk must get another size");
    }

    /// How many bytes are free.
    ///
    /// # Panics
    /// If the disk is gone.
    pub fn free(&self) -> u64 {
        let facts = rustix::fs::statvfs(self.folder()).expect("the disk must be there");
        facts.f_bavail * facts.f_frsize
    }

    /// Takes all room but a little.
    ///
    /// # Panics
    /// If it is full of ballast already.
    pub fn fill(&self) {
        let ballast = fs::File::create_new(self.ballast());
        let mut ballast = ballast.expect("there must be no ballast yet");
        for size in [65_536, 4_096, 512, 1] {
            let block = vec![b'x'; size];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    /// # Panics
    /// If [`Disk::fill`] was not called.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("there must be ballast");
    }

    fn ballast(&self) -> PathBuf {
        self.folder().join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted && !is_done(Command::new("umount").arg("-l").arg(self.folder())) {
            note(&format!("{} stays mounted", self.folder().display()));
        }
    }
}

/// Runs it, and says why it is not tested where that does not work.
fn works(command: &mut Command) -> bool {
    match command.output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            note(&format!("not tested: {}: {why}", name(command)));
            false
        }
        Err(error) => {
            note(&format!("not tested: {}: {error}", name(command)));
            false
        }
    }
}

fn is_done(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn name(command: &Command) -> String {
    Path::new(command.get_program()).display().to_string()
}
