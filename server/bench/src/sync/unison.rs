//! Unison: a server on the right, a run from the left for each change.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::Outcome;
use crate::process;
use crate::sync::end::{End, Used};
use crate::sync::pair::{Ground, Pair};
use crate::sync::rsync::run_is_over;
use crate::sync::wait;

pub(crate) struct Unison {
    // Declared before the folders, so that they end first.
    run: Option<End>,
    server: Option<End>,
    ended: Used,
    port: u16,
    through: u16,
    ground: Ground,
}

impl Unison {
    pub(crate) fn start(ground: Ground) -> Outcome<Self> {
        let port = process::free_port()?;
        let through = ground.wire.towards(port)?;
        let (run, server, ended) = (None, None, Used::default());
        let mut pair = Self { run, server, ended, port, through, ground };
        pair.start_server()?;
        Ok(pair)
    }

    fn start_server(&mut self) -> Outcome<()> {
        let mut command = Command::new("unison");
        command.env("UNISON", self.ground.beside("right-state"));
        command.args(["-socket", &self.port.to_string(), "-listen", "127.0.0.1"]);
        let server = End::start(&mut command, &self.ground.beside("right.log"))?;
        wait::for_port(self.port, &server)?;
        self.server = Some(server);
        Ok(())
    }
}

impl Pair for Unison {
    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn begin(&mut self) -> Outcome<()> {
        let right = self.ground.right();
        let mut command = Command::new("unison");
        command.env("UNISON", self.ground.beside("left-state"));
        command.arg(self.ground.left());
        command.arg(format!("socket://127.0.0.1:{}/{}", self.through, right.display()));
        command.args(["-ui", "text", "-batch", "-auto", "-silent", "-log=false", "-times"]);
        command.args(["-confirmbigdel=false", "-ignorelocks", "-owner=false"]);
        self.run = Some(End::start(&mut command, &self.ground.beside("left.log"))?);
        Ok(())
    }

    fn is_over(&mut self) -> Outcome<bool> {
        run_is_over(&mut self.run, &mut self.ended, "unison")
    }

    fn used(&self) -> (Used, Used) {
        let run = self.run.as_ref().map_or_else(Used::default, End::used);
        let server = self.server.as_ref().map_or_else(Used::default, End::used);
        (self.ended.plus(run), server)
    }

    fn kill_right(&mut self) -> Outcome<()> {
        self.server.take().map_or(Ok(()), |mut server| server.kill())?;
        // It ends by itself, with a complaint, once nobody is at the other end.
        let failing = |run: &mut Self| Ok(run.is_over().unwrap_or(true));
        wait::until("the end of an interrupted run", Duration::from_secs(60), || failing(self))
    }

    fn start_right(&mut self) -> Outcome<()> {
        self.start_server()?;
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
