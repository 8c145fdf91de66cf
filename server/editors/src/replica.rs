//! This side's copy of a document: the only file here that knows yrs.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ropey::Rope;
use serde_json::{Value, json};
use yrs::block::ClientID;
use yrs::types::Delta;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Assoc, Doc, GetString, IndexedSequence, Observable, OffsetKind, Options, Out, ReadTxn,
    StateVector, StickyIndex, Text, TextRef, Transact, Update,
};

use crate::change::{Change, Edit};
use crate::{diff, offsets};

const ROOT: &str = "content";

pub(crate) struct Replica {
    doc: Doc,
    content: TextRef,
    /// What the content is, for quick counting.
    text: Rope,
    /// What the transaction that just ended changed.
    seen: Arc<Mutex<Vec<Delta>>>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Replica").field("text", &self.text).finish_non_exhaustive()
    }
}

impl Replica {
    /// An empty copy. Its client number is new, as no two copies may share one.
    pub(crate) fn new() -> Self {
        let client = ClientID::new(u64::from(rand::random::<u32>().max(2)));
        let options = Options {
            offset_kind: OffsetKind::Utf16,
            skip_gc: false,
            ..Options::with_client_id(client)
        };
        let doc = Doc::with_options(options);
        let content = doc.get_or_insert_text(ROOT);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = seen.clone();
        content.observe("copy", move |txn, event| {
            let delta = event.delta(txn).to_vec();
            *told.lock().unwrap_or_else(PoisonError::into_inner) = delta;
        });
        Self { doc, content, text: Rope::new(), seen }
    }

    pub(crate) fn client(&self) -> u64 {
        self.doc.client_id().get()
    }

    pub(crate) fn text(&self) -> &Rope {
        &self.text
    }

    pub(crate) fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    /// What somebody with this state vector lacks.
    pub(crate) fn lacking(&self, state_vector: &[u8]) -> Option<Vec<u8>> {
        let vector = StateVector::decode_v1(state_vector).ok()?;
        Some(self.doc.transact().encode_diff_v1(&vector))
    }

    /// Takes an update in and gives what it changed; `None` if it is no update.
    pub(crate) fn take(&mut self, update: &[u8]) -> Option<Change> {
        let update = Update::decode_v1(update).ok()?;
        self.take_seen();
        self.doc.transact_mut().apply_update(update).ok()?;
        let delta = self.take_seen();
        let change = self.change_of(&delta);
        let units = self.content.len(&self.doc.transact());
        let mut text = self.text.clone();
        if change.apply(&mut text) && text.len_utf16_cu() == units as usize {
            self.text = text;
            return Some(change);
        }
        // Somebody cut a pair of units apart: the texts themselves say what changed.
        let now = self.content.get_string(&self.doc.transact());
        let change = diff::change(&self.text.to_string(), &now);
        self.text = Rope::from(now);
        Some(change)
    }

    /// Makes a change and gives the update that tells of it.
    pub(crate) fn edit(&mut self, change: &Change) -> Bytes {
        let mut txn = self.doc.transact_mut();
        for edit in change.edits().iter().rev() {
            let start = offsets::units(&self.text, edit.start);
            let length = offsets::units(&self.text, edit.end) - start;
            if length > 0 {
                self.content.remove_range(&mut txn, start, length);
            }
            if !edit.insert.is_empty() {
                self.content.insert(&mut txn, start, &edit.insert);
            }
        }
        txn.commit();
        let update = txn.encode_update_v1();
        drop(txn);
        self.take_seen();
        change.apply(&mut self.text);
        update.into()
    }

    /// A place that keeps its neighbours, as JSON.
    pub(crate) fn sticky(&self, place: usize) -> Value {
        let txn = self.doc.transact();
        let units = offsets::units(&self.text, place);
        let sticky = self.content.sticky_index(&txn, units, Assoc::After);
        let end = || json!({ "tname": ROOT, "assoc": 0 });
        sticky.and_then(|sticky| serde_json::to_value(sticky).ok()).unwrap_or_else(end)
    }

    /// Where such a place stands now.
    pub(crate) fn place(&self, sticky: &Value) -> Option<usize> {
        let sticky: StickyIndex = serde_json::from_value(sticky.clone()).ok()?;
        let units = sticky.get_offset(&self.doc.transact())?.index;
        Some(offsets::character(&self.text, units))
    }

    fn take_seen(&self) -> Vec<Delta> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A delta, counted in UTF-16 units, as a change of the present text.
    fn change_of(&self, delta: &[Delta]) -> Change {
        let mut edits: Vec<Edit> = Vec::new();
        let mut at = 0_u32;
        for step in delta {
            match step {
                Delta::Retain(count, _) => at += count,
                Delta::Inserted(Out::Any(yrs::Any::String(insert)), _) => {
                    let place = offsets::character(&self.text, at);
                    edits.push(Edit { start: place, end: place, insert: insert.to_string() });
                }
                Delta::Inserted(..) => {}
                Delta::Deleted(count) => {
                    let start = offsets::character(&self.text, at);
                    at += count;
                    let end = offsets::character(&self.text, at);
                    edits.push(Edit { start, end, insert: String::new() });
                }
            }
        }
        Change::of_edits(&edits)
    }
}
