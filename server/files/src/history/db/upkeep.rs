//! The SQL of what the history does for itself.

use store::sql::params;
use store::{Tx, View};
use types::{FileId, Hash, ShareId, Time};

use crate::Error;
use crate::history::tend::Missing;

/// Contents that stand in a folder and are not kept, after a row.
pub(in crate::history) fn missing(
    view: &View,
    after: i64,
    bytes_max: u64,
    limit: u32,
) -> Result<Vec<Missing>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT id, share, file, hash, size FROM files_version AS version
         WHERE id > ?1 AND until IS NULL AND hash IS NOT NULL AND size <= ?2
             AND verb NOT IN ('removed', 'ended')
             AND NOT EXISTS (SELECT 1 FROM chunk_content WHERE hash = version.hash)
         ORDER BY id LIMIT ?3",
    )?;
    let most = i64::try_from(bytes_max).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, most, limit], |row| {
        Ok(Missing {
            row: row.get(0)?,
            share: ShareId::from_bytes(row.get(1)?),
            file: FileId::from_bytes(row.get(2)?),
            hash: Hash::from_bytes(row.get(3)?),
            size: row.get::<_, i64>(4)?.cast_unsigned(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(in crate::history) fn newest_row(view: &View) -> Result<i64, Error> {
    let mut statement = view.prepare_cached("SELECT coalesce(max(id), 0) FROM files_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Of versions that stood only briefly and before a moment, one for each span stays.
pub(in crate::history) fn thin(tx: &Tx, before: Time, span_ms: i64) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM files_version WHERE id IN (
             SELECT id FROM (
                 SELECT id, row_number() OVER (
                     PARTITION BY file, noted_at / ?2 ORDER BY id DESC) AS place
                 FROM files_version
                 WHERE until < ?1 AND until - noted_at < ?2 AND hash IS NOT NULL
                     AND verb IN ('changed', 'restored', 'merged')
                     AND NOT pinned AND label IS NULL)
             WHERE place > 1)",
        params![before.0, span_ms],
    )?;
    Ok(())
}

/// Forgets what ended before a moment, and what no share holds any more.
pub(in crate::history) fn forget_old(tx: &Tx, before: Time) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM files_version WHERE until < ?1 AND NOT pinned AND label IS NULL",
        [before.0],
    )?;
    tx.execute(
        "DELETE FROM files_version WHERE NOT pinned AND label IS NULL AND file IN (
             SELECT file FROM files_version
             WHERE until IS NULL AND verb IN ('removed', 'ended') AND noted_at < ?1)
         AND NOT (merged_into IS NOT NULL AND EXISTS (
             SELECT 1 FROM files_version AS other WHERE other.file = files_version.file
                 AND (other.pinned OR other.label IS NOT NULL)))",
        [before.0],
    )?;
    tx.execute("DELETE FROM files_version WHERE share NOT IN (SELECT id FROM files_share)", [])?;
    Ok(())
}

/// Contents that no version names.
pub(in crate::history) fn unwanted(view: &View, limit: u32) -> Result<Vec<Hash>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT hash FROM chunk_content AS content
         WHERE NOT EXISTS (SELECT 1 FROM files_version WHERE hash = content.hash) LIMIT ?1",
    )?;
    let rows = statement.query_map([limit], |row| Ok(Hash::from_bytes(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets where contents were cut that no version names, and that do not arrive just now.
pub(in crate::history) fn forget_outlines(tx: &Tx) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM chunk_outline
         WHERE NOT EXISTS (SELECT 1 FROM files_version WHERE hash = chunk_outline.hash)
             AND NOT EXISTS (SELECT 1 FROM tree_part WHERE hash = chunk_outline.hash)",
        [],
    )?;
    Ok(())
}

/// The contents to be dropped first when room is short, with their sizes: what was replaced
/// longest ago, then what stands in a folder anyway. Never what is pinned or in the trash.
pub(in crate::history) fn oldest(view: &View, limit: u32) -> Result<Vec<(Hash, u64)>, Error> {
    let mut statement = view.prepare_cached(
        "SELECT content.hash, content.size FROM chunk_content AS content
         JOIN files_version AS version ON version.hash = content.hash
         GROUP BY content.hash
         HAVING NOT max(pinned OR label IS NOT NULL OR 
             (until IS NULL AND verb IN ('removed', 'ended')))
         ORDER BY max(until IS NULL), max(coalesce(until, noted_at)) LIMIT ?1",
    )?;
    let rows = statement.query_map([limit], |row| {
        Ok((Hash::from_bytes(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What was moved aside in a share before a moment.
pub(in crate::history) fn asides_before(
    view: &View,
    share: ShareId,
    before: Time,
) -> Result<Vec<(Hash, String)>, Error> {
    let mut statement =
        view.prepare_cached("SELECT hash, name FROM files_aside WHERE share = ?1 AND at < ?2")?;
    let rows = statement.query_map(params![share.as_bytes(), before.0], |row| {
        Ok((Hash::from_bytes(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(in crate::history) fn forget_aside(tx: &Tx, share: ShareId, hash: Hash) -> Result<(), Error> {
    tx.execute(
        "DELETE FROM files_aside WHERE share = ?1 AND hash = ?2",
        params![share.as_bytes(), hash.as_bytes()],
    )?;
    Ok(())
}
