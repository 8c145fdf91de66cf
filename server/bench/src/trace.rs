//! A made-up but lifelike history of a document: one author, one character at a time.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, Transact, Update};

use crate::failure::{Failure, Outcome};
use crate::frame::{self, Place, TEXT_NAME};

const SEED: u64 = 0x5eed;
/// Each sitting has a client id of its own, as each opening of a page has.
const EDITS_PER_SITTING: usize = 10_000;
/// Of a hundred edits; what a paper written with all its keys recorded shows.
const DELETIONS_PERCENT: u32 = 30;
const WORDS: &str = "the hive keeps what is typed and gives it to everybody who may read it, ";

/// Every edit as an update of its own, and what they come to.
pub(crate) struct Trace {
    pub(crate) updates: Vec<Vec<u8>>,
    pub(crate) text: String,
}

/// One character, deleted or not.
#[derive(Debug, Clone, Copy)]
struct Letter {
    place: Place,
    letter: char,
    is_deleted: bool,
}

/// The document around the cursor, and what the author does next.
struct Author {
    chance: StdRng,
    client: u32,
    clock: u32,
    before: Vec<Letter>,
    /// Reversed: what stands right behind the cursor is last.
    behind: Vec<Letter>,
    /// Edits left in this burst of typing or deleting.
    burst: u32,
    deletes: bool,
    typed: usize,
}

pub(crate) fn history(edits: usize) -> Trace {
    let mut author = Author {
        chance: StdRng::seed_from_u64(SEED),
        client: 0,
        clock: 0,
        before: Vec::new(),
        behind: Vec::new(),
        burst: 0,
        deletes: false,
        typed: 0,
    };
    let mut updates = Vec::with_capacity(edits);
    for edit in 0..edits {
        if edit % EDITS_PER_SITTING == 0 {
            (author.client, author.clock) = (author.chance.random(), 0);
        }
        updates.push(author.edit());
    }
    let letters = author.before.iter().chain(author.behind.iter().rev());
    let text = letters.filter(|letter| !letter.is_deleted).map(|letter| letter.letter).collect();
    Trace { updates, text }
}

/// The text of a document's state.
pub(crate) fn text_of(state: &[u8]) -> Outcome<String> {
    let doc = Doc::new();
    let text = doc.get_or_insert_text(TEXT_NAME);
    let update = Update::decode_v1(state).map_err(|_| Failure::Malformed)?;
    doc.transact_mut().apply_update(update).map_err(|_| Failure::Malformed)?;
    let text = text.get_string(&doc.transact());
    Ok(text)
}

impl Author {
    fn edit(&mut self) -> Vec<u8> {
        if self.burst == 0 {
            self.deletes = self.chance.random_range(0..100) < DELETIONS_PERCENT;
            self.burst = self.chance.random_range(1..40);
            self.move_cursor();
        }
        self.burst -= 1;
        if self.deletes && self.step_back() { self.delete() } else { self.insert() }
    }

    fn insert(&mut self) -> Vec<u8> {
        let letter = char::from(WORDS.as_bytes()[self.typed % WORDS.len()]);
        self.typed += 1;
        let place = Place { client: self.client, clock: self.clock };
        self.clock += 1;
        let neighbour = |side: &[Letter]| side.last().map(|letter| letter.place);
        let (after, before) = (neighbour(&self.before), neighbour(&self.behind));
        self.before.push(Letter { place, letter, is_deleted: false });
        frame::insert(place, after, before, letter.encode_utf8(&mut [0; 4]))
    }

    /// What stands before the cursor; [`Author::step_back`] has found it.
    fn delete(&mut self) -> Vec<u8> {
        let letter = self.before.last_mut().expect("a letter must have been found");
        letter.is_deleted = true;
        frame::delete(letter.place)
    }

    /// Goes back over what is deleted already; false if nothing else is there.
    fn step_back(&mut self) -> bool {
        while let Some(letter) = self.before.last() {
            if !letter.is_deleted {
                return true;
            }
            self.behind.extend(self.before.pop());
        }
        false
    }

    fn move_cursor(&mut self) {
        let length = self.before.len() + self.behind.len();
        let reach = match self.chance.random_range(0..10) {
            0..6 => return,
            6..9 => 200,
            _ => length,
        };
        let from = self.before.len().saturating_sub(reach);
        let to = (self.before.len() + reach).min(length);
        let cursor = self.chance.random_range(from..=to);
        while self.before.len() > cursor {
            self.behind.extend(self.before.pop());
        }
        while self.before.len() < cursor {
            self.before.extend(self.behind.pop());
        }
    }
}
