//! rsync: a daemon on the right, a run from the left for each change.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::process;
use crate::sync::end::{End, Used};
use crate::sync::pair::{Ground, Pair};
use crate::sync::wait;

const PASSWORDLESS: &str = "[data]\nread only = no\nuse chroot = no\nmunge symlinks = no\n";

pub(crate) struct Rsync {
    // Declared before the folders, so that they end first.
    run: Option<End>,
    daemon: Option<End>,
    ended: Used,
    port: u16,
    through: u16,
    is_synced: bool,
    ground: Ground,
}

impl Rsync {
    pub(crate) fn start(ground: Ground, is_synced: bool) -> Outcome<Self> {
        let port = process::free_port()?;
        let through = ground.wire.towards(port)?;
        let root = if rustix::process::geteuid().is_root() { "uid = 0\ngid = 0\n" } else { "" };
        let config = format!("{PASSWORDLESS}{root}path = {}\n", ground.right().display());
        fs::write(ground.beside("rsyncd.conf"), config)?;
        let (run, daemon, ended) = (None, None, Used::default());
        let mut pair = Self { run, daemon, ended, port, through, is_synced, ground };
        pair.start_daemon()?;
        Ok(pair)
    }

    fn start_daemon(&mut self) -> Outcome<()> {
        let mut command = Command::new("rsync");
        command.args(["--daemon", "--no-detach", "--address=127.0.0.1"]);
        command.arg(format!("--port={}", self.port));
        command.arg(format!("--config={}", self.ground.beside("rsyncd.conf").display()));
        let daemon = End::start(&mut command, &self.ground.beside("right.log"))?;
        wait::for_port(self.port, &daemon)?;
        self.daemon = Some(daemon);
        Ok(())
    }
}

impl Pair for Rsync {
    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn begin(&mut self) -> Outcome<()> {
        let mut command = Command::new("rsync");
        // Its usual look at whole seconds overlooks a save of the same size in the same second.
        command.args(["-a", "--delete", "--modify-window=-1"]);
        if self.is_synced {
            command.args(["--fsync", "-HXS"]);
        }
        command.arg(format!("{}/", self.ground.left().display()));
        command.arg(format!("rsync://127.0.0.1:{}/data/", self.through));
        self.run = Some(End::start(&mut command, &self.ground.beside("left.log"))?);
        Ok(())
    }

    fn is_over(&mut self) -> Outcome<bool> {
        run_is_over(&mut self.run, &mut self.ended, "rsync")
    }

    fn used(&self) -> (Used, Used) {
        let run = self.run.as_ref().map_or_else(Used::default, End::used);
        let daemon = self.daemon.as_ref().map_or_else(Used::default, End::used);
        (self.ended.plus(run), daemon)
    }

    fn kill_right(&mut self) -> Outcome<()> {
        self.daemon.take().map_or(Ok(()), |mut daemon| daemon.kill())?;
        // It ends by itself, with a complaint, once nobody is at the other end.
        let failing = |run: &mut Self| Ok(run.is_over().unwrap_or(true));
        wait::until("the end of an interrupted run", Duration::from_secs(60), || failing(self))
    }

    fn start_right(&mut self) -> Outcome<()> {
        self.start_daemon()?;
        self.begin()
    }

    fn restart_left(&mut self) -> Outcome<Instant> {
        let begun = Instant::now();
        self.begin()?;
        Ok(begun)
    }

    fn has_scanned(&mut self, _files: usize) -> Outcome<bool> {
        self.is_over()
    }

    fn without_right(&mut self) -> Outcome<()> {
        Ok(())
    }
}

/// Adds what an ended run took to what earlier runs did.
pub(crate) fn run_is_over(run: &mut Option<End>, ended: &mut Used, name: &str) -> Outcome<bool> {
    let Some(running) = run else { return Ok(true) };
    if !running.has_ended()? {
        return Ok(false);
    }
    ended.work += running.used().work;
    let status = running.status()?;
    *run = None;
    match status.success() {
        true => Ok(true),
        false => Err(Failure::Refused(format!("{name} failed ({status})"))),
    }
}
