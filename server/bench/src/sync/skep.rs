//! Skep: two hives as processes, friends of each other, with one shared folder.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use data_encoding::BASE32_NOPAD;
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::peers::Places;
use crate::process;
use crate::sync::end::{End, Used};
use crate::sync::pair::{Ground, Pair};
use crate::sync::wait;

const START_WITHIN: Duration = Duration::from_secs(30);
const JOINED_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Skep {
    // Declared before the folders, so that they end first.
    left: Side,
    right: Side,
    ground: Ground,
}

/// One hive.
struct Side {
    name: &'static str,
    program: std::path::PathBuf,
    home: std::path::PathBuf,
    log: std::path::PathBuf,
    port: u16,
    /// The counted way to it.
    through: u16,
    end: Option<End>,
}

impl Skep {
    pub(crate) fn start(ground: Ground, places: &Places) -> Outcome<Self> {
        let mut left = Side::new("left", places, &ground)?;
        let mut right = Side::new("right", places, &ground)?;
        left.run()?;
        right.run()?;
        let link = right.json(&["friend", "invite", "--json"])?;
        let link = link["link"].as_str().and_then(|link| right.counted(link));
        let unreadable = || Failure::Refused("the link cannot be read".to_owned());
        let link = link.ok_or_else(unreadable)?;
        let friend = left.json(&["friend", "add", &link, "--json"])?;
        let name = friend["friend"]["name"].as_str().unwrap_or("right").to_owned();
        let (here, there) = (ground.left(), ground.right());
        let here = here.to_string_lossy();
        left.json(&["share", &here, "--with", &name, "--edit", "--json"])?;
        let pair = Self { left, right, ground };
        let there = there.to_string_lossy().into_owned();
        wait::until("an offer", JOINED_WITHIN, || {
            let offers = pair.right.json(&["offers", "--json"])?;
            Ok(offers.as_array().is_some_and(|offers| !offers.is_empty()))
        })?;
        pair.right.json(&["join", "left", &there, "--json"])?;
        wait::until("joining two hives", JOINED_WITHIN, || {
            let has_joined = pair.right.share()?["state"] == "in_step";
            Ok(has_joined && pair.left.share()?["friends"][0]["online"] == true)
        })?;
        Ok(pair)
    }
}

impl Side {
    fn new(name: &'static str, places: &Places, ground: &Ground) -> Outcome<Self> {
        let home = ground.beside(&format!("{name}-home"));
        fs::create_dir_all(&home)?;
        let port = process::free_port()?;
        let through = ground.wire.towards(port)?;
        let log = ground.beside(&format!("{name}.log"));
        let program = places.skep.clone();
        let side = Self { name, program, home, log, port, through, end: None };
        process::output(side.skep().args(["init", "--name", name]))?;
        Ok(side)
    }

    fn skep(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("SKEP_HOME", &self.home).env("SKEP_LISTEN_PORT", "0");
        command.env("SKEP_PEERS_PORT", self.port.to_string());
        command.env("SKEP_SECRETS_KEEPER", "file");
        command
    }

    fn run(&mut self) -> Outcome<()> {
        let end = End::start(self.skep().args(["serve", "--json"]), &self.log)?;
        let line = end.first_line(START_WITHIN)?;
        let ready: Result<Value, _> = serde_json::from_str(&line);
        ready.map_err(|_| Failure::Refused(format!("skep serve of {} said: {line}", self.name)))?;
        self.end = Some(end);
        Ok(())
    }

    /// The same invitation with the counted way in place of the direct one.
    fn counted(&self, link: &str) -> Option<String> {
        const SCHEME: &str = "skep://join/";
        /// A form, a hive and a secret come before the addresses.
        const BEFORE_ADDRESSES: usize = 1 + 32 + 16;
        let code = link.strip_prefix(SCHEME)?.to_ascii_uppercase();
        let mut bytes = BASE32_NOPAD.decode(code.as_bytes()).ok()?;
        let count = *bytes.get(BEFORE_ADDRESSES)?;
        let mut at = BEFORE_ADDRESSES + 1;
        for _ in 0..count {
            let size = if *bytes.get(at)? == 4 { 4 } else { 16 };
            let port = bytes.get_mut(at + 1 + size..at + 1 + size + 2)?;
            if port == self.port.to_be_bytes() {
                port.copy_from_slice(&self.through.to_be_bytes());
            }
            at += 1 + size + 2;
        }
        Some(format!("{SCHEME}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()))
    }

    fn json(&self, arguments: &[&str]) -> Outcome<Value> {
        let said = process::output(self.skep().args(arguments))?;
        Ok(serde_json::from_str(&said)?)
    }

    /// What the hive says about its one share.
    fn share(&self) -> Outcome<Value> {
        let status = self.json(&["status", "--json"])?;
        Ok(status["share_list"][0].clone())
    }
}

impl Pair for Skep {
    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn begin(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn is_over(&mut self) -> Outcome<bool> {
        Ok(self.left.share()?["in_sync"] == true)
    }

    fn used(&self) -> (Used, Used) {
        let used = |side: &Side| side.end.as_ref().map_or_else(Used::default, End::used);
        (used(&self.left), used(&self.right))
    }

    fn kill_right(&mut self) -> Outcome<()> {
        self.right.end.take().map_or(Ok(()), |mut end| end.kill())
    }

    fn start_right(&mut self) -> Outcome<()> {
        self.right.run()
    }

    fn restart_left(&mut self) -> Outcome<Instant> {
        self.left.end.take().map_or(Ok(()), |mut end| end.stop())?;
        let begun = Instant::now();
        self.left.run()?;
        Ok(begun)
    }

    fn has_scanned(&mut self, files: usize) -> Outcome<bool> {
        let share = self.left.share()?;
        Ok(share["state"] == "in_step" && share["files"].as_u64() >= u64::try_from(files).ok())
    }

    fn without_right(&mut self) -> Outcome<()> {
        self.right.end.take().map_or(Ok(()), |mut end| end.stop())
    }
}
