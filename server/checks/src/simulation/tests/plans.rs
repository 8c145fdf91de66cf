//! The planner by properties: whatever people did on three hives, a plan touches nothing that is
//! not known, ends, and comes to the same for all.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tree::Held;
use types::Vector;

use super::*;

const HIVES: usize = 3;
const NAMES: [&str; 3] = ["a", "b", "c"];
const STEPS_MAX: usize = 2_000;

/// One thing that happens; the numbers choose among what there is.
type Deed = (u8, u8, u8, u8);

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    proptest::collection::vec((0..HIVES as u8, 0..8u8, any::<u8>(), any::<u8>()), 1..40)
}

fn chosen<T: Clone>(among: &[T], number: u8) -> Option<T> {
    (!among.is_empty()).then(|| among[usize::from(number) % among.len()].clone())
}

fn all_held(teller: &Teller) -> Vec<(FileId, Held)> {
    teller.memory.all_held().iter().map(|(id, held)| (*id, held.clone())).collect()
}

/// What stands on the disk, by path.
fn image(teller: &Teller) -> BTreeMap<String, What> {
    let held = teller.memory.all_held();
    let root = root_of(teller.memory.share());
    let path = |held_at: &Held| {
        let (mut path, mut at) = (held_at.name.to_string(), held_at.parent);
        while at != root {
            let folder = held.get(&at).expect("what is held stands in a held folder");
            path = format!("{}/{path}", folder.name);
            at = folder.parent;
        }
        path
    };
    held.values().map(|held| (path(held), held.what.clone())).collect()
}

/// Takes one step, if it asks for nothing that a disk could not do or that would lose something.
fn take(teller: &mut Teller, id: FileId, step: &Step) {
    let memory = &teller.memory;
    let root = root_of(memory.share());
    let stands = |folder: FileId| folder == root || ok(memory.held(folder)).is_some();
    let free = |folder: FileId, name: &Name| ok(memory.held_at(folder, name)).is_empty();
    let known = |id: FileId, held: &Held| {
        let node = ok(memory.node(id)).expect("what is held is known");
        let vectors = node.versions.iter().map(|version| &version.vector);
        let vectors = vectors.chain(node.gone.iter().map(|gone| &gone.seen));
        let all = vectors.fold(Vector::new(), |all, vector| all.join(vector));
        assert!(all.has_seen(&held.vector), "{step:?} takes what was never told: {node:?}");
    };
    match step {
        Step::MakeFolder { parent, name, .. } => assert!(stands(*parent) && free(*parent, name)),
        Step::Write { parent, name, instead_of, .. } => {
            assert!(stands(*parent));
            match instead_of {
                None => assert!(free(*parent, name)),
                Some(held) => {
                    assert_eq!(ok(memory.held(id)).as_ref(), Some(held));
                    known(id, held);
                }
            }
        }
        Step::Move { to, .. } => assert!(stands(to.0) && free(to.0, &to.1)),
        Step::StepAside { from, name } => assert!(free(from.0, name)),
        Step::Remove { held } => {
            assert!(ok(memory.held_in(id)).is_empty(), "a folder that holds something");
            known(id, held);
        }
        Step::Merge { first, second, .. } => {
            return ok(tree::stay_apart(&mut teller.memory, id, *first, *second));
        }
        Step::Nothing | Step::After(_) | Step::Become { .. } => {}
    }
    ok(tree::did(&mut teller.memory, id, step));
}

/// Brings the disk in step. Answers how many steps that took.
fn work(teller: &mut Teller, backwards: bool) -> usize {
    for steps in 0..STEPS_MAX {
        let mut pending = teller.memory.pending();
        if backwards {
            pending.reverse();
        }
        let next = pending.into_iter().find_map(|id| {
            let (id, step) = ok(tree::first_step(&teller.memory, id, &|_| true));
            (!matches!(step, Step::Nothing | Step::After(_))).then_some((id, step))
        });
        let Some((id, step)) = next else { return steps };
        take(teller, id, &step);
    }
    panic!("the plan does not end");
}

/// A person does something to what stands on the disk.
fn act(teller: &mut Teller, number: usize, (_, kind, one, two): Deed) {
    let root = root_of(teller.memory.share());
    let held = all_held(teller);
    let is_folder = |(_, held): &&(FileId, Held)| held.what.is_folder();
    let folders = held.iter().filter(is_folder).map(|(id, _)| *id).chain([root]);
    let folders: Vec<FileId> = folders.collect();
    let (Some(parent), Some(name)) = (chosen(&folders, one), chosen(&NAMES, two)) else { return };
    let name = Name::new(name).unwrap();
    let free = ok(teller.memory.held_at(parent, &name)).is_empty();
    let thing = chosen(&held, two);
    let content = what(&format!("{number}"));
    let new = FileId::from_bytes([u8::try_from(number + 1).unwrap(); 16]);
    let stands = |id, parent, name, what| Seen::Stands { id, parent, name, what, by: None };
    let seen = match (kind, thing) {
        (0 | 1, _) if free => stands(new, parent, name, content),
        (2, _) if free => stands(new, parent, name, What::Folder),
        (3, Some((id, held))) if !held.what.is_folder() => {
            stands(id, held.parent, held.name, content)
        }
        (4, Some((id, held))) if free && !is_within(teller, parent, id) => {
            stands(id, parent, name, held.what)
        }
        (5, Some((id, _))) => Seen::Gone { id },
        _ => return,
    };
    ok(tree::observe(&mut teller.memory, &teller.seal, vec![seen]));
}

fn is_within(teller: &Teller, mut at: FileId, folder: FileId) -> bool {
    while at != folder {
        let Some(held) = teller.memory.all_held().get(&at) else { return false };
        at = held.parent;
    }
    true
}

fn play(deeds: &[Deed]) -> Vec<Teller> {
    let mut tellers: Vec<Teller> = (1..=HIVES as u8).map(Teller::new).collect();
    for (number, deed) in deeds.iter().enumerate() {
        let (by, kind, one, _) = *deed;
        let by = usize::from(by);
        match kind {
            6 => {
                let told = tellers[usize::from(one) % HIVES].tells();
                tellers[by].hears_all(&told);
            }
            7 => drop(work(&mut tellers[by], one.is_multiple_of(2))),
            _ => act(&mut tellers[by], number, *deed),
        }
    }
    tellers
}

fn tell_all(tellers: &mut [Teller]) {
    for _ in 0..20 {
        for from in 0..tellers.len() {
            let told = tellers[from].tells();
            for to in (0..tellers.len()).filter(|to| *to != from) {
                tellers[to].hears_all(&told);
            }
        }
        if tellers.iter().all(|one| one.memory.nodes() == tellers[0].memory.nodes()) {
            return;
        }
    }
    panic!("they do not come to rest");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn plans_end_and_come_to_the_same(deeds in deeds()) {
        let mut tellers = play(&deeds);
        tell_all(&mut tellers);
        for (number, teller) in tellers.iter_mut().enumerate() {
            work(teller, number == 1);
            prop_assert_eq!(teller.memory.pending(), Vec::<FileId>::new());
            prop_assert_eq!(work(teller, false), 0, "a plan that is done asks for nothing");
        }
        for teller in &tellers[1..] {
            prop_assert_eq!(image(teller), image(&tellers[0]));
        }
    }

    #[test]
    fn the_order_of_records_makes_no_difference(deeds in deeds(), seed in any::<u64>()) {
        let tellers = play(&deeds);
        let mut told: Vec<Node> = tellers.iter().flat_map(Teller::tells).collect();
        let (mut one, mut other) = (Teller::new(8), Teller::new(9));
        one.hears(&told);
        Chance::new(seed).shuffle(&mut told);
        other.hears(&told);
        prop_assert_eq!(one.memory.nodes(), other.memory.nodes());
        // Before anybody mended: what the disk needs is a question of the records alone.
        for id in one.memory.nodes().keys() {
            let next = |teller: &Teller| ok(tree::next_step(&teller.memory, *id, &|_| true));
            prop_assert_eq!(next(&one), next(&other));
        }
    }
}
