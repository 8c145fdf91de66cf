//! Looks through an update before yrs sees it: well formed, bounded, plain text, and only the part
//! that has all its predecessors.
//!
//! yrs reserves memory for whatever counts an update names and asserts where clocks overflow. What
//! passes here has honest counts, small clocks and no holes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::past::{News, Spans};
use crate::varint::{Malformed, Reader, push_bytes, push_uint};

/// The one root that a document has.
pub const ROOT: &str = "content";

const HAS_ORIGIN: u8 = 0x80;
const HAS_RIGHT_ORIGIN: u8 = 0x40;
const HAS_PARENT_SUB: u8 = 0x20;
const KIND: u8 = 0x1f;
const KIND_DELETED: u8 = 1;
const KIND_STRING: u8 = 4;
const KIND_SKIP: u8 = 10;

/// Why an update is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Malformed,
    /// It holds something other than text of the root.
    NotText,
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// An update that may be given to yrs.
#[derive(Debug)]
pub(crate) struct Admitted<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Where each client's clock stands afterwards, for those who insert something new.
    pub(crate) clocks: Vec<(u64, u32)>,
    /// Part of the update was left out, because what comes before it is not known.
    pub(crate) gap: bool,
    /// Bytes of text that are new.
    pub(crate) inserted: usize,
    pub(crate) deletes: bool,
}

/// Checks an update against the clocks that are known, and cuts out what cannot stand yet.
pub(crate) fn admit(update: &[u8], known: impl Fn(u64) -> u32) -> Result<Admitted<'_>, Refused> {
    let mut reader = Reader::new(update);
    let mut sections = BTreeMap::new();
    // Each client takes a count, an id, a clock, and a struct of at least three bytes.
    for _ in 0..reader.count(3)? {
        let (client, section) = read_section(&mut reader, update, &known)?;
        if sections.insert(client, section).is_some() {
            return Err(Refused::Malformed);
        }
    }
    let structs_end = reader.at();
    let deletes = read_deletes(&mut reader)?;
    let deletes_end = reader.at();

    let clocks = sections
        .iter()
        .filter(|(_, section)| section.count > 0)
        .map(|(client, section)| (*client, section.end))
        .collect();
    let gap = sections.values().any(|section| section.gap);
    let inserted = sections.values().map(|section| section.inserted).sum();
    let whole = sections.values().all(|section| section.whole);
    let bytes = if whole && deletes.orderly {
        Cow::Borrowed(&update[..deletes_end])
    } else {
        let mut bytes = write_sections(&sections);
        if deletes.orderly {
            bytes.extend_from_slice(&update[structs_end..deletes_end]);
        } else {
            write_deletes(&mut bytes, &deletes.ranges);
        }
        Cow::Owned(bytes)
    };
    Ok(Admitted { bytes, clocks, gap, inserted, deletes: !deletes.ranges.is_empty() })
}

/// What an update puts in and takes out.
pub(crate) fn news(update: &[u8]) -> Result<News, Refused> {
    let mut reader = Reader::new(update);
    let mut news = News::default();
    for _ in 0..reader.count(3)? {
        let structs = reader.count(2)?;
        let client = reader.uint()?;
        let mut clock = reader.clock()?;
        let ranges = news.inserted.entry(client).or_default();
        for _ in 0..structs {
            let found = read_struct(&mut reader)?;
            let end = clock.checked_add(found.length).ok_or(Refused::Malformed)?;
            match ranges.last_mut() {
                _ if found.skip => {}
                Some((_, last)) if *last == clock => *last = end,
                _ => ranges.push((clock, end)),
            }
            clock = end;
        }
    }
    news.inserted.retain(|_, ranges| !ranges.is_empty());
    news.deleted = deletes(&mut reader)?;
    Ok(news)
}

/// A delete set by itself.
pub(crate) fn deletes(reader: &mut Reader<'_>) -> Result<Spans, Refused> {
    let mut ranges = read_deletes(reader)?.ranges;
    ranges.retain(|_, ranges| !ranges.is_empty());
    Ok(ranges)
}

/// A state as it was when each client's clock stood where `clock` says and `deletes` were deleted.
///
/// yrs 0.28 writes a struct that it cuts at the end without its right neighbour, though its flags
/// announce one, so the cutting is done here.
pub(crate) fn until(
    state: &[u8],
    clock: impl Fn(u64) -> u32,
    deletes: &[u8],
) -> Result<Vec<u8>, Refused> {
    let mut reader = Reader::new(state);
    let mut sections = Vec::new();
    for _ in 0..reader.count(3)? {
        let structs = reader.count(2)?;
        let client = reader.uint()?;
        let end = clock(client);
        let mut at = reader.clock()?;
        let (mut kept, mut body) = (0, Vec::new());
        let start = at;
        for _ in 0..structs {
            let from = reader.at();
            let found = read_struct(&mut reader)?;
            if at < end {
                kept += 1;
                let whole = found.length <= end - at;
                let to = if whole { reader.at() } else { found.content_at };
                body.extend_from_slice(&state[from..to]);
                match found.text {
                    _ if whole => {}
                    Some(text) => push_bytes(&mut body, first_units(text, end - at)?.as_bytes()),
                    None => push_uint(&mut body, u64::from(end - at)),
                }
            }
            at = at.checked_add(found.length).ok_or(Refused::Malformed)?;
        }
        if kept > 0 {
            sections.push((kept, client, start, body));
        }
    }
    let mut bytes = Vec::with_capacity(state.len());
    push_uint(&mut bytes, sections.len() as u64);
    for (kept, client, start, body) in sections {
        push_uint(&mut bytes, kept);
        push_uint(&mut bytes, client);
        push_uint(&mut bytes, u64::from(start));
        bytes.extend_from_slice(&body);
    }
    bytes.extend_from_slice(deletes);
    Ok(bytes)
}

fn first_units(text: &str, units: u32) -> Result<&str, Refused> {
    let mut left = units as usize;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Ok(&text[..at]);
        }
        left = left.checked_sub(character.len_utf16()).ok_or(Refused::Malformed)?;
    }
    Ok(text)
}

/// Checks a state vector's counts.
pub(crate) fn check_state_vector(bytes: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    for _ in 0..reader.count(2)? {
        reader.uint()?;
        reader.clock()?;
    }
    Ok(())
}

/// The run of one client's structs that is new and connected.
struct Section<'a> {
    count: usize,
    start: u32,
    end: u32,
    body: &'a [u8],
    /// Nothing was cut.
    whole: bool,
    gap: bool,
    inserted: usize,
}

fn read_section<'a>(
    reader: &mut Reader<'a>,
    update: &'a [u8],
    known: &impl Fn(u64) -> u32,
) -> Result<(u64, Section<'a>), Refused> {
    let structs = reader.count(2)?;
    let client = reader.uint()?;
    let mut clock = reader.clock()?;
    let mut expected = known(client);
    let mut section =
        Section { count: 0, start: 0, end: 0, body: &[], whole: true, gap: false, inserted: 0 };
    let mut body_start = 0;
    for _ in 0..structs {
        let from = reader.at();
        let found = read_struct(reader)?;
        let end = clock.checked_add(found.length).filter(|end| *end <= i32::MAX as u32);
        let end = end.ok_or(Refused::Malformed)?;
        section.gap |= !found.skip && clock > expected;
        if found.skip || section.gap || end <= expected {
            section.whole = false;
        } else {
            if section.count == 0 {
                section.start = clock;
                body_start = from;
            }
            section.count += 1;
            section.inserted += found.bytes;
            section.end = end;
            section.body = &update[body_start..reader.at()];
            expected = end;
        }
        clock = end;
    }
    section.whole &= structs > 0;
    Ok((client, section))
}

struct Struct<'a> {
    length: u32,
    bytes: usize,
    skip: bool,
    /// Where its content begins, and the content if it is text.
    content_at: usize,
    text: Option<&'a str>,
}

fn read_struct<'a>(reader: &mut Reader<'a>) -> Result<Struct<'a>, Refused> {
    let info = reader.byte()?;
    let kind = info & KIND;
    if kind != KIND_SKIP && kind != KIND_STRING && kind != KIND_DELETED {
        return Err(Refused::NotText);
    }
    if kind != KIND_SKIP {
        read_place(reader, info)?;
    }
    let content_at = reader.at();
    if kind == KIND_STRING {
        let text = reader.text()?;
        let units = u32::try_from(text.encode_utf16().count()).map_err(|_| Refused::Malformed)?;
        let length = positive(units)?;
        return Ok(Struct { length, bytes: text.len(), skip: false, content_at, text: Some(text) });
    }
    let length = positive(reader.clock()?)?;
    Ok(Struct { length, bytes: 0, skip: kind == KIND_SKIP, content_at, text: None })
}

/// Between which neighbours a struct stands, or in which root.
fn read_place(reader: &mut Reader<'_>, info: u8) -> Result<(), Refused> {
    for flag in [HAS_ORIGIN, HAS_RIGHT_ORIGIN] {
        if info & flag != 0 {
            reader.uint()?;
            reader.clock()?;
        }
    }
    if info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN) == 0 {
        let named = reader.uint()? == 1;
        if !named || reader.text()? != ROOT || info & HAS_PARENT_SUB != 0 {
            return Err(Refused::NotText);
        }
    }
    Ok(())
}

fn positive(length: u32) -> Result<u32, Refused> {
    if length == 0 { Err(Refused::Malformed) } else { Ok(length) }
}

struct Deletes {
    ranges: BTreeMap<u64, Vec<(u32, u32)>>,
    /// Each client once, its ranges in order and apart, as yrs takes for granted.
    orderly: bool,
}

fn read_deletes(reader: &mut Reader<'_>) -> Result<Deletes, Refused> {
    let mut deletes = Deletes { ranges: BTreeMap::new(), orderly: true };
    for _ in 0..reader.count(2)? {
        let client = reader.uint()?;
        deletes.orderly &= !deletes.ranges.contains_key(&client);
        let ranges = deletes.ranges.entry(client).or_default();
        let count = reader.count(2)?;
        deletes.orderly &= count > 0;
        for _ in 0..count {
            let start = reader.clock()?;
            let length = positive(reader.clock()?)?;
            let end = start.checked_add(length).filter(|end| *end <= i32::MAX as u32);
            let end = end.ok_or(Refused::Malformed)?;
            deletes.orderly &= ranges.last().is_none_or(|(_, last)| *last < start);
            ranges.push((start, end));
        }
    }
    Ok(deletes)
}

/// Higher clients first, as Yjs writes them.
fn write_sections(sections: &BTreeMap<u64, Section<'_>>) -> Vec<u8> {
    let kept = || sections.iter().rev().filter(|(_, section)| section.count > 0);
    let mut bytes = Vec::new();
    push_uint(&mut bytes, kept().count() as u64);
    for (client, section) in kept() {
        push_uint(&mut bytes, section.count as u64);
        push_uint(&mut bytes, *client);
        push_uint(&mut bytes, u64::from(section.start));
        bytes.extend_from_slice(section.body);
    }
    bytes
}

fn write_deletes(bytes: &mut Vec<u8>, clients: &BTreeMap<u64, Vec<(u32, u32)>>) {
    let kept = || clients.iter().rev().filter(|(_, ranges)| !ranges.is_empty());
    push_uint(bytes, kept().count() as u64);
    for (client, ranges) in kept() {
        let mut sorted = ranges.clone();
        sorted.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (start, end) in sorted {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        push_uint(bytes, *client);
        push_uint(bytes, merged.len() as u64);
        for (start, end) in merged {
            push_uint(bytes, u64::from(start));
            push_uint(bytes, u64::from(end - start));
        }
    }
}
