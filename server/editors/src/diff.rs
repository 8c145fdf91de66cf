//! The smallest change from one text to another: by lines, then by characters within them.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, TokenSource};

use crate::change::{Change, Edit, characters};

/// Changed passages longer than this are replaced as a whole.
const PASSAGE_BYTES_MAX: usize = 20_000;

pub(crate) fn change(before: &str, after: &str) -> Change {
    let mut edits = Vec::new();
    let (mut at_byte, mut at) = (0, 0);
    for (old, new) in hunks(before, after) {
        at += characters(&before[at_byte..old.start]);
        let end = at + characters(&before[old.clone()]);
        edits.push(Edit { start: at, end, insert: after[new].to_owned() });
        at = end;
        at_byte = old.end;
    }
    Change::of_edits(&edits)
}

type Hunk = (Range<usize>, Range<usize>);

fn hunks(before: &str, after: &str) -> Vec<Hunk> {
    let Some((old, new)) = trimmed(before, after) else { return Vec::new() };
    if old.is_empty() || new.is_empty() {
        return vec![(old, new)];
    }
    let (first, second) = (&before[old.clone()], &after[new.clone()]);
    let mut found = Vec::new();
    for (lines_old, lines_new) in changed(Lines(first), Lines(second)) {
        let (one, two) = (&first[lines_old.clone()], &second[lines_new.clone()]);
        let base = (old.start + lines_old.start, new.start + lines_new.start);
        let Some((inner_old, inner_new)) = trimmed(one, two) else { continue };
        let base = (base.0 + inner_old.start, base.1 + inner_new.start);
        let (one, two) = (&one[inner_old.clone()], &two[inner_new.clone()]);
        if one.is_empty() || two.is_empty() || one.len() + two.len() > PASSAGE_BYTES_MAX {
            found.push((base.0..base.0 + one.len(), base.1..base.1 + two.len()));
            continue;
        }
        for (from, to) in changed(Characters(one), Characters(two)) {
            found
                .push((base.0 + from.start..base.0 + from.end, base.1 + to.start..base.1 + to.end));
        }
    }
    found
}

/// What differs once the common start and end are left out; `None` if nothing does.
fn trimmed(before: &str, after: &str) -> Option<Hunk> {
    let same = before.bytes().zip(after.bytes()).take_while(|(one, two)| one == two).count();
    if same == before.len() && same == after.len() {
        return None;
    }
    let mut start = same;
    while !before.is_char_boundary(start) || !after.is_char_boundary(start) {
        start -= 1;
    }
    let (one, two) = (&before.as_bytes()[start..], &after.as_bytes()[start..]);
    let ends = one.iter().rev().zip(two.iter().rev());
    let mut end = ends.take_while(|(one, two)| one == two).count();
    while !before.is_char_boundary(before.len() - end) || !after.is_char_boundary(after.len() - end)
    {
        end -= 1;
    }
    Some((start..before.len() - end, start..after.len() - end))
}

/// Byte ranges that differ, taking both sides apart into tokens.
fn changed<'a, S>(before: S, after: S) -> Vec<Hunk>
where
    S: TokenSource<Token = &'a str> + Copy,
    S::Tokenizer: Iterator<Item = &'a str>,
{
    let places = |source: S| {
        let mut at = 0;
        let mut places = vec![0];
        places.extend(source.tokenize().map(|token| {
            at += token.len();
            at
        }));
        places
    };
    let (old, new) = (places(before), places(after));
    let input = InternedInput::new(before, after);
    let diff = Diff::compute(Algorithm::Histogram, &input);
    let range = |places: &[usize], range: Range<u32>| {
        places[range.start as usize]..places[range.end as usize]
    };
    diff.hunks().map(|hunk| (range(&old, hunk.before), range(&new, hunk.after))).collect()
}

#[derive(Clone, Copy)]
struct Lines<'a>(&'a str);

impl<'a> TokenSource for Lines<'a> {
    type Token = &'a str;
    type Tokenizer = std::str::SplitInclusive<'a, char>;

    fn tokenize(&self) -> Self::Tokenizer {
        self.0.split_inclusive('\n')
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(self.0.len() / 40).unwrap_or(u32::MAX)
    }
}

#[derive(Clone, Copy)]
struct Characters<'a>(&'a str);

struct Each<'a>(&'a str);

impl<'a> Iterator for Each<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let (one, rest) = self.0.split_at(first.len_utf8());
        self.0 = rest;
        Some(one)
    }
}

impl<'a> TokenSource for Characters<'a> {
    type Token = &'a str;
    type Tokenizer = Each<'a>;

    fn tokenize(&self) -> Each<'a> {
        Each(self.0)
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}
