//! Who may do what in the share, and what each hive knows of that.

use tree::{Kept, Ledger, Node, counts, look_through};
use types::{FileId, HiveId, Tick};

use super::chance::Chance;
use super::hive::{Hive, seal};

/// What becomes of the one member who is not like the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// May edit, later only look on.
    Lowered,
    /// The same, until it may edit again.
    LoweredForAWhile,
    /// May edit, later is no member any more.
    Removed,
    /// May edit, and tells what no honest hive does.
    Forges,
    /// The same with nothing but the right to look on.
    ForgesLookingOn,
    /// The same with the right to edit, until it is taken away; that does not stop it.
    ForgesOn,
}

/// What is known of the right to edit of the member who is not like the others: what is later
/// counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    Given,
    /// Of what it signed, that counts which it signed up to here.
    UpTo(u64),
    GivenAgain,
}

/// The member who is not like the others.
#[derive(Debug)]
pub(super) struct Odd {
    pub(super) number: usize,
    pub(super) course: Course,
    id: HiveId,
    /// What each hive knows.
    known: Vec<Right>,
    /// Who let something go by that may count later.
    refused: Vec<bool>,
}

impl Odd {
    pub(super) fn new(hives: &[Hive], chance: &mut Chance) -> Option<Self> {
        let number = 1 + chance.below(hives.len() - 1);
        let course = *chance.pick(&[
            Course::Lowered,
            Course::LoweredForAWhile,
            Course::Removed,
            Course::Forges,
            Course::ForgesLookingOn,
            Course::ForgesOn,
        ])?;
        let id = hives[number].signer.0;
        let (known, refused) = (vec![Right::Given; hives.len()], vec![false; hives.len()]);
        Some(Self { number, course, id, known, refused })
    }

    pub(super) fn forges(&self) -> bool {
        matches!(self.course, Course::Forges | Course::ForgesLookingOn | Course::ForgesOn)
    }

    /// Whether anything that it ever wrote may count.
    pub(super) fn ever_edits(&self) -> bool {
        self.course != Course::ForgesLookingOn
    }

    /// One of those who manage takes the right away, or gives it back. Answers whether that hive
    /// must ask all others anew.
    pub(super) fn change_right(&mut self, hives: &mut [Hive], by: usize) -> bool {
        if matches!(self.course, Course::Forges | Course::ForgesLookingOn) {
            return false;
        }
        let told = match self.known[by] {
            Right::Given => {
                let signed = hives[by].memory.nodes().values().flat_map(Node::signers);
                let own = signed.filter(|tick| tick.hive == self.id).map(|tick| tick.count);
                Right::UpTo(own.max().unwrap_or(0))
            }
            Right::UpTo(_) if self.course == Course::LoweredForAWhile => Right::GivenAgain,
            known => known,
        };
        self.hear(told, hives, by)
    }

    /// Whether one hive knows what the other does not.
    pub(super) fn has_news(&self, from: usize, to: usize) -> bool {
        self.known[from] > self.known[to]
    }

    /// What one hive knows of it the other knows from now on. Answers whether that one must ask all
    /// others anew.
    pub(super) fn tell(&mut self, from: usize, hives: &mut [Hive], to: usize) -> bool {
        self.hear(self.known[from], hives, to)
    }

    fn hear(&mut self, told: Right, hives: &mut [Hive], to: usize) -> bool {
        if told <= self.known[to] {
            return false;
        }
        self.known[to] = told;
        if to == self.number && !self.forges() {
            hives[to].may_change(told == Right::GivenAgain);
        }
        if told == Right::GivenAgain {
            return std::mem::take(&mut self.refused[to]);
        }
        self.look_through(&mut hives[to])
    }

    /// A hive goes through what it knows. Answers whether it forgot something.
    pub(super) fn look_through(&self, hive: &mut Hive) -> bool {
        let all: Vec<FileId> = hive.memory.nodes().keys().copied().collect();
        let may = |tick: Tick| self.may(tick, hive.number);
        let mut forgot = false;
        for id in all {
            let Ok(kept) = look_through(&mut hive.memory, &hive.signer, id, &may);
            forgot |= kept == Kept::Forgotten;
        }
        forgot
    }

    /// Whether two hives still talk to each other.
    pub(super) fn talk(&self, one: usize, other: usize) -> bool {
        let removed = matches!(self.course, Course::Removed | Course::ForgesOn);
        let knows = |hive: usize, of: usize| of == self.number && self.known[hive] != Right::Given;
        !removed || !(knows(one, other) || knows(other, one))
    }

    /// Whether a hive takes a state: all who speak in it said so themselves, and had the right, as
    /// far as is known there. Who brings it is all the same.
    pub(super) fn allows(&mut self, node: &Node, to: &Hive) -> bool {
        let signed = node.signed(to.memory.share());
        let mut signed = signed.into_iter();
        let well = signed.all(|(by, message, signature)| seal(by.hive, &message) == signature);
        let may = counts(node, &|tick| self.may(tick, to.number));
        self.refused[to.number] |= well && !may;
        well && may
    }

    fn may(&self, tick: Tick, known_by: usize) -> bool {
        tick.hive != self.id
            || match self.known[known_by] {
                _ if !self.ever_edits() => false,
                Right::UpTo(limit) => tick.count <= limit,
                Right::Given | Right::GivenAgain => true,
            }
    }
}
