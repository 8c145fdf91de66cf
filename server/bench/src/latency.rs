//! How long a key takes from one person's client to every other's, by how many are there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::client::{Client, Receiver, Room, Sender, in_turn};
use crate::failure::{Failure, Outcome};
use crate::frame::{self, Incoming, Place, TAG_UNITS, TAGS_MAX};
use crate::process::Process;
use crate::server::Server;
use crate::trace;

/// How long keys may be under way after the last one was pressed.
const DRAIN: Duration = Duration::from_secs(10);
const LINE: &str = "The quick brown fox jumps over the lazy dog.\n";
/// Says that the text everybody types into is there.
const READY: usize = 0;

/// What is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scene {
    pub(crate) clients: usize,
    pub(crate) typists: usize,
    pub(crate) keys_per_second: u32,
    pub(crate) seconds: u32,
    /// Each key is followed by an awareness frame, as editors send it.
    pub(crate) cursors: bool,
}

/// What was seen of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
    /// Keys times the clients that should see each.
    pub(crate) expected: usize,
    pub(crate) arrived: usize,
    /// Processor time of the server for each second of typing.
    pub(crate) work: f64,
    /// Somebody who comes afterwards gets every key exactly once.
    pub(crate) whole: bool,
}

/// When each key was pressed, and by whom.
struct Board {
    begin: Instant,
    next: AtomicUsize,
    pressed_ns: Vec<AtomicU64>,
    typist: Vec<AtomicU16>,
}

impl Board {
    fn new(keys: usize) -> Self {
        Self {
            begin: Instant::now(),
            next: AtomicUsize::new(READY + 1),
            pressed_ns: (0..=keys).map(|_| AtomicU64::new(0)).collect(),
            typist: (0..=keys).map(|_| AtomicU16::new(u16::MAX)).collect(),
        }
    }

    fn press(&self, typist: usize, at: Instant) -> Option<usize> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let typist = u16::try_from(typist).ok()?;
        self.typist.get(key)?.store(typist, Ordering::Relaxed);
        let since = u64::try_from(at.duration_since(self.begin).as_nanos()).ok()?;
        self.pressed_ns.get(key)?.store(since, Ordering::Release);
        Some(key)
    }

    fn pressed(&self) -> usize {
        (self.next.load(Ordering::Relaxed) - 1).min(self.typist.len() - 1)
    }

    fn pressed_by(&self, typist: usize) -> usize {
        let typist = u16::try_from(typist).unwrap_or(u16::MAX);
        self.typist.iter().filter(|by| by.load(Ordering::Relaxed) == typist).count()
    }
}

/// Lets the scene play on a new document of the server.
pub(crate) async fn measure(server: &Server, name: &str, scene: Scene) -> Outcome<Latency> {
    let room = server.document(name, "")?;
    let keys = scene.typists * (scene.keys_per_second * scene.seconds) as usize;
    if keys >= TAGS_MAX {
        return Err(Failure::Refused(format!("{keys} keys are too many to tell apart")));
    }
    let author = write_lines(&room, scene.clients).await?;
    let joined = in_turn((0..scene.clients).map(|_| Client::join(&room))).await?;
    let board = Arc::new(Board::new(keys));
    let (done, watching) = watch::channel(None);
    let mut typing = Vec::new();
    let mut reading = Vec::new();
    for (number, (mut client, state)) in joined.into_iter().enumerate() {
        await_lines(&mut client.receiver, &state).await?;
        let reader = Reader::new(number, board.clone(), watching.clone());
        reading.push(tokio::spawn(reader.read(client.receiver)));
        let typist = Typist { number, id: client.id, author, board: board.clone(), scene };
        typing.push((typist, client.sender));
    }
    // Those who only watch keep their lines open until the end.
    let watchers = typing.split_off(scene.typists);
    let work_before = server.process()?.work()?;
    let typists: Vec<_> =
        typing.into_iter().map(|(typist, sender)| tokio::spawn(typist.type_keys(sender))).collect();
    let mut senders = Vec::new();
    for typist in typists {
        senders.push(typist.await.map_err(|_| ended())??);
    }
    let work = work_since(server.process()?, work_before, scene)?;
    let until = Instant::now() + DRAIN;
    done.send_replace(Some(until));
    let mut seen = Vec::new();
    for reader in reading {
        let samples = reader.await.map_err(|_| ended())??;
        seen.extend(samples);
    }
    let whole = is_whole(&room, board.pressed()).await?;
    drop((senders, watchers));
    let expected = board.pressed() * scene.clients - board.pressed();
    Ok(summed_up(seen, expected, work, whole))
}

fn ended() -> Failure {
    Failure::Refused("a client ended before its time".to_owned())
}

fn work_since(process: &Process, before: f64, scene: Scene) -> Outcome<f64> {
    Ok((process.work()? - before) / f64::from(scene.seconds))
}

/// One line for each client, in one insertion; who made it, so that typists can place their keys.
async fn write_lines(room: &Room, lines: usize) -> Outcome<u32> {
    let (mut client, _) = Client::join(room).await?;
    let text = format!("{}{}", LINE.repeat(lines), frame::tag(READY));
    let at = Place { client: client.id, clock: 0 };
    client.sender.send(frame::update(&frame::insert(at, None, None, &text))).await?;
    // Another one must see the lines before their author may leave.
    let (mut other, state) = Client::join(room).await?;
    await_lines(&mut other.receiver, &state).await?;
    Ok(client.id)
}

async fn await_lines(receiver: &mut Receiver, state: &[u8]) -> Outcome<()> {
    let has_lines = |update: &[u8]| frame::tags(update).any(|tag| tag == READY);
    if has_lines(state) {
        return Ok(());
    }
    let waiting = timeout(DRAIN, async {
        loop {
            let frame = receiver.frame().await?;
            if let Incoming::Step2(update) | Incoming::Update(update) = frame::read(&frame)?
                && has_lines(update)
            {
                return Ok(());
            }
        }
    });
    waiting.await.map_err(|_| Failure::Late("receiving the first text", DRAIN.as_secs()))?
}

struct Typist {
    number: usize,
    id: u32,
    /// Who wrote the lines.
    author: u32,
    board: Arc<Board>,
    scene: Scene,
}

impl Typist {
    /// Types at the end of the line of its own, until time is up.
    async fn type_keys(self, mut sender: Sender) -> Outcome<Sender> {
        let pause = Duration::from_secs(1) / self.scene.keys_per_second;
        let line_units = u32::try_from(LINE.len()).expect("a line must be short");
        let number = u32::try_from(self.number).expect("typists must be few");
        let line_end = number * line_units + line_units - 1;
        let newline = Place { client: self.author, clock: line_end };
        let mut after = Place { client: self.author, clock: line_end - 1 };
        // People do not type in step.
        let mut due = Instant::now() + pause.mul_f64(rand::rng().random_range(0.0..1.0));
        let mut is_held_up = false;
        for key in 0..self.scene.keys_per_second * self.scene.seconds {
            sleep_until(due).await;
            // The timer's own lateness is not the server's, but its holding up the line is.
            let pressed_at = if is_held_up { due } else { Instant::now() };
            let Some(tag) = self.board.press(self.number, pressed_at) else { break };
            let at = Place { client: self.id, clock: key * TAG_UNITS };
            let text = frame::tag(tag).to_string();
            let update = frame::insert(at, Some(after), Some(newline), &text);
            sender.feed(frame::update(&update)).await?;
            after = Place { client: self.id, clock: at.clock + TAG_UNITS - 1 };
            if self.scene.cursors {
                sender.feed(frame::awareness(self.id, key + 2, Some(after))).await?;
            }
            sender.flush().await?;
            due += pause;
            is_held_up = Instant::now() > due;
        }
        Ok(sender)
    }
}

struct Reader {
    number: usize,
    board: Arc<Board>,
    /// Until when to read on, once everything is typed.
    done: watch::Receiver<Option<Instant>>,
    seen: Vec<bool>,
    samples: Vec<u32>,
}

impl Reader {
    fn new(number: usize, board: Arc<Board>, done: watch::Receiver<Option<Instant>>) -> Self {
        let keys = board.typist.len();
        Self { number, board, done, seen: vec![false; keys], samples: Vec::with_capacity(keys) }
    }

    /// Notes when each key of somebody else arrives: microseconds since it was pressed.
    async fn read(mut self, mut receiver: Receiver) -> Outcome<Vec<u32>> {
        let mut done = self.done.clone();
        let until = loop {
            tokio::select! {
                frame = receiver.frame() => self.note(&frame?)?,
                until = done.wait_for(Option::is_some) => {
                    break until.ok().and_then(|until| *until).unwrap_or_else(Instant::now);
                }
            }
        };
        let expected = self.board.pressed() - self.board.pressed_by(self.number);
        while self.samples.len() < expected {
            match timeout_at(until, receiver.frame()).await {
                Ok(frame) => self.note(&frame?)?,
                Err(_) => break,
            }
        }
        Ok(self.samples)
    }

    fn note(&mut self, frame: &[u8]) -> Outcome<()> {
        let (Incoming::Step2(update) | Incoming::Update(update)) = frame::read(frame)? else {
            return Ok(());
        };
        let now = Instant::now();
        for key in frame::tags(update) {
            let is_new = self.seen.get_mut(key).is_some_and(|seen| !std::mem::replace(seen, true));
            if !is_new || key == READY {
                continue;
            }
            let pressed_ns = self.board.pressed_ns[key].load(Ordering::Acquire);
            let typist = self.board.typist[key].load(Ordering::Relaxed);
            if usize::from(typist) != self.number {
                let pressed_at = self.board.begin + Duration::from_nanos(pressed_ns);
                let micros = now.saturating_duration_since(pressed_at).as_micros();
                self.samples.push(u32::try_from(micros).unwrap_or(u32::MAX));
            }
        }
        Ok(())
    }
}

/// Joins anew and looks whether each key stands in the text exactly once.
async fn is_whole(room: &Room, keys: usize) -> Outcome<bool> {
    let until = Instant::now() + DRAIN;
    while Instant::now() < until {
        let (_client, state) = Client::join(room).await?;
        let text = trace::text_of(&state)?;
        let mut times = vec![0_u8; keys + 1];
        for key in frame::tags(text.as_bytes()) {
            times[key] = times[key].saturating_add(1);
        }
        if times.iter().all(|times| *times == 1) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn summed_up(mut seen: Vec<u32>, expected: usize, work: f64, whole: bool) -> Latency {
    seen.sort_unstable();
    let at = |share: f64| {
        // What never arrived counts as the slowest.
        let rank = (expected as f64 * share) as usize;
        seen.get(rank).map_or(Duration::MAX, |micros| Duration::from_micros((*micros).into()))
    };
    let (p50, p95, p99) = (at(0.50), at(0.95), at(0.99));
    Latency { p50, p95, p99, expected, arrived: seen.len(), work, whole }
}
