//! Two hives that hand each other records and contents, without any network between them, come to
//! hold the same, whatever is done on either side.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use tree::Node;

use super::*;

mod chosen;
mod in_hand;
mod merged;
mod outline;
mod random;
mod strangers;
mod whole;
mod words;

/// How much is given whole; the rest is received bit by bit.
const WHOLE_BYTES_MAX: u64 = 64 * 1_024;
const PIECE_BYTES: usize = 100_000;

/// Two hives in one share.
struct Pair {
    one: Home,
    two: Home,
    share: ShareId,
    /// Up to which record each has told the other.
    told: [u64; 2],
}

/// What a person finds under a path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    content: Vec<u8>,
    mode: u32,
    modified: (i64, i64),
    note: Option<Vec<u8>>,
}

impl Pair {
    async fn new() -> Self {
        let one = Home::new().await;
        let share = one.share().await;
        Self::with(one, share).await
    }

    async fn with(one: Home, share: ShareId) -> Self {
        let two = Home::new().await;
        two.handle
            .accept_share(share, two.path(""), "Trip".to_owned(), Vec::new())
            .await
            .expect("it is accepted");
        two.in_step(share).await;
        Self { one, two, share, told: [0, 0] }
    }

    /// Hands everything over until both hold the same.
    async fn meet(&mut self) {
        let start = Instant::now();
        let mut quiet = 0;
        loop {
            self.hand_over().await;
            let calm = self.is_calm().await && self.trees_are_equal();
            quiet = if calm { quiet + 1 } else { 0 };
            if quiet == 3 {
                return;
            }
            if start.elapsed() > PATIENCE {
                let one = self.one.handle.progress(self.share).await;
                let two = self.two.handle.progress(self.share).await;
                for home in [&self.one, &self.two] {
                    home.explain(self.share);
                }
                panic!(
                    "they stay apart: {one:?}\n{two:?}\n{:?}\n{:?}",
                    tree_of(&self.one).keys(),
                    tree_of(&self.two).keys()
                );
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn hand_over(&mut self) {
        self.rescan_both().await;
        for (index, (from, to)) in
            [(&self.one, &self.two), (&self.two, &self.one)].into_iter().enumerate()
        {
            let since = self.told[index];
            let share = self.share;
            let records = from
                .store
                .read_blocking(|view| store::records_since(view, share, since, usize::MAX))
                .expect("records");
            if let Some(last) = records.last() {
                self.told[index] = last.seq;
                let nodes: Vec<Node> = records
                    .iter()
                    .map(|record| postcard::from_bytes(&record.body).expect("a node"))
                    .collect();
                to.handle.take_nodes(share, nodes, true).await.expect("taken");
            }
            bring(from, to, share).await;
        }
    }

    async fn rescan_both(&self) {
        self.one.rescan(self.share).await;
        self.two.rescan(self.share).await;
    }

    async fn is_calm(&self) -> bool {
        for (index, home) in [&self.one, &self.two].into_iter().enumerate() {
            let progress = home.handle.progress(self.share).await.expect("progress");
            let share = self.share;
            let newest = home.store.read_blocking(|view| store::newest_record(view, share));
            if !progress.in_step || newest.expect("a position") != self.told[index] {
                return false;
            }
        }
        true
    }

    fn trees_are_equal(&self) -> bool {
        tree_of(&self.one) == tree_of(&self.two)
    }
}

/// Brings the contents that are wanted.
async fn bring(from: &Home, to: &Home, share: ShareId) {
    for wanted in to.handle.wanted(share).await.expect("what is wanted") {
        let Ok(reader) = from.handle.content(share, wanted.hash).await else { continue };
        let size = usize::try_from(reader.size).expect("a size");
        if reader.size <= WHOLE_BYTES_MAX {
            let mut bytes = vec![0; size];
            assert_eq!(reader.read_at(0, &mut bytes).expect("it reads"), size);
            to.handle.give(share, vec![(wanted.hash, bytes)]).await.expect("given");
            continue;
        }
        let mut receiving =
            to.handle.receive(share, wanted.hash, reader.size).await.expect("received");
        let mut buffer = vec![0; PIECE_BYTES];
        for (start, end) in receiving.missing() {
            let mut at = start;
            while at < end {
                let read = reader.read_at(at, &mut buffer).expect("it reads");
                let read = read.min(usize::try_from(end - at).expect("a size"));
                receiving.write_at(at, &buffer[..read]).expect("it is written");
                at += read as u64;
            }
        }
        let done = tokio::task::spawn_blocking(move || receiving.finish()).await.expect("done");
        assert!(done.expect("finished"), "another content came");
    }
}

/// Everything that people see in the shared folder.
fn tree_of(home: &Home) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    let mut folders = vec![home.path("")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(home.path("")).expect("inside").to_owned();
            let name = name.to_str().expect("UTF-8").to_owned();
            if name.starts_with(".skep-") {
                continue;
            }
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let mut one = Found {
                content: Vec::new(),
                mode: metadata.permissions().mode() & 0o111,
                modified: (metadata.mtime(), metadata.mtime_nsec()),
                note: None,
            };
            if metadata.is_dir() {
                one = Found { content: b"folder".to_vec(), mode: 0, modified: (0, 0), note: None };
                folders.push(path);
            } else if metadata.is_symlink() {
                let target = fs::read_link(&path).expect("a link");
                one.content = target.into_os_string().into_encoded_bytes();
                one.mode = 0;
                one.modified = (0, 0);
            } else {
                one.content = fs::read(&path).unwrap_or_default();
                let mut value = vec![0; 1_000];
                let read = rustix::fs::getxattr(&path, "user.note", &mut value[..]);
                one.note = read.ok().map(|length| value[..length].to_vec());
            }
            found.insert(name, one);
        }
    }
    found
}

fn text(home: &Home, path: &str) -> String {
    fs::read_to_string(home.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_on_one_hive_comes_to_the_other() {
    let one = Home::new().await;
    one.put("plan.md", "one");
    one.put("deep/er/notes.txt", "two");
    one.put("leer/..x/ü — ñ\u{301} ~.txt", "odd");
    one.put("back\\slash: * ? \"<>|", "odd");
    fs::create_dir_all(one.path("empty/inside")).expect("a folder");
    one.put("run.sh", "#!/bin/sh\n");
    fs::set_permissions(one.path("run.sh"), fs::Permissions::from_mode(0o755)).expect("mode");
    symlink("deep/er/notes.txt", one.path("shortcut")).expect("a link");
    symlink("/etc/passwd", one.path("outside")).expect("a link");
    rustix::fs::setxattr(
        one.path("plan.md"),
        "user.note",
        b"kept",
        rustix::fs::XattrFlags::empty(),
    )
    .expect("an attribute");
    let big: Vec<u8> = (0..1_500_000_u32).map(|byte| (byte / 7 % 251) as u8).collect();
    fs::write(one.path("big.bin"), &big).expect("written");
    fs::write(one.path("empty.txt"), b"").expect("written");
    let sparse = fs::File::create(one.path("sparse.img")).expect("made");
    sparse.set_len(8_000_000).expect("long");
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 7_999_000).expect("written");
    drop(sparse);
    let share = one.share().await;
    let mut pair = Pair::with(one, share).await;
    let outside = pair.one.path("outside");
    let link = fs::read_link(&outside).expect("a link");
    // What leads out is not shared, and stays.
    assert_eq!(link, Path::new("/etc/passwd"));
    fs::remove_file(outside).expect("removed");
    pair.meet().await;
    assert_eq!(fs::read(pair.two.path("big.bin")).expect("it reads"), big);
    let sparse = fs::metadata(pair.two.path("sparse.img")).expect("it is there");
    assert!(sparse.blocks() * 512 < 1_000_000, "{} blocks", sparse.blocks());
    assert!(pair.two.path("empty/inside").is_dir());
    assert_eq!(pair.one.id(share, "plan.md"), pair.two.id(share, "plan.md"));
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_renames_moves_and_removals_follow() {
    let mut pair = Pair::new().await;
    pair.one.put("a/one.txt", "one");
    pair.one.put("a/two.txt", "two");
    pair.one.put("b/three.txt", "three");
    pair.meet().await;
    let id = pair.two.id(pair.share, "a/one.txt");
    pair.two.put("a/one.txt", "one, edited");
    fs::rename(pair.two.path("b/three.txt"), pair.two.path("four.txt")).expect("renamed");
    pair.meet().await;
    assert_eq!(text(&pair.one, "a/one.txt"), "one, edited");
    assert_eq!(text(&pair.one, "four.txt"), "three");
    fs::rename(pair.one.path("a"), pair.one.path("b/moved")).expect("moved");
    pair.meet().await;
    assert_eq!(pair.two.id(pair.share, "b/moved/one.txt"), id);
    assert!(!pair.two.path("a").exists());
    fs::remove_dir_all(pair.two.path("b")).expect("removed");
    pair.meet().await;
    assert!(!pair.one.path("b").exists());
    // What a friend removed is kept.
    let kept = fs::read_dir(pair.one.path(".skep-kept")).map(Iterator::count).unwrap_or(0);
    let known = pair.one.handle.content(pair.share, Hash::of(b"one, edited")).await.is_ok();
    assert!(kept > 0 || known);
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_names_and_a_chain_of_renames_follow() {
    let mut pair = Pair::new().await;
    for name in ["a", "b", "c"] {
        pair.one.put(name, name);
    }
    pair.meet().await;
    pair.one.handle.pause(true).await.expect("paused");
    fs::rename(pair.one.path("a"), pair.one.path("x")).expect("renamed");
    fs::rename(pair.one.path("b"), pair.one.path("a")).expect("renamed");
    fs::rename(pair.one.path("c"), pair.one.path("b")).expect("renamed");
    fs::rename(pair.one.path("x"), pair.one.path("c")).expect("renamed");
    pair.one.handle.pause(false).await.expect("resumed");
    pair.one.in_step(pair.share).await;
    pair.meet().await;
    let texts = ["a", "b", "c"].map(|name| text(&pair.two, name));
    assert_eq!(texts, ["b", "c", "a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dress_alone_follows() {
    let mut pair = Pair::new().await;
    pair.one.put("run.sh", "#!/bin/sh\n");
    pair.meet().await;
    let inode = fs::metadata(pair.two.path("run.sh")).expect("it is there").ino();
    fs::set_permissions(pair.one.path("run.sh"), fs::Permissions::from_mode(0o755)).expect("mode");
    rustix::fs::setxattr(
        pair.one.path("run.sh"),
        "user.note",
        b"new",
        rustix::fs::XattrFlags::empty(),
    )
    .expect("an attribute");
    pair.meet().await;
    let metadata = fs::metadata(pair.two.path("run.sh")).expect("it is there");
    assert_eq!(metadata.permissions().mode() & 0o100, 0o100);
    assert_eq!(metadata.ino(), inode, "the content was written again");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_changed_apart_merge_and_others_stay_two_versions() {
    let mut pair = Pair::new().await;
    let lines: Vec<String> = (0..20).map(|line| format!("line {line}")).collect();
    pair.one.put("plan.md", &lines.join("\n"));
    pair.one.put("data.bin", "\0 first");
    pair.meet().await;
    let (mut ours, mut theirs) = (lines.clone(), lines.clone());
    ours[2] = "line 2, ours".to_owned();
    theirs[17] = "line 17, theirs".to_owned();
    pair.one.put("plan.md", &ours.join("\n"));
    pair.one.put("data.bin", "\0 ours");
    pair.two.put("plan.md", &theirs.join("\n"));
    pair.two.put("data.bin", "\0 theirs, later");
    pair.meet().await;
    let mut both = ours;
    both[17].clone_from(&theirs[17]);
    assert_eq!(text(&pair.one, "plan.md"), both.join("\n"));
    let share = pair.share;
    let apart = pair.one.store.read_blocking(|view| two_versions(view, Some(share)));
    let apart = apart.expect("two versions");
    assert_eq!(apart.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["data.bin"]);
    let why = pair.two.handle.why(share, rel("data.bin")).await.expect("why");
    assert_eq!(why.code, "two_versions");
    pair.two.handle.resolve(apart[0].file, Keep::Both).await.expect("resolved");
    pair.meet().await;
    let mut contents: Vec<String> = tree_of(&pair.one)
        .iter()
        .filter(|(name, _)| name.starts_with("data"))
        .map(|(_, found)| String::from_utf8_lossy(&found.content).into_owned())
        .collect();
    contents.sort();
    assert_eq!(contents, ["\0 ours", "\0 theirs, later"]);
    let apart = pair.one.store.read_blocking(|view| two_versions(view, Some(share)));
    assert!(apart.expect("none").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_beats_a_removal_made_apart() {
    let mut pair = Pair::new().await;
    pair.one.put("a/plan.md", "one");
    pair.one.put("a/other.md", "other");
    pair.meet().await;
    fs::remove_dir_all(pair.one.path("a")).expect("removed");
    pair.two.put("a/plan.md", "one, still needed");
    pair.meet().await;
    assert_eq!(text(&pair.one, "a/plan.md"), "one, still needed");
    assert!(!pair.one.path("a/other.md").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_folder_on_both_sides_becomes_one() {
    let one = Home::new().await;
    let two = Home::new().await;
    for home in [&one, &two] {
        home.put("a/same.txt", "same");
        home.put("a/b/deep.txt", "deep");
    }
    one.put("a/ours.txt", "ours");
    two.put("a/theirs.txt", "theirs");
    one.put("a/other.bin", "\0 ours");
    two.put("a/other.bin", "\0 theirs");
    let share = one.share().await;
    two.handle
        .accept_share(share, two.path(""), "Trip".to_owned(), Vec::new())
        .await
        .expect("it is accepted");
    two.in_step(share).await;
    let mut pair = Pair { one, two, share, told: [0, 0] };
    pair.meet().await;
    let names: Vec<String> = tree_of(&pair.one).into_keys().collect();
    assert_eq!(
        names,
        ["a", "a/b", "a/b/deep.txt", "a/other.bin", "a/ours.txt", "a/same.txt", "a/theirs.txt"]
    );
    assert_eq!(pair.one.id(share, "a/b/deep.txt"), pair.two.id(share, "a/b/deep.txt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_removals_at_once_wait_for_a_word() {
    let mut pair = Pair::new().await;
    for number in 0..60 {
        pair.one.put(&format!("a/{number}"), "content");
    }
    pair.one.put("b", "stays");
    pair.meet().await;
    fs::remove_dir_all(pair.one.path("a")).expect("removed");
    let start = Instant::now();
    loop {
        pair.hand_over().await;
        let progress = pair.one.handle.progress(pair.share).await.expect("progress");
        if progress.held_back.is_some_and(|held| held.own == 61 && held.friends == 0) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{progress:?}");
    }
    assert_eq!(fs::read_dir(pair.two.path("a")).expect("it lists").count(), 60);
    pair.one.handle.confirm_deletions(pair.share, true).await.expect("confirmed");
    // The other side has its own word to say.
    let start = Instant::now();
    loop {
        pair.hand_over().await;
        let progress = pair.two.handle.progress(pair.share).await.expect("progress");
        if progress.held_back.is_some_and(|held| held.friends >= 50) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{progress:?}");
    }
    assert!(pair.two.path("a").exists());
    pair.two.handle.confirm_deletions(pair.share, true).await.expect("confirmed");
    pair.meet().await;
    assert!(!pair.two.path("a").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ignored_stays_at_home() {
    let mut pair = Pair::new().await;
    pair.one.handle.set_ignored(pair.share, "build/\n".to_owned()).await.expect("written");
    pair.one.put("plan.md", "one");
    pair.one.put("build/out.o", "x");
    pair.one.put(".plan.md.swp", "x");
    pair.rescan_both().await;
    let caught = pair
        .one
        .handle
        .ignore_preview(pair.share, "build/\n*.md\n".to_owned())
        .await
        .expect("a preview");
    let start = Instant::now();
    while pair.two.at_path(pair.share, "plan.md").is_none() {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "{:?}", tree_of(&pair.two).keys());
    }
    assert!(!pair.two.path("build/out.o").exists());
    assert!(!pair.two.path(".plan.md.swp").exists());
    assert!(caught.iter().any(|one| one.path == rel("plan.md") && one.line == Some(2)));
    let why = pair.one.handle.why(pair.share, rel(".plan.md.swp")).await.expect("why");
    assert_eq!(why.code, "ignored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hive_that_is_killed_goes_on_where_it_was() {
    let mut pair = Pair::new().await;
    let big: Vec<u8> = (0..900_000_u32).map(|byte| (byte / 3 % 241) as u8).collect();
    fs::write(pair.one.path("big.bin"), &big).expect("written");
    pair.one.put("a/small.txt", "small");
    // The records come, a part of the content, and then nothing more.
    let hash = Hash::of(&big);
    let wanted = loop {
        pair.rescan_both().await;
        pair.hand_over_records().await;
        let wanted = pair.two.handle.wanted(pair.share).await.expect("what is wanted");
        if let Some(wanted) = wanted.into_iter().find(|wanted| wanted.hash == hash) {
            break wanted;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    let mut receiving =
        pair.two.handle.receive(pair.share, hash, wanted.size).await.expect("received");
    receiving.write_at(0, &big[..500_000]).expect("it is written");
    let kept = tokio::task::spawn_blocking(move || receiving.leave());
    kept.await.expect("kept").expect("kept");
    let Pair { one, two, share, told } = pair;
    let two = two.again().await;
    two.in_step(share).await;
    let start = Instant::now();
    loop {
        let wanted = two.handle.wanted(share).await.expect("what is wanted");
        if let Some(wanted) = wanted.iter().find(|wanted| wanted.hash == hash) {
            let receiving = two.handle.receive(share, hash, wanted.size).await.expect("received");
            assert_eq!(receiving.here(), [(0, 500_000)]);
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{wanted:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut pair = Pair { one, two, share, told };
    pair.meet().await;
    assert_eq!(fs::read(pair.two.path("big.bin")).expect("it reads"), big);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_nothing_missing_counts_as_removed() {
    let mut pair = Pair::new().await;
    pair.one.put("plan.md", "one");
    pair.one.put("other.md", "two");
    pair.meet().await;
    let Pair { one, two, share, told } = pair;
    let store = one.store.clone();
    one.handle.pause(true).await.expect("paused");
    store.write(after_restore).await.expect("noted");
    fs::remove_file(one.path("plan.md")).expect("removed");
    one.handle.pause(false).await.expect("resumed");
    one.in_step(share).await;
    let mut pair = Pair { one, two, share, told };
    let start = Instant::now();
    while pair.one.handle.progress(share).await.expect("progress").held_back.is_none() {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "nothing is held back");
    }
    assert!(pair.two.path("plan.md").exists());
    pair.one.handle.confirm_deletions(share, false).await.expect("taken back");
    pair.meet().await;
    assert_eq!(text(&pair.one, "plan.md"), "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_away_before_a_crash_is_found_again() {
    let home = Home::new().await;
    let share = home.share().await;
    let home = home.stop().await;
    let part = format!(".skep-part-{share}-aside-00000000000000ab-0");
    fs::write(home.path().join("trip").join(part), "somebody's work").expect("written");
    let home = Home::at(home).await;
    home.in_step(share).await;
    let hash = Hash::of(b"somebody's work");
    let reader = home.handle.content(share, hash).await.expect("it is kept");
    let mut bytes = vec![0; 15];
    reader.read_at(0, &mut bytes).expect("it reads");
    assert_eq!(bytes, b"somebody's work");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_taken_when_it_rests() {
    let home = Home::new().await;
    home.put("app.db", "half a transaction");
    home.put("app.db-journal", "the other half");
    let share = home.share().await;
    let start = Instant::now();
    loop {
        let why = home.handle.why(share, rel("app.db")).await.expect("why");
        if why.code == "busy" {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{why:?}");
    }
    fs::remove_file(home.path("app.db-journal")).expect("removed");
    home.put("app.db", "a whole transaction");
    let start = Instant::now();
    while !home.handle.why(share, rel("app.db")).await.expect("why").in_step {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(home.handle.content(share, Hash::of(b"a whole transaction")).await.is_ok());
    assert!(home.handle.content(share, Hash::of(b"half a transaction")).await.is_err());
}

impl Home {
    /// Prints what is known of what is out of step.
    fn explain(&self, share: ShareId) {
        self.store
            .read_blocking(|view| {
                for waiting in db::tree::failed_steps(view, share, 10)? {
                    let id = waiting.id;
                    println!("{waiting:?}");
                    println!("held  {:?}", db::tree::held(view, share, id)?);
                    println!("known {:?}", db::known(view, share, id)?);
                    println!("node  {:?}", db::tree::node(view, share, id)?);
                }
                Ok::<_, Error>(())
            })
            .expect("it is explained");
    }
}

impl Pair {
    /// Records alone, without what they tell of.
    async fn hand_over_records(&mut self) {
        let (share, since) = (self.share, self.told[0]);
        let records = self
            .one
            .store
            .read_blocking(|view| store::records_since(view, share, since, usize::MAX))
            .expect("records");
        let Some(last) = records.last() else { return };
        self.told[0] = last.seq;
        let nodes = records.iter().map(|record| postcard::from_bytes(&record.body));
        let nodes = nodes.collect::<Result<Vec<Node>, _>>().expect("nodes");
        self.two.handle.take_nodes(share, nodes, true).await.expect("taken");
    }
}
