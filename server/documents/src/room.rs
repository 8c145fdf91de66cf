//! One open document and the people in it: what comes in is applied in batches, what is new goes
//! out once. No IO, no clock, no chance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use types::{Hash, PersonId, Right};
use yrs::StateVector;
use yrs::updates::decoder::Decode;

use crate::Condition;
use crate::connection::{Member, Queue};
use crate::handle::Limits;
use crate::past::{self, Author, How, Stroke};
use crate::presence::Presence;
use crate::protocol::{self, Incoming, close};
use crate::replica::{Broken, Outcome, Replica};
use crate::update::{self, Refused};

/// One connection in the room.
struct Seat {
    member: Member,
    queue: Arc<Queue>,
    /// It understands frames of types 100 and 101.
    stored_frames: bool,
    /// It is another hive,
    hive: bool,
    /// with people of its own in the document,
    people: bool,
    /// and has been sent all that it lacked when it came.
    answered: bool,
    /// Frames with edits that came from it, those that the step under way makes durable, and those
    /// that were acknowledged.
    counted: u64,
    carried: u64,
    acknowledged: u64,
    lagging: bool,
    /// What it surely has, or will have when its queue is sent.
    has: Arc<StateVector>,
    sent_at: Instant,
    was_denied: bool,
}

/// What a batch brought.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Updates that must become durable.
    pub(crate) updates: Vec<Bytes>,
    /// The text changed.
    pub(crate) changed: bool,
    /// Who changed it last.
    pub(crate) by: Option<PersonId>,
    /// Somebody on this hive changed it.
    pub(crate) near: bool,
    /// Contents of other hives' files that the document holds now.
    pub(crate) holds: Vec<(u64, Hash)>,
    /// Who changed what.
    pub(crate) strokes: Vec<Stroke>,
}

pub(crate) struct Room {
    limits: Limits,
    replica: Replica,
    presence: Presence,
    seats: BTreeMap<u64, Seat>,
    /// Edits that wait for the next batch, and from whom.
    edits: Vec<(u64, Bytes)>,
    /// What other hives said of their files since.
    holds: Vec<(u64, Hash)>,
    /// What this hive's file holds.
    settled: Hash,
    moved: BTreeSet<u64>,
    /// When awareness of a crowd was last sent.
    moved_at: Option<Instant>,
    condition: Condition,
    /// Connections that are no longer here.
    left: Vec<u64>,
    /// Clients of former generations: who has edits of theirs is of such a generation too.
    retired: BTreeSet<u64>,
}

impl Room {
    pub(crate) fn new(limits: Limits, replica: Replica, retired: BTreeSet<u64>) -> Self {
        Self {
            limits,
            replica,
            presence: Presence::default(),
            seats: BTreeMap::new(),
            edits: Vec::new(),
            holds: Vec::new(),
            settled: Hash::of(b""),
            moved: BTreeSet::new(),
            moved_at: None,
            condition: Condition::Live,
            left: Vec::new(),
            retired,
        }
    }

    pub(crate) fn replica(&self) -> &Replica {
        &self.replica
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Nobody is here: no connection of this hive's own, and nobody of another hive's.
    pub(crate) fn is_idle(&self) -> bool {
        self.seats.values().all(|seat| seat.hive && !seat.people)
    }

    /// Whether people of another hive have the document open there.
    pub(crate) fn set_people(&mut self, id: u64, people: bool) {
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.people = people;
        }
    }

    /// So many are here that what goes out is gathered for a moment first.
    pub(crate) fn is_crowded(&self) -> bool {
        self.seats.len() > self.limits.crowd
    }

    /// Something waits for [`Room::flush`].
    pub(crate) fn has_news(&self) -> bool {
        !self.edits.is_empty() || !self.holds.is_empty()
    }

    pub(crate) fn join(
        &mut self,
        id: u64,
        member: Member,
        queue: Arc<Queue>,
        (stored_frames, hive): (bool, bool),
        now: Instant,
    ) {
        let may_edit = member.right >= Right::Edit;
        let seat = Seat {
            member,
            queue,
            stored_frames,
            hive,
            answered: false,
            people: true,
            counted: 0,
            carried: 0,
            acknowledged: 0,
            lagging: false,
            has: Arc::default(),
            sent_at: now,
            was_denied: false,
        };
        self.seats.insert(id, seat);
        if may_edit {
            self.send(id, protocol::step_1(&self.replica.state_vector()), now);
        }
        if let Some(states) = self.presence.everybody() {
            self.send(id, protocol::awareness(&states), now);
        }
        if stored_frames && self.condition != Condition::Live {
            self.send(id, protocol::condition(&self.condition), now);
        }
    }

    /// The connection is gone.
    pub(crate) fn leave(&mut self, id: u64) {
        if self.seats.remove(&id).is_some() {
            self.moved.extend(self.presence.leave(id));
            self.left.push(id);
        }
    }

    /// Another hive may have missed what was said to it until now.
    pub(crate) fn sync(&mut self, id: u64, now: Instant) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        seat.answered = false;
        if seat.member.right >= Right::Edit {
            self.send(id, protocol::step_1(&self.replica.state_vector()), now);
        }
    }

    /// Those who are no longer here, whoever ended it.
    pub(crate) fn take_left(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.left)
    }

    /// Changes or withdraws the right of every connection of a key.
    pub(crate) fn set_right(&mut self, key: u64, right: Option<Right>, now: Instant) {
        let concerned: Vec<u64> = self
            .seats
            .iter()
            .filter(|(_, seat)| seat.member.key == key)
            .map(|(id, _)| *id)
            .collect();
        let Some(right) = right else {
            for id in &concerned {
                self.close(*id, close::DENIED, "Access was withdrawn.", true);
            }
            return;
        };
        for id in concerned {
            let Some(seat) = self.seats.get_mut(&id) else { continue };
            let could_edit = seat.member.right >= Right::Edit;
            seat.member.right = right;
            seat.was_denied = false;
            if right >= Right::Edit && !could_edit {
                // It may have edits that nobody asked for until now.
                self.send(id, protocol::step_1(&self.replica.state_vector()), now);
            }
        }
    }

    /// Renames whoever is here by a key; false if nobody is.
    pub(crate) fn set_name(&mut self, key: u64, name: Option<&str>, hue: Option<u8>) -> bool {
        let mut found = false;
        for seat in self.seats.values_mut().filter(|seat| seat.member.key == key) {
            seat.member.name = name.map(str::to_owned);
            seat.member.hue = hue;
            found = true;
        }
        found
    }

    /// Takes one frame. Edits wait for [`Room::flush`]; the rest is answered at once.
    pub(crate) fn frame(&mut self, id: u64, frame: &Bytes, now: Instant) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        let (may_edit, hive) = (seat.member.right >= Right::Edit, seat.hive);
        match protocol::read(frame) {
            Err(_) => self.refuse(id, Refused::Malformed),
            Ok(Incoming::Step2(edit) | Incoming::Update(edit)) if may_edit => {
                self.edits.push((id, frame.slice_ref(edit)));
            }
            Ok(Incoming::Step2(edit)) => self.view(id, edit, true, now),
            Ok(Incoming::Update(edit)) => self.view(id, edit, false, now),
            Ok(Incoming::Step1(vector)) => self.step_1(id, vector, now),
            Ok(Incoming::Awareness(states)) => {
                let moved = match hive {
                    false => self.presence.take(id, &seat.member, states, now),
                    true => self.presence.take_far(id, &seat.member, states, now),
                };
                match moved {
                    Ok(moved) => self.moved.extend(moved),
                    Err(_) => self.refuse(id, Refused::Malformed),
                }
            }
            Ok(Incoming::QueryAwareness) => {
                if let Some(states) = self.presence.everybody() {
                    self.send(id, protocol::awareness(&states), now);
                }
            }
            Ok(Incoming::Holds(content)) if hive && may_edit => self.holds.push((id, content)),
            Ok(Incoming::Holds(_) | Incoming::Other) => {}
        }
    }

    /// Applies the edits that wait, sends what is new to everybody who lacks it.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<Batch, Broken> {
        let mut batch = Batch::default();
        if !self.edits.is_empty() {
            let edits = std::mem::take(&mut self.edits);
            let updates: Vec<Bytes> = edits.iter().map(|(_, edit)| edit.clone()).collect();
            let applied = self.replica.apply(&updates, self.limits.text_units_max)?;
            for ((id, edit), outcome) in edits.iter().zip(&applied.outcomes) {
                self.answer(*id, edit, *outcome, &mut batch, now);
            }
            if let Some(update) = applied.update {
                let brought = edits.iter().map(|(id, edit)| (self.author(*id), edit)).collect();
                batch.strokes = past::attribute(&update, brought);
                let authors: BTreeSet<u64> = edits.iter().map(|(id, _)| *id).collect();
                let only = authors.first().copied().filter(|_| authors.len() == 1);
                self.spread(&update, &applied.before, only, now);
                batch.changed = true;
                batch.updates.insert(0, update);
            }
        }
        batch.holds = std::mem::take(&mut self.holds);
        if !self.replica.waiting().is_empty() {
            // Perhaps just that is missing.
            batch.holds.clear();
        }
        self.spread_moves(now);
        Ok(batch)
    }

    /// The file holds this now: other hives hear it.
    pub(crate) fn set_settled(&mut self, settled: Hash, now: Instant) {
        if self.settled != settled {
            self.settled = settled;
            self.spread_holds(settled, None, now);
        }
    }

    /// Tells other hives that the document holds a content.
    pub(crate) fn spread_holds(&mut self, content: Hash, except: Option<u64>, now: Instant) {
        for id in self.seat_ids(|seat| seat.hive && seat.answered) {
            if Some(id) != except {
                self.send(id, protocol::holds(content), now);
            }
        }
    }

    fn author(&self, id: u64) -> Author {
        let seat = self.seats.get(&id);
        let member = seat.map(|seat| &seat.member);
        Author {
            person: member.and_then(|member| member.person),
            name: member.and_then(|member| member.name.clone()),
            how: if seat.is_some_and(|seat| seat.hive) { How::Hive } else { How::Typed },
            source: None,
        }
    }

    /// Applies an edit that another program made, in so many places, and that is durable already.
    /// Gives what was new.
    pub(crate) fn take(
        &mut self,
        edit: &Bytes,
        places: usize,
        now: Instant,
    ) -> Result<Option<Bytes>, Broken> {
        self.replica.cut(places);
        let applied = self.replica.apply(std::slice::from_ref(edit), usize::MAX)?;
        if let Some(update) = &applied.update {
            self.spread(update, &applied.before, None, now);
        }
        Ok(applied.update)
    }

    /// A step with everything so far is on its way to the store.
    pub(crate) fn carry(&mut self) {
        for seat in self.seats.values_mut() {
            seat.carried = seat.counted;
        }
    }

    /// What was carried is durable; `all`: nothing is left that is not.
    pub(crate) fn acknowledge(&mut self, all: bool, now: Instant) {
        let mut due = Vec::new();
        for (id, seat) in &mut self.seats {
            let durable = if all { seat.counted } else { seat.carried };
            if durable > seat.acknowledged {
                seat.acknowledged = durable;
                if seat.stored_frames {
                    due.push((*id, durable));
                }
            }
        }
        for (id, count) in due {
            self.send(id, protocol::stored(count), now);
        }
    }

    /// Tells everybody who understands it how the document fares, if that changed.
    pub(crate) fn set_condition(&mut self, condition: Condition, now: Instant) {
        if self.condition == condition {
            return;
        }
        let frame = protocol::condition(&condition);
        self.condition = condition;
        for id in self.seat_ids(|seat| seat.stored_frames) {
            self.send(id, frame.clone(), now);
        }
    }

    /// A reader that was too slow reads again: it gets what it missed.
    pub(crate) fn drained(&mut self, id: u64, now: Instant) {
        let Some(seat) = self.seats.get_mut(&id).filter(|seat| seat.lagging) else { return };
        seat.lagging = false;
        seat.sent_at = now;
        let mut frames = vec![protocol::step_2(&self.replica.diff(&seat.has))];
        frames.extend(self.presence.everybody().map(|states| protocol::awareness(&states)));
        if seat.stored_frames {
            frames.push(protocol::stored(seat.acknowledged));
            frames.push(protocol::condition(&self.condition));
        }
        if seat.hive {
            frames.push(protocol::holds(self.settled));
        }
        seat.queue.refill(frames);
    }

    /// Lets those who fell silent go, and tells quiet connections that the line is alive.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.moved.extend(self.presence.expire(now, self.limits.presence_expires));
        for id in self.seat_ids(|seat| seat.sent_at + self.limits.alive_every <= now) {
            self.send(id, protocol::alive(), now);
        }
        self.spread_moves(now);
    }

    /// When [`Room::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let alive = self.seats.values().map(|seat| seat.sent_at + self.limits.alive_every).min();
        let expiry = self.presence.expires_at(self.limits.presence_expires);
        let moves = self.moves_due_at();
        [alive, expiry, moves].into_iter().flatten().min()
    }

    /// Closes every connection; what waits to be sent still is.
    pub(crate) fn close_all(&mut self, code: u16, reason: &str) {
        for id in self.seat_ids(|_| true) {
            self.close(id, code, reason, false);
        }
    }

    pub(crate) fn too_large(&mut self, id: u64) {
        let reason = "This is more than a text document can carry.";
        self.close(id, close::TOO_LARGE, reason, true);
    }

    fn step_1(&mut self, id: u64, vector: &[u8], now: Instant) {
        let decoded = update::check_state_vector(vector)
            .ok()
            .and_then(|()| StateVector::decode_v1(vector).ok());
        let Some(vector) = decoded else { return self.refuse(id, Refused::Malformed) };
        if vector.iter().any(|(client, _)| self.retired.contains(&client.get())) {
            let reason = "The document was made anew. Open it again.";
            return self.close(id, close::OTHER_GENERATION, reason, true);
        }
        let answer = protocol::step_2(&self.replica.diff(&vector));
        if let Some(seat) = self.seats.get_mut(&id)
            && seat.queue.is_empty()
        {
            seat.has = Arc::new(vector);
        }
        self.send(id, answer, now);
        if let Some(seat) = self.seats.get_mut(&id).filter(|seat| seat.hive) {
            seat.answered = true;
            self.send(id, protocol::holds(self.settled), now);
        }
    }

    /// Somebody who may not edit sent an edit. What the document has already is no edit.
    fn view(&mut self, id: u64, edit: &[u8], handshake: bool, now: Instant) {
        let admitted = match update::admit(edit, self.replica.known()) {
            Ok(admitted) => admitted,
            Err(refused) => return self.refuse(id, refused),
        };
        let edits = !admitted.clocks.is_empty() || admitted.gap || (admitted.deletes && !handshake);
        let Some(seat) = self.seats.get_mut(&id).filter(|seat| edits && !seat.was_denied) else {
            return;
        };
        seat.was_denied = true;
        self.send(id, protocol::denied(), now);
        self.send(id, protocol::step_1(&self.replica.state_vector()), now);
        self.send(id, protocol::step_2(&self.replica.state()), now);
    }

    fn answer(&mut self, id: u64, edit: &Bytes, outcome: Outcome, batch: &mut Batch, now: Instant) {
        match outcome {
            Outcome::Taken => {}
            Outcome::Waits => {
                batch.updates.push(edit.clone());
                self.send(id, protocol::step_1(&self.replica.state_vector()), now);
            }
            Outcome::Refused(refused) => self.refuse(id, refused),
            Outcome::TooLarge => self.too_large(id),
        }
        if let Some(seat) = self.seats.get_mut(&id) {
            seat.counted += 1;
            batch.by = seat.member.person.or(batch.by);
            batch.near |= !seat.hive;
        }
    }

    fn spread(
        &mut self,
        update: &Bytes,
        before: &Arc<StateVector>,
        except: Option<u64>,
        now: Instant,
    ) {
        let frame = protocol::update(update);
        for (id, seat) in &mut self.seats {
            if Some(*id) == except {
                continue;
            }
            if !seat.lagging && seat.queue.is_empty() {
                seat.has = before.clone();
            }
            push(seat, frame.clone(), &self.limits, now);
        }
    }

    fn spread_moves(&mut self, now: Instant) {
        if self.moved.is_empty() || self.moves_due_at().is_some_and(|due| due > now) {
            return;
        }
        let states = self.presence.about(std::mem::take(&mut self.moved));
        let frame = protocol::awareness(&states);
        for seat in self.seats.values_mut() {
            push(seat, frame.clone(), &self.limits, now);
        }
        self.moved_at = Some(now);
    }

    /// In a crowd, pointers are sent less often than text.
    fn moves_due_at(&self) -> Option<Instant> {
        if self.moved.is_empty() {
            return None;
        }
        let pause = if self.is_crowded() {
            self.limits.crowd_moves_every
        } else {
            std::time::Duration::ZERO
        };
        self.moved_at.map(|at| at + pause)
    }

    fn refuse(&mut self, id: u64, refused: Refused) {
        let reason = match refused {
            Refused::Malformed => "The hive does not understand this frame.",
            Refused::NotText => "The document holds one text named content and nothing else.",
        };
        self.close(id, close::NOT_UNDERSTOOD, reason, true);
    }

    /// The seat stays until its connection lets go, but nothing more is heard from it.
    fn close(&mut self, id: u64, code: u16, reason: &str, at_once: bool) {
        if let Some(seat) = self.seats.remove(&id) {
            seat.queue.close(code, reason, at_once);
            self.left.push(id);
            self.moved.extend(self.presence.leave(id));
        }
    }

    fn send(&mut self, id: u64, frame: Bytes, now: Instant) {
        if let Some(seat) = self.seats.get_mut(&id) {
            push(seat, frame, &self.limits, now);
        }
    }

    fn seat_ids(&self, wanted: impl Fn(&Seat) -> bool) -> Vec<u64> {
        self.seats.iter().filter(|(_, seat)| wanted(seat)).map(|(id, _)| *id).collect()
    }
}

fn push(seat: &mut Seat, frame: Bytes, limits: &Limits, now: Instant) {
    seat.sent_at = now;
    if !seat.lagging {
        seat.lagging = !seat.queue.push(frame, limits.queue_frames_max, limits.queue_bytes_max);
    }
}
