//! Syncthing: two of them that know each other, with everything public switched off.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::process;
use crate::sync::end::{End, Used};
use crate::sync::pair::{Ground, Pair};
use crate::sync::wait;

const KEY: &str = "bench";
const FOLDER: &str = "data";
const JOINED_WITHIN: Duration = Duration::from_secs(90);

pub(crate) struct Syncthing {
    // Declared before the folders, so that they end first.
    left: Side,
    right: Side,
    is_fast: bool,
    ground: Ground,
}

/// One of the two.
struct Side {
    name: &'static str,
    end: Option<End>,
    id: String,
    interface: u16,
    port: u16,
    /// The counted way to it.
    through: u16,
}

impl Syncthing {
    pub(crate) fn start(ground: Ground, is_fast: bool) -> Outcome<Self> {
        let left = Side::start("left", &ground)?;
        let right = Side::start("right", &ground)?;
        let mut pair = Self { left, right, is_fast, ground };
        pair.left.join(&pair.right, &pair.ground, pair.is_fast)?;
        pair.right.join(&pair.left, &pair.ground, pair.is_fast)?;
        pair.joined()?;
        Ok(pair)
    }

    fn joined(&mut self) -> Outcome<()> {
        let (left, right) = (&self.left, &self.right);
        wait::until("joining two Syncthings", JOINED_WITHIN, || {
            let seen = left.get("/rest/system/connections")?;
            let is_joined = seen["connections"][&right.id]["connected"] == true;
            Ok(is_joined && left.is_idle()? && right.is_idle()?)
        })
    }
}

impl Side {
    fn start(name: &'static str, ground: &Ground) -> Outcome<Self> {
        let (interface, port) = (process::free_port()?, process::free_port()?);
        let through = ground.wire.towards(port)?;
        let mut side = Self { name, end: None, id: String::new(), interface, port, through };
        let home = format!("--home={}", ground.beside(&side.state()).display());
        process::output(Command::new("syncthing").args([
            "generate",
            "--no-default-folder",
            &home,
        ]))?;
        side.run(ground)?;
        side.id = side.get("/rest/system/status")?["myID"].as_str().unwrap_or_default().to_owned();
        Ok(side)
    }

    fn state(&self) -> String {
        format!("{}-state", self.name)
    }

    fn run(&mut self, ground: &Ground) -> Outcome<()> {
        let mut command = Command::new("syncthing");
        command.args(["serve", "--no-browser", "--no-restart", "--no-upgrade"]);
        command.arg(format!("--home={}", ground.beside(&self.state()).display()));
        command.arg(format!("--gui-address=127.0.0.1:{}", self.interface));
        command.arg(format!("--gui-apikey={KEY}"));
        let log = ground.beside(&format!("{}.log", self.name));
        let end = End::start(&mut command, &log)?;
        wait::for_port(self.interface, &end)?;
        self.end = Some(end);
        let answers = || Ok(self.get("/rest/system/ping").is_ok());
        wait::until("an answer of Syncthing", Duration::from_secs(30), answers)
    }

    fn join(&self, other: &Self, ground: &Ground, is_fast: bool) -> Outcome<()> {
        let folder = ground.beside(self.name);
        let mut config = self.get("/rest/config")?;
        for switch in ["globalAnnounceEnabled", "localAnnounceEnabled", "relaysEnabled"] {
            config["options"][switch] = json!(false);
        }
        for switch in ["natEnabled", "crashReportingEnabled", "startBrowser"] {
            config["options"][switch] = json!(false);
        }
        config["options"]["urAccepted"] = json!(-1);
        config["options"]["listenAddresses"] = json!([format!("tcp://127.0.0.1:{}", self.port)]);
        let mut device = self.get("/rest/config/defaults/device")?;
        device["deviceID"] = json!(other.id);
        device["addresses"] = json!([format!("tcp://127.0.0.1:{}", other.through)]);
        if let Some(devices) = config["devices"].as_array_mut() {
            devices.push(device);
        }
        let delays: &[Option<Value>] = match is_fast {
            // Less than a second, where it is accepted, is taken for no delay at all.
            true => &[Some(json!(0.01)), Some(json!(1))],
            false => &[None],
        };
        let mut outcome = Ok(());
        for delay in delays {
            config["folders"] = json!([self.folder(other, &folder, delay.as_ref())?]);
            outcome = self.send("PUT", "/rest/config", &config.to_string()).map(drop);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn folder(&self, other: &Self, path: &Path, delay: Option<&Value>) -> Outcome<Value> {
        let mut folder = self.get("/rest/config/defaults/folder")?;
        folder["id"] = json!(FOLDER);
        folder["path"] = json!(path);
        folder["devices"] = json!([{ "deviceID": self.id }, { "deviceID": other.id }]);
        if let Some(delay) = delay {
            folder["fsWatcherDelayS"] = delay.clone();
            // Only later versions wait here as well.
            if !folder["pullerDelayS"].is_null() {
                folder["pullerDelayS"] = delay.clone();
            }
        }
        Ok(folder)
    }

    fn is_idle(&self) -> Outcome<bool> {
        Ok(self.status()?["state"] == "idle")
    }

    fn status(&self) -> Outcome<Value> {
        self.get(&format!("/rest/db/status?folder={FOLDER}"))
    }

    fn get(&self, path: &str) -> Outcome<Value> {
        let body = self.send("GET", path, "")?;
        Ok(serde_json::from_str(&body)?)
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Outcome<String> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.interface))?;
        let size = body.len();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n{body}"
        );
        socket.write_all(head.as_bytes())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        match head.split(' ').nth(1) {
            Some("200") => Ok(body.to_owned()),
            _ => Err(Failure::Refused(format!("Syncthing refused {path}: {}", body.trim()))),
        }
    }
}

impl Pair for Syncthing {
    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn begin(&mut self) -> Outcome<()> {
        // It answers when the look is over; the time runs already.
        self.left.send("POST", &format!("/rest/db/scan?folder={FOLDER}"), "")?;
        Ok(())
    }

    fn is_over(&mut self) -> Outcome<bool> {
        let place = format!("/rest/db/completion?folder={FOLDER}&device={}", self.right.id);
        let is_complete = self.left.get(&place)?["completion"] == 100;
        Ok(is_complete && self.right.is_idle()?)
    }

    fn used(&self) -> (Used, Used) {
        let used = |side: &Side| side.end.as_ref().map_or_else(Used::default, End::used);
        (used(&self.left), used(&self.right))
    }

    fn kill_right(&mut self) -> Outcome<()> {
        self.right.end.take().map_or(Ok(()), |mut end| end.kill())
    }

    fn start_right(&mut self) -> Outcome<()> {
        self.right.run(&self.ground)
    }

    fn restart_left(&mut self) -> Outcome<Instant> {
        self.left.end.take().map_or(Ok(()), |mut end| end.stop())?;
        let begun = Instant::now();
        self.left.run(&self.ground)?;
        Ok(begun)
    }

    fn has_scanned(&mut self, files: usize) -> Outcome<bool> {
        let status = self.left.status()?;
        Ok(status["state"] == "idle" && status["localFiles"] == files)
    }

    fn without_right(&mut self) -> Outcome<()> {
        self.right.end.take().map_or(Ok(()), |mut end| end.stop())
    }
}
