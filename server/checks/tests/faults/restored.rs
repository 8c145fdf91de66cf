//! A hive whose data folder is put back from an old backup: nothing counts as deleted, nothing is
//! lost, and all end with the same.

use std::fs;
use std::path::Path;

use checks::processes::{Circle, Picture, Story};

/// Copies a folder as a backup does.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("it is there").flatten() {
        let kind = entry.file_type().expect("it has a kind");
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_symlink() {
            let leads = fs::read_link(entry.path()).expect("it leads somewhere");
            std::os::unix::fs::symlink(leads, target).expect("linked");
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).expect("copied");
            let when = entry.metadata().and_then(|about| about.modified()).expect("it has a date");
            let copy = fs::File::options().write(true).open(target).expect("it is there");
            copy.set_modified(when).expect("set");
        }
    }
}

fn put_back(backup: &Path, place: &Path) {
    fs::remove_dir_all(place).expect("removed");
    copy(backup, place);
}

fn ends_as(circle: &mut Circle, expected: &Picture, now: &str) {
    let there = circle.settled(now);
    let difference = expected.difference(&there);
    assert!(difference.is_empty(), "{now}: {difference:#?}");
    for computer in &mut circle.computers {
        let two = computer.get("/api/v1/two-versions");
        assert_eq!(two.as_array().map(Vec::len), Some(0), "{now}: {}: {two}", computer.name);
    }
}

#[test]
fn a_hive_with_an_old_database_deletes_nothing_and_loses_nothing() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let mut ana = Story::begin(&circle.folder(0));
    ana.go_on();
    fs::create_dir(circle.folder(1).join("Bo's")).expect("made");
    let part = circle.computers[1].path("part");
    let mut bo = Story::beside(&circle.folder(1).join("Bo's"), part);
    bo.go_on();
    circle.settled("before the backup");
    circle.computers[1].stop();
    let (hive, backup) = (circle.computers[1].path("hive"), circle.computers[1].path("backup"));
    copy(&hive, &backup);
    circle.computers[1].start();
    for _ in 0..3 {
        ana.go_on();
        bo.go_on();
    }
    let expected = circle.settled("after the backup");
    circle.computers[1].stop();
    put_back(&backup, &hive);
    circle.computers[1].start();
    ends_as(&mut circle, &expected, "with the old database");

    // What is done after that counts: no number that was given before is given again.
    bo.go_on();
    ana.go_on();
    let expected = circle.settled("after the restore");
    let kept = Picture::of(&circle.folder(1).join("Bo's"));
    assert!(kept.prints().all(|(_, print)| bo.saved.contains(print)), "{kept:#?}");
    let changed = expected.0.keys().filter(|path| path.ends_with("changed.bin")).count();
    assert_eq!(changed, 2, "{expected:#?}");
}

#[test]
fn a_whole_computer_that_is_put_back_gets_everything_again() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let mut ana = Story::begin(&circle.folder(0));
    ana.go_on();
    circle.settled("before the backup");
    circle.computers[1].stop();
    let place = |circle: &Circle, name: &str| circle.computers[1].path(name);
    copy(&place(&circle, "hive"), &place(&circle, "backup/hive"));
    copy(&place(&circle, "Trip"), &place(&circle, "backup/Trip"));
    circle.computers[1].start();
    for _ in 0..3 {
        ana.go_on();
    }
    fs::write(circle.folder(1).join("by Bo.bin"), b"\0by Bo, after the backup").expect("written");
    let expected = circle.settled("after the backup");
    circle.computers[1].stop();
    put_back(&place(&circle, "backup/hive"), &place(&circle, "hive"));
    put_back(&place(&circle, "backup/Trip"), &place(&circle, "Trip"));
    circle.computers[1].start();
    ends_as(&mut circle, &expected, "with the old database and the old folder");
}
