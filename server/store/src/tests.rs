//! A change is durable or absent; a damaged database is put aside and a snapshot restored.

use std::fs;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use types::{ShareId, Time};

use super::*;

fn open(path: &std::path::Path) -> Result<(Store, Opening), Error> {
    let chance = Box::new(StdRng::seed_from_u64(1));
    Store::open(Folder::open(path)?, Arc::new(|| Time(1_000)), chance)
}

fn remember(store: &Store, key: &'static str) -> Result<(), Error> {
    store.write_blocking(move |tx| set_setting(tx, key, Some("yes")))
}

fn recalls(store: &Store, key: &str) -> bool {
    store.read_blocking(|view| setting(view, key)).expect("the store reads").is_some()
}

#[test]
fn a_change_survives_closing_and_a_failed_one_leaves_nothing() {
    let home = tempfile::tempdir().expect("a folder");
    let (store, opening) = open(home.path()).expect("it opens");
    assert_eq!(opening, Opening::New);
    remember(&store, "kept").expect("it is written");
    let failed: Result<(), Error> = store.write_blocking(|tx| {
        set_setting(tx, "lost", Some("yes"))?;
        Err(Error::Full)
    });
    assert!(matches!(failed, Err(Error::Full)));
    store.close();
    assert!(matches!(remember(&store, "late"), Err(Error::Closed)));
    drop(store);

    let (store, opening) = open(home.path()).expect("it opens again");
    assert_eq!(opening, Opening::Sound);
    assert!(recalls(&store, "kept"));
    assert!(!recalls(&store, "lost"));
}

#[test]
fn a_panicking_change_harms_no_other() {
    let home = tempfile::tempdir().expect("a folder");
    let (store, _) = open(home.path()).expect("it opens");
    let panicked: Result<(), Error> = store.write_blocking(|tx| {
        set_setting(tx, "half", Some("yes"))?;
        panic!("on purpose");
    });
    assert!(matches!(panicked, Err(Error::Closed)));
    remember(&store, "after").expect("the writer goes on");
    assert!(!recalls(&store, "half"));
}

#[test]
fn the_journal_keeps_the_newest_change_of_each_key() {
    let home = tempfile::tempdir().expect("a folder");
    let (store, _) = open(home.path()).expect("it opens");
    let mut follow = store.follow();
    remember(&store, "a").expect("written");
    remember(&store, "b").expect("written");
    remember(&store, "a").expect("written");
    assert_eq!(*follow.borrow_and_update(), 3);
    let changes = store.read_blocking(|view| changes_since(view, 0, 10)).expect("it reads");
    let keys: Vec<_> = changes.iter().map(|change| (change.seq, change.key.as_str())).collect();
    assert_eq!(keys, [(2, "b"), (3, "a")]);
}

#[test]
fn a_second_hive_is_kept_out() {
    let home = tempfile::tempdir().expect("a folder");
    let (_store, _) = open(home.path()).expect("it opens");
    assert!(matches!(Folder::open(home.path()), Err(Error::InUse)));
}

#[test]
fn a_damaged_database_is_put_aside_and_the_newest_good_snapshot_restored() {
    let home = tempfile::tempdir().expect("a folder");
    let (store, _) = open(home.path()).expect("it opens");
    remember(&store, "kept").expect("written");
    store.snapshot_blocking().expect("a snapshot");
    remember(&store, "later").expect("written");
    store.close();
    drop(store);
    let database = home.path().join("hive.db");
    let length = fs::metadata(&database).expect("it is there").len();
    fs::write(&database, vec![0x5a; usize::try_from(length).expect("small")]).expect("damaged");
    fs::write(home.path().join("snapshots/hive-999999999999999.db"), b"no database").expect("bad");

    let (store, opening) = open(home.path()).expect("it opens");
    let Opening::Restored { aside, snapshot: Some(_), .. } = opening else {
        panic!("it was not restored: {opening:?}");
    };
    assert_eq!(fs::read(aside).expect("kept").first(), Some(&0x5a));
    assert!(recalls(&store, "kept"));
    assert!(!recalls(&store, "later"));
}

#[test]
fn a_database_of_a_newer_skep_is_left_alone() {
    let home = tempfile::tempdir().expect("a folder");
    let (store, _) = open(home.path()).expect("it opens");
    store.close();
    drop(store);
    let connection = sql::Connection::open(home.path().join("hive.db")).expect("it opens");
    connection.pragma_update(None, "user_version", 999).expect("written");
    drop(connection);
    assert!(matches!(open(home.path()), Err(Error::Newer { found: 999, .. })));
}

#[test]
fn a_full_disk_is_told_to_everybody_who_waits_and_the_store_goes_on() {
    let home = tempfile::tempdir().expect("a folder");
    let (store, _) = open(home.path()).expect("it opens");
    remember(&store, "before").expect("written");
    let pages = |store: &Store, pages: i64| {
        let set = store.write_blocking(move |tx| {
            tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok::<_, Error>(())
        });
        set.expect("the limit is set");
    };
    pages(&store, 1);
    let large = "x".repeat(1_000_000);
    let filled: Result<(), Error> =
        store.write_blocking(move |tx| set_setting(tx, "large", Some(&large)));
    assert!(matches!(filled, Err(Error::Full)), "{filled:?}");
    pages(&store, 1_000_000);
    remember(&store, "after").expect("there is room again");
    assert!(recalls(&store, "before") && !recalls(&store, "large"));
}

#[test]
fn a_copy_that_was_put_back_is_known_for_one() {
    let home = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let reopened = || {
        let (store, opening) = open(home.path()).expect("it opens");
        runtime.block_on(store.claim_file()).expect("it is claimed");
        store.close();
        opening
    };
    assert_eq!(reopened(), Opening::New);
    assert_eq!(reopened(), Opening::Sound);
    let (database, copy) = (home.path().join("hive.db"), home.path().join("copy"));
    let told_here = fs::metadata(&database).is_ok_and(|about| about.created().is_ok());
    fs::copy(&database, &copy).expect("copied");
    fs::rename(&copy, &database).expect("put back");
    let expected = if told_here { Opening::Copied } else { Opening::Sound };
    assert_eq!(reopened(), expected);
    assert_eq!(reopened(), Opening::Sound);
}

#[test]
fn a_record_that_was_removed_is_gone_within_the_same_change() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path()).unwrap();
    let share = ShareId::from_bytes([7; 16]);
    let seen = store.write_blocking(move |tx| -> Result<_, Error> {
        put_record(tx, share, 1, b"key", b"body")?;
        let there = record(tx, share, 1, b"key")?.is_some();
        remove_record(tx, share, 1, b"key")?;
        Ok((there, record(tx, share, 1, b"key")?.is_some()))
    });
    assert_eq!(seen.unwrap(), (true, false));
}
