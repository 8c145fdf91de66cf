//! The frames of y-websocket, and three of our own, read with suspicion and written plainly.

use bytes::Bytes;
use types::Hash;

use crate::Condition;
use crate::varint::{Malformed, Reader, push_bytes, push_uint};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;
const STORED: u64 = 100;
const CONDITION: u64 = 101;
const HOLDS: u64 = 102;

const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;

/// With which codes a room closes a connection.
pub mod close {
    pub const STOPPED: u16 = 1012;
    pub const FAILED: u16 = 1011;
    pub const NOT_UNDERSTOOD: u16 = 4400;
    pub const DENIED: u16 = 4403;
    pub const GONE: u16 = 4404;
    pub const NOT_NOW: u16 = 4408;
    pub const OTHER_GENERATION: u16 = 4409;
    pub const TOO_LARGE: u16 = 4413;
}

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// Its state vector: it wants what it lacks.
    Step1(&'a [u8]),
    Step2(&'a [u8]),
    Update(&'a [u8]),
    Awareness(&'a [u8]),
    QueryAwareness,
    /// All that was sent before holds what this content of the sender's file holds.
    Holds(Hash),
    /// Something that newer or other clients may say.
    Other,
}

pub(crate) fn read(frame: &[u8]) -> Result<Incoming<'_>, Malformed> {
    let mut reader = Reader::new(frame);
    Ok(match reader.uint()? {
        SYNC => match reader.uint()? {
            STEP_1 => Incoming::Step1(reader.bytes()?),
            STEP_2 => Incoming::Step2(reader.bytes()?),
            UPDATE => Incoming::Update(reader.bytes()?),
            _ => return Err(Malformed),
        },
        AWARENESS => Incoming::Awareness(reader.bytes()?),
        QUERY_AWARENESS => Incoming::QueryAwareness,
        HOLDS => {
            let hash = <[u8; 32]>::try_from(reader.bytes()?).map_err(|_| Malformed)?;
            Incoming::Holds(Hash::from_bytes(hash))
        }
        _ => Incoming::Other,
    })
}

/// What a frame of the room says of what is durable.
pub(crate) fn stored_count(frame: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(frame);
    (reader.uint().ok()? == STORED).then(|| reader.uint().ok())?
}

pub(crate) fn is_denied(frame: &[u8]) -> bool {
    Reader::new(frame).uint() == Ok(AUTH)
}

pub(crate) fn step_1(state_vector: &[u8]) -> Bytes {
    frame(&[SYNC, STEP_1], state_vector)
}

pub(crate) fn step_2(update: &[u8]) -> Bytes {
    frame(&[SYNC, STEP_2], update)
}

pub(crate) fn update(update: &[u8]) -> Bytes {
    frame(&[SYNC, UPDATE], update)
}

/// `states` is the body of an awareness update.
pub(crate) fn awareness(states: &[u8]) -> Bytes {
    frame(&[AWARENESS], states)
}

/// An awareness update about nobody: tells a client that the line is alive.
pub(crate) fn alive() -> Bytes {
    awareness(&[0])
}

pub(crate) fn denied() -> Bytes {
    frame(&[AUTH, 0], b"This key may only view the document; what was typed was not taken.")
}

/// So many frames with edits are durable, counted from the start of the connection.
pub(crate) fn stored(count: u64) -> Bytes {
    let mut bytes = Vec::with_capacity(4);
    push_uint(&mut bytes, STORED);
    push_uint(&mut bytes, count);
    bytes.into()
}

/// Between hives: the document holds what this content of the file holds.
pub(crate) fn holds(content: Hash) -> Bytes {
    frame(&[HOLDS], content.as_bytes())
}

pub(crate) fn condition(condition: &Condition) -> Bytes {
    let (code, detail, hint) = condition.words().unwrap_or(("", "", ""));
    let json = serde_json::json!({
        "state": condition.state(), "code": code, "detail": detail, "hint": hint,
    });
    frame(&[CONDITION], json.to_string().as_bytes())
}

fn frame(kind: &[u64], body: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(kind.len() + body.len() + 8);
    for number in kind {
        push_uint(&mut bytes, *number);
    }
    push_bytes(&mut bytes, body);
    bytes.into()
}
