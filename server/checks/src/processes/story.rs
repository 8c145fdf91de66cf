//! What one person does in a folder, round after round, so that every kind of change is met.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{Picture, print_of};

/// Contents of this size travel for themselves, and as differences when they change.
const LARGE_BYTES: usize = 200_000;

/// A folder's owner, and a ledger of all that they saved.
pub struct Story {
    root: PathBuf,
    /// Where a file is written before it is put in its place.
    part: PathBuf,
    pub saved: BTreeSet<String>,
    round: u32,
    large: Vec<u8>,
}

impl Story {
    /// Makes the folder's first contents.
    ///
    /// # Panics
    /// If the folder's disk refuses.
    pub fn begin(root: &Path) -> Self {
        Self::beside(root, root.with_extension("part"))
    }

    /// [`Story::begin`], with a file on the same disk and outside of the share.
    ///
    /// # Panics
    /// If the folder's disk refuses.
    pub fn beside(root: &Path, part: PathBuf) -> Self {
        let mut large = vec![0; LARGE_BYTES];
        StdRng::seed_from_u64(7).fill(&mut large[..]);
        let (root, saved) = (root.to_owned(), BTreeSet::new());
        let mut story = Self { root, part, saved, round: 0, large };
        story.save("renamed 0.bin", None);
        story.save("gone 0.bin", None);
        story.folder("moved 0/deep");
        for at in 0..3 {
            story.save(&format!("moved 0/deep/{at}.bin"), None);
        }
        story.folder("new 0");
        story
    }

    /// New files small and large, changed ones, a rename, removals, a moved folder, a link.
    ///
    /// # Panics
    /// If the folder's disk refuses.
    pub fn go_on(&mut self) {
        let before = self.round;
        self.round += 1;
        let now = self.round;
        self.save("changed.bin", None);
        let middle = LARGE_BYTES / 2;
        self.large[middle..middle + 4].copy_from_slice(&now.to_le_bytes());
        let large = self.large.clone();
        self.save("large.bin", Some(large));
        self.rename(&format!("renamed {before}.bin"), &format!("renamed {now}.bin"));
        self.rename(&format!("moved {before}"), &format!("moved {now}"));
        self.folder(&format!("new {now}"));
        for at in 0..5 {
            self.save(&format!("new {now}/{at}.bin"), None);
        }
        let mut other = self.large.clone();
        other.rotate_left(now as usize + 1);
        self.save(&format!("new {now}/large.bin"), Some(other));
        self.save(&format!("gone {now}.bin"), None);
        fs::remove_file(self.root.join(format!("gone {before}.bin"))).expect("removed");
        fs::remove_dir_all(self.root.join(format!("new {before}"))).expect("removed");
        let link = self.root.join(format!("link {now}"));
        std::os::unix::fs::symlink("changed.bin", link).expect("linked");
        drop(fs::remove_file(self.root.join(format!("link {before}"))));
    }

    /// Saves a file at once, as careful programs do: a rename puts it in its place.
    ///
    /// # Panics
    /// If the folder's disk refuses.
    pub fn save(&mut self, name: &str, content: Option<Vec<u8>>) {
        // No text, so that nothing merges and each content is one that somebody saved.
        let content = content
            .unwrap_or_else(|| format!("\0{name} in round {}\n", self.round).repeat(40).into());
        fs::write(&self.part, &content).expect("written");
        self.saved.insert(print_of(&content));
        fs::rename(&self.part, self.root.join(name)).expect("put in its place");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.root.join(from), self.root.join(to)).expect("renamed");
    }

    fn folder(&self, name: &str) {
        fs::create_dir_all(self.root.join(name)).expect("made");
    }

    /// What nobody saved stands under no name, nothing at all included.
    ///
    /// # Panics
    /// If a file is torn.
    pub fn is_whole(&self, folder: &Path, now: &str) {
        for (path, print) in Picture::of(folder).prints() {
            assert!(self.saved.contains(print), "{now}: {} is torn", path.display());
        }
    }
}

/// Half-written files of a hive, anywhere in a folder.
pub fn parts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if name.starts_with(".skep-t") {
            found.push(entry.path());
        } else if is_folder && !name.starts_with(".skep-") {
            found.extend(parts(&entry.path()));
        }
    }
    found
}
