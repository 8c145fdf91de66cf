//! The hive's copy of one document: the only file that knows yrs.

use std::collections::{BTreeSet, HashMap};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use types::Hash;
use yrs::block::{ClientID, ID};
use yrs::types::Delta;
use yrs::types::text::YChange;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Any, Assoc, Doc, GetString, IdSet, IndexedSequence, OffsetKind, Options, Out, ReadTxn,
    Snapshot, StateVector, StickyIndex, Text, TextRef, Transact, TransactionMut, Update, WriteTxn,
};

use crate::diff::{self, Edit};
use crate::past::Spans;
use crate::update::{self, Admitted, ROOT, Refused};
use crate::varint::{Reader, SAFE_INTEGER_MAX};

/// With more edits than this at once, long passages are first cut into pieces, because each cut
/// copies the passage that it divides.
const EDITS_BEFORE_CUTTING: usize = 16;
const PIECE_UNITS: u32 = 16_384;
/// What may wait for its predecessors, over all clients.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// yrs failed in the middle of a change; the copy is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document's structure is broken")]
pub(crate) struct Broken;

/// What became of some updates.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// All that was new, as one update.
    pub(crate) update: Option<Bytes>,
    /// The state vector of before.
    pub(crate) before: Arc<StateVector>,
    /// One for each update that was given.
    pub(crate) outcomes: Vec<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Taken,
    /// Part of it waits for something that comes before it and has to be asked for.
    Waits,
    Refused(Refused),
    /// Too much waits already, or the text would grow too large.
    TooLarge,
}

/// An edit that somebody made at an earlier moment.
pub(crate) struct Rewritten {
    /// `None` if the text stayed as it was.
    pub(crate) edit: Option<Bytes>,
    /// In how many places.
    pub(crate) places: usize,
    /// The moment after it.
    pub(crate) moment: Vec<u8>,
    /// Length of the text before it.
    pub(crate) bytes_before: usize,
}

/// Something that was written at once, and may be gone since.
pub(crate) struct Piece {
    pub(crate) client: u64,
    pub(crate) clock: u32,
    pub(crate) text: String,
}

pub(crate) struct Replica {
    doc: Doc,
    text: TextRef,
    /// Updates, whole, of which some part lacks its predecessors.
    waiting: Vec<Bytes>,
    broken: bool,
}

impl Replica {
    pub(crate) fn empty() -> Self {
        Self::with_client(1)
    }

    fn with_client(client: u32) -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            skip_gc: true,
            cleanup_formatting: false,
            ..Options::with_guid_and_client_id("".into(), ClientID::new(u64::from(client)))
        });
        let text = doc.get_or_insert_text(ROOT);
        Self { doc, text, waiting: Vec::new(), broken: false }
    }

    /// A document that holds `text`: the same structs wherever the same text is promoted.
    pub(crate) fn promoted(text: &str) -> Self {
        let client = client_id(Hash::of(text.as_bytes()), |_| false);
        let replica = Self::with_client(client);
        replica.text.insert(&mut replica.doc.transact_mut(), 0, text);
        replica
    }

    /// Puts a document together from a state and the updates since.
    pub(crate) fn load<'a>(
        state: &[u8],
        updates: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Broken> {
        let mut replica = Self::empty();
        replica.guarded(|txn| {
            let state = Update::decode_v1(state).map_err(|_| Broken)?;
            txn.apply_update(state).map_err(|_| Broken)
        })??;
        let updates: Vec<Bytes> = updates.into_iter().map(Bytes::copy_from_slice).collect();
        replica.apply(&updates, usize::MAX)?;
        Ok(replica)
    }

    /// Applies updates in order as one change. Text may grow to about `units_max`.
    pub(crate) fn apply(&mut self, updates: &[Bytes], units_max: usize) -> Result<Applied, Broken> {
        if self.broken {
            return Err(Broken);
        }
        let waiting = std::mem::take(&mut self.waiting);
        let text = self.text.clone();
        let (applied, waiting) = self.guarded(|txn| {
            let mut pass = Pass::new(txn, text.len(txn) as usize, units_max);
            let mut kept = Kept { bytes: waiting.iter().map(Bytes::len).sum(), updates: waiting };
            let mut outcomes = Vec::with_capacity(updates.len());
            for update in updates {
                let outcome = pass.take(txn, update)?;
                outcomes.push(kept.keep(update, outcome));
            }
            while pass.progress && !kept.updates.is_empty() {
                pass.progress = false;
                for update in std::mem::take(&mut kept.updates) {
                    if pass.take(txn, &update)? == Outcome::Waits {
                        kept.updates.push(update);
                    }
                }
            }
            txn.commit();
            let update = txn.has_changes().then(|| Bytes::from(txn.encode_update_v1()));
            Ok::<_, Broken>((Applied { update, before: pass.before, outcomes }, kept.updates))
        })??;
        self.waiting = waiting;
        Ok(applied)
    }

    pub(crate) fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    /// Length of the text in UTF-16 units.
    pub(crate) fn units(&self) -> u32 {
        self.text.len(&self.doc.transact())
    }

    pub(crate) fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// The clients whose edits it holds.
    pub(crate) fn clients(&self) -> BTreeSet<u64> {
        let vector = self.doc.transact().state_vector();
        vector.iter().map(|(client, _)| client.get()).collect()
    }

    /// How far each client's clock has come.
    pub(crate) fn known(&self) -> impl Fn(u64) -> u32 + use<> {
        let vector = self.doc.transact().state_vector();
        move |client| vector.get(&ClientID::new(client))
    }

    /// Everything that somebody with this state vector lacks.
    pub(crate) fn diff(&self, state_vector: &StateVector) -> Vec<u8> {
        self.doc.transact().encode_diff_v1(state_vector)
    }

    /// The whole document with all that was deleted, without what waits.
    pub(crate) fn state(&self) -> Vec<u8> {
        self.diff(&StateVector::default())
    }

    /// Updates that wait for predecessors; stored beside the state.
    pub(crate) fn waiting(&self) -> &[Bytes] {
        &self.waiting
    }

    /// All that was ever written, in the order in which it stands or stood.
    pub(crate) fn pieces(&mut self) -> Result<Vec<Piece>, Broken> {
        let text = self.text.clone();
        let all = Snapshot::new(self.doc.transact().state_vector(), IdSet::default());
        let none = Snapshot::default();
        let found = self.guarded(|txn| {
            text.diff_range(txn, Some(&all), Some(&none), |change: YChange| change.id)
        })?;
        let piece = |(id, insert): (Option<ID>, Out)| match insert {
            Out::Any(Any::String(text)) => {
                let id = id?;
                Some(Piece { client: id.client.get(), clock: id.clock, text: text.to_string() })
            }
            _ => None,
        };
        Ok(found.into_iter().filter_map(|diff| piece((diff.ychange, diff.insert))).collect())
    }

    /// What of it is gone.
    pub(crate) fn deleted(&self) -> Result<Spans, Broken> {
        let bytes = self.doc.transact().snapshot().delete_set.encode_v1();
        update::deletes(&mut Reader::new(&bytes)).map_err(|_| Broken)
    }

    /// The present moment, to come back to with [`Replica::at`].
    pub(crate) fn moment(&self) -> Vec<u8> {
        self.doc.transact().snapshot().encode_v1()
    }

    /// The document as it was at a moment.
    pub(crate) fn at(&self, moment: &[u8]) -> Result<Self, Broken> {
        self.at_with_client(moment, 1)
    }

    fn at_with_client(&self, moment: &[u8], client: u32) -> Result<Self, Broken> {
        let moment = Snapshot::decode_v1(moment).map_err(|_| Broken)?;
        let clock = |client| moment.state_map.get(&ClientID::new(client));
        let state = update::until(&self.state(), clock, &moment.delete_set.encode_v1());
        let state = state.map_err(|_| Broken)?;
        let mut past = Self::with_client(client);
        past.guarded(|txn| {
            let state = Update::decode_v1(&state).map_err(|_| Broken)?;
            txn.apply_update(state).map_err(|_| Broken)
        })??;
        Ok(past)
    }

    /// What somebody would have sent who, at that moment, changed the text into `after`. The same
    /// for the same moment and text.
    pub(crate) fn rewritten(&self, moment: &[u8], after: &str) -> Result<Rewritten, Broken> {
        let known = Snapshot::decode_v1(moment).map_err(|_| Broken)?.state_map;
        let seed = [*Hash::of(moment).as_bytes(), *Hash::of(after.as_bytes()).as_bytes()].concat();
        let client = client_id(Hash::of(&seed), |client| {
            known.contains_client(&ClientID::new(u64::from(client)))
        });
        let mut past = self.at_with_client(moment, client)?;
        let before = past.text();
        let edits = diff::edits(&before, after);
        if edits.is_empty() {
            let moment = moment.to_vec();
            return Ok(Rewritten { edit: None, places: 0, moment, bytes_before: before.len() });
        }
        past.cut(edits.len());
        let text = past.text.clone();
        let edit = past.guarded(|txn| {
            text.apply_delta(txn, delta(&edits));
            txn.commit();
            Bytes::from(txn.encode_update_v1())
        })?;
        debug_assert_eq!(past.text(), after);
        let moment = past.moment();
        Ok(Rewritten { edit: Some(edit), places: edits.len(), moment, bytes_before: before.len() })
    }

    /// What this client would have sent who, at that moment, had made these edits; and the moment
    /// right after them. The client must have done nothing since.
    pub(crate) fn edited(
        &self,
        moment: &[u8],
        client: u32,
        edits: &[Edit<'_>],
    ) -> Result<(Bytes, Vec<u8>), Broken> {
        let mut past = self.at_with_client(moment, client)?;
        let own = u64::from(client);
        if past.known()(own) != self.known()(own) {
            return Err(Broken);
        }
        past.cut(edits.len());
        let text = past.text.clone();
        let edit = past.guarded(|txn| {
            text.apply_delta(txn, delta(edits));
            txn.commit();
            Bytes::from(txn.encode_update_v1())
        })?;
        let moment = past.moment();
        Ok((edit, moment))
    }

    /// A place in the text that moves with it, as JSON of Yjs's relative positions.
    pub(crate) fn place(&self, unit: u32) -> Option<serde_json::Value> {
        let txn = self.doc.transact();
        let unit = unit.min(self.text.len(&txn));
        let place = self.text.sticky_index(&txn, unit, Assoc::After)?;
        serde_json::to_value(&place).ok()
    }

    /// Where such a place is now, in UTF-16 units.
    pub(crate) fn unit_of(&self, place: &serde_json::Value) -> Option<u32> {
        let Some(item) = place.get("item").filter(|item| item.is_object()) else {
            // The end of the text, or all of an empty one.
            let ends = place.get("assoc").and_then(serde_json::Value::as_i64).unwrap_or(0) >= 0;
            let named = place.get("tname").and_then(serde_json::Value::as_str) == Some(ROOT);
            return (named && ends).then(|| self.units()).or(named.then_some(0));
        };
        let client = item.get("client")?.as_u64().filter(|client| *client <= SAFE_INTEGER_MAX)?;
        let clock = u32::try_from(item.get("clock")?.as_u64()?).ok()?;
        if clock >= self.known()(client) {
            return None;
        }
        let id = ID::new(ClientID::new(client), clock);
        let place = StickyIndex::from_id(id, Assoc::After);
        place.get_offset(&self.doc.transact()).map(|offset| offset.index)
    }

    /// Cuts long passages into pieces if many edits are to come. Changes nothing that is sent.
    pub(crate) fn cut(&mut self, edits: usize) {
        let units = self.units();
        if edits <= EDITS_BEFORE_CUTTING || units <= PIECE_UNITS {
            return;
        }
        let text = self.text.clone();
        let done = self.guarded(|txn| {
            // Halves first, so that each cut copies half of what the last one copied.
            let mut passages = std::collections::VecDeque::from([(0, units)]);
            while let Some((start, end)) = passages.pop_front() {
                if end - start <= PIECE_UNITS {
                    continue;
                }
                let middle = start + (end - start) / 2;
                text.apply_delta(txn, [Delta::<String>::Retain(middle, None)]);
                passages.push_back((start, middle));
                passages.push_back((middle, end));
            }
        });
        self.broken |= done.is_err();
    }

    /// Runs a change. If yrs panics, its half-done transaction must never be committed, so it is
    /// leaked, and with it the document.
    fn guarded<T>(
        &mut self,
        change: impl FnOnce(&mut TransactionMut<'_>) -> T,
    ) -> Result<T, Broken> {
        if self.broken {
            return Err(Broken);
        }
        let mut txn = ManuallyDrop::new(self.doc.transact_mut());
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let value = change(&mut txn);
            txn.commit();
            value
        }));
        match outcome {
            Ok(value) => {
                drop(ManuallyDrop::into_inner(txn));
                Ok(value)
            }
            Err(_) => {
                self.broken = true;
                Err(Broken)
            }
        }
    }
}

/// One transaction over several updates.
struct Pass {
    before: Arc<StateVector>,
    clocks: HashMap<u64, u32>,
    units: usize,
    units_max: usize,
    progress: bool,
}

impl Pass {
    fn new(txn: &TransactionMut<'_>, units: usize, units_max: usize) -> Self {
        let before = Arc::new(txn.state_vector());
        Self { before, clocks: HashMap::new(), units, units_max, progress: false }
    }

    fn take(&mut self, txn: &mut TransactionMut<'_>, update: &Bytes) -> Result<Outcome, Broken> {
        let admitted = match update::admit(update, |client| self.clock(client)) {
            Ok(admitted) => admitted,
            Err(refused) => return Ok(Outcome::Refused(refused)),
        };
        if admitted.inserted > 0 && self.units + admitted.inserted > self.units_max {
            return Ok(Outcome::TooLarge);
        }
        if admitted.clocks.is_empty() && !admitted.deletes {
            return Ok(if admitted.gap { Outcome::Waits } else { Outcome::Taken });
        }
        let Ok(decoded) = Update::decode_v1(&admitted.bytes) else {
            return Ok(Outcome::Refused(Refused::Malformed));
        };
        txn.apply_update(decoded).map_err(|_| Broken)?;
        let waits = self.settle(txn, &admitted);
        Ok(if waits || admitted.gap { Outcome::Waits } else { Outcome::Taken })
    }

    /// Takes note of what was integrated. What was not is forgotten by yrs and waits with us.
    fn settle(&mut self, txn: &mut TransactionMut<'_>, admitted: &Admitted<'_>) -> bool {
        let waits = txn.has_missing_updates();
        if waits {
            drop(txn.prune_pending());
            let now = txn.state_vector();
            for (client, _) in &admitted.clocks {
                let clock = now.get(&ClientID::new(*client));
                self.progress |= clock > self.clock(*client);
                self.clocks.insert(*client, clock);
            }
            return true;
        }
        self.units += admitted.inserted;
        self.progress |= !admitted.clocks.is_empty();
        self.clocks.extend(admitted.clocks.iter().copied());
        false
    }

    fn clock(&self, client: u64) -> u32 {
        let before = || self.before.get(&ClientID::new(client));
        self.clocks.get(&client).copied().unwrap_or_else(before)
    }
}

struct Kept {
    updates: Vec<Bytes>,
    bytes: usize,
}

impl Kept {
    fn keep(&mut self, update: &Bytes, outcome: Outcome) -> Outcome {
        if outcome != Outcome::Waits || self.updates.contains(update) {
            return outcome;
        }
        if self.bytes + update.len() > WAITING_BYTES_MAX {
            return Outcome::TooLarge;
        }
        self.bytes += update.len();
        self.updates.push(update.clone());
        outcome
    }
}

fn delta<'a>(edits: &'a [Edit<'a>]) -> impl Iterator<Item = Delta<String>> + 'a {
    let mut at = 0;
    edits.iter().flat_map(move |edit| {
        let retain = edit.at - at;
        at = edit.at + edit.delete;
        let steps = [
            (retain > 0).then_some(Delta::Retain(retain, None)),
            (edit.delete > 0).then_some(Delta::Deleted(edit.delete)),
            (!edit.insert.is_empty()).then(|| Delta::Inserted(edit.insert.to_owned(), None)),
        ];
        steps.into_iter().flatten()
    })
}

/// 32 bits of a hash, as old Yjs clients need it; not 0, not 1, not taken.
fn client_id(hash: Hash, taken: impl Fn(u32) -> bool) -> u32 {
    let mut hash = hash;
    loop {
        let bytes = hash.as_bytes();
        let id = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if id > 1 && !taken(id) {
            return id;
        }
        hash = Hash::of(bytes);
    }
}
