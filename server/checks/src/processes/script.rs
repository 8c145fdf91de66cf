//! Random people who write, rename, move and remove, and a ledger of all that they saved.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::rngs::StdRng;

use super::print_of;

/// What random people did, kept apart from the hives that are examined.
#[derive(Debug, Default)]
pub struct Script {
    /// Every content that anybody ever saved.
    pub saved: BTreeSet<String>,
    /// What was done, in words.
    pub tale: Vec<String>,
    count: u32,
}

impl Script {
    /// Somebody does one thing in their folder. A save is whole: it appears at once, by a rename.
    ///
    /// # Panics
    /// If the folder's disk refuses.
    pub fn step(&mut self, chance: &mut StdRng, who: &str, root: &Path) {
        let (files, folders) = under(root);
        let any_folder = |chance: &mut StdRng| match chance.random_range(0..=folders.len()) {
            0 => root.to_owned(),
            at => folders[at - 1].clone(),
        };
        let any_file = |chance: &mut StdRng| files.get(chance.random_range(0..files.len().max(1)));
        let done = match chance.random_range(0..10) {
            0..3 => {
                let name = format!("{}.bin", chance.random_range(0..8));
                self.save(who, root, &any_folder(chance).join(name))
            }
            3..6 => any_file(chance).and_then(|path| self.save(who, root, path)),
            6 => any_file(chance).and_then(|path| {
                let to = any_folder(chance).join(format!("{}.bin", chance.random_range(0..8)));
                // A person is asked before one file takes another's place.
                let is_free = !to.exists();
                is_free.then(|| fs::rename(path, &to)).and_then(Result::ok)?;
                Some(format!("moves {} to {}", path.display(), to.display()))
            }),
            7 => any_file(chance).and_then(|path| {
                fs::remove_file(path).ok()?;
                Some(format!("removes {}", path.display()))
            }),
            8 => {
                let made = any_folder(chance).join(format!("folder {}", chance.random_range(0..4)));
                fs::create_dir(&made).ok().map(|()| format!("makes {}", made.display()))
            }
            _ => folders.get(chance.random_range(0..folders.len().max(1))).and_then(|path| {
                let to = path.with_file_name(format!("folder {}", chance.random_range(0..4)));
                let is_free = !to.exists();
                is_free.then(|| fs::rename(path, &to)).and_then(Result::ok)?;
                Some(format!("renames {} to {}", path.display(), to.display()))
            }),
        };
        let done = done.unwrap_or_else(|| "finds nothing to do".to_owned());
        self.tale.push(format!("{who} {}", done.replace(&format!("{}/", root.display()), "")));
    }

    fn save(&mut self, who: &str, root: &Path, path: &Path) -> Option<String> {
        self.count += 1;
        // No text, so that nothing merges and each content is one that somebody saved.
        let content = format!("\0{who} {}", self.count).repeat(40);
        let part = root.with_extension("part");
        fs::write(&part, &content).expect("the disk must take it");
        fs::rename(&part, path).ok()?;
        self.saved.insert(print_of(content.as_bytes()));
        Some(format!("saves {} as {}", self.count, path.display()))
    }
}

fn under(root: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_own = entry.file_name().to_string_lossy().starts_with(".skep-");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !is_own => {
                    folders.push(entry.path());
                    waiting.push(entry.path());
                }
                Ok(kind) if kind.is_file() && !is_own => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    folders.sort();
    (files, folders)
}
