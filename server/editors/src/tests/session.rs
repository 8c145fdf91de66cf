//! Sessions against a hive's copy: typing offline, falls of the line, and another generation.

use proptest::prelude::*;
use ropey::Rope;

use super::text::{Ledger, Typed, typed};
use crate::change::Change;
use crate::frames::{self, Heard};
use crate::replica::Replica;
use crate::session::Session;

/// The hive's side of one document, as far as a client can tell.
struct Hive {
    replica: Replica,
    generation: u32,
    /// Updates that the client has not heard of.
    unheard: Vec<bytes::Bytes>,
    edits: u64,
}

impl Hive {
    fn of(text: &str, generation: u32) -> Self {
        let mut replica = Replica::new();
        replica.edit(&Change::replace(0, 0, text));
        Self { replica, generation, unheard: Vec::new(), edits: 0 }
    }

    fn edit(&mut self, change: &Change) {
        let update = self.replica.edit(change);
        self.unheard.push(frames::update(&update));
    }

    fn take(&mut self, frame: &[u8]) -> Option<bytes::Bytes> {
        match frames::hear(frame)? {
            Heard::Asked(vector) => {
                self.unheard.clear();
                Some(frames::whole(&self.replica.lacking(vector)?))
            }
            Heard::Whole(update) | Heard::Update(update) => {
                self.edits += 1;
                self.replica.take(update);
                None
            }
            _ => None,
        }
    }
}

/// A session, its editor's text, and whether there is a line.
struct World {
    session: Session,
    shown: Rope,
    hive: Hive,
    connected: bool,
}

impl World {
    fn take(&mut self, frame: &[u8]) {
        let brought = self.session.take(frame);
        assert!(brought.change.apply(&mut self.shown), "{:?}", brought.change);
        for answer in brought.answers {
            self.hive.take(&answer);
        }
        assert_eq!(self.shown, *self.session.text());
    }

    fn connect(&mut self) {
        self.session.opened(&self.hive.generation.to_string());
        self.connected = true;
        self.hive.edits = 0;
        let vector = self.hive.replica.state_vector();
        for frame in self.session.connected() {
            if let Some(answer) = self.hive.take(&frame) {
                self.take(&answer);
            }
        }
        self.take(&frames::ask(&vector));
    }

    fn fall(&mut self) {
        self.session.disconnected();
        self.connected = false;
    }

    fn act(&mut self, act: &Act, ledger: &mut Ledger) {
        match act {
            Act::Own(typed) => {
                let change = ledger.change(typed, &self.shown);
                change.apply(&mut self.shown);
                if let Some(frame) = self.session.edit(&change) {
                    self.hive.take(&frame);
                }
            }
            Act::Others(typed) => {
                let change = ledger.change(typed, &self.hive.replica.text().clone());
                self.hive.edit(&change);
            }
            Act::Hear if self.connected => {
                for frame in std::mem::take(&mut self.hive.unheard) {
                    self.take(&frame);
                }
                let mut stored = vec![100];
                stored.push(u8::try_from(self.hive.edits).unwrap());
                self.take(&stored);
            }
            Act::Fall => self.fall(),
            Act::Connect if !self.connected => self.connect(),
            Act::NewGeneration => {
                self.fall();
                let text = self.hive.replica.text().to_string();
                self.hive = Hive::of(&text, self.hive.generation + 1);
            }
            Act::Hear | Act::Connect => {}
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Own(Typed),
    Others(Typed),
    Hear,
    Fall,
    Connect,
    NewGeneration,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => typed().prop_map(Act::Own),
        6 => typed().prop_map(Act::Others),
        4 => Just(Act::Hear),
        2 => Just(Act::Fall),
        3 => Just(Act::Connect),
        1 => Just(Act::NewGeneration),
    ]
}

proptest! {
    #[test]
    fn a_session_and_its_hive_come_to_the_same_text(acts in prop::collection::vec(act(), 0..50)) {
        let mut world = World {
            session: Session::new("test"),
            shown: Rope::new(),
            hive: Hive::of("one\ntwo\n", 1),
            connected: false,
        };
        world.connect();
        let mut ledger = Ledger::default();
        let anew = acts.iter().any(|act| matches!(act, Act::NewGeneration));
        for act in &acts {
            if matches!(act, Act::NewGeneration) {
                // What was stored without having been said is the next test's.
                world.act(&Act::Connect, &mut ledger);
                world.act(&Act::Hear, &mut ledger);
            }
            world.act(act, &mut ledger);
        }
        for act in [Act::Connect, Act::Hear, Act::Fall, Act::Connect, Act::Hear] {
            world.act(&act, &mut ledger);
        }
        prop_assert_eq!(&world.shown, world.hive.replica.text());
        prop_assert!(world.session.is_stored());
        // Edits that are made anew by text may bring back what another deleted meanwhile.
        ledger.check(&world.shown, anew);
    }
}

/// The hive stored an edit and ended that generation before it said so.
#[test]
fn what_was_stored_without_a_word_is_not_typed_twice() {
    for (typed_on, expected) in [("", "one two\n"), (" more", "one two more\n")] {
        let (shown, connected) = (Rope::new(), false);
        let (session, hive) = (Session::new("test"), Hive::of("one\n", 1));
        let mut world = World { session, shown, hive, connected };
        world.connect();
        for insert in [" two", typed_on] {
            let at = world.shown.len_chars() - 1;
            let change = Change::replace(at, at, insert);
            change.apply(&mut world.shown);
            if let Some(frame) = world.session.edit(&change)
                && insert == " two"
            {
                world.hive.take(&frame);
            }
        }
        world.act(&Act::NewGeneration, &mut Ledger::default());
        world.connect();
        assert_eq!(world.shown, expected);
        assert_eq!(world.hive.replica.text(), expected);
    }
}

#[test]
fn cursors_keep_their_place_and_everybody_sees_the_others() {
    let mut session = Session::new("vim");
    let mut hive = Hive::of("one 😀 two", 1);
    session.opened("1");
    for frame in session.connected() {
        if let Some(answer) = hive.take(&frame) {
            session.take(&answer);
        }
    }
    let state = serde_json::json!({
        "user": { "name": "Ada", "person": "p1" },
        "cursor": { "anchor": hive.replica.sticky(6), "head": hive.replica.sticky(6) },
    });
    assert!(session.take(&frames::person(7, 1, &state.to_string())).people);
    hive.edit(&Change::replace(0, 0, "zero "));
    for frame in std::mem::take(&mut hive.unheard) {
        session.take(&frame);
    }
    let people = session.people();
    assert_eq!((people[0].name.as_str(), people[0].cursor), ("Ada", Some((11, 11))));
    assert!(session.take(&frames::person(7, 1, "null")).people);
    assert!(session.people().is_empty());
    let frame = session.point(Some((2, 4))).unwrap();
    let Some(Heard::People(states)) = frames::hear(&frame) else { panic!("it is a cursor") };
    let state: serde_json::Value = serde_json::from_str(states[0].2).unwrap();
    assert_eq!(hive.replica.place(&state["cursor"]["head"]), Some(4));
}
