//! The pure rules: what differs between two trees, the order of names, the kinds of files.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use types::Name;

use super::*;
use crate::entry::{Diff, Known, Seen, Stat, diff, sort_key};

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

#[test]
fn names_are_ordered_as_people_expect() {
    let ordered = [
        "", "1", "2", "10", "A", "a", "a 1", "a1", "a2", "a10", "a10b", "B", "file", "file2",
        "file10", "file010x", "z",
    ];
    for (one, two) in ordered.iter().zip(&ordered[1..]) {
        assert!(sort_key(one) < sort_key(two), "{one:?} before {two:?}");
    }
    assert_ne!(sort_key("a01"), sort_key("a1"));
    assert_ne!(sort_key("A"), sort_key("a"));
}

#[test]
fn kinds_are_told_by_name() {
    for (text, wanted) in [
        ("main.rs", Type::Text),
        ("Makefile", Type::Text),
        ("README", Type::Text),
        (".gitignore", Type::Text),
        ("Dockerfile", Type::Text),
        ("app.ts", Type::Text),
        ("Dockerfile.dev", Type::Text),
        ("LICENSE", Type::Text),
        ("notes.TXT", Type::Text),
        ("a.svg", Type::Image),
        ("a.JPG", Type::Image),
        ("a.mp3", Type::Audio),
        ("a.mp4", Type::Video),
        ("a.pdf", Type::Pdf),
        ("a.zip", Type::Other),
        ("unknown", Type::Other),
        ("a.unknown", Type::Other),
        (".env.local", Type::Text),
    ] {
        assert_eq!(type_of_name(&name(text)), wanted, "{text}");
    }
    assert_eq!(mime_of(&name("app.ts")), "text/plain; charset=utf-8");
    assert_eq!(mime_of(&name("a.json")), "application/json; charset=utf-8");
    assert_eq!(mime_of(&name("a.png")), "image/png");
    assert_eq!(mime_of(&name("unknown")), "application/octet-stream");
    assert!(looks_like_text("Grüße\n".as_bytes()) && looks_like_text(b""));
    assert!(!looks_like_text(b"\x89PNG\r\n") && !looks_like_text(b"a\0b"));
    let mut cut = "x".repeat(8_191);
    cut.push('ü');
    assert!(looks_like_text(cut.as_bytes()));
}

/// What the comparison does not look at.
const NEW: Stat = Stat {
    kind: EntryKind::File,
    size: 0,
    modified_ns: 0,
    inode: 0,
    born_ns: None,
    changed_ns: 0,
    names: 1,
};

/// A tree: paths with what stands there. Inodes are drawn from few, so that they are used again.
fn tree() -> impl Strategy<Value = BTreeMap<String, Stat>> {
    let stat = (0..12_u64, 0..4_i64, 0..3_u64, 0..10_u8).prop_map(|(inode, time, size, kind)| {
        let kind = match kind {
            0..=6 => EntryKind::File,
            7..=8 => EntryKind::Folder,
            _ => EntryKind::Link,
        };
        Stat { kind, size, modified_ns: time, inode, born_ns: (time > 1).then_some(time), ..NEW }
    });
    prop::collection::btree_map("[a-f]{1,2}", stat, 0..12)
}

fn known_of(tree: &BTreeMap<String, Stat>) -> Vec<Known> {
    let mut number = 0;
    let known = tree.iter().map(|(path, stat)| {
        number += 1;
        Known { id: FileId::from_bytes([number; 16]), path: rel(path), stat: *stat }
    });
    known.collect()
}

fn seen_of(tree: &BTreeMap<String, Stat>) -> Vec<Seen> {
    tree.iter().map(|(path, stat)| Seen { path: rel(path), stat: *stat }).collect()
}

/// What the rows are after a diff; new things have no id yet.
fn apply(known: &[Known], diff: &Diff) -> BTreeMap<String, (Stat, Option<FileId>)> {
    let mut rows: HashMap<RelPath, (Stat, Option<FileId>)> =
        known.iter().map(|known| (known.path.clone(), (known.stat, Some(known.id)))).collect();
    for known in &diff.missing {
        rows.remove(&known.path).expect("missing things were known");
    }
    for (known, _) in &diff.moved {
        rows.remove(&known.path).expect("moved things were known");
    }
    for (known, seen) in &diff.moved {
        let before = rows.insert(seen.path.clone(), (seen.stat, Some(known.id)));
        assert!(before.is_none(), "a move never covers anything");
    }
    for (known, seen) in &diff.changed {
        assert_eq!(known.path, seen.path);
        rows.insert(seen.path.clone(), (seen.stat, Some(known.id)));
    }
    for seen in diff.replaced.iter().map(|(_, seen)| seen).chain(&diff.added) {
        rows.insert(seen.path.clone(), (seen.stat, None));
    }
    rows.into_iter().map(|(path, row)| (path.to_string(), row)).collect()
}

proptest! {
    #[test]
    fn applying_the_difference_gives_what_was_seen(before in tree(), after in tree()) {
        let known = known_of(&before);
        let found = diff(known.clone(), seen_of(&after), Vec::new());
        let rows = apply(&known, &found);
        prop_assert_eq!(rows.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        let mut ids = std::collections::HashSet::new();
        for (path, (stat, id)) in &rows {
            let wanted = &after[path];
            // A folder's own size and time are not compared.
            prop_assert_eq!((stat.kind, stat.inode), (wanted.kind, wanted.inode));
            if stat.kind != EntryKind::Folder {
                prop_assert_eq!(stat, wanted);
            }
            prop_assert!(id.is_none_or(|id| ids.insert(id)), "one id twice");
            let old = known.iter().find(|known| known.path.as_str() == path);
            if let Some(old) = old
                && (old.stat.kind == EntryKind::Folder) == (wanted.kind == EntryKind::Folder)
            {
                prop_assert_eq!(*id, Some(old.id), "a path keeps its id");
            }
        }
    }

    #[test]
    fn the_same_tree_differs_in_nothing(tree in tree()) {
        let found = diff(known_of(&tree), seen_of(&tree), Vec::new());
        prop_assert_eq!(found, Diff::default());
    }

    #[test]
    fn a_renamed_thing_keeps_its_id(tree in tree(), to in "[x-z]{1,3}") {
        let mut tree = tree;
        let mut next = 100;
        for stat in tree.values_mut() {
            next += 1;
            stat.inode = next;
        }
        let known = known_of(&tree);
        if let Some((path, stat)) = tree.pop_first() {
            tree.insert(to.clone(), stat);
            let found = diff(known.clone(), seen_of(&tree), Vec::new());
            prop_assert!(found.missing.is_empty() && found.added.is_empty());
            prop_assert_eq!(found.moved.len(), 1);
            prop_assert_eq!(found.moved[0].0.path.as_str(), path);
            prop_assert_eq!(found.moved[0].1.path.as_str(), to);
        }
    }

    #[test]
    fn different_names_have_different_keys(one in "\\PC{1,8}", two in "\\PC{1,8}") {
        prop_assert_eq!(one == two, sort_key(&one) == sort_key(&two));
    }
}
