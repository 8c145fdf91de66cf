//! All that ever stood in a text, in the order in which it stands or stood. Pure.

use crate::diff;

/// A piece of a text, and the strokes that put it in and took it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub text: String,
    /// `None`: it stood there before the first stroke.
    pub born: Option<u32>,
    pub died: Option<u32>,
}

/// The text right after a stroke; `None`: before the first one.
pub fn text_at(runs: &[Run], stroke: Option<u32>) -> String {
    let stands = |run: &&Run| {
        run.born <= stroke && run.died.is_none_or(|died| stroke.is_none_or(|stroke| died > stroke))
    };
    runs.iter().filter(stands).map(|run| run.text.as_str()).collect()
}

/// Lets a text become another one by a stroke.
pub fn weave(runs: &[Run], after: &str, stroke: u32) -> Vec<Run> {
    let before: String =
        runs.iter().filter(|run| run.died.is_none()).map(|run| run.text.as_str()).collect();
    let edits = diff::edits(&before, after);
    let mut edits = edits.iter().peekable();
    let mut woven = Vec::with_capacity(runs.len() + 2);
    let mut at = 0;
    let insert = |text: &str| Run { text: text.to_owned(), born: Some(stroke), died: None };
    for run in runs {
        let mut rest = run.text.as_str();
        if run.died.is_some() {
            push(&mut woven, run.clone());
            continue;
        }
        while !rest.is_empty() {
            let (until, died) = match edits.peek() {
                Some(edit) if edit.at + edit.delete <= at => {
                    push(&mut woven, insert(edit.insert));
                    edits.next();
                    continue;
                }
                Some(edit) if edit.at <= at => (edit.at + edit.delete, Some(stroke)),
                Some(edit) => (edit.at, None),
                None => (u32::MAX, None),
            };
            let (here, left) = split(rest, until - at);
            at += units(here);
            push(&mut woven, Run { text: here.to_owned(), born: run.born, died });
            rest = left;
        }
    }
    for edit in edits {
        push(&mut woven, insert(edit.insert));
    }
    woven
}

/// Puts what came before in the place of what stood before the first stroke of `later`, whose
/// strokes are counted from `first` on. The text must be the same there.
pub fn joined(earlier: &[Run], later: Vec<Run>, first: u32) -> Vec<Run> {
    let mut all = Vec::with_capacity(earlier.len() + later.len());
    let mut earlier = earlier.iter();
    let mut open: Option<(&Run, &str)> = None;
    for run in later {
        let died = run.died.map(|died| died + first);
        if let Some(born) = run.born {
            push(&mut all, Run { text: run.text, born: Some(born + first), died });
            continue;
        }
        let mut left = units(&run.text);
        while left > 0 {
            let (from, rest) = match open.take() {
                Some(open) => open,
                None => match earlier.next() {
                    Some(from) if from.died.is_some() => {
                        push(&mut all, from.clone());
                        continue;
                    }
                    Some(from) => (from, from.text.as_str()),
                    None => break,
                },
            };
            let (here, after) = split(rest, left);
            left -= units(here).min(left);
            push(&mut all, Run { text: here.to_owned(), born: from.born, died });
            open = (!after.is_empty()).then_some((from, after));
        }
    }
    for from in earlier.filter(|from| from.died.is_some()) {
        push(&mut all, from.clone());
    }
    all
}

/// Adds a piece, to the last one if both have the same fate.
pub(super) fn push(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        _ if run.text.is_empty() => {}
        Some(last) if (last.born, last.died) == (run.born, run.died) => {
            last.text.push_str(&run.text);
        }
        _ => runs.push(run),
    }
}

/// The first so many UTF-16 units, at least one character, and the rest.
pub(super) fn split(text: &str, units: u32) -> (&str, &str) {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 && at > 0 {
            return text.split_at(at);
        }
        left = left.saturating_sub(if character.len_utf16() == 2 { 2 } else { 1 });
    }
    (text, "")
}

pub(super) fn units(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woven(texts: &[&str]) -> Vec<Run> {
        let mut runs = Vec::new();
        for (stroke, text) in (0..).zip(texts) {
            runs = weave(&runs, text, stroke);
        }
        runs
    }

    #[test]
    fn every_text_of_a_row_can_be_had_again() {
        let texts = ["", "eins\n", "eins\nzwei 👋\n", "zwei 👋🐝\n", "", "null\n", "null\nZWEI\n"];
        let runs = woven(&texts);
        for (stroke, text) in (0..).zip(texts) {
            assert_eq!(text_at(&runs, Some(stroke)), text, "after stroke {stroke}");
        }
        assert_eq!(text_at(&runs, None), "");
    }

    #[test]
    fn a_later_past_goes_on_from_an_earlier_one() {
        let earlier = woven(&["eins\n", "eins\nzwei\n", "zwei\ndrei\n"]);
        let of = |text: &str, born, died| Run { text: text.to_owned(), born, died };
        let later = vec![
            of("neu ", Some(1), None),
            of("zw", None, Some(0)),
            of("ei\ndr", None, None),
            of("weg", Some(0), Some(1)),
            of("ei\n", None, Some(1)),
        ];
        let all = joined(&earlier, later, 3);
        let texts = ["eins\n", "eins\nzwei\n", "zwei\ndrei\n", "ei\ndrwegei\n", "neu ei\ndr"];
        for (stroke, text) in (0..).zip(texts) {
            assert_eq!(text_at(&all, Some(stroke)), text, "after stroke {stroke}");
        }
    }
}
