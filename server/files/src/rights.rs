//! Whose words about files count in a share, and what follows when that changes.

use std::collections::BTreeMap;

use store::{Tx, View};
use tree::Kept;
use types::{HiveId, ShareId, Signer, Tick};

use crate::db::tree as db;
use crate::ledger::Records;
use crate::{Error, exchange};

/// By which rights the nodes of a share were looked through: up to which count of whom all counts.
pub fn writers(view: &View, share: ShareId) -> Result<BTreeMap<HiveId, u64>, Error> {
    db::writers(view, share)
}

/// Notes whose words count from now on. Where that is less than before, every node is looked
/// through ([`tree::look_through`]); where it is more, what was refused may count now.
pub fn set_writers(
    tx: &mut Tx,
    signer: &dyn Signer,
    share: ShareId,
    now: &BTreeMap<HiveId, u64>,
) -> Result<(), Error> {
    let before = db::writers(tx, share)?;
    if before == *now {
        return Ok(());
    }
    db::set_writers(tx, share, now)?;
    let limit = |all: &BTreeMap<HiveId, u64>, hive: &HiveId| all.get(hive).copied();
    exchange::set_may_change(tx, share, limit(now, &signer.hive()) == Some(u64::MAX))?;
    let narrower = before.iter().any(|(hive, upto)| limit(now, hive) < Some(*upto));
    let wider = now.iter().any(|(hive, upto)| limit(&before, hive) < Some(*upto));
    let mut anew = wider && db::refused(tx, share)?.is_some();
    if narrower {
        let may = |tick: Tick| limit(now, &tick.hive).is_some_and(|upto| tick.count <= upto);
        for id in db::all_nodes(tx, share)? {
            let mut records = Records::new(tx, share, signer.hive());
            let kept = tree::look_through(&mut records, signer, id, &may)?;
            anew |= kept == Kept::Forgotten;
        }
    }
    if anew { db::set_refused(tx, share, true) } else { Ok(()) }
}

/// Notes that something was refused that may count once rights change.
pub fn note_refused(tx: &Tx, share: ShareId) -> Result<(), Error> {
    db::set_refused(tx, share, false)
}

/// Whether friends are to be asked for everything of a share anew.
pub fn asks_anew(view: &View, share: ShareId) -> Result<bool, Error> {
    Ok(db::refused(view, share)? == Some(true))
}

pub fn asked_anew(tx: &Tx, share: ShareId) -> Result<(), Error> {
    db::set_asked_anew(tx, share)
}
