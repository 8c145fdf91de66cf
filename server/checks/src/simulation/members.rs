//! Who may do what in the share, and what each hive knows of that.

use tree::{Ledger, Node};
use types::HiveId;

use super::chance::Chance;
use super::hive::{Hive, seal};

/// What becomes of the one member who is not like the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// May edit, later only look on.
    Lowered,
    /// May edit, later is no member any more.
    Removed,
    /// May edit, and tells what no honest hive does.
    Forges,
    /// The same with nothing but the right to look on.
    ForgesLookingOn,
    /// The same with the right to edit, until it is taken away; that does not stop it.
    ForgesOn,
}

/// The member who is not like the others.
#[derive(Debug)]
pub(super) struct Odd {
    pub(super) number: usize,
    pub(super) course: Course,
    id: HiveId,
    /// Which hives know that the right was taken away.
    told: Vec<bool>,
}

impl Odd {
    pub(super) fn new(hives: &[Hive], chance: &mut Chance) -> Option<Self> {
        let number = 1 + chance.below(hives.len() - 1);
        let course = *chance.pick(&[
            Course::Lowered,
            Course::Removed,
            Course::Forges,
            Course::ForgesLookingOn,
            Course::ForgesOn,
        ])?;
        let id = HiveId::from_bytes(*hives[number].signer.0.as_bytes());
        Some(Self { number, course, id, told: vec![false; hives.len()] })
    }

    pub(super) fn forges(&self) -> bool {
        !matches!(self.course, Course::Lowered | Course::Removed)
    }

    /// Whether anything that it ever wrote may count.
    pub(super) fn ever_edits(&self) -> bool {
        self.course != Course::ForgesLookingOn
    }

    /// One of those who manage takes the right away.
    pub(super) fn take_right(&mut self, by: usize) {
        if !matches!(self.course, Course::Forges | Course::ForgesLookingOn) {
            self.told[by] = true;
        }
    }

    /// What one hive knows of it the other knows from now on.
    pub(super) fn tell(&mut self, from: usize, hives: &mut [Hive], to: usize) {
        if !self.told[from] {
            return;
        }
        self.told[to] = true;
        if to == self.number && !self.forges() {
            hives[to].looks_on();
        }
    }

    /// Whether two hives still talk to each other.
    pub(super) fn talk(&self, one: usize, other: usize) -> bool {
        let removed = matches!(self.course, Course::Removed | Course::ForgesOn);
        let knows = |hive: usize, of: usize| of == self.number && self.told[hive];
        !removed || !(knows(one, other) || knows(other, one))
    }

    /// Whether a hive takes a state from another: all who speak in it said so themselves, and had
    /// the right; of the one at the other end it is known that it has it still.
    pub(super) fn allows(&self, node: &Node, from: usize, to: &Hive) -> bool {
        let share = to.memory.share();
        node.signed(share).into_iter().all(|(author, message, signature)| {
            let lost = from == self.number && self.told[to.number];
            let may = author != self.id || (self.ever_edits() && !lost);
            may && seal(author, &message) == signature
        })
    }
}
