//! One folder that stands for a computer: a person's home, a hive as a process, folders to share.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Blow;
use crate::{Call, text};

/// How long something may take to come true before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Below the ports that the system hands out, so that a hive finds its own free when it returns.
const PEERS_PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A computer, with its hive running or not.
pub struct Computer {
    /// The owner's name, and so the one under which friends know this hive.
    pub name: String,
    folder: PathBuf,
    /// Variables for everything that is started here.
    pub variables: Vec<(String, String)>,
    /// Put before `skep serve`, such as a clock that lies.
    pub through: Vec<String>,
    peers_port: u16,
    hive: Option<Hive>,
    _own: Option<TempDir>,
}

struct Hive {
    child: Child,
    ready: Value,
    cookie: Option<String>,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Computer {
    /// A computer in a folder that vanishes with it; its hive is set up and does not run.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn new(name: &str) -> Self {
        let own = tempfile::tempdir().expect("a folder must be made");
        let mut computer = Self::at(name, own.path());
        computer._own = Some(own);
        computer
    }

    /// A computer in a folder that stays, such as a disk of its own.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn at(name: &str, folder: &Path) -> Self {
        let computer = Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            variables: Vec::new(),
            through: Vec::new(),
            peers_port: free_port(),
            hive: None,
            _own: None,
        };
        fs::create_dir_all(computer.path("person")).expect("a folder must be made");
        computer.skep(&["init", "--name", name]).is(0, "");
        computer
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Makes a folder to share.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir_all(&folder).expect("a folder must be made");
        folder
    }

    /// # Panics
    /// If there is no room for it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        let folder = path.parent().expect("it lies in a folder");
        fs::create_dir_all(folder).expect("a folder must be made");
        fs::write(path, content).expect("the file must be written");
    }

    /// Where friends' hives call.
    pub fn peers(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.peers_port))
    }

    fn command(&self, through: &[String], arguments: &[&str]) -> Command {
        let mut words = through.to_vec();
        words.push(program().display().to_string());
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).current_dir(&self.folder);
        for (name, _) in std::env::vars() {
            if name.starts_with("SKEP_") || name.starts_with("XDG_") || name.contains("DBUS") {
                command.env_remove(name);
            }
        }
        command
            .env("SKEP_HOME", self.path("hive"))
            .env("HOME", self.path("person"))
            .env("SKEP_LISTEN_PORT", "0")
            .env("SKEP_PEERS_PORT", self.peers_port.to_string())
            .envs(self.variables.clone());
        command
    }

    /// Runs one command to its end.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn skep(&self, arguments: &[&str]) -> Outcome {
        let since = Instant::now();
        let mut command = self.command(&[], arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("skep must start");
        let pid = child.id();
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || drop(sender.send(child.wait_with_output())));
        let output = ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            signal(pid, Signal::KILL);
            ended.recv().expect("a killed process must end")
        });
        let output = output.expect("a process must end");
        let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            out: words(output.stdout),
            err: words(output.stderr),
            took: since.elapsed(),
        }
    }

    /// Runs one command that must work and gives its JSON.
    ///
    /// # Panics
    /// If it does not work.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let outcome = self.skep(arguments);
        assert_eq!(outcome.code, 0, "{}: {arguments:?}: {outcome:?}", self.name);
        serde_json::from_str(&outcome.out).expect("it must be JSON")
    }

    /// Starts the hive and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(&mut self) {
        let ready = self.try_start();
        assert!(ready.is_ok(), "{}: the hive did not start: {ready:?}", self.name);
    }

    /// [`Computer::start`], or the hive's last words.
    ///
    /// # Panics
    /// If there is no room for a log.
    pub fn try_start(&mut self) -> Result<Duration, String> {
        assert!(self.hive.is_none(), "{}: the hive runs already", self.name);
        let since = Instant::now();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path());
        let mut command = self.command(&self.through, &["serve", "--json"]);
        command.stdout(Stdio::piped()).stderr(log.expect("there must be a log"));
        let mut child = command.spawn().expect("skep must start");
        let output = child.stdout.take().expect("it must have an output");
        let (sender, line) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            drop(BufReader::new(output).read_line(&mut line));
            drop(sender.send(line));
        });
        let line = line.recv_timeout(PATIENCE).unwrap_or_default();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            drop(child.kill());
            drop(child.wait());
            return Err(format!("{line:?} {}", self.log()));
        };
        self.hive = Some(Hive { child, ready, cookie: None });
        Ok(since.elapsed())
    }

    /// Where the log of this computer's hives lies: not on its disk, which may be full or gone.
    fn log_path(&self) -> PathBuf {
        let name = format!("skep-{}-{}.log", std::process::id(), self.peers_port);
        std::env::temp_dir().join(name)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub fn is_running(&mut self) -> bool {
        let hive = self.hive.as_mut();
        hive.is_some_and(|hive| matches!(hive.child.try_wait(), Ok(None)))
    }

    /// The running hive's process.
    ///
    /// # Panics
    /// If none runs.
    pub fn pid(&self) -> u32 {
        self.running().child.id()
    }

    fn running(&self) -> &Hive {
        self.hive.as_ref().expect("a hive must run")
    }

    /// Where the hive's pages and API are.
    ///
    /// # Panics
    /// If no hive runs.
    pub fn address(&self) -> SocketAddr {
        let url = text(&self.running().ready["url"]);
        let address = url.split("//").nth(1).and_then(|address| address.parse().ok());
        address.expect("a ready hive must say its address")
    }

    /// Ends the hive as `kill -9` does; nothing happens if none runs.
    pub fn kill(&mut self) {
        if let Some(mut hive) = self.hive.take() {
            drop(hive.child.kill());
            drop(hive.child.wait());
        }
    }

    /// Asks the hive to stop and waits for it.
    ///
    /// # Panics
    /// If it does not stop in order.
    pub fn stop(&mut self) {
        let Some(mut hive) = self.hive.take() else { return };
        signal(hive.child.id(), Signal::TERM);
        let since = Instant::now();
        loop {
            if let Ok(Some(status)) = hive.child.try_wait() {
                assert_eq!(status.code(), Some(0), "{}: {}", self.name, self.log());
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{}: it does not stop: {}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Holds the hive still, as a laptop that sleeps does, or lets it go on.
    ///
    /// # Panics
    /// If none runs.
    pub fn sleep(&self, asleep: bool) {
        signal(self.pid(), if asleep { Signal::STOP } else { Signal::CONT });
    }

    /// Calls the hive's API as its owner's browser does.
    ///
    /// # Panics
    /// If no hive runs, or it does not answer.
    pub fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> crate::Answer {
        let address = self.address();
        let cookie = self.cookie();
        let mut call = Call::new(address, method, path).header("Cookie", &cookie);
        if let Some(body) = body {
            call = call.json(body);
        }
        wait_for(call.send())
    }

    /// What the API answers to a question.
    ///
    /// # Panics
    /// If it refuses.
    pub fn get(&mut self, path: &str) -> Value {
        let answer = self.call("GET", path, None);
        assert_eq!(answer.status, 200, "{}: {path}: {answer:?}", self.name);
        answer.json()
    }

    fn cookie(&mut self) -> String {
        if let Some(cookie) = &self.running().cookie {
            return cookie.clone();
        }
        let opened = self.skep(&["open", "--print"]);
        let token = opened.out.trim().split('#').nth(1).map(str::to_owned);
        let token =
            token.unwrap_or_else(|| panic!("{}: nobody can sign in: {opened:?}", self.name));
        let body = json!({ "token": token });
        let call = Call::new(self.address(), "POST", "/api/v1/session").json(&body);
        let cookie = wait_for(call.send()).cookie().expect("the owner must be signed in");
        let hive = self.hive.as_mut().expect("a hive must run");
        hive.cookie.insert(cookie).clone()
    }

    /// Deals every process of the hive a blow at a system call.
    ///
    /// # Panics
    /// If no hive runs.
    pub fn trace(&self, blow: &Blow) -> super::Trace {
        super::Trace::attach(self.pid(), blow)
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            note(&format!("{}'s log: {}", self.name, self.log()));
        }
        drop(fs::remove_file(self.log_path()));
    }
}

impl Outcome {
    /// # Panics
    /// If it did not end so, or did not say these words.
    pub fn is(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words) || self.out.contains(words), "{words:?}: {self:?}");
    }
}

/// Waits until something is true.
///
/// # Panics
/// If it does not come true in time.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    since.elapsed()
}

/// A figure, or a reason, for whoever reads the test's output.
pub fn note(words: &str) {
    drop(writeln!(std::io::stderr(), "  {words}"));
}

/// A number from the environment, for longer runs than everyday's.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The `skep` that was built with this test, or the one that `SKEP_BIN` names.
///
/// # Panics
/// If there is none.
pub fn program() -> PathBuf {
    if let Some(named) = std::env::var_os("SKEP_BIN") {
        return named.into();
    }
    let test = std::env::current_exe().expect("a test must know its place");
    let beside = test.ancestors().skip(1).map(|folder| folder.join("skep"));
    let found = beside.take(2).find(|path| path.is_file());
    found.expect("there is no skep beside this test: run cargo build -p cli, or set SKEP_BIN")
}

fn free_port() -> u16 {
    let mut chance = rand::rng();
    let mut ports = std::iter::repeat_with(|| chance.random_range(PEERS_PORTS));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("some port must be free")
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.expect("a process must have a number");
    // It may have ended by itself.
    let _gone = kill_process(pid, signal);
}

/// Runs a future to its end from plain code, inside or outside of a runtime.
pub(super) fn wait_for<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime must start").block_on(future)
        };
        scope.spawn(run).join().expect("it must end")
    })
}
