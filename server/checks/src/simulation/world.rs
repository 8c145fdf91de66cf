//! One run: hives, people, disks and the network do anything in any order; then all is well again,
//! and everybody must have the same, with nothing lost and nothing back from the dead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tree::{is_alive, root_of, standing};
use types::{FileId, Hash, ShareId};

use super::chance::Chance;
use super::disk::{Disk, Ino, ROOT, Thing};
use super::forger::forged;
use super::hive::{Caution, Copy, Hive, Went};
use super::members::{Course, Odd};
use super::network::Network;
use super::people::{NAMES, act};
use super::tale::Tale;

const ROUNDS_MAX: usize = 80;

pub(super) struct World {
    pub(super) hives: Vec<Hive>,
    pub(super) network: Network,
    pub(super) chance: Chance,
    pub(super) tale: Tale,
    /// Whether disks follow records that are known by half.
    eager: bool,
    /// Copies of data folders, where any are ever made.
    copies: Option<Vec<Option<Copy>>>,
}

/// What stands on a disk: by path.
pub(super) type Image = BTreeMap<String, Option<tree::What>>;

/// Plays the run that a seed tells. The error says what was wrong; with `told`, everything that
/// happened as well.
pub fn run(seed: u64, told: bool) -> Result<(), String> {
    let mut chance = Chance::new(seed);
    let hives = 2 + chance.below(4);
    let careful = !chance.once_in(8);
    let one_looks_on = hives > 2 && chance.once_in(6);
    let mut world = World::new(hives, careful, one_looks_on, seed.is_multiple_of(8), chance, told);
    let plain = world.chance.once_in(2);
    if !plain {
        world.complicate();
    }
    let one_by_one = careful && plain && world.chance.once_in(3);
    let played = if one_by_one { world.one_by_one() } else { world.at_once() };
    let result = played.and_then(|()| world.settle()).and_then(|()| world.judge());
    result.map_err(|error| {
        let manner = if one_by_one { "one by one" } else { "at once" };
        let course = world.network.odd.as_ref().map(|odd| odd.course);
        let copied = world.copies.is_some();
        format!(
            "seed {seed} ({hives} hives, {manner}, careful {careful}, {course:?}, \
             copied {copied}): {error}\n{}",
            world.tale.lines()
        )
    })
}

impl World {
    pub(super) fn new(
        hives: usize,
        careful: bool,
        one_looks_on: bool,
        checks_seals: bool,
        chance: Chance,
        told: bool,
    ) -> Self {
        let share = ShareId::from_bytes([9; 16]);
        let may_change = |number| !one_looks_on || number + 1 < hives;
        Self {
            hives: (0..hives).map(|number| Hive::new(number, share, may_change(number))).collect(),
            network: Network::new(hives, careful, checks_seals),
            chance,
            tale: Tale::new(told, careful),
            eager: false,
            copies: None,
        }
    }

    /// Some things that do not happen every day.
    fn complicate(&mut self) {
        let count = self.hives.len();
        let all_edit = self.hives.iter().all(|hive| hive.may_change);
        if count > 2 && all_edit && self.chance.once_in(2) {
            self.network.odd = Odd::new(&self.hives, &mut self.chance);
        }
        self.eager = self.chance.once_in(3);
        if self.chance.once_in(3) {
            let names = (0..3).filter_map(|_| self.chance.pick(&NAMES));
            let names = names.map(|name| (*name).to_owned()).collect();
            self.hives[count - 1].chosen = Some(names);
        }
        if self.chance.once_in(3) {
            self.copies = Some(vec![None; count]);
        }
        let odd = self.network.odd.as_ref().map(|odd| (odd.number, odd.course));
        let harmless = matches!(odd, None | Some((_, Course::ForgesLookingOn)));
        if self.eager || self.copies.is_some() || !harmless {
            self.tale.expects_less();
        }
        if let Some((number, Course::ForgesLookingOn)) = odd {
            self.hives[number].may_change(false);
        }
    }

    /// Something out of the ordinary.
    fn happen(&mut self) {
        let number = self.chance.below(self.hives.len());
        if self.network.odd.is_some() && self.chance.once_in(40) {
            self.network.change_right(&mut self.hives, 0);
        }
        if let Some(odd) = &self.network.odd
            && odd.forges()
            && self.chance.once_in(10)
        {
            let from = odd.number;
            let others: Vec<_> = self.hives.iter().map(|hive| hive.signer.0).collect();
            let node = forged(&self.hives[from], &others, &mut self.chance);
            if let Some(node) = node.filter(|_| number != from) {
                self.tale.tell(|| format!("hive {from} forges for {number}: {node:?}"));
                self.network.slip(&mut self.hives, from, number, &node);
            }
        }
        let Some(copies) = &mut self.copies else { return };
        if self.chance.once_in(20) {
            copies[number] = Some(self.hives[number].copy(&self.tale));
        } else if self.chance.once_in(30)
            && let Some(copy) = copies[number].take()
        {
            self.hives[number].restore(copy, &mut self.chance, &mut self.tale);
            self.network.restore(&mut self.hives, number);
        }
    }

    #[cfg(test)]
    pub(super) fn look(&mut self, number: usize) {
        self.hives[number].look(&mut self.chance, &mut self.tale);
    }

    #[cfg(test)]
    pub(super) fn tell_all(&mut self, from: usize, to: usize) {
        let told = self.network.exchange(&mut self.hives, from, to, &mut self.tale);
        assert_eq!(told, Ok(true));
    }

    fn at_once(&mut self) -> Result<(), String> {
        for _ in 0..40 + self.chance.below(120) {
            self.happen();
            let hive = self.chance.below(self.hives.len());
            let other = self.chance.below(self.hives.len());
            match self.chance.below(100) {
                0..30 => self.person(hive, false),
                30..50 => {
                    self.hives[hive].look(&mut self.chance, &mut self.tale);
                }
                50..70 => {
                    let steps = self.chance.below(5);
                    self.work(hive, steps, true)?;
                }
                70..83 if hive != other => self.network.send(&self.hives, hive, other),
                83..95 => self.network.arrive(&mut self.hives, &mut self.chance, &mut self.tale)?,
                95 => {
                    self.hives[hive].crash(&mut self.chance, &mut self.tale);
                }
                96..98 => self.network.set_up(hive, other, false),
                98..100 => self.network.set_up(hive, other, true),
                _ => {}
            }
        }
        Ok(())
    }

    /// Everybody waits until all have what the one before did. Then what they did is all there is.
    fn one_by_one(&mut self) -> Result<(), String> {
        for _ in 0..5 + self.chance.below(15) {
            let hive = self.chance.below(self.hives.len());
            if !self.hives[hive].may_change {
                continue;
            }
            for _ in 0..=self.chance.below(3) {
                self.person(hive, true);
            }
            let meant = self.hives[hive].image();
            self.settle()?;
            for other in &self.hives {
                let found = other.image();
                if found != meant {
                    let number = other.number;
                    return Err(format!("hive {number} has {found:?}, meant was {meant:?}"));
                }
            }
        }
        Ok(())
    }

    fn person(&mut self, hive: usize, on_disk_only: bool) {
        let hive = &mut self.hives[hive];
        if hive.may_change {
            act(hive, &mut self.chance, &mut self.tale, on_disk_only);
        }
    }

    /// A hive brings its disk in step, by so many steps. Answers whether any was taken.
    pub(super) fn work(
        &mut self,
        number: usize,
        steps: usize,
        crashes: bool,
    ) -> Result<bool, String> {
        let mut taken = false;
        // What is known by half is not brought to the disk.
        if !self.eager && !self.hives[number].memory.is_mended() {
            return Ok(false);
        }
        for _ in 0..steps {
            let mut pending = self.hives[number].memory.pending();
            self.chance.shuffle(&mut pending);
            let mut went = Went::Not;
            for id in pending {
                went = self.step(number, id, crashes)?;
                if went != Went::Not {
                    break;
                }
            }
            match went {
                Went::Done => taken = true,
                Went::Stale => {
                    self.hives[number].look(&mut self.chance, &mut self.tale);
                }
                Went::Not => break,
                Went::Crashed => return Ok(taken),
            }
        }
        Ok(taken)
    }

    fn step(&mut self, number: usize, id: FileId, crashes: bool) -> Result<Went, String> {
        let Self { hives, network, chance, tale, .. } = self;
        let (before, rest) = hives.split_at_mut(number);
        let Some((hive, after)) = rest.split_first_mut() else { return Ok(Went::Not) };
        let fetch = |hash: Hash| {
            let others = before.iter().chain(&*after);
            let mut reached = others.filter(|other| network.is_up(number, other.number));
            reached.find_map(|other| other.history.get(&hash).map(Arc::clone))
        };
        hive.step(id, &fetch, chance, tale, crashes)
    }

    /// People rest, everything works, and after a while everybody has the same.
    pub(super) fn settle(&mut self) -> Result<(), String> {
        self.network.heal();
        for _ in 0..ROUNDS_MAX {
            let mut quiet = true;
            for number in 0..self.hives.len() {
                self.network.mend(&mut self.hives, number);
                quiet &= !self.hives[number].look(&mut self.chance, &mut self.tale);
                let stuck =
                    self.odd() == Some(number) || self.hives[number].caution == Caution::Waits;
                let steps = if stuck { 20 } else { 1_000 };
                quiet &= !self.work(number, steps, false)?;
            }
            for from in 0..self.hives.len() {
                for to in 0..self.hives.len() {
                    if from != to {
                        quiet &=
                            !self.network.exchange(&mut self.hives, from, to, &mut self.tale)?;
                    }
                }
            }
            if !quiet {
                continue;
            }
            let waits = self.hives.iter_mut().find(|hive| hive.caution == Caution::Waits);
            let Some(hive) = waits else { return Ok(()) };
            let back = self.chance.once_in(2);
            hive.caution = if back { Caution::BringsBack } else { Caution::None };
        }
        Err("the hives do not come to rest".to_owned())
    }

    /// The member who is not like the others, and whose hive need not be like theirs.
    fn odd(&self) -> Option<usize> {
        self.network.odd.as_ref().map(|odd| odd.number)
    }

    pub(super) fn judge(&mut self) -> Result<(), String> {
        let lies = self.network.odd.as_ref().is_some_and(|odd| odd.forges() && odd.ever_edits());
        if let Some(odd) = self.odd() {
            self.tale.excuse(odd, &BTreeSet::new());
        }
        let first = &self.hives[0];
        let records = self.recorded(lies)?;
        for hive in self.hives.iter().filter(|hive| Some(hive.number) != self.odd()) {
            let number = hive.number;
            if hive.memory.nodes() != first.memory.nodes() {
                let mut nodes = hive.memory.nodes().iter();
                let differs = nodes.find(|(id, node)| first.memory.nodes().get(id) != Some(node));
                return Err(format!("hives 0 and {number} know different things: {differs:?}"));
            }
            if !records.can_stand {
                continue;
            }
            let (found, expected) = (hive.image(), &records.image);
            let whole = hive.chosen.is_none();
            let top = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
            let chosen =
                |path: &str| hive.chosen.as_ref().is_none_or(|all| all.contains(&top(path)));
            let missing = expected.keys().any(|path| chosen(path) && !found.contains_key(path));
            if missing || found.iter().any(|(path, what)| expected.get(path) != Some(what)) {
                return Err(format!(
                    "hive {number} has {found:?} (all: {whole}), the records say {expected:?}"
                ));
            }
            if whole && !hive.memory.pending().is_empty() {
                return Err(format!("hive {number} is out of step: {:?}", hive.memory.pending()));
            }
        }
        if !lies {
            self.tale.all_accounted(&records.contents)?;
        }
        if let Some(lost) = self.tale.all_saved().find(|hash| !self.is_kept(hash)) {
            return Err(format!("nobody has {lost} in the history"));
        }
        Ok(())
    }

    fn is_kept(&self, hash: &Hash) -> bool {
        self.hives.iter().any(|hive| hive.history.contains_key(hash))
    }

    /// What the records say. Who `lies` may have put things into folders that never were.
    fn recorded(&self, lies: bool) -> Result<Records, String> {
        let memory = &self.hives[0].memory;
        let root = root_of(tree::Ledger::share(memory));
        let mut records =
            Records { image: Image::new(), contents: BTreeSet::new(), can_stand: true };
        'nodes: for node in memory.nodes().values().filter(|node| is_alive(node)) {
            let mut path = node.place.name.as_str().to_owned();
            let mut at = node.place.parent;
            for _ in 0..1_000 {
                if at == root {
                    break;
                }
                let folder = memory.nodes().get(&at);
                if folder.is_none() && lies {
                    records.can_stand = false;
                    continue 'nodes;
                }
                let folder = folder.filter(|folder| is_alive(folder));
                let folder = folder.ok_or_else(|| format!("{path} stands in nothing"))?;
                path = format!("{}/{path}", folder.place.name);
                at = folder.place.parent;
            }
            if at != root {
                return Err(format!("{path} stands in a circle"));
            }
            let Some(standing) = standing(node) else { continue };
            records.contents.extend(node.versions.iter().filter_map(|version| version.what.hash()));
            let hash = standing.version.what.hash();
            records.can_stand &= !lies || hash.is_none_or(|hash| self.is_kept(&hash));
            for other in &standing.others {
                if let (Some(one), Some(other)) = (hash, other.what.hash()) {
                    self.tale.may_be_two(one, other).map_err(|error| format!("{path}: {error}"))?;
                }
            }
            let what = Some(standing.version.what.clone());
            if records.image.insert(path.clone(), what).is_some() {
                return Err(format!("{path} is the name of two things"));
            }
        }
        Ok(records)
    }
}

struct Records {
    image: Image,
    /// Every content that they keep alive.
    contents: BTreeSet<Hash>,
    /// Whether all of it can stand on a disk.
    can_stand: bool,
}

pub(super) fn image(disk: &Disk, counts: &dyn Fn(Ino) -> bool) -> Image {
    fn fill(
        (disk, counts): (&Disk, &dyn Fn(Ino) -> bool),
        folder: Ino,
        path: &str,
        image: &mut Image,
    ) {
        for (name, ino) in disk.entries(folder).into_iter().filter(|(_, ino)| counts(*ino)) {
            let inner = if path.is_empty() { name } else { format!("{path}/{name}") };
            if matches!(disk.thing(ino), Some(Thing::Folder(_))) {
                fill((disk, counts), ino, &inner, image);
            }
            image.insert(inner, disk.what(ino));
        }
    }
    let mut found = Image::new();
    fill((disk, counts), ROOT, "", &mut found);
    found
}
