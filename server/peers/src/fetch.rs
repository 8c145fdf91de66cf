//! Contents on their way in: what is wanted is asked of whoever has it, small ones by the hundred,
//! large ones in ranges from several hives at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use types::{Hash, ShareId};

use crate::line::Line;
use crate::shared::Shared;
use crate::wire::{Bulk, Control, Outcome};
use crate::{Failure, SMALL_BYTES_MAX, Wanted, large};

/// So many small contents go into one request, and so many requests to one hive at once.
const BATCH_MAX: usize = 256;
const BATCHES_MAX: usize = 8;
/// So many large contents are received at once.
const LARGE_MAX: usize = 4;
/// What failed is tried again after this time.
const REST_TIME: Duration = Duration::from_secs(5);
const IDLE_TIME: Duration = Duration::from_secs(60);

type Key = (ShareId, Hash);

/// How a request ended: what is to rest for a while.
struct Ended {
    keys: Vec<Key>,
    failed: HashSet<Key>,
    large: bool,
}

#[derive(Default)]
struct Plan {
    busy: HashSet<Key>,
    resting: HashMap<Key, Instant>,
    large: usize,
    /// Something is wanted that nobody who is connected has.
    unanswered: bool,
}

/// Runs as long as the links do.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut plan = Plan::default();
    let mut jobs: JoinSet<Ended> = JoinSet::new();
    let mut needs = shared.house.needs();
    loop {
        plan.unanswered = false;
        for share in shared.shares_on_lines() {
            match shared.house.wanted(share).await {
                Ok(wanted) => plan.ask(&shared, share, wanted, &mut jobs),
                Err(failure) => tracing::warn!(%share, %failure, "what is wanted is not known"),
            }
        }
        let waits = plan.unanswered || !plan.resting.is_empty();
        let wait = if waits { REST_TIME } else { IDLE_TIME };
        tokio::select! {
            () = shared.fetch.notified() => {}
            changed = needs.changed() => if changed.is_err() { return },
            Some(ended) = jobs.join_next() => plan.ended(ended),
            () = tokio::time::sleep(wait) => {}
        }
        while let Some(ended) = jobs.try_join_next() {
            plan.ended(ended);
        }
        plan.resting.retain(|_, until| *until > Instant::now());
    }
}

impl Plan {
    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        let Ok(ended) = ended else {
            // A task that died cannot say what it had; nothing may stay busy for ever.
            self.busy.clear();
            self.large = 0;
            return;
        };
        for key in ended.keys {
            self.busy.remove(&key);
        }
        for key in ended.failed {
            self.resting.insert(key, Instant::now() + REST_TIME);
        }
        if ended.large {
            self.large = self.large.saturating_sub(1);
        }
    }

    fn ask(
        &mut self,
        shared: &Arc<Shared>,
        share: ShareId,
        wanted: Vec<Wanted>,
        jobs: &mut JoinSet<Ended>,
    ) {
        let lines = shared.lines_with(share);
        let mut small: HashMap<usize, Vec<Wanted>> = HashMap::new();
        let mut turn = 0;
        for wanted in wanted {
            let key = (share, wanted.hash);
            if self.busy.contains(&key) || self.resting.contains_key(&key) {
                continue;
            }
            let able: Vec<usize> =
                (0..lines.len()).filter(|index| !lines[*index].is_gone(wanted.hash)).collect();
            if able.is_empty() {
                self.unanswered = true;
                continue;
            }
            if wanted.size > SMALL_BYTES_MAX {
                if self.large < LARGE_MAX {
                    self.large += 1;
                    self.busy.insert(key);
                    jobs.spawn(receive(shared.clone(), share, wanted));
                }
                continue;
            }
            let line = able[turn % able.len()];
            if lines[line].small.load(Ordering::Relaxed) >= BATCHES_MAX {
                continue;
            }
            self.busy.insert(key);
            let batch = small.entry(line).or_default();
            batch.push(wanted);
            if batch.len() >= BATCH_MAX {
                turn += 1;
                let batch = std::mem::take(batch);
                lines[line].small.fetch_add(1, Ordering::Relaxed);
                jobs.spawn(fetch(shared.clone(), lines[line].clone(), share, batch));
            }
        }
        for (line, batch) in small {
            if !batch.is_empty() {
                lines[line].small.fetch_add(1, Ordering::Relaxed);
                jobs.spawn(fetch(shared.clone(), lines[line].clone(), share, batch));
            }
        }
    }
}

async fn receive(shared: Arc<Shared>, share: ShareId, wanted: Wanted) -> Ended {
    let key = (share, wanted.hash);
    let mut failed = HashSet::new();
    if let Err(failure) = large::receive(&shared, share, wanted).await {
        tracing::debug!(hash = %wanted.hash, %failure, "a content did not come whole");
        failed.insert(key);
    }
    Ended { keys: vec![key], failed, large: true }
}

async fn fetch(shared: Arc<Shared>, line: Arc<Line>, share: ShareId, wanted: Vec<Wanted>) -> Ended {
    let keys: Vec<Key> = wanted.iter().map(|wanted| (share, wanted.hash)).collect();
    let mut left: HashSet<Hash> = wanted.iter().map(|wanted| wanted.hash).collect();
    let done = fetch_all(&shared, &line, share, &mut left).await;
    line.small.fetch_sub(1, Ordering::Relaxed);
    let mut failed = HashSet::new();
    if let Err(failure) = done {
        tracing::debug!(%failure, "contents could not be taken in");
        failed.extend(keys.iter().copied());
    }
    Ended { keys, failed, large: false }
}

async fn fetch_all(
    shared: &Shared,
    line: &Arc<Line>,
    share: ShareId,
    left: &mut HashSet<Hash>,
) -> Result<(), Failure> {
    let hashes: Vec<Hash> = left.iter().copied().collect();
    let (mut asked, mut answers) = line.ask(|id| Control::Fetch { id, share, hashes });
    while let Some(answer) = answers.recv().await {
        match answer {
            Bulk::Small { contents, .. } => {
                let mut given = Vec::with_capacity(contents.len());
                for content in contents {
                    let bytes = content.bytes.0;
                    if !left.remove(&content.hash) || Hash::of(&bytes) != content.hash {
                        let what = "it sent another content than was asked for".to_owned();
                        line.end(crate::Refusal::Nonsense { what });
                        return Err(Failure::new("a content was not what its hash says"));
                    }
                    line.note_traffic(share, bytes.len() as u64, 0);
                    given.push((content.hash, bytes));
                }
                if !given.is_empty() {
                    shared.house.give(share, given).await?;
                }
            }
            Bulk::End { outcome, .. } => {
                asked.is_done();
                if let Outcome::Failed = outcome {
                    return Err(Failure::new("the other hive could not read them"));
                }
                for hash in left.drain() {
                    line.note_gone(hash);
                }
                return Ok(());
            }
            _ => {}
        }
    }
    // The link ended: whoever comes next is asked.
    Ok(())
}
