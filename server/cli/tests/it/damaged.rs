//! A damaged database: the hive starts, says so, keeps the old file, and nothing is doubled.

use std::fs;
use std::path::{Path, PathBuf};

use checks::{Page, Room, text};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::world::{Hive, Home, holds, note, type_and_store};

/// What is done to the database of a hive that is not running.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Bytes(u64),
    /// A few bytes in one place, which may not show.
    Speck(u64),
    Truncated(u64),
    Emptied,
    Zeroed,
    Header,
    /// The newest changes, which are not in the database itself yet.
    Journal,
}

fn harm(data: &Path, harm: Harm) {
    let database = data.join("hive.db");
    let mut bytes = fs::read(&database).unwrap();
    match harm {
        Harm::Bytes(seed) => {
            let mut chance = StdRng::seed_from_u64(seed);
            for _ in 0..40 {
                let at = chance.random_range(0..bytes.len());
                let end = (at + 64).min(bytes.len());
                chance.fill(&mut bytes[at..end]);
            }
        }
        Harm::Speck(seed) => {
            let mut chance = StdRng::seed_from_u64(seed);
            let at = chance.random_range(100..bytes.len() - 16);
            chance.fill(&mut bytes[at..at + 16]);
        }
        Harm::Truncated(seed) => {
            let mut chance = StdRng::seed_from_u64(seed);
            bytes.truncate(chance.random_range(1..bytes.len()));
        }
        Harm::Emptied => bytes.clear(),
        Harm::Zeroed => bytes.fill(0),
        Harm::Header => bytes[..100].fill(0x5a),
        Harm::Journal => {
            let journal = data.join("hive.db-wal");
            let mut bytes = fs::read(&journal).unwrap();
            assert!(bytes.len() > 4_096, "the journal must hold something");
            StdRng::seed_from_u64(1).fill(&mut bytes[..]);
            return fs::write(&journal, bytes).unwrap();
        }
    }
    fs::write(&database, bytes).unwrap();
    // Otherwise the changes that are not in the database yet would mend part of it.
    drop(fs::remove_file(data.join("hive.db-wal")));
    drop(fs::remove_file(data.join("hive.db-shm")));
}

fn put_aside(data: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.display().to_string().contains("damaged")).collect()
}

/// A page as the app opens it: bound to the document's present life.
async fn app_room(hive: &mut Hive<'_>) -> Room {
    let file = text(&hive.file("plan.md").await["id"]);
    let call = hive.owner("POST", &format!("/api/v1/files/{file}/document")).await;
    let opened = call.json(&json!({})).send().await.json();
    let path = format!("/yjs/{file}?stored=1&generation={}", text(&opened["generation"]));
    let cookie = hive.cookie();
    Room::new(hive.address, &path).with("Cookie", &cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_restored_and_nothing_is_doubled() {
    for kind in [
        Harm::Emptied,
        Harm::Zeroed,
        Harm::Header,
        Harm::Journal,
        Harm::Truncated(1),
        Harm::Truncated(2),
        Harm::Bytes(3),
        Harm::Bytes(4),
        Harm::Bytes(5),
    ] {
        damaged(kind).await;
    }
}

async fn damaged(kind: Harm) {
    let home = Home::with_plan("plan\n");
    let data = home.hive.join("data");
    let hive = home.serve();
    let address = hive.address;
    let stock = home.room("Trip/plan.md");
    type_and_store(&mut Page::join(1, &stock).await, "before the snapshot\n").await;
    // Stopping in order makes a snapshot.
    assert_eq!(hive.stop().0, Some(0));

    let mut hive = home.serve_at(address);
    let app = app_room(&mut hive).await;
    let mut page = Page::join(2, &app).await;
    type_and_store(&mut page, "after the snapshot\n").await;
    let expected = "plan\nbefore the snapshot\nafter the snapshot\n";
    holds(&home.path("Trip/plan.md"), expected).await;
    let mut old = Page::join(3, &stock).await;
    hive.kill();
    harm(&data, kind);

    let mut hive = home.serve_at(address);
    let status = home.json(&["status", "--json"]);
    let warnings = status["warnings"].to_string();
    let told = warnings.contains("database_restored");
    let aside = put_aside(&data);
    assert_eq!(told, !aside.is_empty(), "{kind:?}: {warnings} {aside:?}");
    let must = !matches!(kind, Harm::Bytes(_));
    assert!(told || !must, "{kind:?}: nobody is told of it: {warnings}");
    assert_eq!(home.text("Trip/plan.md"), expected, "{kind:?}: the file is untouched");
    assert!(home.path("Trip/.skep-share").exists());
    if told {
        assert!(aside.iter().any(|path| warnings.contains(path.to_str().unwrap())), "{warnings}");
    }

    // Whoever knows the document from before is not let in with its old copy.
    let share = hive.share_is("in_step").await;
    assert_eq!(share["files"], 1, "{kind:?}: {share}");
    let fresh = app_room(&mut hive).await;
    for (who, page, room) in
        [("app", &mut page, &app.with("Cookie", &hive.cookie())), ("stock", &mut old, &stock)]
    {
        match page.connect(room).await {
            Ok(()) if told => {
                page.until("it is closed", |page| page.closed.is_some()).await;
                let code = page.closed.as_ref().map(|(code, _)| *code);
                assert_eq!((who, code), ("app", Some(4409)), "{kind:?}");
            }
            Ok(()) => page.until("it is back", |page| page.is_saved()).await,
            Err(status) => assert_eq!((who, status, told), ("stock", 401, true), "{kind:?}"),
        }
    }
    let mut newest = Page::join(4, &fresh).await;
    newest.until("it has the text", |page| page.text() == expected).await;
    type_and_store(&mut newest, "and on\n").await;
    holds(&home.path("Trip/plan.md"), &format!("{expected}and on\n")).await;
    assert_eq!(newest.text(), format!("{expected}and on\n"), "{kind:?}: doubled or lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_little_damage_stops_nothing() {
    const SEEDS: u64 = 12;
    let mut told = 0;
    let mut unreadable = 0;
    for seed in 0..SEEDS {
        let home = Home::with_plan("plan\n");
        let hive = home.serve();
        let room = home.room("Trip/plan.md");
        let mut page = Page::join(1, &room).await;
        for line in 0..20 {
            type_and_store(&mut page, &format!("line {line}\n")).await;
        }
        let expected = page.text();
        holds(&home.path("Trip/plan.md"), &expected).await;
        assert_eq!(hive.stop().0, Some(0));
        harm(&home.hive.join("data"), Harm::Speck(seed));
        let _hive = home.serve();
        let status = home.json(&["status", "--json"]);
        told += usize::from(status["warnings"].to_string().contains("database_restored"));
        let shown = home.skep(&["cat", "Trip/plan.md"]);
        assert_eq!(home.text("Trip/plan.md"), expected, "seed {seed}: the file is untouched");
        if shown.code != 0 || shown.out != expected {
            unreadable += 1;
            note(&format!("seed {seed}: {shown:?}"));
        }
        assert!(shown.code == 0 || !shown.err.is_empty(), "seed {seed}: {shown:?}");
        assert!(!home.log_text().contains("panicked"), "seed {seed}: {}", home.log_text());
    }
    note(&format!("{SEEDS} specks: {told} restored, {unreadable} documents not shown"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_snapshot_the_hive_begins_anew() {
    let home = Home::with_plan("plan\n");
    let data = home.hive.join("data");
    let hive = home.serve();
    home.skep(&["share", "Trip", "--edit"]).is(0, "/l/");
    hive.kill();
    harm(&data, Harm::Zeroed);
    let hive = home.serve();
    home.skep(&["status"]).is(0, "share your folders again");
    assert_eq!(home.json(&["ls", "--json"]), json!([]));
    assert_eq!(home.text("Trip/plan.md"), "plan\n");
    home.skep(&["share", "Trip", "--edit"]).is(0, "/l/");
    assert_eq!(home.skep(&["cat", "Trip/plan.md"]).out, "plan\n");
    drop(hive);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_key_is_named() {
    let home = Home::new();
    drop(home.serve());
    let key = home.hive.join("data/hive.key");
    fs::write(&key, b"short").unwrap();
    let refused = home.skep(&["serve", "--listen", "127.0.0.1:0"]);
    refused.is(1, key.to_str().unwrap());
    assert!(!refused.err.contains("keyring"), "{refused:?}");
    assert_eq!(fs::read(&key).unwrap(), b"short", "it is left as it is");
}
