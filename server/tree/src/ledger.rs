//! What the engine reads and writes: one transaction over the nodes of one share on one hive.

use types::{FileId, Name, ShareId, Tick, Time, Vector};

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

/// The nodes of one share, in the database or in a simulation.
pub trait Ledger {
    type Error;

    fn share(&self) -> ShareId;

    /// The hive's next tick: above all that it has given or seen in this share.
    fn next_tick(&mut self) -> Result<Tick, Self::Error>;

    /// Takes note of a tick that came from elsewhere.
    fn saw_tick(&mut self, tick: Tick) -> Result<(), Self::Error>;

    fn now(&self) -> Time;

    fn node(&self, id: FileId) -> Result<Option<Node>, Self::Error>;

    /// Stores a state, to be handed on to friends' hives.
    fn put(&mut self, node: &Node) -> Result<(), Self::Error>;

    /// The nodes whose place names this folder and that are alive, sorted by name, then id.
    fn children(&self, parent: FileId) -> Result<Vec<FileId>, Self::Error>;

    /// The living nodes of exactly this name in this folder, smallest id first.
    fn at(&self, parent: FileId, name: &Name) -> Result<Vec<FileId>, Self::Error>;

    /// What stands on disk for a node; `None`: nothing.
    fn held(&self, id: FileId) -> Result<Option<Held>, Self::Error>;

    /// Notes what stands on disk. A node that a merge replaced hands its `Held` to its successor.
    fn set_held(&mut self, id: FileId, held: Option<&Held>) -> Result<(), Self::Error>;

    /// The nodes that stand on disk in this folder according to [`Held`].
    fn held_in(&self, parent: FileId) -> Result<Vec<FileId>, Self::Error>;

    /// Notes whether what stands on disk differs from what the records say.
    fn set_out_of_step(&mut self, id: FileId, out_of_step: bool) -> Result<(), Self::Error>;
}
