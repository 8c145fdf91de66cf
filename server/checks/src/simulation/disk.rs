//! A disk that forgets at a crash what was not synced: of what was done since, only a beginning is
//! left, and files that were being written may be empty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tree::What;
use types::Hash;

use super::chance::Chance;

/// Which thing it is, whatever its name: what an inode number is to a real disk.
pub(super) type Ino = u64;

pub(super) const ROOT: Ino = 0;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Thing {
    Folder(BTreeMap<String, Ino>),
    File { bytes: Arc<[u8]>, modified_ns: i64, executable: bool },
    Link(String),
}

type Things = BTreeMap<Ino, Thing>;

#[derive(Debug)]
pub(super) struct Disk {
    things: Things,
    next: Ino,
    /// What was there at the last sync and after each change since.
    since_sync: Vec<Things>,
    /// Files that were written since and not synced by themselves.
    dirty: BTreeSet<Ino>,
}

impl Disk {
    pub(super) fn new() -> Self {
        let things = BTreeMap::from([(ROOT, Thing::Folder(BTreeMap::new()))]);
        Self { since_sync: vec![things.clone()], things, next: 1, dirty: BTreeSet::new() }
    }

    pub(super) fn thing(&self, ino: Ino) -> Option<&Thing> {
        self.things.get(&ino)
    }

    pub(super) fn entries(&self, folder: Ino) -> Vec<(String, Ino)> {
        match self.things.get(&folder) {
            Some(Thing::Folder(entries)) => {
                entries.iter().map(|(name, ino)| (name.clone(), *ino)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn find(&self, folder: Ino, name: &str) -> Option<Ino> {
        match self.things.get(&folder) {
            Some(Thing::Folder(entries)) => entries.get(name).copied(),
            _ => None,
        }
    }

    pub(super) fn has(&self, ino: Ino) -> bool {
        self.things.contains_key(&ino)
    }

    /// Every folder, each once.
    pub(super) fn folders(&self) -> Vec<Ino> {
        let folders = self.things.iter().filter(|(_, thing)| matches!(thing, Thing::Folder(_)));
        folders.map(|(ino, _)| *ino).collect()
    }

    /// Whether `ino` is `folder` or stands somewhere in it.
    pub(super) fn is_within(&self, ino: Ino, folder: Ino) -> bool {
        ino == folder
            || self.entries(folder).into_iter().any(|(_, inner)| self.is_within(ino, inner))
    }

    pub(super) fn what(&self, ino: Ino) -> Option<What> {
        Some(match self.things.get(&ino)? {
            Thing::Folder(_) => What::Folder,
            Thing::Link(target) => What::Link { target: target.clone() },
            Thing::File { bytes, modified_ns, executable } => What::File {
                hash: Hash::of(bytes),
                size: bytes.len() as u64,
                modified_ns: *modified_ns,
                executable: *executable,
                attributes: Vec::new(),
            },
        })
    }

    /// Puts something new under a name; what had the name is gone.
    pub(super) fn put(&mut self, folder: Ino, name: &str, thing: Thing) -> Ino {
        let ino = self.next;
        self.next += 1;
        if matches!(thing, Thing::File { .. }) {
            self.dirty.insert(ino);
        }
        self.things.insert(ino, thing);
        self.set_name(folder, name, Some(ino));
        ino
    }

    /// Writes into a thing where it is.
    pub(super) fn change(&mut self, ino: Ino, thing: Thing) {
        self.dirty.insert(ino);
        self.things.insert(ino, thing);
        self.since_sync.push(self.things.clone());
    }

    /// Renames; what had the new name is gone.
    pub(super) fn rename(&mut self, from: (Ino, &str), to: (Ino, &str)) {
        let Some(ino) = self.find(from.0, from.1) else { return };
        if from == to {
            return;
        }
        if let Some(Thing::Folder(entries)) = self.things.get_mut(&from.0) {
            entries.remove(from.1);
        }
        self.set_name(to.0, to.1, Some(ino));
    }

    pub(super) fn remove(&mut self, folder: Ino, name: &str) {
        self.set_name(folder, name, None);
    }

    /// A file's content is safe from now on; its name may not be.
    pub(super) fn sync_file(&mut self, ino: Ino) {
        self.dirty.remove(&ino);
    }

    pub(super) fn sync(&mut self) {
        self.since_sync = vec![self.things.clone()];
        self.dirty.clear();
    }

    pub(super) fn crash(&mut self, chance: &mut Chance) {
        let left = chance.below(self.since_sync.len());
        self.things = self.since_sync.swap_remove(left);
        for ino in std::mem::take(&mut self.dirty) {
            let torn = chance.once_in(2);
            if let Some(Thing::File { bytes, .. }) = self.things.get_mut(&ino)
                && torn
            {
                *bytes = Arc::from([].as_slice());
            }
        }
        self.sync();
    }

    fn set_name(&mut self, folder: Ino, name: &str, ino: Option<Ino>) {
        let Some(Thing::Folder(entries)) = self.things.get_mut(&folder) else { return };
        let old = match ino {
            Some(ino) => entries.insert(name.to_owned(), ino),
            None => entries.remove(name),
        };
        if let Some(old) = old {
            self.forget(old);
        }
        self.since_sync.push(self.things.clone());
    }

    fn forget(&mut self, ino: Ino) {
        if let Some(Thing::Folder(entries)) = self.things.remove(&ino) {
            for inner in entries.into_values() {
                self.forget(inner);
            }
        }
    }
}
