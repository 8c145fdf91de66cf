//! The files of a link in a folder of somebody without a hive: `skep join LINK FOLDER` and
//! `skep edit LINK`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use checks::{Page, text};
use serde_json::{Value, json};

use super::scripted::{Server, abilities, range};
use crate::world::{Home, eventually, holds, type_and_store};

/// A hive with a folder, and somebody else's empty home.
fn homes(content: &str) -> (Home, Home) {
    (Home::with_plan(content), Home::new())
}

fn link(home: &Home, path: &str, right: &str) -> String {
    let made = home.json(&["share", home.path(path).to_str().unwrap(), right, "--json"]);
    text(&made["link"])
}

/// An editor that does this with the file or folder that it is given.
fn editor(home: &Home, script: &str) -> String {
    let path = home.path("editor.sh");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn signal(child: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn named(folder: &Path, part: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_string_lossy().contains(part)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_saved_in_a_links_folder_and_what_others_type_meet() {
    let (home, friend) = homes("one\ntwo\n");
    let hive = home.serve();
    let address = hive.address;
    let mut page = Page::join(3, &home.room("Trip/plan.md")).await;
    let address_of_link = link(&home, "Trip", "--edit");
    let folder = friend.path("theirs");
    let join = friend.start(&["join", &address_of_link, folder.to_str().unwrap(), "--name", "Bo"]);
    let plan = folder.join("plan.md");
    holds(&plan, "one\ntwo\n").await;
    let key = fs::metadata(folder.join(".skep-link/key.json")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);

    let again = ["join", &address_of_link, folder.to_str().unwrap()];
    friend.skep(&again).is(1, "live already");
    let full = friend.path("");
    friend.skep(&["join", &address_of_link, full.to_str().unwrap()]).is(1, "holds files already");

    page.edit(3, 0, "!").await;
    holds(&plan, "one!\ntwo\n").await;
    fs::write(&plan, "one!\ntwo?\n").unwrap();
    page.until("the save is there", |page| page.text() == "one!\ntwo?\n").await;
    fs::write(folder.join("new.md"), "new\n").unwrap();
    holds(&home.path("Trip/new.md"), "new\n").await;
    fs::write(home.path("Trip/later.md"), "later\n").unwrap();
    holds(&folder.join("later.md"), "later\n").await;
    fs::rename(home.path("Trip/later.md"), home.path("Trip/latest.md")).unwrap();
    holds(&folder.join("latest.md"), "later\n").await;
    fs::remove_file(home.path("Trip/latest.md")).unwrap();
    eventually("it is gone here too", async || !folder.join("latest.md").exists()).await;

    // The hive is away for a while, and both sides go on.
    page.until("it is stored", Page::is_saved).await;
    page.leave();
    hive.kill();
    fs::write(&plan, "zero\none!\ntwo?\n").unwrap();
    fs::write(home.path("Trip/plan.md"), "one!\ntwo?\nthree\n").unwrap();
    let hive = home.serve_at(address);
    let both = "zero\none!\ntwo?\nthree\n";
    holds(&home.path("Trip/plan.md"), both).await;
    holds(&plan, both).await;

    // What is saved while nobody looks after the folder goes out the next time.
    signal(join.pid(), rustix::process::Signal::TERM);
    drop(join);
    fs::write(&plan, "zero\none!\ntwo?\nthree\nfour\n").unwrap();
    fs::write(home.path("Trip/plan.md"), "zero\none\ntwo?\nthree\n").unwrap();
    let _join = friend.start(&["join", &address_of_link, folder.to_str().unwrap()]);
    let all = "zero\none\ntwo?\nthree\nfour\n";
    holds(&home.path("Trip/plan.md"), all).await;
    holds(&plan, all).await;
    assert_eq!(named(&folder, "not sent"), Vec::<PathBuf>::new());
    drop(hive);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_editor_is_opened_on_a_link_and_all_of_it_is_sent() {
    let (home, friend) = homes("one\n");
    let mut hive = home.serve();
    let edits = link(&home, "Trip/plan.md", "--edit");
    let script = "echo typed >> \"$1\"";
    let typed = editor(&friend, script);
    let ended = friend.skep(&["edit", &edits, "--editor", &typed]);
    ended.is(0, "You may edit");
    holds(&home.path("Trip/plan.md"), "one\ntyped\n").await;

    // Who may only look is told so, and what they write is kept.
    let looks = link(&home, "Trip/plan.md", "--view");
    let script = "ls -l \"$1\" > $HOME/../mode; chmod u+w \"$1\"; echo mine >> \"$1\"; sleep 0.3";
    let seen = friend.skep(&["join", &looks, "--editor", &editor(&friend, script)]);
    seen.is(1, "read-only");
    assert!(friend.text("mode").starts_with("-r--r--r--"), "{}", friend.text("mode"));
    let kept = seen.err.lines().find_map(|line| line.split("It is kept in ").nth(1)).unwrap();
    let kept = PathBuf::from(kept.trim_end_matches('.'));
    assert_eq!(read(&kept), "one\ntyped\nmine\n", "{seen:?}");
    fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    assert_eq!(home.text("Trip/plan.md"), "one\ntyped\n");

    // The hive goes away while the editor is open.
    let script = format!("kill -9 {}; sleep 0.2; echo late >> \"$1\"; sleep 0.2", hive.pid());
    let lost = friend.skep(&["edit", &edits, "--editor", &editor(&friend, &script)]);
    lost.is(1, "does not answer");
    let kept = lost.err.lines().find_map(|line| line.split("It is kept in ").nth(1)).unwrap();
    let kept = PathBuf::from(kept.trim_end_matches('.'));
    assert_eq!(read(&kept), "one\ntyped\nlate\n", "{lost:?}");
    fs::remove_dir_all(kept.parent().unwrap()).unwrap();

    friend.skep(&["edit", &edits, "--editor", &typed]).is(6, "does not answer");
    hive = home.serve_at(hive.address);
    let key = |keys: &Value, what: &str| {
        let mut keys = keys.as_array().unwrap().iter();
        keys.find(|key| key["kind"] == "link" && key["right"] == what).map(|key| text(&key["id"]))
    };
    let keys = hive.get("/api/v1/keys").await;
    home.skep(&["keys", "revoke", &key(&keys, "edit").unwrap()]).is(0, "");
    friend.skep(&["edit", &edits, "--editor", &typed]).is(5, "Ask its owner for a new link");
    let (start, _) = looks.split_once('#').unwrap();
    let wrong = format!("{start}#wrong");
    assert_ne!(friend.skep(&["edit", &wrong, "--editor", &typed]).code, 0);
    friend.skep(&["edit", start, "--editor", &typed]).is(1, "That is no link");
    friend.skep(&["join", &looks]).is(2, "skep edit LINK");
    friend.skep(&["edit", &looks, "--editor", "no-such-editor"]).is(1, "not installed here");
}

/// A link that is taken back while its files are open: what is written afterwards is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_after_a_link_was_taken_back_is_kept() {
    let (home, friend) = homes("one\n");
    let mut hive = home.serve();
    let edits = link(&home, "Trip", "--edit");
    let folder = friend.path("theirs");
    let script = "cp plan.md $HOME/../seen; while [ ! -e $HOME/../go ]; do sleep 0.02; done; \
                  echo late >> plan.md";
    let (program, arguments) = (editor(&friend, script), folder.to_str().unwrap().to_owned());
    let edit = ["edit", &edits, &arguments, "--editor", &program];
    let (go, seen) = (friend.path("go"), friend.path("seen"));
    let revoke = async {
        holds(&seen, "one\n").await;
        let keys = hive.get("/api/v1/keys").await;
        let keys = keys.as_array().unwrap();
        let key = keys.iter().find(|key| key["kind"] == "link").unwrap();
        home.skep(&["keys", "revoke", &text(&key["id"])]).is(0, "");
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        fs::write(&go, "").unwrap();
    };
    let edited = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let running = scope.spawn(|| friend.skep(&edit));
            tokio::runtime::Handle::current().block_on(revoke);
            running.join().unwrap()
        })
    });
    edited.is(1, "goes out no more");
    assert_eq!(read(&folder.join("plan.md")), "one\nlate\n");
    assert_eq!(read(&named(&folder, "plan (not sent")[0]), "one\nlate\n");
    assert_eq!(home.text("Trip/plan.md"), "one\n");
}

/// A language server in a link's folder has the document itself; that its editor saves the file is
/// no second edit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_server_goes_by_the_folders_link() {
    let (home, friend) = homes("one\n");
    let _hive = home.serve();
    let mut page = Page::join(3, &home.room("Trip/plan.md")).await;
    let folder = friend.path("theirs");
    let edits = link(&home, "Trip", "--edit");
    let _join = friend.start(&["join", &edits, folder.to_str().unwrap()]);
    let plan = folder.join("plan.md");
    holds(&plan, "one\n").await;
    let known = abilities(&json!(["utf-16"]));
    let mut code = Server::open_at(&friend, &plan, &known, "Visual Studio Code", "one\n");
    page.edit(0, 0, "zero ").await;
    let (id, version, edits) = code.edit();
    assert_eq!((version, &edits[0]["newText"]), (1, &json!("zero ")));
    code.changed(2, &json!([{ "range": range(0, 0, 0), "text": "zero " }]));
    code.answer(&id, true);
    holds(&plan, "zero one\n").await;
    code.changed(3, &json!([{ "range": range(0, 8, 8), "text": "!" }]));
    fs::write(&plan, "zero one!\n").unwrap();
    page.until("it is there", |page| page.text() == "zero one!\n").await;
    type_and_store(&mut page, "two\n").await;
    holds(&plan, "zero one!\ntwo\n").await;
    holds(&home.path("Trip/plan.md"), "zero one!\ntwo\n").await;
    assert_eq!(named(&folder, "not sent"), Vec::<PathBuf>::new());
}

/// What was typed in an editor that ends while the hive is away stands in a copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_while_the_hive_was_away_outlives_the_editor() {
    let (home, friend) = homes("one\n");
    let hive = home.serve();
    let folder = friend.path("theirs");
    let edits = link(&home, "Trip", "--edit");
    let _join = friend.start(&["join", &edits, folder.to_str().unwrap()]);
    let plan = folder.join("plan.md");
    holds(&plan, "one\n").await;
    let known = abilities(&json!(["utf-16"]));
    let mut code = Server::open_at(&friend, &plan, &known, "Visual Studio Code", "one\n");
    code.changed(2, &json!([{ "range": range(0, 3, 3), "text": "!" }]));
    holds(&home.path("Trip/plan.md"), "one!\n").await;
    hive.kill();
    code.changed(3, &json!([{ "range": range(0, 4, 4), "text": "?" }]));
    code.until(|message| message["method"] == "window/showMessage");
    code.leave();
    assert_eq!(read(&folder.join("plan (not sent).md")), "one!?\n");
    assert_eq!(named(&folder.join(".skep-link"), "open-"), Vec::<PathBuf>::new());
}
