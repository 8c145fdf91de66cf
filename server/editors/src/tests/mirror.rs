//! Editors of every manner, and a document that others change meanwhile: in the end both hold the
//! same, nothing lost and nothing doubled.

use std::collections::VecDeque;

use proptest::prelude::*;
use ropey::Rope;

use super::text::{Ledger, Typed, typed};
use crate::change::Change;
use crate::mirror::{Manner, Mirror, Sending, Told};
use crate::offsets::Unit;
use crate::queue::Queue;

/// How an editor takes edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Makes an edit on the version it names, and otherwise says no.
    Honest,
    /// The same, but always says yes, as Neovim does.
    Liar,
    /// Honest, but a stranger.
    Stranger,
    /// Makes every edit, by its lines and columns, whatever has become of them.
    Lax,
    /// Honest, but tells its whole text at every change.
    Whole,
}

const KINDS: [Kind; 5] = [Kind::Honest, Kind::Liar, Kind::Stranger, Kind::Lax, Kind::Whole];

#[derive(Debug, Clone)]
enum Act {
    Editor(Typed),
    Others(Typed),
    /// The editor tells of what it collected.
    Flush,
    EditorReads {
        refuses: bool,
    },
    ServerReads,
    /// The editor answers that it is about to save.
    Save,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => typed().prop_map(Act::Editor),
        3 => typed().prop_map(Act::Others),
        2 => Just(Act::Flush),
        3 => prop::bool::weighted(0.1).prop_map(|refuses| Act::EditorReads { refuses }),
        4 => Just(Act::ServerReads),
        1 => Just(Act::Save),
    ]
}

enum Says {
    Change(i64, Vec<Told>),
    Answer(u64, bool),
}

struct World {
    kind: Kind,
    unit: Unit,
    // The editor.
    buffer: Rope,
    version: i64,
    collected: Vec<Told>,
    inbox: VecDeque<Sending>,
    outbox: VecDeque<Says>,
    // The server.
    mirror: Mirror,
    document: Rope,
    ledger: Ledger,
}

impl World {
    fn new(kind: Kind, unit: Unit, text: &str) -> Self {
        let strict = [Kind::Honest, Kind::Liar].contains(&kind);
        let manner = Manner { unit, strict, ends_last_line: false };
        Self {
            kind,
            unit,
            buffer: Rope::from(text),
            version: 1,
            collected: Vec::new(),
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            mirror: Mirror::new(text, 1, manner),
            document: Rope::from(text),
            ledger: Ledger::default(),
        }
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Editor(typed) => {
                let change = self.ledger.change(typed, &self.buffer.clone());
                self.version += i64::from(!change.is_empty());
                self.make(&change);
            }
            Act::Others(typed) => {
                let text = self.document.clone();
                let change = self.ledger.change(typed, &text);
                let before = self.document.clone();
                change.apply(&mut self.document);
                if let Some(own) = self.mirror.remote(&change, &before) {
                    own.apply(&mut self.document);
                }
                self.pump();
            }
            Act::Flush => self.flush(),
            Act::EditorReads { refuses } => self.read(*refuses),
            Act::ServerReads => self.serve(),
            Act::Save => self.save(),
        }
    }

    /// The buffer changes; the editor collects what it will tell.
    fn make(&mut self, change: &Change) {
        for edit in change.edits().iter().rev() {
            let range = Some(self.unit.range(&self.buffer, edit.start, edit.end));
            Change::replace(edit.start, edit.end, &edit.insert).apply(&mut self.buffer);
            self.collected.push(Told { range, text: edit.insert.clone() });
        }
    }

    fn flush(&mut self) {
        let mut told = std::mem::take(&mut self.collected);
        if told.is_empty() {
            return;
        }
        if self.kind == Kind::Whole {
            told = vec![Told { range: None, text: self.buffer.to_string() }];
        }
        self.outbox.push_back(Says::Change(self.version, told));
    }

    fn read(&mut self, refuses: bool) {
        let Some(sending) = self.inbox.pop_front() else { return };
        let fits = sending.version == self.version || self.kind == Kind::Lax;
        let makes = fits && !refuses;
        if makes {
            self.apply(&sending);
        }
        let answer = Says::Answer(sending.number, makes || self.kind == Kind::Liar);
        self.outbox.push_back(answer);
    }

    fn apply(&mut self, sending: &Sending) {
        let text = self.buffer.clone();
        let place = |position| self.unit.character(&text, position);
        let edits: Vec<(usize, usize, &str)> = sending
            .edits
            .iter()
            .map(|edit| {
                let start = place(edit.range.start);
                (start, place(edit.range.end).max(start), edit.text.as_str())
            })
            .collect();
        for (start, end, insert) in edits.into_iter().rev() {
            let end = end.min(self.buffer.len_chars());
            self.make(&Change::replace(start.min(end), end, insert));
        }
        self.version += 1;
    }

    fn serve(&mut self) {
        match self.outbox.pop_front() {
            Some(Says::Change(version, told)) => {
                let change = self.mirror.told(version, &told, &self.document);
                assert!(change.apply(&mut self.document), "{change:?} must fit the document");
            }
            Some(Says::Answer(number, made)) => self.mirror.answered(number, made),
            // Nothing has come for long.
            None if self.inbox.is_empty() && self.collected.is_empty() => self.mirror.give_up(),
            None => {}
        }
        self.pump();
    }

    fn pump(&mut self) {
        self.inbox.extend(self.mirror.next());
    }

    /// The editor saves: it reads all, tells all, asks for the last edits and makes them.
    fn save(&mut self) {
        for _ in 0..100 {
            self.read(false);
            self.flush();
            self.serve();
        }
        if self.mirror.is_under_way() {
            return;
        }
        if let Some(sending) = self.mirror.next() {
            self.mirror.answered(sending.number, true);
            self.apply(&sending);
            self.flush();
            self.serve();
        }
        assert_eq!(self.buffer, self.document, "what is saved is the document's text");
    }

    fn settle(&mut self) {
        for _ in 0..200 {
            self.flush();
            self.read(false);
            self.serve();
            let quiet = self.inbox.is_empty() && self.outbox.is_empty();
            if quiet && self.collected.is_empty() && self.mirror.is_in_step() {
                return;
            }
        }
        panic!("it never comes to rest: {:?} and {:?}", self.buffer, self.document);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]
    #[test]
    fn editors_of_every_manner_come_to_the_same_text(
        kind in prop::sample::select(KINDS.to_vec()),
        unit in prop::sample::select(vec![Unit::Utf8, Unit::Utf16, Unit::Utf32]),
        text in "[ab\n]{0,10}",
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let mut world = World::new(kind, unit, &text);
        for act in &acts {
            world.act(act);
        }
        world.settle();
        prop_assert_eq!(&world.buffer, &world.document);
        prop_assert_eq!(world.mirror.shown(), &world.document);
        match kind {
            // What mends a misplaced edit may itself be misplaced: no more is promised than that
            // both hold the same.
            Kind::Lax => {}
            Kind::Honest | Kind::Liar => world.ledger.check(&world.document, false),
            Kind::Stranger | Kind::Whole => world.ledger.check(&world.document, true),
        }
    }

    /// As Teamtype's editors count: each side names what it has seen of the other's edits, and an
    /// editor passes over what was not made on its newest text.
    #[test]
    fn editors_that_count_come_to_the_same_text(
        text in "[ab\n]{0,10}",
        acts in prop::collection::vec(act(), 0..60),
    ) {
        let (mut buffer, mut document) = (Rope::from(text.as_str()), Rope::from(text.as_str()));
        let (mut own, mut seen) = (0_usize, 0_usize);
        let (mut known_own, mut known_seen) = (0_usize, 0_usize);
        let mut inbox: VecDeque<(usize, Change)> = VecDeque::new();
        let mut outbox: VecDeque<(usize, Change)> = VecDeque::new();
        let (mut queue, mut ledger) = (Queue::default(), Ledger::default());
        let round = [Act::EditorReads { refuses: false }, Act::ServerReads];
        let settling = std::iter::repeat_n(round, 200);
        for act in acts.into_iter().chain(settling.flatten()) {
            match act {
                Act::Editor(typed) => {
                    let change = ledger.change(&typed, &buffer);
                    change.apply(&mut buffer);
                    own += 1;
                    outbox.push_back((seen, change));
                }
                Act::Others(typed) => {
                    let change = ledger.change(&typed, &document);
                    change.apply(&mut document);
                    queue.remote(&change);
                    inbox.extend(queue.send().map(|change| (known_own, change)));
                }
                Act::EditorReads { .. } => {
                    if let Some((made_on, change)) = inbox.pop_front() && made_on == own {
                        assert!(change.apply(&mut buffer));
                        seen += 1;
                    }
                }
                Act::ServerReads => {
                    if let Some((seen, change)) = outbox.pop_front() {
                        known_own += 1;
                        queue.seen(seen - known_seen);
                        known_seen = seen;
                        assert!(queue.local(&change).apply(&mut document));
                        queue.unsend();
                        inbox.extend(queue.send().map(|change| (known_own, change)));
                    }
                }
                Act::Flush | Act::Save => {}
            }
        }
        prop_assert_eq!(&buffer, &document);
        ledger.check(&document, false);
    }
}

fn told(range: Option<[usize; 4]>, text: &str) -> Told {
    let range = range.map(|[line, character, to_line, to]| crate::offsets::Range {
        start: crate::offsets::Position { line, character },
        end: crate::offsets::Position { line: to_line, character: to },
    });
    Told { range, text: text.to_owned() }
}

const MANNER: Manner = Manner { unit: Unit::Utf16, strict: false, ends_last_line: false };

#[test]
fn line_ends_and_marks_of_the_editor_stay_its_own() {
    let mut mirror = Mirror::new("\u{feff}one\r\ntwo\r\n", 1, MANNER);
    let mut document = Rope::from("one\ntwo\n");
    assert!(mirror.start("one\ntwo\n", &document).is_empty());
    let change = mirror.told(2, &[told(Some([0, 4, 0, 4]), "!\r\n")], &document);
    change.apply(&mut document);
    assert_eq!(document, "one!\n\ntwo\n");
    mirror.remote(&Change::replace(0, 0, "0\n"), &document);
    let sending = mirror.next().unwrap();
    assert_eq!(sending.edits[0].text, "0\r\n");
    assert_eq!(sending.edits[0].range.start.character, 1);
}

#[test]
fn a_line_end_that_the_editor_adds_enters_with_the_first_edit() {
    let mut mirror = Mirror::new("one\n", 1, MANNER);
    let mut document = Rope::from("one");
    assert!(mirror.start("one", &document).is_empty());
    assert_eq!(mirror.next(), None, "opening a file changes nothing");
    let change = mirror.told(2, &[told(Some([0, 3, 0, 3]), "!")], &document);
    change.apply(&mut document);
    assert_eq!(document, "one!\n");

    let mut mirror = Mirror::new("one\n", 1, MANNER);
    let before = Rope::from("one");
    mirror.start("one", &before);
    let remote = Change::replace(3, 3, " two");
    let mut document = Rope::from("one two");
    mirror.remote(&remote, &before).unwrap().apply(&mut document);
    assert_eq!(document, "one two\n");
    assert_eq!(mirror.next().unwrap().edits[0].text, " two");
}

#[test]
fn unsaved_work_of_the_editor_enters_and_what_it_lacks_comes_to_it() {
    let mut mirror = Mirror::new("one\nmine\n", 1, MANNER);
    let mut document = Rope::from("others\none\n");
    let own = mirror.start("one\n", &document);
    own.apply(&mut document);
    assert_eq!(document, "others\none\nmine\n");
    let sending = mirror.next().unwrap();
    assert_eq!(sending.edits.len(), 1);
    assert_eq!(sending.edits[0].text.len(), "others\n".len());
}

/// Neovim puts what comes behind the last line end into the last line.
#[test]
fn what_comes_behind_the_last_line_leaves_its_end_alone() {
    let manner = Manner { unit: Unit::Utf16, strict: true, ends_last_line: false };
    let cases = [
        ("one\n", Change::replace(4, 4, "two\n"), [0, 3, 0, 3], "\ntwo"),
        ("one\ntwo\n", Change::replace(4, 8, ""), [0, 3, 1, 3], ""),
        ("one\n", Change::replace(0, 4, "two\nthree\n"), [0, 0, 0, 3], "two\nthree"),
        ("one", Change::replace(3, 3, "\ntwo\n"), [0, 3, 0, 3], "\ntwo\n"),
        ("one\n", Change::replace(4, 4, "two"), [1, 0, 1, 0], "two"),
    ];
    for (text, change, [line, character, to_line, to], insert) in cases {
        let mut mirror = Mirror::new(text, 1, manner);
        let document = Rope::from(text);
        assert!(mirror.start(text, &document).is_empty());
        assert_eq!(mirror.remote(&change, &document), None);
        let edits = mirror.next().unwrap().edits;
        let (start, end) = (edits[0].range.start, edits[0].range.end);
        let range = [start.line, start.character, end.line, end.character];
        assert_eq!((range, edits[0].text.as_str()), ([line, character, to_line, to], insert));
    }
}

#[test]
fn a_last_line_has_an_end_in_an_editor_that_insists_on_one() {
    let manner = Manner { unit: Unit::Utf16, strict: true, ends_last_line: true };
    let mut mirror = Mirror::new("one\n", 1, manner);
    let before = Rope::from("one\n");
    assert!(mirror.start("one\n", &before).is_empty());
    let own = mirror.remote(&Change::replace(4, 4, "two"), &before).unwrap();
    let mut document = Rope::from("one\ntwo");
    own.apply(&mut document);
    assert_eq!(document, "one\ntwo\n");
    let edits = mirror.next().unwrap().edits;
    assert_eq!((edits.len(), edits[0].text.as_str()), (1, "\ntwo"));
}

#[test]
fn what_the_editor_saved_before_it_joined_is_not_there_twice() {
    let mut mirror = Mirror::new("one!\ntwo mine\n", 1, MANNER);
    let document = Rope::from("one! theirs\ntwo mine\n");
    assert!(mirror.start("one\ntwo\n", &document).is_empty());
    assert_eq!(mirror.next().unwrap().edits[0].text, " theirs");
}
