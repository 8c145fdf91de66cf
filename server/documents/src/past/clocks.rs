//! Ranges of clocks that were inserted or deleted.

use std::collections::BTreeMap;

use crate::varint::{Malformed, Reader, push_uint};

/// For each client the ranges of its clocks, ends excluded.
pub(crate) type Spans = BTreeMap<u64, Vec<(u32, u32)>>;

/// What a change put in and took out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) inserted: Spans,
    pub(crate) deleted: Spans,
}

impl News {
    pub(crate) fn is_empty(&self) -> bool {
        self.inserted.is_empty() && self.deleted.is_empty()
    }

    pub(crate) fn extend(&mut self, more: &Self) {
        extend(&mut self.inserted, &more.inserted);
        extend(&mut self.deleted, &more.deleted);
    }

    /// Takes away what is in `wanted` too.
    pub(crate) fn take(&mut self, wanted: &Self) -> Self {
        Self {
            inserted: take(&mut self.inserted, &wanted.inserted),
            deleted: take(&mut self.deleted, &wanted.deleted),
        }
    }

    /// How many UTF-16 units it put in and took out.
    pub(crate) fn units(&self) -> (u64, u64) {
        (units(&self.inserted), units(&self.deleted))
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for spans in [&self.inserted, &self.deleted] {
            push_uint(&mut bytes, spans.len() as u64);
            for (client, ranges) in spans {
                push_uint(&mut bytes, *client);
                push_uint(&mut bytes, ranges.len() as u64);
                for (from, to) in ranges {
                    push_uint(&mut bytes, u64::from(*from));
                    push_uint(&mut bytes, u64::from(to - from));
                }
            }
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let inserted = decode(&mut reader)?;
        Ok(Self { inserted, deleted: decode(&mut reader)? })
    }
}

fn decode(reader: &mut Reader<'_>) -> Result<Spans, Malformed> {
    let mut spans = Spans::new();
    for _ in 0..reader.count(2)? {
        let client = reader.uint()?;
        let count = reader.count(2)?;
        let ranges = spans.entry(client).or_default();
        for _ in 0..count {
            let from = reader.clock()?;
            ranges.push((from, from.checked_add(reader.clock()?).ok_or(Malformed)?));
        }
    }
    Ok(spans)
}

fn units(spans: &Spans) -> u64 {
    spans.values().flatten().map(|(from, to)| u64::from(to - from)).sum()
}

fn extend(spans: &mut Spans, more: &Spans) {
    for (client, added) in more {
        let ranges = spans.entry(*client).or_default();
        for (from, to) in added {
            match ranges.last_mut() {
                // Typing goes on at the end, deleting backwards before the beginning.
                Some(last) if last.1 == *from => last.1 = *to,
                Some(last) if last.0 == *to => last.0 = *from,
                _ => ranges.push((*from, *to)),
            }
        }
        if ranges.len() > 1 && !ranges.is_sorted() {
            tidy(ranges);
        }
    }
}

fn tidy(ranges: &mut Vec<(u32, u32)>) {
    ranges.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges.drain(..) {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    *ranges = merged;
}

fn take(spans: &mut Spans, wanted: &Spans) -> Spans {
    let mut taken = Spans::new();
    for (client, wanted) in wanted {
        let Some(have) = spans.get_mut(client) else { continue };
        let (mut left, mut got) = (Vec::new(), Vec::new());
        for (from, to) in have.drain(..) {
            let mut at = from;
            for (start, end) in wanted {
                let (start, end) = ((*start).max(at), (*end).min(to));
                if start < end {
                    if at < start {
                        left.push((at, start));
                    }
                    got.push((start, end));
                    at = end;
                }
            }
            if at < to {
                left.push((at, to));
            }
        }
        *have = left;
        if !got.is_empty() {
            taken.insert(*client, got);
        }
    }
    spans.retain(|_, ranges| !ranges.is_empty());
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_divided_and_written() {
        let of = |ranges: &[(u32, u32)]| Spans::from([(7, ranges.to_vec())]);
        let mut news = News { inserted: of(&[(0, 3)]), deleted: of(&[(9, 10)]) };
        news.extend(&News { inserted: of(&[(3, 8)]), deleted: of(&[(8, 9), (2, 3)]) });
        assert_eq!(news, News { inserted: of(&[(0, 8)]), deleted: of(&[(2, 3), (8, 10)]) });
        assert_eq!(news.units(), (8, 3));
        assert_eq!(News::decode(&news.encode()), Ok(news.clone()));
        let taken = news.take(&News { inserted: of(&[(2, 4), (6, 99)]), deleted: Spans::new() });
        assert_eq!(taken.inserted, of(&[(2, 4), (6, 8)]));
        assert_eq!(news.inserted, of(&[(0, 2), (4, 6)]));
        assert!(News::decode(&[1, 2]).is_err());
    }
}
