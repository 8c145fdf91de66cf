//! A share of a hundred thousand files.

use std::fs;
use std::process::Command;
use std::time::Instant;

use checks::text;

use crate::world::{Home, note};

const FOLDERS: usize = 100;
const FILES_PER_FOLDER: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_files_are_shared() {
    let home = Home::in_memory();
    let total = FOLDERS * FILES_PER_FOLDER;
    for folder in 0..FOLDERS {
        let folder = home.path(&format!("Trip/folder {folder:03}"));
        fs::create_dir(&folder).unwrap();
        for file in 0..FILES_PER_FOLDER {
            fs::write(folder.join(format!("note {file:04}.md")), "x\n").unwrap();
        }
    }
    let mut hive = home.serve();
    let before = hive.memory_bytes();
    let since = Instant::now();
    home.skep(&["share", "Trip"]).is(0, "/l/");
    // What is known already can be looked at while the rest is read.
    home.skep(&["ls", "Trip"]).is(0, "");
    let share = hive.share_is("in_step").await;
    note(&format!(
        "{total} files: in step after {:?}, memory {} MB before and {} MB after",
        since.elapsed(),
        before >> 20,
        hive.memory_bytes() >> 20
    ));
    assert_eq!(share["files"].as_u64(), Some(total as u64));
    let id = text(&share["id"]);
    let place = format!("/api/v1/shares/{id}/files");
    let folders = hive.get(&place).await;
    assert_eq!(folders["total"], FOLDERS);
    let listed = Instant::now();
    let page = format!("{place}?folder=folder%20050&sort=changed&order=desc&offset=900&limit=500");
    let page = hive.get(&page).await;
    assert_eq!(page["entries"].as_array().map(Vec::len), Some(100));
    let searched = Instant::now();
    let found = hive.get(&format!("/api/v1/shares/{id}/search?q=note%200999&limit=500")).await;
    assert_eq!(found.as_array().map(Vec::len), Some(FOLDERS));
    note(&format!("a page took {:?}, a search {:?}", searched - listed, searched.elapsed()));

    let program = env!("CARGO_BIN_EXE_skep");
    let line = format!("'{program}' ls 'Trip/folder 050' | head -n 1 >/dev/null");
    let output =
        Command::new("sh").args(["-c", &line]).env("SKEP_HOME", &home.hive).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let stopped = hive.stop();
    assert_eq!(stopped.0, Some(0));
    let since = Instant::now();
    let mut hive = home.serve();
    note(&format!("stopped in {:?}, started again in {:?}", stopped.1, since.elapsed()));
    assert_eq!(hive.get("/api/v1/shares").await[0]["files"].as_u64(), Some(total as u64));
}
