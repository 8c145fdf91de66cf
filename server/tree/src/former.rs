//! What was written by somebody who may write no more. It counts up to a limit; what goes beyond it
//! counts only where somebody who may write took it in before they knew of the limit, and signs
//! for it from then on. So every hive comes to the same, and nobody's changes that were made upon
//! it lose their ground.

use types::{FileId, HiveId, Signer, Tick};

use crate::hand::Hand;
use crate::join::join;
use crate::{Ledger, Node, step};

/// What became of a node whose words were looked through again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// All of them count.
    Whole,
    /// Those that do not are this hive's own words now.
    TakenOver,
    /// This hive may not speak for others. Whoever has a state that counts must be asked for it.
    Forgotten,
}

/// Whether everything in a state counts; `may` tells it of who signed, and when in their count.
pub fn counts(node: &Node, may: &dyn Fn(Tick) -> bool) -> bool {
    node.signers().all(may)
}

/// The newest that a hive signed in the body of a node's record; 0: nothing.
pub fn signed_last(body: &[u8], hive: HiveId) -> u64 {
    let Ok(node) = postcard::from_bytes::<Node>(body) else { return 0 };
    let own = node.signers().filter(|tick| tick.hive == hive);
    own.map(|tick| tick.count).max().unwrap_or(0)
}

/// Goes through what is known of a node again, after somebody lost the right to write. What stands
/// on the disk is left there; of a node that was forgotten it is nobody's but this hive's.
pub fn look_through<L: Ledger>(
    ledger: &mut L,
    signer: &dyn Signer,
    id: FileId,
    may: &dyn Fn(Tick) -> bool,
) -> Result<Kept, L::Error> {
    let Some(node) = ledger.node(id)? else { return Ok(Kept::Whole) };
    if counts(&node, may) {
        return Ok(Kept::Whole);
    }
    if !ledger.may_change() {
        ledger.forget(id)?;
        ledger.set_held(id, None)?;
        ledger.set_unmended(id, false)?;
        step::note(ledger, id)?;
        return Ok(Kept::Forgotten);
    }
    let mut hand = Hand::new(ledger, signer);
    let taken_over = hand.take_over(node, may)?;
    hand.save(&join(&taken_over, &taken_over))?;
    Ok(Kept::TakenOver)
}

impl<L: Ledger> Hand<'_, L> {
    /// The same state with this hive's signature under all that would not count otherwise.
    fn take_over(&mut self, node: Node, may: &dyn Fn(Tick) -> bool) -> Result<Node, L::Error> {
        let (share, id) = (self.ledger.share(), node.id);
        let Node { mut place, mut versions, mut gone, .. } = node;
        if !may(place.signer()) {
            place.carried = Some(self.ledger.next_tick()?);
            place = place.signed(share, id, self.signer);
        }
        for version in versions.iter_mut().filter(|version| !may(version.signer())) {
            version.carried = Some(self.ledger.next_tick()?);
            *version = version.clone().signed(share, id, self.signer);
        }
        for gone in gone.iter_mut().filter(|gone| !may(gone.signer())) {
            gone.carried = Some(self.ledger.next_tick()?);
            *gone = gone.clone().signed(share, id, self.signer);
        }
        Ok(Node { id, place, versions, gone })
    }
}
