//! One hive: it looks at its disk, keeps what it finds, and brings its disk in step. How it
//! executes a step is how every hive must.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tree::{Held, Ledger, Seen, Step, What, root_of};
use types::{FileId, Hash, HiveId, Name, ShareId, Signature, Signer};

use super::chance::Chance;
use super::disk::{Disk, Ino, ROOT, Thing};
use super::memory::Memory;
use super::tale::{Tale, short};
use super::world::{Image, image};

/// Signs by hashing, which is enough to see who did not sign.
pub(super) struct Seal(pub(super) HiveId);

impl Signer for Seal {
    fn hive(&self) -> HiveId {
        self.0
    }

    fn sign(&self, message: &[u8]) -> Signature {
        seal(self.0, message)
    }
}

pub(super) fn seal(hive: HiveId, message: &[u8]) -> Signature {
    let hash = Hash::of(&[hive.as_bytes().as_slice(), message].concat());
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(hash.as_bytes());
    Signature::from_bytes(bytes)
}

pub(super) struct Hive {
    pub(super) number: usize,
    pub(super) memory: Memory,
    pub(super) disk: Disk,
    pub(super) signer: Seal,
    /// Every content that it has: found on its disk, or fetched.
    pub(super) history: BTreeMap<Hash, Arc<[u8]>>,
    /// Which thing on disk each held node is.
    rows: BTreeMap<FileId, Ino>,
    pub(super) may_change: bool,
    /// The names in the share's root that are wanted here; `None`: all.
    pub(super) chosen: Option<BTreeSet<String>>,
    pub(super) caution: Caution,
}

/// What something missing means to a hive that was restored from a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caution {
    /// It was removed: nothing was restored, or its person said so.
    None,
    /// Nothing, until its person says so.
    Waits,
    /// Its person wants it back.
    BringsBack,
}

/// What a copy of a hive's data folder holds.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    memory: Memory,
    rows: BTreeMap<FileId, Ino>,
    saved: BTreeSet<Hash>,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    Done,
    /// The disk is not as it is held: it must be looked at first.
    Stale,
    /// Nothing to do, or something is missing.
    Not,
    Crashed,
}

pub(super) type Fetch<'a> = dyn Fn(Hash) -> Option<Arc<[u8]>> + 'a;

impl Hive {
    pub(super) fn new(number: usize, share: ShareId, may_change: bool) -> Self {
        let id = HiveId::from_bytes([u8::try_from(number + 1).unwrap_or(255); 32]);
        Self {
            number,
            memory: Memory::new(share, id, may_change),
            disk: Disk::new(),
            signer: Seal(id),
            history: BTreeMap::new(),
            rows: BTreeMap::new(),
            may_change,
            chosen: None,
            caution: Caution::None,
        }
    }

    /// From now on what is changed here counts, or nothing of it.
    pub(super) const fn may_change(&mut self, may_change: bool) {
        self.may_change = may_change;
        self.memory.set_may_change(may_change);
    }

    pub(super) fn copy(&self, tale: &Tale) -> Copy {
        Copy { memory: self.memory.clone(), rows: self.rows.clone(), saved: tale.so_far() }
    }

    /// The data folder is as it was; the shared folder is not.
    pub(super) fn restore(&mut self, copy: Copy, chance: &mut Chance, tale: &mut Tale) {
        let number = self.number;
        tale.tell(|| format!("hive {number} is restored from a copy"));
        self.memory = copy.memory;
        self.memory.set_may_change(self.may_change);
        self.memory.skip(1 + chance.below(1 << 16) as u64);
        self.rows = copy.rows;
        self.caution = Caution::Waits;
        // Of what was done since, only the disk knows.
        tale.forgets(number);
        tale.excuse(number, &copy.saved);
        for folder in self.disk.folders() {
            for (_, ino) in self.disk.entries(folder) {
                let hash = self.disk.what(ino).and_then(|what| what.hash());
                hash.into_iter().for_each(|hash| tale.is_common(hash));
            }
        }
    }

    /// Whether a node is wanted on this disk.
    pub(super) fn wants(&self, id: FileId) -> bool {
        let Some(chosen) = &self.chosen else { return true };
        let root = root_of(self.memory.share());
        let mut at = id;
        for _ in 0..1_000 {
            let Some(node) = self.memory.nodes().get(&at) else { return false };
            if node.place.parent == root {
                return chosen.contains(node.place.name.as_str());
            }
            at = node.place.parent;
        }
        false
    }

    /// Looks at the whole disk and takes in what it finds. What is told to friends is safe first:
    /// otherwise a power cut would look as if a person had undone it.
    pub(super) fn look(&mut self, chance: &mut Chance, tale: &mut Tale) -> bool {
        self.disk.sync();
        let mut look = Look { hive: self, found: Vec::new(), ids: BTreeSet::new() };
        let root = root_of(look.hive.memory.share());
        look.folder(root, ROOT, chance);
        let Look { mut found, ids, .. } = look;
        let all: Vec<FileId> = self.memory.all_held().keys().copied().collect();
        for id in all.into_iter().filter(|id| !ids.contains(id)) {
            found.push(Seen::Gone { id });
        }
        self.overlook(&mut found);
        if found.is_empty() {
            return false;
        }
        chance.shuffle(&mut found);
        for seen in found.iter().filter(|_| self.may_change) {
            self.note(seen, tale);
        }
        let Ok(changed) = tree::observe(&mut self.memory, &self.signer, found);
        let held = self.memory.all_held();
        self.rows.retain(|id, _| held.contains_key(id));
        changed
    }

    /// After a restore nothing that is missing was removed. What others took the place of comes
    /// back at once.
    fn overlook(&mut self, found: &mut Vec<Seen>) {
        if self.caution == Caution::None {
            return;
        }
        let taken = |held: &Held| {
            found.iter().any(|seen| match seen {
                Seen::Stands { parent, name, .. } => *parent == held.parent && *name == held.name,
                Seen::Gone { .. } => false,
            })
        };
        let back: Vec<FileId> = found
            .iter()
            .filter_map(|seen| match seen {
                Seen::Gone { id } => Some(*id),
                Seen::Stands { .. } => None,
            })
            .filter(|id| {
                let held = self.memory.all_held().get(id);
                self.caution == Caution::BringsBack || held.is_some_and(taken)
            })
            .collect();
        for id in back {
            let Ok(()) = self.memory.set_held(id, None);
            let lives = self.memory.nodes().get(&id).is_some_and(tree::is_alive);
            let Ok(()) = self.memory.set_out_of_step(id, lives);
        }
        found.retain(|seen| matches!(seen, Seen::Stands { .. }));
        if self.caution == Caution::BringsBack {
            self.caution = Caution::None;
        }
    }

    fn note(&self, seen: &Seen, tale: &mut Tale) {
        let number = self.number;
        tale.tell(|| format!("hive {number} sees {seen:?}"));
        let (Seen::Stands { id, .. } | Seen::Gone { id }) = seen;
        let Ok(held) = self.memory.held(*id);
        let Ok(node) = self.memory.node(*id);
        let base = held.as_ref().and_then(|held| held.what.hash());
        match seen {
            Seen::Gone { .. } => {
                // A step of the hive itself before a crash is no person's removal.
                if let Some(base) = base.filter(|_| node.is_some_and(|node| tree::is_alive(&node)))
                {
                    tale.removed(number, base);
                }
            }
            Seen::Stands { what, .. } => {
                let Some(hash) = what.hash() else { return };
                let versions = node.iter().flat_map(|node| &node.versions);
                let mut versions = versions.map(|version| &version.what);
                if versions.any(|known| known == what) {
                    return;
                }
                if base == Some(hash) {
                    tale.is_common(hash);
                } else {
                    tale.saved(number, hash, base);
                }
            }
        }
    }

    /// Takes one step for one node that is out of step.
    pub(super) fn step(
        &mut self,
        id: FileId,
        fetch: &Fetch<'_>,
        chance: &mut Chance,
        tale: &mut Tale,
        crashes: bool,
    ) -> Result<Went, String> {
        let Ok((id, step)) = tree::first_step(&self.memory, id, &|id| self.wants(id));
        let number = self.number;
        let went = self.execute(id, &step, fetch, tale)?;
        if went != Went::Not {
            tale.tell(|| format!("hive {number}: {id:?} {step:?}: {went:?}"));
        }
        if went != Went::Done || matches!(step, Step::Merge { .. }) {
            return Ok(went);
        }
        if crashes && chance.once_in(60) {
            return Ok(self.crash(chance, tale));
        }
        self.disk.sync();
        if crashes && chance.once_in(60) {
            return Ok(self.crash(chance, tale));
        }
        self.did(id, &step);
        Ok(Went::Done)
    }

    pub(super) fn crash(&mut self, chance: &mut Chance, tale: &mut Tale) -> Went {
        let number = self.number;
        tale.tell(|| format!("hive {number} crashes"));
        self.disk.crash(chance);
        Went::Crashed
    }

    fn did(&mut self, id: FileId, step: &Step) {
        match step {
            Step::MakeFolder { parent, name, .. } | Step::Write { parent, name, .. } => {
                if let Some(ino) =
                    self.on_disk(*parent).and_then(|at| self.disk.find(at, name.as_str()))
                {
                    self.rows.insert(id, ino);
                }
            }
            Step::Remove { .. } => {
                self.rows.remove(&id);
            }
            Step::Become { successor } => {
                if let Some(ino) = self.rows.remove(&id) {
                    self.rows.insert(*successor, ino);
                }
            }
            _ => {}
        }
        let Ok(()) = tree::did(&mut self.memory, id, step);
    }

    fn execute(
        &mut self,
        id: FileId,
        step: &Step,
        fetch: &Fetch<'_>,
        tale: &mut Tale,
    ) -> Result<Went, String> {
        match step {
            Step::Nothing | Step::After(_) => Ok(Went::Not),
            Step::Become { .. } => Ok(Went::Done),
            Step::MakeFolder { parent, name, .. } => {
                let Some(folder) = self.on_disk(*parent) else { return Ok(Went::Stale) };
                self.make_room(folder, name);
                if self.disk.find(folder, name.as_str()).is_some() {
                    return Ok(Went::Stale);
                }
                self.disk.put(folder, name.as_str(), Thing::Folder(BTreeMap::new()));
                Ok(Went::Done)
            }
            Step::Move { from, to } => Ok(self.rename(id, from, to)),
            Step::StepAside { from, name } => Ok(self.rename(id, from, &(from.0, name.clone()))),
            Step::Write { parent, name, what, instead_of, .. } => {
                self.write((*parent, name), what, instead_of.as_ref(), fetch, tale)
            }
            Step::Remove { held } => self.remove(held),
            Step::Merge { base, first, second } => {
                Ok(self.merge(id, [*base, *first, *second], fetch, tale))
            }
        }
    }

    fn rename(&mut self, id: FileId, from: &(FileId, Name), to: &(FileId, Name)) -> Went {
        let (Some(old), Some(new)) = (self.on_disk(from.0), self.on_disk(to.0)) else {
            return Went::Stale;
        };
        let Some(ino) = self.disk.find(old, from.1.as_str()) else { return Went::Stale };
        let is_it = self.rows.get(&id) == Some(&ino);
        if is_it {
            self.make_room(new, &to.1);
        }
        if !is_it || self.disk.find(new, to.1.as_str()).is_some() || self.disk.is_within(new, ino) {
            return Went::Stale;
        }
        self.disk.rename((old, from.1.as_str()), (new, to.1.as_str()));
        Went::Done
    }

    /// Where nothing that stands on the disk becomes a record, what is in the way of the share
    /// gets another name.
    fn make_room(&mut self, folder: Ino, name: &Name) {
        let Some(ino) = self.disk.find(folder, name.as_str()).filter(|_| !self.may_change) else {
            return;
        };
        let free = |number: &u32| self.disk.find(folder, &format!("{name} own {number}")).is_none();
        if !self.rows.values().any(|row| *row == ino)
            && let Some(number) = (1..).find(free)
        {
            let aside = format!("{name} own {number}");
            self.disk.rename((folder, name.as_str()), (folder, &aside));
        }
    }

    /// The disk without what only this hive knows of.
    pub(super) fn image(&self) -> Image {
        let ours: BTreeSet<Ino> = self.rows.values().copied().collect();
        image(&self.disk, &|ino| self.may_change || ours.contains(&ino))
    }

    fn write(
        &mut self,
        (parent, name): (FileId, &Name),
        what: &What,
        instead_of: Option<&Held>,
        fetch: &Fetch<'_>,
        tale: &mut Tale,
    ) -> Result<Went, String> {
        let thing = match what {
            What::Folder => return Err("a folder was to be written".to_owned()),
            What::Link { target } => Thing::Link(target.clone()),
            What::File { hash, modified_ns, executable, .. } => {
                let Some(bytes) = self.content(*hash, fetch) else { return Ok(Went::Not) };
                Thing::File { bytes, modified_ns: *modified_ns, executable: *executable }
            }
        };
        let Some(folder) = self.on_disk(parent) else { return Ok(Went::Stale) };
        if instead_of.is_none() {
            self.make_room(folder, name);
        }
        let there = self.disk.find(folder, name.as_str()).and_then(|ino| self.disk.what(ino));
        if there.as_ref() != instead_of.map(|held| &held.what) {
            return Ok(Went::Stale);
        }
        self.is_kept(there.as_ref())?;
        if let Some(hash) = what.hash()
            && there.and_then(|there| there.hash()) != Some(hash)
        {
            tale.may_write(self.number, hash)?;
        }
        let ino = self.disk.put(folder, name.as_str(), thing);
        self.disk.sync_file(ino);
        Ok(Went::Done)
    }

    fn remove(&mut self, held: &Held) -> Result<Went, String> {
        let Some(folder) = self.on_disk(held.parent) else { return Ok(Went::Stale) };
        let Some(ino) = self.disk.find(folder, held.name.as_str()) else { return Ok(Went::Stale) };
        let there = self.disk.what(ino);
        if there.as_ref() != Some(&held.what) {
            return Ok(Went::Stale);
        }
        let inside = self.disk.entries(ino);
        if !inside.is_empty() {
            let own = inside.iter().all(|(_, ino)| !self.rows.values().any(|row| row == ino));
            // It stays for what only this hive knows of, as nothing that others know of either.
            return Ok(if own && !self.may_change { Went::Done } else { Went::Stale });
        }
        self.is_kept(there.as_ref())?;
        self.disk.remove(folder, held.name.as_str());
        Ok(Went::Done)
    }

    /// What is about to leave the disk must be in the history.
    fn is_kept(&self, what: Option<&What>) -> Result<(), String> {
        match what.and_then(What::hash) {
            Some(hash) if !self.history.contains_key(&hash) => {
                Err(format!("hive {} would lose {}", self.number, short(hash)))
            }
            _ => Ok(()),
        }
    }

    fn merge(&mut self, id: FileId, texts: [Hash; 3], fetch: &Fetch<'_>, tale: &mut Tale) -> Went {
        let contents = texts.map(|hash| self.content(hash, fetch));
        let [Some(base), Some(one), Some(two)] = contents else { return Went::Not };
        let [_, first, second] = texts;
        let Some(bytes) = tree::merge_text(&base, &one, &two) else {
            let Ok(()) = tree::stay_apart(&mut self.memory, id, first, second);
            return Went::Done;
        };
        let hash = Hash::of(&bytes);
        let size = bytes.len() as u64;
        self.history.insert(hash, Arc::from(bytes));
        let sides = (first, second);
        let Ok(merged) = tree::merged(&mut self.memory, &self.signer, id, sides, (hash, size));
        if !merged {
            return Went::Not;
        }
        tale.grew(hash, &[first, second]);
        Went::Done
    }

    fn content(&mut self, hash: Hash, fetch: &Fetch<'_>) -> Option<Arc<[u8]>> {
        if let Some(bytes) = self.history.get(&hash) {
            return Some(Arc::clone(bytes));
        }
        let bytes = fetch(hash)?;
        self.history.insert(hash, Arc::clone(&bytes));
        Some(bytes)
    }

    /// Where a held folder is on disk, if every folder on the way is where it is held.
    fn on_disk(&self, id: FileId) -> Option<Ino> {
        if id == root_of(self.memory.share()) {
            return Some(ROOT);
        }
        let held = self.memory.all_held().get(&id)?;
        let ino = self.disk.find(self.on_disk(held.parent)?, held.name.as_str())?;
        let is_folder = matches!(self.disk.thing(ino), Some(Thing::Folder(_)));
        (is_folder && self.rows.get(&id) == Some(&ino)).then_some(ino)
    }
}

/// One look at the disk.
struct Look<'a> {
    hive: &'a mut Hive,
    found: Vec<Seen>,
    ids: BTreeSet<FileId>,
}

impl Look<'_> {
    fn folder(&mut self, folder: FileId, ino: Ino, chance: &mut Chance) {
        for (name, ino) in self.hive.disk.entries(ino) {
            let (Ok(name), Some(what)) = (Name::new(&name), self.hive.disk.what(ino)) else {
                continue;
            };
            if let Some(Thing::File { bytes, .. }) = self.hive.disk.thing(ino)
                && let Some(hash) = what.hash()
            {
                self.hive.history.entry(hash).or_insert_with(|| Arc::clone(bytes));
            }
            let id = self.id_of(folder, &name, &what, ino, chance);
            self.ids.insert(id);
            self.hive.rows.insert(id, ino);
            let Ok(held) = self.hive.memory.held(id);
            let same = held.is_some_and(|held| {
                held.parent == folder && held.name == name && held.what == what
            });
            if !same {
                let is_folder = what.is_folder();
                self.found.push(Seen::Stands { id, parent: folder, name, what, by: None });
                if !is_folder {
                    continue;
                }
            } else if !what.is_folder() {
                continue;
            }
            self.folder(id, ino, chance);
        }
    }

    /// A thing keeps its id where it goes; a name keeps its id when a program saves by putting a
    /// new thing in its place.
    fn id_of(
        &self,
        folder: FileId,
        name: &Name,
        what: &What,
        ino: Ino,
        chance: &mut Chance,
    ) -> FileId {
        let hive = &self.hive;
        let fits = |id: FileId| {
            let Ok(held) = hive.memory.held(id);
            let same_kind = |held: Held| kind(&held.what) == kind(what);
            !self.ids.contains(&id) && held.is_some_and(same_kind)
        };
        let by_ino = hive.rows.iter().find(|(_, row)| **row == ino).map(|(id, _)| *id);
        if let Some(id) = by_ino.filter(|id| fits(*id)) {
            return id;
        }
        let Ok(at) = hive.memory.held_at(folder, name);
        let replaced =
            |id: &FileId| fits(*id) && hive.rows.get(id).is_none_or(|old| !hive.disk.has(*old));
        if let Some(id) = at.into_iter().find(replaced) {
            return id;
        }
        let Ok(known) = tree::known_as(&hive.memory, folder, name, what);
        let known = known.filter(|id| !self.ids.contains(id));
        known.unwrap_or_else(|| FileId::from_bytes(chance.bytes()))
    }
}

pub(super) const fn kind(what: &What) -> u8 {
    match what {
        What::Folder => 0,
        What::File { .. } => 1,
        What::Link { .. } => 2,
    }
}
