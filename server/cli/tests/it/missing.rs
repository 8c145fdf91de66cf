//! Folders and files that go away, come back, or may not be read or written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use checks::Page;

use crate::places::as_nobody;
use crate::world::{Home, eventually, holds, note, type_and_store};

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_moves_away_stops_and_goes_on_when_it_is_back() {
    let home = Home::with_plan("plan\n");
    let mut hive = home.serve();
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    hive.share_is("in_step").await;
    fs::rename(home.path("Trip"), home.path("Moved")).unwrap();
    let share = hive.share_is("missing").await;
    let reason = share["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("Trip") && reason.contains("Put it back"), "{reason}");
    assert_eq!(share["files"], 1, "nothing counts as deleted");
    home.skep(&["status"]).is(0, "Put it back");
    type_and_store(&mut page, "while it was away\n").await;
    page.until("the page is told", |page| page.condition() == "share_missing").await;
    assert_eq!(home.text("Moved/plan.md"), "plan\n");

    // A folder that stands in its place is not taken for it.
    fs::create_dir(home.path("Trip")).unwrap();
    fs::write(home.path("Trip/plan.md"), "a stranger\n").unwrap();
    page.listen_until_quiet().await;
    assert_eq!(page.condition(), "share_missing");
    assert_eq!(home.text("Trip/plan.md"), "a stranger\n");
    assert_eq!(page.text(), "plan\nwhile it was away\n");
    home.skep(&["status"]).is(0, "is not the folder that was shared");
    hive.share_is("missing").await;

    fs::remove_dir_all(home.path("Trip")).unwrap();
    fs::rename(home.path("Moved"), home.path("Trip")).unwrap();
    hive.share_is("in_step").await;
    holds(&home.path("Trip/plan.md"), "plan\nwhile it was away\n").await;
    page.until("the page is told", |page| page.condition() == "live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_deleted_while_it_is_open_comes_back_when_put_back() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    let file = home.path("Trip/plan.md");
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    type_and_store(&mut page, "typed\n").await;
    holds(&file, "plan\ntyped\n").await;
    fs::remove_file(&file).unwrap();
    page.until("the page is told", |page| page.condition() == "gone").await;
    let told = page.conditions.last().unwrap().clone();
    assert_eq!(told["state"], "read_only");
    assert!(told["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{told}");
    assert!(!file.exists(), "a deleted file is not made again");
    assert_eq!(page.text(), "plan\ntyped\n");
    fs::write(&file, "plan\ntyped\nput back\n").unwrap();
    page.until("it is live again", |page| page.condition() == "live").await;
    page.until("it has what came", |page| page.text() == "plan\ntyped\nput back\n").await;
    type_and_store(&mut page, "and on\n").await;
    holds(&file, "plan\ntyped\nput back\nand on\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_becomes_something_else_is_left_alone() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    let file = home.path("Trip/plan.md");
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    type_and_store(&mut page, "typed\n").await;
    holds(&file, "plan\ntyped\n").await;
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fs::write(file.join("inside.txt"), "inside\n").unwrap();
    page.until("the page is told", |page| page.condition() != "live").await;
    assert_eq!(page.text(), "plan\ntyped\n");
    assert_eq!(fs::read_to_string(file.join("inside.txt")).unwrap(), "inside\n");
    fs::remove_dir_all(&file).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    page.listen_until_quiet().await;
    assert_eq!(page.text(), "plan\ntyped\n", "a link is not followed");
    home.skep(&["cat", "Trip/plan.md"]).is(1, "link");
    fs::remove_file(&file).unwrap();
    fs::write(&file, "made anew\n").unwrap();
    let shown = async || home.skep(&["cat", "Trip/plan.md"]).out == "made anew\n";
    eventually("the new file is shown", shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_text_any_more_is_left_alone() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    let file = home.path("Trip/plan.md");
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    type_and_store(&mut page, "typed\n").await;
    holds(&file, "plan\ntyped\n").await;
    fs::write(&file, [0, 159, 146, 150]).unwrap();
    page.until("it is no text", |page| ["binary", "not_utf8"].contains(&&*page.condition())).await;
    page.type_at_end("kept in the hive\n").await;
    page.listen_until_quiet().await;
    assert_eq!(fs::read(&file).unwrap(), [0, 159, 146, 150]);
    fs::write(&file, "plan\ntyped\n").unwrap();
    page.until("it is live again", |page| page.condition() == "live").await;
    type_and_store(&mut page, "and on\n").await;
    let expected = page.text();
    assert!(expected.starts_with("plan\ntyped\n") && expected.ends_with("and on\n"));
    holds(&file, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_that_are_taken_away_are_named_and_given_back_by_themselves() {
    let Some(home) = as_nobody(Home::with_plan("plan\n")) else { return };
    let mut hive = home.serve();
    let file = home.path("Trip/plan.md");
    let mode = |path: &std::path::Path, mode: u32| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    hive.share_is("in_step").await;

    mode(&file, 0o444);
    type_and_store(&mut page, "read-only\n").await;
    page.until("the page is told", |page| page.condition() == "unwritable").await;
    let told = page.conditions.last().unwrap()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("safe in the hive"), "{told}");
    assert_eq!(home.text("Trip/plan.md"), "plan\n");
    mode(&file, 0o644);
    holds(&file, "plan\nread-only\n").await;
    page.until("it is live again", |page| page.condition() == "live").await;

    mode(&home.path("Trip"), 0o555);
    type_and_store(&mut page, "read-only folder\n").await;
    page.until("the page is told", |page| page.condition() == "unwritable").await;
    mode(&home.path("Trip"), 0o755);
    holds(&file, "plan\nread-only\nread-only folder\n").await;
    page.until("it is live again", |page| page.condition() == "live").await;

    mode(&file, 0o000);
    type_and_store(&mut page, "unreadable\n").await;
    page.until("the page is told", |page| page.condition() != "live").await;
    note(&format!("an unreadable file is told as {}", page.condition()));
    mode(&file, 0o644);
    holds(&file, "plan\nread-only\nread-only folder\nunreadable\n").await;
    page.until("it is live again", |page| page.condition() == "live").await;

    mode(&home.path("Trip"), 0o000);
    fs::create_dir(home.path("other")).unwrap();
    hive.share_is("unreadable").await;
    home.skep(&["status"]).is(0, "ermission");
    mode(&home.path("Trip"), 0o755);
    let share = hive.share_is("in_step").await;
    assert_eq!(share["files"], 1, "nothing counts as deleted");
    let shown = async || home.skep(&["cat", "Trip/plan.md"]).out.ends_with("unreadable\n");
    eventually("the file is shown again", shown).await;
}
