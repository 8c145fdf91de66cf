//! The smallest edit that turns one text into another, in UTF-16 offsets; the same for the same
//! texts on every machine, and never slow.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, TokenSource};

/// More hunks than this are joined to their nearest neighbours.
const HUNKS_MAX: usize = 4_000;
/// With more lines than this on one side, everything between the first and the last change is
/// replaced.
const LINES_MAX: usize = 400_000;
/// Changed passages longer than this are replaced line by line rather than looked into.
const PASSAGE_BYTES_MAX: usize = 20_000;

/// How far a change is moved to the start of its line.
const SLIDE_BYTES_MAX: usize = 10_000;

/// Replaces `delete` UTF-16 units at `at` (counted in the text before all edits) by `insert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit<'a> {
    pub(crate) at: u32,
    pub(crate) delete: u32,
    pub(crate) insert: &'a str,
}

/// Edits in order of their place, none touching the next.
pub(crate) fn edits<'a>(before: &str, after: &'a str) -> Vec<Edit<'a>> {
    let hunks = joined(hunks(before, after));
    let mut edits = Vec::with_capacity(hunks.len());
    let mut at_byte = 0;
    let mut at = 0;
    for hunk in hunks {
        at += units(&before[at_byte..hunk.before.start]);
        let delete = units(&before[hunk.before.clone()]);
        edits.push(Edit { at, delete, insert: &after[hunk.after.clone()] });
        at += delete;
        at_byte = hunk.before.end;
    }
    edits
}

/// Whether `found` goes on from `after` rather than from `before`: most of what was put in between
/// the two is still in it.
pub(crate) fn goes_on_from_after(before: &str, after: &str, found: &str) -> bool {
    let put_in: Vec<_> = hunks(before, after).into_iter().map(|hunk| hunk.after).collect();
    let taken_out: Vec<_> = hunks(after, found).into_iter().map(|hunk| hunk.before).collect();
    let overlap =
        |a: &Range<usize>, b: &Range<usize>| a.end.min(b.end).saturating_sub(a.start.max(b.start));
    let total: usize = put_in.iter().map(Range::len).sum();
    let mut lost = 0;
    let mut at = 0;
    for range in &put_in {
        while at > 0 && taken_out[at - 1].end > range.start {
            at -= 1;
        }
        while at < taken_out.len() && taken_out[at].start < range.end {
            lost += overlap(range, &taken_out[at]);
            at += 1;
        }
    }
    lost * 2 < total
}

fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

/// Byte ranges of the two texts that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hunk {
    before: Range<usize>,
    after: Range<usize>,
}

fn hunks(before: &str, after: &str) -> Vec<Hunk> {
    let Some(middle) = trimmed(before, after) else { return Vec::new() };
    if middle.before.is_empty() || middle.after.is_empty() {
        return vec![middle];
    }
    let whole_lines = Hunk {
        before: to_line_ends(before, &middle.before),
        after: to_line_ends(after, &middle.after),
    };
    let old = &before[whole_lines.before.clone()];
    let new = &after[whole_lines.after.clone()];
    if lines(old) > LINES_MAX || lines(new) > LINES_MAX {
        return vec![middle];
    }
    let mut hunks = Vec::new();
    for passage in changed(Lines(old), Lines(new), old.len(), new.len()) {
        let passage = passage.moved(&whole_lines);
        refine(before, after, passage, &mut hunks);
    }
    hunks
}

/// Looks into one changed passage for the characters that really changed.
fn refine(before: &str, after: &str, passage: Hunk, hunks: &mut Vec<Hunk>) {
    let old = &before[passage.before.clone()];
    let new = &after[passage.after.clone()];
    let Some(inner) = trimmed(old, new) else { return };
    let inner = inner.moved(&passage);
    let long = inner.before.len().max(inner.after.len()) > PASSAGE_BYTES_MAX;
    if inner.before.is_empty() || inner.after.is_empty() || long {
        hunks.push(inner);
        return;
    }
    let old = &before[inner.before.clone()];
    let new = &after[inner.after.clone()];
    let found = changed(Words(old), Words(new), old.len(), new.len());
    hunks.extend(found.into_iter().filter_map(|word| {
        let word = word.moved(&inner);
        let tight = trimmed(&before[word.before.clone()], &after[word.after.clone()])?;
        Some(tight.moved(&word))
    }));
}

/// The part between what both texts begin and end with, at character boundaries and, where there is
/// a choice, at the start of a line; `None` if they are equal.
fn trimmed(before: &str, after: &str) -> Option<Hunk> {
    if before == after {
        return None;
    }
    let (old, new) = (before.as_bytes(), after.as_bytes());
    let mut start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    while !before.is_char_boundary(start) || !after.is_char_boundary(start) {
        start -= 1;
    }
    let rest = old[start..].iter().rev().zip(new[start..].iter().rev());
    let mut end = rest.take_while(|(a, b)| a == b).count();
    while !before.is_char_boundary(old.len() - end) || !after.is_char_boundary(new.len() - end) {
        end -= 1;
    }
    let hunk = Hunk { before: start..old.len() - end, after: start..new.len() - end };
    let slide = match (hunk.before.is_empty(), hunk.after.is_empty()) {
        (true, _) => slide(after, &hunk.after),
        (_, true) => slide(before, &hunk.before),
        _ => 0,
    };
    let back = |range: Range<usize>| range.start - slide..range.end - slide;
    Some(Hunk { before: back(hunk.before), after: back(hunk.after) })
}

/// How far a passage that was put in or taken out can be moved back to begin at a line's start
/// without changing the outcome.
fn slide(text: &str, passage: &Range<usize>) -> usize {
    let bytes = text.as_bytes();
    for back in 0..=passage.start.min(SLIDE_BYTES_MAX) {
        let start = passage.start - back;
        if start == 0 || bytes[start - 1] == b'\n' {
            return back;
        }
        if bytes[start - 1] != bytes[passage.end - back - 1] {
            break;
        }
    }
    0
}

fn to_line_ends(text: &str, range: &Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |at| range.end + at + 1);
    start..end
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Diffs two token sequences and gives the changes as byte ranges.
fn changed<'a, T>(old: T, new: T, old_bytes: usize, new_bytes: usize) -> Vec<Hunk>
where
    T: TokenSource<Token = &'a str>,
{
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_no_heuristic(&input);
    let starts = |tokens: &[imara_diff::Token], total: usize| {
        let mut starts = Vec::with_capacity(tokens.len() + 1);
        let mut at = 0;
        for token in tokens {
            starts.push(at);
            at += input.interner[*token].len();
        }
        debug_assert_eq!(at, total);
        starts.push(at);
        starts
    };
    let old_starts = starts(&input.before, old_bytes);
    let new_starts = starts(&input.after, new_bytes);
    diff.hunks()
        .map(|hunk| Hunk {
            before: old_starts[hunk.before.start as usize]..old_starts[hunk.before.end as usize],
            after: new_starts[hunk.after.start as usize]..new_starts[hunk.after.end as usize],
        })
        .collect()
}

impl Hunk {
    /// From offsets inside of `outer` to offsets in the whole texts.
    fn moved(self, outer: &Self) -> Self {
        let by = |range: Range<usize>, start: usize| range.start + start..range.end + start;
        Self {
            before: by(self.before, outer.before.start),
            after: by(self.after, outer.after.start),
        }
    }
}

/// Joins hunks that touch, and those with the smallest distance if there are too many.
fn joined(hunks: Vec<Hunk>) -> Vec<Hunk> {
    let gaps = || hunks.windows(2).map(|pair| pair[1].before.start - pair[0].before.end);
    let mut widest_joined = 0;
    if hunks.len() > HUNKS_MAX {
        let mut sorted: Vec<usize> = gaps().collect();
        sorted.sort_unstable();
        widest_joined = sorted[hunks.len() - HUNKS_MAX];
    }
    let mut result: Vec<Hunk> = Vec::with_capacity(hunks.len().min(HUNKS_MAX));
    for hunk in hunks {
        match result.last_mut() {
            Some(last) if hunk.before.start - last.before.end <= widest_joined => {
                last.before.end = hunk.before.end;
                last.after.end = hunk.after.end;
            }
            _ => result.push(hunk),
        }
    }
    result
}

/// A text as its lines, each with its line feed.
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

/// A text as its words and single other characters.
struct Words<'a>(&'a str);

impl<'a> TokenSource for Words<'a> {
    type Token = &'a str;
    type Tokenizer = WordIter<'a>;

    fn tokenize(&self) -> Self::Tokenizer {
        WordIter(self.0)
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(self.0.len() / 4).unwrap_or(u32::MAX)
    }
}

struct WordIter<'a>(&'a str);

impl<'a> Iterator for WordIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let end = if first.is_alphanumeric() {
            self.0.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.0.len())
        } else {
            first.len_utf8()
        };
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(word)
    }
}
