//! A document's pieces with the strokes that made and removed them. Pure.

use std::collections::HashMap;

use super::clocks::{News, Spans};
use super::weave::{Run, push, split};
use crate::replica::{Broken, Replica};

/// For each client ranges of its clocks and the stroke that they belong to, in order.
type Index = HashMap<u64, Vec<(u32, u32, u32)>>;

/// All that a document ever held, as far as strokes tell of it.
pub(super) fn of(replica: &mut Replica, strokes: &[&News]) -> Result<Vec<Run>, Broken> {
    let born = index(strokes.iter().map(|news| &news.inserted));
    let died = index(strokes.iter().map(|news| &news.deleted));
    let gone = index([&replica.deleted()?].into_iter());
    let mut runs = Vec::new();
    for piece in replica.pieces()? {
        let mut rest = piece.text.as_str();
        let mut clock = piece.clock;
        while !rest.is_empty() {
            let (born, born_until) = at(&born, piece.client, clock);
            let (died, died_until) = at(&died, piece.client, clock);
            let (gone, gone_until) = at(&gone, piece.client, clock);
            let until = born_until.min(died_until).min(gone_until);
            let (here, left) = split(rest, until - clock);
            clock = until;
            rest = left;
            // What went before the first stroke, or nobody knows when, is not part of the past.
            if gone.is_none() || died.is_some() {
                push(&mut runs, Run { text: here.to_owned(), born, died });
            }
        }
    }
    Ok(runs)
}

fn index<'a>(spans: impl Iterator<Item = &'a Spans>) -> Index {
    let mut index = Index::new();
    for (stroke, spans) in (0..).zip(spans) {
        for (client, ranges) in spans {
            let known = index.entry(*client).or_default();
            known.extend(ranges.iter().map(|(from, to)| (*from, *to, stroke)));
        }
    }
    index.values_mut().for_each(|ranges| ranges.sort_unstable());
    index
}

/// The stroke of a clock, and up to where it is the same.
fn at(index: &Index, client: u64, clock: u32) -> (Option<u32>, u32) {
    let ranges = index.get(&client).map_or(&[][..], Vec::as_slice);
    let next = ranges.partition_point(|(from, ..)| *from <= clock);
    match next.checked_sub(1).map(|place| ranges[place]) {
        Some((_, to, stroke)) if clock < to => (Some(stroke), to),
        _ => (None, ranges.get(next).map_or(u32::MAX, |(from, ..)| *from)),
    }
}
