//! A server as a process of its own: started, asked for its memory and processor time, ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::failure::{Failure, Outcome};

const START_WITHIN_S: u64 = 30;
const STOP_WITHIN_S: u64 = 20;
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The unit of processor time in `/proc` on Linux, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// Killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Its words go into `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(Self(command.spawn()?))
    }

    /// Also hands back the first line that it prints.
    pub(crate) fn start_and_listen(command: &mut Command, log: &Path) -> Outcome<(Self, String)> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut process = Self(command.spawn()?);
        let mut line = String::new();
        if let Some(output) = process.0.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        Ok((process, line))
    }

    pub(crate) async fn answers(&mut self, address: &str) -> Outcome<()> {
        let until = Instant::now() + Duration::from_secs(START_WITHIN_S);
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.0.try_wait()? {
                return Err(Failure::Refused(format!("the server ended at its start: {status}")));
            }
            if Instant::now() > until {
                return Err(Failure::Late("starting the server", START_WITHIN_S));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Asks it to end, as the system does, and waits until it has.
    pub(crate) async fn stop(&mut self) -> Outcome<()> {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself; then there is nobody to ask.
            kill_process(pid, Signal::TERM).ok();
        }
        let until = Instant::now() + Duration::from_secs(STOP_WITHIN_S);
        while self.0.try_wait()?.is_none() {
            if Instant::now() > until {
                return self.kill();
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Kill -9.
    pub(crate) fn kill(&mut self) -> Outcome<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = line.and_then(|line| line.split_whitespace().next());
        let kibibytes = words.and_then(|number| number.parse::<u64>().ok());
        let unreadable = || Failure::Refused("the system does not tell its memory".to_owned());
        kibibytes.map(|kibibytes| kibibytes * 1_024).ok_or_else(unreadable)
    }

    /// Processor time used so far, in seconds.
    pub(crate) fn work(&self) -> Outcome<f64> {
        const USER_TIME: usize = 11;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The second field, the name, may hold blanks; what follows its bracket does not.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: f64 =
            fields.skip(USER_TIME).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(ticks / TICKS_PER_SECOND)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to hear about a failure.
        drop(self.kill());
    }
}

pub(crate) fn free_port() -> Outcome<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Runs a tool to its end and hands back what it printed.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no words");
        let name = command.get_program().to_string_lossy().into_owned();
        return Err(Failure::Refused(format!("{name} failed ({}): {last}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
