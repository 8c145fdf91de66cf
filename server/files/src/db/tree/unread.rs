//! What the disk holds and no record tells yet.

use store::sql::{OptionalExtension, params};
use store::{Tx, View};
use types::{FileId, ShareId, Time};

use super::{count, read_id};
use crate::Error;

pub(crate) fn set_unread(
    tx: &Tx,
    share: ShareId,
    id: FileId,
    due: Time,
    code: Option<&str>,
) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO tree_unread (share, id, due, code) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![share.as_bytes(), id.as_bytes(), due.0, code])?;
    Ok(())
}

pub(crate) fn set_read(tx: &Tx, share: ShareId, id: FileId) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM tree_unread WHERE share = ?1 AND id = ?2")?
        .execute(params![share.as_bytes(), id.as_bytes()])?;
    Ok(())
}

/// Whether the records do not tell yet what the disk holds; and what that waits for.
pub(crate) fn unread(
    view: &View,
    share: ShareId,
    id: FileId,
) -> Result<Option<Option<String>>, Error> {
    let mut statement =
        view.prepare_cached("SELECT code FROM tree_unread WHERE share = ?1 AND id = ?2")?;
    let found =
        statement.query_row(params![share.as_bytes(), id.as_bytes()], |row| row.get(0)).optional();
    Ok(found?)
}

/// Whether objects of a git repository are not told yet and will be.
pub(crate) fn has_unread_objects(
    view: &View,
    share: ShareId,
    repository: &str,
) -> Result<bool, Error> {
    let mut statement = view.prepare_cached(
        "SELECT EXISTS (
             SELECT 1 FROM files_entry JOIN tree_unread USING (share, id)
             WHERE files_entry.share = ?1 AND folder >= ?2 AND folder < ?3 AND gone_at IS NULL
             AND (code IS NULL OR code NOT IN ('unreadable', 'link', 'damaged')))",
    )?;
    let (low, high) = (format!("{repository}/objects"), format!("{repository}/objects0"));
    Ok(statement.query_row(params![share.as_bytes(), low, high], |row| row.get(0))?)
}

pub(crate) fn due_unread(view: &View, share: ShareId, limit: u32) -> Result<Vec<FileId>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT id FROM tree_unread WHERE share = ?1 AND due <= ?2
         AND (code IS NULL OR code NOT IN ('held', 'gone', 'link', 'damaged'))
         ORDER BY due LIMIT ?3",
    )?;
    let rows = statement.query_map(params![share.as_bytes(), view.now().0, limit], read_id)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn unread_count(view: &View, share: ShareId) -> Result<u64, Error> {
    count(
        view,
        "SELECT count(*) FROM tree_unread WHERE share = ?1
         AND (code IS NULL OR code NOT IN ('held', 'link'))",
        share,
    )
}

/// Things that wait to be read and cannot be, some of them.
pub(crate) fn unreadable(
    view: &View,
    share: ShareId,
    limit: u32,
) -> Result<Vec<(FileId, String)>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT id, code FROM tree_unread
         WHERE share = ?1 AND code IN ('busy', 'unreadable', 'link')
         LIMIT ?2",
    )?;
    let rows = statement.query_map(params![share.as_bytes(), limit], |row| {
        Ok((FileId::from_bytes(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Own removals that are not told yet: how many, and when the first and the last are due.
pub(crate) fn untold_removals(view: &View, share: ShareId) -> Result<(u64, Time, Time), Error> {
    let mut statement = view.prepare_cached(
        "SELECT count(*), coalesce(min(due), 0), coalesce(max(due), 0) FROM tree_unread
         WHERE share = ?1 AND code = 'gone'",
    )?;
    Ok(statement.query_row([share.as_bytes()], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), Time(row.get(1)?), Time(row.get(2)?)))
    })?)
}

pub(crate) fn removals_untold(view: &View, share: ShareId) -> Result<Vec<FileId>, Error> {
    let mut statement =
        view.prepare_cached("SELECT id FROM tree_unread WHERE share = ?1 AND code = 'gone'")?;
    let rows = statement.query_map([share.as_bytes()], read_id)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Removals that are not told yet wait for the owner's word.
pub(crate) fn hold_removals(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute(
        "UPDATE tree_unread SET code = 'held' WHERE share = ?1 AND code = 'gone'",
        [share.as_bytes()],
    )?;
    Ok(())
}

/// The own removals that were held back.
pub(crate) fn held_back(view: &View, share: ShareId) -> Result<Vec<FileId>, Error> {
    let mut statement =
        view.prepare_cached("SELECT id FROM tree_unread WHERE share = ?1 AND code = 'held'")?;
    let rows = statement.query_map([share.as_bytes()], read_id)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Everything in a share that no record tells of has to be read.
pub(crate) fn unread_all(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute(
        "INSERT OR IGNORE INTO tree_unread (share, id, due)
         SELECT share, id, 0 FROM files_entry AS entry
         WHERE share = ?1 AND gone_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM tree_held WHERE share = entry.share AND id = entry.id)",
        [share.as_bytes()],
    )?;
    Ok(())
}
