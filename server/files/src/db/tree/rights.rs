//! By which rights the nodes of a share were looked through, and what was refused by them.

use std::collections::BTreeMap;

use store::sql::{OptionalExtension, params};
use store::{Kind, Tx, View};
use types::{FileId, HiveId, ShareId};

use crate::Error;

pub(crate) fn writers(view: &View, share: ShareId) -> Result<BTreeMap<HiveId, u64>, Error> {
    let mut statement =
        view.prepare_cached("SELECT hive, upto FROM tree_writer WHERE share = ?1")?;
    let rows = statement.query_map([share.as_bytes()], |row| {
        Ok((HiveId::from_bytes(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn set_writers(
    tx: &Tx,
    share: ShareId,
    writers: &BTreeMap<HiveId, u64>,
) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM tree_writer WHERE share = ?1")?.execute([share.as_bytes()])?;
    let mut statement =
        tx.prepare_cached("INSERT INTO tree_writer (share, hive, upto) VALUES (?1, ?2, ?3)")?;
    for (hive, upto) in writers {
        statement.execute(params![share.as_bytes(), hive.as_bytes(), upto.cast_signed()])?;
    }
    Ok(())
}

/// Whether something of a share was refused; whether friends are to be asked for all of it anew.
pub(crate) fn refused(view: &View, share: ShareId) -> Result<Option<bool>, Error> {
    let mut statement = view.prepare_cached("SELECT anew FROM tree_refused WHERE share = ?1")?;
    Ok(statement.query_row([share.as_bytes()], |row| row.get(0)).optional()?)
}

pub(crate) fn set_refused(tx: &Tx, share: ShareId, anew: bool) -> Result<(), Error> {
    tx.prepare_cached(
        "INSERT INTO tree_refused (share, anew) VALUES (?1, ?2)
         ON CONFLICT (share) DO UPDATE SET anew = max(anew, excluded.anew)",
    )?
    .execute(params![share.as_bytes(), anew])?;
    Ok(())
}

pub(crate) fn set_asked_anew(tx: &Tx, share: ShareId) -> Result<(), Error> {
    tx.execute("DELETE FROM tree_refused WHERE share = ?1 AND anew", [share.as_bytes()])?;
    Ok(())
}

/// Every node of a share.
pub(crate) fn all_nodes(view: &View, share: ShareId) -> Result<Vec<FileId>, Error> {
    super::ids(view, "SELECT id FROM tree_node WHERE share = ?1", [share.as_bytes()])
}

pub(crate) fn forget_node(tx: &Tx, share: ShareId, id: FileId) -> Result<(), Error> {
    let key = params![share.as_bytes(), id.as_bytes()];
    tx.prepare_cached("DELETE FROM tree_node WHERE share = ?1 AND id = ?2")?.execute(key)?;
    store::remove_record(tx, share, Kind::Node as u8, id.as_bytes())?;
    Ok(())
}
