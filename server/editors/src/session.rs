//! One document as a client takes part in it: its copy, what of it the hive has stored, and what is
//! made anew when another generation lives. Pure: frames in, frames and changes out.

use std::collections::BTreeMap;

use bytes::Bytes;
use ropey::Rope;
use serde_json::{Value, json};

use crate::change::Change;
use crate::diff;
use crate::frames::{self, Condition, Heard};
use crate::replica::Replica;

/// What a frame brought.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Somebody else's change, or what the first state holds.
    pub(crate) change: Change,
    pub(crate) answers: Vec<Bytes>,
    pub(crate) people: bool,
    /// The hive refused an edit.
    pub(crate) denied: bool,
    pub(crate) condition: Option<Condition>,
    /// This side now holds what the hive holds, for the first time on this line.
    pub(crate) synced: bool,
}

/// Somebody else who is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) client: u64,
    /// The person's id, or the client's number.
    pub(crate) id: String,
    pub(crate) name: String,
    /// Anchor and head, as characters of the document.
    pub(crate) cursor: Option<(usize, usize)>,
}

#[derive(Debug)]
pub(crate) struct Session {
    replica: Replica,
    generation: Option<String>,
    /// From the present text back to the one that the hive is known to have stored.
    unstored: Change,
    /// Text with unstored edits of a generation that ended, and what of it was stored.
    carried: Option<(Rope, Rope)>,
    line: Line,
    clock: u64,
    states: BTreeMap<u64, (u64, Value)>,
    own: Value,
}

/// Counts from the start of a connection.
#[derive(Debug, Default)]
struct Line {
    connected: bool,
    synced: bool,
    sent: u64,
    stored: u64,
}

impl Session {
    /// `program` is how this client calls itself where the hive knows no person.
    pub(crate) fn new(program: &str) -> Self {
        Self {
            replica: Replica::new(),
            generation: None,
            unstored: Change::default(),
            carried: None,
            line: Line::default(),
            clock: 0,
            states: BTreeMap::new(),
            own: json!({ "user": { "name": program } }),
        }
    }

    /// The document's text, with all that was done here.
    pub(crate) fn text(&self) -> &Rope {
        self.carried.as_ref().map_or(self.replica.text(), |(_, mine)| mine)
    }

    /// The hive says which generation lives. Copies of two generations never merge: what was not
    /// stored of the last one is made anew, as edits, once the new one is here.
    pub(crate) fn opened(&mut self, generation: &str) {
        let same = self.generation.as_deref().is_none_or(|known| known == generation);
        self.generation = Some(generation.to_owned());
        if same {
            return;
        }
        if self.carried.is_none() {
            let mine = self.text().clone();
            let mut base = mine.clone();
            self.unstored.apply(&mut base);
            self.carried = Some((base, mine));
        }
        self.replica = Replica::new();
        self.unstored = Change::default();
        self.states.clear();
        self.line = Line::default();
    }

    /// A new line stands: what is said first on it.
    pub(crate) fn connected(&mut self) -> Vec<Bytes> {
        self.line = Line { connected: true, ..Line::default() };
        self.states.clear();
        vec![frames::ask(&self.replica.state_vector()), self.presence()]
    }

    pub(crate) fn disconnected(&mut self) {
        self.line = Line::default();
        self.states.clear();
    }

    pub(crate) fn take(&mut self, frame: &[u8]) -> Brought {
        let mut brought = Brought::default();
        match frames::hear(frame) {
            Some(Heard::Asked(vector)) => {
                if let Some(update) = self.replica.lacking(vector) {
                    self.line.sent += 1;
                    brought.answers.push(frames::whole(&update));
                }
            }
            Some(Heard::Whole(update)) => {
                brought.synced = !self.line.synced;
                self.line.synced = true;
                let change = self.take_update(update);
                brought.change = match self.carried.take() {
                    None => change,
                    Some((base, mine)) => {
                        let (change, frame) = self.carry(&base, &mine);
                        brought.answers.extend(frame);
                        change
                    }
                };
            }
            Some(Heard::Update(update)) => {
                let change = self.take_update(update);
                if self.carried.is_none() {
                    brought.change = change;
                }
            }
            Some(Heard::People(states)) => brought.people = self.take_people(states),
            Some(Heard::Denied) => brought.denied = true,
            Some(Heard::Stored(count)) => {
                self.line.stored = count;
                if self.line.stored == self.line.sent {
                    self.unstored = Change::default();
                }
            }
            Some(Heard::Condition(condition)) => brought.condition = Some(condition),
            Some(Heard::Other) | None => {}
        }
        brought
    }

    /// Makes an own change; gives the frame that tells of it, if there is a line.
    pub(crate) fn edit(&mut self, change: &Change) -> Option<Bytes> {
        if change.is_empty() {
            return None;
        }
        if let Some((_, mine)) = &mut self.carried {
            change.apply(mine);
            return None;
        }
        self.unstored = change.back(self.text()).then(&self.unstored);
        let update = self.replica.edit(change);
        if !self.line.connected {
            return None;
        }
        self.line.sent += 1;
        Some(frames::update(&update))
    }

    /// All that was done here is durable at the hive.
    pub(crate) fn is_stored(&self) -> bool {
        let settled = self.line.synced && self.line.stored == self.line.sent;
        self.carried.is_none() && (settled || self.unstored.is_empty())
    }

    /// The own cursor, as anchor and head; `None`: not here now.
    pub(crate) fn point(&mut self, cursor: Option<(usize, usize)>) -> Option<Bytes> {
        let pointed = cursor.map(|(anchor, head)| {
            json!({ "anchor": self.replica.sticky(anchor), "head": self.replica.sticky(head) })
        });
        self.own["cursor"] = pointed.unwrap_or(Value::Null);
        self.line.connected.then(|| self.presence())
    }

    /// Says again that this client is here, as it must every few seconds.
    pub(crate) fn presence(&mut self) -> Bytes {
        self.clock += 1;
        frames::person(self.replica.client(), self.clock, &self.own.to_string())
    }

    /// Everybody else who is here.
    pub(crate) fn people(&self) -> Vec<Person> {
        let person = |(client, (_, state)): (&u64, &(u64, Value))| {
            let user = &state["user"];
            let name = user["name"].as_str().map(str::trim).filter(|name| !name.is_empty());
            let place = |which: &str| self.replica.place(&state["cursor"][which]);
            Person {
                client: *client,
                id: user["person"].as_str().map_or_else(|| client.to_string(), str::to_owned),
                name: name.unwrap_or("Guest").to_owned(),
                cursor: place("anchor").zip(place("head")),
            }
        };
        self.states.iter().map(person).collect()
    }

    fn take_update(&mut self, update: &[u8]) -> Change {
        let change = self.replica.take(update).unwrap_or_default();
        (self.unstored, _) = self.unstored.beside(&change);
        change
    }

    fn take_people(&mut self, states: Vec<(u64, u64, &str)>) -> bool {
        let mut changed = false;
        for (client, clock, state) in states {
            if client == self.replica.client() {
                self.clock = self.clock.max(clock);
                continue;
            }
            let known = self.states.get(&client).map(|(clock, _)| *clock);
            let state = serde_json::from_str(state).unwrap_or(Value::Null);
            if state.is_null() {
                changed |= self.states.remove(&client).is_some();
            } else if known.is_none_or(|known| clock > known) {
                let before = self.states.insert(client, (clock, state.clone()));
                changed |= before.is_none_or(|(_, before)| before != state);
            }
        }
        changed
    }

    /// Makes what was not stored of an ended generation anew; gives what the text as it was shown
    /// is to become.
    fn carry(&mut self, base: &Rope, mine: &Rope) -> (Change, Option<Bytes>) {
        let (base, shown) = (base.to_string(), mine.to_string());
        let theirs = diff::change(&base, &self.text().to_string());
        let own = left_over(&diff::change(&base, &shown), &theirs);
        let (_, own) = theirs.beside(&own);
        let frame = self.edit(&own);
        (diff::change(&shown, &self.text().to_string()), frame)
    }
}

/// What of one's own edits another text does not have yet: the hive may have stored the last ones
/// without having said so.
pub(crate) fn left_over(own: &Change, theirs: &Change) -> Change {
    let others = theirs.edits();
    let mut left = own.edits();
    left.retain_mut(|edit| {
        let twin = others.iter().find(|one| one.start == edit.start && !one.insert.is_empty());
        let Some(twin) = twin else { return true };
        if twin.insert.starts_with(&edit.insert) || twin.insert.ends_with(&edit.insert) {
            edit.insert.clear();
        } else if let Some(rest) = edit.insert.strip_prefix(&twin.insert) {
            edit.insert = rest.to_owned();
        }
        edit.start < edit.end || !edit.insert.is_empty()
    });
    Change::of_edits(&left)
}
