//! The frames of y-websocket and the few Yjs updates that the load client makes by hand, and how it
//! finds its own keys in whatever a server makes of them.

use crate::failure::{Failure, Outcome};

/// The name of the one text in each document.
pub(crate) const TEXT_NAME: &str = "content";
/// Each key of a run is a character of its own from a private plane, so that it can be found in
/// the bytes of a frame without a replica, also when a server merges many updates into one.
pub(crate) const TAG_FIRST: u32 = 0xF_0000;
pub(crate) const TAGS_MAX: usize = 60_000;
/// In UTF-16, as Yjs counts.
pub(crate) const TAG_UNITS: u32 = 2;

const TAG_LEAD: u8 = 0xF3;

/// What a server says, as far as the load client cares.
pub(crate) enum Incoming<'a> {
    Step1,
    Step2(&'a [u8]),
    Update(&'a [u8]),
    /// So many frames with edits are durable; only Skep says so.
    Stored(u64),
    Other,
}

/// One character of a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) client: u32,
    pub(crate) clock: u32,
}

pub(crate) fn read(frame: &[u8]) -> Outcome<Incoming<'_>> {
    let mut rest = frame;
    Ok(match read_uint(&mut rest)? {
        0 => match read_uint(&mut rest)? {
            0 => Incoming::Step1,
            1 => Incoming::Step2(read_bytes(&mut rest)?),
            2 => Incoming::Update(read_bytes(&mut rest)?),
            _ => return Err(Failure::Malformed),
        },
        100 => Incoming::Stored(read_uint(&mut rest)?),
        _ => Incoming::Other,
    })
}

/// Asks for everything.
pub(crate) fn step_1() -> Vec<u8> {
    vec![0, 0, 1, 0]
}

/// Has nothing to add.
pub(crate) fn step_2() -> Vec<u8> {
    vec![0, 1, 2, 0, 0]
}

pub(crate) fn update(update: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 2];
    push_bytes(&mut frame, update);
    frame
}

/// Whether a frame carries edits: step 2 and updates do.
pub(crate) fn is_edit(frame: &[u8]) -> bool {
    matches!(frame, [0, 1 | 2, ..])
}

/// Somebody with a name, and a cursor behind `place` if there is one.
pub(crate) fn awareness(client: u32, clock: u32, place: Option<Place>) -> Vec<u8> {
    let id = place.map(|place| serde_json::json!({ "client": place.client, "clock": place.clock }));
    let at =
        id.map(|id| serde_json::json!({ "type": null, "tname": null, "item": id, "assoc": 0 }));
    let cursor = at.map(|at| serde_json::json!({ "anchor": at, "head": at }));
    let user = serde_json::json!({ "name": format!("Person {client}"), "color": "#30bced" });
    let state = serde_json::json!({ "user": user, "cursor": cursor }).to_string();
    let mut states = Vec::with_capacity(state.len() + 16);
    push_uint(&mut states, 1);
    push_uint(&mut states, u64::from(client));
    push_uint(&mut states, u64::from(clock));
    push_bytes(&mut states, state.as_bytes());
    let mut frame = vec![1];
    push_bytes(&mut frame, &states);
    frame
}

/// The update that inserts `text` between two characters, as a page's Yjs would encode it.
pub(crate) fn insert(
    at: Place,
    after: Option<Place>,
    before: Option<Place>,
    text: &str,
) -> Vec<u8> {
    const STRING: u8 = 4;
    const HAS_ORIGIN: u8 = 0x80;
    const HAS_RIGHT_ORIGIN: u8 = 0x40;
    let mut bytes = vec![1, 1];
    push_uint(&mut bytes, u64::from(at.client));
    push_uint(&mut bytes, u64::from(at.clock));
    let origin = if after.is_some() { HAS_ORIGIN } else { 0 };
    let right_origin = if before.is_some() { HAS_RIGHT_ORIGIN } else { 0 };
    bytes.push(STRING | origin | right_origin);
    for place in [after, before].into_iter().flatten() {
        push_uint(&mut bytes, u64::from(place.client));
        push_uint(&mut bytes, u64::from(place.clock));
    }
    if after.is_none() && before.is_none() {
        bytes.push(1);
        push_bytes(&mut bytes, TEXT_NAME.as_bytes());
    }
    push_bytes(&mut bytes, text.as_bytes());
    bytes.push(0);
    bytes
}

/// The update that deletes one character.
pub(crate) fn delete(place: Place) -> Vec<u8> {
    let mut bytes = vec![0, 1];
    push_uint(&mut bytes, u64::from(place.client));
    bytes.push(1);
    push_uint(&mut bytes, u64::from(place.clock));
    bytes.push(1);
    bytes
}

pub(crate) fn tag(number: usize) -> char {
    let code = TAG_FIRST + u32::try_from(number).expect("tags must be few");
    char::from_u32(code).expect("the plane must hold every tag")
}

/// The numbers of all tags in an update. A client's id could look like one, which is why
/// [`is_plain_id`] keeps such ids away; everything else that Yjs writes is too short.
pub(crate) fn tags(update: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at + 4 <= update.len() {
            let window = &update[at..at + 4];
            if window[0] == TAG_LEAD && window[1] >= 0xB0 && window[1..].iter().all(continues) {
                at += 4;
                let low = |byte: u8| usize::from(byte & 0x3F);
                return Some((low(window[1]) - 0x30) << 12 | low(window[2]) << 6 | low(window[3]));
            }
            at += 1;
        }
        None
    })
}

/// Whether a client's id cannot be mistaken for a tag where it stands in an update.
pub(crate) fn is_plain_id(client: u32) -> bool {
    let mut bytes = Vec::new();
    push_uint(&mut bytes, u64::from(client));
    !bytes.contains(&TAG_LEAD)
}

fn continues(byte: &u8) -> bool {
    byte & 0xC0 == 0x80
}

fn read_uint(rest: &mut &[u8]) -> Outcome<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (byte, left) = rest.split_first().ok_or(Failure::Malformed)?;
        *rest = left;
        value |= u64::from(byte & 0x7F) << shift;
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Failure::Malformed)
}

fn read_bytes<'a>(rest: &mut &'a [u8]) -> Outcome<&'a [u8]> {
    let length = usize::try_from(read_uint(rest)?).map_err(|_| Failure::Malformed)?;
    let (bytes, left) = rest.split_at_checked(length).ok_or(Failure::Malformed)?;
    *rest = left;
    Ok(bytes)
}

fn push_uint(target: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        target.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    target.push(value as u8);
}

fn push_bytes(target: &mut Vec<u8>, bytes: &[u8]) {
    push_uint(target, bytes.len() as u64);
    target.extend_from_slice(bytes);
}
