//! Which folders may be shared, and what a folder that went away does to its share.

use super::*;

async fn refused(home: &Home, path: &Path) -> String {
    match home.handle.share(path.to_owned(), None).await {
        Err(Error::Refused(words)) => words,
        other => panic!("{} was not refused: {other:?}", path.display()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_shared_is_refused_with_a_reason() {
    let home = Home::new().await;
    let base = home.folder.path().to_owned();
    for (path, reason) in [
        (base.join("absent"), "nothing at"),
        (PathBuf::from("/"), "Skep's own data folder"),
        (base.clone(), "Skep's own data folder"),
        (base.join("data"), "belongs to Skep"),
        (base.join("data/hive.db"), "belongs to Skep"),
        (base.join("data/snapshots"), "belongs to Skep"),
        (PathBuf::from("/dev/null"), "neither a folder nor a file"),
    ] {
        let words = refused(&home, &path).await;
        assert!(words.contains(reason), "{path:?}: {words}");
    }
    home.put("inner/file.txt", "text");
    let inner = home.handle.share(home.path("inner"), None).await.expect("shared").share;
    let words = refused(&home, &home.path("")).await;
    assert!(words.contains("\"inner\""), "{words}");
    let placed = home.handle.share(home.path("inner/file.txt"), None).await.expect("inside");
    assert_eq!((placed.share.id, placed.path, placed.new), (inner.id, rel("file.txt"), false));
    let placed = home.handle.share(home.path("inner"), None).await.expect("again");
    assert_eq!((placed.share.id, placed.path, placed.new), (inner.id, RelPath::root(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_folder_shares_the_folder_itself() {
    let home = Home::new().await;
    home.put("inner/file.txt", "text");
    let link = home.folder.path().join("link");
    std::os::unix::fs::symlink(home.path("inner"), &link).expect("a link");
    let placed = home.handle.share(link, Some("Mine".to_owned())).await.expect("shared");
    assert_eq!(placed.share.root, disk::canonical(&home.path("inner")));
    assert_eq!(placed.share.name, "Mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_root_changes_nothing_and_comes_back_by_itself() {
    let home = Home::new().await;
    home.put("folder/plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "folder/plan.md");
    let away = home.folder.path().join("away");
    fs::rename(home.path(""), &away).expect("moved away");
    let state = home.state(share, |state| matches!(state, State::Missing { .. })).await;
    let State::Missing { why } = state else { panic!("{state:?}") };
    assert!(why.contains("is not there"), "{why}");
    assert_eq!(home.paths(share), ["folder", "folder/plan.md"]);
    assert!(matches!(home.handle.read(id, 100).await, Err(Error::Missing { .. })));
    // An empty folder in its place, as a mount point is: still nothing counts as deleted.
    fs::create_dir(home.path("")).expect("a folder");
    assert!(matches!(home.handle.rescan(share, RelPath::root()).await, Err(Error::Missing { .. })));
    let created = home.handle.create(share, rel("new.txt"), b"x".to_vec(), None).await;
    assert!(matches!(created, Err(Error::Missing { .. })), "{created:?}");
    assert_eq!(home.paths(share), ["folder", "folder/plan.md"]);
    assert_eq!(fs::read_dir(home.path("")).expect("it lists").count(), 0);
    fs::remove_dir(home.path("")).expect("removed");
    put(&away.join("folder/new.md"), "made while it was away");
    fs::rename(&away, home.path("")).expect("back");
    home.in_step(share).await;
    assert_eq!(home.paths(share), ["folder", "folder/new.md", "folder/plan.md"]);
    assert_eq!(home.id(share, "folder/plan.md"), id);
    // And it is followed again.
    home.put("folder/later.md", "later");
    home.entry(share, "folder/later.md", |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_marker_a_folder_is_not_the_shared_one() {
    let home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    let marker = fs::read_to_string(home.path(RelPath::MARKER)).expect("a marker");
    assert!(marker.lines().any(|line| line == share.to_string()), "{marker}");
    assert_eq!(home.paths(share), ["plan.md"]);
    fs::remove_file(home.path(RelPath::MARKER)).expect("removed");
    fs::remove_file(home.path("plan.md")).expect("removed");
    home.state(share, |state| matches!(state, State::Missing { .. })).await;
    assert_eq!(home.paths(share), ["plan.md"]);
    let home = home.again().await;
    home.state(share, |state| matches!(state, State::Missing { .. })).await;
    assert_eq!(home.paths(share), ["plan.md"]);
    home.put(RelPath::MARKER, "aaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    assert!(home.handle.rescan(share, RelPath::root()).await.is_err());
    assert_eq!(home.paths(share), ["plan.md"]);
    home.put(RelPath::MARKER, &marker);
    home.in_step(share).await;
    assert!(home.paths(share).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn unsharing_removes_rows_and_marker_and_touches_nothing_else() {
    let home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    let other = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let marker = fs::read_to_string(home.path(RelPath::MARKER)).expect("a marker");
    home.put(RelPath::MARKER, &format!("{marker}{other}\n"));
    home.handle.unshare(share).await.expect("unshared");
    let left = fs::read_to_string(home.path(RelPath::MARKER)).expect("of another hive");
    assert!(left.contains(other) && !left.contains(&share.to_string()), "{left}");
    assert_eq!(fs::read(home.path("plan.md")).expect("it stays"), b"one");
    assert!(home.store.read_blocking(shares).expect("shares").is_empty());
    assert!(matches!(home.handle.read(id, 100).await, Err(Error::Gone)));
    assert!(matches!(home.handle.unshare(share).await, Err(Error::Gone)));
    fs::remove_file(home.path(RelPath::MARKER)).expect("removed");
    let share = home.share().await;
    home.handle.unshare(share).await.expect("unshared");
    assert!(!home.path(RelPath::MARKER).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_file_share_sees_only_its_file() {
    let home = Home::new().await;
    home.put("plan.md", "one");
    home.put("secret.md", "secret");
    let placed = home.handle.share(home.path("plan.md"), None).await.expect("shared");
    let share = placed.share.id;
    assert!(placed.new);
    assert_eq!((placed.share.name.as_str(), &placed.path), ("plan.md", &rel("plan.md")));
    let id = home.id(share, "plan.md");
    assert!(!home.path(RelPath::MARKER).exists());
    home.put("other.md", "other");
    home.put(".plan.tmp", "saved");
    fs::rename(home.path(".plan.tmp"), home.path("plan.md")).expect("renamed");
    home.entry(share, "plan.md", |entry| entry.size == 5 && entry.id == id).await;
    assert!(home.handle.rescan(share, rel("secret.md")).await.is_ok());
    assert_eq!(home.paths(share), ["plan.md"]);
    let made = home.handle.create(share, rel("new.md"), Vec::new(), None).await;
    assert!(matches!(made, Err(Error::Refused(_))), "{made:?}");
    // A second file of the same folder is a share of its own.
    let second = home.handle.share(home.path("other.md"), None).await.expect("shared");
    assert!(second.new && second.share.id != share);
    fs::remove_file(home.path("plan.md")).expect("removed");
    home.gone(share, "plan.md").await;
    home.handle.unshare(second.share.id).await.expect("unshared");
    home.put("plan.md", "back again");
    home.entry(share, "plan.md", |entry| entry.id == id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_are_renamed_and_survive_a_restart() {
    let home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    let renamed = home.store.write(move |tx| rename_share(tx, share, " Alps ")).await;
    let renamed = renamed.expect("renamed");
    assert_eq!(renamed.name, "Alps");
    let refused: Result<Share, Error> =
        home.store.write(move |tx| rename_share(tx, share, "  ")).await;
    assert!(matches!(refused, Err(Error::Refused(_))));
    let home = home.again().await;
    home.in_step(share).await;
    assert_eq!(home.id(share, "plan.md"), id);
    let known = home.store.read_blocking(shares).expect("shares");
    assert_eq!(known, [renamed]);
}
