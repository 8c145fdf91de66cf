//! The frames of Hocuspocus, read with suspicion and written plainly: a document's name, then what
//! y-protocols says, or something about the line itself.

use bytes::Bytes;
use documents::varint::{Malformed, Reader, push_bytes, push_uint};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;
const SYNC_REPLY: u64 = 4;
const STATELESS: u64 = 5;
const CLOSE: u64 = 7;
const SYNC_STATUS: u64 = 8;
const PONG: u8 = 10;
/// Frames of the room that Hocuspocus has other words for.
const ROOM_STORED: u64 = 100;
const ROOM_CONDITION: u64 = 101;

const TOKEN: u64 = 0;
const DENIED: u64 = 1;
const AUTHENTICATED: u64 = 2;

/// The longest name of a document with its routing key.
const NAME_BYTES_MAX: usize = 256;

/// What a client says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// The line is alive.
    Pong,
    About {
        /// The document's name, and behind a zero the client's own word for this line.
        name: &'a str,
        says: Says<'a>,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Says<'a> {
    Token(&'a str),
    /// For the room, as y-protocols frames it.
    Frame(Bytes),
    Close,
    /// Something that newer or other clients may say.
    Other,
}

pub(super) fn read(frame: &Bytes) -> Result<Incoming<'_>, Malformed> {
    if frame.len() == 1 && frame[0] == PONG {
        return Ok(Incoming::Pong);
    }
    let mut reader = Reader::new(frame);
    let name = reader.text()?;
    if name.len() > NAME_BYTES_MAX {
        return Err(Malformed);
    }
    let from = reader.at();
    let says = match reader.uint()? {
        SYNC | AWARENESS | QUERY_AWARENESS => Says::Frame(frame.slice(from..)),
        SYNC_REPLY => {
            let rest = &frame[reader.at()..];
            Says::Frame([&[SYNC as u8], rest].concat().into())
        }
        AUTH if reader.uint()? == TOKEN => Says::Token(reader.text()?),
        CLOSE => Says::Close,
        _ => Says::Other,
    };
    Ok(Incoming::About { name, says })
}

/// The document that a name is about.
pub(super) fn document(name: &str) -> &str {
    name.split_once('\0').map_or(name, |(document, _)| document)
}

/// What a room says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromRoom<'a> {
    /// The same in both protocols; `caught_up`: the client has all there is.
    Frame { caught_up: bool },
    /// An edit was not taken, as the key gives no right to edit.
    Denied,
    /// So many edits of this line are durable.
    Stored(u64),
    /// How the document fares, in JSON.
    Condition(&'a str),
}

pub(super) fn read_room(frame: &[u8]) -> Result<FromRoom<'_>, Malformed> {
    const STEP_2: u64 = 1;
    let mut reader = Reader::new(frame);
    Ok(match reader.uint()? {
        AUTH => FromRoom::Denied,
        ROOM_STORED => FromRoom::Stored(reader.uint()?),
        ROOM_CONDITION => FromRoom::Condition(reader.text()?),
        SYNC => FromRoom::Frame { caught_up: reader.uint()? == STEP_2 },
        _ => FromRoom::Frame { caught_up: false },
    })
}

/// A frame of the room, under a document's name.
pub(super) fn named(name: &str, frame: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(name.len() + frame.len() + 4);
    push_bytes(&mut bytes, name.as_bytes());
    bytes.extend_from_slice(frame);
    bytes.into()
}

pub(super) fn authenticated(name: &str, may_edit: bool) -> Bytes {
    let scope = if may_edit { "read-write" } else { "readonly" };
    said(name, &[AUTH, AUTHENTICATED], scope)
}

pub(super) fn denied(name: &str, reason: &str) -> Bytes {
    said(name, &[AUTH, DENIED], reason)
}

pub(super) fn stateless(name: &str, payload: &str) -> Bytes {
    said(name, &[STATELESS], payload)
}

pub(super) fn closed(name: &str, reason: &str) -> Bytes {
    said(name, &[CLOSE], reason)
}

/// One edit is durable, or was not taken.
pub(super) fn sync_status(name: &str, taken: bool) -> Bytes {
    named(name, &[SYNC_STATUS as u8, u8::from(taken)])
}

fn said(name: &str, kind: &[u64], words: &str) -> Bytes {
    let mut bytes = Vec::with_capacity(name.len() + words.len() + 8);
    push_bytes(&mut bytes, name.as_bytes());
    for number in kind {
        push_uint(&mut bytes, *number);
    }
    push_bytes(&mut bytes, words.as_bytes());
    bytes.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn about<'a>(name: &'a str, says: Says<'a>) -> Result<Incoming<'a>, Malformed> {
        Ok(Incoming::About { name, says })
    }

    #[test]
    fn frames_are_read_as_the_provider_writes_them() {
        let sync = named("plan", b"\x00\x00\x01\x00");
        let inside = || Says::Frame(Bytes::from_static(b"\x00\x00\x01\x00"));
        assert_eq!(read(&sync), about("plan", inside()));
        let reply = named("plan", b"\x04\x00\x01\x00");
        assert_eq!(read(&reply), about("plan", inside()));
        let token = named("plan", b"\x02\x00\x05abcde\x054.8.0");
        assert_eq!(read(&token), about("plan", Says::Token("abcde")));
        let close = named("plan\0tab", b"\x07");
        assert_eq!(read(&close), about("plan\0tab", Says::Close));
        assert_eq!(read(&Bytes::from_static(b"\x0a")), Ok(Incoming::Pong));
        assert_eq!((document("plan\0tab"), document("plan")), ("plan", "plan"));
        assert_eq!(read(&Bytes::from_static(b"\x05pl")), Err(Malformed));
        assert_eq!(read(&named(&"x".repeat(257), b"\x07")), Err(Malformed));
    }

    #[test]
    fn frames_are_written_as_the_provider_reads_them() {
        assert_eq!(authenticated("p", true).as_ref(), b"\x01p\x02\x02\x0aread-write");
        assert_eq!(authenticated("p", false).as_ref(), b"\x01p\x02\x02\x08readonly");
        assert_eq!(denied("p", "no").as_ref(), b"\x01p\x02\x01\x02no");
        assert_eq!(closed("p", "no").as_ref(), b"\x01p\x07\x02no");
        assert_eq!(sync_status("p", true).as_ref(), b"\x01p\x08\x01");
        assert_eq!(stateless("p", "{}").as_ref(), b"\x01p\x05\x02{}");
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let frame = Bytes::from(bytes);
            if let Ok(Incoming::About { name, says: Says::Frame(inside) }) = read(&frame) {
                prop_assert!(name.len() + inside.len() <= frame.len());
            }
            drop(read_room(&frame));
        }
    }
}
