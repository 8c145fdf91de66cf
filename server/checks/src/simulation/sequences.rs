//! Every short sequence of deeds on two names and two hives: nothing is left to chance.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chance::Chance;
use super::disk::{Disk, ROOT, Thing};
use super::world::World;

const NAMES: [&str; 2] = ["a", "b"];

/// What everybody has at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Nothing,
    OneFile,
    TwoFiles,
    FileAndFolder,
}

/// One thing that happens. The number is the hive, the other one the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Save(usize, usize),
    Remove(usize, usize),
    /// From this name to the other one, whatever had that.
    Rename(usize, usize),
    Swap(usize),
    MakeFolder(usize, usize),
    /// Into the folder of the other name.
    MoveInto(usize, usize),
    Link(usize, usize),
    /// All hives tell each other everything and come to rest.
    Talk,
}

/// All sequences of so many deeds, from every start.
pub fn all_sequences(length: u32) -> impl Iterator<Item = (Start, Vec<Deed>)> {
    let starts = [Start::Nothing, Start::OneFile, Start::TwoFiles, Start::FileAndFolder];
    let deeds = deeds();
    let all = deeds.len().pow(length);
    starts.into_iter().flat_map(move |start| {
        let deeds = deeds.clone();
        (0..all).map(move |mut number| {
            let sequence = (0..length).map(|_| {
                let deed = deeds[number % deeds.len()];
                number /= deeds.len();
                deed
            });
            (start, sequence.collect())
        })
    })
}

/// Plays a sequence on two hives, and judges how it ends. The error says what was wrong; with
/// `told`, everything that happened as well.
pub fn play(start: Start, deeds: &[Deed], told: bool) -> Result<(), String> {
    let mut world = World::new(2, true, false, false, Chance::new(5), told);
    prepare(&mut world, start)
        .and_then(|()| deeds.iter().try_for_each(|deed| act(&mut world, *deed)))
        .and_then(|()| world.settle())
        .and_then(|()| world.judge())
        .map_err(|error| format!("{start:?} {deeds:?}: {error}\n{}", world.tale.lines()))
}

fn deeds() -> Vec<Deed> {
    let mut deeds = vec![Deed::Talk];
    for hive in 0..2 {
        deeds.push(Deed::Swap(hive));
        for name in 0..NAMES.len() {
            deeds.extend([
                Deed::Save(hive, name),
                Deed::Remove(hive, name),
                Deed::Rename(hive, name),
                Deed::MakeFolder(hive, name),
                Deed::MoveInto(hive, name),
                Deed::Link(hive, name),
            ]);
        }
    }
    deeds
}

fn prepare(world: &mut World, start: Start) -> Result<(), String> {
    let World { hives, chance, .. } = world;
    let disk = &mut hives[0].disk;
    if start != Start::Nothing {
        save(disk, "a", chance);
    }
    match start {
        Start::TwoFiles => save(disk, "b", chance),
        Start::FileAndFolder => {
            let folder = disk.put(ROOT, "b", Thing::Folder(BTreeMap::new()));
            disk.put(folder, "a", content(chance));
        }
        Start::Nothing | Start::OneFile => {}
    }
    world.settle()
}

fn act(world: &mut World, deed: Deed) -> Result<(), String> {
    let World { hives, chance, tale, .. } = world;
    let hive = match deed {
        Deed::Talk => return world.settle(),
        Deed::Swap(hive)
        | Deed::Save(hive, _)
        | Deed::Remove(hive, _)
        | Deed::Rename(hive, _)
        | Deed::MakeFolder(hive, _)
        | Deed::MoveInto(hive, _)
        | Deed::Link(hive, _) => &mut hives[hive],
    };
    let disk = &mut hive.disk;
    let free = |disk: &Disk, name: usize| disk.find(ROOT, NAMES[name]).is_none();
    match deed {
        Deed::Save(_, name) => save(disk, NAMES[name], chance),
        Deed::Remove(_, name) => disk.remove(ROOT, NAMES[name]),
        Deed::Rename(_, name) => disk.rename((ROOT, NAMES[name]), (ROOT, NAMES[1 - name])),
        Deed::Swap(_) => {
            disk.rename((ROOT, "a"), (ROOT, "c"));
            disk.rename((ROOT, "b"), (ROOT, "a"));
            disk.rename((ROOT, "c"), (ROOT, "b"));
        }
        Deed::MakeFolder(_, name) if free(disk, name) => {
            disk.put(ROOT, NAMES[name], Thing::Folder(BTreeMap::new()));
        }
        Deed::MoveInto(_, name) => {
            let folder = disk.find(ROOT, NAMES[1 - name]);
            if let Some(folder) = folder.filter(|ino| disk.folders().contains(ino)) {
                disk.rename((ROOT, NAMES[name]), (folder, NAMES[name]));
            }
        }
        Deed::Link(_, name) if free(disk, name) => {
            disk.put(ROOT, NAMES[name], Thing::Link("elsewhere".to_owned()));
        }
        _ => {}
    }
    hive.look(chance, tale);
    Ok(())
}

fn save(disk: &mut Disk, name: &str, chance: &mut Chance) {
    let is_file = |ino: &u64| matches!(disk.thing(*ino), Some(Thing::File { .. }));
    match disk.find(ROOT, name) {
        None => {
            disk.put(ROOT, name, content(chance));
        }
        Some(ino) if is_file(&ino) => disk.change(ino, content(chance)),
        Some(_) => {}
    }
}

fn content(chance: &mut Chance) -> Thing {
    let bytes: Arc<[u8]> = Arc::from(format!("{:016x}\n", chance.next()).into_bytes());
    Thing::File { bytes, modified_ns: (chance.next() >> 8).cast_signed(), executable: false }
}
