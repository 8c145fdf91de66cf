//! What the load client makes by hand is what Yjs would make, and it finds its own keys again.

use yrs::updates::decoder::Decode;
use yrs::{Doc, GetString, ReadTxn, StateVector, Transact, Update, merge_updates_v1};

use crate::frame::{self, Place, TAG_UNITS, TEXT_NAME};
use crate::trace;

fn applied(updates: &[Vec<u8>]) -> (String, Vec<u8>) {
    let doc = Doc::new();
    let text = doc.get_or_insert_text(TEXT_NAME);
    for update in updates {
        doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }
    let state = doc.transact().encode_state_as_update_v1(&StateVector::default());
    (text.get_string(&doc.transact()), state)
}

#[test]
fn a_history_comes_to_its_text() {
    let trace = trace::history(25_000);
    let (text, state) = applied(&trace.updates);
    assert_eq!(text, trace.text);
    assert!(text.len() < trace.updates.len());
    assert_eq!(trace::text_of(&state).unwrap(), trace.text);
}

#[test]
fn keys_are_found_in_merged_updates() {
    let mut updates = vec![frame::insert(Place { client: 7, clock: 0 }, None, None, "ab\n")];
    let newline = Place { client: 7, clock: 2 };
    let mut after = Place { client: 7, clock: 1 };
    for key in [1, 2, 3, 59_999] {
        let clock = if after.client == 9 { after.clock + 1 } else { 0 };
        let at = Place { client: 9, clock };
        let text = frame::tag(key).to_string();
        updates.push(frame::insert(at, Some(after), Some(newline), &text));
        after = Place { client: 9, clock: clock + TAG_UNITS - 1 };
    }
    let (text, state) = applied(&updates);
    assert!(text.starts_with("ab") && text.ends_with('\n'));
    let merged = merge_updates_v1(&updates).unwrap();
    for update in [state, merged] {
        assert_eq!(frame::tags(&update).collect::<Vec<_>>(), [1, 2, 3, 59_999]);
    }
}

#[test]
fn no_client_looks_like_a_key() {
    // 0xF3 0xB0 0x80 0x80 0x01 as a number of lib0.
    assert!(!frame::is_plain_id(0x1000_1873));
    assert!(frame::is_plain_id(7));
}
