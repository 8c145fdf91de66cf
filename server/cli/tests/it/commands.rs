//! Every command does what its help says, in words for people and in JSON for programs.

use std::fs;
use std::os::unix::fs::symlink;

use checks::{Page, Room, text};

use crate::world::{Home, PATIENCE, holds, type_and_store};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_hive_every_command_says_how_to_start_one() {
    let home = Home::with_plan("plan\n");
    let plan = home.path("Trip/plan.md");
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &[],
        &["ls"],
        &["cat", "Trip/plan.md"],
        &["share", plan.to_str().unwrap()],
        &["unshare", "Trip"],
        &["keys", "list"],
        &["keys", "revoke", "x"],
        &["open", "--print"],
    ] {
        let outcome = home.skep(arguments);
        outcome.is(3, "skep serve");
        assert_eq!(outcome.out, "", "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_are_those_of_the_help() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    let trip = home.path("Trip");
    let trip = trip.to_str().unwrap();
    for (code, arguments) in [
        (0, &["status"][..]),
        (0, &["--help"]),
        (0, &["version"]),
        (2, &["nonsense"]),
        (2, &["share"]),
        (2, &["share", trip, "--view", "--edit"]),
        (2, &["share", trip, "--expires", "yesterday"]),
        (2, &["share", trip, "--expires", "-1d"]),
        (2, &["share", trip, "--expires", "99999999999y"]),
        (2, &["completion", "nonsense"]),
        (5, &["share", "/not/there"]),
        (5, &["unshare", "Nothing"]),
        (5, &["ls", "Nothing"]),
        (5, &["cat", "Nothing/plan.md"]),
        (5, &["keys", "revoke", "nothing"]),
        (5, &["config", "get", "listen.prot"]),
        (1, &["config", "set", "listen.port", "many"]),
        (1, &["share", "/"]),
    ] {
        let outcome = home.skep(arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.out.is_empty(), code != 0, "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.err.is_empty(), code == 0, "{arguments:?}: {outcome:?}");
        assert!(!outcome.err.contains('\u{1b}') && !outcome.err.contains("panicked"));
        assert!(!outcome.err.contains('!'), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_tells_programs_all_that_they_need() {
    let home = Home::with_plan("plan\n");
    fs::write(home.path("Trip/blob.bin"), [0, 1, 2, 255]).unwrap();
    let hive = home.serve();
    assert_eq!(hive.ready["ready"], true);
    assert_eq!(hive.ready["pid"], hive.pid());
    let folder = home.json(&["share", "Trip", "--json"]);
    let link = text(&folder["link"]);
    assert!(link.starts_with(&format!("http://{}/l/", hive.address)), "{link}");
    assert!(link.split('#').nth(1).is_some_and(|secret| secret.len() >= 26), "{link}");
    assert_eq!((&folder["right"], &folder["path"]), (&"view".into(), &"".into()));
    assert!(folder.get("document").is_none() && folder.get("yjs").is_none(), "{folder}");

    let file = home.json(&["share", "Trip/plan.md", "--edit", "--expires", "7d", "--json"]);
    assert_eq!(file["share"], folder["share"], "a file of a shared folder stays in its share");
    assert_eq!((&file["path"], &file["right"]), (&"plan.md".into(), &"edit".into()));
    assert!(file["expires_at"].as_i64().is_some());
    assert_eq!(text(&file["document"]).len(), 26);
    let yjs = file["yjs"].as_object().unwrap();
    let mut names: Vec<&str> = yjs.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["params", "room", "text", "url"]);
    assert_eq!((&yjs["room"], &yjs["text"]), (&file["document"], &"content".into()));

    let blob = home.json(&["share", "Trip/blob.bin", "--json"]);
    assert!(blob.get("yjs").is_none(), "{blob}");

    let mut page = Page::join(1, &Room::of_yjs(&file["yjs"])).await;
    assert_eq!(page.text(), "plan\n");
    type_and_store(&mut page, "more\n").await;
    assert_eq!(home.skep(&["cat", "Trip/plan.md"]).out, "plan\nmore\n");
    holds(&home.path("Trip/plan.md"), "plan\nmore\n").await;
    let bytes = home.skep(&["ls", "Trip", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&bytes.out).unwrap();
    let names: Vec<String> =
        listed.as_array().unwrap().iter().map(|file| text(&file["name"])).collect();
    assert_eq!(names, ["blob.bin", "plan.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_for_people_are_plain() {
    let home = Home::with_plan("plan\n");
    let hive = home.serve();
    home.skep(&[]).is(0, "Nothing is shared yet");
    let shared = home.skep(&["share", "Trip", "--edit", "--once", "--password", "secret", "--qr"]);
    assert_eq!((shared.code, shared.err.as_str()), (0, ""));
    assert!(shared.lines()[0].starts_with(&format!("http://{}/l/", hive.address)));
    assert!(shared.out.contains("this computer only"), "{shared:?}");
    home.skep(&["ls"]).is(0, "Trip");
    home.skep(&["ls", "Trip"]).is(0, "plan.md");
    home.skep(&["ls", home.path("Trip").to_str().unwrap()]).is(0, "plan.md");
    home.skep(&["status"]).is(0, "1 file ");
    let keys = home.json(&["keys", "list", "--json"]);
    let id = text(&keys[0]["id"]);
    assert_eq!((text(&keys[0]["kind"]), text(&keys[0]["what"])), ("link".into(), "Trip".into()));
    home.skep(&["keys", "list"]).is(0, &id);
    // The whole link names its key too.
    home.skep(&["keys", "revoke", shared.lines()[0]]).is(0, "opens nothing any more");
    home.skep(&["keys", "revoke", &id]).is(5, "skep keys list");
    home.skep(&["open", "--print"]).is(0, "/open#");
    home.skep(&["version"]).is(0, env!("CARGO_PKG_VERSION"));
    assert_eq!(home.json(&["version", "--json"])["version"], env!("CARGO_PKG_VERSION"));
    for shell in ["bash", "zsh", "fish"] {
        home.skep(&["completion", shell]).is(0, "unshare");
    }
    let status = home.json(&["status", "--json"]);
    assert_eq!(status["hive"]["owner"]["name"].as_str().map(str::is_empty), Some(false));
    assert!(status["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_closes_early_is_no_fault() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    let program = env!("CARGO_BIN_EXE_skep");
    let line = format!("'{program}' completion bash | head -n 1 >/dev/null");
    let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_shared_is_refused_with_words() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    symlink(&home.hive, home.path("way-in")).unwrap();
    fs::create_dir(home.path("person/Notes")).unwrap();
    let (own, all, person) = (home.hive.clone(), home.path(""), home.path("person"));
    for (path, words) in [
        ("/", "Choose a folder inside it"),
        (own.to_str().unwrap(), "Skep"),
        (own.join("data").to_str().unwrap(), "Skep"),
        (own.join("data/hive.db").to_str().unwrap(), "Skep"),
        (own.join("config.toml").to_str().unwrap(), "cannot be shared"),
        ("way-in", "Skep"),
        ("way-in/data/hive.key", "Skep"),
        (all.to_str().unwrap(), "Choose a folder inside"),
        (person.to_str().unwrap(), "home folder"),
        ("/dev/null", "neither a folder nor a file"),
    ] {
        let outcome = home.skep(&["share", path, "--edit"]);
        assert!([1, 5].contains(&outcome.code), "{path}: {outcome:?}");
        assert!(outcome.err.contains(words), "{path}: {outcome:?}");
        assert_eq!(outcome.out, "", "{path}");
    }
    assert_eq!(home.json(&["ls", "--json"]).as_array().map(Vec::len), Some(0));
    home.skep(&["share", "person/Notes"]).is(0, "/l/");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_folder_shares_the_folder_itself() {
    let home = Home::with_plan("plan\n");
    let _hive = home.serve();
    symlink(home.path("Trip"), home.path("shortcut")).unwrap();
    symlink(home.path("Trip/plan.md"), home.path("short.md")).unwrap();
    let folder = home.json(&["share", "shortcut", "--json"]);
    let file = home.json(&["share", "short.md", "--json"]);
    assert_eq!(folder["share"], file["share"]);
    assert_eq!(file["path"], "plan.md");
    let shares = home.json(&["ls", "--json"]);
    assert_eq!(shares[0]["root"], home.path("Trip").to_str().unwrap());
    home.skep(&["unshare", "shortcut"]).is(0, "no longer shared");
}

#[tokio::test(flavor = "multi_thread")]
async fn unsharing_deletes_nothing_and_hits_only_what_was_named() {
    let home = Home::with_plan("plan\n");
    let mut hive = home.serve();
    fs::create_dir(home.path("desk")).unwrap();
    for name in ["a.md", "b.md", "c.md"] {
        fs::write(home.path("desk").join(name), name).unwrap();
    }
    let a = home.json(&["share", "desk/a.md", "--edit", "--json"]);
    let b = home.json(&["share", "desk/b.md", "--edit", "--json"]);
    assert_ne!(a["share"], b["share"]);
    let shares = home.json(&["ls", "--json"]);
    assert!(shares.as_array().unwrap().iter().all(|share| share["kind"] == "file"), "{shares}");
    assert_eq!(home.skep(&["cat", "desk/a.md"]).out, "a.md");
    assert_eq!(home.skep(&["cat", "desk/b.md"]).out, "b.md");
    // Neither the folder that holds them nor a neighbour is shared.
    home.skep(&["unshare", "desk"]).is(5, "not shared");
    home.skep(&["unshare", "desk/c.md"]).is(5, "not shared");
    home.skep(&["cat", "desk/c.md"]).is(5, "");
    home.skep(&["unshare", "desk/a.md"]).is(0, "Nothing on disk was deleted");
    let left = home.json(&["ls", "--json"]);
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(left[0]["id"], b["share"]);

    home.skep(&["share", "Trip"]).is(0, "/l/");
    hive.owner("GET", "/api/v1/me").await;
    assert!(home.path("Trip/.skep-share").exists());
    home.skep(&["unshare", "Trip/plan.md"]).is(5, "is none itself");
    home.skep(&["unshare", "Trip"]).is(0, "Nothing on disk was deleted");
    let mut names: Vec<_> = fs::read_dir(home.path("Trip"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["plan.md"]);
    assert_eq!(home.text("desk/a.md"), "a.md");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_has_layers_and_typing_errors_are_told() {
    let mut home = Home::new();
    let origin =
        |home: &Home| text(&home.json(&["config", "get", "--json"])["listen.port"]["origin"]);
    assert_eq!(home.skep(&["config", "get", "listen.port"]).out, "7537\n");
    assert_eq!(origin(&home), "default");
    home.skep(&["config", "set", "listen.port", "8123"]).is(0, "8123");
    assert_eq!(
        (home.skep(&["config", "get", "listen.port"]).out, origin(&home)),
        ("8123\n".into(), "file".into())
    );
    home.variables = vec![("SKEP_LISTEN_PORT".to_owned(), "0".to_owned())];
    assert_eq!(
        (home.skep(&["config", "get", "listen.port"]).out, origin(&home)),
        ("0\n".into(), "environment".into())
    );
    // What is set while a variable overrules it says so.
    home.skep(&["config", "set", "listen.port", "8124"]).is(0, "SKEP_LISTEN_PORT");
    home.skep(&["config", "path"]).is(0, "config.toml");
    home.skep(&["config", "set", "listen.prot", "1"]).is(1, "listen.port");

    let path = home.hive.join("config.toml");
    fs::write(&path, "[listen]\nport = 8124 # why\n").unwrap();
    let written = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{written}\nprot = 1\n[tsl]\nmode = \"own\"\n")).unwrap();
    let shown = home.skep(&["config", "get"]);
    shown.is(0, "listen.prot");
    assert!(shown.err.contains("listen.port") && shown.err.contains("tsl.mode"), "{shown:?}");
    assert!(!shown.out.contains("prot"), "{shown:?}");
    let hive = home.serve_with(&[]);
    assert!(home.log_text().contains("listen.prot"), "{}", home.log_text());
    drop(hive);
    fs::write(&path, "[listen\nport=").unwrap();
    home.skep(&["serve"]).is(1, "config.toml");
    fs::write(&path, "[listen]\nport = \"lots\"\n").unwrap();
    home.variables.clear();
    home.skep(&["serve"]).is(1, "listen.port");
    assert!(PATIENCE.as_secs() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_names_the_owner_before_the_first_start() {
    let home = Home::new();
    home.skep(&["init", "--name", "Ada"]).is(0, "skep serve");
    let _hive = home.serve();
    assert_eq!(home.json(&["status", "--json"])["hive"]["owner"]["name"], "Ada");
    home.skep(&["init", "--name", ""]).is(1, "");
    home.skep(&["init", "--name", "Grace"]).is(0, "Grace");
    assert_eq!(home.json(&["status", "--json"])["hive"]["owner"]["name"], "Grace");
}
