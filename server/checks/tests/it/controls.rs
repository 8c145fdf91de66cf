//! What a person sets and asks with the `skep` command, on two computers of friends.

use std::fs;

use checks::processes::{Circle, Computer, eventually};
use serde_json::{Value, json};

fn share_of(computer: &Computer) -> Value {
    computer.json(&["status", "--json"])["share_list"][0].clone()
}

#[test]
fn a_share_that_its_founder_ends_stays_with_the_others_as_their_own() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    circle.computers[0].write("Trip/plan.md", "plan\n");
    circle.settled("made");
    circle.computers[0].skep(&["unshare", "Trip"]).is(0, "Nothing on disk was deleted");
    eventually("Bo is told", || share_of(&circle.computers[1])["resting"]["code"] == "ended");
    circle.computers[1].skep(&["status"]).is(0, "no longer shared by");
    let plan = circle.folder(1).join("plan.md");
    assert_eq!(fs::read_to_string(&plan).expect("it stays"), "plan\n");
}

#[test]
fn an_open_offer_keeps_nobody_out_of_step() {
    let mut circle = Circle::of(vec![Computer::new("Ana"), Computer::new("Bo")]);
    circle.settled("begun");
    let (ana, bo) = circle.computers.split_at_mut(1);
    let (ana, bo) = (&mut ana[0], &mut bo[0]);
    ana.folder("Letters");
    ana.write("Letters/a.md", "a\n");
    let place = ana.path("Letters").display().to_string();
    ana.skep(&["group", "add", "Home", "Bo"]).is(0, "Home: Bo.");
    assert_eq!(ana.json(&["group", "members", "Home", "--json"])[0]["name"], "Bo");
    ana.skep(&["share", &place, "--with", "home", "--edit"]).is(0, "who may edit");
    eventually("it is held out", || bo.skep(&["offers"]).out.contains("Letters"));
    eventually("Ana is in step", || {
        ana.json(&["members", "Letters", "--json"])[0]["in_sync"] == true
    });
    ana.skep(&["group", "remove", "Home", "Bo"]).is(0, "no longer in Home");
    eventually("it is taken back", || !bo.skep(&["offers"]).out.contains("Letters"));
    ana.skep(&["group", "remove", "Home"]).is(0, "is no more");
    ana.skep(&["group", "members", "Home"]).is(5, "skep group add");
}

#[test]
fn what_stood_at_a_moment_is_copied_out() {
    let mut circle = Circle::new(&["Ana", "Bo"]);
    circle.computers[0].write("Trip/deep/plan.md", "one\n");
    circle.settled("made");
    let bo = &circle.computers[1];
    let is_kept = || {
        let versions = bo.json(&["versions", "Trip/deep/plan.md", "--json"]);
        versions[0]["kept"] == true && versions[0]["size"] == 4
    };
    eventually("Bo has the first version", is_kept);
    let then = this_moment();
    circle.computers[0].write("Trip/deep/plan.md", "two, longer\n");
    circle.settled("changed");
    let bo = &circle.computers[1];
    let is_taken_in = || {
        let versions = bo.json(&["versions", "Trip/deep/plan.md", "--json"]);
        versions[1]["kept"] == true && versions[1]["size"] == 4
    };
    eventually("Bo's history has what was replaced", is_taken_in);
    let stood = bo.json(&["versions-of", "Trip/deep", "--at", &then, "--json"]);
    let told: Vec<_> = stood.as_array().expect("a list").iter().map(|one| &one["path"]).collect();
    assert_eq!(told, ["deep", "deep/plan.md"]);
    let out = bo.path("out");
    let again = out.display().to_string();
    bo.skep(&["versions-of", "Trip/deep", "--at", &then, "--to", &again]).is(0, "1 copied into");
    assert_eq!(fs::read_to_string(out.join("plan.md")).expect("copied"), "one\n");
    bo.skep(&["versions-of", "Trip/deep", "--at", &then, "--to", &again]).is(1, "not there");
    bo.skep(&["versions-of", "Trip/never", "--at", &then]).is(5, "did not stand there");
    bo.skep(&["versions-of", "Trip", "--at", "soon"]).is(2, "is no moment");
}

/// This moment, as the commands take it.
fn this_moment() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("@{:.3}", now.expect("after 1970").as_secs_f64())
}

#[test]
fn limits_and_groups_are_set_by_command() {
    let circle = Circle::new(&["Ana", "Bo"]);
    let ana = &circle.computers[0];
    ana.skep(&["limit", "--up", "500", "--only-unmetered", "yes"]).is(0, "500 kB/s up, no limit");
    ana.skep(&["limit", "--friend", "bo", "--down", "50"]).is(0, "Bo: no limit up, 50 kB/s down");
    let limits = ana.json(&["limit", "--json"]);
    assert_eq!((&limits["up_kb"], &limits["only_unmetered"]), (&json!(500), &json!(true)));
    ana.skep(&["limit"]).is(0, "Bo: no limit up, 50 kB/s down");
    assert_eq!(share_of(ana)["resting"], Value::Null, "nobody says that the network is metered");
    ana.skep(&["limit", "--friend", "Cy", "--up", "1"]).is(5, "none of your friends");
    ana.skep(&["limit", "--up", "-1"]).is(2, "");
    assert_eq!(ana.json(&["group", "list", "--json"]), json!([]));
    ana.skep(&["group", "add", "Home", "Cy"]).is(5, "none of your friends");
    assert_eq!(ana.json(&["group", "list", "--json"]), json!([]), "nothing was made");
    ana.skep(&["deletions", "Trip"]).is(0, "No deletions of Trip wait");
}

#[test]
fn folders_are_seen_before_they_are_taken_and_chosen_later() {
    let mut circle = Circle::of(vec![Computer::new("Ana"), Computer::new("Bo")]);
    circle.settled("begun");
    let (ana, bo) = circle.computers.split_at_mut(1);
    let (ana, bo) = (&mut ana[0], &mut bo[0]);
    ana.folder("Photos");
    ana.write("Photos/2025/a.txt", "a\n");
    ana.write("Photos/2026/b.txt", "b\n");
    let place = ana.path("Photos").display().to_string();
    ana.skep(&["share", &place, "--with", "Bo", "--edit"]).is(0, "");
    eventually("the folders are told", || {
        bo.json(&["offers", "--json"])[0]["folders"][1]["path"] == "2026"
    });
    let here = bo.path("Photos").display().to_string();
    bo.skep(&["join", "Photos", &here, "--only", "2026"]).is(0, "");
    eventually("the chosen one comes", || bo.path("Photos/2026/b.txt").exists());
    assert!(!bo.path("Photos/2025").exists());
    bo.skep(&["folders", "Photos", "--only", "2024"]).is(5, "Its folders are: 2025, 2026");
    bo.skep(&["folders", "Photos"]).is(0, "with friends alone");
    bo.skep(&["folders", "Photos", "--all"]).is(0, "here");
    eventually("the other one comes", || bo.path("Photos/2025/a.txt").exists());
    bo.skep(&["folders", "Photos", "--remove-copies"]).is(2, "All folders of Photos are chosen");
    bo.skep(&["folders", "Photos", "--only", "2026"]).is(0, "still here, and following changes");
    ana.write("Photos/2025/a.txt", "a, longer\n");
    let read = |computer: &Computer, name: &str| fs::read_to_string(computer.path(name));
    eventually("what stays follows its changes", || {
        read(bo, "Photos/2025/a.txt").is_ok_and(|text| text == "a, longer\n")
    });
    eventually("it goes from here when asked", || {
        bo.skep(&["folders", "Photos", "--remove-copies"]).is(0, "2026");
        !bo.path("Photos/2025").exists()
    });
    assert_eq!(read(ana, "Photos/2025/a.txt").expect("it stays"), "a, longer\n");
    bo.skep(&["why", "Photos/2025/a.txt"]).is(0, "was not chosen");
    eventually("both are in step", || {
        let of = |computer: &Computer| {
            let members = computer.json(&["members", "Photos", "--json"]);
            members.as_array().is_some_and(|all| all.iter().all(|one| one["in_sync"] == true))
        };
        of(ana) && of(bo)
    });
}

#[test]
fn how_far_a_member_is_is_known_to_those_who_never_meet_it() {
    let mut circle = Circle::new(&["Ana", "Bo", "Cy"]);
    circle.computers[0].write("Trip/plan.md", "plan\n");
    circle.settled("made");
    let of_cy = |bo: &Computer| {
        let members = bo.json(&["members", "Trip", "--json"]);
        let mut all = members.as_array().cloned().unwrap_or_default().into_iter();
        all.find(|one| one["name"] == "Cy").unwrap_or_default()
    };
    eventually("Bo knows of Cy", || {
        let cy = of_cy(&circle.computers[1]);
        cy["files_to_go"] == 0 && cy["known_at"].is_i64() && cy["in_sync"].is_null()
    });
    circle.computers[1].skep(&["members", "Trip"]).is(0, "in step at");
}
