//! A program's copy of a document at the far end of a connection, for clients that know no CRDT:
//! they say what they changed in a text that they saw at some moment, and it is made there.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use yrs::StateVector;
use yrs::updates::decoder::Decode;

use crate::diff::Edit;
use crate::protocol::{self, Incoming};
use crate::replica::Replica;
use crate::varint::{Malformed, Reader, push_bytes, push_uint};

/// A moment of the document, to make edits at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment(Vec<u8>);

/// The copy is of no more use; join anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the copy of the document is broken")]
pub struct Spoilt;

impl From<Malformed> for Spoilt {
    fn from(_: Malformed) -> Self {
        Self
    }
}

/// What a frame of the room brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirrored {
    /// The copy has all there was when it was asked for.
    CaughtUp,
    /// An answer that the room waits for; it counts as an edit.
    Answer(Bytes),
    /// So many of the frames with edits are durable.
    Stored(u64),
    /// An edit was not taken, as the key gives no right to edit.
    Denied,
    /// Text or pointers changed, or nothing did.
    Other,
}

/// Somebody else in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    pub client: u64,
    pub name: String,
    /// The selection in UTF-16 units, its fixed end first.
    pub selection: Option<(u32, u32)>,
}

pub struct Mirror {
    replica: Replica,
    client: u32,
    states: BTreeMap<u64, Value>,
    /// Of the own awareness state.
    clock: u64,
}

impl Mirror {
    /// `client` must be drawn by chance, anew for each connection.
    pub fn new(client: u32) -> Self {
        let client = client.max(2);
        Self { replica: Replica::empty(), client, states: BTreeMap::new(), clock: 0 }
    }

    /// The frame that asks the room for the document.
    pub fn ask(&self) -> Bytes {
        protocol::step_1(&self.replica.state_vector())
    }

    /// Takes in a frame of the room.
    pub fn hear(&mut self, frame: &Bytes) -> Result<Mirrored, Spoilt> {
        if let Some(count) = protocol::stored_count(frame) {
            return Ok(Mirrored::Stored(count));
        }
        if protocol::is_denied(frame) {
            return Ok(Mirrored::Denied);
        }
        match protocol::read(frame)? {
            Incoming::Step1(vector) => {
                let vector = StateVector::decode_v1(vector).map_err(|_| Spoilt)?;
                Ok(Mirrored::Answer(protocol::step_2(&self.replica.diff(&vector))))
            }
            Incoming::Step2(update) => {
                self.take(frame.slice_ref(update))?;
                Ok(Mirrored::CaughtUp)
            }
            Incoming::Update(update) => {
                self.take(frame.slice_ref(update))?;
                Ok(Mirrored::Other)
            }
            Incoming::Awareness(states) => {
                self.hear_states(states)?;
                Ok(Mirrored::Other)
            }
            Incoming::QueryAwareness | Incoming::Holds(_) | Incoming::Other => Ok(Mirrored::Other),
        }
    }

    /// About how many bytes the copy takes.
    pub fn weight(&self) -> usize {
        let states: usize = self.states.values().map(|state| state.to_string().len()).sum();
        self.replica.state().len() * 2 + states
    }

    pub fn text(&self) -> String {
        self.replica.text()
    }

    pub fn moment(&self) -> Moment {
        Moment(self.replica.moment())
    }

    /// Makes edits in the text as it was at a moment after which this copy itself changed nothing.
    /// Gives the frame for the room and the moment right after the edits.
    pub fn edit(&mut self, moment: &Moment, edits: &[Edit<'_>]) -> Result<(Bytes, Moment), Spoilt> {
        let edited = self.replica.edited(&moment.0, self.client, edits);
        let (update, after) = edited.map_err(|_| Spoilt)?;
        self.take(update.clone())?;
        Ok((protocol::update(&update), Moment(after)))
    }

    /// The frame that shows this program's name, and its selection if it has one, to the others.
    pub fn point(&mut self, name: &str, selection: Option<(u32, u32)>) -> Bytes {
        self.clock += 1;
        let cursor = selection.and_then(|(anchor, head)| {
            let (anchor, head) = (self.replica.place(anchor)?, self.replica.place(head)?);
            Some(json!({ "anchor": anchor, "head": head }))
        });
        let state = json!({ "user": { "name": name }, "cursor": cursor });
        let mut states = Vec::new();
        push_uint(&mut states, 1);
        push_uint(&mut states, u64::from(self.client));
        push_uint(&mut states, self.clock);
        push_bytes(&mut states, state.to_string().as_bytes());
        protocol::awareness(&states)
    }

    /// Who else is here, by their client numbers.
    pub fn others(&self) -> Vec<Other> {
        let others = self.states.iter().filter(|(client, _)| **client != u64::from(self.client));
        others
            .map(|(client, state)| {
                let cursor = &state["cursor"];
                let end = |name: &str| self.unit_of(&cursor[name]);
                let name = state["user"]["name"].as_str().unwrap_or_default().to_owned();
                let selection = end("anchor").zip(end("head"));
                Other { client: *client, name, selection }
            })
            .collect()
    }

    fn unit_of(&self, place: &Value) -> Option<u32> {
        match place.as_str() {
            // The binding of CodeMirror 5 writes its places as text.
            Some(words) => self.replica.unit_of(&serde_json::from_str(words).ok()?),
            None => self.replica.unit_of(place),
        }
    }

    fn take(&mut self, update: Bytes) -> Result<(), Spoilt> {
        self.replica.apply(&[update], usize::MAX).map(drop).map_err(|_| Spoilt)
    }

    fn hear_states(&mut self, states: &[u8]) -> Result<(), Spoilt> {
        let mut reader = Reader::new(states);
        for _ in 0..reader.count(3)? {
            let client = reader.uint()?;
            let _clock = reader.uint()?;
            match serde_json::from_str(reader.text()?) {
                Ok(Value::Null) | Err(_) => self.states.remove(&client),
                Ok(state) => self.states.insert(client, state),
            };
        }
        Ok(())
    }
}
