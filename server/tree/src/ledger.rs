//! What the engine reads and writes: one transaction over the nodes of one share on one hive.

use types::{FileId, Hash, Name, ShareId, Tick, Time, Vector};

use crate::{Node, What};

/// What stands on this hive's disk for a node, as far as it is in step: the base that the next
/// change is made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub parent: FileId,
    pub name: Name,
    pub what: What,
    /// The version (or several that were joined) that stands there.
    pub vector: Vector,
}

/// The nodes of one share, in the database or in a simulation. All that is written through it
/// during one call of this crate belongs into one transaction.
pub trait Ledger {
    type Error;

    fn share(&self) -> ShareId;

    /// The hive's next tick: above all that it has given or seen in this share.
    fn next_tick(&mut self) -> Result<Tick, Self::Error>;

    /// Takes note of a tick that came from elsewhere.
    fn saw_tick(&mut self, tick: Tick) -> Result<(), Self::Error>;

    fn now(&self) -> Time;

    /// Whether this hive may change the share. One that may not writes no record: what is
    /// observed on its disk stays its own, and repairs are left to the others.
    fn may_change(&self) -> bool;

    fn node(&self, id: FileId) -> Result<Option<Node>, Self::Error>;

    /// Stores a state, to be handed on to friends' hives.
    fn put(&mut self, node: &Node) -> Result<(), Self::Error>;

    /// Forgets a node, as if nobody had ever told of it. What stands on disk is not touched.
    fn forget(&mut self, id: FileId) -> Result<(), Self::Error>;

    /// The nodes whose place names this folder and that are alive ([`crate::is_alive`]), sorted
    /// by name, then id.
    fn children(&self, parent: FileId) -> Result<Vec<FileId>, Self::Error>;

    /// The living nodes of exactly this name in this folder, smallest id first.
    fn at(&self, parent: FileId, name: &Name) -> Result<Vec<FileId>, Self::Error>;

    /// What stands on disk for a node; `None`: nothing.
    fn held(&self, id: FileId) -> Result<Option<Held>, Self::Error>;

    /// Notes what stands on disk. Within one call two nodes may hold the same name for a moment
    /// (a swap that was observed), so the store must not insist that names are held once.
    fn set_held(&mut self, id: FileId, held: Option<&Held>) -> Result<(), Self::Error>;

    /// The nodes that stand on disk in this folder according to [`Held`].
    fn held_in(&self, parent: FileId) -> Result<Vec<FileId>, Self::Error>;

    /// The nodes that stand on disk under this name in this folder according to [`Held`]: none or
    /// one, but for the moment that [`Ledger::set_held`] tells of.
    fn held_at(&self, parent: FileId, name: &Name) -> Result<Vec<FileId>, Self::Error>;

    /// Notes whether what stands on disk differs from what the records say, or whether texts are
    /// to be merged: whether [`crate::next_step`] may have something to do.
    fn set_out_of_step(&mut self, id: FileId, out_of_step: bool) -> Result<(), Self::Error>;

    /// Notes whether a node was received and not mended yet ([`crate::mend`]).
    fn set_unmended(&mut self, id: FileId, unmended: bool) -> Result<(), Self::Error>;

    /// Some of the nodes noted by [`Ledger::set_unmended`]; empty only when there are none.
    fn unmended(&self) -> Result<Vec<FileId>, Self::Error>;

    /// Whether these two contents of a node may still turn out to merge: false once
    /// [`Ledger::keep_apart`] was called for them, in either order.
    fn may_merge(&self, id: FileId, first: Hash, second: Hash) -> Result<bool, Self::Error>;

    /// Remembers that these two contents do not merge.
    fn keep_apart(&mut self, id: FileId, first: Hash, second: Hash) -> Result<(), Self::Error>;
}
