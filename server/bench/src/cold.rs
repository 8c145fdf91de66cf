//! How long a document with a long history takes from connecting to its full text, right after the
//! server was started again.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use yrs::merge_updates_v1;

use crate::client::{Client, Room};
use crate::failure::{Failure, Outcome};
use crate::frame::{self, Incoming};
use crate::server::{Kind, Server};
use crate::trace::{self, Trace};

/// Longer than any server puts off what it does when the last one has left.
const LEFT: Duration = Duration::from_secs(3);
const OPENINGS: usize = 5;
/// How long a server may take to write the history down.
const WRITE_WITHIN_S: u64 = 300;
/// A server that does not say when it has written is left alone until it is quiet: this long
/// without any work, which is more than y-sweet's ten seconds between two writes.
const QUIET: Duration = Duration::from_secs(12);
const OPEN_WITHIN_S: u64 = 60;
/// Frames that are sent between two looks at what the server answers.
const FRAMES_AT_ONCE: usize = 256;

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Cold {
    /// The first opening after the history was written.
    pub(crate) first: Duration,
    /// The median of those after it, each after another start.
    pub(crate) later: Duration,
    /// What the document takes on the wire.
    pub(crate) state_bytes: usize,
    /// What the server's folder takes.
    pub(crate) disk_bytes: u64,
    /// How long the history took to be taken in.
    pub(crate) written_in: Duration,
}

pub(crate) async fn measure(server: &mut Server, trace: &Trace) -> Outcome<Cold> {
    let room = server.document("history", "")?;
    let begin = Instant::now();
    let within = Duration::from_secs(WRITE_WITHIN_S);
    let late = |_| Failure::Late("writing the history", WRITE_WITHIN_S);
    timeout(within, write(server, &room, trace)).await.map_err(late)??;
    let written_in = begin.elapsed();
    sleep(LEFT).await;
    let mut openings = Vec::new();
    let mut state_bytes = 0;
    for _ in 0..OPENINGS {
        server.stop().await?;
        server.start_again().await?;
        // A server busy with its start would be measured for that.
        sleep(Duration::from_millis(500)).await;
        let (took, state) = open(&server.moved(&room), &trace.text).await?;
        openings.push(took);
        state_bytes = state.len();
    }
    let first = openings.remove(0);
    openings.sort_unstable();
    let later = openings[openings.len() / 2];
    let disk_bytes = bytes_in(server.folder())?;
    Ok(Cold { first, later, state_bytes, disk_bytes, written_in })
}

/// Sends each edit as a frame of its own, except to y-sweet, and waits until all are taken in.
async fn write(server: &Server, room: &Room, trace: &Trace) -> Outcome<()> {
    let room = if server.kind == Kind::Skep { room.with_stored() } else { room.clone() };
    let (mut client, _) = Client::join(&room).await?;
    let mut receiver = client.receiver;
    let (told, mut stored) = tokio::sync::watch::channel(0);
    let reading = tokio::spawn(async move {
        while let Ok(frame) = receiver.frame().await {
            if let Ok(Incoming::Stored(count)) = frame::read(&frame) {
                told.send_replace(count);
            }
        }
    });
    for updates in trace.updates.chunks(FRAMES_AT_ONCE) {
        if server.kind == Kind::YSweet {
            // One edit a frame takes it many minutes, and it keeps the merged state in any case.
            let merged = merge_updates_v1(updates).map_err(|_| Failure::Malformed)?;
            client.sender.feed(frame::update(&merged)).await?;
        } else {
            for update in updates {
                client.sender.feed(frame::update(update)).await?;
            }
        }
        client.sender.flush().await?;
    }
    if server.kind == Kind::Skep {
        let frames = client.sender.edits;
        drop(stored.wait_for(|count| *count >= frames).await);
    } else {
        quiet(server).await?;
    }
    reading.abort();
    Ok(())
}

async fn quiet(server: &Server) -> Outcome<()> {
    const LOOK_EVERY: Duration = Duration::from_secs(1);
    /// Of a processor: timers and pings.
    const IDLE_WORK: f64 = 0.05;
    let mut work = server.process()?.work()?;
    let mut since = Instant::now();
    while since.elapsed() < QUIET {
        sleep(LOOK_EVERY).await;
        let now = server.process()?.work()?;
        if now - work > IDLE_WORK {
            since = Instant::now();
        }
        work = now;
    }
    Ok(())
}

/// Connects and reads until the text is there. Only the frames' arrival is timed, not the client's
/// own reading of them.
async fn open(room: &Room, text: &str) -> Outcome<(Duration, Vec<u8>)> {
    let begin = Instant::now();
    let opening = timeout(Duration::from_secs(OPEN_WITHIN_S), async {
        let mut client = Client::connect(room).await?;
        client.sender.send(frame::step_1()).await?;
        loop {
            let frame = client.receiver.frame().await?;
            let took = begin.elapsed();
            match frame::read(&frame)? {
                Incoming::Step1 => client.sender.send(frame::step_2()).await?,
                // Some answer at once with nothing and send the document when they have read it.
                Incoming::Step2(state) | Incoming::Update(state) if state.len() >= text.len() => {
                    if trace::text_of(state)? != text {
                        let words = "the text came back other than it was typed";
                        return Err(Failure::Refused(words.to_owned()));
                    }
                    return Ok((took, state.to_vec()));
                }
                _ => {}
            }
        }
    });
    opening.await.map_err(|_| Failure::Late("opening the document", OPEN_WITHIN_S))?
}

fn bytes_in(folder: &std::path::Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { bytes_in(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
