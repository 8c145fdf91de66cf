//! Follows one share: turns hints into looks, and keeps its state.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use types::RelPath;

use crate::db::change;
use crate::live::Live;
use crate::scan::{Moves, Scan};
use crate::share::State;
use crate::watch::{HINTS_MAX, When};
use crate::{Error, db};

/// How much work may wait for one share.
pub(crate) const WORK_MAX: usize = 256;
/// How long something that is often followed by more waits for it.
const SOON: Duration = Duration::from_millis(20);
/// How long a file that is being written is left alone, at first and at most.
const WRITING_MIN: Duration = Duration::from_millis(50);
const WRITING_MAX: Duration = Duration::from_secs(5);
/// How often the root is looked at, while it is there and while it is not.
const ROOT_CHECK: Duration = Duration::from_secs(10);
const ROOT_CHECK_MISSING: Duration = Duration::from_secs(1);
/// How often everything is looked at: where events are known to be missing, and to be sure.
const POLL: Duration = Duration::from_secs(30);
const POLL_TO_BE_SURE: Duration = Duration::from_hours(1);

pub(crate) enum Work {
    /// Some wait that did not.
    Hints,
    Rescan(RelPath, oneshot::Sender<Result<(), Error>>),
    Pause(bool),
}

/// Hints that the follower has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<Missed>);

#[derive(Debug, Default)]
struct Missed {
    hints: Vec<(RelPath, When)>,
    /// Events were lost, or the system watches no further folder: everything is looked at.
    lost: bool,
}

impl Waiting {
    /// Tells whether nothing waited before.
    pub(crate) fn add(&self, hints: Vec<(RelPath, When)>, lost: bool) -> bool {
        let mut missed = self.missed();
        let first = missed.hints.is_empty() && !missed.lost;
        let any = lost || !hints.is_empty();
        missed.hints.extend(hints);
        missed.lost |= lost || missed.hints.len() > HINTS_MAX;
        if missed.lost {
            missed.hints.clear();
        }
        first && any
    }

    fn take(&self) -> Missed {
        std::mem::take(&mut self.missed())
    }

    fn missed(&self) -> MutexGuard<'_, Missed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is being written: when to look next, and how long to wait after that.
struct Writing {
    due: Option<Instant>,
    wait: Duration,
    looked_at: Instant,
}

pub(crate) struct Follower {
    live: Arc<Live>,
    inbox: mpsc::Receiver<Work>,
    hints: Arc<Waiting>,
    /// Single paths, looked at before anything else.
    quick: Scan,
    /// Whole folders.
    deep: Scan,
    moves: Moves,
    soon: HashMap<RelPath, Instant>,
    writing: HashMap<RelPath, Writing>,
    paused: bool,
    /// Why the share cannot be followed now; shown until a look at everything has begun well.
    trouble: Option<State>,
    /// Whether it is worth a try in spite of the trouble.
    retry: bool,
    notes: Vec<String>,
    identity: Option<(u64, u64)>,
    remote: bool,
    check_at: Instant,
    poll_at: Instant,
}

impl Follower {
    pub(crate) fn new(
        live: Arc<Live>,
        (inbox, hints): (mpsc::Receiver<Work>, Arc<Waiting>),
        paused: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            live,
            inbox,
            hints,
            quick: Scan::default(),
            deep: Scan::whole(),
            moves: Moves::default(),
            soon: HashMap::new(),
            writing: HashMap::new(),
            paused,
            trouble: None,
            retry: false,
            notes: Vec::new(),
            identity: None,
            remote: false,
            check_at: now,
            poll_at: now + POLL_TO_BE_SURE,
        }
    }

    /// Works until its share is no longer followed.
    pub(crate) async fn run(mut self) {
        self.show().await;
        while !self.live.is_stopped() {
            let work = if self.has_work() {
                tokio::task::yield_now().await;
                match self.inbox.try_recv() {
                    Ok(work) => Some(work),
                    Err(mpsc::error::TryRecvError::Empty) => None,
                    Err(mpsc::error::TryRecvError::Disconnected) => return,
                }
            } else {
                let due = self.next_due();
                tokio::select! {
                    work = self.inbox.recv() => match work {
                        Some(work) => Some(work),
                        None => return,
                    },
                    () = tokio::time::sleep_until(due) => None,
                }
            };
            if let Some(work) = work {
                self.take(work).await;
            }
            self.take_due().await;
            self.live.looking.store(self.has_work() || self.expects_work(), Ordering::Relaxed);
            if self.has_work() {
                self.step().await;
            }
            self.live.looking.store(self.has_work() || self.expects_work(), Ordering::Relaxed);
        }
    }

    fn has_work(&self) -> bool {
        let hindered = self.paused || (self.trouble.is_some() && !self.retry);
        !hindered && (self.quick.has_work() || self.deep.has_work())
    }

    /// Whether there is more to look at in a moment.
    fn expects_work(&self) -> bool {
        let follows = !self.paused && self.trouble.is_none();
        follows && !(self.soon.is_empty() && self.inbox.is_empty())
    }

    async fn take(&mut self, work: Work) {
        match work {
            Work::Hints => self.take_hints(),
            Work::Rescan(path, reply) => {
                let result = self.rescan(path).await;
                if result.is_err() {
                    self.check_at = Instant::now();
                }
                // Whoever stopped waiting needs no answer.
                drop(reply.send(result));
            }
            Work::Pause(paused) => {
                if self.paused && !paused {
                    // What was noticed before is no longer how it stands.
                    self.quick = Scan::default();
                    self.soon.clear();
                    self.writing.clear();
                    self.deep = Scan::whole();
                }
                self.paused = paused;
                self.show().await;
            }
        }
    }

    fn take_hints(&mut self) {
        let Missed { hints, lost } = self.hints.take();
        if lost {
            if !self.deep.whole {
                self.deep = Scan::whole();
            }
            self.deep.push_tree(RelPath::root());
        }
        // Else the whole share is looked at before it is followed again.
        if !self.paused && self.trouble.is_none() {
            for (path, when) in hints {
                self.take_hint(path, when);
            }
        }
    }

    fn take_hint(&mut self, path: RelPath, when: When) {
        let now = Instant::now();
        if when == When::Within {
            return self.quick.push_folder(path);
        }
        if path.is_root() || path.as_str() == RelPath::MARKER {
            self.check_at = now;
            return;
        }
        if !self.live.share.holds(&path) {
            return;
        }
        match when {
            When::Now => {
                self.soon.remove(&path);
                self.writing.remove(&path);
                self.quick.push_path(&path);
            }
            When::Soon | When::Dressed => {
                if when == When::Dressed {
                    self.quick.expect_dress(&path);
                }
                self.soon.entry(path).or_insert(now + SOON);
            }
            When::Within => {}
            When::Writing => {
                let fresh = Writing { due: None, wait: WRITING_MIN, looked_at: now };
                let writing = self.writing.entry(path).or_insert(fresh);
                if writing.due.is_none() {
                    writing.due = Some((writing.looked_at + writing.wait).max(now + WRITING_MIN));
                }
            }
        }
    }

    /// When something is to be done without being asked.
    fn next_due(&self) -> Instant {
        let soon = self.soon.values().copied();
        let writing = self.writing.values().filter_map(|writing| writing.due);
        let own = [self.check_at, self.poll_at].into_iter();
        let all = own.chain(soon).chain(writing);
        if self.paused { Instant::now() + ROOT_CHECK } else { all.min().unwrap_or(self.check_at) }
    }

    async fn take_due(&mut self) {
        if self.paused {
            return;
        }
        let now = Instant::now();
        let quick = &mut self.quick;
        self.soon.retain(|path, due| {
            let wait = *due > now;
            if !wait {
                quick.push_path(path);
            }
            wait
        });
        self.writing.retain(|path, writing| {
            if writing.due.is_some_and(|due| due <= now) {
                quick.push_path(path);
                writing.due = None;
                writing.looked_at = now;
                writing.wait = (writing.wait * 2).min(WRITING_MAX);
            }
            writing.due.is_some() || now < writing.looked_at + 2 * WRITING_MAX
        });
        if self.check_at <= now {
            self.check_root().await;
        }
        if self.poll_at <= now {
            self.poll_at = now + self.poll_every();
            self.deep.whole = true;
            self.deep.push_tree(RelPath::root());
        }
    }

    fn poll_every(&self) -> Duration {
        let blind = self.remote || self.live.limited.load(Ordering::Relaxed);
        if blind { POLL } else { POLL_TO_BE_SURE }
    }

    /// Sees whether the root is there, and is still the folder that is watched.
    async fn check_root(&mut self) {
        let live = self.live.clone();
        let looked = blocking(move || {
            let root = live.root()?;
            let identity = root.identity().map_err(|error| crate::disk::read_error(&error))?;
            Ok((identity, root.is_remote()))
        })
        .await;
        self.check_at = Instant::now() + ROOT_CHECK;
        match looked {
            Ok((identity, remote)) => {
                self.remote = remote;
                let other = self.identity.replace(identity).is_some_and(|old| old != identity);
                if other || self.trouble.is_some() {
                    self.retry = true;
                    self.deep = Scan::whole();
                }
                self.poll_at = self.poll_at.min(Instant::now() + self.poll_every());
            }
            Err(error) => self.fail(error).await,
        }
    }

    /// Does one step of what is most urgent.
    async fn step(&mut self) {
        let is_quick = self.quick.has_work();
        let mut scan = std::mem::take(if is_quick { &mut self.quick } else { &mut self.deep });
        let whole = scan.whole;
        let result = self.step_of(&mut scan).await;
        if let Err(error) = result {
            return self.fail(error).await;
        }
        let recovered = self.trouble.take().is_some();
        if is_quick {
            scan.hand_trees_to(&mut self.deep);
            self.quick = scan;
        } else if scan.has_work() {
            self.deep = scan;
        } else if whole && let Err(error) = self.finish(&scan).await {
            return self.fail(error).await;
        }
        if recovered || !is_quick {
            self.show().await;
        }
    }

    async fn step_of(&mut self, scan: &mut Scan) -> Result<(), Error> {
        let live = self.live.clone();
        let mut taken = std::mem::take(scan);
        let mut moves = std::mem::take(&mut self.moves);
        let (back, moves, result) = blocking(move || {
            let result = taken.step(&live, &mut moves).map(|changes| live.tell(changes));
            Ok((taken, moves, result))
        })
        .await?;
        *scan = back;
        self.moves = moves;
        result
    }

    /// Looks at one path and all that is in it, now.
    async fn rescan(&mut self, path: RelPath) -> Result<(), Error> {
        let mut scan = Scan::default();
        scan.push_path(&path);
        while scan.has_work() {
            self.step_of(&mut scan).await?;
        }
        Ok(())
    }

    /// Notes that the share was seen whole.
    async fn finish(&mut self, scan: &Scan) -> Result<(), Error> {
        self.notes = scan.notes(self.live.odd().len());
        if self.live.limited.load(Ordering::Relaxed) {
            self.notes.push(
                "The system watches no further folder, so that changes are noticed only every 30 \
                 seconds. Raise the limit: sudo sysctl fs.inotify.max_user_watches=1048576, then \
                 start Skep again."
                    .to_owned(),
            );
        }
        self.poll_at = Instant::now() + self.poll_every();
        let id = self.live.share.id;
        let store = &self.live.shared.store;
        let (seen_whole, cautious) = store
            .read(move |view| {
                let (_, seen_whole) = db::share_facts(view, id)?;
                Ok::<_, Error>((seen_whole, db::tree::is_cautious(view, id)?))
            })
            .await?;
        let records = self.live.shared.signer.is_some();
        if !seen_whole || cautious {
            store
                .write(move |tx| {
                    change::finish(tx, id)?;
                    db::tree::set_cautious(tx, id, false)?;
                    if records { db::tree::unread_all(tx, id) } else { Ok(()) }
                })
                .await?;
            self.live.wake();
        }
        Ok(())
    }

    /// Stops following until the root is well again.
    async fn fail(&mut self, error: Error) {
        self.check_at = Instant::now() + ROOT_CHECK_MISSING;
        self.retry = false;
        self.quick = Scan::default();
        self.deep = Scan::whole();
        self.soon.clear();
        self.writing.clear();
        let state = match error {
            // The share was removed while it was looked at.
            Error::Gone if self.live.is_stopped() => return,
            Error::Missing { why } => State::Missing { why },
            Error::Unreadable { why } => State::Unreadable { why },
            other => State::Unreadable { why: other.to_string() },
        };
        if self.trouble.as_ref() != Some(&state) {
            tracing::warn!(share = %self.live.share.id, ?state, "a share is not followed");
        }
        self.trouble = Some(state);
        self.show().await;
    }

    /// Shows how the share stands, and announces it when that is news.
    async fn show(&mut self) {
        let known = self.live.standing().map(|standing| standing.state);
        let state = match &self.trouble {
            _ if self.paused => State::Paused,
            Some(trouble) => trouble.clone(),
            None if self.deep.whole && known != Some(State::InStep) => {
                State::Scanning { seen: self.deep.seen }
            }
            None => State::InStep,
        };
        let was_step = matches!(known, Some(State::Scanning { .. } | State::InStep) | None);
        let is_step = matches!(state, State::Scanning { .. } | State::InStep);
        let other = self.live.stand(state.clone(), self.notes.clone());
        let id = self.live.share.id;
        let silent = was_step && is_step && self.notes.is_empty() && state != State::InStep;
        if !other || silent || self.live.is_stopped() {
            return;
        }
        let announced =
            self.live.shared.store.write(move |tx| tx.announce("share", &id.to_string(), Some(id)));
        if let Err(error) = announced.await {
            tracing::warn!(share = %id, %error, "a share's state could not be announced");
        }
    }
}

/// Runs what blocks beside the async tasks.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "work on a shared folder stopped");
            Err(Error::Store(store::Error::Closed))
        }
    }
}
