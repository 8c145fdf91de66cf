//! A hive may want only some folders of a share.

use super::*;

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
