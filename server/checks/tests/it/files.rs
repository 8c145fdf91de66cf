//! What is shared is served as it is on disk, and never as part of the app.

use checks::{World, text};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_served_in_parts_and_sandboxed() {
    let world = World::new().await;
    world.write("page.html", "<script>alert(1)</script>");
    world.write("picture.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>");
    let share = world.share().await;
    for name in ["page.html", "picture.svg"] {
        let find = format!("/api/v1/files/by-path?share={}&path={name}", text(&share["id"]));
        let file = world.owner("GET", &find).send().await.json();
        let raw = format!("/api/v1/files/{}/raw", text(&file["id"]));
        let answer = world.owner("GET", &raw).send().await;
        assert_eq!(answer.status, 200);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("sandbox;"), "{name}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(!kind.contains("html"), "{name}: {kind}");
        let part = world.owner("GET", &raw).header("Range", "bytes=1-3").send().await;
        assert_eq!((part.status, part.body.as_slice()), (206, &answer.body[1..4]));
        let tag = answer.header("etag").expect("bytes must have a tag");
        let again = world.owner("GET", &raw).header("If-None-Match", tag).send().await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        let past = world.owner("GET", &raw).header("Range", "bytes=9000-").send().await;
        assert_eq!(past.status, 416);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_a_share() {
    let world = World::new().await;
    let share = world.share().await;
    let id = text(&share["id"]);
    for path in [
        "../hive/data/hive.db",
        "..%2Fhive",
        "%2e%2e/hive",
        "/etc/passwd",
        "a/../../x",
        "a%00b",
        ".skep-share",
    ] {
        for call in [
            format!("/api/v1/files/by-path?share={id}&path={path}"),
            format!("/api/v1/shares/{id}/files?folder={path}"),
        ] {
            let status = world.owner("GET", &call).send().await.status;
            assert!([404, 422].contains(&status), "{call}: {status}");
        }
    }
    for path in ["../x.md", "/x.md", "a/../x.md", "CON.md", "x\0.md", ".skep-share", ""] {
        let new = json!({ "path": path, "text": "" });
        let call = world.owner("POST", &format!("/api/v1/shares/{id}/files")).json(&new);
        let status = call.send().await.status;
        assert!([404, 422].contains(&status), "{path:?}: {status}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_put_beside_other_files_and_never_over_one() {
    let world = World::new().await;
    let share = world.share().await;
    let place = format!("/api/v1/shares/{}/files", text(&share["id"]));
    let put =
        |path: &str, bytes: &[u8]| world.owner("PUT", &format!("{place}?path={path}")).bytes(bytes);
    let picture = [0x89, b'P', b'N', b'G', 0, 1, 2, 3];
    let made = put("one.png", &picture).send().await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["type"], "image");
    assert_eq!(std::fs::read(world.folder().join("one.png")).expect("it is there"), picture);
    assert_eq!(put("one.png", b"other").send().await.code(), "taken");
    assert_eq!(std::fs::read(world.folder().join("one.png")).expect("it is there"), picture);
    for path in ["../x.png", "a/../x.png", "CON.png", ".skep-share", "nowhere/x.png", ""] {
        let status = put(path, &picture).send().await.status;
        assert!([404, 422].contains(&status), "{path:?}: {status}");
    }
    assert_eq!(put("big.png", &vec![0; 25_000_001]).send().await.code(), "too_large");
    assert!(!world.folder().join("big.png").exists());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_made_once() {
    let world = World::new().await;
    let share = world.share().await;
    let place = format!("/api/v1/shares/{}/files", text(&share["id"]));
    let new = json!({ "path": "notes.md", "text": "one\n" });
    assert_eq!(world.owner("POST", &place).json(&new).send().await.status, 201);
    assert_eq!(std::fs::read(world.folder().join("notes.md")).expect("it is there"), b"one\n");
    let again = world.owner("POST", &place).json(&json!({ "path": "notes.md", "text": "two" }));
    assert_eq!(again.send().await.code(), "taken");
    assert_eq!(std::fs::read(world.folder().join("notes.md")).expect("it is there"), b"one\n");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_text_says_why() {
    let world = World::new().await;
    std::fs::write(world.folder().join("blob.txt"), [0, 1, 2]).expect("written");
    std::fs::write(world.folder().join("latin.txt"), [0x63, 0x61, 0x66, 0xe9]).expect("written");
    std::fs::write(world.folder().join("large.txt"), vec![b'a'; 5_000_001]).expect("written");
    let share = world.share().await;
    for (name, code) in
        [("blob.txt", "binary"), ("latin.txt", "not_utf8"), ("large.txt", "too_large")]
    {
        let find = format!("/api/v1/files/by-path?share={}&path={name}", text(&share["id"]));
        let file = world.owner("GET", &find).send().await.json();
        let why = &file["live"]["no"];
        assert_eq!(why["code"], code, "{name}: {file}");
        assert!(!text(&why["detail"]).is_empty() && !text(&why["hint"]).is_empty());
        let open = format!("/api/v1/files/{}/document", text(&file["id"]));
        let open = world.owner("POST", &open).json(&json!({})).send().await;
        assert_eq!(open.code(), code, "{name}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_to_share_leaves_the_folder_alone() {
    let world = World::new().await;
    world.write("plan.md", "plan\n");
    let share = world.share().await;
    let path = format!("/api/v1/shares/{}", text(&share["id"]));
    assert_eq!(world.owner("DELETE", &path).send().await.status, 204);
    let left: Vec<_> = std::fs::read_dir(world.folder())
        .expect("the folder is there")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["plan.md"]);
    world.stop().await;
}
