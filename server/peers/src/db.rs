//! All SQL of the links: this hive's epoch, and how far it went through others' records.

use store::sql::{OptionalExtension, params};
use store::{Error, Record, Tx, View};
use types::{HiveId, ShareId};

use crate::wire::Since;

/// The number of this hive's count of records; drawn when there is none.
pub(crate) fn epoch(tx: &mut Tx) -> Result<u64, Error> {
    let known: Option<i64> =
        tx.query_row("SELECT epoch FROM peers_epoch", [], |row| row.get(0)).optional()?;
    match known {
        Some(known) => Ok(known.cast_unsigned()),
        None => begin_epoch(tx),
    }
}

pub(crate) fn begin_epoch(tx: &mut Tx) -> Result<u64, Error> {
    let mut bytes = [0; 8];
    tx.chance().fill_bytes(&mut bytes);
    // SQLite's integers are signed; the sign is kept free so that the number reads alike.
    let epoch = i64::from_le_bytes(bytes) & i64::MAX;
    tx.execute("INSERT OR REPLACE INTO peers_epoch (only, epoch) VALUES (1, ?1)", [epoch])?;
    Ok(epoch.cast_unsigned())
}

pub(crate) fn forget_positions(tx: &Tx) -> Result<(), Error> {
    tx.execute("DELETE FROM peers_position", [])?;
    Ok(())
}

pub(crate) fn forget_positions_in(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM peers_position WHERE share = ?1", [share.as_bytes()])?;
    Ok(())
}

pub(crate) fn position(view: &View, hive: HiveId, share: ShareId) -> Result<Option<Since>, Error> {
    Ok(view
        .prepare_cached("SELECT epoch, at FROM peers_position WHERE hive = ?1 AND share = ?2")?
        .query_row(params![hive.as_bytes(), share.as_bytes()], |row| {
            let (epoch, at): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(Since { epoch: epoch.cast_unsigned(), at: at.cast_unsigned() })
        })
        .optional()?)
}

pub(crate) fn set_position(
    tx: &Tx,
    hive: HiveId,
    share: ShareId,
    since: Since,
) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO peers_position (hive, share, epoch, at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        hive.as_bytes(),
        share.as_bytes(),
        since.epoch.cast_signed(),
        since.at.cast_signed()
    ])?;
    Ok(())
}

/// A batch of records after a position: how far it reaches, whether there are more, and they.
pub(crate) fn load(
    view: &View,
    share: ShareId,
    since: u64,
    bytes_max: usize,
) -> Result<(u64, bool, Vec<Record>), Error> {
    let newest = store::newest_record(view, share)?;
    let since = if newest < since { 0 } else { since };
    let records = store::records_since(view, share, since, bytes_max)?;
    let upto = records.last().map_or(newest, |record| record.seq);
    Ok((upto, upto < newest, records))
}
