//! A hive without network: its friends' hives are made up by the tests.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use ed25519_dalek::{Signer as _, SigningKey};
use futures::future::{BoxFuture, ready};
use http_body_util::BodyExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use store::{Folder, Store};
use tokio::sync::watch;
use tower::ServiceExt;
use types::{FileId, HiveId, RelPath, ShareId, Signature, Signer, Time};

use crate::friends::*;
use crate::gate::{Mount, Peer};
use crate::wire::{Address, Doors, Reach, ReachChoice, Warning};
use crate::{Control, Error, HiveName, State};

pub(crate) struct Key(SigningKey);

impl Key {
    pub(crate) fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number; 32]))
    }
}

impl Signer for Key {
    fn hive(&self) -> HiveId {
        HiveId::from_bytes(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.0.sign(message).to_bytes())
    }
}

/// What the made-up network answers, and what it was asked.
pub(crate) struct FakeFriends {
    key: Arc<Key>,
    store: Store,
    changes: watch::Sender<u64>,
    pub(crate) connected: Mutex<BTreeMap<HiveId, Connection>>,
    pub(crate) progress: Mutex<Progress>,
    pub(crate) network: Mutex<Option<Network>>,
    pub(crate) apart: Mutex<Vec<Apart>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl FakeFriends {
    fn note(&self, what: impl Into<String>) {
        self.asked.lock().expect("a lock").push(what.into());
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

pub(crate) fn friend(number: u8) -> people::Introduction {
    people::Introduction {
        hive: Key::new(number).hive(),
        name: format!("Friend {number}"),
        hue: 4,
        device: "a laptop".to_owned(),
        addresses: Vec::new(),
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

impl Friends for FakeFriends {
    fn signer(&self) -> Arc<dyn Signer> {
        self.key.clone()
    }

    fn follow(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn connections(&self) -> BTreeMap<HiveId, Connection> {
        self.connected.lock().expect("a lock").clone()
    }

    fn phrase(&self, _: HiveId) -> [String; 4] {
        ["apple", "boat", "cloud", "door"].map(str::to_owned)
    }

    fn ticket(&self, secret: [u8; 16]) -> Answer<'_, Ticket> {
        let link = format!("skep:{}", secret[0]);
        let words = Some("apple boat cloud".to_owned());
        Box::pin(ready(Ok(Ticket { link, words })))
    }

    /// `skep:N` leads to friend N.
    fn befriend(&self, by: Invited) -> Answer<'_, HiveId> {
        Box::pin(async move {
            let Invited::Link(link) = by else { return Err(Refusal::WordsWrong.into()) };
            let number = link.strip_prefix("skep:").and_then(|number| number.parse().ok());
            let met = friend(number.ok_or(Refusal::NoInvitation)?);
            let hive = met.hive;
            let key = self.key.clone();
            self.store.write(move |tx| people::befriend(tx, &*key, met)).await?;
            Ok(hive)
        })
    }

    fn network(&self) -> Option<Network> {
        *self.network.lock().expect("a lock")
    }

    fn nearby(&self) -> Vec<Nearby> {
        vec![Nearby { hive: Key::new(9).hive(), name: "Cy's hive".to_owned() }]
    }

    fn accept(&self, accept: Accept) -> Answer<'_, ()> {
        self.note(format!("accept {accept:?}"));
        Box::pin(ready(Err(Error::gone("the made-up network has no folders"))))
    }

    fn leave(&self, share: ShareId, delete_local: bool) -> Answer<'_, ()> {
        self.note(format!("leave {share} {delete_local}"));
        Box::pin(ready(Ok(())))
    }

    fn choose(&self, share: ShareId, folders: Vec<RelPath>, remove: bool) -> Answer<'_, ()> {
        self.note(format!("choose {share} {folders:?} {remove}"));
        Box::pin(ready(Ok(())))
    }

    fn sync(&self, _: ShareId) -> Answer<'_, Progress> {
        Box::pin(ready(Ok(self.progress.lock().expect("a lock").clone())))
    }

    fn confirm_deletions(&self, share: ShareId, agreed: bool) -> Answer<'_, ()> {
        self.note(format!("confirm {share} {agreed}"));
        Box::pin(ready(Ok(())))
    }

    fn why(&self, of: WhyOf) -> Answer<'_, Why> {
        let path = match of {
            WhyOf::File(file) => file.to_string(),
            WhyOf::Path(_, path) => path,
        };
        Box::pin(ready(Ok(Why {
            path,
            in_step: false,
            code: "friend_away".to_owned(),
            detail: "Bo has it, and was last seen at 14:02.".to_owned(),
            hint: "It comes as soon as Bo's hive is there.".to_owned(),
        })))
    }

    fn two_versions(&self, _: Option<ShareId>) -> Answer<'_, Vec<Apart>> {
        Box::pin(ready(Ok(self.apart.lock().expect("a lock").clone())))
    }

    fn side(&self, _: FileId, side: Side) -> Answer<'_, Content> {
        let bytes = format!("<script>{side:?}</script>").into_bytes();
        let size = bytes.len() as u64;
        let reader = Box::pin(std::io::Cursor::new(bytes));
        Box::pin(ready(Ok(Content { size, reader })))
    }

    fn resolve(&self, _: FileId, keep: Keep) -> Answer<'_, String> {
        self.note(format!("keep {keep:?}"));
        Box::pin(ready(Ok("17".to_owned())))
    }

    fn undo_resolve(&self, _: FileId, undo: String) -> Answer<'_, ()> {
        self.note(format!("undo {undo}"));
        Box::pin(ready(Ok(())))
    }

    fn ignore(&self, share: ShareId) -> Answer<'_, Ignore> {
        self.set_ignore(share, "*.log\n".to_owned())
    }

    fn set_ignore(&self, _: ShareId, text: String) -> Answer<'_, Ignore> {
        let defaults = vec![("*~".to_owned(), "copies that editors make".to_owned())];
        Box::pin(ready(Ok(Ignore { text, defaults, ignored: 2 })))
    }

    fn preview_ignore(&self, _: ShareId, text: String) -> Answer<'_, Vec<Caught>> {
        let caught = Caught { path: "a.log".to_owned(), rule: text, line: Some(1) };
        Box::pin(ready(Ok(vec![caught])))
    }
}

struct FakeControl;

impl Control for FakeControl {
    fn hive(&self) -> HiveName {
        let id = Key::new(1).hive().to_string();
        HiveName { id, port: 7_537, started_at: 0, data_folder: "/".to_owned() }
    }

    fn hosts(&self) -> watch::Receiver<HashSet<String>> {
        watch::Sender::new(HashSet::new()).subscribe()
    }

    fn reach(&self) -> Reach {
        Reach::Computer
    }

    fn reach_choices(&self) -> Vec<ReachChoice> {
        Vec::new()
    }

    fn set_reach(&self, _: Reach) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn doors(&self) -> Doors {
        Doors::default()
    }

    fn set_doors(&self, _: Doors) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn addresses(&self) -> Vec<Address> {
        Vec::new()
    }

    fn test_addresses(&self) -> BoxFuture<'_, Vec<Address>> {
        Box::pin(ready(Vec::new()))
    }

    fn mobwrite(&self) -> Option<String> {
        None
    }

    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }

    fn home_folder(&self) -> Option<std::path::PathBuf> {
        None
    }
}

/// No document is opened here.
struct NoDisk;

impl documents::Disk for NoDisk {
    fn read(
        &self,
        _: FileId,
    ) -> documents::BoxFuture<'_, Result<documents::Plain, documents::DiskError>> {
        Box::pin(ready(Err(documents::DiskError::Gone)))
    }

    fn write(
        &self,
        _: FileId,
        _: documents::Write,
    ) -> documents::BoxFuture<'_, Result<documents::Stamp, documents::DiskError>> {
        Box::pin(ready(Err(documents::DiskError::Gone)))
    }

    fn embrace(
        &self,
        _: FileId,
        _: types::Hash,
        _: Vec<types::Hash>,
    ) -> documents::BoxFuture<'_, Result<(), documents::DiskError>> {
        Box::pin(ready(Err(documents::DiskError::Gone)))
    }
}

/// A hive whose owner calls its routes.
pub(crate) struct World {
    router: Router,
    pub(crate) store: Store,
    pub(crate) friends: Arc<FakeFriends>,
    pub(crate) home: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join("Trip")).expect("a folder");
        let folder = Folder::open(&home.path().join("data")).expect("a folder");
        let chance = Box::new(StdRng::seed_from_u64(5));
        let (store, _) = Store::open(folder, Arc::new(Time::now), chance).expect("a store");
        store.write(|tx| people::ensure_owner(tx, "Ada")).await.expect("an owner");
        let options = files::Options::default();
        let (files, _) = files::Handle::start(store.clone(), options).await.expect("files");
        let limits = documents::Limits::default();
        let documents = documents::Handle::start(store.clone(), Arc::new(NoDisk), limits);
        let friends = Arc::new(FakeFriends {
            key: Arc::new(Key::new(1)),
            store: store.clone(),
            changes: watch::Sender::new(0),
            connected: Mutex::default(),
            progress: Mutex::default(),
            network: Mutex::default(),
            apart: Mutex::default(),
            asked: Mutex::default(),
        });
        let control = Arc::new(FakeControl);
        let state = State::new(store.clone(), files, documents, control, friends.clone());
        Self { router: crate::routes::router(&state), store, friends, home }
    }

    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> axum::response::Response {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("content-type", "application/json")
            .body(body)
            .expect("a request");
        request.extensions_mut().insert(Peer::Local);
        request.extensions_mut().insert(Mount::Owner);
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.raw(method, path, &body).await;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (status.as_u16(), json)
    }

    /// A call that must work.
    pub(crate) async fn does(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, json) = self.call(method, path, body).await;
        let well = StatusCode::from_u16(status).is_ok_and(|status| status.is_success());
        assert!(well, "{method} {path}: {status} {json}");
        json
    }

    pub(crate) async fn gets(&self, path: &str) -> Value {
        self.does("GET", path, Value::Null).await
    }

    /// A call that must be refused in words.
    pub(crate) async fn is_refused(
        &self,
        method: &str,
        path: &str,
        body: Value,
        status: u16,
        code: &str,
    ) -> String {
        let (found, json) = self.call(method, path, body).await;
        assert_eq!((found, &json["code"]), (status, &code.into()), "{method} {path}: {json}");
        let words = format!("{} {}", json["detail"], json["hint"]);
        assert!(words.len() > 20 && !words.contains('!'), "{words}");
        words
    }

    pub(crate) async fn share(&self) -> String {
        let body = serde_json::json!({ "path": self.home.path().join("Trip") });
        self.does("POST", "/shares", body).await["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn befriends(&self, number: u8) -> String {
        let body = serde_json::json!({ "link": format!("skep:{number}") });
        let made = self.does("POST", "/friends", body).await;
        made["friend"]["hive"].as_str().expect("an id").to_owned()
    }
}
