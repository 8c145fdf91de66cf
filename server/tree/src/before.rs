//! The contents that a version was made from: how the list grows, how it is thinned, and how two
//! lists tell the ancestor of two versions.

use types::Hash;

use crate::{Node, Version, What};

/// So many of the newest are all kept,
const NEWEST: usize = 8;
/// then so many of every second, of every fourth, and so on,
const OF_EACH: usize = 4;
/// up to this many times.
const TIMES: usize = 4;

/// The newest content that two versions of one node have in common; that of one of them when the
/// other was made from it.
pub(crate) fn ancestor(one: &Version, other: &Version) -> Option<Hash> {
    let (one, other) = (line(one), line(other));
    let common = one.iter().enumerate().filter_map(|(at, hash)| {
        let in_other = other.iter().position(|candidate| candidate == hash)?;
        Some((at.max(in_other), at + in_other, *hash))
    });
    common.min().map(|(_, _, hash)| hash)
}

/// What a content that replaces `what` in this node was made from.
pub(crate) fn before_next(node: &Node, what: &What, next: &What) -> Vec<Hash> {
    let Some(hash) = what.hash() else { return Vec::new() };
    let mut list = vec![hash];
    let exact = node.versions.iter().find(|version| version.what.hash() == Some(hash));
    // The version that stands on the disk may be replaced in the records already; then one that
    // came after it knows what came before it.
    let older = exact.map(|version| version.before.as_slice()).or_else(|| {
        node.versions.iter().find_map(|version| {
            let at = version.before.iter().position(|known| *known == hash)?;
            version.before.get(at + 1..)
        })
    });
    list.extend(older.into_iter().flatten());
    if next.hash() == Some(hash) {
        list.remove(0);
    }
    thinned(list)
}

/// What a content that joins several versions was made from; the same whatever their order is on
/// the hive that asks, as long as it is the order of the node.
pub(crate) fn before_joined(sides: &[&Version], next: &What) -> Vec<Hash> {
    let lines: Vec<Vec<Hash>> = sides.iter().map(|side| line(side)).collect();
    let longest = lines.iter().map(Vec::len).max().unwrap_or(0);
    let list = (0..longest).flat_map(|at| lines.iter().filter_map(move |line| line.get(at)));
    thinned(list.copied().filter(|hash| next.hash() != Some(*hash)).collect())
}

fn line(version: &Version) -> Vec<Hash> {
    version.what.hash().into_iter().chain(version.before.iter().copied()).collect()
}

/// Which ones stay is decided by the hashes themselves, so that lists which grew apart thin out
/// alike and still have something in common.
fn thinned(list: Vec<Hash>) -> Vec<Hash> {
    let mut kept: Vec<Hash> = Vec::with_capacity(NEWEST + OF_EACH * TIMES);
    for hash in list {
        let time = (kept.len().saturating_sub(NEWEST) / OF_EACH + 1).min(TIMES);
        let full = kept.len() >= NEWEST + OF_EACH * TIMES;
        let stays = kept.len() < NEWEST || (!full && rarity(&hash) as usize >= time);
        if stays && !kept.contains(&hash) {
            kept.push(hash);
        }
    }
    kept
}

/// Half of all hashes have at least 1, a quarter at least 2, and so on.
fn rarity(hash: &Hash) -> u32 {
    hash.as_bytes()[0].trailing_zeros()
}
