//! What friends write into a file that somebody edits live waits until it is taken in.

use super::*;

impl Pair {
    /// The first writes, and the second, which has the file in hand, hears of it.
    async fn writes_into_hand(&mut self, file: FileId, before: &str, text: &str) -> Vec<Hash> {
        let mut arrivals = self.two.handle.arrivals();
        self.one.put("plan.md", text);
        let start = Instant::now();
        loop {
            self.hand_over().await;
            if let Ok(arrival) = arrivals.try_recv() {
                assert_eq!(arrival.file, file);
                assert_eq!(arrival.contents, [Hash::of(text.as_bytes())]);
                assert_eq!(super::text(&self.two, "plan.md"), before);
                return arrival.contents;
            }
            assert!(start.elapsed() < PATIENCE, "nothing is told");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_is_neither_written_nor_a_second_version() {
    let mut pair = Pair::new().await;
    pair.one.put("plan.md", "one\n");
    pair.meet().await;
    let file = pair.two.id(pair.share, "plan.md");
    pair.two.handle.take_in_hand(file).await.expect("it is there");
    let holds = pair.writes_into_hand(file, "one\n", "one, by a friend\n").await;
    let content = pair.two.handle.read(file, 1_000).await.expect("it reads");
    let both = b"both: one, by a friend\n".to_vec();
    let written = pair.two.handle.write_holding(file, both, content.stamp, None, holds).await;
    written.expect("it is written");
    pair.meet().await;
    assert_eq!(text(&pair.one, "plan.md"), "both: one, by a friend\n");
    let apart = pair.one.store.read_blocking(|view| two_versions(view, None));
    assert_eq!(apart.expect("it reads").len(), 0);
    let node = pair.one.store.read_blocking(|view| db::tree::node(view, pair.share, file));
    assert_eq!(node.expect("it reads").expect("it is there").versions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_later_is_told_of_the_file_as_it_is() {
    let mut pair = Pair::new().await;
    pair.one.put("plan.md", "one\n");
    pair.meet().await;
    let file = pair.two.id(pair.share, "plan.md");
    pair.two.handle.take_in_hand(file).await.expect("it is there");
    pair.two.put("plan.md", "all of it\n");
    pair.two.rescan(pair.share).await;
    let holds = pair.writes_into_hand(file, "all of it\n", "of it\n").await;
    let content = Hash::of(b"all of it\n");
    pair.two.handle.embrace(file, content, holds).await.expect("it is told");
    pair.meet().await;
    assert_eq!(text(&pair.one, "plan.md"), "all of it\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_let_through_or_let_go_reaches_the_file() {
    let mut pair = Pair::new().await;
    pair.one.put("plan.md", "one\n");
    pair.meet().await;
    let file = pair.two.id(pair.share, "plan.md");
    pair.two.handle.take_in_hand(file).await.expect("it is there");
    let contents = pair.writes_into_hand(file, "one\n", "two\n").await;
    pair.two.handle.let_through(file, contents).await.expect("it goes on");
    pair.meet().await;
    assert_eq!(text(&pair.two, "plan.md"), "two\n");
    pair.writes_into_hand(file, "two\n", "three\n").await;
    pair.two.handle.let_go(file, || true).await.expect("somebody has it after all");
    assert_eq!(text(&pair.two, "plan.md"), "two\n");
    pair.two.handle.let_go(file, || false).await.expect("it goes on");
    pair.meet().await;
    assert_eq!(text(&pair.two, "plan.md"), "three\n");
}
