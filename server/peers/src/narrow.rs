//! What is left to send when the base itself is gone and only its outline is known: equal chunks
//! are copied, and what lies between them is narrowed by prints of ever smaller pieces. Pure over
//! readers.

use std::collections::HashMap;

use store::Cut;

use crate::difference::{self, Part, Parts};
use crate::{Content, Failure};

/// Beginnings of hashes: a wrong guess is found when the whole is verified.
const PRINT_BYTES: usize = 4;
/// A stretch is looked at in so many pieces, large ones in more.
const PIECES: u64 = 16;
const PIECE_BYTES_MIN: u64 = 64;
const PIECE_BYTES_MAX: u64 = 16 * 1_024;
/// Longer stretches are sent as they are.
const STRETCH_BYTES_MAX: u64 = 256 * 1_024 * 1_024;
const STRETCHES_MAX: usize = 4_096;
/// Of more pieces in a row that differ, only the outermost are looked at closer.
const ROW_MAX: usize = 4;
/// So much is sent rather than asked about.
const REST_BYTES: u64 = 320;
/// What one question may be about.
pub(crate) const SPANS_MAX: usize = 1_024;
pub(crate) const SPAN_BYTES_MAX: u64 = PIECE_BYTES_MAX;
/// So often is asked.
const ROUNDS_MAX: usize = 3;

/// A stretch of the newer content, and what of the base may stand there: from `from` on if its
/// beginning is as it was, up to `to` if its end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) at: u64,
    pub(crate) length: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Stretch {
    fn pieces(&self) -> impl Iterator<Item = (u64, u64)> {
        let size = self.length.div_ceil(PIECES).clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX);
        pieces(self.at, self.length, size)
    }

    /// Where in the base a piece may stand whole, counted from the beginning and from the end of
    /// the stretch, and whether at least a part of it may.
    fn places(&self, at: u64, length: u64, base_size: u64) -> [(Option<u64>, bool); 2] {
        let (low, high) = match self.from <= self.to {
            true => (self.from, self.to),
            false => (0, base_size),
        };
        let (low, high) = (i128::from(low), i128::from(high.min(base_size)));
        let end = i128::from(self.at) + i128::from(self.length);
        let one = i128::from(self.from) + i128::from(at) - i128::from(self.at);
        let two = i128::from(self.to) - (end - i128::from(at));
        [one, two].map(|start| {
            let stop = start + i128::from(length);
            let whole = (low <= start && stop <= high).then(|| u64::try_from(start).ok());
            (whole.flatten(), start < high && stop > low)
        })
    }

    fn is_printed(&self, at: u64, length: u64, base_size: u64) -> bool {
        self.places(at, length, base_size).iter().any(|(whole, _)| whole.is_some())
    }
}

fn pieces(at: u64, length: u64, size: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..length.div_ceil(size.max(1))).map(move |index| {
        let start = index * size;
        (at + start, size.min(length - start))
    })
}

fn pieces_of_span(at: u64, length: u64) -> impl Iterator<Item = (u64, u64)> {
    pieces(at, length, length.div_ceil(PIECES).max(PIECES))
}

fn print(content: &dyn Content, at: u64, length: u64) -> Result<[u8; PRINT_BYTES], Failure> {
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    let hash = blake3::hash(&difference::read(content, at, size)?);
    let mut print = [0; PRINT_BYTES];
    print.copy_from_slice(&hash.as_bytes()[..PRINT_BYTES]);
    Ok(print)
}

pub(crate) fn size_of(cuts: &[Cut]) -> u64 {
    cuts.iter().map(|cut| u64::from(cut.size)).sum()
}

/// The parts of a newer content by the outlines of both, in order and without gaps.
pub(crate) fn parts(base: &[Cut], target: &[Cut]) -> Vec<Part> {
    let mut starts = Vec::with_capacity(base.len() + 1);
    let mut places: HashMap<Cut, Vec<usize>> = HashMap::new();
    let mut base_size = 0;
    for (index, cut) in base.iter().enumerate() {
        starts.push(base_size);
        places.entry(*cut).or_default().push(index);
        base_size += u64::from(cut.size);
    }
    let (mut parts, mut stretches) = (Parts::default(), 0);
    // Up to where the newer one is told, and what follows in the base.
    let (mut told, mut from, mut expected) = (0, 0, 0);
    let mut between = |parts: &mut Parts, told: u64, at: u64, from: u64, to: u64| {
        let stretch = Stretch { at: told, length: at - told, from, to };
        stretches += 1;
        if from == to || stretch.length > STRETCH_BYTES_MAX || stretches > STRETCHES_MAX {
            parts.fresh(told, stretch.length);
        } else if stretch.length > 0 {
            parts.0.push(Part::Unsure(stretch));
        }
    };
    let mut at = 0;
    for cut in target {
        let size = u64::from(cut.size);
        let found = match base.get(expected) == Some(cut) {
            true => Some(expected),
            false => places.get(cut).and_then(|all| {
                let next = all.partition_point(|index| *index < expected);
                all.get(next).or(all.last()).copied()
            }),
        };
        if let Some(index) = found {
            if told < at {
                between(&mut parts, told, at, from, starts[index]);
            }
            parts.copy(at, starts[index], size);
            (told, from, expected) = (at + size, starts[index] + size, index + 1);
        }
        at += size;
    }
    if told < at {
        between(&mut parts, told, at, from, base_size);
    }
    parts.0
}

/// The first prints of a stretch, of those pieces that may stand in the base.
pub(crate) fn first_prints(
    target: &dyn Content,
    stretch: &Stretch,
    base_size: u64,
) -> Result<Vec<u8>, Failure> {
    let mut prints = Vec::new();
    for (at, length) in stretch.pieces() {
        if stretch.is_printed(at, length, base_size) {
            prints.extend(print(target, at, length)?);
        }
    }
    Ok(prints)
}

/// Prints of spans that were asked about.
pub(crate) fn prints(target: &dyn Content, spans: &[(u64, u64)]) -> Result<Vec<u8>, Failure> {
    let mut prints = Vec::new();
    for (at, length) in spans {
        for (at, length) in pieces_of_span(*at, *length) {
            prints.extend(print(target, at, length)?);
        }
    }
    Ok(prints)
}

/// Whether a question can be answered at a bounded cost.
pub(crate) fn may_ask(spans: &[(u64, u64)], size: u64) -> bool {
    let within = |(at, length): &(u64, u64)| {
        *length <= SPAN_BYTES_MAX && at.checked_add(*length).is_some_and(|end| end <= size)
    };
    spans.len() <= SPANS_MAX && spans.iter().all(within)
}

/// The receiver's side: stretches that become copies, questions and what is to be sent.
pub(crate) struct Narrowing {
    base: Box<dyn Content>,
    /// Pieces that are not told yet, with the stretch to which each belongs.
    open: Vec<(Stretch, u64, u64)>,
    parts: Vec<Part>,
    rounds: usize,
}

enum Found {
    Copy(u64),
    Differs { starts: bool, ends: bool },
}

impl Narrowing {
    pub(crate) fn begin(
        base: Box<dyn Content>,
        stretches: Vec<(Stretch, Vec<u8>)>,
    ) -> Result<Self, Failure> {
        let mut new = Self { base, open: Vec::new(), parts: Vec::new(), rounds: 0 };
        for (stretch, prints) in stretches {
            new.compare(&stretch, stretch.pieces(), &prints, false)?;
        }
        Ok(new)
    }

    /// What to ask next; nothing when asking costs more than it saves.
    pub(crate) fn ask(&mut self) -> Vec<(u64, u64)> {
        let bytes: u64 = self.open.iter().map(|(_, _, length)| length).sum();
        if self.rounds >= ROUNDS_MAX || bytes <= REST_BYTES {
            return Vec::new();
        }
        self.rounds += 1;
        for (_, at, length) in self.open.split_off(self.open.len().min(SPANS_MAX)) {
            self.parts.push(Part::Fresh { at, length });
        }
        self.open.iter().map(|(_, at, length)| (*at, *length)).collect()
    }

    pub(crate) fn answer(&mut self, prints: &[u8]) -> Result<(), Failure> {
        let mut rest = prints;
        for (stretch, at, length) in std::mem::take(&mut self.open) {
            let count = pieces_of_span(at, length).count() * PRINT_BYTES;
            let own = rest.split_off(..count.min(rest.len())).unwrap_or_default();
            self.compare(&stretch, pieces_of_span(at, length), own, true)?;
        }
        Ok(())
    }

    /// Copies in order, then what is to be asked for, in order and apart.
    pub(crate) fn finish(mut self) -> (Vec<Part>, Vec<(u64, u64)>) {
        let open = self.open.iter().map(|(_, at, length)| Part::Fresh { at: *at, length: *length });
        self.parts.extend(open);
        self.parts.sort_by_key(|part| part.span().0);
        let (mut copies, mut fresh) = (Parts::default(), Vec::<(u64, u64)>::new());
        for part in self.parts {
            let (start, end) = part.span();
            match part {
                Part::Copy { at, from, length } => copies.copy(at, from, length),
                _ => match fresh.last_mut() {
                    Some((_, last)) if *last == start => *last = end,
                    _ => fresh.push((start, end)),
                },
            }
        }
        (copies.0, fresh)
    }

    fn compare(
        &mut self,
        stretch: &Stretch,
        pieces: impl Iterator<Item = (u64, u64)>,
        prints: &[u8],
        all_printed: bool,
    ) -> Result<(), Failure> {
        let mut prints = prints.as_chunks::<PRINT_BYTES>().0.iter();
        let mut row = Vec::new();
        for (at, length) in pieces {
            let places = stretch.places(at, length, self.base.size());
            let may_stand = places.iter().any(|(whole, _)| whole.is_some());
            let said = if all_printed || may_stand { prints.next() } else { None };
            match self.find(places, length, said)? {
                Found::Copy(from) => {
                    self.close(stretch, std::mem::take(&mut row));
                    self.parts.push(Part::Copy { at, from, length });
                }
                Found::Differs { starts, ends } => row.push((at, length, starts, ends)),
            }
        }
        self.close(stretch, row);
        Ok(())
    }

    fn find(
        &self,
        places: [(Option<u64>, bool); 2],
        length: u64,
        said: Option<&[u8; PRINT_BYTES]>,
    ) -> Result<Found, Failure> {
        if let Some(said) = said {
            for from in places.iter().filter_map(|(whole, _)| *whole) {
                if print(&*self.base, from, length)? == *said {
                    return Ok(Found::Copy(from));
                }
            }
        }
        Ok(Found::Differs { starts: places[0].1, ends: places[1].1 })
    }

    /// Of a row of pieces that differ: which to look at closer. In a long one nothing between the
    /// outermost is likely to be as it was.
    fn close(&mut self, stretch: &Stretch, row: Vec<(u64, u64, bool, bool)>) {
        let last = row.len().saturating_sub(1);
        for (index, (at, length, starts, ends)) in row.into_iter().enumerate() {
            let closer = match last < ROW_MAX {
                true => starts || ends,
                false => (index == 0 && starts) || (index == last && ends),
            };
            if closer && length <= SPAN_BYTES_MAX {
                self.open.push((*stretch, at, length));
            } else {
                self.parts.push(Part::Fresh { at, length });
            }
        }
    }
}

#[cfg(test)]
mod tests;
