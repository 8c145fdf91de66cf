//! Makes many old moments into fewer. Pure.

use types::{DAY_MS, HOUR_MS, MINUTE_MS, Time};

use super::{Head, Stroke};

/// Of moments older than the first, one stays for each span of the second.
const SPANS: [(i64, i64); 4] =
    [(30 * DAY_MS, DAY_MS), (7 * DAY_MS, HOUR_MS), (DAY_MS, 10 * MINUTE_MS), (HOUR_MS, MINUTE_MS)];

/// Which moments become one, by their places: runs of at least two. A moment with a name ends one.
pub(super) fn together(heads: &[Head], now: Time) -> Vec<std::ops::Range<usize>> {
    let span_of = |head: &Head| {
        let age = now.since(head.at);
        let (_, span) = SPANS.into_iter().find(|(older, _)| age > *older)?;
        Some((span, head.at.0.div_euclid(span)))
    };
    let mut found = Vec::new();
    let mut first = 0;
    for place in 1..=heads.len() {
        let goes_on = heads.get(place).is_some_and(|head| {
            let last = &heads[place - 1];
            last.label.is_none() && span_of(last).is_some() && span_of(last) == span_of(head)
        });
        if !goes_on {
            if place - first > 1 {
                found.push(first..place);
            }
            first = place;
        }
    }
    found
}

/// The strokes of several moments as those of one.
pub(super) fn merged(strokes: impl IntoIterator<Item = Stroke>) -> Vec<Stroke> {
    let mut merged: Vec<Stroke> = Vec::new();
    for stroke in strokes {
        match merged.iter_mut().find(|one| one.author == stroke.author) {
            Some(one) => one.news.extend(&stroke.news),
            None => merged.push(stroke),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_moments_become_few_and_names_stay() {
        let now = Time(100 * DAY_MS);
        let head = |ago: i64, label: Option<&str>| Head {
            number: 0,
            began: now.plus(-ago),
            at: now.plus(-ago),
            content: None,
            label: label.map(str::to_owned),
        };
        let s = 1_000;
        let heads = [
            head(40 * DAY_MS, None),
            head(40 * DAY_MS - 5 * HOUR_MS, None),
            head(40 * DAY_MS - 6 * HOUR_MS, Some("first draft")),
            head(40 * DAY_MS - 7 * HOUR_MS, None),
            head(2 * HOUR_MS, None),
            head(2 * HOUR_MS - 10 * s, None),
            head(2 * HOUR_MS - 90 * s, None),
            head(30 * s, None),
            head(20 * s, None),
        ];
        assert_eq!(together(&heads, now), [0..3, 4..6]);
    }
}
