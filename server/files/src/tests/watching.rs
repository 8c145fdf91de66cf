//! What other programs do to the folder is known soon, however they do it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn saves_of_every_kind_keep_the_id_and_are_told() {
    let mut home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    type Save = fn(&Home);
    let saves: [(&str, Save); 5] = [
        ("in place", |home| home.put("plan.md", "in place")),
        ("by renaming over", |home| {
            home.put(".plan.md.tmp", "by renaming over");
            fs::rename(home.path(".plan.md.tmp"), home.path("plan.md")).expect("renamed");
        }),
        ("truncated first", |home| {
            let file = fs::File::create(home.path("plan.md")).expect("truncated");
            file.sync_all().expect("synced");
            fs::write(home.path("plan.md"), "truncated first").expect("written");
        }),
        ("moved aside first", |home| {
            fs::rename(home.path("plan.md"), home.path("plan.md~")).expect("moved aside");
            home.put("plan.md", "moved aside first");
            fs::remove_file(home.path("plan.md~")).expect("removed");
        }),
        ("removed first", |home| {
            fs::remove_file(home.path("plan.md")).expect("removed");
            home.put("plan.md", "removed first");
        }),
    ];
    for (how, save) in saves {
        home.told_so_far();
        save(&home);
        home.entry(share, "plan.md", |entry| entry.size == how.len() as u64).await;
        let content = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads");
        assert_eq!(content.bytes, how.as_bytes());
        assert_eq!(home.id(share, "plan.md"), id, "saved {how}");
        assert_eq!(home.told("plan.md").await.id, id, "saved {how}");
    }
    home.gone(share, "plan.md~").await;
    home.gone(share, ".plan.md.tmp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_moved_aside_gives_its_id_back_even_when_that_was_seen() {
    let mut home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    fs::rename(home.path("plan.md"), home.path("plan.md~")).expect("moved aside");
    home.entry(share, "plan.md~", |entry| entry.id == id).await;
    home.told_so_far();
    home.put("plan.md", "two, longer");
    home.entry(share, "plan.md", |entry| entry.id == id && entry.size == 11).await;
    let aside = home.entry(share, "plan.md~", |entry| entry.id != id).await;
    assert_eq!(aside.size, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_made_quickly_one_in_another_are_seen_with_what_is_in_them() {
    let home = Home::new().await;
    let share = home.share().await;
    for round in 0..20 {
        let deep = format!("{round}/1/2/3/4/5/6/7/8");
        home.put(&format!("{deep}/file.txt"), "deep");
        home.put(&format!("{round}/1/2/other.txt"), "less deep");
    }
    for round in 0..20 {
        home.entry(share, &format!("{round}/1/2/3/4/5/6/7/8/file.txt"), |_| true).await;
        home.entry(share, &format!("{round}/1/2/other.txt"), |_| true).await;
        // The watch in the deepest folder works.
        home.put(&format!("{round}/1/2/3/4/5/6/7/8/late.txt"), "late");
    }
    for round in 0..20 {
        home.entry(share, &format!("{round}/1/2/3/4/5/6/7/8/late.txt"), |_| true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_folder_is_watched_where_it_stands_now() {
    let home = Home::new().await;
    home.put("a/b/file.txt", "one");
    let share = home.share().await;
    let id = home.id(share, "a/b/file.txt");
    for (from, to) in [("a", "c"), ("c", "a"), ("a", "d")] {
        fs::rename(home.path(from), home.path(to)).expect("renamed");
        home.entry(share, &format!("{to}/b/file.txt"), |entry| entry.id == id).await;
        home.gone(share, from).await;
        let text = format!("written in {to} {}", "x".repeat(to.len()));
        home.put(&format!("{to}/b/file.txt"), &text);
        home.entry(share, &format!("{to}/b/file.txt"), |entry| {
            entry.id == id && entry.size == text.len() as u64
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_a_file_is_no_change() {
    let mut home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    home.told_so_far();
    let before = home.position();
    for _ in 0..50 {
        fs::read(home.path("plan.md")).expect("it reads");
        fs::read_dir(home.path("")).expect("it lists").count();
    }
    home.put("marker.txt", "the last event");
    home.entry(share, "marker.txt", |_| true).await;
    assert!(home.told_so_far().iter().all(|entry| entry.path == rel("marker.txt")));
    assert!(home.position() > before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_is_followed_before_it_is_closed() {
    use std::io::Write;
    let home = Home::new().await;
    let share = home.share().await;
    let mut log = fs::File::create(home.path("log.txt")).expect("a file");
    log.write_all(b"first line\n").expect("written");
    home.entry(share, "log.txt", |entry| entry.size == 11).await;
    log.write_all(b"second line\n").expect("written");
    home.entry(share, "log.txt", |entry| entry.size == 23).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_paused_nothing_is_followed_and_afterwards_everything_is_known() {
    let home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    home.handle.pause(true).await.expect("paused");
    home.state(share, |state| *state == State::Paused).await;
    home.put("new.md", "new");
    home.put("plan.md", "changed");
    let content = home.handle.read(id, TEXT_BYTES_MAX).await.expect("reading goes on");
    assert_eq!(content.bytes, b"changed");
    home.handle.write(id, b"by Skep".to_vec(), content.stamp, None).await.expect("writing goes on");
    assert!(home.at_path(share, "new.md").is_none());
    home.handle.pause(false).await.expect("resumed");
    home.in_step(share).await;
    home.entry(share, "new.md", |_| true).await;
    assert_eq!(home.at_path(share, "plan.md").map(|entry| entry.size), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_files_at_once_are_all_known() {
    let home = Home::new().await;
    let share = home.share().await;
    for number in 0..1_000 {
        home.put(&format!("{}/{number}.txt", number % 10), "text");
    }
    home.until("all files", || {
        let totals = home.store.read_blocking(|view| totals(view, share)).expect("totals");
        (totals == Totals { files: 1_000, bytes: 4_000 }).then_some(())
    })
    .await;
    for folder in 0..10 {
        fs::remove_dir_all(home.path(&folder.to_string())).expect("removed");
    }
    home.until("nothing", || home.paths(share).is_empty().then_some(())).await;
}
