//! A hive dies, or is refused, at each call to the file system that it makes while it receives what
//! a friend did: afterwards both have the same, and it is what the friend has.

use std::time::{Duration, Instant};

use checks::processes::{Blow, Circle, Picture, Story, eventually, note, number, parts};

/// What a receiving hive asks of its disk. The n-th of each is counted by thread.
const CALLS: [&str; 9] = [
    "fsync,fdatasync,syncfs",
    "rename,renameat,renameat2",
    "openat,openat2",
    "pwrite64",
    "write",
    "unlink,unlinkat,rmdir",
    "mkdir,mkdirat",
    "link,linkat,symlink,symlinkat",
    "ftruncate,fchmod,utimensat,copy_file_range",
];
/// Everyday's blows: of which calls, and which of them.
const EVERYDAY: [(usize, u32); 6] = [(0, 1), (0, 2), (1, 1), (3, 3), (5, 2), (8, 2)];
/// How long a hive may take for a round with neither death nor end.
const ROUND_MAX: Duration = Duration::from_secs(8);

/// Two friends who are in step, and what the first goes on to do.
fn friends() -> (Circle, Story) {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let mut story = Story::begin(&circle.folder(0));
    story.go_on();
    circle.settled("begun");
    (circle, story)
}

/// Both end with what the first one did, and with nothing else.
fn ends_well(circle: &mut Circle, expected: &Picture, now: &str) {
    let there = circle.settled(now);
    let difference = expected.difference(&there);
    assert!(difference.is_empty(), "{now}: not what Ana did: {difference:#?}");
    for computer in &mut circle.computers {
        let two = computer.get("/api/v1/two-versions");
        assert_eq!(two.as_array().map(Vec::len), Some(0), "{now}: {}: {two}", computer.name);
    }
    let folder = circle.folder(1);
    eventually("nothing half-written is left", || parts(&folder).is_empty());
}

#[test]
fn a_hive_may_die_at_any_call_while_it_receives() {
    if !Blow::are_possible() {
        return;
    }
    let (mut circle, mut story) = friends();
    let far = u32::try_from(number("SKEP_CALLS", 0)).expect("a small number");
    let all = (0..CALLS.len()).flat_map(|calls| (1..=far).map(move |at| (calls, at)));
    let blows: Vec<_> = if far == 0 { EVERYDAY.to_vec() } else { all.collect() };
    let mut deaths = 0;
    for (calls, at) in blows {
        let now = format!("{}, call {at}", CALLS[calls]);
        let trace = circle.computers[1].trace(&Blow::death(CALLS[calls], at));
        story.go_on();
        let expected = circle.picture(0);
        let since = Instant::now();
        while circle.computers[1].is_running()
            && since.elapsed() < ROUND_MAX
            && circle.picture(1) != expected
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        deaths += u32::from(!circle.computers[1].is_running());
        drop(trace);
        circle.computers[1].kill();
        story.is_whole(&circle.folder(1), &now);
        circle.computers[1].start();
        ends_well(&mut circle, &expected, &now);
    }
    note(&format!("{deaths} deaths"));
    assert!(deaths > 0, "no blow fell");
}

/// Everyday's errors: which, and at which calls.
const REFUSED: [(&str, &str); 3] =
    [("EIO", "fsync,fdatasync,syncfs"), ("ENOSPC", "pwrite64"), ("EIO", "pread64,read")];

#[test]
fn a_receiving_hive_that_is_refused_goes_on_by_itself() {
    if !Blow::are_possible() {
        return;
    }
    let (mut circle, mut story) = friends();
    let far = u32::try_from(number("SKEP_CALLS", 1)).expect("a small number");
    let mut blows: Vec<_> = REFUSED.to_vec();
    if far > 1 {
        let all = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE"];
        // A refused `write` hits the runtime's own wake-ups, which no disk refuses.
        let disk = CALLS.iter().filter(|calls| **calls != "write");
        let each = |error| disk.clone().map(move |calls| (error, *calls));
        blows = all.into_iter().flat_map(each).collect();
    }
    let mut fell = 0;
    let pid = circle.computers[1].pid();
    for (error, calls) in blows {
        for at in 1..=far {
            let now = format!("{calls} gives {error}, call {at}");
            let (calls, effect) = (calls.to_owned(), format!("error={error}"));
            let trace = circle.computers[1].trace(&Blow { calls, effect, when: at.to_string() });
            story.go_on();
            let expected = circle.picture(0);
            let since = Instant::now();
            let mut met = false;
            while since.elapsed() < ROUND_MAX && !met && circle.picture(1) != expected {
                met = trace.fell();
                std::thread::sleep(Duration::from_millis(5));
            }
            fell += u32::from(met);
            drop(trace);
            story.is_whole(&circle.folder(1), &now);
            ends_well(&mut circle, &expected, &now);
            assert!(circle.computers[1].is_running(), "{now}: {}", circle.computers[1].log());
        }
    }
    assert_eq!(circle.computers[1].pid(), pid);
    note(&format!("{fell} errors were met"));
    assert!(fell > 0, "no blow fell");
}
