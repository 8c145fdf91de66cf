//! The power is cut at a random moment: what was acknowledged is there when it comes back.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use checks::processes::{Circle, Computer, Disk, Story, eventually, note, number, parts};
use checks::{Page, Room, text};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

const BYTES: u64 = 96 << 20;
/// A cut takes about two seconds; a night's run asks for more.
const CUTS: u64 = 4;
const CUTS_RECEIVING: u64 = 2;
const LIFE_MS_MAX: u64 = 700;

/// The computer stops, and starts again with what its disk kept.
fn power_fails(disk: &mut Disk, computer: &mut Computer) -> bool {
    let was_cut = disk.cut();
    computer.kill();
    if was_cut {
        disk.power_on();
    }
    was_cut
}

fn room(computer: &Computer, file: &str) -> Room {
    let path = computer.path(file).display().to_string();
    let shared = computer.json(&["share", &path, "--edit", "--json"]);
    Room::of_yjs(&shared["yjs"])
}

/// Otherwise the other tests would pass on a disk that loses nothing.
#[test]
fn a_cut_takes_what_was_not_synced() {
    let Some(mut disk) = Disk::with_power(BYTES) else { return };
    let place = |name: &str| disk.folder().join(name);
    let (careless, careful) = (place("careless"), place("careful"));
    fs::write(&careless, b"content").expect("written");
    fs::write(&careful, b"content").expect("written");
    for path in [careful.clone(), disk.folder()] {
        let file = fs::File::open(path).expect("it is there");
        file.sync_all().expect("synced");
    }
    fs::write(place("renamed.part"), b"content").expect("written");
    fs::rename(place("renamed.part"), &careless).expect("renamed");
    if !disk.cut() {
        return;
    }
    disk.power_on();
    assert_eq!(fs::read(&careful).expect("it is there"), b"content");
    assert_ne!(fs::read(&careless).unwrap_or_default(), b"content");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_and_acknowledged_survives_a_power_cut() {
    let Some(mut disk) = Disk::with_power(BYTES) else { return };
    let seed = number("SKEP_SEED", 1);
    let mut chance = StdRng::seed_from_u64(seed);
    let mut computer = Computer::at("Ana", &disk.folder());
    computer.folder("Trip");
    let mut expected = "a line of the plan that stays as it is\n".repeat(2_000);
    computer.write("Trip/plan.md", &expected);
    rustix::fs::sync();
    computer.start();
    let mut room = room(&computer, "Trip/plan.md");
    let mut slowest = Duration::ZERO;
    for cut in 0..number("SKEP_CUTS", CUTS) {
        let now = format!("seed {seed}, cut {cut}");
        let mut page = Page::join(10, &room).await;
        assert_eq!(page.text(), expected, "{now}");
        let mut current = vec![expected.clone()];
        let mut saved = 0;
        let life = Duration::from_millis(chance.random_range(50..LIFE_MS_MAX));
        let since = Instant::now();
        while since.elapsed() < life {
            expected.push_str(&format!("{cut}-{}\n", current.len()));
            page.type_at_end(&format!("{cut}-{}\n", current.len())).await;
            current.push(expected.clone());
            page.listen(Duration::from_millis(chance.random_range(0..60))).await;
            if page.is_saved() {
                saved = current.len() - 1;
            }
        }
        page.leave();
        if !power_fails(&mut disk, &mut computer) {
            return;
        }
        let on_disk = fs::read_to_string(computer.path("Trip/plan.md")).unwrap_or_default();
        let known = current.contains(&on_disk);
        assert!(known, "{now}: {} bytes under the name were never current", on_disk.len());

        let ready = computer.try_start();
        slowest = slowest.max(ready.unwrap_or_else(|why| panic!("{now}: {why}")));
        room = room.at(computer.address());
        let back = Page::join(11, &room).await.text();
        let kept = current.iter().position(|text| *text == back);
        let kept = kept.unwrap_or_else(|| panic!("{now}: {} bytes never were", back.len()));
        assert!(kept >= saved, "{now}: {saved} were acknowledged, {kept} are left");
        expected = back;
        eventually("the file holds the text again", || {
            fs::read_to_string(computer.path("Trip/plan.md")).is_ok_and(|text| text == expected)
        });
    }
    note(&format!("seed {seed}: ready again after {} ms at most", slowest.as_millis()));
}

#[test]
fn a_hive_that_said_it_is_ready_is_the_same_after_a_power_cut() {
    let Some(mut disk) = Disk::with_power(BYTES) else { return };
    let mut computer = Computer::at("Ana", &disk.folder());
    computer.folder("Trip");
    computer.write("Trip/plan.md", "plan\n");
    rustix::fs::sync();
    computer.start();
    let before = computer.json(&["status", "--json"])["hive"]["id"].clone();
    if !power_fails(&mut disk, &mut computer) {
        return;
    }
    computer.start();
    let path = computer.path("Trip").display().to_string();
    let link = computer.json(&["share", &path, "--edit", "--json"]);
    if !power_fails(&mut disk, &mut computer) {
        return;
    }
    computer.start();
    assert_eq!(computer.json(&["status", "--json"])["hive"]["id"], before);
    eventually("the share stands", || {
        let shares = computer.get("/api/v1/shares");
        shares[0]["state"] == "in_step" && shares[0]["files"] == 1
    });
    assert_eq!(fs::read(computer.path("Trip/plan.md")).expect("it is there"), b"plan\n");
    let place = format!("/l/{}/api/v1/session", text(&link["id"]));
    let links = computer.get("/api/v1/links");
    assert_eq!(links[0]["id"], link["id"], "{place} {links}");
    let new = json!({ "path": "made.md", "text": "made\n" });
    let shares = computer.get("/api/v1/shares");
    let files = format!("/api/v1/shares/{}/files", text(&shares[0]["id"]));
    assert_eq!(computer.call("POST", &files, Some(&new)).status, 201);
    if !power_fails(&mut disk, &mut computer) {
        return;
    }
    let made = fs::read(computer.path("Trip/made.md")).unwrap_or_default();
    assert_eq!(made, b"made\n", "a file that was answered for is there, and whole");
    computer.start();
}

/// Names that a friend's hive was said to have, once it was said after they were known here.
fn acknowledged(ana: &mut Computer, share: &str) -> Option<Vec<String>> {
    let listed = ana.get(&format!("/api/v1/shares/{share}/files?limit=5000"));
    let names =
        listed["entries"].as_array().into_iter().flatten().map(|entry| text(&entry["path"]));
    let sync = ana.get(&format!("/api/v1/shares/{share}/sync"));
    let all = sync["here"]["in_sync"] == true && sync["friends"][0]["in_sync"] == true;
    all.then(|| names.collect())
}

#[test]
fn what_a_friend_was_said_to_have_survives_a_power_cut_there() {
    let Some(mut disk) = Disk::with_power(BYTES) else { return };
    let seed = number("SKEP_SEED", 1);
    let mut chance = StdRng::seed_from_u64(seed);
    let computers = vec![Computer::new("Ana"), Computer::at("Bo", &disk.folder())];
    let mut circle = Circle::of(computers);
    let mut story = Story::begin(&circle.folder(0));
    circle.settled("begun");
    let share = text(&circle.computers[0].get("/api/v1/shares")[0]["id"]);
    let mut told = 0;
    for cut in 0..number("SKEP_CUTS", CUTS_RECEIVING) {
        let now = format!("seed {seed}, cut {cut}");
        let life = Duration::from_millis(chance.random_range(200..LIFE_MS_MAX * 3));
        let (since, mut number, mut has) = (Instant::now(), 0, Vec::new());
        while since.elapsed() < life {
            match chance.random_range(0..8) {
                0 => story.go_on(),
                _ => {
                    let large = chance.random_range(0..6) == 0;
                    let content = large.then(|| {
                        let mut content = vec![0; chance.random_range(70_000..300_000)];
                        chance.fill(&mut content[..]);
                        content
                    });
                    story.save(&format!("{cut}-{number}.bin"), content);
                    number += 1;
                }
            }
            std::thread::sleep(Duration::from_millis(chance.random_range(0..60)));
            has = acknowledged(&mut circle.computers[0], &share).unwrap_or(has);
        }
        let expected = circle.picture(0);
        let was_cut = disk.cut();
        circle.computers[1].kill();
        if !was_cut {
            return;
        }
        disk.power_on();
        let there = circle.picture(1);
        story.is_whole(&circle.folder(1), &now);
        for name in has.iter().filter(|name| name.starts_with(&format!("{cut}-"))) {
            told += 1;
            let is_there = there.0.contains_key(Path::new(name));
            assert!(is_there, "{now}: {name} was said to be there and is not");
        }
        circle.computers[1].start();
        let there = circle.settled(&now);
        assert!(
            expected.difference(&there).is_empty(),
            "{now}: {:#?}",
            expected.difference(&there)
        );
        let folder = circle.folder(1);
        eventually("nothing half-written is left", || parts(&folder).is_empty());
    }
    note(&format!("seed {seed}: {told} files were said to be there, and all were"));
}
