//! What to copy from an older content and what to send anew, so that a newer one comes out. Pure
//! over two readers.

use std::collections::HashMap;

use fastcdc::v2020::FastCDC;

use crate::narrow::Stretch;
use crate::{Content, Failure};

/// Reading happens in blocks of this size.
const BLOCK_BYTES: usize = 1_024 * 1_024;
const CHUNK_BYTES_MIN: usize = 4 * 1_024;
const CHUNK_BYTES: usize = 16 * 1_024;
const CHUNK_BYTES_MAX: usize = 64 * 1_024;
/// What lies between the equal ends is searched in windows of this size.
const WINDOW_BYTES: usize = 8 * 1_024 * 1_024;

/// A part of the newer content, in order and without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Copy {
        at: u64,
        from: u64,
        length: u64,
    },
    Fresh {
        at: u64,
        length: u64,
    },
    /// Perhaps partly as it was.
    Unsure(Stretch),
}

impl Part {
    pub(crate) const fn span(&self) -> (u64, u64) {
        match self {
            Self::Copy { at, length, .. }
            | Self::Fresh { at, length }
            | Self::Unsure(Stretch { at, length, .. }) => (*at, *at + *length),
        }
    }

    /// What of this part lies in a range.
    pub(crate) fn within(&self, start: u64, end: u64) -> Option<Self> {
        let (own_start, own_end) = self.span();
        let (start, end) = (start.max(own_start), end.min(own_end));
        if start >= end {
            return None;
        }
        let length = end - start;
        Some(match self {
            Self::Copy { from, .. } => {
                Self::Copy { at: start, from: from + (start - own_start), length }
            }
            Self::Unsure(_) if (start, end) == (own_start, own_end) => *self,
            Self::Fresh { .. } | Self::Unsure(_) => Self::Fresh { at: start, length },
        })
    }
}

/// The difference from `base` to `target`: equal ends first, to the byte; between them equal
/// chunks, each grown to the byte in both directions.
pub(crate) fn difference(base: &dyn Content, target: &dyn Content) -> Result<Vec<Part>, Failure> {
    let (old, new) = (base.size(), target.size());
    let prefix = equal_start(base, target, old.min(new))?;
    let suffix = equal_end(base, target, old.min(new) - prefix)?;
    let mut parts = Parts::default();
    parts.copy(0, 0, prefix);
    let (old_end, new_end) = (old - suffix, new - suffix);
    if prefix < new_end {
        let between = Between { base, target, old: (prefix, old_end), new: (prefix, new_end) };
        between.search(&mut parts)?;
    }
    parts.copy(new_end, old_end, suffix);
    Ok(parts.0)
}

#[derive(Default)]
pub(crate) struct Parts(pub(crate) Vec<Part>);

impl Parts {
    pub(crate) fn copy(&mut self, at: u64, from: u64, length: u64) {
        if length == 0 {
            return;
        }
        if let Some(Part::Copy { at: start, from: origin, length: before }) = self.0.last_mut()
            && *start + *before == at
            && *origin + *before == from
        {
            *before += length;
            return;
        }
        self.0.push(Part::Copy { at, from, length });
    }

    pub(crate) fn fresh(&mut self, at: u64, length: u64) {
        if length == 0 {
            return;
        }
        if let Some(Part::Fresh { at: start, length: before }) = self.0.last_mut()
            && *start + *before == at
        {
            *before += length;
            return;
        }
        self.0.push(Part::Fresh { at, length });
    }
}

struct Between<'a> {
    base: &'a dyn Content,
    target: &'a dyn Content,
    old: (u64, u64),
    new: (u64, u64),
}

impl Between<'_> {
    fn search(&self, parts: &mut Parts) -> Result<(), Failure> {
        let mut known: HashMap<[u8; 16], (u64, usize)> = HashMap::new();
        each_chunk(self.base, self.old, |at, bytes| {
            known.entry(print(bytes)).or_insert((at, bytes.len()));
        })?;
        let mut found = Vec::new();
        if !known.is_empty() {
            each_chunk(self.target, self.new, |at, bytes| {
                if let Some((from, length)) = known.get(&print(bytes)) {
                    found.push((at, *from, *length as u64));
                }
            })?;
        }
        let mut next = self.new.0;
        for (index, (at, from, length)) in found.iter().copied().enumerate() {
            if at + length <= next {
                continue;
            }
            let skipped = next.saturating_sub(at);
            let (at, from, length) = (at + skipped, from + skipped, length - skipped);
            let limit = found.get(index + 1).map_or(self.new.1, |(at, ..)| *at);
            let room = (at - next).min(from - self.old.0);
            let back = equal_back(self.base, self.target, from, at, room)?;
            let end = at + length;
            let room = limit.saturating_sub(end).min(self.old.1 - (from + length));
            let on = equal_on(self.base, self.target, from + length, end, room)?;
            parts.fresh(next, at - back - next);
            parts.copy(at - back, from - back, back + length + on);
            next = end + on;
        }
        parts.fresh(next, self.new.1 - next);
        Ok(())
    }
}

fn print(bytes: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(bytes);
    let mut print = [0; 16];
    print.copy_from_slice(&hash.as_bytes()[..16]);
    print
}

/// Cuts a range by content. Windows overlap where the last chunk of one was cut short.
fn each_chunk(
    content: &dyn Content,
    (start, end): (u64, u64),
    mut found: impl FnMut(u64, &[u8]),
) -> Result<(), Failure> {
    let mut at = start;
    while at < end {
        let window = read(content, at, size_of(end - at).min(WINDOW_BYTES))?;
        let last = at + window.len() as u64 >= end;
        let cuts = FastCDC::new(&window, CHUNK_BYTES_MIN, CHUNK_BYTES, CHUNK_BYTES_MAX);
        let mut done = 0;
        for chunk in cuts {
            let stop = chunk.offset + chunk.length;
            if stop == window.len() && !last && chunk.offset > 0 {
                break;
            }
            found(at + chunk.offset as u64, &window[chunk.offset..stop]);
            done = stop;
        }
        if done == 0 {
            break;
        }
        at += done as u64;
    }
    Ok(())
}

fn equal_start(one: &dyn Content, two: &dyn Content, most: u64) -> Result<u64, Failure> {
    equal_on(one, two, 0, 0, most)
}

fn equal_end(one: &dyn Content, two: &dyn Content, most: u64) -> Result<u64, Failure> {
    equal_back(one, two, one.size(), two.size(), most)
}

fn equal_on(
    one: &dyn Content,
    two: &dyn Content,
    from: u64,
    at: u64,
    most: u64,
) -> Result<u64, Failure> {
    let mut equal = 0;
    let mut block = 4 * 1_024;
    while equal < most {
        let size = size_of(most - equal).min(block);
        let (left, right) = (read(one, from + equal, size)?, read(two, at + equal, size)?);
        if left != right {
            let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
            return Ok(equal + same as u64);
        }
        equal += size as u64;
        block = BLOCK_BYTES;
    }
    Ok(equal)
}

fn equal_back(
    one: &dyn Content,
    two: &dyn Content,
    from: u64,
    at: u64,
    most: u64,
) -> Result<u64, Failure> {
    let mut equal = 0;
    let mut block = 4 * 1_024;
    while equal < most {
        let size = size_of(most - equal).min(block);
        let back = equal + size as u64;
        let (left, right) = (read(one, from - back, size)?, read(two, at - back, size)?);
        if left != right {
            let pairs = left.iter().rev().zip(right.iter().rev());
            return Ok(equal + pairs.take_while(|(left, right)| left == right).count() as u64);
        }
        equal += size as u64;
        block = BLOCK_BYTES;
    }
    Ok(equal)
}

pub(crate) fn read(content: &dyn Content, at: u64, size: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; size];
    let mut done = 0;
    while done < size {
        match content.read_at(at + done as u64, &mut bytes[done..])? {
            0 => return Err(Failure::new("a content became shorter while it was read")),
            more => done += more,
        }
    }
    Ok(bytes)
}

fn size_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
