//! A file stays the same file through renames, moves, removal and return, and restarts.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn renames_and_moves_keep_ids_while_the_hive_watches() {
    let mut home = Home::new().await;
    home.put("a.txt", "a");
    home.put("folder/b.txt", "b");
    let share = home.share().await;
    let (a, folder, b) =
        (home.id(share, "a.txt"), home.id(share, "folder"), home.id(share, "folder/b.txt"));
    home.told_so_far();
    fs::rename(home.path("a.txt"), home.path("folder/c.txt")).expect("moved");
    home.entry(share, "folder/c.txt", |entry| entry.id == a).await;
    assert_eq!(home.told("folder/c.txt").await.what, What::Moved { from: rel("a.txt") });
    fs::rename(home.path("folder"), home.path("other")).expect("renamed");
    home.entry(share, "other", |entry| entry.id == folder).await;
    assert_eq!(home.id(share, "other/b.txt"), b);
    assert_eq!(home.id(share, "other/c.txt"), a);
    let told = home.told("other/b.txt").await;
    assert_eq!((told.id, told.what), (b, What::Moved { from: rel("folder/b.txt") }));
    // Into a folder that is new itself.
    fs::create_dir(home.path("new")).expect("a folder");
    fs::rename(home.path("other"), home.path("new/other")).expect("moved");
    home.entry(share, "new/other/c.txt", |entry| entry.id == a).await;
    assert_eq!(home.paths(share), ["new", "new/other", "new/other/b.txt", "new/other/c.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn renames_and_moves_keep_ids_while_the_hive_sleeps() {
    let home = Home::new().await;
    home.put("z.txt", "z");
    home.put("folder/deep/b.txt", "b");
    home.put("zoo/c.txt", "c");
    let share = home.share().await;
    let ids = ["z.txt", "folder", "folder/deep", "folder/deep/b.txt", "zoo/c.txt"]
        .map(|path| home.id(share, path));
    let trip = home.path("");
    let folder = home.stop().await;
    // One move in the order in which a scan walks, one against it, one into a new folder.
    fs::rename(trip.join("z.txt"), trip.join("a.txt")).expect("moved");
    fs::create_dir(trip.join("zz")).expect("a folder");
    fs::rename(trip.join("folder"), trip.join("zz/moved")).expect("moved");
    fs::rename(trip.join("zoo"), trip.join("alps")).expect("moved");
    put(&trip.join("alps/c.txt"), "changed as well");
    let mut home = Home::at(folder).await;
    home.in_step(share).await;
    let now = ["a.txt", "zz/moved", "zz/moved/deep", "zz/moved/deep/b.txt", "alps/c.txt"]
        .map(|path| home.id(share, path));
    assert_eq!(now, ids);
    let removed = home.told_so_far().into_iter().filter(|entry| entry.what == What::Removed);
    assert_eq!(removed.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_back_is_the_same_file() {
    let home = Home::new().await;
    home.put("folder/plan.md", "one");
    let share = home.share().await;
    let (folder, id) = (home.id(share, "folder"), home.id(share, "folder/plan.md"));
    fs::remove_dir_all(home.path("folder")).expect("removed");
    home.gone(share, "folder/plan.md").await;
    home.gone(share, "folder").await;
    assert!(matches!(home.handle.read(id, TEXT_BYTES_MAX).await, Err(Error::Gone)));
    home.put("folder/plan.md", "back");
    home.entry(share, "folder/plan.md", |entry| entry.id == id).await;
    assert_eq!(home.id(share, "folder"), folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_keeps_its_id_when_another_file_is_moved_over_it() {
    let home = Home::new().await;
    home.put("a.txt", "aa");
    home.put("b.txt", "b");
    let share = home.share().await;
    let b = home.id(share, "b.txt");
    fs::rename(home.path("a.txt"), home.path("b.txt")).expect("moved over");
    home.entry(share, "b.txt", |entry| entry.size == 2).await;
    assert_eq!(home.id(share, "b.txt"), b);
    home.gone(share, "a.txt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_place_of_a_file_is_another_thing() {
    let home = Home::new().await;
    home.put("thing", "a file");
    let share = home.share().await;
    let id = home.id(share, "thing");
    fs::remove_file(home.path("thing")).expect("removed");
    home.put("thing/inside.txt", "now a folder");
    home.entry(share, "thing/inside.txt", |_| true).await;
    let folder = home.id(share, "thing");
    assert_ne!(folder, id);
    fs::remove_dir_all(home.path("thing")).expect("removed");
    home.put("thing", "a file again");
    home.entry(share, "thing", |entry| entry.kind == EntryKind::File).await;
    assert_ne!(home.id(share, "thing"), folder);
    assert_eq!(home.paths(share), ["thing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_with_an_old_inode_is_a_new_file() {
    let home = Home::new().await;
    home.put("old.txt", "same size");
    let share = home.share().await;
    let old = home.id(share, "old.txt");
    for round in 0..20 {
        let (from, to) = match round % 2 {
            0 => ("old.txt", "new.txt"),
            _ => ("new.txt", "old.txt"),
        };
        let text = fs::read_to_string(home.path(from)).expect("it reads");
        fs::remove_file(home.path(from)).expect("removed");
        home.put(to, &text);
        home.rescan(share).await;
        home.gone(share, from).await;
    }
    assert_eq!(home.id(share, "old.txt"), old);
    assert_ne!(home.at_path(share, "old.txt").map(|entry| entry.seen_at), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_tells_each_file_once_and_nothing_of_the_first_scan() {
    let home = Home::new().await;
    for name in ["a.txt", "b.txt", "folder/c.txt", "folder/d.txt"] {
        home.put(name, "one");
    }
    let share = home.share().await;
    let recent = || home.store.read_blocking(|view| recent(view, 10)).expect("recent");
    assert_eq!(recent(), []);
    home.put("a.txt", "changed");
    home.entry(share, "a.txt", |entry| entry.size == 7).await;
    home.put("new.txt", "new");
    home.entry(share, "new.txt", |entry| entry.size == 3).await;
    fs::remove_dir_all(home.path("folder")).expect("removed");
    home.gone(share, "folder").await;
    home.put("brief.txt", "comes and goes");
    home.entry(share, "brief.txt", |_| true).await;
    fs::remove_file(home.path("brief.txt")).expect("removed");
    home.gone(share, "brief.txt").await;
    let told: Vec<(String, Verb)> =
        recent().into_iter().map(|recent| (recent.entry.path.to_string(), recent.verb)).collect();
    let wanted = [("folder", Verb::Removed), ("new.txt", Verb::Added), ("a.txt", Verb::Changed)];
    let mut told = told;
    // A removal takes several looks: its entries may have been seen to go before the folder.
    told.retain(|(path, _)| !path.starts_with("folder/"));
    assert_eq!(told, wanted.map(|(path, verb)| (path.to_owned(), verb)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_been_gone_for_long_is_forgotten() {
    let home = Home::new().await;
    home.put("old.txt", "old");
    home.put("other.txt", "other");
    let share = home.share().await;
    let (old, other) = (home.id(share, "old.txt"), home.id(share, "other.txt"));
    fs::remove_file(home.path("old.txt")).expect("removed");
    home.gone(share, "old.txt").await;
    home.ahead_ms.store(31 * types::DAY_MS, Ordering::Relaxed);
    fs::remove_file(home.path("other.txt")).expect("removed");
    home.gone(share, "other.txt").await;
    home.rescan(share).await;
    home.put("old.txt", "new");
    home.put("other.txt", "back");
    home.entry(share, "old.txt", |entry| entry.id != old).await;
    home.entry(share, "other.txt", |entry| entry.id == other).await;
}
