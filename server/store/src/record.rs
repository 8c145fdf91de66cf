//! Records: the newest state of each thing of a share that other hives may need, in the order in
//! which this hive took it in. What a body says is known only to the feature that wrote it.

use std::collections::VecDeque;

use rusqlite::{OptionalExtension, params};
use types::ShareId;

use crate::{Error, Tx, View};

/// How many records one transaction has in mind, and of what size.
const MEMO_MAX: usize = 16;
const MEMO_BYTES_MAX: usize = 8 * 1_024;

/// What a record tells of. The numbers are part of what hives say to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A file or folder; the key is its id.
    Node = 1,
    /// A member of the share; the key is the id of its hive.
    Member = 2,
    /// The share itself: name and founder; the key is its id.
    Share = 3,
}

impl Kind {
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Node),
            2 => Some(Self::Member),
            3 => Some(Self::Share),
            _ => None,
        }
    }
}

/// One record as it lies in the store. `kind` stays a number: a newer hive may know more kinds,
/// and its records are carried on unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub seq: u64,
    pub kind: u8,
    pub key: Vec<u8>,
    pub body: Vec<u8>,
}

/// Stores the newest state of a thing and gives its position, which is above all before it.
pub fn put_record(
    tx: &Tx,
    share: ShareId,
    kind: u8,
    key: &[u8],
    body: &[u8],
) -> Result<u64, Error> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO record (share, kind, key, body) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![share.as_bytes(), kind, key, body])?;
    let seq = tx.last_insert_rowid().cast_unsigned();
    let record = Record { seq, kind, key: key.to_vec(), body: body.to_vec() };
    tx.records.borrow_mut().note(share, record);
    Ok(seq)
}

pub fn record(view: &View, share: ShareId, kind: u8, key: &[u8]) -> Result<Option<Record>, Error> {
    if let Some(known) = view.records.borrow().find(share, kind, key) {
        return Ok(Some(known));
    }
    let found = view
        .prepare_cached(
            "SELECT seq, kind, key, body FROM record WHERE share = ?1 AND kind = ?2 AND key = ?3",
        )?
        .query_row(params![share.as_bytes(), kind, key], read)
        .optional()?;
    if let Some(found) = &found {
        view.records.borrow_mut().note(share, found.clone());
    }
    Ok(found)
}

/// Some records as they stand in the transaction that saw them.
#[derive(Default)]
pub(crate) struct Memo(VecDeque<(ShareId, Record)>);

fn is((of, known): &(ShareId, Record), share: ShareId, kind: u8, key: &[u8]) -> bool {
    known.key == key && known.kind == kind && *of == share
}

impl Memo {
    fn find(&self, share: ShareId, kind: u8, key: &[u8]) -> Option<Record> {
        let mut all = self.0.iter().rev();
        all.find(|known| is(known, share, kind, key)).map(|(_, record)| record.clone())
    }

    fn forget(&mut self, share: ShareId, kind: u8, key: &[u8]) {
        self.0.retain(|known| !is(known, share, kind, key));
    }

    fn note(&mut self, share: ShareId, record: Record) {
        self.forget(share, record.kind, &record.key);
        if self.0.len() >= MEMO_MAX {
            self.0.pop_front();
        }
        if record.body.len() <= MEMO_BYTES_MAX {
            self.0.push_back((share, record));
        }
    }
}

/// The records of a share after a position, oldest first: as many as fit into `bytes_max`, at
/// least one if there is any.
pub fn records_since(
    view: &View,
    share: ShareId,
    since: u64,
    bytes_max: usize,
) -> Result<Vec<Record>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT seq, kind, key, body FROM record WHERE share = ?1 AND seq > ?2 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![share.as_bytes(), since.cast_signed()])?;
    let (mut records, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let record = read(row)?;
        bytes += record.key.len() + record.body.len();
        if bytes > bytes_max && !records.is_empty() {
            break;
        }
        records.push(record);
    }
    Ok(records)
}

/// All records of one kind in a share, by key.
pub fn records_of(view: &View, share: ShareId, kind: Kind) -> Result<Vec<Record>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT seq, kind, key, body FROM record WHERE share = ?1 AND kind = ?2 ORDER BY key",
    )?;
    let rows = statement.query_map(params![share.as_bytes(), kind as u8], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The position of a share's newest record; 0 without any.
pub fn newest_record(view: &View, share: ShareId) -> Result<u64, Error> {
    let newest: Option<i64> = view
        .prepare_cached("SELECT max(seq) FROM record WHERE share = ?1")?
        .query_row([share.as_bytes()], |row| row.get(0))?;
    Ok(newest.unwrap_or(0).cast_unsigned())
}

/// Forgets one thing.
pub fn remove_record(tx: &Tx, share: ShareId, kind: u8, key: &[u8]) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM record WHERE share = ?1 AND kind = ?2 AND key = ?3")?
        .execute(params![share.as_bytes(), kind, key])?;
    tx.records.borrow_mut().forget(share, kind, key);
    Ok(())
}

/// Forgets everything of a share.
pub fn remove_records(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM record WHERE share = ?1", [share.as_bytes()])?;
    *tx.records.borrow_mut() = Memo::default();
    Ok(())
}

fn read(row: &rusqlite::Row) -> rusqlite::Result<Record> {
    Ok(Record {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        kind: row.get(1)?,
        key: row.get(2)?,
        body: row.get(3)?,
    })
}

/// The newest position of all shares, for the writer's own watch.
pub(crate) fn position(connection: &rusqlite::Connection) -> Result<i64, Error> {
    let seq: Option<i64> = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'record'", [], |row| row.get(0))
        .optional()?;
    Ok(seq.unwrap_or(0))
}
