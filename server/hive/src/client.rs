//! Calls to a running hive through its local socket, for the shells.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::{Error, Places, wire};

const CALL_TIMEOUT: Duration = Duration::from_secs(60);
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
const CHANGES_WAITING_MAX: usize = 16;

/// A way to call the hive of some place. Cheap to clone; each call connects anew.
#[derive(Debug, Clone)]
pub struct Client {
    places: Places,
}

/// How the hive is, for the tray.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// One sentence.
    pub line: String,
    pub state: SummaryState,
    pub people_here: Vec<HereLine>,
    /// `Some(None)`: until resumed.
    pub paused_until: Option<Option<i64>>,
    pub shares: Vec<ShareLine>,
    pub onboarded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryState {
    /// Up to date, and others can reach it.
    Reachable,
    /// Reading its folders.
    Syncing,
    Paused,
    /// Up to date, and only this computer can reach it.
    OnlyHere,
    NeedsYou,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HereLine {
    pub name: String,
    /// `in plan.md`, or empty.
    pub what: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareLine {
    pub id: String,
    pub name: String,
    pub root: String,
    pub state_words: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentLine {
    /// `plan.md, Ada`, or the name alone.
    pub words: String,
    pub at: i64,
    /// Path of the page that shows it, below the hive's address.
    pub page: String,
}

impl Client {
    pub fn new(places: Places) -> Self {
        Self { places }
    }

    /// A client for the hive of this home, if one answers.
    pub async fn attach(home: Option<&Path>) -> Result<Self, Error> {
        let client = Self::new(Places::find(home)?);
        client.get::<wire::Me>("/me").await?;
        Ok(client)
    }

    pub fn places(&self) -> &Places {
        &self.places
    }

    /// A one-time address that signs a browser in, valid for five minutes.
    pub async fn sign_in_url(&self) -> Result<String, Error> {
        let made: wire::SignInSecret = self.call(Method::POST, "/sign-in", &json!({})).await?;
        Ok(made.url)
    }

    pub async fn status(&self) -> Result<wire::Status, Error> {
        self.get("/status").await
    }

    pub async fn shares(&self) -> Result<Vec<wire::Share>, Error> {
        self.get("/shares").await
    }

    /// What the tray shows.
    pub async fn summary(&self) -> Result<Summary, Error> {
        let (status, shares) = (self.status().await?, self.shares().await?);
        Ok(summarize(status, shares))
    }

    /// Shares a folder or file where it stands.
    pub async fn share_path(&self, path: &Path) -> Result<ShareLine, Error> {
        let body = json!({ "path": path });
        let share: wire::Share = self.call(Method::POST, "/shares", &body).await?;
        Ok(line_of(share))
    }

    pub async fn make_link(&self, new: &wire::NewLink) -> Result<wire::MadeLink, Error> {
        self.call(Method::POST, "/links", new).await
    }

    /// The newest link to copy; `None` if there is no open link.
    pub async fn copy_last_link(&self) -> Result<Option<wire::LastLink>, Error> {
        match self.call(Method::POST, "/links/last", &json!({})).await {
            Ok(last) => Ok(Some(last)),
            Err(Error::Problem { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The newest files that changed.
    pub async fn recent(&self, limit: usize) -> Result<Vec<RecentLine>, Error> {
        let recent: Vec<wire::Recent> = self.get(&format!("/recent?limit={limit}")).await?;
        let line = |change: wire::Recent| RecentLine {
            words: match change.by {
                Some(by) => format!("{}, {}", change.name, by.name),
                None => change.name,
            },
            at: change.at,
            page: format!("/app/file/{}", change.file),
        };
        Ok(recent.into_iter().map(line).collect())
    }

    pub async fn pause(&self, until_at: Option<i64>) -> Result<(), Error> {
        self.send(Method::PUT, "/pause", &wire::Pause { until_at }).await.map(drop)
    }

    pub async fn resume(&self) -> Result<(), Error> {
        self.send(Method::DELETE, "/pause", &Value::Null).await.map(drop)
    }

    /// Tells whenever something changed that a shell may show. Reconnects by itself.
    pub fn changes(&self) -> broadcast::Receiver<()> {
        let (sender, receiver) = broadcast::channel(CHANGES_WAITING_MAX);
        let client = self.clone();
        tokio::spawn(async move {
            while sender.receiver_count() > 0 {
                if let Ok(response) = client.request(Method::GET, "/events", Bytes::new()).await {
                    tell_changes(response, &sender).await;
                }
                tokio::time::sleep(RECONNECT_PAUSE).await;
            }
        });
        receiver
    }

    /// Percent-encoded for a query (RFC 3986, unreserved characters stay).
    pub fn in_query(text: &str) -> String {
        let keeps = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        text.bytes().fold(String::new(), |mut encoded, byte| {
            if keeps(byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
            encoded
        })
    }

    /// The path with all links resolved, as the hive knows it; of what is not there, its folder's.
    pub fn on_disk(path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        if let Ok(path) = path.canonicalize() {
            return Some(path);
        }
        Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?))
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, path, &Value::Null).await
    }

    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let bytes = self.send(method, path, body).await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Silent { why: error.to_string() })
    }

    /// A line to the hive's local door, for what is no single call.
    #[cfg(unix)]
    pub async fn stream(&self) -> Result<tokio::net::UnixStream, Error> {
        connect(&self.places).await
    }

    /// Calls the API below `/api/v1` and gives the answer's bytes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Bytes, Error> {
        let silent = |error: &dyn std::fmt::Display| Error::Silent { why: error.to_string() };
        let body = serde_json::to_vec(body).map_err(|error| silent(&error))?;
        let body = if body == b"null" { Bytes::new() } else { body.into() };
        in_time(async {
            let response = self.request(method, path, body).await?;
            let status = response.status();
            let bytes = response.into_body().collect().await.map_err(|error| silent(&error))?;
            let bytes = bytes.to_bytes();
            if status.is_success() { Ok(bytes) } else { Err(problem(status.as_u16(), &bytes)) }
        })
        .await
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Error> {
        let silent = |error: hyper::Error| Error::Silent { why: error.to_string() };
        let stream = connect(&self.places).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(silent)?;
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| Error::Silent { why: error.to_string() })?;
        sender.send_request(request).await.map_err(silent)
    }
}

#[cfg(unix)]
async fn connect(places: &Places) -> Result<tokio::net::UnixStream, Error> {
    use std::io::ErrorKind as Kind;
    let other = || Error::OtherAccount { socket: places.socket.clone() };
    let connected = tokio::net::UnixStream::connect(&places.socket).await;
    let stream = connected.map_err(|error| match error.kind() {
        Kind::NotFound | Kind::ConnectionRefused | Kind::NotADirectory | Kind::InvalidFilename => {
            Error::NotRunning
        }
        Kind::PermissionDenied => other(),
        _ => Error::Silent { why: error.to_string() },
    })?;
    // A socket with a shortened name lies where every account may put one.
    let own = rustix::process::geteuid().as_raw();
    let peer = stream.peer_cred().map_err(|error| Error::Silent { why: error.to_string() })?;
    if own == 0 || [own, 0].contains(&peer.uid()) { Ok(stream) } else { Err(other()) }
}

async fn in_time<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let late = || Error::Silent { why: "it took longer than a minute".to_owned() };
    tokio::time::timeout(CALL_TIMEOUT, call).await.unwrap_or_else(|_| Err(late()))
}

fn problem(status: u16, bytes: &[u8]) -> Error {
    match serde_json::from_slice::<wire::Problem>(bytes) {
        Ok(problem) => Error::Problem {
            status,
            code: problem.code,
            detail: problem.detail,
            hint: problem.hint,
        },
        Err(_) => Error::Silent { why: format!("it answered with status {status}") },
    }
}

async fn tell_changes(response: Response<Incoming>, sender: &broadcast::Sender<()>) {
    let mut body = response.into_body();
    while sender.receiver_count() > 0
        && let Some(Ok(frame)) = body.frame().await
    {
        // Comment lines only keep the stream alive.
        if frame.data_ref().is_some_and(|data| data.first().is_some_and(|first| *first != b':')) {
            drop(sender.send(()));
        }
    }
}

fn line_of(share: wire::Share) -> ShareLine {
    let state_words = match share.state.as_str() {
        "in_step" => "up to date".to_owned(),
        "scanning" => "being read".to_owned(),
        "paused" => "paused".to_owned(),
        _ => share.reason.clone().unwrap_or_else(|| "not there".to_owned()),
    };
    ShareLine { id: share.id, name: share.name, root: share.root.unwrap_or_default(), state_words }
}

fn summarize(status: wire::Status, shares: Vec<wire::Share>) -> Summary {
    let reading = shares.iter().any(|share| share.state == "scanning");
    let guests: Vec<&wire::Here> =
        status.people_here.iter().filter(|here| here.role != "owner").collect();
    let mut people_here: Vec<HereLine> = Vec::new();
    for here in &guests {
        let name = here.person.as_ref().map_or("", |person| person.name.as_str());
        let name = if name.is_empty() { "A guest" } else { name }.to_owned();
        let file = here.path.as_deref().and_then(|path| path.rsplit('/').next());
        let what = file.map(|file| format!("in {file}")).unwrap_or_default();
        let line = HereLine { name, what };
        if !people_here.contains(&line) {
            people_here.push(line);
        }
    }
    let problem =
        shares.iter().find(|share| share.state == "missing" || share.state == "unreadable");
    let (state, line) = if let Some(share) = problem {
        (SummaryState::NeedsYou, format!("{} needs you", share.name))
    } else if status.paused.is_some() {
        (SummaryState::Paused, "Paused".to_owned())
    } else if reading {
        (SummaryState::Syncing, "Reading your folders".to_owned())
    } else {
        let here = match people_here.len() {
            0 => String::new(),
            1 => ", 1 person here".to_owned(),
            count => format!(", {count} people here"),
        };
        match status.reach {
            wire::Reach::Network | wire::Reach::Internet => {
                (SummaryState::Reachable, format!("Up to date{here}"))
            }
            wire::Reach::Computer => {
                (SummaryState::OnlyHere, format!("Up to date, this computer only{here}"))
            }
        }
    };
    Summary {
        line,
        state,
        people_here,
        paused_until: status.paused.map(|paused| paused.until_at),
        shares: shares.into_iter().map(line_of).collect(),
        onboarded: status.onboarded,
    }
}
