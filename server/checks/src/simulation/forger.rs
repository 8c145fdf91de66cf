//! A member whose hive tells what no honest one does: foreign words, counts out of reach, circles,
//! contents that nobody has, merges that never were.

use tree::{Gone, Node, Place, Version, What, root_of};
use types::{FileId, Hash, HiveId, Name, ShareId, Signature, Tick, Time, Vector};

use super::chance::Chance;
use super::hive::Hive;

const UNSIGNED: Signature = Signature::from_bytes([0; 64]);

/// A state that the hive made up, mostly of one that it knows.
pub(super) fn forged(hive: &Hive, others: &[HiveId], chance: &mut Chance) -> Option<Node> {
    let known: Vec<&Node> = hive.memory.nodes().values().collect();
    let (target, other) = (*chance.pick(&known)?, *chance.pick(&known)?);
    let mut share = tree::Ledger::share(&hive.memory);
    if chance.once_in(8) {
        share = ShareId::from_bytes(chance.bytes());
    }
    let mut forger = Forger { hive, others, chance, share };
    let mut node = target.clone();
    match forger.chance.below(7) {
        0 | 1 => {
            let parent = match forger.chance.below(4) {
                0 => target.id,
                1 => FileId::from_bytes(forger.chance.bytes()),
                2 => root_of(share),
                _ => other.id,
            };
            node.place = forger.place(&node, parent);
        }
        2 | 3 => node.versions = vec![forger.version(&node)],
        4 => node.gone = vec![forger.gone(&node, other.id)],
        5 => {
            let many = 100 + forger.chance.below(200);
            node.versions = (0..many).map(|_| forger.version(&node)).collect();
        }
        _ => {
            node.id = FileId::from_bytes(forger.chance.bytes());
            node.place = forger.place(&node, other.place.parent);
            node.versions = vec![forger.version(&node)];
            node.gone = Vec::new();
        }
    }
    Some(node)
}

struct Forger<'a> {
    hive: &'a Hive,
    others: &'a [HiveId],
    chance: &'a mut Chance,
    share: ShareId,
}

impl Forger<'_> {
    fn place(&mut self, node: &Node, parent: FileId) -> Place {
        let name = Name::new(["a", "b", "c", "d.txt"][self.chance.below(4)]);
        let name = name.unwrap_or_else(|_| node.place.name.clone());
        let tick = self.tick();
        let (at, signature) = (Time(i64::MAX), UNSIGNED);
        let place = Place { parent, name, tick, at, carried: None, signature };
        place.signed(self.share, node.id, &self.hive.signer)
    }

    fn version(&mut self, node: &Node) -> Version {
        let tick = self.tick();
        let before = node.versions.iter().filter_map(|version| version.what.hash()).collect();
        let carries = self.chance.once_in(3);
        let carried = carries.then(|| Tick { count: self.count(), hive: self.hive.signer.0 });
        let version = Version {
            vector: self.vector(node),
            what: self.what(),
            before,
            tick,
            at: Time(i64::MIN),
            by: None,
            carried,
            signature: UNSIGNED,
        };
        version.signed(self.share, node.id, &self.hive.signer)
    }

    fn gone(&mut self, node: &Node, other: FileId) -> Gone {
        let merged_into = match self.chance.below(3) {
            0 => None,
            1 => Some(other),
            _ => Some(FileId::from_bytes([0; 16])),
        };
        let (seen, tick) = (self.vector(node), self.tick());
        let (at, signature) = (Time(0), UNSIGNED);
        let gone = Gone { seen, merged_into, tick, at, carried: None, signature };
        gone.signed(self.share, node.id, &self.hive.signer)
    }

    fn tick(&mut self) -> Tick {
        let foreign = self.chance.once_in(4);
        let own = self.hive.signer.0;
        let hive = self.chance.pick(self.others).copied().filter(|_| foreign).unwrap_or(own);
        Tick { count: self.count(), hive }
    }

    fn count(&mut self) -> u64 {
        match self.chance.below(6) {
            0 => 1 << 62,
            1 => 1 << 40,
            2 => u64::MAX,
            _ => 1 + self.chance.below(200) as u64,
        }
    }

    fn vector(&mut self, node: &Node) -> Vector {
        let mut vector = Vector::new();
        if self.chance.once_in(2) {
            let known = node.versions.iter();
            vector = known.fold(vector, |vector, version| vector.join(&version.vector));
        }
        for _ in 0..=self.chance.below(2) {
            let hive = self.chance.pick(self.others).copied().unwrap_or(self.hive.signer.0);
            vector = vector.with_change_at(Tick { count: self.count(), hive });
        }
        vector
    }

    fn what(&mut self) -> What {
        let kept: Vec<&Hash> = self.hive.history.keys().collect();
        let hash = match self.chance.pick(&kept) {
            Some(hash) if !self.chance.once_in(6) => **hash,
            _ => Hash::of(&self.chance.bytes()),
        };
        match self.chance.below(6) {
            0 => What::Folder,
            1 => What::Link { target: "a".to_owned() },
            _ => What::File {
                hash,
                size: self.chance.next() >> 20,
                modified_ns: i64::MIN,
                executable: true,
                attributes: Vec::new(),
            },
        }
    }
}
