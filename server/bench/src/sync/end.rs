//! One end as a process with its children: what it used, what it says, how it is ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use crate::failure::{Failure, Outcome};

const STOP_WITHIN_S: u64 = 20;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The unit of processor time in `/proc` on Linux, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// Killed with its children when dropped.
pub(crate) struct End {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

/// What a process and its living children take at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Processor time so far, in seconds, with that of children that have ended.
    pub(crate) work: f64,
    /// Resident memory, in bytes.
    pub(crate) memory: u64,
    /// The most that was ever resident.
    pub(crate) memory_peak: u64,
    /// Bytes that were written towards the disk.
    pub(crate) written: u64,
}

impl Used {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            work: self.work + other.work,
            memory: self.memory + other.memory,
            memory_peak: self.memory_peak + other.memory_peak,
            written: self.written + other.written,
        }
    }
}

impl End {
    /// Its complaints go into `log`; what it prints is kept line by line.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Outcome<Self> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let name = command.get_program().to_string_lossy().into_owned();
        let spawned = command.spawn();
        let mut child = spawned.map_err(|error| Failure::Refused(format!("{name}: {error}")))?;
        let said = Arc::new(Mutex::new(Vec::new()));
        if let Some(output) = child.stdout.take() {
            let said = said.clone();
            thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    said.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                }
            });
        }
        Ok(Self { child, said })
    }

    /// The lines that it has printed so far, handed to `reading`.
    pub(crate) fn said<T>(&self, reading: impl FnOnce(&[String]) -> T) -> T {
        reading(&self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the first line that it prints.
    pub(crate) fn first_line(&self, within: Duration) -> Outcome<String> {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.said(|lines| lines.first().cloned()) {
                return Ok(line);
            }
            if begun.elapsed() > within {
                return Err(Failure::Late("the first word of a process", within.as_secs()));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    pub(crate) fn used(&self) -> Used {
        family(self.child.id()).into_iter().map(used_by).fold(Used::default(), Used::plus)
    }

    /// Whether it has ended by itself, without taking it off the system's list.
    pub(crate) fn has_ended(&self) -> Outcome<bool> {
        let Some(pid) = self.pid() else { return Ok(true) };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = waitid(WaitId::Pid(pid), options).map_err(std::io::Error::from)?;
        Ok(ended.is_some())
    }

    pub(crate) fn status(&mut self) -> Outcome<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(&mut self) -> Outcome<()> {
        if let Some(pid) = self.pid() {
            // It may have ended by itself; then there is nobody to ask.
            kill_process(pid, Signal::TERM).ok();
        }
        let begun = Instant::now();
        while !self.has_ended()? {
            if begun.elapsed() > Duration::from_secs(STOP_WITHIN_S) {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        self.kill()
    }

    /// Kill -9, children too.
    pub(crate) fn kill(&mut self) -> Outcome<()> {
        if let Some(pid) = self.pid() {
            // Nobody of it may be left.
            kill_process_group(pid, Signal::KILL).ok();
        }
        self.child.wait()?;
        Ok(())
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Once waited for, its number may belong to another; and nobody hears about a failure.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.kill());
        }
    }
}

/// A process and those that it has started, as far as they live.
fn family(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        at += 1;
        let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten();
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    found
}

/// Nothing for what has ended in the meantime.
fn used_by(pid: u32) -> Used {
    const USER_TIME: usize = 11;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field, the name, may hold blanks; what follows its bracket does not.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 =
        fields.skip(USER_TIME).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    Used {
        work: ticks / TICKS_PER_SECOND,
        memory: number(&status, "VmRSS:") * 1_024,
        memory_peak: number(&status, "VmHWM:") * 1_024,
        written: number(&io, "write_bytes:"),
    }
}

fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}
