//! The smallest edit that turns one text into another, in UTF-16 offsets; the same for the same
//! texts on every machine, and never slow.

use std::collections::HashMap;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput, TokenSource};

/// More hunks than this are joined to their nearest neighbours,
const HUNKS_MAX: usize = 4_000;
/// and fewer in a large text, where each one costs more: hunks times bytes.
const HUNK_BYTES_MAX: usize = 5_000_000_000;
/// Passages with more lines than this are only taken apart at lines that occur once on each side.
const LINES_MAX: usize = 2_000;
/// Changed passages longer than this are replaced as a whole rather than looked into.
const PASSAGE_BYTES_MAX: usize = 2_000;
/// How far a change is moved to the start of its line.
const SLIDE_BYTES_MAX: usize = 10_000;

/// Replaces `delete` UTF-16 units at `at` (counted in the text before all edits) by `insert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<'a> {
    pub at: u32,
    pub delete: u32,
    pub insert: &'a str,
}

/// Edits in order of their place, none touching the next.
pub fn edits<'a>(before: &str, after: &'a str) -> Vec<Edit<'a>> {
    let hunks_max = (HUNK_BYTES_MAX / before.len().max(1)).min(HUNKS_MAX);
    let hunks = joined(hunks(before, after, Grain::Words), hunks_max);
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

/// Whether `found` goes on from `after` rather than from `before`: it has a good part of what was
/// put in between the two, and more of that than of what was taken out.
pub(crate) fn goes_on_from_after(before: &str, after: &str, found: &str) -> bool {
    let step = hunks(before, after, Grain::Characters);
    let taken_out: Vec<_> = step.iter().map(|hunk| hunk.before.clone()).collect();
    let put_in: Vec<_> = step.into_iter().map(|hunk| hunk.after).collect();
    let kept_of = |text: &str, passages: &[Range<usize>]| {
        let lost: Vec<_> =
            hunks(text, found, Grain::Characters).into_iter().map(|hunk| hunk.before).collect();
        total(passages) - overlap(passages, &lost)
    };
    let kept = kept_of(after, &put_in);
    kept > kept_of(before, &taken_out) && kept * 4 >= total(&put_in)
}

fn total(passages: &[Range<usize>]) -> usize {
    passages.iter().map(Range::len).sum()
}

/// How many bytes lie in passages of both lists, each of which is in order.
fn overlap(one: &[Range<usize>], other: &[Range<usize>]) -> usize {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut bytes = 0;
    while let (Some(a), Some(b)) = (one.peek(), other.peek()) {
        bytes += a.end.min(b.end).saturating_sub(a.start.max(b.start));
        if a.end < b.end {
            one.next();
        } else {
            other.next();
        }
    }
    bytes
}

fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

/// Into what a changed passage is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grain {
    Words,
    Characters,
}

/// Byte ranges of the two texts that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hunk {
    before: Range<usize>,
    after: Range<usize>,
}

fn hunks(before: &str, after: &str, grain: Grain) -> Vec<Hunk> {
    let Some(middle) = trimmed(before, after) else { return Vec::new() };
    if middle.before.is_empty() || middle.after.is_empty() {
        return vec![middle];
    }
    let whole_lines = Hunk {
        before: to_line_ends(before, &middle.before),
        after: to_line_ends(after, &middle.after),
    };
    let mut hunks = Vec::new();
    for stretch in stretches(before, after, whole_lines) {
        let Some(inner) = trimmed(&before[stretch.before.clone()], &after[stretch.after.clone()])
        else {
            continue;
        };
        let old = &before[stretch.before.clone()];
        let new = &after[stretch.after.clone()];
        if lines(old) > LINES_MAX || lines(new) > LINES_MAX {
            hunks.push(inner.moved(&stretch));
            continue;
        }
        for passage in changed(Lines(old), Lines(new), old.len(), new.len()) {
            refine(before, after, passage.moved(&stretch), grain, &mut hunks);
        }
    }
    hunks
}

/// Takes a long passage apart at lines that occur once on each side and in the same order.
fn stretches(before: &str, after: &str, whole: Hunk) -> Vec<Hunk> {
    let old = &before[whole.before.clone()];
    let new = &after[whole.after.clone()];
    if lines(old).max(lines(new)) <= LINES_MAX {
        return vec![whole];
    }
    let mut places: HashMap<&str, Place> = HashMap::new();
    for (line, at) in placed_lines(old) {
        places.entry(line).or_default().old.push(at);
    }
    for (line, at) in placed_lines(new) {
        if let Some(place) = places.get_mut(line) {
            place.new.push(at);
        }
    }
    let mut common: Vec<(usize, usize, usize)> = places
        .into_iter()
        .filter_map(|(line, place)| Some((place.old.only()?, place.new.only()?, line.len())))
        .collect();
    common.sort_unstable();
    let mut found = Vec::new();
    let mut last = Hunk { before: 0..0, after: 0..0 };
    let end = (old.len(), new.len(), 0);
    for (in_old, in_new, length) in longest_rise(&common).into_iter().chain([end]) {
        let stretch = Hunk { before: last.before.end..in_old, after: last.after.end..in_new };
        if !stretch.before.is_empty() || !stretch.after.is_empty() {
            found.push(stretch.moved(&whole));
        }
        last = Hunk { before: in_old..in_old + length, after: in_new..in_new + length };
    }
    found
}

/// Where a line stands on both sides.
#[derive(Default)]
struct Place {
    old: Once,
    new: Once,
}

#[derive(Default)]
enum Once {
    #[default]
    Never,
    At(usize),
    Often,
}

impl Once {
    fn push(&mut self, at: usize) {
        *self = if matches!(self, Self::Never) { Self::At(at) } else { Self::Often };
    }

    fn only(&self) -> Option<usize> {
        if let Self::At(at) = self { Some(*at) } else { None }
    }
}

fn placed_lines(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (line, start)
    })
}

/// Of places in order of the old text, as many as stand in the same order in the new one.
fn longest_rise(common: &[(usize, usize, usize)]) -> Vec<(usize, usize, usize)> {
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(common.len());
    for (at, place) in common.iter().enumerate() {
        let length = ends.partition_point(|end| common[*end].1 < place.1);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut rise = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        rise.push(common[at]);
        next = before[at];
    }
    rise.reverse();
    rise
}

/// Looks into one changed passage for the characters that really changed.
fn refine(before: &str, after: &str, passage: Hunk, grain: Grain, hunks: &mut Vec<Hunk>) {
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
    let found = changed(Pieces(old, grain), Pieces(new, grain), old.len(), new.len());
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
fn joined(hunks: Vec<Hunk>, hunks_max: usize) -> Vec<Hunk> {
    let gap = |left: &Hunk, right: &Hunk| right.before.start - left.before.end;
    let mut narrow = 0;
    let mut narrow_left = usize::MAX;
    if hunks.len() > hunks_max {
        let mut gaps: Vec<usize> = hunks.windows(2).map(|pair| gap(&pair[0], &pair[1])).collect();
        gaps.sort_unstable();
        let joins = hunks.len() - hunks_max;
        narrow = gaps[joins - 1];
        narrow_left = joins - gaps.partition_point(|gap| *gap < narrow);
    }
    let mut result: Vec<Hunk> = Vec::with_capacity(hunks.len().min(hunks_max));
    for hunk in hunks {
        let gap = result.last().map(|last| gap(last, &hunk));
        let joins = gap.is_some_and(|gap| gap < narrow || (gap == narrow && narrow_left > 0));
        if joins && gap == Some(narrow) && narrow > 0 {
            narrow_left -= 1;
        }
        match result.last_mut() {
            Some(last) if joins => {
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

/// A text as its words and single other characters, or all single characters.
struct Pieces<'a>(&'a str, Grain);

impl<'a> TokenSource for Pieces<'a> {
    type Token = &'a str;
    type Tokenizer = PieceIter<'a>;

    fn tokenize(&self) -> Self::Tokenizer {
        PieceIter(self.0, self.1)
    }

    fn estimate_tokens(&self) -> u32 {
        u32::try_from(self.0.len() / 4).unwrap_or(u32::MAX)
    }
}

struct PieceIter<'a>(&'a str, Grain);

impl<'a> Iterator for PieceIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let end = if self.1 == Grain::Words && is_of_word(first) {
            self.0.find(|c: char| !is_of_word(c)).unwrap_or(self.0.len())
        } else {
            first.len_utf8()
        };
        let (piece, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(piece)
    }
}

/// Letters of scripts that put spaces between words; the others stand alone.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() && c < '\u{e00}'
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn applied(before: &str, edits: &[Edit<'_>]) -> String {
        let units: Vec<u16> = before.encode_utf16().collect();
        let mut result = Vec::new();
        let mut at = 0;
        for edit in edits {
            result.extend_from_slice(&units[at..edit.at as usize]);
            result.extend(edit.insert.encode_utf16());
            at = (edit.at + edit.delete) as usize;
        }
        result.extend_from_slice(&units[at..]);
        String::from_utf16(&result).unwrap()
    }

    fn check(before: &str, after: &str, expected: &[(u32, u32, &str)]) {
        let edits = edits(before, after);
        let found: Vec<_> = edits.iter().map(|edit| (edit.at, edit.delete, edit.insert)).collect();
        assert_eq!(found, expected, "{before:?} -> {after:?}");
        assert_eq!(applied(before, &edits), after);
    }

    #[test]
    fn the_edit_is_small_and_falls_between_characters() {
        check("", "", &[]);
        check("same", "same", &[]);
        check("", "new", &[(0, 0, "new")]);
        check("old", "", &[(0, 3, "")]);
        check("a b c", "a x c", &[(2, 1, "x")]);
        check("one\ntwo\n", "one\nnew\ntwo\n", &[(4, 0, "new\n")]);
        check("ab\nac\n", "ab\nad\nac\n", &[(3, 0, "ad\n")]);
        check("a\nb\nc\nd\n", "A\nb\nc\nD\n", &[(0, 1, "A"), (6, 1, "D")]);
        check("the cat sat on it", "the dog sat in it", &[(4, 3, "dog"), (12, 1, "i")]);
        // Two emoji that share the first of their two units, and their first bytes.
        check("x\u{1f44b}y", "x\u{1f44c}y", &[(1, 2, "\u{1f44c}")]);
        check("\u{1f44b}\u{1f44b}", "\u{1f44b}", &[(0, 2, "")]);
        // A combining accent is taken off its letter.
        check("e\u{301}a", "ea", &[(1, 1, "")]);
        check("\u{e9}", "\u{e8}", &[(0, 1, "\u{e8}")]);
        check("\u{4e2d}\u{6587}\u{5b57}", "\u{4e2d}\u{5b57}", &[(1, 1, "")]);
    }

    #[test]
    fn any_edit_leads_to_the_text() {
        let mut chance = StdRng::seed_from_u64(5);
        let alphabet = ["a", "b", "\n", " ", "\u{e9}", "\u{1f44b}", "\u{1f44c}", "\r\n", "word"];
        for _ in 0..3_000 {
            let mut draw = || -> String {
                let length = chance.random_range(0..30);
                (0..length).map(|_| alphabet[chance.random_range(0..alphabet.len())]).collect()
            };
            let (before, after) = (draw(), draw());
            assert_eq!(applied(&before, &edits(&before, &after)), after);
        }
    }

    #[test]
    fn large_texts_are_no_trouble() {
        let mut chance = StdRng::seed_from_u64(6);
        let mut noise = |length: usize, alphabet: u8| -> String {
            (0..length).map(|_| char::from(b'a' + chance.random_range(0..alphabet))).collect()
        };
        let lines = |text: &str, every: usize| -> String {
            text.as_bytes().chunks(every).fold(String::new(), |mut all, line| {
                all.push_str(std::str::from_utf8(line).unwrap());
                all.push('\n');
                all
            })
        };
        let prose = lines(&noise(1_200_000, 26), 60);
        let cases = [
            (prose.clone(), prose.replace("ab", "AB")),
            ("same line\n".repeat(20_000), "same\nline\n".repeat(20_000)),
            ("a b c d\n".repeat(9_000), "a b X d\n".repeat(9_000)),
            (lines(&noise(300_000, 2), 1), lines(&noise(300_000, 2), 1)),
            (lines(&noise(200_000, 2), 3), lines(&noise(200_000, 2), 3)),
            (noise(1_000_000, 2), noise(1_000_000, 2)),
            (lines(&noise(600_000, 26), 8), lines(&noise(600_000, 26), 8)),
        ];
        for (number, (before, after)) in cases.iter().enumerate() {
            let edits = edits(before, after);
            assert!(edits.len() <= HUNKS_MAX, "case {number}");
            assert_eq!(applied(before, &edits), *after, "case {number}");
        }
    }

    #[test]
    fn it_is_seen_whether_a_text_was_written_before_it_was_changed() {
        let check = |found, expected| {
            assert_eq!(
                goes_on_from_after("one old two", "one new two", found),
                expected,
                "{found}"
            );
        };
        check("one new two three", true);
        check("one old two three", false);
        check("new two", true);
        check("zero old two", false);
        check("two", false);
        check("one old but n two", false);
    }
}
