//! A live link as others use it: what is said over it, what was asked over it, and how much went.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};
use types::{Hash, HiveId, ShareId, Time};

use crate::pace::Pace;
use crate::wire::{self, Bulk, Control, Said, Since};
use crate::{Lag, Refusal, Standing, Way};

/// What waits to be said is at most this much; who makes it more does not listen.
const OUTBOX_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// What can wait until it is less waits above this.
const OUTBOX_BYTES_CALM: usize = 512 * 1_024;
/// So many answers wait for whoever asked; then nothing more is read from the other end.
const ANSWERS_MAX: usize = 8;
/// So many shares are kept in mind of which the other end said how far it is.
const THEIRS_MAX: usize = 4_096;
/// What the other end said it has not is asked of it again after this time.
const GONE_TIME: Duration = Duration::from_secs(10);

pub(crate) struct Line {
    pub(crate) hive: HiveId,
    /// By which way it goes at present.
    pub(crate) way: watch::Receiver<Way>,
    pub(crate) since: Time,
    pub(crate) began: Instant,
    /// Whether this hive called.
    pub(crate) called: bool,
    pub(crate) run: u64,
    /// The newest protocol that both ends speak.
    pub(crate) protocol: u16,
    pub(crate) pace: Pace,
    out: mpsc::UnboundedSender<Vec<u8>>,
    out_bytes: Arc<AtomicUsize>,
    sent: Arc<Notify>,
    /// Set once: why it ends.
    end: watch::Sender<Option<Refusal>>,
    over: watch::Sender<bool>,
    /// Nothing that arrives counts any more.
    pub(crate) cut: AtomicBool,
    state: Mutex<State>,
    next: AtomicU64,
    /// Requests for small contents in flight.
    pub(crate) small: AtomicUsize,
}

#[derive(Default)]
struct State {
    shares: BTreeSet<ShareId>,
    asks: HashMap<u64, mpsc::Sender<Bulk>>,
    asks_over: bool,
    gone: HashMap<Hash, Instant>,
    traffic: BTreeMap<ShareId, Traffic>,
    theirs: BTreeMap<ShareId, (Option<Lag>, bool, u64)>,
    live: VecDeque<Live>,
    sending_live: bool,
}

/// New records on their way out.
pub(crate) struct Live {
    pub(crate) share: ShareId,
    pub(crate) round: u32,
    pub(crate) upto: Since,
    pub(crate) records: Vec<Said>,
}

/// Bytes of contents that went so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// What is to be written on the control stream.
pub(crate) struct Outbox {
    pub(crate) frames: mpsc::UnboundedReceiver<Vec<u8>>,
    pub(crate) bytes: Arc<AtomicUsize>,
    /// Told whenever less waits.
    pub(crate) sent: Arc<Notify>,
}

impl Line {
    pub(crate) fn new(
        hive: HiveId,
        way: watch::Receiver<Way>,
        called: bool,
        (run, protocol): (u64, u16),
        pace: Pace,
    ) -> (Self, Outbox) {
        let (out, frames) = mpsc::unbounded_channel();
        let bytes = Arc::new(AtomicUsize::new(0));
        let sent = Arc::new(Notify::new());
        let line = Self {
            hive,
            way,
            since: Time::now(),
            began: Instant::now(),
            called,
            run,
            protocol,
            pace,
            out,
            out_bytes: bytes.clone(),
            sent: sent.clone(),
            end: watch::Sender::new(None),
            over: watch::Sender::new(false),
            cut: AtomicBool::new(false),
            state: Mutex::default(),
            next: AtomicU64::new(1),
            small: AtomicUsize::new(0),
        };
        (line, Outbox { frames, bytes, sent })
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing::Connected { way: *self.way.borrow(), since: self.since }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message. Never waits: two ends that wait for each other would wait for ever.
    pub(crate) fn say(&self, message: &Control) {
        let frame = wire::frame(message);
        let waiting = self.out_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        if waiting > OUTBOX_BYTES_MAX {
            let what = "it asks and does not listen".to_owned();
            return self.end(Refusal::Nonsense { what });
        }
        self.out.send(frame).unwrap_or_default();
    }

    /// Queues a message once little else waits. False if the link ended before.
    pub(crate) async fn say_calmly(&self, message: &Control) -> bool {
        let mut ended = self.ended();
        loop {
            let sent = self.sent.notified();
            if ended.borrow_and_update().is_some() {
                return false;
            }
            if self.out_bytes.load(Ordering::Relaxed) < OUTBOX_BYTES_CALM {
                self.say(message);
                return true;
            }
            tokio::select! {
                () = sent => {}
                _ = ended.changed() => {}
            }
        }
    }

    /// Nothing more will be said.
    pub(crate) fn hang_up(&self) {
        self.out.send(Vec::new()).unwrap_or_default();
    }

    /// Queues records that are sent with their contents, in order.
    pub(crate) fn queue_live(&self, live: Live) {
        self.state().live.push_back(live);
    }

    /// Whether the caller is to send what is queued: nobody else does.
    pub(crate) fn begin_live(&self) -> bool {
        !std::mem::replace(&mut self.state().sending_live, true)
    }

    /// The next of them; with none, sending has ended.
    pub(crate) fn next_live(&self) -> Option<Live> {
        let mut state = self.state();
        let next = state.live.pop_front();
        state.sending_live = next.is_some();
        next
    }

    pub(crate) fn end(&self, why: Refusal) {
        self.end.send_if_modified(|end| {
            let first = end.is_none();
            if first {
                *end = Some(why);
            }
            first
        });
    }

    /// Ends it so that nothing more that arrives counts.
    pub(crate) fn cut(&self, why: Refusal) {
        self.cut.store(true, Ordering::SeqCst);
        self.end(why);
    }

    pub(crate) fn ended(&self) -> watch::Receiver<Option<Refusal>> {
        self.end.subscribe()
    }

    /// Returns when the link has ended and its place is free.
    pub(crate) async fn gone(&self) {
        let mut over = self.over.subscribe();
        over.wait_for(|over| *over).await.map(drop).unwrap_or_default();
    }

    pub(crate) fn is_over(&self) {
        self.over.send_replace(true);
    }

    /// Whether a share goes over it, as long as it is there.
    pub(crate) fn has(&self, share: ShareId) -> bool {
        let state = self.state();
        !state.asks_over && !self.cut.load(Ordering::SeqCst) && state.shares.contains(&share)
    }

    pub(crate) fn shares(&self) -> Vec<ShareId> {
        self.state().shares.iter().copied().collect()
    }

    pub(crate) fn set_shares(&self, shares: BTreeSet<ShareId>) {
        let mut state = self.state();
        state.traffic.retain(|share, _| shares.contains(share));
        state.shares = shares;
    }

    /// Asks for contents; the answers come through the receiver until it is dropped.
    pub(crate) fn ask(
        self: &Arc<Self>,
        make: impl FnOnce(u64) -> Control,
    ) -> (Asked, mpsc::Receiver<Bulk>) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answers, receiver) = mpsc::channel(ANSWERS_MAX);
        let mut state = self.state();
        let over = state.asks_over;
        if !over {
            state.asks.insert(id, answers);
        }
        drop(state);
        if !over {
            self.say(&make(id));
        }
        (Asked { line: self.clone(), id, done: over }, receiver)
    }

    pub(crate) fn answers(&self, id: u64) -> Option<mpsc::Sender<Bulk>> {
        self.state().asks.get(&id).cloned()
    }

    /// Nobody is answered any more.
    pub(crate) fn drop_asks(&self) {
        let mut state = self.state();
        state.asks.clear();
        state.asks_over = true;
    }

    pub(crate) fn is_gone(&self, hash: Hash) -> bool {
        self.state().gone.get(&hash).is_some_and(|at| at.elapsed() < GONE_TIME)
    }

    pub(crate) fn note_gone(&self, hash: Hash) {
        let mut state = self.state();
        if state.gone.len() > 10_000 {
            state.gone.retain(|_, at| at.elapsed() < GONE_TIME);
        }
        state.gone.insert(hash, Instant::now());
    }

    pub(crate) fn forget_gone(&self) {
        self.state().gone.clear();
    }

    pub(crate) fn note_traffic(&self, share: ShareId, received: u64, sent: u64) {
        let mut state = self.state();
        if state.shares.contains(&share) {
            let traffic = state.traffic.entry(share).or_default();
            traffic.received += received;
            traffic.sent += sent;
        }
    }

    pub(crate) fn traffic(&self, share: ShareId) -> Traffic {
        self.state().traffic.get(&share).copied().unwrap_or_default()
    }

    /// May come before the share is known to go both ways.
    pub(crate) fn note_lag(&self, share: ShareId, lag: Lag) {
        let mut state = self.state();
        if state.theirs.len() < THEIRS_MAX || state.theirs.contains_key(&share) {
            state.theirs.entry(share).or_default().0 = Some(lag);
        }
    }

    pub(crate) fn note_course(&self, share: ShareId, in_step: bool, taken: u64) {
        let mut state = self.state();
        if state.shares.contains(&share) {
            let theirs = state.theirs.entry(share).or_default();
            (theirs.1, theirs.2) = (in_step, taken);
        }
    }

    pub(crate) fn theirs(&self, share: ShareId) -> (Option<Lag>, bool, u64) {
        self.state().theirs.get(&share).copied().unwrap_or_default()
    }
}

/// A request in flight. Dropped before its end, the other side is told to stop.
pub(crate) struct Asked {
    line: Arc<Line>,
    id: u64,
    done: bool,
}

impl Asked {
    pub(crate) fn is_done(&mut self) {
        self.done = true;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.line.state().asks.remove(&self.id);
        if !self.done {
            self.line.say(&Control::Cancel { id: self.id });
        }
    }
}
