//! The last words about a share that is not here any more: to those who were in it with this hive.
//! They are told until they are old, as nobody answers them.

use store::{Kind, Tx, View};
use types::{DAY_MS, HiveId, ShareId, Signer};

use crate::{Error, db, membership};

const TOLD_MS: i64 = 90 * DAY_MS;

/// What one friend is to hear of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    pub share: ShareId,
    /// Of whom it tells: of the friend, that they were removed, or of this hive, that it left.
    pub about: HiveId,
    /// The body of the member's record.
    pub word: Vec<u8>,
}

/// Ends this hive's part in a share before it is forgotten here. Whoever began it takes it from
/// everybody; others leave.
pub fn say_farewell(tx: &Tx, signer: &dyn Signer, share: ShareId) -> Result<(), Error> {
    let Some(charter) = membership::charter(tx, share)? else { return Ok(()) };
    let own = signer.hive();
    let members = membership::members(tx, share)?;
    let others = members.iter().filter(|(hive, _)| **hive != own);
    let others = others.filter(|(_, standing)| standing.may().is_some());
    let others: Vec<HiveId> = others.map(|(hive, _)| *hive).collect();
    if charter.founder() != own {
        membership::leave(tx, signer, share)?;
    }
    db::forget_old_farewells(tx, tx.now().plus(-TOLD_MS))?;
    for hive in others {
        let about = if charter.founder() == own { hive } else { own };
        if about == hive {
            membership::expel(tx, signer, share, hive)?;
        }
        let record = store::record(tx, share, Kind::Member as u8, about.as_bytes())?;
        if let Some(record) = record {
            db::save_farewell(tx, hive, &Farewell { share, about, word: record.body })?;
        }
    }
    Ok(())
}

/// What a friend is to hear.
pub fn farewells(view: &View, to: HiveId) -> Result<Vec<Farewell>, Error> {
    db::farewells(view, to)
}
