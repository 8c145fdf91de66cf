//! The SQL of what changed since a moment.

use store::View;
use store::sql::params;
use types::{FileId, HiveId, ShareId, Time};

use crate::Error;
use crate::history::changes::Makers;

/// Who changed each file of a share since a moment, and when by this hive's clock.
pub(in crate::history) fn makers_since(
    view: &View,
    share: ShareId,
    since: Time,
) -> Result<Makers, Error> {
    let mut statement = view.prepare_cached(
        "SELECT file, hive, by, noted_at FROM files_version
         WHERE share = ?1 AND noted_at > ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query(params![share.as_bytes(), since.0])?;
    let mut makers = Makers::new();
    while let Some(row) = rows.next()? {
        let file = FileId::from_bytes(row.get(0)?);
        let hive = HiveId::from_bytes(row.get(1)?);
        makers.entry(file).or_default().push((hive, row.get(2)?, Time(row.get(3)?)));
    }
    Ok(makers)
}
