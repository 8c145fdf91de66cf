//! Who points where in a document: the awareness states of y-protocols, kept honest.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::time::{Duration, Instant};

use crate::connection::Member;
use crate::varint::{Malformed, Reader, push_bytes, push_uint};

/// The longest state of one client.
pub(crate) const STATE_BYTES_MAX: usize = 8 * 1024;
/// Client ids that one connection may speak for (a browser's tabs share their states).
const CLIENTS_PER_CONNECTION_MAX: usize = 8;
/// Client ids that another hive may speak for.
const CLIENTS_PER_HIVE_MAX: usize = 200;
/// Clients that left and whose last clock is remembered, so that an echo does not bring them back.
const LEFT_MAX: usize = 1_024;

#[derive(Debug)]
struct Entry {
    clock: u64,
    /// `None`: left.
    state: Option<String>,
    owner: u64,
    key: u64,
    renewed_at: Instant,
}

/// By which connection something was said.
struct Line {
    connection: u64,
    key: u64,
    clients_max: usize,
}

/// The states of all clients of one room.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    entries: BTreeMap<u64, Entry>,
}

impl Presence {
    /// Takes over what a connection says about its own clients; the rest (stock clients echo
    /// everybody's state) is passed over. Gives the clients that changed.
    pub(crate) fn take(
        &mut self,
        connection: u64,
        member: &Member,
        states: &[u8],
        now: Instant,
    ) -> Result<Vec<u64>, Malformed> {
        let sign = |state: &str| signed(state, member);
        let line = Line { connection, key: member.key, clients_max: CLIENTS_PER_CONNECTION_MAX };
        self.take_with(&line, states, sign, now)
    }

    /// [`Presence::take`] of what another hive says about its people, whose names are its word.
    pub(crate) fn take_far(
        &mut self,
        connection: u64,
        member: &Member,
        states: &[u8],
        now: Instant,
    ) -> Result<Vec<u64>, Malformed> {
        let line = Line { connection, key: member.key, clients_max: CLIENTS_PER_HIVE_MAX };
        self.take_with(&line, states, from_afar, now)
    }

    fn take_with(
        &mut self,
        line: &Line,
        states: &[u8],
        sign: impl Fn(&str) -> Result<String, Malformed>,
        now: Instant,
    ) -> Result<Vec<u64>, Malformed> {
        let mut reader = Reader::new(states);
        let mut changed = Vec::new();
        for _ in 0..reader.count(3)? {
            let client = reader.uint()?;
            let clock = reader.uint()?;
            let state = reader.text()?;
            let state = match state {
                "null" => None,
                _ if state.len() > STATE_BYTES_MAX => continue,
                _ => Some(sign(state)?),
            };
            if self.accept(line, client, clock, state, now) {
                changed.push(client);
            }
        }
        self.forget_some();
        Ok(changed)
    }

    /// The clients of a connection leave.
    pub(crate) fn leave(&mut self, connection: u64) -> Vec<u64> {
        self.leave_where(|entry| entry.owner == connection)
    }

    /// Those leave who were not heard of for so long.
    pub(crate) fn expire(&mut self, now: Instant, after: Duration) -> Vec<u64> {
        self.leave_where(|entry| now.saturating_duration_since(entry.renewed_at) >= after)
    }

    /// When the next state expires.
    pub(crate) fn expires_at(&self, after: Duration) -> Option<Instant> {
        self.entries
            .values()
            .filter(|entry| entry.state.is_some())
            .map(|entry| entry.renewed_at + after)
            .min()
    }

    /// The body of an awareness update about everybody who is here; `None` if nobody is.
    pub(crate) fn everybody(&self) -> Option<Vec<u8>> {
        let here: Vec<u64> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.state.is_some())
            .map(|(client, _)| *client)
            .collect();
        (!here.is_empty()).then(|| self.about(here))
    }

    /// The body of an awareness update about these clients.
    pub(crate) fn about(&self, clients: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let known: Vec<_> = clients
            .into_iter()
            .filter_map(|client| self.entries.get(&client).map(|entry| (client, entry)))
            .collect();
        let mut bytes = Vec::new();
        push_uint(&mut bytes, known.len() as u64);
        for (client, entry) in known {
            push_uint(&mut bytes, client);
            push_uint(&mut bytes, entry.clock);
            push_bytes(&mut bytes, entry.state.as_deref().unwrap_or("null").as_bytes());
        }
        bytes
    }

    fn accept(
        &mut self,
        &Line { connection, key, clients_max }: &Line,
        client: u64,
        clock: u64,
        state: Option<String>,
        now: Instant,
    ) -> bool {
        match self.entries.get_mut(&client) {
            Some(entry) => {
                // A client that comes back on a new line finds its old one still here.
                let may = entry.owner == connection || entry.state.is_none() || entry.key == key;
                let leaves = clock == entry.clock && state.is_none() && entry.state.is_some();
                if !may || (clock <= entry.clock && !leaves) {
                    return false;
                }
                if entry.owner != connection && state.is_none() {
                    return false;
                }
                *entry = Entry { clock, state, owner: connection, key, renewed_at: now };
                true
            }
            None => {
                let own = self.entries.values().filter(|entry| entry.owner == connection).count();
                if state.is_none() || own >= clients_max {
                    return false;
                }
                let entry = Entry { clock, state, owner: connection, key, renewed_at: now };
                self.entries.insert(client, entry);
                true
            }
        }
    }

    fn leave_where(&mut self, leaves: impl Fn(&Entry) -> bool) -> Vec<u64> {
        let mut left = Vec::new();
        for (client, entry) in &mut self.entries {
            if entry.state.is_some() && leaves(entry) {
                // At the same clock, as y-protocols does it, so that the client may come back.
                entry.state = None;
                left.push(*client);
            }
        }
        left
    }

    fn forget_some(&mut self) {
        let left = self.entries.values().filter(|entry| entry.state.is_none()).count();
        if left <= LEFT_MAX {
            return;
        }
        let mut ages: Vec<(Instant, u64)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.state.is_none())
            .map(|(client, entry)| (entry.renewed_at, *client))
            .collect();
        ages.sort_unstable();
        for (_, client) in ages.iter().take(left - LEFT_MAX / 2) {
            self.entries.remove(client);
        }
    }
}

/// The state with the member's own name on it, whatever the client wrote there.
fn signed(state: &str, member: &Member) -> Result<String, Malformed> {
    let mut value: Value = serde_json::from_str(state).map_err(|_| Malformed)?;
    let Some(fields) = value.as_object_mut() else { return Ok(state.to_owned()) };
    let signs = member.person.is_some() || member.name.is_some() || member.hue.is_some();
    if !signs {
        return Ok(state.to_owned());
    }
    let user = fields.entry("user").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if !user.is_object() {
        *user = Value::Object(serde_json::Map::new());
    }
    if let Some(user) = user.as_object_mut() {
        if let Some(person) = member.person {
            user.insert("person".to_owned(), Value::String(person.to_string()));
        }
        if let Some(name) = &member.name {
            user.insert("name".to_owned(), Value::String(name.clone()));
        }
        if let Some(hue) = member.hue {
            user.insert("hue".to_owned(), Value::from(hue));
        }
    }
    Ok(value.to_string())
}

/// The state of somebody on another hive: nobody there is a person of this one.
fn from_afar(state: &str) -> Result<String, Malformed> {
    let mut value: Value = serde_json::from_str(state).map_err(|_| Malformed)?;
    if let Some(user) = value.get_mut("user").and_then(Value::as_object_mut) {
        user.remove("person");
    }
    Ok(value.to_string())
}
