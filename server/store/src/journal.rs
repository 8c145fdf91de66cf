//! The journal: the newest change of each key, in order, for those who follow the hive.

use rusqlite::OptionalExtension;
use rusqlite::params;
use types::{ShareId, Time};

use crate::{Error, View};

/// One entry: the thing `key` of this kind changed last at position `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub seq: i64,
    pub kind: String,
    pub key: String,
    pub share: Option<ShareId>,
    pub at: Time,
}

/// What changed after position `since`, oldest first, at most `limit` entries.
pub fn changes_since(view: &View, since: i64, limit: u32) -> Result<Vec<Change>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT seq, kind, key, share, at FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = statement.query_map(params![since, limit], |row| {
        Ok(Change {
            seq: row.get(0)?,
            kind: row.get(1)?,
            key: row.get(2)?,
            share: row.get::<_, Option<[u8; 16]>>(3)?.map(ShareId::from_bytes),
            at: Time(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The first position that can still be resumed from; 0 for an empty journal. Entries are replaced
/// by newer ones of their key and never dropped otherwise, so this moves only after a restore.
pub fn oldest_position(view: &View) -> Result<i64, Error> {
    let seq = view
        .query_row("SELECT min(seq) FROM journal", [], |row| row.get::<_, Option<i64>>(0))
        .optional()?;
    Ok(seq.flatten().unwrap_or(0))
}

/// The last position that was given out, whether or not its entry was replaced since.
pub fn position(connection: &rusqlite::Connection) -> Result<i64, Error> {
    let seq = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'journal'", [], |row| row.get(0))
        .optional()?;
    Ok(seq.unwrap_or(0))
}

pub(crate) fn append(
    view: &View,
    kind: &str,
    key: &str,
    share: Option<ShareId>,
) -> Result<(), Error> {
    view.prepare_cached(
        "INSERT OR REPLACE INTO journal (kind, key, share, at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![kind, key, share.map(|id| *id.as_bytes()), view.now().0])?;
    Ok(())
}
