//! What of a document still has to reach the store and its file, and in which order. No IO.
//!
//! Three rules keep text from being lost or doubled:
//! - The file is written only with what is durable in the store, and only after a mark of it is:
//!   after a crash the file is recognised by its hash, never merged with itself.
//! - What another program wrote is taken as an edit made at the moment that the file last held, and
//!   enters the document only after that edit is durable.
//! - An intent whose fate is not known is looked at on the disk before the next one is made.

mod on_disk;
mod others;
mod recent;

use bytes::Bytes;
use tokio::time::{Duration, Instant};
use types::{Hash, PersonId};

use crate::db::{Mark, Reach, Step, Stored};
use crate::handle::Limits;
use crate::replica::Replica;
use crate::{Condition, Stamp, Write, text};
use others::Others;
use recent::Recent;

/// What to do on the disk.
#[derive(Debug)]
pub(crate) enum Errand {
    Read,
    Write(Write),
    /// The file, if it holds this content, holds what these contents of friends hold.
    Embrace(Hash, Vec<Hash>),
}

/// What came of a step that is durable.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// An edit that another program made, to be applied to the document.
    pub(crate) edit: Option<Bytes>,
    /// In how many places it changes the text.
    pub(crate) places: usize,
}

pub(crate) struct Keeper {
    limits: Limits,
    seq: i64,
    rows: usize,
    row_bytes: usize,
    state_bytes: usize,
    /// Counts the changes of the document.
    changed: u64,
    pending: Vec<Bytes>,
    in_store: Option<InStore>,
    store_trouble: Option<(Condition, Retry)>,
    slot: u8,
    settled: Mark,
    settled_seq: i64,
    /// The change that the file holds, as far as is known.
    settled_at: u64,
    /// A mark in the other slot, which may or may not be what the file holds.
    intent: Option<Intent>,
    /// The settled slot differs from what is stored, or the other one is void.
    unconfirmed: bool,
    stamp: Option<Stamp>,
    flow: Flow,
    look_at: Option<Instant>,
    doubt: Option<Doubt>,
    disk_trouble: Option<DiskTrouble>,
    first_change_at: Option<Instant>,
    last_change_at: Option<Instant>,
    settle_now: bool,
    by: Option<PersonId>,
    others: Others,
    recent: Recent,
}

struct InStore {
    updates: Vec<Bytes>,
    seq: i64,
    compacted: Option<usize>,
    settle: u8,
    void: bool,
    carries: Carries,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    Updates,
    Intent,
    /// A mark that already is what the file holds.
    Settled,
    Edit,
}

#[derive(Debug, Clone)]
struct Intent {
    mark: Mark,
    seq: i64,
    at: u64,
    /// Writing failed. Should the file hold it nevertheless, it is recognised.
    failed: bool,
}

/// The one thing that goes on between document and file.
#[derive(Debug)]
enum Flow {
    Idle,
    Reading,
    /// An edit from the disk waits for the store.
    Taking(Taken),
    /// A mark waits for the store; then the bytes, if any, are written.
    Intending {
        intent: Intent,
        /// With the contents of friends that they hold.
        bytes: Option<(Vec<u8>, Vec<Hash>)>,
    },
    ToWrite {
        bytes: Vec<u8>,
        holds: Vec<Hash>,
    },
    Writing {
        holds: Vec<Hash>,
    },
}

#[derive(Debug, Clone)]
struct Taken {
    mark: Mark,
    edit: Option<Bytes>,
    places: usize,
    /// The change that the document had reached when the edit was made.
    at: u64,
    stamp: Stamp,
}

struct DiskTrouble {
    condition: Condition,
    /// `None`: only a change on the disk can end it.
    retry: Option<Retry>,
    /// It was writing that failed; reading may well work.
    in_writing: bool,
    /// The file was just read, so writing is tried once more.
    again: bool,
}

/// Something read that may be half of a change.
#[derive(Debug, PartialEq, Eq)]
struct Doubt {
    seen: Option<Hash>,
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    delay: Duration,
}

impl Keeper {
    pub(crate) fn promoted(
        limits: Limits,
        (mark, reach): (Mark, Reach),
        stamp: Stamp,
        state_bytes: usize,
    ) -> Self {
        let mut keeper = Self::new(limits, mark, 0, 0, state_bytes, Some(stamp));
        keeper.set_reach(reach);
        keeper
    }

    /// For a document from the store: the file has to be looked at first.
    pub(crate) fn loaded(limits: Limits, stored: &Stored, now: Instant) -> Self {
        let mut keeper = Self::new(
            limits,
            stored.settled.clone(),
            stored.slot,
            stored.seq,
            stored.state.len(),
            None,
        );
        keeper.rows = stored.rows;
        keeper.row_bytes = stored.updates.iter().map(Vec::len).sum();
        keeper.settled_seq = stored.settled_seq;
        keeper.look_at = Some(now);
        keeper.set_reach(stored.reach);
        if stored.settled_seq < stored.seq {
            keeper.changed = 1;
            keeper.first_change_at = Some(now);
            keeper.last_change_at = Some(now);
        }
        let all = keeper.changed;
        keeper.intent = stored.intent.clone().map(|(mark, seq)| {
            let at = if seq >= stored.seq { all } else { 0 };
            Intent { mark, seq, at, failed: false }
        });
        keeper
    }

    fn new(
        limits: Limits,
        settled: Mark,
        slot: u8,
        seq: i64,
        state_bytes: usize,
        stamp: Option<Stamp>,
    ) -> Self {
        Self {
            limits,
            seq,
            rows: 0,
            row_bytes: 0,
            state_bytes,
            changed: 0,
            pending: Vec::new(),
            in_store: None,
            store_trouble: None,
            slot,
            settled,
            settled_seq: seq,
            settled_at: 0,
            intent: None,
            unconfirmed: false,
            stamp,
            flow: Flow::Idle,
            look_at: None,
            doubt: None,
            disk_trouble: None,
            first_change_at: None,
            last_change_at: None,
            settle_now: false,
            by: None,
            others: Others::default(),
            recent: Recent::default(),
        }
    }

    /// The document changed; `updates` must become durable. `near`: somebody on this hive did it.
    pub(crate) fn changed(
        &mut self,
        updates: impl IntoIterator<Item = Bytes>,
        by: Option<PersonId>,
        near: bool,
        now: Instant,
    ) {
        self.pending.extend(updates);
        self.changed += 1;
        self.by = by.or(self.by);
        self.typed(near);
        self.first_change_at.get_or_insert(now);
        self.last_change_at = Some(now);
    }

    /// Something must become durable that does not change the text (yet).
    pub(crate) fn keep(&mut self, updates: impl IntoIterator<Item = Bytes>) {
        self.pending.extend(updates);
    }

    /// The file may have changed.
    pub(crate) fn look(&mut self, now: Instant) {
        self.look_at = Some(now);
    }

    /// Writes as soon as possible.
    pub(crate) fn settle_now(&mut self, now: Instant) {
        self.settle_now |= !self.is_settled();
        if self.disk_trouble.is_some() {
            self.look_at.get_or_insert(now);
        }
        if let Some((_, retry)) = &mut self.store_trouble {
            retry.at = now;
        }
    }

    pub(crate) fn change(&self) -> u64 {
        self.changed
    }

    pub(crate) fn settled_change(&self) -> u64 {
        self.settled_at
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.settled_at == self.changed
    }

    /// Nothing waits for the store.
    pub(crate) fn is_durable(&self) -> bool {
        self.pending.is_empty() && self.in_store.is_none()
    }

    /// Nothing is under way and nothing is left to do that could be done.
    pub(crate) fn is_at_rest(&self) -> bool {
        let settled = self.is_settled() || self.is_read_only();
        let idle = matches!(self.flow, Flow::Idle) && self.look_at.is_none();
        let told = self.embrace_at().is_none();
        self.is_durable() && !self.unconfirmed && idle && settled && told
    }

    /// Nothing has been heard from the disk yet, or what was heard is in doubt.
    pub(crate) fn is_looking(&self) -> bool {
        let taking = matches!(self.flow, Flow::Reading | Flow::Taking(_));
        (self.stamp.is_none() && self.disk_trouble.is_none())
            || taking
            || self.doubt.is_some()
            || self.look_at.is_some()
    }

    pub(crate) fn condition(&self) -> Condition {
        let store = self.store_trouble.as_ref().map(|(condition, _)| condition);
        let disk = self.disk_trouble.as_ref().map(|trouble| &trouble.condition);
        store.or(disk).cloned().unwrap_or_default()
    }

    pub(crate) fn has_store_trouble(&self) -> bool {
        self.store_trouble.is_some()
    }

    fn is_read_only(&self) -> bool {
        let condition = self.disk_trouble.as_ref().map(|trouble| &trouble.condition);
        matches!(condition, Some(Condition::ReadOnly { .. }))
    }

    /// When there is something to do again, at the earliest `now`.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let store = self.store_trouble.as_ref().map(|(_, retry)| retry.at);
        if self.in_store.is_some() {
            return None;
        }
        let has_step = !self.pending.is_empty()
            || self.unconfirmed
            || matches!(self.flow, Flow::Taking(_) | Flow::Intending { .. });
        if has_step {
            return Some(store.unwrap_or(now));
        }
        let disk = self.disk_retry_at();
        let idle = matches!(self.flow, Flow::Idle);
        let settle = self.settle_at().map(|at| store.map_or(at, |store| at.max(store)));
        let embrace = self.embrace_at().filter(|_| self.is_settled() && self.look_at.is_none());
        [self.look_at, disk, settle, embrace].into_iter().flatten().filter(|_| idle).min()
    }

    fn disk_retry_at(&self) -> Option<Instant> {
        let trouble = self.disk_trouble.as_ref().filter(|trouble| !trouble.again)?;
        trouble.retry.map(|retry| retry.at)
    }

    fn settle_at(&self) -> Option<Instant> {
        let (first, last) = (self.first_change_at?, self.last_change_at?);
        let blocked = self.disk_trouble.as_ref().is_some_and(|trouble| !trouble.again);
        if self.is_settled() || blocked || self.look_at.is_some() {
            return None;
        }
        if self.settle_now {
            return Some(first);
        }
        let (after, at_latest) = self.settle_delays();
        Some((last + after).min(first + at_latest))
    }

    /// The next step for the store, if there is one and none is under way.
    pub(crate) fn next_step(&mut self, replica: &Replica, now: Instant) -> Option<Step> {
        let waits = self.store_trouble.as_ref().is_some_and(|(_, retry)| retry.at > now);
        if self.in_store.is_some() || waits {
            return None;
        }
        if matches!(self.flow, Flow::Idle) && self.settle_at().is_some_and(|at| at <= now) {
            self.intend(replica);
        }
        let carried = matches!(self.flow, Flow::Taking(_) | Flow::Intending { .. });
        if self.pending.is_empty() && !carried && !self.unconfirmed {
            return None;
        }
        let updates = std::mem::take(&mut self.pending);
        let reach = self.reach();
        let mut step = Step { updates: updates.clone(), void: true, reach, ..Step::default() };
        let carries = self.carry(&mut step);
        let compacted = self.compact(replica, &mut step);
        let advances = !step.updates.is_empty() || step.state.is_some();
        step.seq = self.seq + i64::from(advances);
        if let Some((_, _, seq)) = &mut step.mark
            && carries != Carries::Edit
        {
            *seq = step.seq;
        } else if let (Some((_, _, seq)), true) = (&mut step.mark, self.is_settled()) {
            *seq = step.seq;
        }
        self.in_store = Some(InStore {
            updates,
            seq: step.seq,
            compacted,
            settle: step.settle,
            void: step.void,
            carries,
        });
        Some(step)
    }

    /// Adds to a step what goes on between document and file.
    fn carry(&self, step: &mut Step) -> Carries {
        let other = 1 - self.slot;
        step.settle = self.slot;
        match &self.flow {
            Flow::Taking(taken) => {
                step.updates.extend(taken.edit.clone());
                step.mark = Some((other, taken.mark.clone(), self.settled_seq));
                step.settle = other;
                Carries::Edit
            }
            Flow::Intending { intent, bytes } => {
                step.mark = Some((other, intent.mark.clone(), 0));
                if bytes.is_none() {
                    step.settle = other;
                    return Carries::Settled;
                }
                Carries::Intent
            }
            Flow::Idle | Flow::Reading | Flow::ToWrite { .. } | Flow::Writing { .. } => {
                // The fate of an intent under way is not known yet: its mark has to stay.
                step.void = self.intent.is_none();
                Carries::Updates
            }
        }
    }

    /// Lets a step replace the state if the updates since have grown long.
    fn compact(&self, replica: &Replica, step: &mut Step) -> Option<usize> {
        let long = self.rows >= self.limits.rows_max
            || self.row_bytes > self.limits.rows_times_state * self.state_bytes.max(16 * 1024);
        if !long {
            return None;
        }
        let state = replica.state();
        let bytes = state.len();
        step.state = Some(state);
        // An edit from the disk is not in the document yet.
        let edit = match &self.flow {
            Flow::Taking(taken) => taken.edit.clone(),
            _ => None,
        };
        step.updates = replica.waiting().iter().cloned().chain(edit).collect();
        Some(bytes)
    }

    /// What is left to be saved of a document that broke.
    pub(crate) fn last_step(&mut self) -> Option<Step> {
        let updates = std::mem::take(&mut self.pending);
        let step = Step { updates, seq: self.seq + 1, settle: self.slot, ..Step::default() };
        (!step.updates.is_empty()).then_some(step)
    }

    /// Has rows that a merge would save the next opening from reading.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// A merge was made outside of the ordinary steps.
    pub(crate) fn merge_soon(&mut self) {
        self.rows = self.limits.rows_max;
        self.unconfirmed = true;
    }

    fn intend(&mut self, replica: &Replica) {
        let bytes = text::encode(&replica.text(), self.settled.form);
        let mark =
            Mark { hash: Hash::of(&bytes), moment: replica.moment(), form: self.settled.form };
        let same = mark.hash == self.settled.hash;
        let intent = Intent { mark, seq: 0, at: self.changed, failed: false };
        let holds = self.writes();
        self.flow = Flow::Intending { intent, bytes: (!same).then_some((bytes, holds)) };
        self.first_change_at = None;
        self.last_change_at = None;
        self.settle_now = false;
    }

    /// The step is durable.
    pub(crate) fn stored(&mut self, now: Instant) -> Kept {
        let mut kept = Kept::default();
        let Some(done) = self.in_store.take() else { return kept };
        self.store_trouble = None;
        if done.seq > self.seq {
            self.rows += 1;
            self.row_bytes += done.updates.iter().map(Bytes::len).sum::<usize>();
        }
        if let Some(bytes) = done.compacted {
            self.rows = 0;
            self.row_bytes = 0;
            self.state_bytes = bytes;
        }
        self.seq = done.seq;
        // What the step confirmed may have been overtaken while it was under way.
        self.unconfirmed &= done.settle != self.slot || (self.intent.is_none() && !done.void);
        match (done.carries, std::mem::replace(&mut self.flow, Flow::Idle)) {
            (Carries::Edit, Flow::Taking(taken)) => {
                kept.places = taken.places;
                kept.edit = self.took(taken, done.seq);
            }
            (Carries::Settled, Flow::Intending { mut intent, .. }) => {
                intent.seq = done.seq;
                self.slot = 1 - self.slot;
                self.settle_as(intent);
                self.unconfirmed = false;
            }
            (Carries::Intent, Flow::Intending { mut intent, bytes: Some((bytes, holds)) }) => {
                intent.seq = done.seq;
                self.intent = Some(intent);
                self.flow = Flow::ToWrite { bytes, holds };
            }
            (_, flow) => self.flow = flow,
        }
        if !self.is_settled() && self.first_change_at.is_none() && !self.is_writing() {
            self.first_change_at = Some(now);
            self.last_change_at = Some(now);
        }
        kept
    }

    fn is_writing(&self) -> bool {
        matches!(self.flow, Flow::Intending { .. } | Flow::ToWrite { .. } | Flow::Writing { .. })
    }

    /// Another program's edit is durable.
    fn took(&mut self, taken: Taken, seq: i64) -> Option<Bytes> {
        let nothing_else = self.settled_at == self.changed && taken.at == self.changed;
        self.slot = 1 - self.slot;
        self.settled = taken.mark;
        self.note_mark();
        self.forget_moments();
        self.stamp = Some(taken.stamp);
        self.intent = None;
        self.unconfirmed = false;
        if taken.edit.is_some() {
            self.changed += 1;
        }
        if nothing_else {
            self.settled_at = self.changed;
            self.settled_seq = seq;
        }
        taken.edit
    }

    fn settle_as(&mut self, intent: Intent) {
        self.settled = intent.mark;
        self.note_mark();
        self.forget_moments();
        self.settled_seq = intent.seq;
        self.settled_at = intent.at;
        self.intent = None;
    }

    /// The step was not taken; nothing of it is kept.
    pub(crate) fn not_stored(&mut self, error: &store::Error, now: Instant) {
        let Some(failed) = self.in_store.take() else { return };
        self.pending.splice(0..0, failed.updates);
        let last = self.store_trouble.as_ref().map(|(_, retry)| retry.delay);
        let retry = self.retry(last, now);
        self.store_trouble = Some((Condition::of_store(error), retry));
        if matches!(self.flow, Flow::Intending { .. }) {
            // Made anew when the store works again: the text will have gone on.
            self.flow = Flow::Idle;
            self.first_change_at.get_or_insert(now);
            self.last_change_at.get_or_insert(now);
        }
    }

    fn retry(&self, last: Option<Duration>, now: Instant) -> Retry {
        let delay = last.map_or(self.limits.retry_first, |delay| delay * 2);
        let delay = delay.min(self.limits.retry_last);
        Retry { at: now + delay, delay }
    }
}
