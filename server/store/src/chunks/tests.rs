//! What is kept comes back byte for byte, or not at all; a crash at any point harms nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use types::{Hash, Time};

use crate::{Error, Folder, Kept, Store, drop_content, has_content, place_content};

fn open(path: &Path) -> Store {
    let chance = Box::new(StdRng::seed_from_u64(1));
    let folder = Folder::open(path).expect("a folder");
    Store::open(folder, Arc::new(|| Time(1_000)), chance).expect("it opens").0
}

/// Bytes that do not shrink.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

fn keep(store: &Store, bytes: &[u8]) -> Hash {
    let told = store.keep_content(bytes, u64::MAX).expect("it is read");
    assert!(told.kept);
    assert_eq!((told.hash, told.size), (Hash::of(bytes), bytes.len() as u64));
    assert!(place(store, told.hash));
    told.hash
}

fn place(store: &Store, hash: Hash) -> bool {
    store.write_blocking(move |tx| place_content(tx, hash)).expect("it is written")
}

fn is_kept(store: &Store, hash: Hash) -> bool {
    store.read_blocking(|view| has_content(view, hash)).expect("it reads")
}

fn read(kept: &Kept) -> Result<Vec<u8>, crate::Unreadable> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 10_007];
    loop {
        match kept.read_at(all.len() as u64, &mut buffer)? {
            0 => return Ok(all),
            read => all.extend_from_slice(&buffer[..read]),
        }
    }
}

fn read_back(store: &Store, hash: Hash) -> Vec<u8> {
    read(&store.open_content(hash).expect("it opens").expect("it is kept")).expect("it reads")
}

fn packs(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home.join("chunks")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Which boundaries a content has is part of what hives agree on.
#[test]
fn contents_are_cut_where_they_always_were() {
    let lengths = |bytes: &[u8]| {
        let measured = crate::measure(bytes).expect("it reads");
        assert_eq!(measured.hash, Hash::of(bytes));
        let cuts = measured.outline.expect("it is short");
        cuts.iter().map(|cut| cut.size as usize).collect()
    };
    let counted =
        |length: u32| (0..length).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
    let all: Vec<u8> = counted(150_000).collect();
    let none: Vec<usize> = lengths(b"");
    assert!(none.is_empty());
    assert_eq!(lengths(&all[..65_535]), [65_535]);
    let cut: Vec<usize> = lengths(&all);
    assert_eq!(cut, PINNED);
    assert_eq!(lengths(&vec![0; 600_000]), [262_144, 262_144, 75_712]);
}

const PINNED: [usize; 7] = [26_323, 98_879, 85_666, 82_841, 82_086, 111_471, 112_734];

#[test]
fn contents_of_every_size_come_back() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(home.path());
    let sizes = [0, 1, 5_000, 16_384, 65_535, 65_536, 65_537, 300_000, 2_000_000];
    let mut kept = Vec::new();
    for (seed, size) in (0..).zip(sizes) {
        let text = vec![b'a'; size];
        kept.push((keep(&store, &text), text));
        let bytes = noise(seed, size);
        kept.push((keep(&store, &bytes), bytes));
    }
    for (hash, bytes) in &kept {
        assert!(read_back(&store, *hash) == *bytes, "{} bytes", bytes.len());
    }
    store.sweep_chunks().expect("swept");
    drop(store);
    let store = open(home.path());
    for (hash, bytes) in &kept {
        assert!(read_back(&store, *hash) == *bytes, "{} bytes after a restart", bytes.len());
    }
}

#[test]
fn what_is_too_large_is_hashed_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(home.path());
    let bytes = noise(1, 200_000);
    let told = store.keep_content(&bytes[..], 199_999).expect("it is read");
    assert_eq!((told.hash, told.size, told.kept), (Hash::of(&bytes), 200_000, false));
    assert!(!place(&store, told.hash));
}

#[test]
fn an_insertion_costs_a_chunk_or_two() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(home.path());
    let bytes = noise(1, 4_000_000);
    keep(&store, &bytes);
    let before = store.chunks().stored();
    let mut other = b"x".to_vec();
    other.extend_from_slice(&bytes);
    keep(&store, &other);
    let grown = store.chunks().stored() - before;
    assert!(grown < 600_000, "{grown} bytes for one");
}

#[test]
fn a_crash_before_the_row_leaves_no_harm() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(home.path());
    let (first, lost) = (noise(1, 500_000), noise(2, 500_000));
    let first = (keep(&store, &first), first);
    store.keep_content(&lost[..], u64::MAX).expect("it is read");
    drop(store);
    // The end of the pack is torn as well.
    let pack = packs(home.path()).pop().expect("a pack");
    let length = fs::metadata(&pack).expect("it is there").len();
    let file = fs::OpenOptions::new().write(true).open(&pack).expect("it opens");
    file.set_len(length - 1_000).expect("torn");

    let store = open(home.path());
    assert!(!is_kept(&store, Hash::of(&lost)));
    assert!(!place(&store, Hash::of(&lost)));
    assert!(read_back(&store, first.0) == first.1);
    let again = keep(&store, &lost);
    assert!(read_back(&store, again) == lost);
    assert!(read_back(&store, first.0) == first.1);
}

#[test]
fn a_change_that_fails_takes_its_content_along() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(home.path());
    let bytes = noise(1, 100_000);
    let hash = store.keep_content(&bytes[..], u64::MAX).expect("it is read").hash;
    let failed: Result<(), Error> = store.write_blocking(move |tx| {
        assert!(place_content(tx, hash)?);
        Err(Error::Full)
    });
    assert!(failed.is_err() && !is_kept(&store, hash));
    assert_eq!(keep(&store, &bytes), hash);
    assert!(read_back(&store, hash) == bytes);
}

#[test]
fn what_the_disk_spoiled_is_never_given_out() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(home.path());
    let bytes = noise(1, 100_000);
    let hash = keep(&store, &bytes);
    drop(store);
    let pack = packs(home.path()).pop().expect("a pack");
    let mut spoiled = fs::read(&pack).expect("it reads");
    let middle = spoiled.len() / 2;
    spoiled[middle] ^= 1;
    fs::write(&pack, spoiled).expect("spoiled");

    let store = open(home.path());
    let kept = store.open_content(hash).expect("it opens").expect("it is known");
    let Err(crate::Unreadable::Damaged(chunk)) = read(&kept) else { panic!("it was given out") };
    // Once it is known to be spoiled, the same bytes are kept anew.
    store
        .write_blocking(move |tx| {
            crate::forget_chunk(tx, chunk)?;
            drop_content(tx, hash)
        })
        .expect("forgotten");
    assert_eq!(keep(&store, &bytes), hash);
    assert!(read_back(&store, hash) == bytes);
}

#[test]
fn sweeping_frees_what_nobody_wants_and_nothing_else() {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(home.path());
    let contents: Vec<Vec<u8>> = (0..9).map(|seed| noise(seed, 8_000_000)).collect();
    let hashes: Vec<Hash> = contents.iter().map(|bytes| keep(&store, bytes)).collect();
    let small: Vec<Hash> = (100..400).map(|seed| keep(&store, &noise(seed, 1_000))).collect();
    let full = store.chunks().stored();
    let dropped: Vec<Hash> = hashes[..5].to_vec();
    let drops = dropped.clone();
    store
        .write_blocking(move |tx| drops.iter().try_for_each(|hash| drop_content(tx, *hash)))
        .expect("dropped");
    store.sweep_chunks().expect("swept");
    assert!(store.chunks().stored() < full * 3 / 4, "{} of {full}", store.chunks().stored());
    let on_disk: u64 =
        packs(home.path()).iter().map(|pack| fs::metadata(pack).expect("it is there").len()).sum();
    assert_eq!(store.chunks().stored(), on_disk);
    assert!(dropped.iter().all(|hash| !is_kept(&store, *hash)));
    for (hash, bytes) in hashes.iter().zip(&contents).skip(5) {
        assert!(read_back(&store, *hash) == *bytes);
    }
    for (hash, seed) in small.iter().zip(100..) {
        assert!(read_back(&store, *hash) == noise(seed, 1_000));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Contents that share parts are kept and dropped in any order: what is not dropped reads.
    #[test]
    fn shared_chunks_live_as_long_as_somebody_wants_them(
        acts in proptest::collection::vec((0..6_u64, any::<bool>(), any::<bool>()), 1..24)
    ) {
        let home = tempfile::tempdir().expect("a folder");
        let store = open(home.path());
        let shared = noise(77, 150_000);
        let content = |number: u64| {
            let mut bytes = shared.clone();
            bytes.extend_from_slice(&noise(number, 90_000));
            bytes
        };
        let mut alive = std::collections::BTreeSet::new();
        for (number, kept, sweep) in acts {
            let hash = Hash::of(&content(number));
            if kept {
                keep(&store, &content(number));
                alive.insert(number);
            } else {
                store.write_blocking(move |tx| drop_content(tx, hash)).expect("dropped");
                alive.remove(&number);
            }
            if sweep {
                store.sweep_chunks().expect("swept");
            }
            for number in 0..6 {
                let hash = Hash::of(&content(number));
                prop_assert_eq!(is_kept(&store, hash), alive.contains(&number));
                if alive.contains(&number) {
                    prop_assert!(read_back(&store, hash) == content(number));
                }
            }
        }
    }
}

/// Gives odd pieces.
struct Slow<'a>(&'a [u8]);

impl std::io::Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(70_001);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn of_what_is_large_and_not_kept_the_outline_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let bytes = noise(5, 5_000_000);
    let told = store.keep_content(&bytes[..], 1_000_000).expect("it is read");
    assert!(!told.kept && !place(&store, told.hash));
    drop(store);
    let store = open(folder.path());
    let read = store.outline(told.hash).expect("it reads").expect("it is known");
    assert_eq!(read.iter().map(|cut| u64::from(cut.size)).sum::<u64>(), told.size);
    let measured = crate::measure(Slow(&bytes)).expect("it reads");
    assert_eq!(measured.outline.expect("it is short"), read, "both ways to cut are one");
    assert_eq!(keep(&store, &bytes), told.hash);
    assert_eq!(store.outline(told.hash).expect("it reads").expect("it is known"), read);
    store.write_blocking(move |tx| drop_content(tx, told.hash)).expect("it is dropped");
    assert_eq!(store.outline(told.hash).expect("it reads").expect("it is known"), read);
    let small = keep(&store, &bytes[..100_000]);
    store.write_blocking(move |tx| drop_content(tx, small)).expect("it is dropped");
    assert_eq!(store.outline(small).expect("it reads"), None);
}
