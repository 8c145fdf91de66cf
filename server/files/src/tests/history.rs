//! Every save has its version; what was replaced or removed comes back byte for byte; putting a
//! folder back can be undone.

use super::*;
use crate::history::{self, Version};

impl Home {
    fn versions(&self, file: FileId) -> Vec<Version> {
        self.store.read_blocking(|view| history::versions(view, file)).expect("it reads")
    }

    /// Saves as a plain program does, and waits for the version.
    async fn save(&self, share: ShareId, path: &str, text: &str) -> FileId {
        self.put(path, text);
        let wanted = Hash::of(text.as_bytes());
        self.until(path, || {
            let file = self.at_path(share, path)?.id;
            let versions = self.versions(file);
            let newest = versions.first()?;
            (newest.hash == wanted && newest.current).then_some(file)
        })
        .await
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn in_trash(&self, share: ShareId, path: &str) -> history::Trashed {
        let wanted = rel(path);
        self.until(path, || {
            let trash = self.store.read_blocking(|view| history::trash(view, share));
            trash.expect("it reads").into_iter().find(|trashed| trashed.path == wanted)
        })
        .await
    }

    /// Everything in the folder with its text.
    fn all(&self, share: ShareId) -> Vec<(String, String)> {
        let paths = self.paths(share).into_iter();
        let files = paths.filter(|path| self.path(path).is_file());
        files.map(|path| (path.clone(), self.read(&path))).collect()
    }

    async fn tidy(&self) {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || history::tend::tidy_up(&store, &[]))
            .await
            .expect("it ends")
            .expect("it is tidied");
    }

    fn now(&self) -> Time {
        self.store.now()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_saves_are_two_versions_and_the_first_comes_back() {
    let mut home = Home::new().await;
    let share = home.share().await;
    let file = home.save(share, "plan.md", "one").await;
    assert_eq!(home.save(share, "plan.md", "two, longer").await, file);
    let versions = home.versions(file);
    let told: Vec<_> = versions.iter().map(|one| (one.verb, one.size, one.current)).collect();
    assert_eq!(told, [("changed", 11, true), ("added", 3, false)]);
    assert!(versions.iter().all(|one| one.kept));

    let first = versions[1].id;
    home.told_so_far();
    let entry = home.handle.restore_version(file, first, false).await.expect("it comes back");
    assert_eq!((entry.id, home.read("plan.md").as_str()), (file, "one"));
    // An open document hears of it as of any other program's save.
    assert_eq!(home.told("plan.md").await.what, What::Changed);
    let verbs: Vec<_> = home.versions(file).iter().map(|one| one.verb).collect();
    assert_eq!(verbs, ["restored", "changed", "added"]);

    let second = versions[0].id;
    let copy = home.handle.restore_version(file, second, true).await.expect("a copy");
    assert_eq!(copy.path.as_str(), "plan (restored).md");
    assert_eq!(home.read("plan (restored).md"), "two, longer");
    assert_eq!(home.read("plan.md"), "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_over_a_save_that_nobody_saw_keeps_that_save() {
    let home = Home::new().await;
    let share = home.share().await;
    let file = home.save(share, "plan.md", "one").await;
    home.save(share, "plan.md", "two").await;
    home.handle.pause(true).await.expect("paused");
    home.put("plan.md", "three, unseen");
    let first = home.versions(file)[1].id;
    home.handle.restore_version(file, first, false).await.expect("it comes back");
    assert_eq!(home.read("plan.md"), "one");
    let unseen = Hash::of(b"three, unseen");
    let kept = home.store.read_blocking(|view| store::has_content(view, unseen)).expect("it reads");
    assert!(kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_gets_a_name_and_is_pinned() {
    let home = Home::new().await;
    let share = home.share().await;
    let file = home.save(share, "plan.md", "one").await;
    let id = home.versions(file)[0].id;
    let named = home
        .store
        .write(move |tx| history::describe(tx, file, id, Some(" as sent "), Some(true)))
        .await
        .expect("it is named");
    assert_eq!((named.label.as_deref(), named.pinned), (Some("as sent"), true));
    let plain = home
        .store
        .write(move |tx| history::describe(tx, file, id, Some(""), None))
        .await
        .expect("the name goes");
    assert_eq!((plain.label, plain.pinned), (None, true));
    let long = "x".repeat(200);
    let refused = home.store.write(move |tx| history::describe(tx, file, id, Some(&long), None));
    assert!(matches!(refused.await, Err(Error::Refused(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_comes_back_under_its_id_with_its_versions() {
    let home = Home::new().await;
    let share = home.share().await;
    let file = home.save(share, "notes/plan.md", "one").await;
    home.save(share, "notes/plan.md", "two").await;
    fs::remove_file(home.path("notes/plan.md")).expect("removed");
    let trashed = home.in_trash(share, "notes/plan.md").await;
    assert_eq!((trashed.file, trashed.size, trashed.days_left), (file, 3, 30));
    assert!(trashed.kept);
    let entry = home.handle.restore_trashed(file).await.expect("it comes back");
    assert_eq!(
        (entry.path.as_str(), home.read("notes/plan.md").as_str()),
        ("notes/plan.md", "two")
    );
    let verbs: Vec<_> = home.versions(entry.id).iter().map(|one| one.verb).collect();
    assert_eq!(verbs, ["restored", "changed", "added"]);
    let trash = home.store.read_blocking(|view| history::trash(view, share)).expect("it reads");
    assert!(trash.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_comes_back_with_what_went_with_it() {
    let home = Home::new().await;
    let share = home.share().await;
    for (path, text) in [("a/b/one", "1"), ("a/b/two", "2"), ("a/three", "3"), ("keep", "k")] {
        home.save(share, path, text).await;
    }
    fs::remove_dir_all(home.path("a")).expect("removed");
    let trashed = home.in_trash(share, "a").await;
    assert_eq!((trashed.files, trashed.size), (3, 3));
    home.put("a", "something else stands there now");
    home.entry(share, "a", |entry| entry.kind == EntryKind::File).await;
    let entry = home.handle.restore_trashed(trashed.file).await.expect("it comes back");
    assert_eq!(entry.path.as_str(), "a (restored)");
    assert_eq!(home.read("a (restored)/b/one"), "1");
    assert_eq!(home.read("a (restored)/three"), "3");
    home.entry(share, "a (restored)/b/two", |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_put_back_to_a_moment_and_that_is_undone() {
    let home = Home::new().await;
    let share = home.share().await;
    for (path, text) in [("plan", "one"), ("a/b/deep", "d"), ("gone", "g"), ("moved", "m")] {
        home.save(share, path, text).await;
    }
    let before = home.all(share);
    let moment = home.now();
    home.until("the next moment", || (home.now() > moment).then_some(())).await;

    home.save(share, "plan", "two").await;
    home.save(share, "new", "n").await;
    fs::remove_file(home.path("gone")).expect("removed");
    home.in_trash(share, "gone").await;
    fs::rename(home.path("moved"), home.path("a/elsewhere")).expect("moved");
    home.entry(share, "a/elsewhere", |_| true).await;
    fs::remove_dir_all(home.path("a/b")).expect("removed");
    home.gone(share, "a/b").await;
    home.rescan(share).await;
    let after = home.all(share);

    let put_back =
        home.handle.put_back(share, RelPath::root(), moment).await.expect("it is put back");
    assert_eq!(home.all(share), before);
    assert_eq!((put_back.done.removed, put_back.done.missing), (1, 0), "{put_back:?}");
    home.handle.undo_put_back(put_back.id).await.expect("it is undone");
    assert_eq!(home.all(share), after);
    let past = home.handle.put_back(share, RelPath::root(), Time(0)).await;
    assert!(matches!(past, Err(Error::Refused(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_not_kept_and_says_so() {
    let home = Home::new().await;
    home.store
        .write(|tx| store::set_setting(tx, history::FILE_MB, Some("0")))
        .await
        .expect("it is set");
    let share = home.share().await;
    let file = home.save(share, "film", "one").await;
    home.save(share, "film", "two").await;
    let versions = home.versions(file);
    let kept: Vec<_> = versions.iter().map(|one| (one.current, one.kept)).collect();
    assert_eq!(kept, [(true, true), (false, false)]);
    let lost = home.handle.restore_version(file, versions[1].id, false).await;
    assert!(matches!(lost, Err(Error::Refused(_))), "{lost:?}");
    assert_eq!(home.read("film"), "two");
}

const DAYS_31_MS: i64 = 31 * types::DAY_MS;

#[tokio::test(flavor = "multi_thread")]
async fn after_their_time_versions_go_unless_they_are_pinned() {
    let home = Home::new().await;
    let share = home.share().await;
    let file = home.save(share, "plan.md", "one").await;
    home.save(share, "plan.md", "two").await;
    home.save(share, "plan.md", "three").await;
    home.save(share, "gone", "g").await;
    fs::remove_file(home.path("gone")).expect("removed");
    let gone = home.in_trash(share, "gone").await;
    let first = home.versions(file)[2].id;
    home.store
        .write(move |tx| history::describe(tx, file, first, None, Some(true)))
        .await
        .expect("it is pinned");
    home.tidy().await;
    assert_eq!(home.versions(file).len(), 3);
    home.ahead_ms.fetch_add(DAYS_31_MS, Ordering::Relaxed);
    home.tidy().await;
    let left: Vec<_> = home.versions(file).iter().map(|one| (one.size, one.kept)).collect();
    assert_eq!(left, [(5, true), (3, true)]);
    let has = |text: &str| {
        let hash = Hash::of(text.as_bytes());
        home.store.read_blocking(|view| store::has_content(view, hash)).expect("it reads")
    };
    assert_eq!(["one", "two", "three", "g"].map(has), [true, false, true, false]);
    assert!(matches!(home.handle.restore_trashed(gone.file).await, Err(Error::Gone)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_without_room_drops_the_oldest_first_and_never_the_trash() {
    let home = Home::new().await;
    let share = home.share().await;
    let large = |byte: u8| {
        let mut seed = u32::from(byte) + 1;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + u8::try_from(seed >> 28).expect("small"))
        };
        (0..400_000).map(|_| next()).collect::<String>()
    };
    let file = home.save(share, "plan.md", &large(1)).await;
    home.save(share, "plan.md", &large(2)).await;
    home.save(share, "gone", &large(3)).await;
    fs::remove_file(home.path("gone")).expect("removed");
    let gone = home.in_trash(share, "gone").await;
    home.store
        .write(|tx| store::set_setting(tx, history::SHARE_OF_FREE, Some("0")))
        .await
        .expect("it is set");
    home.tidy().await;
    let kept: Vec<_> = home.versions(file).iter().map(|one| (one.current, one.kept)).collect();
    assert_eq!(kept, [(true, true), (false, false)]);
    home.handle.restore_trashed(gone.file).await.expect("it comes back");
    assert_eq!(home.read("gone"), large(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_every_moment_is_thinned_with_age() {
    let home = Home::new().await;
    let share = home.share().await;
    let mut file = home.save(share, "plan.md", "0").await;
    for number in 1..12 {
        file = home.save(share, "plan.md", &number.to_string()).await;
    }
    assert_eq!(home.versions(file).len(), 12);
    home.ahead_ms.fetch_add(2 * types::HOUR_MS, Ordering::Relaxed);
    home.tidy().await;
    let left = home.versions(file);
    // The first, the last of one or two minutes, and what stands.
    assert!((3..=4).contains(&left.len()), "{} versions", left.len());
    assert!(left[0].current && left.last().is_some_and(|first| first.verb == "added"));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_folder_stood_at_a_moment_is_told() {
    let mut home = Home::new().await;
    let share = home.share().await;
    let plan = home.save(share, "Trip/plan.md", "one").await;
    home.save(share, "Trip/gone.md", "gone").await;
    let then = home.now();
    home.told_so_far();
    home.save(share, "Trip/plan.md", "two, longer").await;
    home.save(share, "Trip/new.md", "new").await;
    fs::remove_file(home.path("Trip/gone.md")).expect("removed");
    home.in_trash(share, "Trip/gone.md").await;

    let stood = |path: &str, at: Time| {
        let path = rel(path);
        home.store.read_blocking(move |view| history::stood(view, share, &path, at))
    };
    let folder = stood("Trip", then).expect("it stood");
    let told: Vec<_> = folder.iter().map(|one| (one.path.as_str(), one.size, one.kept)).collect();
    assert_eq!(told, [("Trip", 0, true), ("Trip/gone.md", 4, true), ("Trip/plan.md", 3, true)]);
    let of_plan = stood("Trip/plan.md", then).expect("it stood").remove(0);
    let version = home.versions(plan).into_iter().find(|one| one.size == 3).expect("a version");
    assert_eq!((of_plan.file, of_plan.version), (plan, Some(version.id)));
    assert!(matches!(stood("Trip/new.md", then), Err(Error::Gone)));
    let late = stood("Trip", home.now().plus(60_000));
    assert!(matches!(late, Err(Error::Refused(_))), "{late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_tells_what_was_in_a_folder() {
    let home = Home::new().await;
    let share = home.share().await;
    home.save(share, "Trip/a.md", "one").await;
    home.save(share, "Trip/deep/b.md", "second").await;
    fs::remove_dir_all(home.path("Trip")).expect("removed");
    let folder = home.in_trash(share, "Trip").await;
    home.until("all of it is in the trash", || {
        let inside = home.store.read_blocking(|view| history::trash_inside(view, folder.file));
        let inside = inside.ok()?;
        let told: Vec<_> = inside.iter().map(|one| (one.path.as_str(), one.size)).collect();
        (told == [("Trip/a.md", 3), ("Trip/deep", 0), ("Trip/deep/b.md", 6)]).then_some(())
    })
    .await;
}
