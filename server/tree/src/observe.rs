//! What was seen on this hive's disk becomes part of the records.

use types::{FileId, Hash, Name, Signer, Vector};

use crate::before::before_next;
use crate::hand::{Draft, Hand};
use crate::join::{known, living, seen, standing};
use crate::{Held, Ledger, Node, What, is_alive, mend, root_of, step};

/// Something that was seen on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It stands there with this content.
    Stands {
        id: FileId,
        parent: FileId,
        name: Name,
        what: What,
        /// A guest's name, when a guest wrote it.
        by: Option<String>,
    },
    /// It stood there and does so no longer.
    Gone { id: FileId },
}

/// Takes in what one look at the disk found; what it found unchanged may be left out. Answers
/// whether records changed.
///
/// One call holds all that was found at one time, renames above all, in any order: between the
/// two halves of a swap two things would seem to have one name. What a folder held is gone with
/// it, and so is what stood at a place where now something else stands, if it is not told where
/// that is. A thing that changed between folder, file and link is a new one: it needs a new id.
///
/// What a step did to the disk before a crash kept [`crate::did`] from being called is recognised
/// and makes no change. A new thing of which [`known_as`] knows an id must be told under that one.
///
/// On a hive that may not change the share nothing becomes a record: what was moved or removed is
/// brought back by the next steps, and what was written stays as it is, out of step.
pub fn observe<L: Ledger>(
    ledger: &mut L,
    signer: &dyn Signer,
    found: Vec<Seen>,
) -> Result<bool, L::Error> {
    if !ledger.may_change() {
        return look_on(ledger, found);
    }
    // While a friend's records are still coming in, theirs and ours are mended together.
    let calm = ledger.unmended()?.is_empty();
    let mut hand = Hand::new(ledger, signer);
    let mut standing = Vec::new();
    let mut gone = Vec::new();
    for seen in found {
        match seen {
            Seen::Stands { id, parent, name, what, by } => {
                standing.push((id, parent, name.clone()));
                stands(&mut hand, id, (parent, name), what, by)?;
            }
            Seen::Gone { id } => gone.push(id),
        }
    }
    for (id, parent, name) in standing.iter().filter(|(_, _, name)| !is_aside(name)) {
        for other in hand.ledger.held_at(*parent, name)? {
            let told = standing.iter().any(|(told, _, _)| *told == other);
            if other != *id && !told {
                gone.push(other);
            }
        }
    }
    for id in gone {
        if !standing.iter().any(|(told, _, _)| *told == id) {
            went(&mut hand, id)?;
        }
    }
    let changed = hand.changed;
    Ok((calm && mend(ledger, signer)?) || changed)
}

/// The node that something new on disk is: it has this name in this folder, does not stand on
/// disk as far as is known, and holds the same. So it was a step that put it there, before a
/// crash, or a person who copied it from elsewhere.
pub fn known_as<L: Ledger>(
    ledger: &L,
    parent: FileId,
    name: &Name,
    what: &What,
) -> Result<Option<FileId>, L::Error> {
    for id in ledger.at(parent, name)? {
        if ledger.held(id)?.is_none()
            && let Some(node) = ledger.node(id)?
            && living(&node).iter().any(|version| version.what.reads_like(what))
        {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The name under which [`crate::Step::StepAside`] keeps a thing for a moment.
pub(crate) fn aside_name(id: FileId) -> Option<Name> {
    Name::new(&format!("{ASIDE_PREFIX}{id}")).ok()
}

fn is_aside(name: &Name) -> bool {
    name.as_str().starts_with(ASIDE_PREFIX)
}

/// How the names of things begin that step aside for a moment.
pub const ASIDE_PREFIX: &str = ".skep-aside-";

fn stands<L: Ledger>(
    hand: &mut Hand<'_, L>,
    id: FileId,
    (parent, name): (FileId, Name),
    what: What,
    by: Option<String>,
) -> Result<(), L::Error> {
    let held = hand.ledger.held(id)?;
    let Some(mut node) = hand.ledger.node(id)? else {
        let draft = Draft { what: what.clone(), base: Vector::new(), before: Vec::new(), by };
        let node = hand.node(id, parent, name.clone(), draft)?;
        let vector = known(&node);
        hand.ledger.set_held(id, Some(&Held { parent, name, what, vector }))?;
        hand.ledger.set_unmended(id, true)?;
        return hand.save(&node);
    };
    let before = node.clone();
    let stood = held.as_ref().is_some_and(|held| held.parent == parent && held.name == name);
    let agreed = node.place.parent == parent && node.place.name == name;
    if !stood && !agreed && Some(&name) != aside_name(id).as_ref() {
        hand.move_to(&mut node, parent, name.clone())?;
    }
    let vector = match (&held, as_recorded(&node, held.as_ref(), &what)) {
        (Some(held), _) if held.what == what => held.vector.clone(),
        (_, Some(vector)) => vector,
        (held, None) => {
            let (base, before) = made_from(&node, held.as_ref(), &what);
            hand.write(&mut node, Draft { what: what.clone(), base, before, by })?
        }
    };
    hand.ledger.set_held(id, Some(&Held { parent, name, what, vector }))?;
    if node == before {
        return step::note(hand.ledger, id);
    }
    hand.ledger.set_unmended(id, true)?;
    hand.save(&node)
}

/// Takes note of what stands where, on a hive whose changes do not count.
fn look_on<L: Ledger>(ledger: &mut L, found: Vec<Seen>) -> Result<bool, L::Error> {
    for seen in found {
        let (id, held) = match seen {
            Seen::Gone { id } => (id, None),
            Seen::Stands { id, parent, name, what, by: _ } => {
                let Some(node) = ledger.node(id)? else { continue };
                if parent != root_of(ledger.share()) && ledger.node(parent)?.is_none() {
                    // Where it is nobody else looks for it.
                    ledger.set_held(id, None)?;
                    step::note(ledger, id)?;
                    continue;
                }
                let held = ledger.held(id)?;
                let same = held.as_ref().filter(|held| held.what == what);
                let vector = same.map(|held| held.vector.clone());
                let vector = vector.or_else(|| as_recorded(&node, None, &what));
                let vector = vector.or_else(|| is_earlier(&node, &what).then(Vector::new));
                let Some(vector) = vector else { continue };
                (id, Some(Held { parent, name, what, vector }))
            }
        };
        ledger.set_held(id, held.as_ref())?;
        step::note(ledger, id)?;
    }
    Ok(false)
}

/// The vector under which this content is in the records already: exactly this one, or one that
/// replaces what is held and differs in its date alone.
fn as_recorded(node: &Node, held: Option<&Held>, what: &What) -> Option<Vector> {
    let standing = standing(node)?;
    let replaces =
        |held: &Held| standing.vector.has_seen(&held.vector) && !held.what.reads_like(what);
    if standing.version.what == *what
        || (held.is_some_and(replaces) && is_dated_otherwise(&standing.version.what, what))
    {
        return Some(standing.vector);
    }
    let other = living(node).into_iter().find(|version| version.what == *what);
    other.map(|version| version.vector.clone())
}

/// Whether the same file carries another date.
fn is_dated_otherwise(one: &What, other: &What) -> bool {
    let (What::File { modified_ns, .. }, What::File { .. }) = (one, other) else { return false };
    let mut alike = other.clone();
    if let What::File { modified_ns: date, .. } = &mut alike {
        *date = *modified_ns;
    }
    alike == *one
}

/// Whether a node held this content once: a step wrote it, before a crash.
fn is_earlier(node: &Node, what: &What) -> bool {
    let Some(hash) = what.hash() else { return false };
    node.versions
        .iter()
        .any(|version| version.what.hash() == Some(hash) || version.before.contains(&hash))
}

/// What a change on disk was made from: how much was seen, and which contents. A thing that comes
/// back after it was removed had seen all of it; one that holds the same as a version, dressed
/// otherwise, has seen that one, and nothing that was made apart from it.
fn made_from(node: &Node, held: Option<&Held>, what: &What) -> (Vector, Vec<Hash>) {
    if let Some(held) = held {
        return (held.vector.clone(), before_next(node, &held.what, what));
    }
    if !is_alive(node) {
        let last = node.versions.first();
        let before = last.map_or_else(Vec::new, |last| before_next(node, &last.what, what));
        return (known(node), before);
    }
    let alike = living(node).into_iter().find(|version| version.what.reads_like(what));
    alike.map_or_else(
        || (seen(node), Vec::new()),
        |version| (version.vector.clone(), version.before.clone()),
    )
}

fn went<L: Ledger>(hand: &mut Hand<'_, L>, id: FileId) -> Result<(), L::Error> {
    let mut waiting = vec![(id, false)];
    while let Some((id, opened)) = waiting.pop() {
        let Some(held) = hand.ledger.held(id)? else { continue };
        if !opened && held.what.is_folder() {
            waiting.push((id, true));
            waiting.extend(hand.ledger.held_in(id)?.into_iter().map(|child| (child, false)));
            continue;
        }
        hand.ledger.set_held(id, None)?;
        let Some(mut node) = hand.ledger.node(id)? else { continue };
        if seen(&node).has_seen(&held.vector) {
            step::note(hand.ledger, id)?;
            continue;
        }
        hand.remove(&mut node, held.vector, None)?;
        hand.ledger.set_unmended(id, true)?;
        hand.save(&node)?;
    }
    Ok(())
}
