//! Nobody gets past the gate without the right name, origin and key.

use checks::World;
use serde_json::{Value, json};

/// Routes that need no key, and why.
const OPEN: [(&str, &str); 2] = [
    ("GET", "/api/v1/welcome"), // tells whose link it is, before its secret is shown
    ("POST", "/api/v1/session"), // takes the secret
];

/// Every route of the OpenAPI document, with parameters filled in.
async fn routes(world: &World) -> Vec<(String, String)> {
    let document = world.stranger("GET", "/api/v1/openapi.json").send().await.json();
    let paths = document["paths"].as_object().expect("the document must have paths").clone();
    let mut routes = Vec::new();
    for (path, item) in paths {
        let filled = path
            .replace("{share}", &"a".repeat(26))
            .replace("{file}", &"a".repeat(26))
            .replace("{id}", &"a".repeat(10))
            .replace("{kind}", "link")
            .replace("{hive}", &"a".repeat(52))
            .replace("{group}", &"a".repeat(26))
            .replace("{side}", "first");
        assert!(!filled.contains('{'), "{path} has a parameter that is not known here");
        for method in ["get", "post", "put", "patch", "delete"] {
            if item.get(method).is_some() {
                routes.push((method.to_uppercase(), filled.clone()));
            }
        }
    }
    routes.push(("GET".to_owned(), format!("/yjs/{}", "a".repeat(26))));
    assert!(routes.len() > 30, "the table must be whole: {routes:?}");
    routes
}

fn is_open(method: &str, path: &str) -> bool {
    OPEN.contains(&(method, path))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_everywhere() {
    let world = World::new().await;
    for (method, path) in routes(&world).await {
        if is_open(&method, &path) {
            continue;
        }
        for key in ["", "Bearer skep_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "Bearer x"] {
            let call = world.stranger(&method, &path);
            let call = if key.is_empty() { call } else { call.header("Authorization", key) };
            let answer = call.json(&json!({})).send().await;
            assert_eq!(answer.status, 401, "{method} {path} with {key:?}: {answer:?}");
            assert_eq!(answer.code(), "signed_out");
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_names_are_refused_everywhere() {
    let world = World::new().await;
    let port = world.address.port();
    let foreign = [
        format!("attacker.test:{port}"),
        format!("127.0.0.1.attacker.test:{port}"),
        format!("localhost.attacker.test:{port}"),
        format!("attacker.test@127.0.0.1:{port}"),
        format!("127.0.0.1.:{port}"),
        "127.0.0.1".to_owned(),
        "127.0.0.1:1".to_owned(),
        String::new(),
    ];
    let mut paths = routes(&world).await;
    for page in [
        "/",
        "/app/keys",
        "/l/aaaaaaaaaa",
        "/assets/x.js",
        "/healthz",
        "/nothing",
        "/hocuspocus",
        "/mobwrite",
    ] {
        paths.push(("GET".to_owned(), page.to_owned()));
    }
    for (method, path) in paths {
        for host in &foreign {
            let answer = world.owner(&method, &path).with("Host", host).json(&json!({}));
            let answer = answer.send().await;
            assert_eq!(answer.status, 421, "{method} {path} as {host:?}: {answer:?}");
        }
        let twice = world.owner(&method, &path).header("Host", "attacker.test").send().await;
        assert!([400, 421].contains(&twice.status), "{method} {path}: {twice:?}");
    }
    for name in ["localhost", "127.0.0.1", "LOCALHOST"] {
        let answer = world.owner("GET", "/api/v1/me").with("Host", &format!("{name}:{port}"));
        assert_eq!(answer.send().await.status, 200, "{name}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_are_refused() {
    let world = World::new().await;
    let own = format!("http://{}", world.address);
    let other_port = "http://127.0.0.1:1".to_owned();
    let refused = [
        ("cross-site", Some("http://attacker.test")),
        ("cross-site", None),
        ("same-site", Some(other_port.as_str())),
        ("same-site", None),
        ("same-origin", Some("null")),
        ("", Some("http://127.0.0.1.attacker.test")),
        ("", Some("null")),
        ("", None),
    ];
    for (method, path) in routes(&world).await.into_iter().filter(|(method, _)| method != "GET") {
        for (site, origin) in refused {
            let mut call = world.owner(&method, &path).without("Sec-Fetch-Site").without("Origin");
            if !site.is_empty() {
                call = call.header("Sec-Fetch-Site", site);
            }
            if let Some(origin) = origin {
                call = call.header("Origin", origin);
            }
            let answer = call.json(&json!({})).send().await;
            assert_eq!(answer.code(), "wrong_origin", "{method} {path} {site} {origin:?}");
        }
    }
    let upgrade = |site: Option<&str>, origin: Option<&str>| {
        let mut call = world
            .owner("GET", &format!("/yjs/{}", "a".repeat(26)))
            .without("Sec-Fetch-Site")
            .header("Upgrade", "websocket")
            .with("Connection", "Upgrade");
        if let Some(site) = site {
            call = call.header("Sec-Fetch-Site", site);
        }
        if let Some(origin) = origin {
            call = call.header("Origin", origin);
        }
        call
    };
    for (site, origin) in
        [(None, None), (None, Some("http://attacker.test")), (Some("cross-site"), None)]
    {
        let answer = upgrade(site, origin).send().await;
        assert_eq!(answer.code(), "wrong_origin", "{site:?} {origin:?}");
    }
    let allowed = world.owner("PUT", "/api/v1/me").without("Sec-Fetch-Site").with("Origin", &own);
    assert_eq!(allowed.json(&json!({ "name": "Ada" })).send().await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_reaches_nothing_of_the_owners() {
    let world = World::new().await;
    world.write("plan.md", "plan\n");
    let share = world.share().await;
    let link = world.link(json!({ "share": share["id"], "right": "edit" })).await;
    let cookie = world.guest(&link).await;
    let id = link["id"].as_str().expect("a link must have an id");
    let document = world.stranger("GET", "/api/v1/openapi.json").send().await.json();
    for (method, path) in routes(&world).await {
        let owners = world.stranger(&method, &path).header("Cookie", &cookie).json(&json!({}));
        if !is_open(&method, &path) {
            assert_eq!(owners.send().await.status, 401, "{method} {path} with a guest's cookie");
        }
    }
    // What only the owner may call is refused under the guest's own address too.
    for path in ["/status", "/links", "/keys", "/recent", "/folders?path=/"] {
        let call = world.stranger("GET", &format!("/l/{id}/api/v1{path}"));
        let answer = call.header("Cookie", &cookie).send().await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    assert_ne!(document, Value::Null);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_slowed_down() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for _ in 0..40 {
        let body = json!({ "token": "a".repeat(32) });
        let answer = world.stranger("POST", "/api/v1/session").json(&body).send().await;
        answers.push((answer.status, answer.header("retry-after").is_some()));
    }
    assert_eq!(answers.first(), Some(&(401, false)));
    assert!(answers.contains(&(429, true)), "{answers:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large_or_no_json_are_refused_with_words() {
    let world = World::new().await;
    let large = json!({ "name": "x".repeat(200_000) });
    let answer = world.owner("PUT", "/api/v1/me").json(&large).send().await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    for body in [json!([]), json!("x"), json!({ "hue": "blue" }), json!({ "hue": 12 })] {
        let answer = world.owner("PUT", "/api/v1/me").json(&body).send().await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert!(!answer.json()["hint"].as_str().unwrap_or_default().is_empty());
    }
    world.stop().await;
}
