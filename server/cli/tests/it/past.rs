//! A text moment by moment: typed and saved, told of, compared, named, brought back and copied, by
//! whoever may; and what changed in a folder.

use std::fs;
use std::time::Instant;

use checks::{Page, text};
use serde_json::{Value, json};

use crate::world::{Hive, Home, PATIENCE, eventually, holds, type_and_store};

const PLAN: &str = "Trip/plan.md";

impl Home {
    /// The moments of a text, newest first, once there are so many.
    async fn moments(&self, file: &str, count: usize) -> Vec<Value> {
        let since = Instant::now();
        loop {
            let outcome = self.skep(&["history", file, "--json"]);
            let moments: Vec<Value> = serde_json::from_str(&outcome.out).unwrap_or_default();
            if moments.len() == count {
                return moments;
            }
            assert!(since.elapsed() < PATIENCE, "not {count} moments: {outcome:?}");
            tokio::task::yield_now().await;
        }
    }
}

/// A moment as `--at` takes it.
fn at(moment: &Value) -> String {
    let at = moment["at"].as_i64().unwrap();
    format!("@{}.{:03}", at / 1_000, at % 1_000)
}

async fn guest_of(hive: &mut Hive<'_>, link: Value, file: &str) -> (String, String) {
    let made = hive.owner("POST", "/api/v1/links").await.json(&link).send().await.json();
    let (cookie, _) = hive.guest(&made, file).await;
    (format!("/l/{}/api/v1", text(&made["id"])), cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_walked_through_compared_named_and_brought_back() {
    let home = Home::with_plan("one\n");
    let mut hive = home.serve();
    home.room(PLAN);
    hive.share_is("in_step").await;
    home.moments(PLAN, 1).await;
    fs::write(home.path(PLAN), "one\ntwo\n").unwrap();
    home.moments(PLAN, 2).await;
    let file = text(&hive.file("plan.md").await["id"]);
    let link = json!({ "file": file, "right": "edit" });
    let made = hive.owner("POST", "/api/v1/links").await.json(&link).send().await.json();
    let (_, guest_room) = hive.guest(&made, &file).await;
    let mut guest = Page::join(3, &guest_room).await;
    type_and_store(&mut guest, "three\n").await;
    holds(&home.path(PLAN), "one\ntwo\nthree\n").await;
    let moments = home.moments(PLAN, 3).await;
    assert_eq!((&moments[0]["added"], &moments[0]["removed"]), (&6.into(), &0.into()));

    home.skep(&["history", PLAN]).is(0, "+6");
    let show = |moment: &Value| home.skep(&["history", PLAN, "--at", &at(moment)]).out;
    assert_eq!(show(&moments[2]), "one\n");
    assert_eq!(show(&moments[1]), "one\ntwo\n");
    assert_eq!(show(&moments[0]), "one\ntwo\nthree\n");
    let differs = home.skep(&["history", PLAN, "--at", &at(&moments[1]), "--diff"]).out;
    assert_eq!(differs, " one\n two\n+three\n");
    let lines = home.json(&["blame", PLAN, "--json"]);
    let line = |number: usize| (text(&lines[number]["text"]), lines[number]["at"].clone());
    assert_eq!(line(0), ("one".to_owned(), moments[2]["at"].clone()));
    assert_eq!(line(2), ("three".to_owned(), moments[0]["at"].clone()));
    assert_eq!(lines[2]["author"]["how"], "typed");
    home.skep(&["blame", PLAN]).is(0, "three");

    home.skep(&["history", PLAN, "--at", &at(&moments[1]), "--name", "before the guest"]).is(0, "");
    home.skep(&["history", PLAN]).is(0, "before the guest");
    home.skep(&["history", PLAN, "--at", &at(&moments[2]), "--restore"]).is(0, "plan.md");
    guest.until("it went back for all", |page| page.text() == "one\n").await;
    holds(&home.path(PLAN), "one\n").await;
    let made = home.skep(&["history", PLAN, "--at", &at(&moments[0]), "--copy"]);
    made.is(0, "plan (earlier).md");
    assert_eq!(home.text("Trip/plan (earlier).md"), "one\ntwo\nthree\n");
    let newest = home.moments(PLAN, 4).await;
    assert_eq!(newest[0]["removed"], 10);

    // It is all there after a restart, too.
    drop(guest);
    hive.kill();
    let mut hive = home.serve();
    hive.share_is("in_step").await;
    let after = home.moments(PLAN, 4).await;
    assert_eq!(after[2]["name"], "before the guest");
    assert_eq!(show(&after[1]), "one\ntwo\nthree\n");
    home.skep(&["history", PLAN, "--at", "@1"]).is(5, "begins later");
    home.skep(&["history", PLAN, "--restore"]).is(2, "--at");
    fs::write(home.path("Trip/picture.png"), [0x89, b'P', b'N', b'G', 0, 1]).unwrap();
    eventually("it is there", async || {
        home.skep(&["versions", "Trip/picture.png"]).out.contains("added")
    })
    .await;
    home.skep(&["blame", "Trip/picture.png"]).is(1, "versions");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_see_the_past_with_their_right_and_nothing_beyond_their_link() {
    let home = Home::with_plan("one\n");
    fs::create_dir(home.path("Trip/open")).unwrap();
    fs::write(home.path("Trip/open/notes.md"), "a note\n").unwrap();
    let mut hive = home.serve();
    home.skep(&["share", "Trip"]).is(0, "/l/");
    hive.share_is("in_step").await;
    home.moments(PLAN, 1).await;
    home.moments("Trip/open/notes.md", 1).await;
    let file = text(&hive.file("plan.md").await["id"]);
    let plan = hive.file("plan.md").await;
    let share = text(&plan["share"]);
    let folder = text(&hive.file("open").await["id"]);
    let notes = text(&hive.file("open/notes.md").await["id"]);

    let wish = json!({ "file": folder, "right": "view" });
    let (base, cookie) = guest_of(&mut hive, wish, &notes).await;
    let call = |method: &str, path: &str| {
        hive.stranger(method, &format!("{base}{path}")).header("Cookie", &cookie)
    };
    let past = call("GET", &format!("/files/{notes}/past")).send().await;
    assert_eq!(past.status, 200, "{past:?}");
    let past = past.json();
    assert_eq!(past["runs"][0]["text"], "a note\n");
    assert_eq!(past["moments"][0]["version"], Value::Null);
    assert_eq!(
        (&past["authors"][0]["device"], &past["authors"][0]["by"]["id"]),
        (&"".into(), &"".into())
    );
    let other = call("GET", &format!("/files/{file}/past")).send().await;
    assert!([403, 404].contains(&other.status), "{other:?}");
    let at = past["moments"][0]["at"].clone();
    for (method, path, body) in [
        ("POST", format!("/files/{notes}/past/restore"), json!({ "at": at })),
        ("POST", format!("/files/{notes}/past/restore"), json!({ "at": at, "as_copy": true })),
        ("PATCH", format!("/files/{notes}/past"), json!({ "at": at, "name": "mine" })),
    ] {
        let answer = call(method, &path).json(&body).send().await;
        assert_eq!(answer.status, 403, "{method} {path}: {answer:?}");
    }
    let changes = |path: &str| call("GET", &format!("/shares/{share}/changes?path={path}&since=0"));
    let all = changes("").send().await;
    assert!([403, 404].contains(&all.status), "{all:?}");
    let inside = changes("open").send().await.json();
    assert_eq!(inside.as_array().map(Vec::len), Some(1), "{inside}");
    assert_eq!((&inside[0]["path"], &inside[0]["now"]), (&"open/notes.md".into(), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_tells_what_changed_since() {
    let home = Home::with_plan("one\n");
    for (name, content) in [("stays.txt", "stays"), ("goes.txt", "goes"), ("old.txt", "moved")] {
        fs::write(home.path(&format!("Trip/{name}")), content).unwrap();
    }
    let mut hive = home.serve();
    home.skep(&["share", "Trip"]).is(0, "/l/");
    hive.share_is("in_step").await;
    for name in ["plan.md", "stays.txt", "goes.txt", "old.txt"] {
        home.moments(&format!("Trip/{name}"), 1).await;
    }
    let newest = |name: &str| {
        let moments = home.json(&["history", &format!("Trip/{name}"), "--json"]);
        moments[0]["at"].as_i64().unwrap()
    };
    let names = ["plan.md", "stays.txt", "goes.txt", "old.txt"];
    let since = names.into_iter().map(newest).max().unwrap() + 1;
    eventually("the clock goes on", async || jiff::Timestamp::now().as_millisecond() > since + 1)
        .await;
    fs::write(home.path(PLAN), "two\n").unwrap();
    fs::remove_file(home.path("Trip/goes.txt")).unwrap();
    fs::rename(home.path("Trip/old.txt"), home.path("Trip/new.txt")).unwrap();
    fs::write(home.path("Trip/fresh.txt"), "fresh").unwrap();
    let since = format!("@{}.{:03}", since / 1_000, since % 1_000);
    let mut found = Value::Null;
    eventually("all four are told", async || {
        found = home.json(&["history", "Trip", "--since", &since, "--json"]);
        found.as_array().is_some_and(|found| found.len() == 4)
    })
    .await;
    let told = |path: &str| {
        let mut all = found.as_array().unwrap().iter();
        let one = all.find(|one| one["path"] == path).unwrap_or_else(|| panic!("{path}: {found}"));
        (text(&one["verb"]), one["was"].as_str().map(str::to_owned))
    };
    assert_eq!(told("plan.md"), ("changed".to_owned(), None));
    assert_eq!(told("goes.txt"), ("removed".to_owned(), None));
    assert_eq!(told("new.txt"), ("renamed".to_owned(), Some("old.txt".to_owned())));
    assert_eq!(told("fresh.txt"), ("added".to_owned(), None));
    home.skep(&["history", "Trip", "--since", &since]).is(0, "old.txt -> new.txt");
    home.skep(&["history", "Trip", "--since", "soon"]).is(2, "no moment");
}
