//! What a hive that may not change its share has under names that friends take.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_only_here_gives_way_to_what_friends_put_there() {
    let mut pair = Pair::new().await;
    let share = pair.share;
    let lost: Result<(), Error> =
        pair.two.store.write(move |tx| exchange::set_may_change(tx, share, false)).await;
    lost.expect("noted");
    for (path, text) in [("notes.md", "mine"), ("same.md", "same"), ("Sub/own.md", "own")] {
        pair.two.put(path, text);
    }
    pair.two.rescan(share).await;
    for (path, text) in [("notes.md", "theirs"), ("same.md", "same"), ("Sub/new.md", "new")] {
        pair.one.put(path, text);
    }
    let start = Instant::now();
    let text = |home: &Home, path: &str| fs::read_to_string(home.path(path)).ok();
    while text(&pair.two, "Sub/new.md").is_none() || !pair.is_calm().await {
        pair.hand_over().await;
        if start.elapsed() > PATIENCE {
            pair.two.explain(share);
            panic!("it waits: {:?}", pair.two.handle.progress(share).await);
        }
    }
    let here = |path| text(&pair.two, path).unwrap_or_default();
    assert_eq!((here("notes.md"), here("notes (only here).md")), ("theirs".into(), "mine".into()));
    assert_eq!((here("Sub/own.md"), here("Sub/new.md")), ("own".into(), "new".into()));
    assert_eq!((here("same.md"), text(&pair.two, "same (only here).md")), ("same".into(), None));
    assert_eq!(text(&pair.one, "notes (only here).md"), None);
    assert_eq!(text(&pair.one, "Sub/own.md"), None);
    pair.one.put("same.md", "same, and more");
    while text(&pair.two, "same.md").as_deref() != Some("same, and more") {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "what became theirs follows");
    }
}
