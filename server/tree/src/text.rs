//! Three texts become one where both sides changed different places.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

/// Merges what two sides made of a text, line by line; `None` when they changed the same lines, or
/// lines side by side, differently, or when one of them is no text. The same whichever side is
/// named first.
pub fn merge_text(base: &[u8], first: &[u8], second: &[u8]) -> Option<Vec<u8>> {
    if first == second || second == base {
        return Some(first.to_vec());
    }
    if first == base {
        return Some(second.to_vec());
    }
    let texts = (text(base)?, text(first)?, text(second)?);
    let old: Vec<&str> = lines(texts.0).collect();
    let mut changes = changes(texts.0, texts.1);
    changes.extend(self::changes(texts.0, texts.2));
    changes.sort_by_key(|change| (change.old.start, change.old.end));
    changes.dedup();
    let clash = |pair: &[Change<'_>]| pair[1].old.start <= pair[0].old.end;
    if changes.windows(2).any(clash) {
        return None;
    }
    let mut merged = String::with_capacity(first.len().max(second.len()));
    let mut at = 0;
    for change in changes {
        merged.extend(old.get(at..change.old.start)?.iter().copied());
        merged.extend(change.new);
        at = change.old.end;
    }
    merged.extend(old.get(at..)?.iter().copied());
    Some(merged.into_bytes())
}

/// Old lines that become other lines.
#[derive(Debug, PartialEq, Eq)]
struct Change<'a> {
    old: Range<usize>,
    new: Vec<&'a str>,
}

fn changes<'a>(old: &'a str, new: &'a str) -> Vec<Change<'a>> {
    let input = InternedInput::new(old, new);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_no_heuristic(&input);
    let new: Vec<&str> = lines(new).collect();
    let range = |range: Range<u32>| range.start as usize..range.end as usize;
    let hunks = diff.hunks().map(|hunk| Change {
        old: range(hunk.before),
        new: new.get(range(hunk.after)).unwrap_or_default().to_vec(),
    });
    hunks.collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::merge_text;

    fn merged(base: &str, first: &str, second: &str) -> Option<String> {
        let merged = merge_text(base.as_bytes(), first.as_bytes(), second.as_bytes())?;
        String::from_utf8(merged).ok()
    }

    #[test]
    fn changes_in_different_places_merge() {
        let base = "one\ntwo\nthree\nfour\nfive";
        let first = "one\nTWO\nthree\nfour\nfive";
        let second = "one\ntwo\nthree\nfour\nfive\nsix\n";
        assert_eq!(merged(base, first, second).unwrap(), "one\nTWO\nthree\nfour\nfive\nsix\n");
        assert_eq!(merged(base, base, second).unwrap(), second);
        assert_eq!(merged(base, "", "").unwrap(), "");
    }

    #[test]
    fn changes_in_the_same_place_or_side_by_side_stay_apart() {
        let base = "one\ntwo\nthree\n";
        assert_eq!(merged(base, "one\nTWO\nthree\n", "one\n2\nthree\n"), None);
        assert_eq!(merged(base, "ONE\ntwo\nthree\n", "one\nTWO\nthree\n"), None);
        assert_eq!(merged(base, "one\ntwo\nthree\na\n", "one\ntwo\nthree\nb\n"), None);
        assert_eq!(merge_text(b"a\n\nb", b"A\n\nb", b"a\n\n\xff"), None);
        assert_eq!(merge_text(b"a\n\nb", b"A\n\nb", b"a\n\n\0"), None);
    }

    #[test]
    fn the_same_change_on_both_sides_counts_once() {
        let base = "one\ntwo\nthree\nfour\n";
        let first = "zero\none\ntwo\nthree\nfour\n";
        let second = "zero\none\ntwo\nthree\nFOUR\n";
        assert_eq!(merged(base, first, second).unwrap(), second);
    }

    proptest! {
        #[test]
        fn no_side_comes_first(
            base in "([ab]\n){0,12}",
            first in "([abc]\n){0,12}",
            second in "([abd]\n){0,12}",
        ) {
            prop_assert_eq!(merged(&base, &first, &second), merged(&base, &second, &first));
        }

        #[test]
        fn every_new_line_of_both_sides_is_there(
            base in proptest::collection::vec("[a-z]{8}\n", 6..20),
            at in (0_usize..6, 0_usize..6),
        ) {
            let mut first = base.clone();
            first.insert(at.0, "FIRST\n".to_owned());
            let mut second = base.clone();
            second.insert(at.1, "SECOND\n".to_owned());
            let found = merged(&base.concat(), &first.concat(), &second.concat());
            if at.0 == at.1 {
                prop_assert_eq!(found, None);
            } else {
                let found = found.unwrap();
                prop_assert!(found.contains("FIRST\n") && found.contains("SECOND\n"));
                let rest = found.replace("FIRST\n", "").replace("SECOND\n", "");
                prop_assert_eq!(rest, base.concat());
            }
        }
    }
}
