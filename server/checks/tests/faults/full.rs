//! A receiving hive's disk is full: it stops before the system does, says so, and
//! goes on by itself.

use checks::processes::{Circle, Computer, Disk, Picture, Story, eventually};
use checks::text;

const MIB: u64 = 1 << 20;
const FILE_BYTES: usize = 500_000;

/// Ana with a folder that a small disk at Bo's does not take.
fn too_much(story: &mut Story) {
    for number in 0..40_u8 {
        let content = (0..FILE_BYTES).map(|at| (at as u8).wrapping_mul(number | 1) ^ number);
        story.save(&format!("large {number}.bin"), Some(content.collect()));
        story.save(&format!("small {number}.bin"), None);
    }
}

/// Waits until Bo's hive says of some file what it waits for, and gives its path and the sentence.
fn told(circle: &mut Circle) -> (String, String) {
    let id = text(&circle.computers[1].get("/api/v1/shares")[0]["id"]);
    let mut found = None;
    eventually("the hive says that it waits for room", || {
        let sync = circle.computers[1].get(&format!("/api/v1/shares/{id}/sync"));
        let waiting = sync["waiting"].as_array().into_iter().flatten();
        let mut full = waiting.filter(|one| one["code"] == "full");
        found = full.next().map(|one| (text(&one["path"]), text(&one["detail"])));
        found.is_some()
    });
    found.expect("it was found")
}

fn stops_in_time_and_goes_on(circle: &mut Circle, disk: &Disk, story: &Story, expected: &Picture) {
    let (path, detail) = told(circle);
    assert!(detail.starts_with("Waiting for ") && detail.contains(" free"), "{detail}");
    let why = circle.folder(1).join(path).display().to_string();
    let why = circle.computers[1].skep(&["why", &why]);
    assert!(why.out.contains("Waiting for ") && why.out.contains("room"), "{why:?}");
    assert!(disk.free() > 64 * 1_024, "only {} bytes were left", disk.free());
    story.is_whole(&circle.folder(1), "while it is full");
    let ana = &circle.computers[0];
    assert_ne!(ana.json(&["status", "--json"])["in_sync"], true, "not all can be there");
    // The database takes changes all the same.
    circle.computers[1].skep(&["friend", "rename", "Ana", "Anna"]).is(0, "");
    disk.resize(64 * MIB);
    let there = circle.settled("with room");
    assert!(expected.difference(&there).is_empty(), "{:#?}", expected.difference(&there));
    story.is_whole(&circle.folder(1), "with room");
}

#[test]
fn a_hive_whose_only_disk_gets_full_receives_no_more_until_there_is_room() {
    let Some(disk) = Disk::in_memory(24 * MIB) else { return };
    let computers = vec![Computer::new("Ana"), Computer::at("Bo", &disk.folder())];
    let mut circle = Circle::of(computers);
    let mut story = Story::begin(&circle.folder(0));
    circle.settled("begun");
    too_much(&mut story);
    let expected = circle.picture(0);
    stops_in_time_and_goes_on(&mut circle, &disk, &story, &expected);
}

#[test]
fn a_share_on_a_disk_that_gets_full_takes_no_more_until_there_is_room() {
    let Some(disk) = Disk::in_memory(8 * MIB) else { return };
    let bo = Computer::new("Bo");
    std::os::unix::fs::symlink(disk.folder(), bo.path("Trip")).expect("linked");
    let mut circle = Circle::of(vec![Computer::new("Ana"), bo]);
    let mut story = Story::begin(&circle.folder(0));
    circle.settled("begun");
    too_much(&mut story);
    let expected = circle.picture(0);
    stops_in_time_and_goes_on(&mut circle, &disk, &story, &expected);
}

#[test]
fn a_data_folder_without_any_room_goes_on_when_there_is_some() {
    let Some(disk) = Disk::in_memory(12 * MIB) else { return };
    let bo = Computer::at("Bo", &disk.folder());
    let elsewhere = tempfile::tempdir().expect("made");
    std::os::unix::fs::symlink(elsewhere.path(), bo.path("Trip")).expect("linked");
    let mut circle = Circle::of(vec![Computer::new("Ana"), bo]);
    let mut story = Story::begin(&circle.folder(0));
    circle.settled("begun");
    disk.fill();
    for _ in 0..3 {
        story.go_on();
    }
    std::fs::write(circle.folder(1).join("from Bo.md"), "while it is full\n").expect("written");
    let ana = circle.computers[0].json(&["status", "--json"]);
    assert_ne!(ana["in_sync"], true, "{ana}");
    assert!(circle.computers[1].is_running(), "{}", circle.computers[1].log());
    disk.make_room();
    let there = circle.settled("with room");
    assert!(there.0.contains_key(std::path::Path::new("from Bo.md")));
    std::fs::remove_file(circle.folder(1).join("from Bo.md")).expect("removed");
    let there = circle.settled("as Ana made it");
    story.is_whole(&circle.folder(1), "with room");
    assert_eq!(there, circle.picture(0));
}
