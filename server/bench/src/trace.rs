//! A made-up but lifelike history of a document: one author, many sittings, one character at a time.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, Transact, Update};

use crate::failure::{Failure, Outcome};
use crate::frame::TEXT_NAME;

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

/// Where the author is and what comes next.
struct Author {
    chance: StdRng,
    cursor: u32,
    length: u32,
    /// Edits left in this burst of typing or deleting.
    burst: u32,
    deletes: bool,
    typed: usize,
}

pub(crate) fn history(edits: usize) -> Outcome<Trace> {
    let mut author = Author {
        chance: StdRng::seed_from_u64(SEED),
        cursor: 0,
        length: 0,
        burst: 0,
        deletes: false,
        typed: 0,
    };
    let mut updates = Vec::with_capacity(edits);
    let mut doc = new_doc(&mut author);
    while updates.len() < edits {
        let before = doc.transact().encode_state_as_update_v1(&StateVector::default());
        doc = new_doc(&mut author);
        apply(&doc, &before)?;
        let sitting = EDITS_PER_SITTING.min(edits - updates.len());
        updates.extend(author.sit(&doc, sitting));
    }
    let text = doc.get_or_insert_text(TEXT_NAME).get_string(&doc.transact());
    Ok(Trace { updates, text })
}

/// The text of a document's state.
pub(crate) fn text_of(state: &[u8]) -> Outcome<String> {
    let doc = Doc::new();
    let text = doc.get_or_insert_text(TEXT_NAME);
    apply(&doc, state)?;
    let text = text.get_string(&doc.transact());
    Ok(text)
}

fn new_doc(author: &mut Author) -> Doc {
    let client: u32 = author.chance.random();
    let mut options = Options::with_client_id(ClientID::new(u64::from(client)));
    options.offset_kind = OffsetKind::Utf16;
    options.skip_gc = true;
    Doc::with_options(options)
}

fn apply(doc: &Doc, update: &[u8]) -> Outcome<()> {
    let update = Update::decode_v1(update).map_err(|_| Failure::Malformed)?;
    doc.transact_mut().apply_update(update).map_err(|_| Failure::Malformed)
}

impl Author {
    fn sit(&mut self, doc: &Doc, edits: usize) -> Vec<Vec<u8>> {
        let text = doc.get_or_insert_text(TEXT_NAME);
        let mut updates = Vec::with_capacity(edits);
        for _ in 0..edits {
            let mut transaction = doc.transact_mut();
            if self.next_deletes() {
                self.cursor -= 1;
                self.length -= 1;
                text.remove_range(&mut transaction, self.cursor, 1);
            } else {
                let letter = &WORDS[self.typed % WORDS.len()..][..1];
                self.typed += 1;
                text.insert(&mut transaction, self.cursor, letter);
                self.cursor += 1;
                self.length += 1;
            }
            updates.push(transaction.encode_update_v1());
        }
        updates
    }

    /// Chooses between typing and deleting, and now and then another place.
    fn next_deletes(&mut self) -> bool {
        if self.burst == 0 {
            self.deletes = self.chance.random_range(0..100) < DELETIONS_PERCENT;
            self.burst = self.chance.random_range(1..40);
            self.move_cursor();
        }
        self.burst -= 1;
        self.deletes && self.cursor > 0
    }

    fn move_cursor(&mut self) {
        let reach = match self.chance.random_range(0..10) {
            0..6 => return,
            6..9 => 200,
            _ => self.length,
        };
        let from = self.cursor.saturating_sub(reach);
        let to = (self.cursor + reach).min(self.length);
        self.cursor = self.chance.random_range(from..=to);
    }
}
