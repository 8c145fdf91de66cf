//! A running hive's system calls, one of which is dealt a blow: the death of the hive, or an error.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, note};

/// How long a tracer gets to let go of a hive in order.
const LEAVING: Duration = Duration::from_millis(500);

/// What happens at the n-th of some calls, counted for each thread of the hive from now on.
#[derive(Debug, Clone)]
pub struct Blow {
    /// Names of calls, separated by commas.
    pub calls: String,
    /// `signal=KILL`, `error=EIO`.
    pub effect: String,
    /// `3` for the third, `3+` from the third on.
    pub when: String,
}

/// The tracer of a hive, which lets go of it when dropped.
pub struct Trace {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Blow {
    /// The hive dies when it is about to make this call for the n-th time.
    pub fn death(calls: &str, at: u32) -> Self {
        Self { calls: calls.to_owned(), effect: "signal=KILL".to_owned(), when: at.to_string() }
    }

    /// Whether blows can be dealt here; says why not otherwise.
    pub fn are_possible() -> bool {
        let found = Command::new("strace").arg("-V").output().is_ok();
        if !found {
            note("not tested: there is no strace here");
        }
        found
    }
}

impl Trace {
    pub(super) fn attach(pid: u32, blow: &Blow) -> Self {
        let inject = format!("inject={}:{}:when={}", blow.calls, blow.effect, blow.when);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", &format!("trace={}", blow.calls), "-e", &inject]);
        strace.args(["-p", &pid.to_string()]).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = strace.stderr(Stdio::piped()).spawn().expect("strace must start");
        let output = child.stderr.take().expect("it must have an output");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let trace = Self { child, lines };
        trace.until_attached();
        trace
    }

    /// It says so once it has all threads.
    fn until_attached(&self) {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.expect("strace must attach to the hive");
        assert!(line.contains("attached"), "{line}");
    }

    /// Whether the blow fell by now.
    pub fn fell(&self) -> bool {
        let mut lines = std::iter::from_fn(|| self.lines.recv_timeout(Duration::ZERO).ok());
        lines.any(|line| line.contains("INJECTED") || line.contains("killed by SIGKILL"))
    }
}

impl Drop for Trace {
    /// A tracer that lost its hive to a blow may wait for it for ever.
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _gone = kill_process(pid, Signal::TERM);
        }
        let since = Instant::now();
        while since.elapsed() < LEAVING && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(2));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
