//! Two versions that somebody chose between stand side by side again.

use types::{FileId, Signer};

use crate::hand::Hand;
use crate::join::{known, standing};
use crate::{Ledger, Version, is_alive, mend};

/// Takes back what [`crate::resolve`] did: both sides stand beside each other as they did before,
/// and `made`, the file that the second one became, goes if it holds still what it held then.
/// False, and nothing is done, when the file was changed since or is gone.
pub fn unresolve<L: Ledger>(
    ledger: &mut L,
    signer: &dyn Signer,
    id: FileId,
    chosen: &Version,
    sides: [&Version; 2],
    made: Option<FileId>,
) -> Result<bool, L::Error> {
    let (Some(mut node), true) = (ledger.node(id)?, ledger.may_change()) else {
        return Ok(false);
    };
    let base = match standing(&node) {
        Some(now) if now.others.is_empty() && now.version.what == chosen.what => now.vector,
        _ => return Ok(false),
    };
    let mut hand = Hand::new(ledger, signer);
    for side in sides {
        hand.write_again(&mut node, &base, side)?;
    }
    hand.save(&node)?;
    if let Some(made) = made
        && let Some(mut other) = hand.ledger.node(made)?
        && is_alive(&other)
        && standing(&other)
            .is_some_and(|now| now.others.is_empty() && now.version.what.reads_like(&sides[1].what))
    {
        let seen = known(&other);
        hand.remove(&mut other, seen, None)?;
        hand.save(&other)?;
    }
    mend(ledger, signer)?;
    Ok(true)
}
