//! One hive on a free port, with a folder to share, that vanishes with the test.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hive::{Client, Hive, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Answer, Call};

pub struct World {
    pub address: SocketAddr,
    pub client: Client,
    hive: Hive,
    home: TempDir,
    /// The owner's cookie.
    cookie: String,
}

impl World {
    /// Starts a hive and signs its owner in, as a browser does.
    ///
    /// # Panics
    /// If the hive does not start.
    pub async fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder must be made");
        fs::create_dir(home.path().join("Trip")).expect("a folder must be made");
        let options = Options {
            home: Some(home.path().join("hive")),
            listen: Some("127.0.0.1:0".parse().expect("it must be an address")),
            ..Options::default()
        };
        let hive = Hive::start(options).await.expect("the hive must start");
        let address = hive.address();
        let address = address.trim_start_matches("http://").parse().expect("it must be an address");
        let client = hive.client();
        let mut world = Self { address, client, hive, home, cookie: String::new() };
        let url = world.client.sign_in_url().await.expect("there must be a sign-in");
        let token = url.split('#').nth(1).expect("the secret must be in the fragment");
        let call = world.stranger("POST", "/api/v1/session").json(&json!({ "token": token }));
        world.cookie = call.send().await.cookie().expect("the owner must be signed in");
        world
    }

    /// The folder `Trip`, which is not shared yet.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("Trip")
    }

    pub fn write(&self, name: &str, content: &str) {
        fs::write(self.folder().join(name), content).expect("the file must be written");
    }

    /// A request without any key.
    pub fn stranger(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path)
    }

    /// A request from the owner's browser.
    pub fn owner(&self, method: &str, path: &str) -> Call {
        self.stranger(method, path).header("Cookie", &self.cookie)
    }

    /// Shares the folder and gives the share, once its files are known.
    ///
    /// # Panics
    /// If that is refused or takes half a minute.
    pub async fn share(&self) -> Value {
        let body = json!({ "path": self.folder() });
        let answer = self.owner("POST", "/api/v1/shares").json(&body).send().await;
        assert!(answer.status < 300, "{answer:?}");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let shares = self.owner("GET", "/api/v1/shares").send().await.json();
            if shares[0]["state"] == "in_step" {
                return shares[0].clone();
            }
            assert!(Instant::now() < deadline, "the share is not in step: {shares}");
            tokio::task::yield_now().await;
        }
    }

    /// Makes a link; `body` says what it opens.
    pub async fn link(&self, body: Value) -> Value {
        let answer = self.owner("POST", "/api/v1/links").json(&body).send().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// Comes by a link from a new browser.
    pub async fn come(&self, link: &Value, more: Value) -> Answer {
        let mut body = json!({ "secret": link["secret"] });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let path = format!("/l/{}/api/v1/session", text(&link["id"]));
        self.stranger("POST", &path).json(&body).send().await
    }

    /// Comes by a link and gives the guest's cookie.
    pub async fn guest(&self, link: &Value) -> String {
        let answer = self.come(link, json!({ "name": "Bo" })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.cookie().expect("a guest must get a cookie")
    }

    pub async fn stop(self) {
        self.hive.stop().await;
    }
}

/// The text of a JSON value, or nothing.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
