//! Friends' hives as real processes: what one does stands at the other, to the last attribute.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use checks::processes::{Circle, Script, Thing, note, number, print_of};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::fs::{XattrFlags, setxattr};

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("made");
    fs::write(path, content).expect("written");
}

/// Names that some system or program is known to stumble over.
const ODD: [&str; 9] = [
    "a b.txt",
    "o\u{308}l nfd.txt",
    "\u{f6}l nfc.txt",
    "quote\"'.txt",
    "back\\slash.txt",
    "line\nbreak.txt",
    "\u{1f41d}.txt",
    "-rf.txt",
    "100% #1?&=.txt",
];

#[test]
fn what_one_does_stands_at_the_other_to_the_last_attribute() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    for (one, other) in [(0, 1), (1, 0)] {
        let folder = circle.folder(one);
        let place = |name: &str| format!("{one}/{name}");
        write(&folder, &place("plan.md"), "plan\n");
        write(&folder, &place("deep/er/still/blob.bin"), vec![7_u8; 300_000]);
        write(&folder, &place("run.sh"), "#!/bin/sh\n");
        let run = folder.join(place("run.sh"));
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).expect("set");
        write(&folder, &place("old.txt"), "old\n");
        let file = fs::File::options().write(true).open(folder.join(place("old.txt")));
        let when = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
        file.expect("it is there").set_modified(when).expect("set");
        write(&folder, &place("empty"), "");
        fs::create_dir_all(folder.join(place("empty folder"))).expect("made");
        symlink("plan.md", folder.join(place("link"))).expect("linked");
        write(&folder, &place("tagged.txt"), "tagged\n");
        let tagged = folder.join(place("tagged.txt"));
        let has_tags = setxattr(&tagged, "user.tag", b"red", XattrFlags::empty()).is_ok();
        for name in ODD {
            write(&folder, &place(name), name);
        }
        let there = circle.settled("made");
        assert_eq!(
            there.prints().filter(|(path, _)| path.starts_with(one.to_string())).count(),
            6 + ODD.len(),
            "{there:#?}"
        );
        let tags = there.0.get(Path::new(&place("tagged.txt")));
        let kept = matches!(tags, Some(Thing::File { attributes, .. }) if attributes.len() == 1);
        assert_eq!(kept, has_tags, "{tags:?}");

        fs::rename(folder.join(place("deep")), folder.join(place("moved"))).expect("moved");
        fs::rename(folder.join(place("plan.md")), folder.join(place("moved/plan 2.md")))
            .expect("moved");
        fs::remove_file(folder.join(place("empty"))).expect("removed");
        write(&folder, &place("run.sh"), "#!/bin/sh\necho\n");
        let there = circle.settled("moved");
        assert!(there.0.contains_key(Path::new(&place("moved/er/still/blob.bin"))));
        assert!(there.0.contains_key(Path::new(&place("moved/plan 2.md"))));
        assert!(!there.0.contains_key(Path::new(&place("empty"))));

        // The other goes on with it.
        let folder = circle.folder(other);
        write(&folder, &place("run.sh"), "#!/bin/sh\nexit\n");
        fs::remove_dir_all(folder.join(place("moved/er"))).expect("removed");
        let there = circle.settled("answered");
        assert!(!there.0.contains_key(Path::new(&place("moved/er"))));
        let known = circle.history();
        assert!(known.contains(&print_of(b"#!/bin/sh\necho\n")), "in no history: {known:?}");
    }
}

#[test]
fn what_both_change_apart_merges_or_is_kept_twice() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let lines = |first: &str, last: &str| format!("{first}\n{}{last}\n", "middle\n".repeat(20));
    write(&circle.folder(0), "plan.md", lines("first", "last"));
    write(&circle.folder(0), "blob.bin", b"\0base");
    write(&circle.folder(0), "gone.bin", b"\0gone");
    circle.settled("begun");
    for computer in &mut circle.computers {
        computer.stop();
    }
    write(&circle.folder(0), "plan.md", lines("first by Ana", "last"));
    write(&circle.folder(1), "plan.md", lines("first", "last by Bo"));
    write(&circle.folder(0), "blob.bin", b"\0by Ana");
    write(&circle.folder(1), "blob.bin", b"\0by Bo");
    fs::remove_file(circle.folder(0).join("gone.bin")).expect("removed");
    write(&circle.folder(1), "gone.bin", b"\0but edited");
    for computer in &mut circle.computers {
        computer.start();
    }
    circle.settled("together again");
    let merged = fs::read_to_string(circle.folder(1).join("plan.md")).expect("it is there");
    assert_eq!(merged, lines("first by Ana", "last by Bo"));
    let edited = fs::read(circle.folder(0).join("gone.bin")).unwrap_or_default();
    assert_eq!(edited, b"\0but edited", "an edit outlives a removal");
    for computer in &mut circle.computers {
        let two = computer.get("/api/v1/two-versions");
        assert_eq!(two.as_array().map(Vec::len), Some(1), "{two}");
        assert_eq!(two[0]["path"], "blob.bin", "{two}");
    }
    let known = circle.history();
    for content in [&b"\0by Ana"[..], b"\0by Bo"] {
        assert!(known.contains(&print_of(content)), "a side is lost: {content:?} {known:?}");
    }
}

/// Scripts of everyday's run, and the things that are done in each.
const SCRIPTS: u64 = 2;
const STEPS: u32 = 40;
/// After so many things all hives get time to end with the same.
const STEPS_TO_QUIET: u32 = 10;

#[test]
fn random_people_and_dying_hives_lose_nothing() {
    let first = number("SKEP_SEED", 1);
    for seed in first..first + number("SKEP_SCRIPTS", SCRIPTS) {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut circle = Circle::new(&["Ana", "Bo", "Cy"]);
        let mut script = Script::default();
        // What stood somewhere when all fell quiet must never be lost.
        let mut owed = BTreeSet::new();
        for step in 1..=STEPS {
            let who = chance.random_range(0..3);
            let name = circle.computers[who].name.clone();
            let folder = circle.folder(who);
            script.step(&mut chance, &name, &folder);
            let other = chance.random_range(0..3);
            match chance.random_range(0..8) {
                0 => circle.computers[other].kill(),
                1 if !circle.computers[other].is_running() => circle.computers[other].start(),
                _ => {}
            }
            for at in 0..3 {
                for (path, print) in circle.picture(at).prints() {
                    let known = script.saved.contains(print);
                    assert!(known, "seed {seed}: {path:?} is torn: {:#?}", script.tale);
                }
            }
            if step % STEPS_TO_QUIET == 0 {
                quiet(&mut circle, &script, &mut owed, &format!("seed {seed}, step {step}"));
            }
        }
        note(&format!("seed {seed}: {} contents, none lost", owed.len()));
    }
}

fn quiet(circle: &mut Circle, script: &Script, owed: &mut BTreeSet<String>, now: &str) {
    let now = format!("{now}: {:#?}", script.tale);
    for at in 0..circle.computers.len() {
        owed.extend(circle.picture(at).prints().map(|(_, print)| print.to_owned()));
    }
    for computer in &mut circle.computers {
        if !computer.is_running() {
            computer.kill();
            computer.start();
        }
    }
    let there = circle.settled(&now);
    let mut kept: BTreeSet<_> = there.prints().map(|(_, print)| print.to_owned()).collect();
    kept.extend(circle.history());
    let lost: Vec<_> = owed.difference(&kept).collect();
    assert!(lost.is_empty(), "lost {lost:?}: {now}");
    // What was there and nobody touches since is there, and nothing else comes.
    assert_eq!(circle.settled(&now), there, "{now}");
}
