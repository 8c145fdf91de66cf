//! The floor: watch, loopback, write. What the machine allows to whoever needs no encryption, no
//! index, no history and no second direction.

mod left;
mod message;
mod right;

#[cfg(test)]
pub(crate) use message::Message;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;

use crate::failure::{Failure, Outcome};
use crate::process;
use crate::sync::end::{End, Used};
use crate::sync::pair::{Ground, Pair};
use crate::sync::wait;

const START_WITHIN: Duration = Duration::from_secs(10);

/// One end of the floor, as a process of its own.
#[derive(Debug, Args)]
pub(crate) struct FloorEnd {
    /// The folder that is watched or written.
    folder: PathBuf,
    /// The port that is called or listened on.
    port: u16,
    /// Where the watching end keeps what the other holds; without it, this is the writing end.
    #[arg(long)]
    held: Option<PathBuf>,
}

impl FloorEnd {
    pub(crate) fn run(&self) -> Outcome<()> {
        match &self.held {
            Some(held) => left::run(&self.folder, held, self.port),
            None => right::run(&self.folder, self.port),
        }
    }
}

pub(crate) struct Floor {
    // Declared before the folders, so that they end first.
    left: End,
    right: End,
    ground: Ground,
}

impl Floor {
    pub(crate) fn start(ground: Ground) -> Outcome<Self> {
        let port = process::free_port()?;
        let right =
            Self::end().arg(ground.right()).arg(port.to_string()).spawned(&ground, "right")?;
        wait::for_port(port, &right)?;
        let through = ground.wire.towards(port)?.to_string();
        let mut command = Self::end();
        command.arg(ground.left()).arg(through).arg("--held").arg(ground.beside("held"));
        let left = command.spawned(&ground, "left")?;
        left.first_line(START_WITHIN)?;
        Ok(Self { left, right, ground })
    }

    fn end() -> Command {
        // Without a name of its own, nothing can be measured anyway.
        let mut command = Command::new(std::env::current_exe().unwrap_or_default());
        command.arg("floor-end");
        command
    }
}

trait Spawned {
    fn spawned(&mut self, ground: &Ground, name: &str) -> Outcome<End>;
}

impl Spawned for Command {
    fn spawned(&mut self, ground: &Ground, name: &str) -> Outcome<End> {
        End::start(self, &ground.beside(&format!("{name}.log")))
    }
}

impl Pair for Floor {
    fn ground(&self) -> &Ground {
        &self.ground
    }

    fn begin(&mut self) -> Outcome<()> {
        Ok(())
    }

    /// As many changes are on the right's disk as the left has sent.
    fn is_over(&mut self) -> Outcome<bool> {
        let last = |lines: &[String]| lines.last().cloned();
        Ok(self.left.said(last) == self.right.said(last))
    }

    fn used(&self) -> (Used, Used) {
        (self.left.used(), self.right.used())
    }

    fn kill_right(&mut self) -> Outcome<()> {
        Err(not_that())
    }

    fn start_right(&mut self) -> Outcome<()> {
        Err(not_that())
    }

    fn restart_left(&mut self) -> Outcome<Instant> {
        Err(not_that())
    }

    fn has_scanned(&mut self, _files: usize) -> Outcome<bool> {
        Err(not_that())
    }

    fn without_right(&mut self) -> Outcome<()> {
        Ok(())
    }
}

fn not_that() -> Failure {
    Failure::Refused("the floor keeps no state".to_owned())
}
