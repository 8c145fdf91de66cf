//! A home of its own for the `skep` program, and a hive that runs there as a process.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use checks::{Call, Page, Room, text};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long something may take to come true before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One folder that stands for a computer: a person's home, a hive, folders to share.
pub(crate) struct Home {
    folder: TempDir,
    /// Where the hive lies.
    pub(crate) hive: PathBuf,
    /// Variables for every `skep` that is started here.
    pub(crate) variables: Vec<(String, String)>,
    /// Put before the program, such as another account.
    pub(crate) through: Vec<String>,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A hive that runs.
pub(crate) struct Hive<'a> {
    home: &'a Home,
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) ready: Value,
    /// The owner's cookie, once somebody asked for it.
    cookie: Option<String>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::of(tempfile::tempdir().unwrap())
    }

    /// A home on a disk in memory where there is one, for more files than a test should write.
    pub(crate) fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self::of(folder.unwrap())
    }

    fn of(folder: TempDir) -> Self {
        let hive = folder.path().join("hive");
        let home = Self { hive, variables: Vec::new(), through: Vec::new(), folder };
        fs::create_dir(home.path("Trip")).unwrap();
        fs::create_dir(home.path("person")).unwrap();
        home
    }

    /// A hive with the file `Trip/plan.md`, and the room of that file.
    pub(crate) fn with_plan(content: &str) -> Self {
        let home = Self::new();
        fs::write(home.path("Trip/plan.md"), content).unwrap();
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_through(&self.through, arguments)
    }

    fn command_through(&self, through: &[String], arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_skep").to_owned();
        let mut words = through.to_vec();
        words.push(program);
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).current_dir(self.folder.path());
        for (name, _) in std::env::vars() {
            if name.starts_with("SKEP_") || name.starts_with("XDG_") || name.contains("DBUS") {
                command.env_remove(name);
            }
        }
        command.env("SKEP_HOME", &self.hive).env("HOME", self.path("person"));
        command.envs(self.variables.clone());
        command
    }

    /// Runs one command to its end.
    pub(crate) fn skep(&self, arguments: &[&str]) -> Outcome {
        Self::outcome(self.command(arguments))
    }

    /// [`Home::skep`] with other words before the program.
    pub(crate) fn skep_through(&self, through: &[String], arguments: &[&str]) -> Outcome {
        Self::outcome(self.command_through(through, arguments))
    }

    fn outcome(mut command: Command) -> Outcome {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || drop(sender.send(child.wait_with_output())));
        let output = ended.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            ended.recv().unwrap()
        });
        let output = output.unwrap();
        let words = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            out: words(output.stdout),
            err: words(output.stderr),
        }
    }

    /// Starts one command that goes on; it ends with what is given back.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Running { child, lines }
    }

    /// Runs one command that must work and gives its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let outcome = self.skep(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:?}");
        serde_json::from_str(&outcome.out).unwrap()
    }

    /// Starts the hive on a free port.
    pub(crate) fn serve(&self) -> Hive<'_> {
        self.serve_with(&["--listen", "127.0.0.1:0"])
    }

    pub(crate) fn serve_at(&self, address: SocketAddr) -> Hive<'_> {
        self.serve_with(&["--listen", &address.to_string()])
    }

    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Hive<'_> {
        let all = [&["serve", "--json"], arguments].concat();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = self.command(&all);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let output = child.stdout.take().unwrap();
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
            panic!("the hive did not start: {line:?} {}", self.log_text());
        };
        let address = text(&ready["url"]);
        let address = address.split("//").nth(1).unwrap().parse().unwrap();
        Hive { home: self, child, address, ready, cookie: None }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path("skep.log")
    }

    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Shares the folder `Trip`, and a file of it for editing; gives the room that a stock client
    /// opens.
    pub(crate) fn room(&self, file: &str) -> Room {
        self.skep(&["share", self.path("Trip").to_str().unwrap()]).is(0, "/l/");
        let shared = self.json(&["share", self.path(file).to_str().unwrap(), "--edit", "--json"]);
        Room::of_yjs(&shared["yjs"])
    }
}

/// A command that goes on.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The first line from now on of which this is true.
    pub(crate) fn until(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        let since = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(since.elapsed());
            let line = self.lines.recv_timeout(left).unwrap();
            if is_it(&line) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Outcome {
    pub(crate) fn is(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words) || self.out.contains(words), "{words:?}: {self:?}");
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }
}

impl Hive<'_> {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut does, as far as a process can tell.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop and gives its exit code and how long that took.
    pub(crate) fn stop(mut self) -> (Option<i32>, Duration) {
        let since = Instant::now();
        self.signal(rustix::process::Signal::TERM);
        while since.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status.code(), since.elapsed());
            }
            std::thread::yield_now();
        }
        panic!("the hive does not stop: {}", self.home.log_text());
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Resident memory.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1_024
    }

    pub(crate) fn stranger(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path)
    }

    /// A request from the owner's browser, signed in as a person does it.
    pub(crate) async fn owner(&mut self, method: &str, path: &str) -> Call {
        if self.cookie.is_none() {
            let opened = self.home.skep(&["open", "--print"]);
            let token = opened.out.trim().split('#').nth(1).unwrap();
            let body = json!({ "token": token });
            let answer = self.stranger("POST", "/api/v1/session").json(&body).send().await;
            self.cookie = answer.cookie();
        }
        let cookie = self.cookie.clone().unwrap();
        self.stranger(method, path).header("Cookie", &cookie)
    }

    /// The owner's cookie, once [`Hive::owner`] was called.
    pub(crate) fn cookie(&self) -> String {
        self.cookie.clone().unwrap()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Value {
        self.owner("GET", path).await.send().await.json()
    }

    /// The one share, once its state is this.
    pub(crate) async fn share_is(&mut self, state: &str) -> Value {
        let since = Instant::now();
        loop {
            let shares = self.get("/api/v1/shares").await;
            if shares[0]["state"] == state {
                return shares[0].clone();
            }
            assert!(since.elapsed() < PATIENCE, "no share is {state}: {shares}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The file under a path of the one share.
    pub(crate) async fn file(&mut self, path: &str) -> Value {
        let share = self.get("/api/v1/shares").await[0].clone();
        let place = format!("/api/v1/files/by-path?share={}&path={path}", text(&share["id"]));
        self.get(&place).await
    }

    /// Comes by a link, from a new browser, and gives the cookie and the room of a file.
    pub(crate) async fn guest(&self, link: &Value, file: &str) -> (String, Room) {
        let id = text(&link["id"]);
        let body = json!({ "secret": link["secret"], "name": "Bo" });
        let call = self.stranger("POST", &format!("/l/{id}/api/v1/session")).json(&body);
        let answer = call.send().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let cookie = answer.cookie().unwrap();
        let room = Room::new(self.address, &format!("/l/{id}/yjs/{file}?stored=1"));
        (cookie.clone(), room.with("Cookie", &cookie))
    }
}

impl Drop for Hive<'_> {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            note(&format!("the hive's log: {}", self.home.log_text()));
        }
    }
}

/// Waits until something is true.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < PATIENCE, "it never came true: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    since.elapsed()
}

/// Waits until a file holds this text.
pub(crate) async fn holds(path: &Path, content: &str) -> Duration {
    eventually(&format!("{} holds {content:?}", path.display()), async || {
        fs::read_to_string(path).is_ok_and(|text| text == content)
    })
    .await
}

/// Types at the end and waits until the hive says that it is stored.
pub(crate) async fn type_and_store(page: &mut Page, insert: &str) {
    page.type_at_end(insert).await;
    page.until("it is stored", Page::is_saved).await;
}

/// A figure for whoever reads the test's output.
pub(crate) fn note(words: &str) {
    drop(writeln!(std::io::stderr(), "  {words}"));
}

/// Whether the test runs as root, who may mount disks and change accounts.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
