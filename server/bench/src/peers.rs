//! Fetches the servers that Skep is measured beside, once, into the build folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::print;

const NPM_PACKAGE: &str = include_str!("../peers/package.json");
const NPM_LOCK: &str = include_str!("../peers/package-lock.json");
const Y_SWEET_VERSION: &str = "0.9.1";

/// Where the build keeps what was built, fetched and measured.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) skep: PathBuf,
    pub(crate) y_websocket: PathBuf,
    pub(crate) y_sweet: PathBuf,
    pub(crate) results: PathBuf,
    peers: PathBuf,
}

impl Places {
    /// Beside this very program, in the build folder.
    pub(crate) fn find() -> Outcome<Self> {
        let program = std::env::current_exe()?;
        let profile = program.parent().unwrap_or(Path::new("."));
        let target = profile.parent().unwrap_or(Path::new("."));
        let peers = target.join("bench-peers");
        Ok(Self {
            skep: profile.join("skep"),
            y_websocket: peers.join("npm/node_modules/@y/websocket-server/dist/server.cjs"),
            y_sweet: peers.join("bin/y-sweet"),
            results: target.join("bench"),
            peers,
        })
    }

    pub(crate) fn need_skep(&self) -> Outcome<()> {
        if self.skep.exists() {
            return Ok(());
        }
        let build = "cargo build --profile fast -p cli -p bench";
        Err(Failure::Refused(format!("{} is not built. Run: {build}", self.skep.display())))
    }

    /// The reference server of Yjs in Node, with its LevelDB store: the last version for Yjs 13
    /// and the last that keeps documents.
    pub(crate) fn need_y_websocket(&self) -> Outcome<()> {
        let folder = self.peers.join("npm");
        let lock = folder.join("package-lock.json");
        let is_same = fs::read_to_string(&lock).is_ok_and(|had| had == NPM_LOCK);
        if is_same && self.y_websocket.exists() {
            return Ok(());
        }
        print::line("→ fetching y-websocket's server (npm)")?;
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), NPM_PACKAGE)?;
        fs::write(lock, NPM_LOCK)?;
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))
    }

    /// The server of y-sweet, built from its crate with the versions that it was released with.
    pub(crate) fn need_y_sweet(&self) -> Outcome<()> {
        if self.y_sweet.exists() {
            return Ok(());
        }
        print::line("→ building y-sweet (cargo install, some minutes)")?;
        let locked = self.install_y_sweet(&["--locked"]);
        locked.or_else(|_| self.install_y_sweet(&[]))
    }

    fn install_y_sweet(&self, more: &[&str]) -> Outcome<()> {
        let mut command = Command::new("cargo");
        command.args(["install", "y-sweet", "--version", Y_SWEET_VERSION, "--root"]);
        command.arg(&self.peers).arg("--target-dir").arg(self.peers.join("build")).args(more);
        run(&mut command)
    }
}

/// Shows what the tool says, as it may take minutes.
fn run(command: &mut Command) -> Outcome<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status();
    match status.map_err(|error| Failure::Refused(format!("{name}: {error}")))? {
        status if status.success() => Ok(()),
        status => Err(Failure::Refused(format!("{name} failed ({status})"))),
    }
}
