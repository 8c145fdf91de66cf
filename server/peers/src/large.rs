//! One large content on its way in: its missing ranges are asked of all hives that have it, or its
//! difference to what is here of one.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::join_all;
use tokio::sync::mpsc;
use types::{Hash, HiveId, ShareId};

use crate::difference::Part;
use crate::line::Line;
use crate::narrow::{Narrowing, Stretch};
use crate::shared::Shared;
use crate::wire::{Bulk, Control, Outcome};
use crate::{Failure, Sink, Wanted};

/// What one request asks for, at most.
const STRETCH_BYTES: u64 = 4 * 1_024 * 1_024;
/// So many requests are open at each hive.
const STRETCHES_MAX: usize = 3;
const RANGES_MAX: usize = 1_024;
/// What was written is made durable each time so much came.
const KEEP_BYTES: u64 = 8 * 1_024 * 1_024;
const WRITES_MAX: usize = 16;

enum Write {
    Bytes { at: u64, bytes: Vec<u8> },
    Copy { at: u64, from: u64, length: u64 },
}

/// A difference that did not make the right whole is not tried again: it comes whole.
pub(crate) async fn receive(
    shared: &Arc<Shared>,
    share: ShareId,
    wanted: Wanted,
) -> Result<(), Failure> {
    let Some(came) = receive_once(shared, share, wanted).await? else { return Ok(()) };
    if came.differed {
        let hash = wanted.hash;
        tracing::warn!(%share, %hash, "a difference was not right; the whole is asked for");
        let whole = Wanted { base: None, ..wanted };
        match receive_once(shared, share, whole).await? {
            None => return Ok(()),
            Some(came) => came.blame(shared, hash),
        }
    } else {
        came.blame(shared, wanted.hash);
    }
    Err(Failure::new("a content was not what its hash says"))
}

/// What came was not what its hash says.
struct Wrong {
    sources: Vec<HiveId>,
    /// Whether anything was taken over from the base.
    differed: bool,
}

impl Wrong {
    /// Only of one alone is it known who said what is not so.
    fn blame(&self, shared: &Shared, hash: Hash) {
        if let [source] = self.sources.as_slice()
            && let Some(line) = shared.line(*source)
        {
            line.note_gone(hash);
        }
    }
}

async fn receive_once(
    shared: &Arc<Shared>,
    share: ShareId,
    wanted: Wanted,
) -> Result<Option<Wrong>, Failure> {
    let sink = shared.house.receive(share, wanted).await?;
    let missing = sink.missing();
    let (writes, waiting) = mpsc::channel(WRITES_MAX);
    let whole = Arc::new(AtomicBool::new(false));
    let writer = {
        let whole = whole.clone();
        tokio::task::spawn_blocking(move || write(sink, waiting, &whole))
    };
    let work = Arc::new(Work {
        shared: shared.clone(),
        share,
        wanted,
        writes,
        left: Mutex::default(),
        sources: Mutex::default(),
        differed: AtomicBool::new(false),
    });
    let came = work.clone().gather(missing).await;
    whole.store(came.is_ok(), Ordering::SeqCst);
    let sources: Vec<HiveId> = work.sources().iter().copied().collect();
    let differed = work.differed.load(Ordering::SeqCst);
    drop(work);
    let right = writer.await.map_err(Failure::new)??;
    came?;
    Ok((!right).then_some(Wrong { sources, differed }))
}

/// On a thread that may block. True when the content is whole and right.
fn write(
    mut sink: Box<dyn Sink>,
    mut waiting: mpsc::Receiver<Write>,
    whole: &AtomicBool,
) -> Result<bool, Failure> {
    let mut unkept = 0;
    while let Some(write) = waiting.blocking_recv() {
        match write {
            Write::Bytes { at, bytes } => {
                sink.write_at(at, &bytes)?;
                unkept += bytes.len() as u64;
            }
            Write::Copy { at, from, length } => sink.copy(from, length, at)?,
        }
        if unkept >= KEEP_BYTES && sink.keep()? {
            unkept = 0;
        }
    }
    if whole.load(Ordering::SeqCst) {
        return sink.finish();
    }
    sink.leave()?;
    Ok(false)
}

/// What is left to ask for, shared by those who ask.
struct Work {
    shared: Arc<Shared>,
    share: ShareId,
    wanted: Wanted,
    writes: mpsc::Sender<Write>,
    left: Mutex<VecDeque<(u64, u64)>>,
    sources: Mutex<HashSet<HiveId>>,
    /// Whether anything was taken over from the base.
    differed: AtomicBool,
}

/// Stretches of which it is not known what the base has of them, with their first prints.
type Unsure = Vec<(Stretch, Vec<u8>)>;

enum Came {
    Write(Write),
    Unsure(Stretch, Vec<u8>),
}

/// How one hive did with what it was asked for.
enum Told {
    Done,
    /// It has it not, or the link ended.
    Away,
    NoBase,
}

impl Work {
    fn left(&self) -> MutexGuard<'_, VecDeque<(u64, u64)>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self) -> MutexGuard<'_, HashSet<HiveId>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        let mut lines = self.shared.lines_with(self.share);
        lines.retain(|line| !line.is_gone(self.wanted.hash));
        lines
    }

    async fn gather(self: Arc<Self>, missing: Vec<(u64, u64)>) -> Result<(), Failure> {
        let mut missing = missing;
        if let Some(base) = self.wanted.base {
            missing = self.differ(base, missing).await?;
        }
        for (start, end) in missing {
            let mut at = start;
            while at < end {
                let stop = end.min(at + STRETCH_BYTES);
                self.left().push_back((at, stop));
                at = stop;
            }
        }
        loop {
            if self.left().is_empty() {
                return Ok(());
            }
            let lines = self.lines();
            if lines.is_empty() {
                return Err(Failure::new("no hive that has it is connected"));
            }
            let turns = lines
                .into_iter()
                .flat_map(|line| std::iter::repeat_with(move || line.clone()).take(STRETCHES_MAX));
            for done in join_all(turns.map(|line| self.draw(line))).await {
                done?;
            }
        }
    }

    /// Asks one hive for the difference to a base; gives what is missing still.
    async fn differ(
        &self,
        base: Hash,
        missing: Vec<(u64, u64)>,
    ) -> Result<Vec<(u64, u64)>, Failure> {
        let mut missing = missing;
        for line in self.lines() {
            let asked: Vec<_> = missing.iter().take(RANGES_MAX).copied().collect();
            let rest: Vec<_> = missing.iter().skip(RANGES_MAX).copied().collect();
            let mut unsure = Vec::new();
            let (told, mut left) = self.ask(&line, Some((base, &mut unsure)), asked).await?;
            left.extend(rest);
            left.extend(self.narrow(&line, base, unsure).await?);
            left.sort_unstable();
            missing = left;
            if missing.is_empty() || !matches!(told, Told::NoBase | Told::Away) {
                break;
            }
        }
        Ok(missing)
    }

    /// Finds out what of the stretches the base has, and asks for the rest; gives what is missing
    /// still.
    async fn narrow(
        &self,
        line: &Arc<Line>,
        base: Hash,
        unsure: Unsure,
    ) -> Result<Vec<(u64, u64)>, Failure> {
        if unsure.is_empty() {
            return Ok(Vec::new());
        }
        let all = unsure.iter().map(|(stretch, _)| (stretch.at, stretch.at + stretch.length));
        let all: Vec<(u64, u64)> = all.collect();
        let Some(base) = self.shared.house.content(self.share, base).await? else {
            return Ok(all);
        };
        let begun = tokio::task::spawn_blocking(move || Narrowing::begin(base, unsure));
        let mut narrowing = begun.await.map_err(Failure::new)??;
        loop {
            let spans = narrowing.ask();
            if spans.is_empty() {
                break;
            }
            let (share, hash) = (self.share, self.wanted.hash);
            let (mut asked, mut answers) =
                line.ask(|id| Control::Narrow { id, share, hash, spans });
            let Some(answer) = answers.recv().await else { break };
            asked.is_done();
            let Bulk::Prints { prints, .. } = answer else { break };
            let compared = tokio::task::spawn_blocking(move || {
                narrowing.answer(&prints.0).map(|()| narrowing)
            });
            narrowing = compared.await.map_err(Failure::new)??;
        }
        let (copies, fresh) = narrowing.finish();
        for copy in copies {
            let Part::Copy { at, from, length } = copy else { continue };
            self.put(Write::Copy { at, from, length }).await?;
        }
        let mut left = Vec::new();
        for some in fresh.chunks(RANGES_MAX) {
            left.extend(self.ask(line, None, some.to_vec()).await?.1);
        }
        Ok(left)
    }

    async fn put(&self, write: Write) -> Result<(), Failure> {
        if let Write::Copy { .. } = write {
            self.differed.store(true, Ordering::SeqCst);
        }
        self.writes.send(write).await.map_err(|_| Failure::new("it cannot be written"))
    }

    /// Takes stretch after stretch, until nothing is left or this hive is of no use.
    async fn draw(&self, line: Arc<Line>) -> Result<(), Failure> {
        loop {
            let Some(stretch) = self.left().pop_front() else { return Ok(()) };
            let (told, left) = self.ask(&line, None, vec![stretch]).await?;
            self.left().extend(left);
            if !matches!(told, Told::Done) {
                return Ok(());
            }
        }
    }

    /// One request; gives what did not come of it.
    async fn ask(
        &self,
        line: &Arc<Line>,
        base: Option<(Hash, &mut Unsure)>,
        ranges: Vec<(u64, u64)>,
    ) -> Result<(Told, Vec<(u64, u64)>), Failure> {
        let (share, hash) = (self.share, self.wanted.hash);
        let mut left: VecDeque<(u64, u64)> = ranges.iter().copied().collect();
        let (base, mut unsure) = base.unzip();
        let (mut asked, mut answers) =
            line.ask(|id| Control::Want { id, share, hash, base, ranges });
        let mut told = Told::Away;
        while let Some(answer) = answers.recv().await {
            let (start, length, came) = match answer {
                Bulk::Piece { at, bytes, .. } => {
                    let bytes = bytes.0;
                    (at, bytes.len() as u64, Came::Write(Write::Bytes { at, bytes }))
                }
                Bulk::Copy { at, from, length, .. } if base.is_some() => {
                    (at, length, Came::Write(Write::Copy { at, from, length }))
                }
                Bulk::Unsure { at, length, from, to, prints, .. } if base.is_some() => {
                    (at, length, Came::Unsure(Stretch { at, length, from, to }, prints.0))
                }
                Bulk::End { outcome, .. } => {
                    asked.is_done();
                    told = self.judge(line, &outcome);
                    break;
                }
                _ => continue,
            };
            // Answers come in the order of what was asked for, without gaps.
            let Some((next, end)) = left.front_mut() else { continue };
            if start != *next || length == 0 || length > *end - *next {
                let what = "it sent another part than was asked for".to_owned();
                line.end(crate::Refusal::Nonsense { what });
                break;
            }
            *next += length;
            if next == end {
                left.pop_front();
            }
            self.sources().insert(line.hive);
            match (came, &mut unsure) {
                (Came::Write(write), _) => {
                    if let Write::Bytes { bytes, .. } = &write {
                        line.note_traffic(share, bytes.len() as u64, 0);
                    }
                    self.put(write).await?;
                }
                (Came::Unsure(stretch, prints), Some(unsure)) => unsure.push((stretch, prints)),
                (Came::Unsure(..), None) => {}
            }
        }
        if matches!(told, Told::Done) && !left.is_empty() {
            line.note_gone(hash);
            told = Told::Away;
        }
        Ok((told, left.into()))
    }

    fn judge(&self, line: &Line, outcome: &Outcome) -> Told {
        match outcome {
            Outcome::Sent { .. } => Told::Done,
            Outcome::NoBase => Told::NoBase,
            Outcome::Gone | Outcome::Failed => {
                line.note_gone(self.wanted.hash);
                Told::Away
            }
        }
    }
}
