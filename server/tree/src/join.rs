//! How states of one node join, and what a joined state means: whether it lives, which content
//! stands under its name, and which others stay beside it.

use std::cmp::Reverse;

use serde::Serialize;
use types::{FileId, Hash, HiveId, Tick, Vector};

use crate::before::ancestor;
use crate::fault::APART_MAX;
use crate::{Gone, Node, Place, Version};

/// The state that knows all that either knows. Commutative, associative and idempotent; of what
/// names the same moment differently (no honest hive does) the greater bytes count.
#[must_use]
pub fn join(a: &Node, b: &Node) -> Node {
    let mut versions: Vec<Version> = Vec::with_capacity(a.versions.len().max(b.versions.len()));
    for version in a.versions.iter().chain(&b.versions) {
        add_version(&mut versions, version);
    }
    let mut gone: Vec<Gone> = Vec::new();
    for removal in a.gone.iter().chain(&b.gone) {
        add_gone(&mut gone, removal);
    }
    let place = if later(&a.place, &b.place) { &a.place } else { &b.place };
    bounded(&mut versions, |version| &version.vector);
    bounded(&mut gone, |gone| &gone.seen);
    sorted(Node { id: a.id, place: place.clone(), versions, gone })
}

/// Whether it stands in the share: some version was seen by nobody who removed it.
pub fn is_alive(node: &Node) -> bool {
    let seen = seen(node);
    node.versions.iter().any(|version| !seen.has_seen(&version.vector))
}

/// The version that stands under the name; of a node that is gone, the one that stood there last.
pub fn current(node: &Node) -> Option<&Version> {
    living(node).into_iter().next().or_else(|| node.versions.first())
}

/// What stands under the name, and what was made apart from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing<'a> {
    pub version: &'a Version,
    /// Its vector, joined with those of all that it stands for as well: the same content made
    /// apart, and contents that it was made from.
    pub vector: Vector,
    /// Two versions: the contents that stand beside it, the latest first.
    pub others: Vec<&'a Version>,
}

/// How a living node stands; `None` when it is gone.
pub fn standing(node: &Node) -> Option<Standing<'_>> {
    let living = living(node);
    let first = *living.first()?;
    if living.len() == 1 {
        return Some(Standing { version: first, vector: first.vector.clone(), others: Vec::new() });
    }
    let covered: Vec<bool> =
        living.iter().map(|one| living.iter().any(|other| covers(other, one))).collect();
    let mut tops = living.iter().zip(&covered).filter(|(_, covered)| !**covered);
    // Contents that went in a circle on several hives: the latest is as good as any.
    let version = tops.next().map_or(first, |(version, _)| *version);
    let others: Vec<&Version> = tops.map(|(version, _)| *version).collect();
    let vector = living
        .iter()
        .filter(|one| others.is_empty() || covers(version, one))
        .fold(version.vector.clone(), |joined, one| joined.join(&one.vector));
    Some(Standing { version, vector, others })
}

/// What all removals together have seen.
pub(crate) fn seen(node: &Node) -> Vector {
    node.gone.iter().fold(Vector::new(), |seen, gone| seen.join(&gone.seen))
}

/// What those removals have seen that took content away, and did not merge it into another node.
pub(crate) fn taken_away(node: &Node) -> Vector {
    let merges = |gone: &&Gone| gone.merged_into.is_some_and(|into| into < node.id);
    let removals = node.gone.iter().filter(|gone| !merges(gone));
    removals.fold(Vector::new(), |seen, gone| seen.join(&gone.seen))
}

/// Whether a person changed or removed in this node what was carried into it: `carried` of all
/// that `known` of the other node is carried as.
pub(crate) fn is_dealt_with(node: &Node, carried: &Vector, known: &Vector) -> bool {
    let changed =
        |version: &Version| version.vector.has_seen(carried) && !known.has_seen(&version.vector);
    let removed = |gone: &Gone| gone.merged_into.is_none() && gone.seen.has_seen(carried);
    node.versions.iter().any(changed) || node.gone.iter().any(removed)
}

/// All that is known of it: every version and every removal.
pub(crate) fn known(node: &Node) -> Vector {
    node.versions.iter().fold(seen(node), |known, version| known.join(&version.vector))
}

/// The versions that no removal has seen, the latest first.
pub(crate) fn living(node: &Node) -> Vec<&Version> {
    let seen = seen(node);
    node.versions.iter().filter(|version| !seen.has_seen(&version.vector)).collect()
}

/// The node that this one was merged into. Only a smaller id counts, so there are no circles.
pub fn merged_into(node: &Node) -> Option<FileId> {
    let merges = node.gone.iter().filter_map(|gone| Some((gone.tick, gone.merged_into?)));
    merges.filter(|(_, into)| *into < node.id).max().map(|(_, into)| into)
}

/// A vector of a node as it counts in the node that it is merged into: its changes are named
/// after it, so that they are apart from all changes of the other.
pub(crate) fn carried(from: FileId, vector: &Vector) -> Vector {
    vector.hives().fold(Vector::new(), |carried, (hive, count)| {
        let name = [from.as_bytes().as_slice(), hive.as_bytes()].concat();
        let hive = HiveId::from_bytes(*Hash::of(&name).as_bytes());
        carried.with_change_at(Tick { count, hive })
    })
}

/// Whether the first stands for the second as well.
fn covers(one: &Version, other: &Version) -> bool {
    if one.vector == other.vector {
        return false;
    }
    if one.what.reads_like(&other.what) {
        return order(one) < order(other);
    }
    let (Some(_), Some(hash)) = (one.what.hash(), other.what.hash()) else { return false };
    ancestor(one, other) == Some(hash)
}

fn add_version(versions: &mut Vec<Version>, new: &Version) {
    if versions.iter().any(|known| known.vector == new.vector) {
        for known in versions.iter_mut().filter(|known| known.vector == new.vector) {
            if rank(new.tick, new.carried, new) > rank(known.tick, known.carried, known) {
                *known = new.clone();
            }
        }
    } else if !versions.iter().any(|known| known.vector.has_seen(&new.vector)) {
        versions.retain(|known| !new.vector.has_seen(&known.vector));
        versions.push(new.clone());
    }
}

fn add_gone(gone: &mut Vec<Gone>, new: &Gone) {
    let alike = |known: &Gone| known.merged_into == new.merged_into;
    if gone.iter().any(|known| alike(known) && known.seen == new.seen) {
        for known in gone.iter_mut().filter(|known| alike(known) && known.seen == new.seen) {
            if rank(new.tick, new.carried, new) > rank(known.tick, known.carried, known) {
                *known = new.clone();
            }
        }
    } else if !gone.iter().any(|known| alike(known) && known.seen.has_seen(&new.seen)) {
        gone.retain(|known| !alike(known) || !new.seen.has_seen(&known.seen));
        gone.push(new.clone());
    }
}

/// No more than honest hives ever make; otherwise nobody would take in a state that grew too large.
/// Those that have seen more stay, so that it is the same ones in whatever order they come.
fn bounded<T: Serialize>(all: &mut Vec<T>, vector: impl Fn(&T) -> &Vector) {
    if all.len() > APART_MAX {
        let changes =
            |one: &T| vector(one).hives().map(|(_, count)| u128::from(count)).sum::<u128>();
        all.sort_by_cached_key(|one| Reverse((changes(one), bytes(one))));
        all.truncate(APART_MAX);
    }
}

fn later(a: &Place, b: &Place) -> bool {
    rank(a.tick, a.carried, a) >= rank(b.tick, b.carried, b)
}

/// Of the same thing said twice the later one counts, then who carried it last; the bytes decide
/// between what no honest hive says.
fn rank(tick: Tick, carried: Option<Tick>, all: &impl Serialize) -> (Tick, Option<Tick>, Vec<u8>) {
    (tick, carried, bytes(all))
}

/// A state with its lists in the one order that every hive writes them in.
pub(crate) fn sorted(mut node: Node) -> Node {
    node.versions.sort_by_cached_key(order);
    node.gone.sort_by_cached_key(|gone| (Reverse(gone.tick), bytes(gone)));
    node
}

fn order(version: &Version) -> (Reverse<Tick>, Vec<u8>) {
    (Reverse(version.tick), bytes(&version.vector))
}

fn bytes(thing: &impl Serialize) -> Vec<u8> {
    // Into memory, from plain data: it cannot fail.
    postcard::to_stdvec(thing).unwrap_or_default()
}
