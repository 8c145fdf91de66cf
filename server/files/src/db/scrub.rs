//! Every SQL statement on contents that the disk spoilt, and on how far the look for them is.

use store::sql::{OptionalExtension, params};
use store::{Tx, View};
use types::{FileId, Hash, ShareId, Time};

use crate::Error;

/// A content that the disk spoilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotten {
    pub(crate) file: FileId,
    /// As it was.
    pub(crate) hash: Hash,
    /// What stands in the folder instead; `None`: it is what the history kept.
    pub(crate) found: Option<Hash>,
}

pub(crate) fn note(tx: &Tx, share: ShareId, rotten: &Rotten) -> Result<(), Error> {
    let found = rotten.found.as_ref().map_or(&[][..], |found| found.as_bytes());
    tx.prepare_cached(
        "INSERT OR REPLACE INTO files_rot (share, file, hash, kept, found, found_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        share.as_bytes(),
        rotten.file.as_bytes(),
        rotten.hash.as_bytes(),
        rotten.found.is_none(),
        found,
        tx.now().0
    ])?;
    Ok(())
}

/// What was spoilt is whole again, in the folder or in the history.
pub(crate) fn forget(
    tx: &Tx,
    share: ShareId,
    (file, hash): (FileId, Hash),
    kept: bool,
) -> Result<(), Error> {
    tx.prepare_cached(
        "DELETE FROM files_rot WHERE share = ?1 AND file = ?2 AND hash = ?3 AND kept = ?4",
    )?
    .execute(params![share.as_bytes(), file.as_bytes(), hash.as_bytes(), kept])?;
    Ok(())
}

pub(crate) fn forget_share(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM files_rot WHERE share = ?1", [share.as_bytes()])?;
    tx.execute("DELETE FROM files_scrub WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

/// What is spoilt in a share, in the order in which it was found.
pub(crate) fn all(view: &View, share: ShareId) -> Result<Vec<Rotten>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT file, hash, found FROM files_rot WHERE share = ?1 ORDER BY found_at, file",
    )?;
    let rows = statement.query_map([share.as_bytes()], |row| {
        let found: Vec<u8> = row.get(2)?;
        Ok(Rotten {
            file: FileId::from_bytes(row.get(0)?),
            hash: Hash::from_bytes(row.get(1)?),
            found: found.as_slice().try_into().ok().map(Hash::from_bytes),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is known to be spoilt of a file with this content, in the history or in the folder.
pub(crate) fn of(
    view: &View,
    share: ShareId,
    file: FileId,
    hash: Hash,
    kept: bool,
) -> Result<Option<Rotten>, Error> {
    let mut all = all(view, share)?.into_iter();
    Ok(all.find(|one| (one.file, one.hash, one.found.is_none()) == (file, hash, kept)))
}

/// Whether the history's copy of a content is spoilt, whichever share it was found in.
pub(crate) fn is_kept_spoilt(view: &View, hash: Hash) -> Result<bool, Error> {
    let mut statement = view.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM files_rot WHERE hash = ?1 AND found = x'')",
    )?;
    Ok(statement.query_row([hash.as_bytes()], |row| row.get(0))?)
}

/// Versions that have a content, the newest first.
pub(crate) fn versions_of(view: &View, hash: Hash) -> Result<Vec<(ShareId, FileId)>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT share, file FROM files_version WHERE hash = ?1 ORDER BY id DESC LIMIT 8",
    )?;
    let rows = statement.query_map([hash.as_bytes()], |row| {
        Ok((ShareId::from_bytes(row.get(0)?), FileId::from_bytes(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Some of the files of a share, after a row: row, id, size.
pub(crate) fn files_after(
    view: &View,
    share: ShareId,
    row: i64,
    limit: u32,
) -> Result<Vec<(i64, FileId, u64)>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT row, id, size FROM files_entry
         WHERE row > ?2 AND share = ?1 AND kind = 'file' AND gone_at IS NULL
         ORDER BY row LIMIT ?3",
    )?;
    let rows = statement.query_map(params![share.as_bytes(), row, limit], |row| {
        let size: i64 = row.get(2)?;
        Ok((row.get(0)?, FileId::from_bytes(row.get(1)?), size.unsigned_abs()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Where the look through a share, or the history, goes on, and when the last one ended.
pub(crate) fn position(
    view: &View,
    share: Option<ShareId>,
) -> Result<Option<(Option<i64>, Time)>, Error> {
    let share = share.as_ref().map_or(&[][..], |share| share.as_bytes());
    let found = view
        .prepare_cached("SELECT at, ended_at FROM files_scrub WHERE share = ?1")?
        .query_row([share], |row| Ok((row.get(0)?, Time(row.get(1)?))))
        .optional()?;
    Ok(found)
}

pub(crate) fn set_position(
    tx: &Tx,
    share: Option<ShareId>,
    at: Option<i64>,
    ended_at: Time,
) -> Result<(), Error> {
    let share = share.as_ref().map_or(&[][..], |share| share.as_bytes());
    tx.prepare_cached(
        "INSERT OR REPLACE INTO files_scrub (share, at, ended_at) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![share, at, ended_at.0])?;
    Ok(())
}
