//! Texts and edits for the tests: every inserted character is the only one of its kind.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ropey::Rope;

use crate::change::Change;

/// An edit anywhere: where, how much is taken out, how many lines and characters are put in.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    at: u16,
    delete: u8,
    insert: u8,
    line: bool,
}

pub(super) fn typed() -> impl Strategy<Value = Typed> {
    (any::<u16>(), 0..4_u8, 0..3_u8, prop::bool::weighted(0.2))
        .prop_map(|(at, delete, insert, line)| Typed { at, delete, insert, line })
}

/// What was put in and what was taken out by anybody, on purpose.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    made: u32,
    inserted: BTreeSet<char>,
    deleted: BTreeSet<char>,
}

impl Ledger {
    /// The edit, as a change of this text.
    pub(super) fn change(&mut self, typed: &Typed, text: &Rope) -> Change {
        let start = usize::from(typed.at) % (text.len_chars() + 1);
        let end = (start + usize::from(typed.delete)).min(text.len_chars());
        self.deleted.extend(text.slice(start..end).chars());
        let mut insert: String = (0..typed.insert).map(|_| self.fresh()).collect();
        if typed.line {
            insert.push('\n');
        }
        Change::replace(start, end, &insert)
    }

    /// By turns of two, three and four bytes; of one and two units.
    fn fresh(&mut self) -> char {
        self.made += 1;
        let base = [0x00c0, 0x4e00, 0xf0000][self.made as usize % 3];
        let fresh = char::from_u32(base + self.made / 3).unwrap();
        self.inserted.insert(fresh);
        fresh
    }

    /// Nothing is lost and nothing is doubled.
    pub(super) fn check(&self, text: &Rope, may_come_back: bool) {
        for one in &self.inserted {
            let count = text.chars().filter(|other| other == one).count();
            match self.deleted.contains(one) {
                true if may_come_back => assert!(count <= 1, "{one:?} is there {count} times"),
                true => assert_eq!(count, 0, "{one:?} was deleted"),
                false => assert_eq!(count, 1, "{one:?} is there {count} times in {text}"),
            }
        }
    }
}
