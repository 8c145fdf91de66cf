//! The commands for friends, as one hive alone can try them: words, JSON, exit codes.

use std::fs;

use checks::text;

use crate::world::{Home, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_hive_they_say_how_to_start_one() {
    let home = Home::with_plan("plan\n");
    for arguments in [
        &["friend", "invite"][..],
        &["friend", "add", "skep:x"],
        &["friend", "list"],
        &["friend", "rename", "Bo", "Brother"],
        &["friend", "remove", "Bo"],
        &["friend", "mute", "Bo"],
        &["share", "Trip", "--with", "Bo"],
        &["unshare", "Trip", "--with", "Bo"],
        &["offers"],
        &["join", "Letters"],
        &["members", "Trip"],
        &["leave", "Trip"],
        &["why", "Trip/plan.md"],
        &["conflicts"],
        &["pause"],
        &["resume", "Trip"],
        &["log"],
    ] {
        let outcome = home.skep(arguments);
        outcome.is(3, "skep serve");
        assert_eq!(outcome.out, "", "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_the_code_of_the_help() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    home.skep(&["share", "Trip"]).is(0, "/l/");
    fs::create_dir(home.path("Other")).unwrap();
    for (code, arguments, words) in [
        (2, &["friend"][..], ""),
        (2, &["friend", "add"], ""),
        (2, &["share", "Trip", "--with", "Bo", "--expires", "7d"], "--with"),
        (2, &["share", "Trip", "--manage"], "--with FRIEND"),
        (2, &["share", "Trip", "--with", "Bo", "--edit", "--manage"], "--manage"),
        (2, &["join", "http://127.0.0.1:7537/l/x#y"], "browser"),
        (2, &["conflicts", "resolve", "Trip/plan.md"], "--first"),
        (2, &["conflicts", "resolve", "Trip/plan.md", "--first", "--both"], ""),
        (2, &["pause", "Trip", "--for", "-1d"], ""),
        (5, &["share", "Other", "--with", "Bo"], "skep friend invite"),
        (5, &["unshare", "Trip", "--with", "Bo"], "none of your friends"),
        (5, &["friend", "rename", "Bo", "x"], "none of your friends"),
        (5, &["friend", "remove", "Bo"], "none of your friends"),
        (5, &["friend", "mute", "Bo"], "none of your friends"),
        (5, &["members", "Nothing"], "is not shared"),
        (5, &["leave", "Nothing"], "is not shared"),
        (5, &["why", "Nothing/plan.md"], "is not shared"),
        (5, &["join", "Letters"], "Nobody holds Letters out to you"),
        (5, &["pause", "Bo"], "none of your friends either"),
        (5, &["conflicts", "resolve", "Nothing/x", "--first"], "is not shared"),
        (5, &["conflicts", "resolve", "Trip/plan.md", "--text", "/not/there"], "cannot be read"),
        (1, &["leave", "Trip"], "stop sharing"),
    ] {
        let outcome = home.skep(arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {outcome:?}");
        assert!(outcome.err.contains(words), "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.out, "", "{arguments:?}");
        assert!(!outcome.err.contains('!') && !outcome.err.contains("panicked"), "{outcome:?}");
    }
    // Nothing is shared before it is known with whom.
    assert_eq!(home.json(&["ls", "--json"]).as_array().map(Vec::len), Some(1));
    let garbage = home.skep(&["join", "skep:garbage"]);
    assert_ne!((garbage.code, garbage.err.as_str()), (0, ""));
    assert!(!garbage.err.contains("panicked"), "{garbage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_are_empty_say_what_to_do_next() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    home.skep(&["friend", "list"]).is(0, "skep friend invite");
    home.skep(&["offers"]).is(0, "Nothing is held out");
    home.skep(&["conflicts"]).is(0, "No file has two versions");
    for arguments in
        [&["friend", "list", "--json"][..], &["offers", "--json"], &["conflicts", "--json"]]
    {
        assert_eq!(home.json(arguments), serde_json::json!([]), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_of_each_share_how_far_it_is() {
    let home = Home::with_plan("plan\n");
    let mut hive = home.serve();
    home.skep(&["share", "Trip"]).is(0, "/l/");
    hive.share_is("in_step").await;
    let in_sync = async || {
        let share = home.json(&["status", "--json"])["share_list"][0].clone();
        (&share["in_sync"], &share["files_to_go"]) == (&true.into(), &0.into())
    };
    eventually("the share is in step", in_sync).await;
    let share = home.json(&["status", "--json"])["share_list"][0].clone();
    assert_eq!((text(&share["name"]), &share["bytes_to_go"]), ("Trip".into(), &0.into()));
    assert_eq!((&share["friends"], &share["paused"]), (&serde_json::json!([]), &().into()));
    let members = home.json(&["members", "Trip", "--json"]);
    assert_eq!((&members[0]["self"], &members[0]["right"]), (&true.into(), &"manage".into()));
    home.skep(&["members", "Trip"]).is(0, "you  may manage it");

    home.skep(&["pause", "Trip", "--for", "2h"]).is(0, "Trip is paused until");
    home.skep(&["status"]).is(0, "paused with friends");
    home.skep(&["resume", "Trip"]).is(0, "Trip goes on");
    home.skep(&["pause"]).is(0, "until you resume");
    assert!(home.json(&["status", "--json"])["paused"].is_object());
    home.skep(&["resume"]).is(0, "goes on");
    assert!(home.json(&["status", "--json"])["paused"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_what_changed_and_goes_on() {
    let home = Home::with_plan("plan\n");
    let mut hive = home.serve();
    home.skep(&["share", "Trip"]).is(0, "/l/");
    hive.share_is("in_step").await;
    fs::write(home.path("Trip/new.md"), "new\n").unwrap();
    let logged = async || home.skep(&["log"]).out.contains("Trip/new.md");
    eventually("the change is in the log", logged).await;
    let all = home.json(&["log", "--json", "-n", "1"]);
    assert_eq!((all.as_array().map(Vec::len), text(&all[0]["name"])), (Some(1), "new.md".into()));

    let mut following = home.start(&["log", "-f", "--json"]);
    following.until(|line| line.contains("new.md"));
    fs::write(home.path("Trip/later.md"), "later\n").unwrap();
    let line = following.until(|line| line.contains("later.md"));
    let change: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(text(&change["share_name"]), "Trip");
}
