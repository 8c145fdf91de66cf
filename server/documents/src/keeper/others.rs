//! What the keeper knows of other hives that have the same document open: which of their files'
//! contents went into it, and at which moments its own file held what.

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};
use types::Hash;

use super::{Flow, Keeper};
use crate::db::{Mark, Reach};
use crate::replica::Replica;
use crate::text;

/// So many contents of others are remembered,
const HOLDS_MAX: usize = 64;
/// so many moments of one's own file,
const MARKS_MAX: usize = 32;
/// and so many bytes of those.
const MARK_BYTES_MAX: usize = 1 << 20;
/// How long a content that is in the document, but not in what was told of the file, waits for
/// the file to be written anyway.
const EMBRACE_AFTER: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Others {
    reach: Reach,
    /// Contents of others that the document holds.
    holds: VecDeque<Hash>,
    /// Of these, the ones that stand beside the file in the records.
    arrived: Vec<Hash>,
    embrace_at: Option<Instant>,
    marks: VecDeque<Mark>,
    /// Something was typed on this hive that the file lacks.
    near: bool,
}

impl Keeper {
    /// For a new generation.
    pub(crate) fn set_reach(&mut self, reach: Reach) {
        self.others.reach = reach;
        self.note_mark();
    }

    /// Another hive has it open from now on.
    pub(crate) fn link(&mut self) {
        self.unconfirmed |= self.others.reach != Reach::Linked;
        self.others.reach = Reach::Linked;
    }

    pub(crate) fn reach(&self) -> Reach {
        self.others.reach
    }

    /// What the file holds, as far as is known.
    pub(crate) fn settled_hash(&self) -> Hash {
        self.settled.hash
    }

    /// The document holds what this content of another hive's file holds. True if that is news.
    pub(crate) fn hold(&mut self, content: Hash) -> bool {
        if content == self.settled.hash || self.others.holds.contains(&content) {
            return false;
        }
        if self.others.holds.len() >= HOLDS_MAX {
            self.others.holds.pop_front();
        }
        self.others.holds.push_back(content);
        true
    }

    /// Friends made the file hold these contents. True if the document has all of them already:
    /// then the file follows by itself.
    pub(crate) fn takes_in(&mut self, contents: &[Hash], replica: &Replica, now: Instant) -> bool {
        let has = |hash: &Hash| *hash == self.settled.hash || self.others.holds.contains(hash);
        let is_away = self.stamp.is_none() && self.disk_trouble.is_some();
        if is_away || !contents.iter().all(has) {
            return false;
        }
        let new = contents.iter().filter(|hash| **hash != self.settled.hash);
        self.others.arrived.extend(new);
        self.others.arrived.sort_unstable();
        self.others.arrived.dedup();
        let text = || Hash::of(&text::encode(&replica.text(), self.settled.form));
        if !self.is_settled() && contents.contains(&text()) {
            self.settle_now(now);
        }
        self.others.embrace_at = Some(now + EMBRACE_AFTER);
        true
    }

    /// The moment at which the file held this content.
    pub(crate) fn mark_of(&self, content: Hash) -> Option<&Mark> {
        self.others.marks.iter().find(|mark| mark.hash == content)
    }

    pub(super) fn note_mark(&mut self) {
        let marks = &mut self.others.marks;
        marks.retain(|mark| mark.hash != self.settled.hash);
        marks.push_front(self.settled.clone());
        marks.truncate(MARKS_MAX);
        let mut bytes = 0;
        marks.retain(|mark| {
            bytes += mark.moment.len();
            bytes <= MARK_BYTES_MAX || bytes == mark.moment.len()
        });
    }

    pub(super) fn typed(&mut self, near: bool) {
        self.others.near |= near;
    }

    /// What only others typed is left to their hives for a while: they write it into the file.
    pub(super) fn settle_delays(&self) -> (Duration, Duration) {
        if self.others.near || self.others.reach != Reach::Linked {
            (self.limits.settle_after, self.limits.settle_at_latest)
        } else {
            (self.limits.settle_far_after, self.limits.settle_far_after)
        }
    }

    /// The contents that the document holds at this moment, at which it is to be written.
    pub(super) fn writes(&mut self) -> Vec<Hash> {
        self.others.near = false;
        self.others.holds.iter().copied().collect()
    }

    /// The file was written, and told to hold these contents.
    pub(super) fn wrote_holding(&mut self, holds: &[Hash]) {
        self.others.arrived.retain(|content| !holds.contains(content));
    }

    pub(super) fn embrace_at(&self) -> Option<Instant> {
        let can = !self.others.arrived.is_empty() && self.stamp.is_some();
        self.others.embrace_at.filter(|_| can)
    }

    /// What is to be told of the file as it is, if it is time.
    pub(super) fn embraces(&mut self, now: Instant) -> Option<Vec<Hash>> {
        let due = self.embrace_at().is_some_and(|at| at <= now);
        let looks = self.look_at.is_some();
        if !due || looks || !self.is_settled() || !matches!(self.flow, Flow::Idle) {
            return None;
        }
        self.others.embrace_at = None;
        Some(std::mem::take(&mut self.others.arrived))
    }
}
