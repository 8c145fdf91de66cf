//! How a hive writes into a node: each place, version and removal with a tick of its own and its
//! signature.

use types::{FileId, Hash, HiveId, Name, Signer, Tick, Time, Vector};

use crate::join::sorted;
use crate::{Gone, Ledger, Node, Place, Version, What, join, step};

/// The ledger together with who writes.
pub(crate) struct Hand<'a, L: Ledger> {
    pub(crate) ledger: &'a mut L,
    pub(crate) signer: &'a dyn Signer,
    /// Whether a record was written.
    pub(crate) changed: bool,
}

/// A content to be written.
pub(crate) struct Draft {
    pub(crate) what: What,
    /// What it was made from.
    pub(crate) base: Vector,
    pub(crate) before: Vec<Hash>,
    pub(crate) by: Option<String>,
}

impl<'a, L: Ledger> Hand<'a, L> {
    pub(crate) fn new(ledger: &'a mut L, signer: &'a dyn Signer) -> Self {
        Self { ledger, signer, changed: false }
    }

    /// A node that was not there before.
    pub(crate) fn node(
        &mut self,
        id: FileId,
        parent: FileId,
        name: Name,
        draft: Draft,
    ) -> Result<Node, L::Error> {
        let place = self.place(id, parent, name)?;
        let mut node = Node { id, place, versions: Vec::new(), gone: Vec::new() };
        self.write(&mut node, draft)?;
        Ok(node)
    }

    pub(crate) fn move_to(
        &mut self,
        node: &mut Node,
        parent: FileId,
        name: Name,
    ) -> Result<(), L::Error> {
        node.place = self.place(node.id, parent, name)?;
        Ok(())
    }

    /// Adds a content that was made here and now. Gives its vector.
    pub(crate) fn write(&mut self, node: &mut Node, draft: Draft) -> Result<Vector, L::Error> {
        let Draft { what, base, before, by } = draft;
        let (tick, at) = self.moment()?;
        let vector = next(&base, tick, node);
        let version = Version {
            vector: vector.clone(),
            what,
            before,
            tick,
            at,
            by,
            carried: None,
            signature: UNSIGNED,
        };
        self.add(node, version);
        Ok(vector)
    }

    /// Adds a content that somebody wrote before, as a change of `base` that is made now.
    pub(crate) fn write_again(
        &mut self,
        node: &mut Node,
        base: &Vector,
        version: &Version,
    ) -> Result<(), L::Error> {
        let (tick, _) = self.moment()?;
        let vector = next(base, tick, node);
        self.carry(node, Version { vector, ..version.clone() })
    }

    /// Adds a version that tells of what others wrote.
    pub(crate) fn carry(&mut self, node: &mut Node, version: Version) -> Result<(), L::Error> {
        let own = version.tick.hive == self.signer.hive();
        let carried = if own { None } else { Some(self.ledger.next_tick()?) };
        self.add(node, Version { carried, ..version });
        Ok(())
    }

    pub(crate) fn remove(
        &mut self,
        node: &mut Node,
        seen: Vector,
        merged_into: Option<FileId>,
    ) -> Result<(), L::Error> {
        let (tick, at) = self.moment()?;
        let gone = Gone { seen, merged_into, tick, at, carried: None, signature: UNSIGNED };
        let gone = gone.signed(self.ledger.share(), node.id, self.signer);
        let state = Node { versions: Vec::new(), gone: vec![gone], ..node.clone() };
        *node = join(node, &state);
        Ok(())
    }

    /// Stores a node, and notes whether the disk is in step with it.
    pub(crate) fn save(&mut self, node: &Node) -> Result<(), L::Error> {
        self.changed = true;
        self.ledger.put(node)?;
        step::note(self.ledger, node.id)
    }

    fn place(&mut self, id: FileId, parent: FileId, name: Name) -> Result<Place, L::Error> {
        let (tick, at) = self.moment()?;
        let place = Place { parent, name, tick, at, carried: None, signature: UNSIGNED };
        Ok(place.signed(self.ledger.share(), id, self.signer))
    }

    fn add(&mut self, node: &mut Node, version: Version) {
        let version = version.signed(self.ledger.share(), node.id, self.signer);
        let state = sorted(Node { versions: vec![version], gone: Vec::new(), ..node.clone() });
        *node = join(node, &state);
    }

    fn moment(&mut self) -> Result<(Tick, Time), L::Error> {
        Ok((self.ledger.next_tick()?, self.ledger.now()))
    }
}

/// What was made from `base` with one more change. The change counts under the hive's own name,
/// unless that would claim to have seen an earlier change of the same hive that stands apart from
/// the base: then it counts under another name that is the hive's as well.
fn next(base: &Vector, tick: Tick, node: &Node) -> Vector {
    let apart = |version: &&Version| !base.has_seen(&version.vector);
    let mut vector = Vector::new();
    for branch in 0_u32.. {
        vector = base.with_change_at(Tick { hive: name(tick, branch), ..tick });
        if !node.versions.iter().filter(apart).any(|version| vector.has_seen(&version.vector)) {
            break;
        }
    }
    vector
}

/// The name that a change counts under. A hive that was restored from a copy does not know what it
/// wrote after that copy, so it must not count on from there; it skips counts ([`COUNTS_OF_LIFE`]),
/// and what it writes from then on counts under another name.
fn name(tick: Tick, branch: u32) -> HiveId {
    let life = tick.count / COUNTS_OF_LIFE;
    if life == 0 && branch == 0 {
        return tick.hive;
    }
    let life = if life == 0 { Vec::new() } else { life.to_be_bytes().to_vec() };
    let name = [tick.hive.as_bytes().as_slice(), &life, &branch.to_be_bytes()].concat();
    HiveId::from_bytes(*Hash::of(&name).as_bytes())
}

/// A hive whose database was restored from a copy goes on counting at a random multiple of this
/// above its count: no count is given twice, and no change claims to have seen a lost one.
pub const COUNTS_OF_LIFE: u64 = 1 << 32;

/// Stands until the whole is signed.
pub(crate) const UNSIGNED: types::Signature = types::Signature::from_bytes([0; 64]);
