//! What somebody chose: of two versions, so that it can be undone, and of a share's folders.

use store::sql::{OptionalExtension, params};
use store::{Tx, View};
use tree::Version;
use types::{DAY_MS, FileId, ShareId};

use super::{decode, encode};
use crate::Error;

/// How long a choice can be undone.
const KEPT_MS: i64 = 30 * DAY_MS;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) share: ShareId,
    /// What stood after it.
    pub(crate) chosen: Version,
    pub(crate) sides: [Version; 2],
    /// The file that the second side became.
    pub(crate) made: Option<FileId>,
}

/// Gives the number under which it is found.
pub(crate) fn note_choice(tx: &Tx, file: FileId, choice: &Choice) -> Result<u64, Error> {
    let before = tx.now().plus(-KEPT_MS).0;
    tx.prepare_cached("DELETE FROM tree_choice WHERE at < ?1")?.execute([before])?;
    tx.prepare_cached(
        "INSERT INTO tree_choice (share, file, chosen, sides, made, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        choice.share.as_bytes(),
        file.as_bytes(),
        encode(&choice.chosen)?,
        encode(&choice.sides)?,
        choice.made.as_ref().map(FileId::as_bytes),
        tx.now().0
    ])?;
    Ok(tx.last_insert_rowid().cast_unsigned())
}

pub(crate) fn choice(view: &View, file: FileId, id: u64) -> Result<Option<Choice>, Error> {
    let found = view
        .prepare_cached(
            "SELECT share, chosen, sides, made FROM tree_choice WHERE id = ?1 AND file = ?2",
        )?
        .query_row(params![id.cast_signed(), file.as_bytes()], |row| {
            let share = ShareId::from_bytes(row.get(0)?);
            let made = row.get::<_, Option<[u8; 16]>>(3)?.map(FileId::from_bytes);
            Ok((share, row.get(1)?, row.get(2)?, made))
        })
        .optional()?;
    let Some((share, chosen, sides, made)) = found else { return Ok(None) };
    let (chosen, sides): (Vec<u8>, Vec<u8>) = (chosen, sides);
    Ok(Some(Choice { share, chosen: decode(&chosen)?, sides: decode(&sides)?, made }))
}

/// What stands in the root by the records, by name, each with the bytes of all that is in it.
pub(crate) fn bytes_inside(view: &View, share: ShareId) -> Result<Vec<(FileId, u64)>, Error> {
    let mut statement = view.prepare_cached(
        "WITH RECURSIVE inside (top, name, id, size) AS (
             SELECT id, name, id, size FROM tree_node WHERE share = ?1 AND parent = ?2 AND alive
             UNION ALL
             SELECT top, inside.name, node.id, node.size FROM inside
             JOIN tree_node AS node ON node.share = ?1 AND node.parent = inside.id AND node.alive)
         SELECT top, sum(size) FROM inside GROUP BY top ORDER BY name",
    )?;
    let root = tree::root_of(share);
    let rows = statement.query_map(params![share.as_bytes(), root.as_bytes()], |row| {
        Ok((FileId::from_bytes(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
