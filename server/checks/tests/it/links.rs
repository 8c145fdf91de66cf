//! A link lets in whom it was made for, as long and as far as it says.

use checks::{World, text};
use serde_json::{Value, json};

/// A guest's call under the link's own address.
async fn guest_gets(world: &World, link: &Value, cookie: &str, path: &str) -> checks::Answer {
    let path = format!("/l/{}/api/v1{path}", text(&link["id"]));
    world.stranger("GET", &path).header("Cookie", cookie).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_whose_it_is_then_what_it_is() {
    let world = World::new().await;
    world.write("plan.md", "plan\n");
    let share = world.share().await;
    let link = world.link(json!({ "share": share["id"], "right": "comment" })).await;
    let welcome = format!("/l/{}/api/v1/welcome", text(&link["id"]));
    let welcome = world.stranger("GET", &welcome).send().await;
    assert_eq!(welcome.json()["state"], "open");
    assert!(!String::from_utf8_lossy(&welcome.body).contains("Trip"), "{welcome:?}");

    let cookie = world.guest(&link).await;
    let me = guest_gets(&world, &link, &cookie, "/me").await.json();
    assert_eq!((&me["role"], &me["right"]), (&json!("guest"), &json!("comment")));
    assert_eq!(me["link"]["share_name"], "Trip");
    let place = format!("/shares/{}/files", text(&share["id"]));
    let files = guest_gets(&world, &link, &cookie, &place).await.json();
    assert_eq!(files["entries"][0]["name"], "plan.md");
    let shares = guest_gets(&world, &link, &cookie, "/shares").await.json();
    assert_eq!(shares[0]["root"], Value::Null, "a guest must not learn where it lies on disk");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_one_file_opens_no_other() {
    let world = World::new().await;
    world.write("plan.md", "plan\n");
    world.write("secret.md", "secret\n");
    let share = world.share().await;
    let id = text(&share["id"]);
    let find = |name: &str| format!("/api/v1/files/by-path?share={id}&path={name}");
    let plan = world.owner("GET", &find("plan.md")).send().await.json();
    let secret = world.owner("GET", &find("secret.md")).send().await.json();
    let link = world.link(json!({ "file": plan["id"], "right": "edit" })).await;
    assert_eq!(link["kind"], "file");
    let cookie = world.guest(&link).await;
    let own = format!("/files/{}", text(&plan["id"]));
    assert_eq!(guest_gets(&world, &link, &cookie, &own).await.status, 200);
    let raw = guest_gets(&world, &link, &cookie, &format!("{own}/raw")).await;
    assert_eq!(raw.body, b"plan\n");
    for path in [
        format!("/files/{}", text(&secret["id"])),
        format!("/files/{}/raw", text(&secret["id"])),
        format!("/files/{}/text", text(&secret["id"])),
        format!("/shares/{id}/files"),
        format!("/files/by-path?share={id}&path=secret.md"),
    ] {
        assert_eq!(guest_gets(&world, &link, &cookie, &path).await.status, 403, "{path}");
    }
    let found = guest_gets(&world, &link, &cookie, &format!("/shares/{id}/search?q=md")).await;
    let names: Vec<_> =
        found.json().as_array().into_iter().flatten().map(|file| text(&file["name"])).collect();
    assert_eq!(names, ["plan.md"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_asked_for_and_a_wrong_secret_is_no_link() {
    let world = World::new().await;
    let share = world.share().await;
    let link =
        world.link(json!({ "share": share["id"], "right": "view", "password": "sesame" })).await;
    assert_eq!(world.come(&link, json!({})).await.code(), "password_needed");
    assert_eq!(world.come(&link, json!({ "password": "x" })).await.code(), "password_wrong");
    assert_eq!(world.come(&link, json!({ "password": "sesame" })).await.status, 200);
    let wrong = world.come(&link, json!({ "secret": "a".repeat(32), "password": "sesame" })).await;
    assert_eq!(wrong.code(), "link_revoked");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_ends_what_was_open() {
    let world = World::new().await;
    let share = world.share().await;
    let link = world.link(json!({ "share": share["id"], "right": "edit", "uses_max": 1 })).await;
    let cookie = world.guest(&link).await;
    assert_eq!(world.come(&link, json!({})).await.code(), "link_used_up");
    assert_eq!(guest_gets(&world, &link, &cookie, "/me").await.status, 200);
    let keys = world.owner("GET", "/api/v1/keys").send().await.json();
    let kinds: Vec<_> =
        keys.as_array().into_iter().flatten().map(|key| text(&key["kind"])).collect();
    assert_eq!(kinds, ["link", "browser", "guest"]);
    let path = format!("/api/v1/keys/link/{}", text(&link["id"]));
    assert_eq!(world.owner("DELETE", &path).send().await.status, 204);
    assert!([401, 410].contains(&guest_gets(&world, &link, &cookie, "/me").await.status));
    assert_eq!(world.come(&link, json!({})).await.code(), "link_revoked");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_paused_guests_wait_and_the_owner_goes_on() {
    let world = World::new().await;
    let share = world.share().await;
    let link = world.link(json!({ "share": share["id"], "right": "edit" })).await;
    let cookie = world.guest(&link).await;
    let pause = world.owner("PUT", "/api/v1/pause").json(&json!({ "until_at": null }));
    assert_eq!(pause.send().await.status, 204);
    let waiting = guest_gets(&world, &link, &cookie, "/me").await;
    assert_eq!((waiting.status, waiting.code().as_str()), (503, "paused"));
    assert_eq!(world.owner("GET", "/api/v1/shares").send().await.status, 200);
    assert_eq!(world.owner("DELETE", "/api/v1/pause").send().await.status, 204);
    assert_eq!(guest_gets(&world, &link, &cookie, "/me").await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_opens_its_share_alone() {
    let world = World::new().await;
    let share = world.share().await;
    let body = json!({ "name": "backup", "right": "view", "share": share["id"] });
    let made = world.owner("POST", "/api/v1/tokens").json(&body).send().await.json();
    let bearer = format!("Bearer {}", text(&made["token"]));
    let program = |path: &str| {
        world.stranger("GET", path).without("Sec-Fetch-Site").header("Authorization", &bearer)
    };
    let files = format!("/api/v1/shares/{}/files", text(&share["id"]));
    assert_eq!(program(&files).send().await.status, 200);
    assert_eq!(program("/api/v1/keys").send().await.status, 403);
    let keys = world.owner("GET", "/api/v1/keys").send().await;
    assert!(!String::from_utf8_lossy(&keys.body).contains(&text(&made["token"])));
    world.stop().await;
}
