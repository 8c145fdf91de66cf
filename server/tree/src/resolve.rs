//! Two versions become one: by the merge of their texts, or by what a person chose.

use types::{FileId, Hash, Name, Signer, Vector};

use crate::before::before_joined;
use crate::hand::{Draft, Hand, UNSIGNED};
use crate::join::{known, living, merged_into, standing};
use crate::names::free_name;
use crate::{Held, Ledger, Node, Version, What, is_alive, mend, root_of, step};

/// What a person chose of two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    First,
    Second,
    /// The first stays; the second becomes a file of its own beside it. The name gets a number
    /// when somebody has it.
    Both {
        name: Name,
        new: FileId,
    },
    /// A content that was made from both.
    Text(What),
}

/// The texts of [`crate::Step::Merge`] were merged into a content with this hash and size, which
/// this hive holds. Every hive that does so writes the same. Answers whether records changed: not
/// when the two no longer stand side by side.
pub fn merged<L: Ledger>(
    ledger: &mut L,
    signer: &dyn Signer,
    id: FileId,
    (first, second): (Hash, Hash),
    (hash, size): (Hash, u64),
) -> Result<bool, L::Error> {
    if !ledger.may_change() {
        return Ok(false);
    }
    let Some(mut node) = ledger.node(id)? else { return Ok(false) };
    let Some(version) = joined(&node, first, second, hash, size) else { return Ok(false) };
    let mut hand = Hand::new(ledger, signer);
    hand.carry(&mut node, version)?;
    hand.save(&node)?;
    Ok(true)
}

/// The texts of [`crate::Step::Merge`] do not merge by themselves, or are no texts. They stay two
/// versions until a person chooses.
pub fn stay_apart<L: Ledger>(
    ledger: &mut L,
    id: FileId,
    first: Hash,
    second: Hash,
) -> Result<(), L::Error> {
    ledger.keep_apart(id, first, second)?;
    step::note(ledger, id)
}

/// What stands on the disk holds what versions with these contents hold that were made apart from
/// it: somebody who edits the file live took them in. Answers whether records changed.
pub fn embrace<L: Ledger>(
    ledger: &mut L,
    signer: &dyn Signer,
    id: FileId,
    contents: &[Hash],
) -> Result<bool, L::Error> {
    let (Some(mut node), Some(held)) = (ledger.node(id)?, ledger.held(id)?) else {
        return Ok(false);
    };
    let apart = |version: &&Version| {
        !held.vector.has_seen(&version.vector)
            && !version.what.reads_like(&held.what)
            && version.what.hash().is_some_and(|hash| contents.contains(&hash))
    };
    let mut sides: Vec<&Version> = living(&node).into_iter().filter(apart).collect();
    if sides.is_empty() || !ledger.may_change() {
        return Ok(false);
    }
    let base = sides.iter().fold(held.vector.clone(), |base, side| base.join(&side.vector));
    let own = node.versions.iter().find(|version| version.what.reads_like(&held.what)).cloned();
    sides.extend(own.as_ref());
    let before = before_joined(&sides, &held.what);
    let by = own.as_ref().and_then(|own| own.by.clone());
    let draft = Draft { what: held.what.clone(), base, before, by };
    let mut hand = Hand::new(ledger, signer);
    let vector = hand.write(&mut node, draft)?;
    hand.ledger.set_held(id, Some(&Held { vector, ..held }))?;
    hand.save(&node)?;
    Ok(true)
}

/// Carries out what a person chose of two versions, told by their vectors. Answers false, and does
/// nothing, when one of them is no longer there to be chosen: the person must look again.
pub fn resolve<L: Ledger>(
    ledger: &mut L,
    signer: &dyn Signer,
    id: FileId,
    sides: (&Vector, &Vector),
    keep: Keep,
) -> Result<bool, L::Error> {
    if !ledger.may_change() {
        return Ok(false);
    }
    let Some(mut node) = ledger.node(id)? else { return Ok(false) };
    let side = |vector: &Vector| {
        let version = living(&node).into_iter().find(|version| version.vector == *vector);
        version.cloned()
    };
    let (Some(first), Some(second)) = (side(sides.0), side(sides.1)) else { return Ok(false) };
    let mut hand = Hand::new(ledger, signer);
    let what = match &keep {
        Keep::First | Keep::Both { .. } => first.what.clone(),
        Keep::Second => second.what.clone(),
        Keep::Text(what) => what.clone(),
    };
    let before = before_joined(&[&first, &second], &what);
    let mut base = first.vector.join(&second.vector);
    if let Some(standing) = standing(&node)
        && [&first, &second].contains(&standing.version)
    {
        base = base.join(&standing.vector);
    }
    hand.write(&mut node, Draft { what, base, before, by: None })?;
    hand.save(&node)?;
    if let Keep::Both { name, new } = keep {
        let parent = node.place.parent;
        let free = hand.ledger.at(parent, &name)?.is_empty();
        let name = if free { name } else { free_name(hand.ledger, parent, &name)? };
        let draft =
            Draft { what: second.what, base: Vector::new(), before: second.before, by: second.by };
        let other = hand.node(new, parent, name, draft)?;
        hand.save(&other)?;
    }
    Ok(true)
}

/// Brings back a node that is gone, or an earlier content of one that lives. Where somebody else
/// has its name by now it gets another one, and the folders that held it come back with it. Of a
/// living one only what stands under the name is replaced; another version stays beside it. What
/// was merged into another node is brought back there. False when nothing is known of it.
pub fn restore<L: Ledger>(
    ledger: &mut L,
    signer: &dyn Signer,
    id: FileId,
    what: What,
) -> Result<bool, L::Error> {
    let (Some(mut node), true) = (ledger.node(id)?, ledger.may_change()) else {
        return Ok(false);
    };
    if let Some(into) = merged_into(&node) {
        return restore(ledger, signer, into, what);
    }
    let (parent, name) = (node.place.parent, node.place.name.clone());
    // While a friend's records are still coming in, all is mended together.
    let calm = ledger.unmended()?.is_empty();
    let mut hand = Hand::new(ledger, signer);
    if !is_alive(&node) && !hand.ledger.at(parent, &name)?.is_empty() {
        let name = free_name(hand.ledger, parent, &name)?;
        hand.move_to(&mut node, parent, name)?;
    }
    if parent != root_of(hand.ledger.share()) && hand.ledger.node(parent)?.is_none() {
        let root = root_of(hand.ledger.share());
        hand.move_to(&mut node, root, name)?;
    }
    let (base, before) = match standing(&node) {
        Some(standing) => (standing.vector, before_joined(&[standing.version], &what)),
        None => (known(&node), before_joined(&node.versions.iter().collect::<Vec<_>>(), &what)),
    };
    hand.write(&mut node, Draft { what, base, before, by: None })?;
    hand.ledger.set_unmended(id, true)?;
    hand.save(&node)?;
    if calm {
        mend(ledger, signer)?;
    }
    Ok(true)
}

/// The version that both texts join into: the same on every hive, but for who carries it.
fn joined(node: &Node, first: Hash, second: Hash, hash: Hash, size: u64) -> Option<Version> {
    let sides = living(node);
    let side = |hash: Hash| sides.iter().find(|version| version.what.hash() == Some(hash)).copied();
    let (first, second) = (side(first)?, side(second)?);
    let standing = standing(node)?;
    if !standing.others.contains(&second) || standing.version != first {
        return None;
    }
    let (
        What::File { modified_ns, executable, attributes, .. },
        What::File { modified_ns: other, .. },
    ) = (&first.what, &second.what)
    else {
        return None;
    };
    let what = What::File {
        hash,
        size,
        modified_ns: (*modified_ns).max(*other),
        executable: *executable,
        attributes: attributes.clone(),
    };
    Some(Version {
        vector: standing.vector.join(&second.vector),
        before: before_joined(&[first, second], &what),
        what,
        tick: first.tick.max(second.tick),
        at: first.at.max(second.at),
        by: first.by.clone(),
        carried: None,
        signature: UNSIGNED,
    })
}
