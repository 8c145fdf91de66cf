//! The servers under measure, each driven alike: start, open a document, stop, kill, start again.

use std::fmt;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;
use tempfile::TempDir;

use crate::client::Room;
use crate::failure::{Failure, Outcome};
use crate::peers::Places;
use crate::process::{self, Process};

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    Skep,
    /// With its LevelDB store, which it writes without waiting.
    YWebsocket,
    /// As it comes, with nothing on disk.
    YWebsocketMemory,
    /// With a store in a folder, written every ten seconds.
    YSweet,
}

/// One program with data of its own. Ends with its data when dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    places: Places,
    // Declared before the folder, so that it ends first.
    process: Option<Process>,
    folder: TempDir,
    address: String,
}

impl Kind {
    /// Fetches what it takes to run it.
    pub(crate) fn prepare(self, places: &Places) -> Outcome<()> {
        match self {
            Self::Skep => places.need_skep(),
            Self::YWebsocket | Self::YWebsocketMemory => places.need_y_websocket(),
            Self::YSweet => places.need_y_sweet(),
        }
    }

    pub(crate) fn keeps_documents(self) -> bool {
        self != Self::YWebsocketMemory
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Skep => "Skep",
            Self::YWebsocket => "y-websocket + LevelDB",
            Self::YWebsocketMemory => "y-websocket, memory only",
            Self::YSweet => "y-sweet",
        })
    }
}

impl Server {
    pub(crate) async fn start(kind: Kind, places: &Places) -> Outcome<Self> {
        let folder = tempfile::Builder::new().prefix("skep-bench-").tempdir()?;
        let (places, address) = (places.clone(), String::new());
        let mut server = Self { kind, places, process: None, folder, address };
        if kind == Kind::Skep {
            std::fs::create_dir(server.shared())?;
            process::output(server.skep().args(["init", "--name", "Bench"]))?;
        }
        server.start_again().await?;
        if kind == Kind::Skep {
            let shared = server.shared();
            process::output(server.skep().arg("share").arg(&shared).arg("--edit"))?;
        }
        Ok(server)
    }

    pub(crate) async fn start_again(&mut self) -> Outcome<()> {
        self.process = None;
        let log = self.folder.path().join("server.log");
        let (mut process, address) = match self.kind {
            Kind::Skep => self.start_skep(&log)?,
            Kind::YWebsocket | Kind::YWebsocketMemory => self.start_y_websocket(&log)?,
            Kind::YSweet => self.start_y_sweet(&log)?,
        };
        process.answers(&address).await?;
        self.address = address;
        self.process = Some(process);
        Ok(())
    }

    /// A new document that holds `text`, or nothing: whoever joins a peer's document must type it.
    pub(crate) fn document(&self, name: &str, text: &str) -> Outcome<Room> {
        let place = match self.kind {
            Kind::Skep => self.share(name, text)?,
            Kind::YWebsocket | Kind::YWebsocketMemory => format!("/{name}"),
            Kind::YSweet => format!("/d/{name}/ws/{name}"),
        };
        Ok(Room { address: self.address.clone(), place })
    }

    /// The same document after a start, which may have moved the server.
    pub(crate) fn moved(&self, room: &Room) -> Room {
        Room { address: self.address.clone(), place: room.place.clone() }
    }

    pub(crate) async fn stop(&mut self) -> Outcome<()> {
        match self.process.take() {
            Some(mut process) => process.stop().await,
            None => Ok(()),
        }
    }

    pub(crate) fn kill(&mut self) -> Outcome<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    pub(crate) fn process(&self) -> Outcome<&Process> {
        let gone = || Failure::Refused("the server is not running".to_owned());
        self.process.as_ref().ok_or_else(gone)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn shared(&self) -> std::path::PathBuf {
        self.folder.path().join("shared")
    }

    fn skep(&self) -> Command {
        let mut command = Command::new(&self.places.skep);
        command.env("SKEP_HOME", self.folder.path().join("home"));
        command.env("SKEP_LISTEN_PORT", "0").env("SKEP_SECRETS_KEEPER", "file");
        command
    }

    fn start_skep(&self, log: &Path) -> Outcome<(Process, String)> {
        let mut command = self.skep();
        command.args(["serve", "--json"]);
        let (process, line) = Process::start_and_listen(&mut command, log)?;
        let ready: serde_json::Value = serde_json::from_str(&line)
            .map_err(|_| Failure::Refused(format!("skep serve did not start; see {log:?}")))?;
        let url = ready["url"].as_str().unwrap_or_default();
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Ok((process, address))
    }

    fn start_y_websocket(&self, log: &Path) -> Outcome<(Process, String)> {
        let port = process::free_port()?;
        let mut command = Command::new("node");
        command.arg(&self.places.y_websocket).env("HOST", "127.0.0.1");
        command.env("PORT", port.to_string()).env_remove("YPERSISTENCE");
        if self.kind.keeps_documents() {
            command.env("YPERSISTENCE", self.folder.path().join("leveldb"));
        }
        Ok((Process::start(&mut command, log)?, format!("127.0.0.1:{port}")))
    }

    fn start_y_sweet(&self, log: &Path) -> Outcome<(Process, String)> {
        let port = process::free_port()?;
        let mut command = Command::new(&self.places.y_sweet);
        command.arg("serve").arg(self.folder.path().join("store"));
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.env_remove("Y_SWEET_AUTH").env("RUST_LOG", "error");
        Ok((Process::start(&mut command, log)?, format!("127.0.0.1:{port}")))
    }

    /// Makes a file in the shared folder and a link that lets its holder edit it.
    fn share(&self, name: &str, text: &str) -> Outcome<String> {
        let path = self.shared().join(format!("{name}.txt"));
        std::fs::write(&path, text)?;
        let made = process::output(self.skep().args(["share", "--edit", "--json"]).arg(&path))?;
        let made: serde_json::Value = serde_json::from_str(&made)?;
        let yjs = &made["yjs"];
        let (url, room) = (yjs["url"].as_str(), yjs["room"].as_str());
        let (Some(url), Some(room)) = (url, room) else {
            return Err(Failure::Refused(format!("skep share told no document for {name}")));
        };
        let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
        let server_path = after_scheme.find('/').map_or("", |slash| &after_scheme[slash..]);
        let params = yjs["params"].as_object().into_iter().flatten();
        let params = params.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
        let params = params.collect::<Vec<_>>().join("&");
        Ok(format!("{server_path}/{room}?{params}"))
    }
}
