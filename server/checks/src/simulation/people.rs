//! What people do to the folder on their disk, with any program, and in the pages of their hive.

use std::collections::BTreeMap;
use std::sync::Arc;

use tree::{Keep, Ledger, Node, What, standing};
use types::{FileId, Hash, Name};

use super::chance::Chance;
use super::disk::{Disk, Ino, ROOT, Thing};
use super::hive::{Hive, kind};
use super::tale::Tale;

pub(super) const NAMES: [&str; 7] = ["a", "b", "c", "A", "d.txt", "e.txt", "D.txt"];

/// One thing that a person does.
pub(super) fn act(hive: &mut Hive, chance: &mut Chance, tale: &mut Tale, on_disk_only: bool) {
    let number = hive.number;
    let disk = &mut hive.disk;
    let folders = disk.folders();
    let folder = chance.pick(&folders).copied().unwrap_or(ROOT);
    let name = chance.pick(&NAMES).copied().unwrap_or("a");
    let (at, named, ino) = any(disk, chance).unwrap_or((ROOT, String::new(), ROOT));
    let kind = chance.below(if on_disk_only { 17 } else { 20 });
    tale.tell(|| format!("person {number} does {kind}: {folder}/{name}, {at}/{named} ({ino})"));
    match kind {
        0..=2 => new_file(disk, folder, name, chance),
        3 => new(disk, folder, name, Thing::Folder(BTreeMap::new())),
        4..=6 => edit(disk, ino, chance),
        7 => save_anew(disk, (at, &named), ino, chance),
        8 | 9 => move_to(disk, (at, &named), (at, name), ino),
        10 | 11 => move_to(disk, (at, &named), (folder, name), ino),
        12 | 13 if ino != ROOT => disk.remove(at, &named),
        14 => swap(disk, (at, &named), chance),
        15 => {
            let target = NAMES[chance.below(NAMES.len())].to_owned();
            new(disk, folder, name, Thing::Link(target));
        }
        16 => touch(disk, ino, chance),
        17 | 18 => restore(hive, chance, tale),
        19 => choose(hive, chance, tale),
        _ => {}
    }
}

/// Anything on the disk but its root: the folder that holds it, its name, itself.
fn any(disk: &Disk, chance: &mut Chance) -> Option<(Ino, String, Ino)> {
    let all: Vec<_> = disk
        .folders()
        .into_iter()
        .flat_map(|folder| {
            disk.entries(folder).into_iter().map(move |(name, ino)| (folder, name, ino))
        })
        .collect();
    chance.pick(&all).cloned()
}

fn new_file(disk: &mut Disk, folder: Ino, name: &str, chance: &mut Chance) {
    // Now and then two people make the same.
    let bytes = match chance.below(8) {
        0 => Arc::from(b"the same\n".as_slice()),
        1 => Arc::from([].as_slice()),
        2..=4 => opaque(chance),
        _ => text(&[line(chance), line(chance), line(chance)]),
    };
    let modified_ns = stamp(chance);
    new(disk, folder, name, Thing::File { bytes, modified_ns, executable: false });
}

fn new(disk: &mut Disk, folder: Ino, name: &str, thing: Thing) {
    if disk.find(folder, name).is_none() {
        disk.put(folder, name, thing);
    }
}

fn edit(disk: &mut Disk, ino: Ino, chance: &mut Chance) {
    if let Some(Thing::File { bytes, executable, .. }) = disk.thing(ino).cloned() {
        let bytes = edited(&bytes, chance);
        disk.change(ino, Thing::File { bytes, modified_ns: stamp(chance), executable });
    }
}

/// As editors do: the new content goes into a new file that takes the old one's name.
fn save_anew(disk: &mut Disk, (at, name): (Ino, &str), ino: Ino, chance: &mut Chance) {
    if let Some(Thing::File { bytes, executable, .. }) = disk.thing(ino).cloned() {
        let bytes = edited(&bytes, chance);
        disk.put(at, name, Thing::File { bytes, modified_ns: stamp(chance), executable });
    }
}

fn touch(disk: &mut Disk, ino: Ino, chance: &mut Chance) {
    if let Some(Thing::File { bytes, executable, .. }) = disk.thing(ino).cloned() {
        let executable = executable != chance.once_in(2);
        disk.change(ino, Thing::File { bytes, modified_ns: stamp(chance), executable });
    }
}

fn move_to(disk: &mut Disk, from: (Ino, &str), to: (Ino, &str), ino: Ino) {
    if ino != ROOT && disk.find(to.0, to.1).is_none() && !disk.is_within(to.0, ino) {
        disk.rename(from, to);
    }
}

fn swap(disk: &mut Disk, (at, name): (Ino, &str), chance: &mut Chance) {
    let others = disk.entries(at);
    if let Some((other, _)) = chance.pick(&others)
        && other != name
        && disk.find(at, name).is_some()
    {
        disk.rename((at, name), (at, "between"));
        disk.rename((at, other), (at, name));
        disk.rename((at, "between"), (at, other));
    }
}

fn restore(hive: &mut Hive, chance: &mut Chance, tale: &mut Tale) {
    // What was merged into another one is in no trash.
    let merged = |node: &Node| {
        node.gone.iter().any(|gone| gone.merged_into.is_some_and(|into| into < node.id))
    };
    let known = hive.memory.nodes().values().filter(|node| !merged(node));
    let gone: Vec<(FileId, What)> = known
        .flat_map(|node| node.versions.iter().map(|version| (node.id, version.what.clone())))
        .filter(|(_, what)| what.hash().is_none_or(|hash| hive.history.contains_key(&hash)))
        .collect();
    let Some((id, what)) = chance.pick(&gone).cloned() else { return };
    let Ok(node) = hive.memory.node(id);
    if let Some(standing) = node.as_ref().and_then(standing) {
        if kind(&standing.version.what) != kind(&what) {
            return;
        }
        standing.version.what.hash().into_iter().for_each(|hash| tale.chosen_against(hash));
    }
    what.hash().into_iter().for_each(|hash| tale.is_common(hash));
    tale.tell(|| format!("restores {id:?} {what:?}"));
    let Ok(_) = tree::restore(&mut hive.memory, &hive.signer, id, what);
}

fn choose(hive: &mut Hive, chance: &mut Chance, tale: &mut Tale) {
    let nodes: Vec<_> = hive
        .memory
        .nodes()
        .values()
        .filter(|node| standing(node).is_some_and(|standing| !standing.others.is_empty()))
        .cloned()
        .collect();
    let Some(node) = chance.pick(&nodes) else { return };
    let Some(standing) = standing(node) else { return };
    let Some(other) = chance.pick(&standing.others) else { return };
    let (one, two) = (standing.version.what.hash(), other.what.hash());
    let both = [one, two].into_iter().flatten().collect::<Vec<Hash>>();
    let keep = match chance.below(4) {
        0 => Keep::First,
        1 => Keep::Second,
        2 => {
            let name = Name::new(NAMES[chance.below(NAMES.len())]);
            let Ok(name) = name else { return };
            Keep::Both { name, new: FileId::from_bytes(chance.bytes()) }
        }
        _ => {
            let bytes = text(&[line(chance), line(chance)]);
            let hash = Hash::of(&bytes);
            let size = bytes.len() as u64;
            hive.history.insert(hash, bytes);
            tale.grew(hash, &both);
            let attributes = Vec::new();
            Keep::Text(What::File { hash, size, modified_ns: 1, executable: false, attributes })
        }
    };
    tale.tell(|| format!("chooses {keep:?} of {:?}", node.id));
    for hash in &both {
        tale.is_common(*hash);
    }
    match keep {
        Keep::First => both.get(1).into_iter().for_each(|hash| tale.chosen_against(*hash)),
        Keep::Second => both.first().into_iter().for_each(|hash| tale.chosen_against(*hash)),
        _ => {}
    }
    let sides = (&standing.version.vector, &other.vector);
    let Ok(_) = tree::resolve(&mut hive.memory, &hive.signer, node.id, sides, keep);
    debug_assert!(hive.memory.node(node.id).is_ok());
}

fn edited(bytes: &[u8], chance: &mut Chance) -> Arc<[u8]> {
    let lines = std::str::from_utf8(bytes).ok().filter(|text| text.ends_with('\n'));
    let Some(lines) = lines else { return opaque(chance) };
    let mut lines: Vec<String> = lines.lines().map(|line| format!("{line}\n")).collect();
    let at = chance.below(lines.len());
    match chance.below(3) {
        0 => lines.insert(at, line(chance)),
        1 if lines.len() < 12 => lines.push(line(chance)),
        _ => lines[at] = line(chance),
    }
    text(&lines)
}

fn line(chance: &mut Chance) -> String {
    format!("{:016x}\n", chance.next())
}

fn text(lines: &[String]) -> Arc<[u8]> {
    Arc::from(lines.concat().into_bytes())
}

fn opaque(chance: &mut Chance) -> Arc<[u8]> {
    Arc::from([[0, 1, 2, 3].as_slice(), &chance.bytes()].concat())
}

const fn stamp(chance: &mut Chance) -> i64 {
    (chance.next() >> 8).cast_signed()
}
