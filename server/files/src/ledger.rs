//! The nodes of one share in the database, as the engine of the tree wants them.

use store::{Tx, View};
use tree::{Held, Ledger, Node};
use types::{FileId, Hash, HiveId, Name, ShareId, Tick, Time};

use crate::Error;
use crate::db::tree as db;
use crate::history;

/// A share's nodes inside of one transaction.
pub(crate) struct Records<'a, 'tx> {
    tx: &'a mut Tx<'tx>,
    share: ShareId,
    hive: HiveId,
}

/// A share's nodes at one moment, for planning alone: nothing can be written.
pub(crate) struct Moment<'a, 'tx> {
    pub(crate) view: &'a View<'tx>,
    pub(crate) share: ShareId,
}

impl<'a, 'tx> Records<'a, 'tx> {
    pub(crate) fn new(tx: &'a mut Tx<'tx>, share: ShareId, hive: HiveId) -> Self {
        Self { tx, share, hive }
    }
}

macro_rules! reads {
    ($field:ident) => {
        type Error = Error;

        fn share(&self) -> ShareId {
            self.share
        }

        fn now(&self) -> Time {
            self.$field.now()
        }

        fn node(&self, id: FileId) -> Result<Option<Node>, Error> {
            db::node(&self.$field, self.share, id)
        }

        fn children(&self, parent: FileId) -> Result<Vec<FileId>, Error> {
            db::children(&self.$field, self.share, parent)
        }

        fn at(&self, parent: FileId, name: &Name) -> Result<Vec<FileId>, Error> {
            db::nodes_at(&self.$field, self.share, parent, name)
        }

        fn held(&self, id: FileId) -> Result<Option<Held>, Error> {
            db::held(&self.$field, self.share, id)
        }

        fn held_in(&self, parent: FileId) -> Result<Vec<FileId>, Error> {
            db::held_in(&self.$field, self.share, parent)
        }

        fn held_at(&self, parent: FileId, name: &Name) -> Result<Vec<FileId>, Error> {
            db::held_at(&self.$field, self.share, parent, name)
        }

        fn unmended(&self) -> Result<Vec<FileId>, Error> {
            db::unmended(&self.$field, self.share)
        }

        fn may_merge(&self, id: FileId, first: Hash, second: Hash) -> Result<bool, Error> {
            db::may_merge(&self.$field, self.share, id, (first, second))
        }

        fn may_change(&self) -> bool {
            db::facts(&self.$field, self.share).is_ok_and(|facts| facts.edits)
        }
    };
}

impl Ledger for Records<'_, '_> {
    reads!(tx);

    fn next_tick(&mut self) -> Result<Tick, Error> {
        let count = db::tick(self.tx, self.share)?.saturating_add(1);
        db::raise_tick(self.tx, self.share, count)?;
        Ok(Tick { count, hive: self.hive })
    }

    fn saw_tick(&mut self, tick: Tick) -> Result<(), Error> {
        // A count that leaves no room above it would stop everybody.
        db::raise_tick(self.tx, self.share, tick.count.min(COUNT_MAX))
    }

    fn put(&mut self, node: &Node) -> Result<(), Error> {
        db::put_node(self.tx, self.share, node)
    }

    fn forget(&mut self, id: FileId) -> Result<(), Error> {
        db::forget_node(self.tx, self.share, id)
    }

    fn set_held(&mut self, id: FileId, held: Option<&Held>) -> Result<(), Error> {
        match held {
            Some(held) => {
                let node = db::node(self.tx, self.share, id)?;
                let version = node.as_ref().and_then(tree::current);
                let version = version.filter(|version| version.what == held.what);
                let author = version.map(|version| (version.tick.hive, version.by.as_deref()));
                let author = author.unwrap_or((self.hive, None));
                history::stands(self.tx, self.share, author, id, held)?;
            }
            None => {
                let node = db::node(self.tx, self.share, id)?;
                history::ends(self.tx, id, node.as_ref().and_then(tree::merged_into))?;
            }
        }
        db::set_held(self.tx, self.share, id, held)
    }

    fn set_out_of_step(&mut self, id: FileId, out_of_step: bool) -> Result<(), Error> {
        db::set_out_of_step(self.tx, self.share, id, out_of_step)
    }

    fn set_unmended(&mut self, id: FileId, unmended: bool) -> Result<(), Error> {
        db::set_unmended(self.tx, self.share, id, unmended)
    }

    fn keep_apart(&mut self, id: FileId, first: Hash, second: Hash) -> Result<(), Error> {
        db::keep_apart(self.tx, self.share, id, (first, second))
    }
}

/// Ticks from elsewhere count up to here.
const COUNT_MAX: u64 = 1 << 62;

impl Ledger for Moment<'_, '_> {
    reads!(view);

    fn next_tick(&mut self) -> Result<Tick, Error> {
        Err(read_only())
    }

    fn saw_tick(&mut self, _: Tick) -> Result<(), Error> {
        Err(read_only())
    }

    fn put(&mut self, _: &Node) -> Result<(), Error> {
        Err(read_only())
    }

    fn forget(&mut self, _: FileId) -> Result<(), Error> {
        Err(read_only())
    }

    fn set_held(&mut self, _: FileId, _: Option<&Held>) -> Result<(), Error> {
        Err(read_only())
    }

    fn set_out_of_step(&mut self, _: FileId, _: bool) -> Result<(), Error> {
        Err(read_only())
    }

    fn set_unmended(&mut self, _: FileId, _: bool) -> Result<(), Error> {
        Err(read_only())
    }

    fn keep_apart(&mut self, _: FileId, _: Hash, _: Hash) -> Result<(), Error> {
        Err(read_only())
    }
}

fn read_only() -> Error {
    Error::Refused("Nothing can be written while it is planned.".to_owned())
}
