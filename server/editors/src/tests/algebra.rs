//! The laws of changes, differences and offsets.

use proptest::prelude::*;
use ropey::Rope;

use super::text::{Ledger, typed};
use crate::change::Change;
use crate::diff;
use crate::offsets::{self, Unit};

fn applied(text: &Rope, change: &Change) -> Rope {
    let mut text = text.clone();
    assert!(change.apply(&mut text), "{change:?} does not fit {text:?}");
    text
}

proptest! {
    #[test]
    fn changes_come_after_and_beside_each_other(
        start in "[ab\n]{0,12}",
        left in prop::collection::vec(typed(), 0..4),
        right in prop::collection::vec(typed(), 0..4),
    ) {
        let start = Rope::from(start);
        let mut ledger = Ledger::default();
        let mut build = |edits: &[super::text::Typed]| {
            let (mut text, mut all) = (start.clone(), Change::default());
            for edit in edits {
                let change = ledger.change(edit, &text);
                text = applied(&text, &change);
                all = all.then(&change);
            }
            assert_eq!(applied(&start, &all), text);
            (all, text)
        };
        let ((one, one_text), (two, two_text)) = (build(&left), build(&right));
        let (one_after, two_after) = one.beside(&two);
        prop_assert_eq!(applied(&one_text, &two_after), applied(&two_text, &one_after));
        prop_assert_eq!(applied(&one_text, &one.back(&start)), start.clone());
        prop_assert_eq!(Change::of_edits(&one.edits()), one.clone());
        let found = diff::change(&one_text.to_string(), &two_text.to_string());
        prop_assert_eq!(applied(&one_text, &found), two_text);
    }

    #[test]
    fn places_are_the_same_in_every_unit(text in "[a\né文😀\u{301}]{0,30}") {
        let rope = Rope::from(text.as_str());
        for at in 0..=rope.len_chars() {
            for unit in [Unit::Utf8, Unit::Utf16, Unit::Utf32] {
                prop_assert_eq!(unit.character(&rope, unit.position(&rope, at)), at);
            }
            prop_assert_eq!(offsets::character(&rope, offsets::units(&rope, at)), at);
        }
        let ahead: usize = text.chars().take(3).map(char::len_utf16).sum();
        prop_assert_eq!(offsets::units(&rope, 3.min(rope.len_chars())) as usize, ahead);
    }
}

#[test]
fn a_difference_is_as_small_as_what_was_typed() {
    let before = "one\ntwo words here\nthree\n";
    let change = diff::change(before, "one\ntwo new words here\nthree\nfour\n");
    assert_eq!(change.weight(), "new ".len() + "four\n".len());
    let place = offsets::Position { line: 1, character: 99 };
    assert_eq!(Unit::Utf16.character(&Rope::from(before), place), 18);
}
