//! What a friend's hive tells becomes part of the records, and what hives did apart is mended, in
//! the same way by whoever sees the need first.

use std::collections::{BTreeSet, HashSet};

use types::{FileId, Name, Signer, Tick, Vector};

use crate::fault::is_ahead_of_time;
use crate::hand::{Draft, Hand};
use crate::join::{
    carried, current, is_dealt_with, known, living, merged_into, standing, taken_away,
};
use crate::names::free_name;
use crate::{Ledger, Node, Version, What, fault, is_alive, join, root_of, step};

/// Deeper than any path can be.
const DEPTH_MAX: usize = types::PATH_BYTES_MAX / 2;

/// Joins a friend's state of a node into ours. Answers whether that told anything new. Who wrote
/// it and whether they may was checked before; a state that no honest hive writes is left out.
///
/// Call [`mend`] when all that the friend's hive knew at one moment was received, and not before:
/// of a swap that is known by half, two things seem to have one name.
pub fn receive<L: Ledger>(ledger: &mut L, node: &Node) -> Result<bool, L::Error> {
    if fault(node, ledger.share()).is_some() {
        return Ok(false);
    }
    let counts = known(node);
    let counts = counts.hives().map(|(hive, count)| Tick { count, hive });
    let latest = counts.fold(node.latest_tick(), Tick::max);
    if is_ahead_of_time(latest.count, ledger.now()) {
        return Ok(false);
    }
    ledger.saw_tick(latest)?;
    let joined = match ledger.node(node.id)? {
        Some(own) => {
            let joined = join(&own, node);
            if joined == own {
                return Ok(false);
            }
            joined
        }
        None => join(node, node),
    };
    ledger.put(&joined)?;
    ledger.set_unmended(node.id, true)?;
    step::note(ledger, node.id)?;
    Ok(true)
}

/// Mends what was received since the last time: one name for two things in a folder, folders
/// inside of each other, a living thing in a folder that is gone. Answers whether that wrote
/// records. Any hive may do it, and several may at once: they reach the same.
pub fn mend<L: Ledger>(ledger: &mut L, signer: &dyn Signer) -> Result<bool, L::Error> {
    let may_change = ledger.may_change();
    let mut hand = Hand::new(ledger, signer);
    loop {
        let waiting = hand.ledger.unmended()?;
        if waiting.is_empty() {
            return Ok(hand.changed);
        }
        for id in waiting {
            hand.ledger.set_unmended(id, false)?;
            if may_change {
                mend_one(&mut hand, id)?;
            }
        }
    }
}

/// Mends one node. What that changes, or what must be looked at again, becomes unmended.
fn mend_one<L: Ledger>(hand: &mut Hand<'_, L>, id: FileId) -> Result<(), L::Error> {
    let Some(node) = hand.ledger.node(id)? else { return Ok(()) };
    if let Some(into) = merged_into(&node)
        && let Some(into) = hand.ledger.node(into)?
        && follow_merge(hand, &node, into)?
    {
        return Ok(());
    }
    let is_folder = current(&node).is_some_and(|version| version.what.is_folder());
    if !is_alive(&node) || !is_folder {
        for child in hand.ledger.children(id)? {
            hand.ledger.set_unmended(child, true)?;
        }
    }
    if !is_alive(&node) || mend_parent(hand, &node)? || (is_folder && break_circle(hand, &node)?) {
        return Ok(());
    }
    for other in hand.ledger.at(node.place.parent, &node.place.name)? {
        if other != id {
            return one_name(hand, id.min(other), id.max(other));
        }
    }
    Ok(())
}

/// A node that was merged into another one stays so: what was changed in it apart from that
/// belongs to the other, and so does what people removed of it. Answers whether that changed it.
fn follow_merge<L: Ledger>(
    hand: &mut Hand<'_, L>,
    node: &Node,
    mut into: Node,
) -> Result<bool, L::Error> {
    let alive = is_alive(node);
    let is_folder = |node: &Node| current(node).is_some_and(|version| version.what.is_folder());
    let folder = is_folder(node);
    if is_folder(&into) != folder {
        return Ok(false);
    }
    let removed = taken_away(node);
    let others: BTreeSet<FileId> = node.gone.iter().filter_map(|gone| gone.merged_into).collect();
    let others = others.into_iter().filter(|other| *other != into.id && *other < node.id);
    let mut elsewhere = Vec::new();
    for other in others {
        elsewhere.extend(hand.ledger.node(other)?);
    }
    if !folder {
        let before = into.clone();
        if elsewhere.is_empty() {
            for version in living(node) {
                carry(hand, node.id, version, &mut into)?;
            }
        } else {
            let kept = |version: &&Version| !removed.has_seen(&version.vector);
            for version in node.versions.iter().filter(kept) {
                carry_once(hand, node, version, &elsewhere, &mut into)?;
            }
        }
        let removed = carried(node.id, &removed);
        if !taken_away(&into).has_seen(&removed) {
            hand.remove(&mut into, removed, None)?;
        }
        if into != before {
            hand.save(&into)?;
            hand.ledger.set_unmended(into.id, true)?;
        }
        for other in elsewhere {
            withdraw(hand, node, other)?;
        }
    }
    if !alive {
        return Ok(false);
    }
    let mut node = node.clone();
    let all = known(&node);
    hand.remove(&mut node, all, Some(into.id))?;
    hand.save(&node)?;
    hand.ledger.set_unmended(node.id, true)?;
    Ok(true)
}

/// Hives that did not know of each other merged a node into different ones. It belongs to one of
/// these, and leaves the others, but for what people made of it there.
fn withdraw<L: Ledger>(
    hand: &mut Hand<'_, L>,
    node: &Node,
    mut from: Node,
) -> Result<(), L::Error> {
    let all = carried(node.id, &known(node));
    if living(&from).iter().any(|version| all.has_seen(&version.vector)) {
        hand.remove(&mut from, all, Some(node.id))?;
        hand.save(&from)?;
        hand.ledger.set_unmended(from.id, true)?;
    }
    Ok(())
}

/// Carries a version to where its node belongs, unless a person made something of it, or removed
/// it, in another node that it had been merged into: that is where it went on.
fn carry_once<L: Ledger>(
    hand: &mut Hand<'_, L>,
    node: &Node,
    version: &Version,
    elsewhere: &[Node],
    into: &mut Node,
) -> Result<(), L::Error> {
    let all = carried(node.id, &known(node));
    let vector = carried(node.id, &version.vector);
    if !elsewhere.iter().any(|other| is_dealt_with(other, &vector, &all)) {
        carry(hand, node.id, version, into)?;
    } else if living(into).iter().any(|known| vector.has_seen(&known.vector)) {
        hand.remove(into, vector, Some(node.id))?;
    }
    Ok(())
}

/// Adds a version of another node, unless it is known or outdated there.
fn carry<L: Ledger>(
    hand: &mut Hand<'_, L>,
    from: FileId,
    version: &Version,
    into: &mut Node,
) -> Result<(), L::Error> {
    let vector = carried(from, &version.vector);
    if into.versions.iter().any(|known| known.vector.has_seen(&vector)) {
        return Ok(());
    }
    hand.carry(into, Version { vector, ..version.clone() })
}

/// A living thing stands in a living folder. Answers whether something had to be done.
fn mend_parent<L: Ledger>(hand: &mut Hand<'_, L>, node: &Node) -> Result<bool, L::Error> {
    let root = root_of(hand.ledger.share());
    if node.place.parent == root {
        return Ok(false);
    }
    // What is not known may still come.
    let Some(mut parent) = hand.ledger.node(node.place.parent)? else { return Ok(false) };
    let was_folder = current(&parent).is_some_and(|version| version.what.is_folder());
    if was_folder && is_alive(&parent) {
        return Ok(false);
    }
    if was_folder {
        if let Some(into) = merged_into(&parent)
            && hand.ledger.node(into)?.is_some()
        {
            moved(hand, node, into, node.place.name.clone())?;
        } else {
            let draft =
                Draft { what: What::Folder, base: known(&parent), before: Vec::new(), by: None };
            hand.write(&mut parent, draft)?;
            hand.save(&parent)?;
            hand.ledger.set_unmended(parent.id, true)?;
            hand.ledger.set_unmended(node.id, true)?;
        }
    } else {
        moved(hand, node, root, node.place.name.clone())?;
    }
    Ok(true)
}

/// Two hives moved folders into each other: the one of the oldest move goes to the root.
fn break_circle<L: Ledger>(hand: &mut Hand<'_, L>, node: &Node) -> Result<bool, L::Error> {
    let root = root_of(hand.ledger.share());
    let mut way = vec![node.clone()];
    let mut known = HashSet::from([node.id]);
    loop {
        let Some(last) = way.last() else { return Ok(false) };
        let parent = last.place.parent;
        if known.contains(&parent) {
            way = way.into_iter().skip_while(|node| node.id != parent).collect();
            break;
        }
        if way.len() > DEPTH_MAX {
            break;
        }
        if parent == root {
            return Ok(false);
        }
        let Some(next) = hand.ledger.node(parent)? else { return Ok(false) };
        known.insert(parent);
        way.push(next);
    }
    let Some(oldest) = way.iter().min_by_key(|node| node.place.tick) else { return Ok(false) };
    moved(hand, oldest, root, oldest.place.name.clone())?;
    hand.ledger.set_unmended(node.id, true)?;
    Ok(true)
}

/// Two living nodes have one name in one folder.
fn one_name<L: Ledger>(
    hand: &mut Hand<'_, L>,
    smaller: FileId,
    larger: FileId,
) -> Result<(), L::Error> {
    let (Some(mut kept), Some(mut merged)) =
        (hand.ledger.node(smaller)?, hand.ledger.node(larger)?)
    else {
        return Ok(());
    };
    let what = |node: &Node| standing(node).map(|standing| standing.version.what.clone());
    let (Some(one), Some(other)) = (what(&kept), what(&merged)) else { return Ok(()) };
    match (&one, &other) {
        (What::Folder, What::Folder) => {
            for child in hand.ledger.children(larger)? {
                if let Some(child) = hand.ledger.node(child)? {
                    moved(hand, &child, smaller, child.place.name.clone())?;
                }
            }
        }
        (What::File { .. }, What::File { .. }) => {}
        _ if one == other => {}
        _ => {
            let renamed = if other.is_folder() { &kept } else { &merged };
            let name = free_name(hand.ledger, renamed.place.parent, &renamed.place.name)?;
            moved(hand, renamed, renamed.place.parent, name)?;
            hand.ledger.set_unmended(smaller, true)?;
            return hand.ledger.set_unmended(larger, true);
        }
    }
    if !one.is_folder() {
        for version in living(&merged) {
            carry(hand, larger, version, &mut kept)?;
        }
        hand.save(&kept)?;
    }
    let all: Vector = known(&merged);
    hand.remove(&mut merged, all, Some(smaller))?;
    hand.save(&merged)?;
    hand.ledger.set_unmended(larger, true)?;
    hand.ledger.set_unmended(smaller, true)
}

fn moved<L: Ledger>(
    hand: &mut Hand<'_, L>,
    node: &Node,
    parent: FileId,
    name: Name,
) -> Result<(), L::Error> {
    let mut node = node.clone();
    hand.move_to(&mut node, parent, name)?;
    hand.save(&node)?;
    hand.ledger.set_unmended(node.id, true)
}
