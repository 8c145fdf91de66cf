//! Two saves are two versions, and everything that was there comes back: versions, copies, what
//! was removed, a folder as it stood.

use std::fs;
use std::time::Instant;

use checks::{Page, text};
use serde_json::Value;

use crate::world::{Home, PATIENCE};

impl Home {
    /// The versions of a file, once there are so many.
    async fn versions(&self, file: &str, count: usize) -> Vec<Value> {
        let since = Instant::now();
        loop {
            let outcome = self.skep(&["versions", file, "--json"]);
            let versions: Vec<Value> = serde_json::from_str(&outcome.out).unwrap_or_default();
            if versions.len() == count {
                return versions;
            }
            assert!(since.elapsed() < PATIENCE, "not {count} versions: {outcome:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn trash(&self, count: usize) -> Vec<Value> {
        let since = Instant::now();
        loop {
            let trash = self.json(&["trash", "Trip", "--json"]);
            let found = trash.as_array().cloned().unwrap_or_default();
            if found.len() == count {
                return found;
            }
            assert!(since.elapsed() < PATIENCE, "not {count} in the trash: {trash}");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_back_with_its_open_document_and_its_copies_stand_beside_it() {
    let home = Home::with_plan("one\n");
    let mut hive = home.serve();
    let room = home.room("Trip/plan.md");
    hive.share_is("in_step").await;
    home.versions("Trip/plan.md", 1).await;
    fs::write(home.path("Trip/plan.md"), "one\ntwo\n").unwrap();
    let versions = home.versions("Trip/plan.md", 2).await;
    assert_eq!((&versions[0]["verb"], &versions[1]["verb"]), (&"changed".into(), &"added".into()));
    assert!(!text(&versions[0]["by"]["name"]).is_empty(), "{versions:?}");

    let mut page = Page::join(1, &room).await;
    page.until("it shows both lines", |page| page.text() == "one\ntwo\n").await;
    home.skep(&["restore", "Trip/plan.md"]).is(0, "plan.md");
    assert_eq!(home.text("Trip/plan.md"), "one\n");
    page.until("it went back", |page| page.text() == "one\n").await;

    let second = versions[0]["id"].to_string();
    let copied = ["restore", "Trip/plan.md", "--version", &second, "--as-copy"];
    home.skep(&copied).is(0, "plan (restored).md");
    assert_eq!(home.text("Trip/plan (restored).md"), "one\ntwo\n");
    home.skep(&["restore", "Trip/plan.md", "--version", "999999"]).is(5, "skep versions");

    let file = hive.file("plan.md").await;
    let raw = format!("/api/v1/files/{}/versions/{second}", text(&file["id"]));
    let bytes = hive.owner("GET", &format!("{raw}/raw")).await.send().await;
    assert_eq!((bytes.status, bytes.body.as_slice()), (200, b"one\ntwo\n".as_slice()));
    let name = serde_json::json!({ "name": "as sent", "pinned": true });
    let named = hive.owner("PATCH", &raw).await.json(&name).send().await.json();
    assert_eq!((&named["name"], &named["pinned"]), (&"as sent".into(), &true.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_comes_back_and_a_folder_goes_back_to_a_moment() {
    let home = Home::with_plan("one\n");
    fs::create_dir(home.path("Trip/old")).unwrap();
    fs::write(home.path("Trip/old/notes.txt"), "notes").unwrap();
    let mut hive = home.serve();
    home.skep(&["share", home.path("Trip").to_str().unwrap()]).is(0, "/l/");
    hive.share_is("in_step").await;
    home.versions("Trip/plan.md", 1).await;
    home.versions("Trip/old/notes.txt", 1).await;
    let newest = &home.versions("Trip/plan.md", 1).await[0];
    let moment = jiff::Timestamp::from_millisecond(newest["at"].as_i64().unwrap() + 500).unwrap();
    while jiff::Timestamp::now() <= moment {
        tokio::task::yield_now().await;
    }

    fs::remove_dir_all(home.path("Trip/old")).unwrap();
    fs::write(home.path("Trip/plan.md"), "two\n").unwrap();
    home.versions("Trip/plan.md", 2).await;
    let trash = home.trash(1).await;
    assert_eq!((&trash[0]["path"], &trash[0]["days_left"]), (&"old".into(), &30.into()));
    home.skep(&["trash", "Trip/old", "--restore"]).is(0, "old");
    assert_eq!(home.text("Trip/old/notes.txt"), "notes");
    home.trash(0).await;

    fs::write(home.path("Trip/new.txt"), "new").unwrap();
    home.versions("Trip/new.txt", 1).await;
    let done = home.json(&["put-back", "Trip", "--at", &moment.to_string(), "--json"]);
    assert_eq!(home.text("Trip/plan.md"), "one\n");
    assert!(!home.path("Trip/new.txt").exists());
    let undo = ["put-back", "--undo", &done["id"].to_string()];
    home.skep(&undo).is(0, "restored");
    assert_eq!(home.text("Trip/plan.md"), "two\n");
    assert_eq!(home.text("Trip/new.txt"), "new");
    home.skep(&["put-back", "Trip", "--at", "soon"]).is(2, "no moment");
    home.skep(&["put-back", "Trip", "--at", "2001-01-01 08:00"]).is(1, "history");
}

/// Killed at any moment, a hive has each save whole in its history or not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_hive_that_is_killed_while_it_keeps_versions_gives_back_what_it_tells_of() {
    let home = Home::with_plan("0\n");
    let mut hive = home.serve();
    home.skep(&["share", home.path("Trip").to_str().unwrap()]).is(0, "/l/");
    hive.share_is("in_step").await;
    home.versions("Trip/plan.md", 1).await;
    for round in 1..=5_u32 {
        let large = format!("{round}\n").repeat(40_000);
        fs::write(home.path("Trip/plan.md"), &large).unwrap();
        hive.kill();
        hive = home.serve();
        hive.share_is("in_step").await;
        let versions = home.versions("Trip/plan.md", 1 + round as usize).await;
        assert_eq!(versions[0]["size"].as_u64(), Some(large.len() as u64));
        let file = hive.file("plan.md").await;
        for version in &versions {
            if version["kept"] == false {
                continue;
            }
            let raw = format!("/api/v1/files/{}/versions/{}/raw", text(&file["id"]), version["id"]);
            let bytes = hive.owner("GET", &raw).await.send().await;
            assert_eq!(bytes.status, 200, "{version}");
            assert_eq!(Some(bytes.body.len() as u64), version["size"].as_u64());
        }
    }
}
