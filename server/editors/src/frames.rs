//! The frames of y-websocket and the hive's two own, as a client says and hears them.

use bytes::Bytes;
use serde::Deserialize;

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const STORED: u64 = 100;
const CONDITION: u64 = 101;

/// How the hive ends a document's socket.
pub(crate) mod close {
    pub(crate) const SIGNED_OUT: u16 = 4401;
    pub(crate) const DENIED: u16 = 4403;
    pub(crate) const GONE: u16 = 4404;
    pub(crate) const OTHER_GENERATION: u16 = 4409;
    pub(crate) const TOO_LARGE: u16 = 4413;
}

/// What the hive says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard<'a> {
    /// The hive wants what it lacks of this state vector.
    Asked(&'a [u8]),
    /// All that this side lacked.
    Whole(&'a [u8]),
    Update(&'a [u8]),
    /// Client, clock, and its state as JSON; `null` when it left.
    People(Vec<(u64, u64, &'a str)>),
    Denied,
    /// So many frames with edits are durable.
    Stored(u64),
    Condition(Condition),
    Other,
}

/// The hive's word on a document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Condition {
    /// `live`, `unsaved` or `read_only`.
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) hint: String,
}

/// `None`: it is no frame.
pub(crate) fn hear(frame: &[u8]) -> Option<Heard<'_>> {
    let mut reader = Reader(frame);
    Some(match reader.number()? {
        SYNC => match reader.number()? {
            0 => Heard::Asked(reader.bytes()?),
            1 => Heard::Whole(reader.bytes()?),
            2 => Heard::Update(reader.bytes()?),
            _ => return None,
        },
        AWARENESS => {
            let mut reader = Reader(reader.bytes()?);
            let mut states = Vec::new();
            for _ in 0..reader.number()? {
                let (client, clock) = (reader.number()?, reader.number()?);
                states.push((client, clock, std::str::from_utf8(reader.bytes()?).ok()?));
            }
            Heard::People(states)
        }
        AUTH => Heard::Denied,
        STORED => Heard::Stored(reader.number()?),
        CONDITION => Heard::Condition(serde_json::from_slice(reader.bytes()?).ok()?),
        _ => Heard::Other,
    })
}

pub(crate) fn ask(state_vector: &[u8]) -> Bytes {
    frame(&[SYNC, 0], state_vector)
}

pub(crate) fn whole(update: &[u8]) -> Bytes {
    frame(&[SYNC, 1], update)
}

pub(crate) fn update(update: &[u8]) -> Bytes {
    frame(&[SYNC, 2], update)
}

/// This client's own state, as JSON.
pub(crate) fn person(client: u64, clock: u64, state: &str) -> Bytes {
    let mut body = Vec::new();
    for number in [1, client, clock] {
        push(&mut body, number);
    }
    push(&mut body, state.len() as u64);
    body.extend_from_slice(state.as_bytes());
    frame(&[AWARENESS], &body)
}

fn frame(kind: &[u64], body: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(body.len() + 8);
    for number in kind {
        push(&mut bytes, *number);
    }
    push(&mut bytes, body.len() as u64);
    bytes.extend_from_slice(body);
    bytes.into()
}

fn push(target: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        target.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    target.push(number as u8);
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..56).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}
