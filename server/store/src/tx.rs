//! What a command works on: a view of the database at one moment, and a transaction over it.

use std::cell::RefCell;
use std::ops::Deref;

use rand::Rng;
use rusqlite::Connection;
use types::{ShareId, Time};

use crate::record::Memo;
use crate::{Chunks, Error, journal};

/// The database at one moment, for reading. Derefs to the SQLite connection for the `db` files.
pub struct View<'a> {
    connection: &'a Connection,
    now: Time,
    /// What was read or written last, for whoever looks at it again.
    pub(crate) records: RefCell<Memo>,
}

impl<'a> View<'a> {
    pub(crate) fn new(connection: &'a Connection, now: Time) -> Self {
        Self { connection, now, records: RefCell::default() }
    }

    /// The moment of the call; the only clock that a command sees.
    pub fn now(&self) -> Time {
        self.now
    }
}

impl Deref for View<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// A transaction: a view that may also be changed. Kept whole or not at all.
pub struct Tx<'a> {
    view: View<'a>,
    chunks: &'a Chunks,
    chance: &'a mut dyn Rng,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        now: Time,
        chunks: &'a Chunks,
        chance: &'a mut dyn Rng,
    ) -> Self {
        Self { view: View::new(connection, now), chunks, chance }
    }

    pub(crate) fn chunks(&self) -> &Chunks {
        self.chunks
    }

    /// The only source of chance that a command sees.
    pub fn chance(&mut self) -> &mut dyn Rng {
        self.chance
    }

    /// Announces that the thing of this kind and key changed; followers see it after the commit.
    pub fn announce(&self, kind: &str, key: &str, share: Option<ShareId>) -> Result<(), Error> {
        journal::append(&self.view, kind, key, share)
    }
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}
