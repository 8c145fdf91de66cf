//! What the disk needs next to be in step with the records, one node and one step at a time.

use types::{FileId, Hash, Name, Vector};

use crate::before::ancestor;
use crate::join::{carried, merged_into, standing};
use crate::observe::aside_name;
use crate::{Held, Ledger, Node, Version, What, root_of};

/// Texts above this are not merged.
pub const MERGE_BYTES_MAX: u64 = 1024 * 1024;
/// How far it is followed who waits for whom.
const WAITING_MAX: usize = 10_000;
const DEPTH_MAX: usize = types::PATH_BYTES_MAX;

/// One step on the disk. Before it touches anything, whoever executes it looks whether the disk
/// still is as [`Held`] says, and observes first if it is not; and after it has succeeded, durably,
/// they call [`did`] with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// In step, or not chosen on this hive.
    Nothing,
    /// Another node must go first.
    After(FileId),
    /// The folder that holds it stands on disk, and the name is free.
    MakeFolder { parent: FileId, name: Name, vector: Vector },
    /// To be renamed on disk; the folder that it goes to stands there, and the name is free.
    Move { from: (FileId, Name), to: (FileId, Name) },
    /// To be renamed in the folder where it stands: it is in the way of others that go round in a
    /// circle with it.
    StepAside { from: (FileId, Name), name: Name },
    /// A file or link is to be written. `instead_of` is what stands there now, of the same node;
    /// without it the name is free. When both read alike, dates and attributes are all to change.
    Write { parent: FileId, name: Name, what: What, vector: Vector, instead_of: Option<Held> },
    /// A file, a link or an empty folder is to be removed.
    Remove { held: Held },
    /// What stands on disk belongs to another node from now on. The disk stays as it is.
    Become { successor: FileId },
    /// Two texts to be merged from their ancestor `base`; then [`crate::merged`] or
    /// [`crate::stay_apart`] is called, and never [`did`]. The disk stays as it is.
    Merge { base: Hash, first: Hash, second: Hash },
}

/// What the disk needs next for a node. Pure: the same for the same ledger.
///
/// `chosen` tells whether a node is wanted on this hive. What is not and does not stand on disk is
/// left out; what stands there is kept in step all the same.
pub fn next_step<L: Ledger>(
    ledger: &L,
    id: FileId,
    chosen: &dyn Fn(FileId) -> bool,
) -> Result<Step, L::Error> {
    let mut way: Vec<(FileId, Wait)> = Vec::new();
    let mut at = id;
    while way.len() < WAITING_MAX {
        if let Some(start) = way.iter().position(|(known, _)| *known == at) {
            return break_round(ledger, id, &way, start);
        }
        match need(ledger, at, chosen)? {
            Need::Step(step) if way.is_empty() => return Ok(*step),
            Need::Step(_) => break,
            Need::Wait(wait) => {
                way.push((at, wait));
                at = wait.on;
            }
        }
    }
    Ok(way.first().map_or(Step::Nothing, |(_, wait)| Step::After(wait.on)))
}

/// The step that can be taken now so that `id` comes in step, and whose it is: [`next_step`]
/// followed through [`Step::After`]. `After` only when those that wait go in a circle that no step
/// breaks, or when the one that must go first is not to be moved by this hive.
pub fn first_step<L: Ledger>(
    ledger: &L,
    id: FileId,
    chosen: &dyn Fn(FileId) -> bool,
) -> Result<(FileId, Step), L::Error> {
    let mut at = id;
    for _ in 0..WAITING_MAX {
        match next_step(ledger, at, chosen)? {
            Step::After(next) => at = next,
            Step::Nothing if at != id => return Ok((id, Step::After(at))),
            step => return Ok((at, step)),
        }
    }
    Ok((id, Step::After(at)))
}

/// The step succeeded: what is held follows.
pub fn did<L: Ledger>(ledger: &mut L, id: FileId, step: &Step) -> Result<(), L::Error> {
    match step {
        Step::Nothing | Step::After(_) | Step::Merge { .. } => return Ok(()),
        Step::MakeFolder { parent, name, vector } => {
            let held = Held {
                parent: *parent,
                name: name.clone(),
                what: What::Folder,
                vector: vector.clone(),
            };
            ledger.set_held(id, Some(&held))?;
        }
        Step::Write { parent, name, what, vector, instead_of: _ } => {
            let held = Held {
                parent: *parent,
                name: name.clone(),
                what: what.clone(),
                vector: vector.clone(),
            };
            ledger.set_held(id, Some(&held))?;
        }
        Step::Move { from: _, to: (parent, name) } => {
            if let Some(held) = ledger.held(id)? {
                let held = Held { parent: *parent, name: name.clone(), ..held };
                ledger.set_held(id, Some(&held))?;
            }
        }
        Step::StepAside { from: _, name } => {
            if let Some(held) = ledger.held(id)? {
                ledger.set_held(id, Some(&Held { name: name.clone(), ..held }))?;
            }
        }
        Step::Remove { held: _ } => ledger.set_held(id, None)?,
        Step::Become { successor } => become_other(ledger, id, *successor)?,
    }
    note(ledger, id)
}

/// Notes whether a node is out of step. Where the disk holds what the records say already, it is
/// in step with all that was joined into that.
pub(crate) fn note<L: Ledger>(ledger: &mut L, id: FileId) -> Result<(), L::Error> {
    let Some(node) = ledger.node(id)? else { return ledger.set_out_of_step(id, false) };
    let held = ledger.held(id)?;
    let Some(standing) = standing(&node) else {
        return ledger.set_out_of_step(id, held.is_some());
    };
    let mut out_of_step = merge(ledger, id, standing.version, &standing.others)?.is_some();
    match held {
        Some(held) => {
            if held.what == standing.version.what && held.vector != standing.vector {
                let held = Held { vector: standing.vector.clone(), ..held.clone() };
                ledger.set_held(id, Some(&held))?;
            }
            out_of_step |= held.what != standing.version.what
                || held.parent != node.place.parent
                || held.name != node.place.name;
        }
        None => out_of_step = true,
    }
    ledger.set_out_of_step(id, out_of_step)
}

/// What a node needs, if nothing else were in a circle with it.
enum Need {
    Step(Box<Step>),
    Wait(Wait),
}

#[derive(Clone, Copy)]
struct Wait {
    on: FileId,
    /// It waits for the name that the other has.
    for_name: bool,
}

impl Need {
    fn step(step: Step) -> Self {
        Self::Step(Box::new(step))
    }

    const fn after(on: FileId) -> Self {
        Self::Wait(Wait { on, for_name: false })
    }
}

fn need<L: Ledger>(
    ledger: &L,
    id: FileId,
    chosen: &dyn Fn(FileId) -> bool,
) -> Result<Need, L::Error> {
    let Some(node) = ledger.node(id)? else { return Ok(Need::step(Step::Nothing)) };
    let held = ledger.held(id)?;
    let Some(standing) = standing(&node) else {
        return match held {
            None => Ok(Need::step(Step::Nothing)),
            Some(held) => leave(ledger, &node, held),
        };
    };
    let parent = node.place.parent;
    let parent_stands = parent == root_of(ledger.share())
        || ledger.held(parent)?.is_some_and(|held| held.what.is_folder());
    let what = &standing.version.what;
    let Some(held) = held else {
        if !chosen(id) {
            return Ok(Need::step(Step::Nothing));
        }
        if let Some(step) = merge(ledger, id, standing.version, &standing.others)? {
            return Ok(Need::step(step));
        }
        if !parent_stands {
            return Ok(Need::after(parent));
        }
        if let Some(wait) = who_has_its_name(ledger, &node)? {
            return Ok(wait);
        }
        return Ok(Need::step(enter(&node, what, standing.vector, None)));
    };
    if held.what.is_folder() != what.is_folder() {
        return removal(ledger, id, held);
    }
    if held.parent != parent || held.name != node.place.name {
        if !parent_stands && !chosen(id) {
            return removal(ledger, id, held);
        }
        if !parent_stands {
            return Ok(Need::after(parent));
        }
        if what.is_folder()
            && let Some(on) = in_its_way_out(ledger, id, parent)?
        {
            return Ok(Need::after(on));
        }
        if let Some(wait) = who_has_its_name(ledger, &node)? {
            return Ok(wait);
        }
        let to = (parent, node.place.name.clone());
        return Ok(Need::step(Step::Move { from: (held.parent, held.name), to }));
    }
    if let Some(step) = merge(ledger, id, standing.version, &standing.others)? {
        return Ok(Need::step(step));
    }
    if held.what == *what {
        return Ok(Need::step(Step::Nothing));
    }
    Ok(Need::step(enter(&node, what, standing.vector, Some(held))))
}

fn enter(node: &Node, what: &What, vector: Vector, instead_of: Option<Held>) -> Step {
    let (parent, name) = (node.place.parent, node.place.name.clone());
    match what {
        What::Folder => Step::MakeFolder { parent, name, vector },
        _ => Step::Write { parent, name, what: what.clone(), vector, instead_of },
    }
}

/// A node that is gone leaves the disk, or becomes the one that it was merged into.
fn leave<L: Ledger>(ledger: &L, node: &Node, held: Held) -> Result<Need, L::Error> {
    if let Some(successor) = merged_into(node)
        && ledger.held(successor)?.is_none()
        && let Some(next) = ledger.node(successor)?
        && let Some(standing) = standing(&next)
        && standing.version.what.is_folder() == held.what.is_folder()
    {
        return Ok(Need::step(Step::Become { successor }));
    }
    removal(ledger, node.id, held)
}

fn removal<L: Ledger>(ledger: &L, id: FileId, held: Held) -> Result<Need, L::Error> {
    if held.what.is_folder()
        && let Some(child) = ledger.held_in(id)?.into_iter().next()
    {
        return Ok(Need::after(child));
    }
    Ok(Need::step(Step::Remove { held }))
}

fn who_has_its_name<L: Ledger>(ledger: &L, node: &Node) -> Result<Option<Need>, L::Error> {
    let others = ledger.held_at(node.place.parent, &node.place.name)?;
    let other = others.into_iter().find(|other| *other != node.id);
    Ok(other.map(|on| Need::Wait(Wait { on, for_name: true })))
}

/// A folder cannot go into what stands inside of it on disk: whatever of that belongs elsewhere
/// goes first.
fn in_its_way_out<L: Ledger>(
    ledger: &L,
    id: FileId,
    parent: FileId,
) -> Result<Option<FileId>, L::Error> {
    let root = root_of(ledger.share());
    let mut leaves = None;
    let mut at = parent;
    for _ in 0..DEPTH_MAX {
        if at == id {
            return Ok(leaves);
        }
        if at == root {
            return Ok(None);
        }
        let Some(held) = ledger.held(at)? else { return Ok(None) };
        let elsewhere = ledger.node(at)?.is_some_and(|node| node.place.parent != held.parent);
        if leaves.is_none() && elsewhere {
            leaves = Some(at);
        }
        at = held.parent;
    }
    Ok(None)
}

/// In a circle of nodes that wait for each other, somebody who has another's name steps aside.
fn break_round<L: Ledger>(
    ledger: &L,
    id: FileId,
    way: &[(FileId, Wait)],
    start: usize,
) -> Result<Step, L::Error> {
    let round = way.get(start..).unwrap_or_default();
    let aside = round.iter().filter(|(_, wait)| wait.for_name).map(|(_, wait)| wait.on).min();
    let Some(aside) = aside else {
        return Ok(way.first().map_or(Step::Nothing, |(_, wait)| Step::After(wait.on)));
    };
    if aside != id {
        return Ok(Step::After(aside));
    }
    Ok(match (ledger.held(id)?, aside_name(id)) {
        (Some(held), Some(name)) => Step::StepAside { from: (held.parent, held.name), name },
        _ => Step::Nothing,
    })
}

/// Whether two of the contents of a node may merge as texts.
fn merge<L: Ledger>(
    ledger: &L,
    id: FileId,
    first: &Version,
    others: &[&Version],
) -> Result<Option<Step>, L::Error> {
    for second in others {
        if let (Some(one), Some(two)) = (text_hash(&first.what), text_hash(&second.what))
            && let Some(base) = ancestor(first, second)
            && ledger.may_merge(id, one, two)?
        {
            return Ok(Some(Step::Merge { base, first: one, second: two }));
        }
    }
    Ok(None)
}

fn text_hash(what: &What) -> Option<Hash> {
    match what {
        What::File { hash, size, .. } if *size <= MERGE_BYTES_MAX => Some(*hash),
        _ => None,
    }
}

fn become_other<L: Ledger>(ledger: &mut L, id: FileId, successor: FileId) -> Result<(), L::Error> {
    let Some(held) = ledger.held(id)? else { return Ok(()) };
    for child in ledger.held_in(id)? {
        if let Some(inside) = ledger.held(child)? {
            ledger.set_held(child, Some(&Held { parent: successor, ..inside }))?;
            note(ledger, child)?;
        }
    }
    let vector = carried(id, &held.vector);
    ledger.set_held(id, None)?;
    ledger.set_held(successor, Some(&Held { vector, ..held }))?;
    note(ledger, successor)
}
