//! What random runs found once, told as plainly as it can be.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use tree::{Kept, Ledger, Node, Seen, Step, What, is_alive, root_of, standing};
use types::{FileId, Hash, HiveId, Name, ShareId, Tick};

use super::chance::Chance;
use super::disk::{ROOT, Thing};
use super::hive::Seal;
use super::memory::Memory;
use super::world::World;

mod plans;

/// A hive without a disk: what is seen there is told to it.
struct Teller {
    memory: Memory,
    seal: Seal,
}

impl Teller {
    fn new(number: u8) -> Self {
        let hive = HiveId::from_bytes([number; 32]);
        let share = ShareId::from_bytes([200; 16]);
        Self { memory: Memory::new(share, hive, true), seal: Seal(hive) }
    }

    fn sees(&mut self, id: u8, name: &str, content: &str) {
        self.sees_all(&[(id, name, content)]);
    }

    fn sees_all(&mut self, things: &[(u8, &str, &str)]) {
        let parent = root_of(self.memory.share());
        let stands = things.iter().map(|(id, name, content)| {
            let name = Name::new(name).unwrap();
            Seen::Stands { id: file(*id), parent, name, what: what(content), by: None }
        });
        ok(tree::observe(&mut self.memory, &self.seal, stands.collect()));
    }

    fn sees_gone(&mut self, id: u8) {
        ok(tree::observe(&mut self.memory, &self.seal, vec![Seen::Gone { id: file(id) }]));
    }

    fn hears(&mut self, nodes: &[Node]) {
        for node in nodes {
            ok(tree::receive(&mut self.memory, node));
        }
    }

    fn hears_all(&mut self, nodes: &[Node]) {
        self.hears(nodes);
        ok(tree::mend(&mut self.memory, &self.seal));
    }

    fn tells(&self) -> Vec<Node> {
        self.memory.nodes().values().cloned().collect()
    }

    fn becomes(&mut self, id: u8, successor: u8) {
        let step = ok(tree::next_step(&self.memory, file(id), &|_| true));
        assert_eq!(step, Step::Become { successor: file(successor) });
        ok(tree::did(&mut self.memory, file(id), &step));
    }

    /// Every content that stands somewhere, alone or as one of two versions.
    fn contents(&self) -> Vec<(Name, Vec<Hash>)> {
        let living = self.memory.nodes().values().filter(|node| is_alive(node));
        let contents = living.filter_map(|node| {
            let standing = standing(node)?;
            let others = standing.others.iter().filter_map(|other| other.what.hash());
            let hashes = standing.version.what.hash().into_iter().chain(others).collect();
            Some((node.place.name.clone(), hashes))
        });
        contents.collect()
    }
}

fn talk(one: &mut Teller, other: &mut Teller) {
    for _ in 0..20 {
        if one.memory.nodes() == other.memory.nodes() {
            return;
        }
        one.hears_all(&other.tells());
        other.hears_all(&one.tells());
    }
    panic!("they do not come to rest");
}

fn ok<T>(result: Result<T, Infallible>) -> T {
    let Ok(value) = result;
    value
}

fn file(id: u8) -> FileId {
    FileId::from_bytes([id; 16])
}

fn what(content: &str) -> What {
    dated(content, 1)
}

fn dated(content: &str, modified_ns: i64) -> What {
    let (hash, size) = (Hash::of(content.as_bytes()), content.len() as u64);
    What::File { hash, size, modified_ns, executable: false, attributes: Vec::new() }
}

fn thing(content: &str, modified_ns: i64) -> Thing {
    // No text, so that nothing merges by itself.
    let bytes = Arc::from([&[0], content.as_bytes()].concat());
    Thing::File { bytes, modified_ns, executable: false }
}

fn stands_nowhere(teller: &Teller, content: &str) {
    let hash = Hash::of(content.as_bytes());
    let found = teller.contents();
    assert!(!found.iter().any(|(_, hashes)| hashes.contains(&hash)), "{found:?}");
}

#[test]
fn a_restore_mends_nothing_that_is_known_by_half() {
    let (mut one, mut other) = (Teller::new(1), Teller::new(2));
    one.sees_all(&[(1, "a", "first"), (2, "b", "second")]);
    other.sees(3, "c", "gone");
    other.sees_gone(3);
    other.hears_all(&one.tells());
    one.sees_all(&[(1, "b", "first"), (2, "a", "second")]);
    other.hears(&one.tells()[..1]);
    ok(tree::restore(&mut other.memory, &other.seal, file(3), what("gone")));
    other.hears_all(&one.tells());
    assert_eq!(other.contents().len(), 3, "{:?}", other.contents());
}

#[test]
fn a_file_made_alike_has_seen_no_more_than_what_it_is_like() {
    let mut world = World::new(3, true, false, false, Chance::new(1), true);
    let first = world.hives[0].disk.put(ROOT, "d", thing("the same", 1));
    world.look(0);
    world.tell_all(0, 1);
    world.work(1, 10, false).unwrap();
    let copy = world.hives[1].disk.find(ROOT, "d").unwrap();
    world.hives[1].disk.change(copy, thing("changed apart", 2));
    world.look(1);
    world.hives[0].disk.change(first, thing("the same", 3));
    world.look(0);
    world.tell_all(1, 2);
    world.tell_all(0, 2);
    world.hives[2].disk.put(ROOT, "d", thing("the same", 4));
    world.look(2);
    let again = world.hives[2].disk.find(ROOT, "d").unwrap();
    world.hives[2].disk.change(again, thing("changed there", 5));
    world.look(2);
    world.settle().unwrap();
    world.judge().unwrap();
}

#[test]
fn what_was_changed_where_it_was_merged_into_does_not_come_back_elsewhere() {
    let (mut one, mut other) = (Teller::new(1), Teller::new(2));
    one.sees(1, "b", "of one");
    other.sees(9, "b", "of the other");
    let early = other.tells();
    other.hears_all(&one.tells());
    other.becomes(9, 1);
    other.sees(1, "b", "made from the other's");
    one.sees(1, "a", "of one");
    one.sees(2, "b", "new");
    one.sees(3, "c", "that much later");
    one.hears_all(&early);
    talk(&mut one, &mut other);
    stands_nowhere(&one, "of the other");
    let made = Hash::of(b"made from the other's");
    assert!(one.contents().iter().any(|(_, hashes)| hashes.contains(&made)));
}

#[test]
fn what_was_removed_where_it_was_merged_into_does_not_come_back_elsewhere() {
    let (mut one, mut other) = (Teller::new(1), Teller::new(2));
    one.sees(1, "b", "of one");
    other.sees(9, "b", "of the other");
    let early = other.tells();
    other.hears_all(&one.tells());
    other.becomes(9, 1);
    other.sees_gone(1);
    one.sees(1, "a", "of one");
    one.sees(2, "b", "new");
    one.sees(3, "c", "that much later");
    one.hears_all(&early);
    talk(&mut one, &mut other);
    stands_nowhere(&one, "of the other");
}

#[test]
fn a_removal_follows_what_was_merged_twice() {
    let (mut one, mut other) = (Teller::new(1), Teller::new(2));
    one.sees(9, "a", "removed");
    other.hears_all(&one.tells());
    other.sees(5, "a", "of the other");
    one.sees(9, "b", "removed");
    one.sees(1, "a", "new");
    let all = one.tells();
    other.hears_all(&all);
    one.sees_gone(9);
    talk(&mut one, &mut other);
    stands_nowhere(&one, "removed");
}

#[test]
fn what_a_step_left_before_a_crash_keeps_no_looker_on_out_of_step() {
    let mut world = World::new(2, true, false, false, Chance::new(1), true);
    world.hives[1].may_change(false);
    let file = world.hives[0].disk.put(ROOT, "a", thing("one", 1));
    world.look(0);
    world.tell_all(0, 1);
    // Written, and never noted.
    world.hives[1].disk.put(ROOT, "a", thing("one", 1));
    world.hives[0].disk.change(file, thing("two", 2));
    let folder = world.hives[0].disk.put(ROOT, "f", Thing::Folder(BTreeMap::new()));
    world.hives[0].disk.rename((ROOT, "a"), (folder, "b"));
    world.hives[0].disk.rename((ROOT, "f"), (ROOT, "a"));
    world.look(0);
    world.settle().unwrap();
    world.judge().unwrap();
}

#[test]
fn a_looker_on_knows_an_earlier_content_again() {
    let mut world = World::new(2, true, false, false, Chance::new(1), true);
    world.hives[1].may_change(false);
    let file = world.hives[0].disk.put(ROOT, "a", thing("one", 1));
    world.settle().unwrap();
    let copy = world.hives[1].disk.find(ROOT, "a").unwrap();
    world.hives[0].disk.change(file, thing("two", 2));
    world.look(0);
    world.hives[1].disk.change(copy, thing("two", 2));
    world.hives[0].disk.change(file, thing("three", 3));
    world.settle().unwrap();
    world.judge().unwrap();
}

#[test]
fn what_a_former_editor_wrote_late_counts_where_an_editor_took_it_in() {
    let (mut ada, mut bo) = (Teller::new(1), Teller::new(2));
    let (mut cy, mut dan) = (Teller::new(3), Teller::new(4));
    dan.memory.set_may_change(false);
    bo.sees(1, "a", "early");
    ada.hears_all(&bo.tells());
    let early = ada.tells();
    let limit = early.iter().flat_map(Node::signers).map(|tick| tick.count).max().unwrap();
    let may = |tick: Tick| tick.hive != HiveId::from_bytes([2; 32]) || tick.count <= limit;
    bo.sees(2, "b", "late, to an editor");
    cy.hears_all(&bo.tells());
    bo.sees(3, "c", "later, to a looker-on");
    dan.hears_all(&bo.tells());
    let late = bo.tells();
    assert!(late.iter().any(|node| !tree::counts(node, &may)));

    let look = |teller: &mut Teller| -> Vec<Kept> {
        let ids: Vec<FileId> = teller.memory.nodes().keys().copied().collect();
        let kept = ids
            .into_iter()
            .map(|id| ok(tree::look_through(&mut teller.memory, &teller.seal, id, &may)));
        kept.collect()
    };
    assert_eq!(look(&mut ada), [Kept::Whole]);
    assert_eq!(look(&mut cy), [Kept::Whole, Kept::TakenOver]);
    assert_eq!(look(&mut dan), [Kept::Whole, Kept::Forgotten, Kept::Forgotten]);
    // Whoever is told again, and by whom, they come to the same.
    for _ in 0..2 {
        let told: Vec<Node> = [&ada, &bo, &cy, &dan].iter().flat_map(|one| one.tells()).collect();
        let told: Vec<Node> = told.into_iter().filter(|node| tree::counts(node, &may)).collect();
        for teller in [&mut ada, &mut cy, &mut dan] {
            teller.hears_all(&told);
        }
    }
    assert_eq!(ada.contents().len(), 2, "{:?}", ada.contents());
    assert_eq!(ada.memory.nodes(), cy.memory.nodes());
    assert_eq!(ada.memory.nodes(), dan.memory.nodes());
}
