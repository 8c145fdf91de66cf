//! A hive may want only some folders of a share.

use super::*;
use crate::history;

#[tokio::test(flavor = "multi_thread")]
async fn only_chosen_folders_come() {
    let one = Home::new().await;
    one.put("a/one.txt", "one");
    one.put("b/two.txt", "two");
    let share = one.share().await;
    let two = Home::new().await;
    two.handle
        .accept_share(share, two.path(""), "Trip".to_owned(), vec![rel("a")])
        .await
        .expect("it is accepted");
    two.in_step(share).await;
    let mut pair = Pair { one, two, share, told: [0, 0] };
    let start = Instant::now();
    while !(pair.two.path("a/one.txt").exists() && pair.is_calm().await) {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(!pair.two.path("b").exists());
    let why = pair.two.handle.why(share, rel("b/two.txt")).await.expect("why");
    assert_eq!(why.code, "not_chosen");
    let top = pair.two.store.read_blocking(|view| top_folders(view, share)).expect("it reads");
    let told: Vec<_> = top.iter().map(|one| (one.name.as_str(), one.bytes, one.chosen)).collect();
    assert_eq!(told, [("a", 3, true), ("b", 3, false)]);
    pair.two.handle.choose(share, Vec::new()).await.expect("chosen");
    pair.meet().await;
    assert_eq!(text(&pair.two, "b/two.txt"), "two");
}

/// Two in step, of whom the second then wants only one folder.
async fn with_only_a() -> Pair {
    let mut pair = Pair::new().await;
    pair.one.put("a/one.txt", "one");
    pair.one.put("b/deep/two.txt", "two");
    pair.one.put("b/three.txt", "three");
    pair.meet().await;
    pair.two.handle.choose(pair.share, vec![rel("a")]).await.expect("chosen");
    pair.meet().await;
    pair
}

fn left(home: &Home, share: ShareId) -> (u64, u64) {
    let left = home.store.read_blocking(|view| left_over(view, share)).expect("it reads");
    (left.files, left.bytes)
}

/// Hands everything over until the second has this, and both are calm.
async fn follows(pair: &mut Pair, path: &str, content: &str) {
    let start = Instant::now();
    let has = |home: &Home| fs::read(home.path(path)).is_ok_and(|text| text == content.as_bytes());
    while !has(&pair.two) || !pair.is_calm().await {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "{path} follows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_no_more_stays_until_it_is_removed_and_then_goes_from_here_alone() {
    let mut pair = with_only_a().await;
    assert_eq!(text(&pair.two, "b/deep/two.txt"), "two");
    assert_eq!(left(&pair.two, pair.share), (2, 8));
    pair.one.put("b/three.txt", "three, longer");
    follows(&mut pair, "b/three.txt", "three, longer").await;

    // What this hive alone has a moment ago goes to friends all the same.
    pair.two.put("b/deep/two.txt", "two, by two");
    fs::write(pair.two.path("b/.note.swp"), "ignored").expect("written");
    pair.two.rescan(pair.share).await;
    pair.two.in_step(pair.share).await;
    pair.two.handle.remove_unchosen(pair.share).await.expect("removed");
    assert!(!pair.two.path("b/deep").exists() && !pair.two.path("b/three.txt").exists());
    assert!(pair.two.path("b/.note.swp").exists(), "what is in no record is left alone");
    assert_eq!(left(&pair.two, pair.share), (0, 0));
    let start = Instant::now();
    while text(&pair.one, "b/deep/two.txt") != "two, by two" || !pair.is_calm().await {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "what was saved last comes");
    }
    assert_eq!(text(&pair.one, "b/three.txt"), "three, longer", "nobody else loses it");
    let trash = pair.two.store.read_blocking(|view| history::trash(view, pair.share));
    assert_eq!(trash.expect("it reads"), [], "it was not removed");

    pair.one.put("b/new.txt", "new");
    pair.one.put("a/one.txt", "one, longer");
    follows(&mut pair, "a/one.txt", "one, longer").await;
    assert!(!pair.two.path("b/new.txt").exists());
    fs::remove_file(pair.two.path("b/.note.swp")).expect("removed");
    pair.two.handle.choose(pair.share, Vec::new()).await.expect("chosen");
    pair.meet().await;
    assert_eq!(text(&pair.two, "b/deep/two.txt"), "two, by two");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_deletes_in_a_folder_that_is_not_chosen_friends_keep() {
    let mut pair = with_only_a().await;
    fs::remove_dir_all(pair.two.path("b")).expect("removed");
    fs::remove_file(pair.two.path("a/one.txt")).expect("removed");
    let start = Instant::now();
    while pair.one.path("a/one.txt").exists() || !pair.is_calm().await {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "what is chosen is removed for all");
    }
    assert_eq!(text(&pair.one, "b/deep/two.txt"), "two");
    assert_eq!(text(&pair.one, "b/three.txt"), "three");
    let why = pair.two.handle.why(pair.share, rel("b/three.txt")).await.expect("why");
    assert_eq!(why.code, "not_chosen");
    pair.two.handle.choose(pair.share, Vec::new()).await.expect("chosen");
    pair.meet().await;
    assert_eq!(text(&pair.two, "b/three.txt"), "three");
}
