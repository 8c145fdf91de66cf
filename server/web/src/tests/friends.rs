//! The routes for friends, groups, members, offers and two versions, over a made-up network.

use serde_json::{Value, json};
use types::{FileId, Hash, ShareId, Signer, Time};

use super::fake::{Key, World, friend};
use crate::friends::{Apart, Connection, HeldBack, Lag, Network, Progress, Version, Waiting, Way};

#[tokio::test]
async fn an_invitation_is_answered_and_the_friend_is_named_muted_and_removed() {
    let world = World::new().await;
    let body = json!({ "link": " skep:2 " });
    let made = world.does("POST", "/friends", body).await;
    let shown = &made["friend"];
    assert_eq!((&shown["name"], &shown["online"]), (&"Friend 2".into(), &false.into()));
    assert_eq!(shown["phrase"], json!(["apple", "boat", "cloud", "door"]));
    assert_eq!((&made["offers"], &shown["paused"]), (&json!([]), &Value::Null));
    let path = format!("/friends/{}", shown["hive"].as_str().unwrap_or_default());

    let changed = world.does("PATCH", &path, json!({ "name": "Bo", "muted": true })).await;
    assert_eq!((&changed["name"], &changed["own_name"]), (&"Bo".into(), &"Friend 2".into()));
    let changed = world.does("PATCH", &path, json!({ "name": null, "auto_accept": true })).await;
    assert_eq!(changed["name"], "Friend 2");
    assert_eq!((&changed["muted"], &changed["auto_accept"]), (&true.into(), &true.into()));
    world.is_refused("PATCH", &path, json!({ "name": "" }), 422, "bad_input").await;

    let pause = format!("{path}/pause");
    world.does("PUT", &pause, json!({ "until_at": Time::now().plus(60_000).0 })).await;
    assert!(world.gets("/friends").await[0]["paused"]["until_at"].is_i64());
    world.is_refused("PUT", &pause, json!({ "until_at": 5 }), 422, "bad_input").await;
    world.does("DELETE", &pause, Value::Null).await;
    assert_eq!(world.gets("/friends").await[0]["paused"], Value::Null);

    let connection = Connection { way: Way::Lan, since: Time(1) };
    world.friends.connected.lock().expect("a lock").insert(Key::new(2).hive(), connection);
    let shown = world.gets("/friends").await[0].clone();
    assert_eq!((&shown["online"], &shown["path"]), (&true.into(), &"lan".into()));

    world.does("DELETE", &path, Value::Null).await;
    assert_eq!(world.gets("/friends").await, json!([]));
    world.is_refused("DELETE", &path, Value::Null, 404, "gone").await;
    assert_eq!(world.gets("/nearby").await[0]["name"], "Cy's hive");
}

#[tokio::test]
async fn what_is_no_invitation_is_refused_in_words() {
    let world = World::new().await;
    for (body, status, code) in [
        (json!({}), 422, "bad_input"),
        (json!({ "link": "skep:2", "words": "a b c" }), 422, "bad_input"),
        (json!({ "link": "https://example.com" }), 422, "bad_input"),
        (json!({ "link": "skep:1" }), 409, "own_hive"),
        (json!({ "words": "not these words" }), 403, "words_wrong"),
    ] {
        world.is_refused("POST", "/friends", body, status, code).await;
    }
}

#[tokio::test]
async fn an_invitation_holds_a_share_out_and_can_be_taken_back() {
    let world = World::new().await;
    let share = world.share().await;
    let body = json!({ "share": share, "right": "comment" });
    let made = world.does("POST", "/invitations", body).await;
    assert!(made["link"].as_str().is_some_and(|link| link.starts_with("skep:")), "{made}");
    assert_eq!(made["words"], "apple boat cloud");
    assert_eq!((&made["share_name"], &made["right"]), (&"Trip".into(), &"comment".into()));
    let listed = world.gets("/invitations").await;
    assert_eq!((listed[0]["id"].clone(), listed[0].get("link")), (made["id"].clone(), None));
    let path = format!("/invitations/{}", made["id"].as_str().unwrap_or_default());
    world.does("DELETE", &path, Value::Null).await;
    assert_eq!(world.gets("/invitations").await, json!([]));
    world.does("POST", "/invitations", json!({})).await;
    let nowhere = json!({ "share": ShareId::from_bytes([9; 16]).to_string() });
    world.is_refused("POST", "/invitations", nowhere, 404, "gone").await;
}

#[tokio::test]
async fn a_share_is_given_and_taken_alone_and_through_groups() {
    let world = World::new().await;
    let (share, bo, cy) = (world.share().await, world.befriends(2).await, world.befriends(3).await);
    let members = format!("/shares/{share}/members");
    let alone = world.gets(&members).await;
    assert_eq!(alone.as_array().map(Vec::len), Some(1));
    assert_eq!((&alone[0]["self"], &alone[0]["right"]), (&true.into(), &"manage".into()));

    let to_bo = format!("{members}/{bo}");
    let given = world.does("PUT", &to_bo, json!({ "right": "edit" })).await;
    assert_eq!((&given["state"], &given["right"]), (&"offered".into(), &"edit".into()));
    assert_eq!((&given["friend"], &given["founder"]), (&true.into(), &false.into()));
    assert_eq!(world.gets("/friends").await[0]["shares"], json!([share]));
    world.is_refused("PUT", &to_bo, json!({ "right": "all" }), 422, "bad_input").await;
    let own = format!("{members}/{}", Key::new(1).hive());
    world.is_refused("DELETE", &own, Value::Null, 403, "denied").await;
    let stranger = format!("{members}/{}", Key::new(7).hive());
    world.is_refused("PUT", &stranger, json!({ "right": "view" }), 404, "gone").await;
    world.is_refused("DELETE", &stranger, Value::Null, 404, "gone").await;

    let group = world.does("POST", "/groups", json!({ "name": "Family" })).await;
    let group = group["id"].as_str().expect("an id").to_owned();
    world.does("PUT", &format!("/groups/{group}/members/{cy}"), Value::Null).await;
    let of_group = format!("/shares/{share}/groups/{group}");
    world.does("PUT", &of_group, json!({ "right": "view" })).await;
    let shown = world.gets("/groups").await;
    assert_eq!(
        (&shown[0]["friends"], &shown[0]["shares"][0]["right"]),
        (&json!([cy]), &"view".into())
    );
    let to_cy = format!("{members}/{cy}");
    let words = world.is_refused("DELETE", &to_cy, Value::Null, 422, "bad_input").await;
    assert!(words.contains("Family"));
    world.does("DELETE", &of_group, Value::Null).await;
    world.does("DELETE", &to_bo, Value::Null).await;
    let left = world.gets(&members).await;
    let states: Vec<&Value> =
        left.as_array().expect("a list").iter().map(|member| &member["state"]).collect();
    assert_eq!(states, ["member", "removed", "removed"]);
    let renamed = world.does("PATCH", &format!("/groups/{group}"), json!({ "name": "Kin" })).await;
    assert_eq!(renamed["name"], "Kin");
    world.does("DELETE", &format!("/groups/{group}"), Value::Null).await;
    assert_eq!(world.gets("/groups").await, json!([]));
}

/// Friend 2 shares with this hive; gives the share.
async fn offered(world: &World) -> String {
    world.befriends(2).await;
    let share = ShareId::from_bytes([7; 16]);
    let theirs = World::new().await;
    let (own, key) = (Key::new(1).hive(), Key::new(2));
    let proposals = theirs.store.write(move |tx| {
        people::found(tx, &key, share, "Letters", false)?;
        people::befriend(tx, &key, friend(1))?;
        people::share_with(tx, &key, share, own, types::Right::Edit)?;
        people::proposals(tx, own)
    });
    let proposals = proposals.await.expect("proposed");
    let (from, key) = (Key::new(2).hive(), Key::new(1));
    let taken = world
        .store
        .write(move |tx| people::take_proposals(tx, &key, from, proposals, |_| false))
        .await;
    taken.expect("taken");
    share.to_string()
}

#[tokio::test]
async fn an_offer_is_shown_accepted_or_declined() {
    let world = World::new().await;
    let share = offered(&world).await;
    let offers = world.gets("/offers").await;
    assert_eq!((&offers[0]["name"], &offers[0]["right"]), (&"Letters".into(), &"edit".into()));
    assert_eq!(offers[0]["from"]["name"], "Friend 2");
    let body = json!({ "path": "/home/ada/Letters", "name": "Post", "folders": ["2026"] });
    let (status, _) = world.call("POST", &format!("/offers/{share}/accept"), body).await;
    assert_eq!(status, 404, "the made-up network stops there");
    let asked = world.friends.asked.lock().expect("a lock").join("\n");
    assert!(asked.contains("/home/ada/Letters") && asked.contains("2026"), "{asked}");
    world.does("POST", &format!("/offers/{share}/decline"), Value::Null).await;
    assert_eq!(world.gets("/offers").await, json!([]));
    let decline = format!("/offers/{share}/decline");
    world.is_refused("POST", &decline, Value::Null, 404, "gone").await;
}

#[tokio::test]
async fn progress_adds_up_and_says_who_lacks_what() {
    let world = World::new().await;
    let (share, bo) = (world.share().await, world.befriends(2).await);
    let lag = |in_sync, files| Lag {
        in_sync,
        files: Some(files),
        bytes: Some(files * 10),
        ..Lag::default()
    };
    let progress = |here, friend| Progress {
        here,
        friends: [(Key::new(2).hive(), friend)].into(),
        held_back: Some(HeldBack { own: 1_200, friends: 0 }),
        waiting: vec![Waiting {
            file: Some(FileId::from_bytes([1; 16])),
            path: "film.mov".to_owned(),
            code: "no_space".to_owned(),
            detail: "It waits for 2 GB of free space.".to_owned(),
            hint: "Free some space.".to_owned(),
        }],
    };
    let given = json!({ "right": "edit" });
    world.does("PUT", &format!("/shares/{share}/members/{bo}"), given).await;
    *world.friends.progress.lock().expect("a lock") =
        progress(lag(Some(true), 0), lag(Some(false), 3));
    let path = format!("/shares/{share}/sync");
    let shown = world.gets(&path).await;
    // Who has not joined yet does not hold anybody up.
    assert_eq!((&shown["in_sync"], &shown["files_to_go"]), (&true.into(), &0.into()));
    assert_eq!(
        (&shown["friends"][0]["files_to_go"], &shown["friends"][0]["bytes_to_go"]),
        (&3.into(), &30.into())
    );
    assert_eq!(
        (&shown["held_back"]["deletions"], &shown["waiting"][0]["code"]),
        (&1_200.into(), &"no_space".into())
    );
    *world.friends.progress.lock().expect("a lock") = progress(lag(None, 2), lag(Some(true), 0));
    let shown = world.gets(&path).await;
    assert_eq!((&shown["in_sync"], &shown["bytes_to_go"]), (&false.into(), &20.into()));

    world.does("POST", &format!("{path}/confirm"), Value::Null).await;
    world.does("PUT", &format!("/shares/{share}/pause"), json!({ "until_at": null })).await;
    assert!(world.gets(&path).await["paused"]["since_at"].is_i64());
    world.does("DELETE", &format!("/shares/{share}/pause"), Value::Null).await;
    let leave = format!("/shares/{share}/leave");
    let words = world.is_refused("POST", &leave, json!({}), 422, "bad_input").await;
    assert!(words.contains("stop sharing"), "{words}");
    let why = world.gets(&format!("/why?share={share}&path=a%20b.txt")).await;
    assert_eq!((&why["path"], &why["code"]), (&"a b.txt".into(), &"friend_away".into()));
    world.is_refused("GET", "/why", Value::Null, 422, "bad_input").await;
    let asked = world.friends.asked.lock().expect("a lock").join("\n");
    assert!(asked.contains("confirm"), "{asked}");
}

#[tokio::test]
async fn limits_are_set_for_all_and_for_one_and_shown_where_it_waits() {
    let world = World::new().await;
    let (share, bo) = (world.share().await, world.befriends(2).await);
    let none = json!({ "up_kb": 0, "down_kb": 0, "only_unmetered": false, "network": null });
    assert_eq!(world.gets("/limits").await, none);
    world.does("PATCH", "/limits", json!({ "up_kb": 500 })).await;
    let set = json!({ "up_kb": 500, "down_kb": 0, "only_unmetered": false, "network": null });
    assert_eq!(world.gets("/limits").await, set);
    world.does("PATCH", &format!("/friends/{bo}"), json!({ "down_kb": 50 })).await;
    let friend = world.gets("/friends").await[0].clone();
    assert_eq!((&friend["up_kb"], &friend["down_kb"]), (&0.into(), &50.into()));

    let sync = format!("/shares/{share}/sync");
    let shown = world.gets(&sync).await;
    assert_eq!((&shown["limits"], &shown["resting"]), (&set, &Value::Null));
    *world.friends.network.lock().expect("a lock") = Some(Network::Metered);
    assert_eq!(world.gets(&sync).await["resting"], Value::Null, "nobody asked for that");
    world.does("PATCH", "/limits", json!({ "only_unmetered": true, "up_kb": 0 })).await;
    let shown = world.gets(&sync).await;
    assert_eq!(shown["resting"]["code"], "metered");
    assert_eq!(shown["limits"]["network"], "metered");
    world.does("PUT", "/pause", json!({})).await;
    assert_eq!(world.gets(&sync).await["resting"]["code"], "paused");
    world.does("DELETE", "/pause", Value::Null).await;
    *world.friends.network.lock().expect("a lock") = Some(Network::Unknown);
    let shown = world.gets(&sync).await;
    assert_eq!((&shown["resting"], &shown["limits"]["network"]), (&Value::Null, &"unknown".into()));
    world.is_refused("PATCH", "/limits", json!({ "up_kb": -1 }), 422, "bad_input").await;
}

#[tokio::test]
async fn rules_are_read_written_and_tried() {
    let world = World::new().await;
    let path = format!("/shares/{}/ignore", world.share().await);
    let rules = world.gets(&path).await;
    assert_eq!((&rules["text"], &rules["defaults"][0]["rule"]), (&"*.log\n".into(), &"*~".into()));
    let written = world.does("PUT", &path, json!({ "text": "*.tmp\n" })).await;
    assert_eq!(written["text"], "*.tmp\n");
    let caught = world.does("POST", &format!("{path}/preview"), json!({ "text": "*.log" })).await;
    assert_eq!((&caught[0]["path"], &caught[0]["line"]), (&"a.log".into(), &1.into()));
}

#[tokio::test]
async fn two_versions_are_shown_read_and_resolved() {
    let world = World::new().await;
    std::fs::write(world.home.path().join("Trip/plan.md"), "plan\n").expect("written");
    let (share, _) = (world.share().await, world.befriends(2).await);
    let found = loop {
        let (status, found) = world
            .call("GET", &format!("/files/by-path?share={share}&path=plan.md"), Value::Null)
            .await;
        if status == 200 {
            break found;
        }
        tokio::task::yield_now().await;
    };
    let file = found["id"].as_str().expect("an id").to_owned();
    let side = |hive, guest: Option<&str>| Version {
        hash: Hash::of(b"x"),
        at: Time(5),
        hive,
        guest: guest.map(str::to_owned),
        size: 6,
    };
    let (own, bo) = (Key::new(1).hive(), Key::new(2).hive());
    world.friends.apart.lock().expect("a lock").push(Apart {
        file: file.parse().expect("an id"),
        share: share.parse().expect("an id"),
        path: "plan.md".to_owned(),
        sides: vec![side(bo, Some("Guest")), side(own, None)],
        mergeable: true,
        base: false,
    });
    let shown = world.gets("/two-versions").await[0].clone();
    assert_eq!((&shown["share_name"], &shown["type"]), (&"Trip".into(), &"text".into()));
    assert_eq!(
        (&shown["sides"][0]["by"]["name"], &shown["sides"][0]["guest"]),
        (&"Friend 2".into(), &"Guest".into())
    );
    assert_eq!(
        (&shown["sides"][1]["by"]["name"], &shown["sides"][1]["device"]),
        (&"Ada".into(), &"Ada's hive".into())
    );

    let path = format!("/files/{file}/two-versions");
    let answer = world.raw("GET", &format!("{path}/second/raw"), &Value::Null).await;
    let policy = answer.headers()["content-security-policy"].to_str().unwrap_or_default();
    assert!(policy.starts_with("sandbox"), "{policy}");
    assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
    world.is_refused("GET", &format!("{path}/third/raw"), Value::Null, 422, "bad_input").await;
    let undo = world.does("POST", &path, json!({ "keep": "text", "text": "both\n" })).await;
    world.does("POST", &format!("{path}/undo"), undo).await;
    for bad in [
        json!({ "keep": "text" }),
        json!({ "keep": "none" }),
        json!({ "keep": "first", "text": "x" }),
    ] {
        world.is_refused("POST", &path, bad, 422, "bad_input").await;
    }
    let asked = world.friends.asked.lock().expect("a lock").join("\n");
    assert_eq!(asked, "keep Text(\"both\\n\")\nundo 17");
}

#[tokio::test]
async fn pages_are_told_that_connections_changed() {
    use futures::StreamExt;
    let world = World::new().await;
    let answer = world.raw("GET", "/events", &Value::Null).await;
    let mut pieces = answer.into_body().into_data_stream();
    let mut heard = String::new();
    while !heard.contains("event: hello") {
        heard += &String::from_utf8_lossy(&pieces.next().await.expect("a piece").expect("a piece"));
    }
    // The stream may listen only a moment after its greeting.
    while !heard.contains("event: friends") {
        world.friends.changed();
        let piece = tokio::time::timeout(std::time::Duration::from_millis(20), pieces.next()).await;
        if let Ok(Some(Ok(piece))) = piece {
            heard += &String::from_utf8_lossy(&piece);
        }
    }
}
