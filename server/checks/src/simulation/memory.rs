//! The nodes of one share in memory: what the database is to a real hive. It survives crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use tree::{Held, Ledger, Node, is_alive};
use types::{FileId, Hash, HiveId, Name, ShareId, Tick, Time};

type Places = BTreeMap<FileId, BTreeSet<(Name, FileId)>>;

#[derive(Debug, Clone)]
pub(super) struct Memory {
    share: ShareId,
    hive: HiveId,
    may_change: bool,
    count: u64,
    nodes: BTreeMap<FileId, Node>,
    /// Where the living nodes stand.
    places: Places,
    seqs: BTreeMap<FileId, u64>,
    log: BTreeMap<u64, FileId>,
    position: u64,
    held: BTreeMap<FileId, Held>,
    held_places: Places,
    out_of_step: BTreeSet<FileId>,
    unmended: BTreeSet<FileId>,
    apart: BTreeSet<(FileId, Hash, Hash)>,
}

impl Memory {
    pub(super) const fn new(share: ShareId, hive: HiveId, may_change: bool) -> Self {
        Self {
            share,
            hive,
            may_change,
            count: 0,
            nodes: BTreeMap::new(),
            places: BTreeMap::new(),
            seqs: BTreeMap::new(),
            log: BTreeMap::new(),
            position: 0,
            held: BTreeMap::new(),
            held_places: BTreeMap::new(),
            out_of_step: BTreeSet::new(),
            unmended: BTreeSet::new(),
            apart: BTreeSet::new(),
        }
    }

    pub(super) const fn set_may_change(&mut self, may_change: bool) {
        self.may_change = may_change;
    }

    /// As after a restore from a copy: no count that was given since is given again.
    pub(super) const fn skip(&mut self, lives: u64) {
        self.count += lives * tree::COUNTS_OF_LIFE;
    }

    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// The newest states after a position, each with its own.
    pub(super) fn since(&self, position: u64) -> Vec<(u64, Node)> {
        let after = self.log.range(position + 1..);
        after.filter_map(|(seq, id)| Some((*seq, self.nodes.get(id)?.clone()))).collect()
    }

    pub(super) const fn nodes(&self) -> &BTreeMap<FileId, Node> {
        &self.nodes
    }

    pub(super) const fn all_held(&self) -> &BTreeMap<FileId, Held> {
        &self.held
    }

    pub(super) fn pending(&self) -> Vec<FileId> {
        self.out_of_step.iter().copied().collect()
    }

    pub(super) fn is_mended(&self) -> bool {
        self.unmended.is_empty()
    }
}

impl Ledger for Memory {
    type Error = Infallible;

    fn share(&self) -> ShareId {
        self.share
    }

    fn next_tick(&mut self) -> Result<Tick, Infallible> {
        self.count += 1;
        Ok(Tick { count: self.count, hive: self.hive })
    }

    fn saw_tick(&mut self, tick: Tick) -> Result<(), Infallible> {
        self.count = self.count.max(tick.count);
        Ok(())
    }

    /// A clock that no skipped counts set forward: how far ahead a count may be is the same to all.
    fn now(&self) -> Time {
        Time((self.count % tree::COUNTS_OF_LIFE).cast_signed())
    }

    fn may_change(&self) -> bool {
        self.may_change
    }

    fn node(&self, id: FileId) -> Result<Option<Node>, Infallible> {
        Ok(self.nodes.get(&id).cloned())
    }

    fn put(&mut self, node: &Node) -> Result<(), Infallible> {
        if let Some(old) = self.nodes.insert(node.id, node.clone())
            && let Some(folder) = self.places.get_mut(&old.place.parent)
        {
            folder.remove(&(old.place.name, old.id));
        }
        if is_alive(node) {
            let folder = self.places.entry(node.place.parent).or_default();
            folder.insert((node.place.name.clone(), node.id));
        }
        self.position += 1;
        if let Some(seq) = self.seqs.insert(node.id, self.position) {
            self.log.remove(&seq);
        }
        self.log.insert(self.position, node.id);
        Ok(())
    }

    fn forget(&mut self, id: FileId) -> Result<(), Infallible> {
        if let Some(old) = self.nodes.remove(&id)
            && let Some(folder) = self.places.get_mut(&old.place.parent)
        {
            folder.remove(&(old.place.name, id));
        }
        if let Some(seq) = self.seqs.remove(&id) {
            self.log.remove(&seq);
        }
        Ok(())
    }

    fn children(&self, parent: FileId) -> Result<Vec<FileId>, Infallible> {
        Ok(within(&self.places, parent))
    }

    fn at(&self, parent: FileId, name: &Name) -> Result<Vec<FileId>, Infallible> {
        Ok(named(&self.places, parent, name))
    }

    fn held(&self, id: FileId) -> Result<Option<Held>, Infallible> {
        Ok(self.held.get(&id).cloned())
    }

    fn set_held(&mut self, id: FileId, held: Option<&Held>) -> Result<(), Infallible> {
        let old = match held {
            Some(held) => {
                let folder = self.held_places.entry(held.parent).or_default();
                folder.insert((held.name.clone(), id));
                self.held.insert(id, held.clone())
            }
            None => self.held.remove(&id),
        };
        let moved = |old: &Held| {
            held.is_none_or(|held| (held.parent, &held.name) != (old.parent, &old.name))
        };
        if let Some(old) = old.filter(moved)
            && let Some(folder) = self.held_places.get_mut(&old.parent)
        {
            folder.remove(&(old.name, id));
        }
        Ok(())
    }

    fn held_in(&self, parent: FileId) -> Result<Vec<FileId>, Infallible> {
        Ok(within(&self.held_places, parent))
    }

    fn held_at(&self, parent: FileId, name: &Name) -> Result<Vec<FileId>, Infallible> {
        Ok(named(&self.held_places, parent, name))
    }

    fn set_out_of_step(&mut self, id: FileId, out_of_step: bool) -> Result<(), Infallible> {
        if out_of_step {
            self.out_of_step.insert(id);
        } else {
            self.out_of_step.remove(&id);
        }
        Ok(())
    }

    fn set_unmended(&mut self, id: FileId, unmended: bool) -> Result<(), Infallible> {
        if unmended {
            self.unmended.insert(id);
        } else {
            self.unmended.remove(&id);
        }
        Ok(())
    }

    fn unmended(&self) -> Result<Vec<FileId>, Infallible> {
        Ok(self.unmended.iter().copied().collect())
    }

    fn may_merge(&self, id: FileId, first: Hash, second: Hash) -> Result<bool, Infallible> {
        Ok(!self.apart.contains(&(id, first.min(second), first.max(second))))
    }

    fn keep_apart(&mut self, id: FileId, first: Hash, second: Hash) -> Result<(), Infallible> {
        self.apart.insert((id, first.min(second), first.max(second)));
        Ok(())
    }
}

fn within(places: &Places, parent: FileId) -> Vec<FileId> {
    places.get(&parent).into_iter().flatten().map(|(_, id)| *id).collect()
}

fn named(places: &Places, parent: FileId, name: &Name) -> Vec<FileId> {
    let Some(folder) = places.get(&parent) else { return Vec::new() };
    let smallest = (name.clone(), FileId::from_bytes([0; 16]));
    folder.range(smallest..).take_while(|(at, _)| at == name).map(|(_, id)| *id).collect()
}
