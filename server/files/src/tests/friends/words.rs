//! What a person says of removals and of two versions holds, and can be taken back.

use super::*;
use crate::history;

impl Pair {
    async fn with_much(folder: &str) -> Self {
        let mut pair = Self::new().await;
        pair.one.put("b", "stays");
        pair.puts_much(folder).await;
        pair
    }

    async fn puts_much(&mut self, folder: &str) {
        for number in 0..60 {
            self.one.put(&format!("{folder}/{number}"), "content");
        }
        self.meet().await;
    }

    /// One removes much at once, and confirms it if asked; the other is asked.
    async fn removes_much(&mut self, folder: &str) {
        fs::remove_dir_all(self.one.path(folder)).expect("removed");
        let start = Instant::now();
        loop {
            self.hand_over().await;
            let one = self.one.handle.progress(self.share).await.expect("progress").held_back;
            if one.is_some() {
                self.one.handle.confirm_deletions(self.share, true).await.expect("confirmed");
            }
            let two = self.two.handle.progress(self.share).await.expect("progress").held_back;
            if one.is_none() && two.is_some_and(|held| held.friends >= 50) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "the other is asked: {one:?} {two:?}");
        }
    }

    fn apart(&self) -> Vec<TwoVersions> {
        let share = self.share;
        let apart = self.one.store.read_blocking(|view| two_versions(view, Some(share)));
        apart.expect("it reads")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_removals_one_after_the_other_none_is_told_before_the_word() {
    let mut pair = Pair::with_much("a").await;
    for number in 0..60 {
        fs::remove_file(pair.one.path(&format!("a/{number}"))).expect("removed");
        pair.one.handle.rescan(pair.share, rel(&format!("a/{number}"))).await.expect("looked at");
        pair.hand_over().await;
    }
    let start = Instant::now();
    while pair.one.handle.progress(pair.share).await.expect("progress").held_back.is_none() {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "nothing is held back");
    }
    assert_eq!(fs::read_dir(pair.two.path("a")).expect("it lists").count(), 60);
    fs::remove_file(pair.one.path("b")).expect("removed");
    let start = Instant::now();
    loop {
        pair.hand_over().await;
        let held = pair.one.handle.progress(pair.share).await.expect("progress").held_back;
        if held.is_some_and(|held| held.own == 61) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "what follows waits with them: {held:?}");
    }
    pair.one.handle.confirm_deletions(pair.share, false).await.expect("taken back");
    pair.meet().await;
    assert_eq!(text(&pair.one, "a/59"), "content");
    assert_eq!(text(&pair.two, "b"), "stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_removals_of_a_friend_are_taken_back_for_all() {
    let mut pair = Pair::with_much("a").await;
    pair.removes_much("a").await;
    pair.two.handle.confirm_deletions(pair.share, false).await.expect("taken back");
    let start = Instant::now();
    while fs::read_dir(pair.one.path("a")).map_or(0, Iterator::count) < 50 {
        pair.hand_over().await;
        assert!(start.elapsed() < PATIENCE, "they come back where they were removed");
    }
    pair.meet().await;
    assert_eq!(text(&pair.one, "a/59"), "content");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_for_one_mass_removal_is_none_for_the_next() {
    let mut pair = Pair::with_much("a").await;
    pair.removes_much("a").await;
    pair.two.handle.confirm_deletions(pair.share, true).await.expect("confirmed");
    pair.meet().await;
    assert!(!pair.two.path("a").exists());
    pair.puts_much("c").await;
    pair.removes_much("c").await;
    assert!(pair.two.path("c").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_of_two_versions_can_be_undone() {
    for keep in [Keep::First, Keep::Second, Keep::Both] {
        let mut pair = Pair::new().await;
        pair.one.put("data.bin", "\0 first");
        pair.meet().await;
        pair.one.put("data.bin", "\0 ours");
        pair.two.put("data.bin", "\0 theirs, later");
        pair.meet().await;
        let before = pair.apart();
        let (file, both) = (before[0].file, keep == Keep::Both);
        let choice = pair.two.handle.resolve(file, keep).await.expect("resolved");
        pair.meet().await;
        assert!(pair.apart().is_empty());
        assert_eq!(tree_of(&pair.one).len(), if both { 2 } else { 1 });
        pair.two.handle.undo_resolve(file, choice).await.expect("undone");
        pair.meet().await;
        assert_eq!(pair.apart(), before);
        assert_eq!(tree_of(&pair.one).len(), 1);

        let again = pair.two.handle.undo_resolve(file, choice).await;
        assert!(matches!(again, Err(Error::Changed)), "{again:?}");
        let unknown = pair.two.handle.undo_resolve(file, 99).await;
        assert!(matches!(unknown, Err(Error::Gone)), "{unknown:?}");
        let choice = pair.one.handle.resolve(file, Keep::First).await.expect("resolved");
        pair.meet().await;
        pair.one.put("data.bin", "\0 later still");
        pair.meet().await;
        let late = pair.one.handle.undo_resolve(file, choice).await;
        assert!(matches!(late, Err(Error::Changed)), "{late:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_merged_is_told_so_in_the_history() {
    let mut pair = Pair::new().await;
    let lines: Vec<String> = (0..20).map(|line| format!("line {line}")).collect();
    pair.one.put("plan.md", &lines.join("\n"));
    pair.meet().await;
    let (mut ours, mut theirs) = (lines.clone(), lines);
    ours[2] = "line 2, ours".to_owned();
    theirs[17] = "line 17, theirs".to_owned();
    pair.one.put("plan.md", &ours.join("\n"));
    pair.two.put("plan.md", &theirs.join("\n"));
    pair.meet().await;
    let mut verbs = Vec::new();
    for home in [&pair.one, &pair.two] {
        let file = home.at_path(pair.share, "plan.md").expect("it is there").id;
        let versions = home.store.read_blocking(|view| history::versions(view, file));
        verbs.push(versions.expect("it reads")[0].verb);
    }
    assert!(verbs.contains(&"merged"), "{verbs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_moved_to_one_name_keeps_the_history_of_both() {
    let mut pair = Pair::new().await;
    for (content, other) in [("\0 a, first", "\0 b, first"), ("\0 a, second", "\0 b, second")] {
        pair.one.put("a.bin", content);
        pair.two.put("b.bin", other);
        pair.meet().await;
    }
    fs::rename(pair.one.path("a.bin"), pair.one.path("c.bin")).expect("moved");
    fs::rename(pair.two.path("b.bin"), pair.two.path("c.bin")).expect("moved");
    pair.meet().await;
    for (home, own) in [(&pair.one, "\0 a, first"), (&pair.two, "\0 b, first")] {
        let file = home.at_path(pair.share, "c.bin").expect("it is there").id;
        let read = |view: &View| history::versions(view, file);
        let versions = home.store.read_blocking(read).expect("it reads");
        assert!(versions[0].current && versions.iter().all(|one| one.file == file));
        let wanted = Hash::of(own.as_bytes());
        let found = versions.iter().find(|one| one.hash == wanted && one.kept);
        let found = found.unwrap_or_else(|| panic!("{own:?} is in no history: {versions:?}"));
        let copy = home.handle.restore_version(file, found.id, true).await.expect("brought back");
        assert_eq!(text(home, copy.path.as_str()), own);
    }
}
