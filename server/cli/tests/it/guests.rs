//! What a guest's key opens, and how soon it opens nothing any more.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use checks::{Page, Room, text};
use serde_json::{Value, json};

use crate::world::{Hive, Home, holds, note, type_and_store};

/// How soon a key that is taken back ends what it opened.
const REVOKED_WITHIN: Duration = Duration::from_secs(2);

/// A hive with a shared folder, and the id of its file `plan.md`.
async fn shared(home: &Home) -> (Hive<'_>, String) {
    let mut hive = home.serve();
    home.skep(&["share", "Trip"]).is(0, "/l/");
    hive.share_is("in_step").await;
    let file = text(&hive.file("plan.md").await["id"]);
    (hive, file)
}

async fn link(hive: &mut Hive<'_>, body: Value) -> Value {
    let answer = hive.owner("POST", "/api/v1/links").await.json(&body).send().await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_back_closes_open_documents() {
    let home = Home::with_plan("plan\n");
    let (mut hive, file) = shared(&home).await;
    let stays = link(&mut hive, json!({ "file": file, "right": "edit" })).await;
    let (_, room) = hive.guest(&stays, &file).await;
    let mut other = Page::join(1, &room).await;

    let revoked = link(&mut hive, json!({ "file": file, "right": "edit" })).await;
    let (cookie, room) = hive.guest(&revoked, &file).await;
    let mut page = Page::join(2, &room).await;
    type_and_store(&mut page, "a guest\n").await;
    let path = format!("/api/v1/links/{}", text(&revoked["id"]));
    assert_eq!(hive.owner("DELETE", &path).await.send().await.status, 204);
    ended(&mut page, "revoking a link", &[4403, 4401]).await;
    let status = room.open().await.err();
    assert!([Some(401), Some(403), Some(410)].contains(&status), "{status:?}");
    let me = format!("/l/{}/api/v1/me", text(&revoked["id"]));
    let me = hive.stranger("GET", &me).header("Cookie", &cookie).send().await;
    assert!([401, 410].contains(&me.status), "{me:?}");

    let ends = json!({ "file": file, "right": "edit", "expires_at": now_ms() + 1_500 });
    let expiring = link(&mut hive, ends).await;
    let (_, room) = hive.guest(&expiring, &file).await;
    let mut page = Page::join(3, &room).await;
    let left = expiring["expires_at"].as_i64().unwrap() - now_ms();
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
    page.within(left + REVOKED_WITHIN, "an expired link ends", |page| page.closed.is_some()).await;

    // A browser of a guest, and a program's token.
    let (cookie, room) = hive.guest(&stays, &file).await;
    let mut page = Page::join(4, &room).await;
    let keys = hive.get("/api/v1/keys").await;
    let newest = |kind: &str| {
        let mut keys = keys.as_array().unwrap().iter();
        keys.find(|key| key["kind"] == kind).map(|key| text(&key["id"])).unwrap()
    };
    home.skep(&["keys", "revoke", &newest("guest")]).is(0, "");
    ended(&mut page, "taking a guest's browser back", &[4401, 4403]).await;
    let me = format!("/l/{}/api/v1/me", text(&stays["id"]));
    let me = hive.stranger("GET", &me).header("Cookie", &cookie).send().await;
    assert_eq!(me.status, 401);

    let mut page = Page::join(5, &home.room("Trip/plan.md")).await;
    let keys = home.json(&["keys", "list", "--json"]);
    let token = keys.as_array().unwrap().iter().find(|key| key["kind"] == "token").unwrap();
    home.skep(&["keys", "revoke", &text(&token["id"])]).is(0, "");
    ended(&mut page, "taking a token back", &[4401, 4403]).await;

    other.until("it has the guest's line", |page| page.text() == "plan\na guest\n").await;
    type_and_store(&mut other, "whoever has another key goes on\n").await;
    holds(&home.path("Trip/plan.md"), "plan\na guest\nwhoever has another key goes on\n").await;
}

async fn ended(page: &mut Page, what: &str, codes: &[u16]) {
    let took = page.within(REVOKED_WITHIN, what, |page| page.closed.is_some()).await;
    let (code, reason) = page.closed.clone().unwrap();
    note(&format!("{what} ended an open document after {took:?}: {code} {reason}"));
    assert!(codes.contains(&code) && !reason.is_empty(), "{what}: {code} {reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_for_guests_and_not_for_the_owner() {
    let home = Home::with_plan("plan\n");
    let (mut hive, file) = shared(&home).await;
    let open = link(&mut hive, json!({ "file": file, "right": "edit" })).await;
    let (_, room) = hive.guest(&open, &file).await;
    let mut guest = Page::join(1, &room).await;
    let own = Room::new(hive.address, &format!("/yjs/{file}?stored=1"));
    let mut owner = Page::join(2, &own.with("Cookie", &hive.cookie())).await;
    let pause = hive.owner("PUT", "/api/v1/pause").await.json(&json!({ "until_at": null }));
    assert_eq!(pause.send().await.status, 204);
    ended(&mut guest, "a pause", &[4408]).await;
    let mut again = Page::new(1);
    let refused = again.connect(&room).await;
    if refused.is_ok() {
        again.until("it is refused", |page| page.closed.is_some()).await;
        assert_eq!(again.closed.as_ref().map(|(code, _)| *code), Some(4408));
    }
    type_and_store(&mut owner, "while it is paused\n").await;
    home.skep(&["status"]).is(0, "Paused");
    assert_eq!(hive.owner("DELETE", "/api/v1/pause").await.send().await.status, 204);
    guest.connect(&room).await.unwrap();
    guest.until("it is back", |page| page.text() == "plan\nwhile it is paused\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_look_changes_nothing() {
    let home = Home::with_plan("plan\n");
    let (mut hive, file) = shared(&home).await;
    let own = Room::new(hive.address, &format!("/yjs/{file}?stored=1"));
    let mut owner = Page::join(1, &own.with("Cookie", &hive.cookie())).await;
    for right in ["view", "comment"] {
        let looks = link(&mut hive, json!({ "file": file, "right": right })).await;
        let (cookie, room) = hive.guest(&looks, &file).await;
        let mut page = Page::join(2, &room).await;
        assert_eq!(page.text(), owner.text());
        page.edit(0, 4, "defaced").await;
        page.until("it is told", |page| page.was_denied).await;
        type_and_store(&mut owner, "the owner types\n").await;
        assert!(!owner.text().contains("defaced"));
        let new = json!({ "path": "new.md", "text": "" });
        let share = hive.get("/api/v1/shares").await[0]["id"].clone();
        let path = format!("/l/{}/api/v1/shares/{}/files", text(&looks["id"]), text(&share));
        let made = hive.stranger("POST", &path).header("Cookie", &cookie).json(&new).send().await;
        assert_eq!(made.status, 403, "{made:?}");
    }
    let expected = "plan\nthe owner types\nthe owner types\n";
    holds(&home.path("Trip/plan.md"), expected).await;
    // Whoever loses the right to edit while a document is open loses it there.
    let edits = link(&mut hive, json!({ "file": file, "right": "edit" })).await;
    let (_, room) = hive.guest(&edits, &file).await;
    let mut page = Page::join(3, &room).await;
    let path = format!("/api/v1/links/{}", text(&edits["id"]));
    let narrowed = hive.owner("PATCH", &path).await.json(&json!({ "right": "view" })).send().await;
    assert_eq!(narrowed.status, 200, "{narrowed:?}");
    page.listen(Duration::from_millis(300)).await;
    page.type_at_end("too late\n").await;
    page.listen_until_quiet().await;
    assert!(!home.text("Trip/plan.md").contains("too late"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_what_it_is_for_and_nothing_beside() {
    let home = Home::with_plan("plan\n");
    std::fs::write(home.path("Trip/secret.md"), "secret\n").unwrap();
    let (mut hive, file) = shared(&home).await;
    let secret = text(&hive.file("secret.md").await["id"]);
    let one = link(&mut hive, json!({ "file": file, "right": "edit" })).await;
    let other = link(&mut hive, json!({ "file": secret, "right": "edit" })).await;
    let (cookie, room) = hive.guest(&one, &file).await;
    drop(Page::join(1, &room).await);
    for path in [
        format!("/l/{}/yjs/{secret}?stored=1", text(&one["id"])),
        format!("/l/{}/yjs/{secret}?stored=1", text(&other["id"])),
        format!("/l/{}/yjs/{file}?stored=1", text(&other["id"])),
        format!("/yjs/{file}?stored=1"),
        format!("/yjs/{secret}?stored=1"),
    ] {
        let room = Room::new(hive.address, &path).with("Cookie", &cookie);
        let mut page = Page::new(2);
        if page.connect(&room).await.is_ok() {
            page.until("it is closed", |page| page.closed.is_some()).await;
            let code = page.closed.as_ref().map(|(code, _)| *code);
            assert!(matches!(code, Some(4401 | 4403 | 4404)), "{path}: {code:?}");
        }
        assert_eq!(page.text(), "", "{path}");
    }
    for path in [
        format!("/l/{}/api/v1/files/{secret}/raw", text(&one["id"])),
        format!("/l/{}/api/v1/files/{secret}/text", text(&one["id"])),
        format!("/l/{}/api/v1/files/{secret}", text(&other["id"])),
        format!("/api/v1/files/{file}"),
    ] {
        let answer = hive.stranger("GET", &path).header("Cookie", &cookie).send().await;
        assert!([401, 403, 404].contains(&answer.status), "{path}: {answer:?}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret\n"));
    }
    // A token for one document opens no other, and not the API.
    let shared = home.json(&["share", "Trip/plan.md", "--edit", "--json"]);
    let token = text(&shared["yjs"]["params"]["token"]);
    let room = Room::new(hive.address, &format!("/yjs/{secret}?stored=1&token={token}"));
    let mut page = Page::new(3);
    if page.connect(&room).await.is_ok() {
        page.until("it is closed", |page| page.closed.is_some()).await;
    }
    assert_eq!(page.text(), "");
    for path in ["/api/v1/status", "/api/v1/keys", &format!("/api/v1/files/{secret}/raw")] {
        let call = hive.stranger("GET", path).header("Authorization", &format!("Bearer {token}"));
        let answer = call.send().await;
        assert!([401, 403, 404].contains(&answer.status), "{path}: {answer:?}");
    }
}
