//! Computers whose clocks are wrong by ten years, and jump: files follow all the same.

use std::fs;
use std::path::{Path, PathBuf};

use checks::processes::{Circle, Computer, note};
use checks::text;

/// Where a system keeps the library that gives a process another clock.
fn library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let mut places = places.map(|place| place.path().join("faketime/libfaketimeMT.so.1"));
    let found = places.find(|path| path.is_file());
    if found.is_none() {
        note("not tested: there is no faketime here");
    }
    found
}

/// A computer whose clock goes as a file says.
fn with_clock(name: &str, library: &Path, offset: &str) -> Computer {
    let mut computer = Computer::new(name);
    set_clock(&computer, offset);
    computer.variables = [
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", computer.path("clock").display().to_string()),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        // The dates of files and the time since the start are those of the system.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("NO_FAKE_STAT", "1".to_owned()),
        ("FAKE_UTIME", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    computer
}

fn set_clock(computer: &Computer, offset: &str) {
    computer.write("clock", format!("{offset}\n"));
}

const TEN_YEARS_ON: &str = "+3650d";
const TEN_YEARS_BACK: &str = "-3650d";
const RIGHT: &str = "+0d";

#[test]
fn a_clock_that_is_ten_years_off_and_jumps_decides_nothing() {
    let Some(library) = library() else { return };
    let computers = vec![Computer::new("Ana"), with_clock("Bo", &library, TEN_YEARS_ON)];
    let mut circle = Circle::of(computers);
    let write = |circle: &Circle, at: usize, name: &str, content: &str| {
        fs::write(circle.folder(at).join(name), content).expect("written");
    };
    let read = |circle: &Circle, at: usize, name: &str| {
        fs::read_to_string(circle.folder(at).join(name)).unwrap_or_default()
    };
    let text = |first: &str, last: &str| format!("{first}\n{}{last}\n", "between\n".repeat(9));
    write(&circle, 1, "plan.md", &text("first", "last"));
    write(&circle, 1, "both.bin", "\0by Bo, whose clock is ahead");
    circle.settled("ten years ahead");
    write(&circle, 0, "both.bin", "\0by Ana, later");
    circle.settled("later is later, whatever a clock says");
    assert_eq!(read(&circle, 1, "both.bin"), "\0by Ana, later");

    set_clock(&circle.computers[1], TEN_YEARS_BACK);
    write(&circle, 1, "both.bin", "\0by Bo, later still");
    circle.settled("ten years back");
    assert_eq!(read(&circle, 0, "both.bin"), "\0by Bo, later still");

    circle.computers[1].stop();
    write(&circle, 0, "plan.md", &text("first by Ana", "last"));
    write(&circle, 1, "plan.md", &text("first", "last by Bo"));
    fs::remove_file(circle.folder(1).join("both.bin")).expect("removed");
    circle.computers[1].start();
    circle.settled("together again");
    assert_eq!(read(&circle, 0, "plan.md"), text("first by Ana", "last by Bo"));
    assert!(!circle.folder(0).join("both.bin").exists(), "what was removed is gone");
    let warned = circle.computers.iter().any(|computer| computer.log().contains("clock is"));
    assert!(warned, "nobody says that a clock is wrong");
}

#[test]
fn an_invitation_made_with_a_wrong_clock_explains_itself() {
    let Some(library) = library() else { return };
    let mut ana = with_clock("Ana", &library, TEN_YEARS_ON);
    let mut bo = Computer::new("Bo");
    ana.start();
    bo.start();
    let link = |ana: &Computer| text(&ana.json(&["friend", "invite", "--json"])["link"]);
    let (ahead, mut refused) = (link(&ana), Vec::new());
    set_clock(&ana, TEN_YEARS_BACK);
    ana.stop();
    ana.start();
    refused.push(bo.skep(&["friend", "add", &ahead]));
    let behind = link(&ana);
    set_clock(&ana, RIGHT);
    ana.stop();
    ana.start();
    refused.push(bo.skep(&["friend", "add", &ahead]));
    refused.push(bo.skep(&["friend", "add", &behind]));
    for outcome in refused {
        assert_ne!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.err.contains("clock") && outcome.err.contains("new one"), "{outcome:?}");
    }
    bo.skep(&["friend", "add", &link(&ana)]).is(0, "Ana");
}
