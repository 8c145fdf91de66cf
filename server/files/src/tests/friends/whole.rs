//! What a file is besides its bytes arrives, and what the disk spoils is found and mended.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use store::sql::params;

use super::*;

fn inode(home: &Home, path: &str) -> u64 {
    fs::metadata(home.path(path)).unwrap_or_else(|error| panic!("{path}: {error}")).ino()
}

/// Other bytes in a file of which nothing else is different, as a failing disk leaves it: the row
/// is told the one time that nobody can set.
async fn spoil(home: &Home, share: ShareId, path: &str) {
    // Nobody is to see how it is done.
    home.handle.pause(true).await.expect("paused");
    let (id, place) = (home.id(share, path), home.path(path));
    let before = fs::metadata(&place).expect("it stands");
    let file = fs::File::options().write(true).open(&place).expect("it opens");
    file.write_all_at(b"#", before.len() / 2).expect("it is spoilt");
    file.set_modified(before.modified().expect("a time")).expect("a time");
    drop(file);
    let now = fs::metadata(&place).expect("it stands");
    let changed = now.ctime() * 1_000_000_000 + now.ctime_nsec();
    let written = tokio::task::block_in_place(|| {
        home.store.write_blocking(move |tx| {
            let row = "UPDATE files_entry SET changed_ns = ?2 WHERE id = ?1";
            tx.execute(row, params![id.as_bytes(), changed])?;
            Ok::<_, store::Error>(())
        })
    });
    written.expect("written");
    home.handle.pause(false).await.expect("resumed");
    home.in_step(share).await;
}

/// Looks at everything, and tells how that went once nothing more is found out.
async fn scrubbed(home: &Home, share: Option<ShareId>) -> Scrubbed {
    home.handle.scrub(share).await.expect("it begins");
    let start = Instant::now();
    loop {
        let scrubbed = home.handle.scrubbed().await.expect("it is told");
        if !scrubbed.running {
            return scrubbed;
        }
        assert!(start.elapsed() < PATIENCE, "{scrubbed:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn why(home: &Home, share: ShareId, path: &str) -> Why {
    home.handle.why(share, rel(path)).await.expect("why")
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_one_file_arrive_as_such() {
    let one = Home::new().await;
    one.put("a", "one file");
    fs::hard_link(one.path("a"), one.path("b")).expect("a name");
    let share = one.share().await;
    let mut pair = Pair::with(one, share).await;
    pair.meet().await;
    assert_eq!(inode(&pair.two, "a"), inode(&pair.two, "b"));

    // A third name for what is there, and an edit through one of them.
    fs::hard_link(pair.two.path("b"), pair.two.path("c")).expect("a name");
    pair.meet().await;
    assert_eq!(inode(&pair.one, "a"), inode(&pair.one, "c"));
    let file = fs::File::options().write(true).open(pair.one.path("c")).expect("it opens");
    file.write_all_at(b"ONE", 0).expect("written");
    drop(file);
    pair.meet().await;
    for name in ["a", "b", "c"] {
        assert_eq!(text(&pair.two, name), "ONE file", "{name}");
        assert_eq!(inode(&pair.two, name), inode(&pair.two, "a"), "{name}");
    }

    // One of them becomes a file of its own.
    fs::write(pair.two.path("new"), "its own").expect("written");
    fs::rename(pair.two.path("new"), pair.two.path("b")).expect("renamed");
    pair.meet().await;
    assert_eq!((text(&pair.one, "a"), text(&pair.one, "b")), ("ONE file".into(), "its own".into()));
    assert_eq!(inode(&pair.one, "a"), inode(&pair.one, "c"));
    assert_ne!(inode(&pair.one, "a"), inode(&pair.one, "b"));
    assert_eq!(inode(&pair.two, "a"), inode(&pair.two, "c"));

    // And the last name that is left is an ordinary file.
    fs::remove_file(pair.one.path("c")).expect("removed");
    pair.meet().await;
    assert_eq!(text(&pair.two, "a"), "ONE file");
    let start = Instant::now();
    while pair.two.path("c").exists() {
        // A removal is told a moment later, when it is known not to be one of many.
        assert!(start.elapsed() < PATIENCE, "the name is still there");
        pair.meet().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_stay_holes() {
    let one = Home::new().await;
    let sparse = fs::File::create(one.path("sparse")).expect("a file");
    sparse.set_len(8 << 20).expect("a size");
    sparse.write_all_at(b"island", 4 << 20).expect("written");
    drop(sparse);
    let share = one.share().await;
    let mut pair = Pair::with(one, share).await;
    pair.meet().await;
    // A copy on one side comes from the file on the other.
    fs::copy(pair.one.path("sparse"), pair.one.path("copy")).expect("copied");
    pair.meet().await;
    for name in ["sparse", "copy"] {
        let facts = fs::metadata(pair.two.path(name)).expect("it stands");
        assert!(facts.blocks() * 512 < 1 << 20, "{name}: {} blocks", facts.blocks());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_inode_tells_is_seen_by_a_look_alone() {
    let mut pair = Pair::new().await;
    pair.one.put("run.sh", "#!/bin/sh");
    pair.one.put("time.txt", "one");
    pair.meet().await;
    let Pair { one, two, share, told } = pair;
    // Nobody watches while the hive is away.
    let folder = one.stop().await;
    let place = |name: &str| folder.path().join("trip").join(name);
    fs::set_permissions(place("run.sh"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let empty = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(place("run.sh"), "user.note", b"kept", empty).expect("an attribute");
    let before = fs::metadata(place("time.txt")).expect("it stands").modified().expect("a time");
    fs::write(place("time.txt"), "two").expect("written");
    let file = fs::File::options().write(true).open(place("time.txt")).expect("it opens");
    file.set_modified(before).expect("a time");
    drop(file);
    let one = Home::at(folder).await;
    one.in_step(share).await;
    let mut pair = Pair { one, two, share, told };
    pair.meet().await;
    let mode = fs::metadata(pair.two.path("run.sh")).expect("it stands").permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
    assert_eq!(text(&pair.two, "time.txt"), "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_shared_are_told_of() {
    let home = Home::new().await;
    let share = home.share().await;
    let odd = std::ffi::OsStr::from_bytes(b"odd-\xff\xfe");
    fs::write(home.folder.path().join("trip").join(odd), "bytes").expect("written");
    let start = Instant::now();
    loop {
        let progress = home.handle.progress(share).await.expect("progress");
        if let Some(why) = progress.waiting.iter().find(|why| why.code == "name") {
            assert_eq!(why.path.as_str(), "odd-\\xff\\xfe");
            assert!(progress.in_step && why.hint.contains("Rename"), "{why:?}");
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{progress:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(why(&home, share, "odd-\\xff\\xfe").await.code, "name");
    fs::rename(home.folder.path().join("trip").join(odd), home.path("even")).expect("renamed");
    home.entry(share, "even", |_| true).await;
    home.rescan(share).await;
    assert_eq!(home.handle.progress(share).await.expect("progress").waiting, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_spoils_comes_from_the_own_history() {
    let home = Home::new().await;
    home.put("plan.md", "a long plan");
    let share = home.share().await;
    let handle = home.handle.clone();
    home.settled(share).await;
    spoil(&home, share, "plan.md").await;
    home.rescan(share).await;
    let scrubbed = scrubbed(&home, Some(share)).await;
    let found: Vec<_> =
        scrubbed.damaged.iter().map(|one| (one.path.as_str(), one.healed)).collect();
    assert_eq!(found, [("plan.md", true)], "{scrubbed:?}");
    assert_eq!(text(&home, "plan.md"), "a long plan");
    assert_eq!(handle.progress(share).await.expect("progress").waiting, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_spoils_comes_from_a_friend_and_never_goes_to_one() {
    let one = Home::new().await;
    // The history is to keep nothing.
    let nothing = |tx: &mut Tx| store::set_setting(tx, crate::history::FILE_MB, Some("0"));
    one.store.write(nothing).await.expect("a setting");
    one.put("large.bin", &"all is well ".repeat(20_000));
    one.put("small.txt", "all is well");
    let share = one.share().await;
    let mut pair = Pair::with(one, share).await;
    pair.meet().await;
    for name in ["large.bin", "small.txt"] {
        spoil(&pair.one, share, name).await;
    }
    let small = Hash::of(b"all is well");
    let given = pair.one.handle.content(share, small).await;
    assert!(matches!(given, Err(Error::Gone)), "{given:?}");

    let found = scrubbed(&pair.one, None).await;
    assert_eq!(found.damaged.len(), 2, "{found:?}");
    assert_eq!(why(&pair.one, share, "large.bin").await.code, "damaged");
    let progress = pair.one.handle.progress(share).await.expect("progress");
    assert!(!progress.in_step && progress.waiting.len() == 2, "{progress:?}");

    // Touching it makes no edit of it.
    let file = fs::File::options().write(true).open(pair.one.path("small.txt")).expect("it opens");
    file.set_modified(std::time::SystemTime::now()).expect("a time");
    drop(file);
    pair.one.rescan(share).await;
    assert_eq!(text(&pair.two, "small.txt"), "all is well");
    pair.meet().await;
    for home in [&pair.one, &pair.two] {
        assert_eq!(text(home, "small.txt"), "all is well");
        assert_eq!(text(home, "large.bin"), "all is well ".repeat(20_000));
    }
    let progress = pair.one.handle.progress(share).await.expect("progress");
    assert_eq!(progress.waiting, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_version_comes_whole_again() {
    let home = Home::new().await;
    home.put("large.bin", &"all is well ".repeat(20_000));
    let share = home.share().await;
    home.settled(share).await;
    tokio::task::block_in_place(|| home.store.sweep_chunks()).expect("packed");
    let packs = home.folder.path().join("data").join("chunks");
    let pack = fs::read_dir(packs).expect("packs").flatten().next().expect("a pack").path();
    let length = fs::metadata(&pack).expect("it stands").len();
    let file = fs::File::options().write(true).open(&pack).expect("it opens");
    file.write_all_at(b"spoilt", length - 6).expect("it is spoilt");
    drop(file);
    let found = scrubbed(&home, None).await;
    let told: Vec<_> = found.damaged.iter().map(|one| (one.earlier, one.healed)).collect();
    assert_eq!(told, [(true, true)], "{found:?}");
    let found = scrubbed(&home, None).await;
    assert_eq!(found.damaged, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_a_disk_cannot_hold_stand_there_otherwise() {
    let one = Home::new().await;
    for name in ["a:b.txt", "CON", "sub ?/end.", "plain"] {
        one.put(name, name);
    }
    let share = one.share().await;
    let two = Home::narrow().await;
    let accepted = two.handle.accept_share(share, two.path(""), "Trip".to_owned(), Vec::new());
    accepted.await.expect("it is accepted");
    two.in_step(share).await;
    let mut pair = Pair { one, two, share, told: [0, 0] };
    let mut settled = false;
    let start = Instant::now();
    while !settled {
        pair.hand_over().await;
        settled = pair.is_calm().await && pair.two.path("a\u{F03A}b.txt").exists();
        assert!(start.elapsed() < PATIENCE, "{:?}", tree_of(&pair.two).keys());
    }
    assert_eq!(text(&pair.two, "\u{F043}ON"), "CON");
    assert_eq!(text(&pair.two, "sub \u{F03F}/end\u{F02E}"), "sub ?/end.");
    assert_eq!(text(&pair.two, "plain"), "plain");
    assert_eq!(pair.two.paths(share), pair.one.paths(share));
    let told = why(&pair.two, share, "a:b.txt").await;
    assert!(told.in_step && told.detail.contains("a\u{F03A}b.txt"), "{told:?}");

    // What is changed there goes back under the true name, and nothing is thought to be new.
    fs::write(pair.two.path("sub \u{F03F}/end\u{F02E}"), "changed").expect("written");
    fs::rename(pair.two.path("\u{F043}ON"), pair.two.path("c\u{F02A}d")).expect("renamed");
    let start = Instant::now();
    while text(&pair.one, "sub ?/end.") != "changed" || !pair.one.path("c*d").exists() {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "{:?}", tree_of(&pair.one).keys());
    }
    let names = ["a:b.txt", "c*d", "plain", "sub ?", "sub ?/end."];
    assert_eq!(pair.one.paths(share), names);
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_modes_arrive() {
    let one = Home::new().await;
    for (name, mode) in [("private", 0o600), ("fixed", 0o444), ("run", 0o700)] {
        one.put(name, name);
        fs::set_permissions(one.path(name), fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let share = one.share().await;
    let mut pair = Pair::with(one, share).await;
    pair.meet().await;
    let mode = |home: &Home, name: &str| {
        fs::metadata(home.path(name)).expect("it stands").permissions().mode() & 0o777
    };
    for (name, wanted) in [("private", 0o600), ("fixed", 0o444), ("run", 0o700)] {
        assert_eq!(mode(&pair.two, name), wanted, "{name}");
    }
    fs::set_permissions(pair.two.path("private"), fs::Permissions::from_mode(0o644))
        .expect("a mode");
    let start = Instant::now();
    while mode(&pair.one, "private") != 0o644 {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "{:o}", mode(&pair.one, "private"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_and_its_log_appear_together() {
    let one = Home::new().await;
    let share = one.share().await;
    let rested = std::time::SystemTime::now() - Duration::from_secs(60);
    for (name, content) in [("a.db", "pages ".repeat(20_000)), ("a.db-wal", "frames".to_owned())] {
        one.put(&format!("made/{name}"), &content);
        let file = fs::File::options().write(true).open(one.path(&format!("made/{name}")));
        file.expect("it opens").set_modified(rested).expect("a time");
    }
    one.rescan(share).await;
    one.settled(share).await;
    let mut pair = Pair::with(one, share).await;
    let records =
        pair.one.store.read_blocking(|view| store::records_since(view, share, 0, usize::MAX));
    let nodes = records.expect("records").into_iter();
    let nodes = nodes.map(|record| postcard::from_bytes(&record.body).expect("a node")).collect();
    pair.two.handle.take_nodes(share, nodes, true).await.expect("taken");
    // The log comes first, and waits.
    let log = b"frames".to_vec();
    let start = Instant::now();
    loop {
        let wanted = pair.two.handle.wanted(share).await.expect("what is wanted");
        if wanted.len() == 2 {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{wanted:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    pair.two.handle.give(share, vec![(Hash::of(&log), log)]).await.expect("given");
    let start = Instant::now();
    while why(&pair.two, share, "made/a.db-wal").await.code != "content"
        || pair.two.handle.wanted(share).await.expect("what is wanted").len() != 1
    {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(!pair.two.path("made/a.db-wal").exists());
    pair.meet().await;
    assert_eq!(text(&pair.two, "made/a.db-wal"), "frames");
}
