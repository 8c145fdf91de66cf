//! What all links of a hive have in common: who it is, its friends, its doors, who is connected.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::Store;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use types::{HiveId, ShareId};

use crate::far::Iroh;
use crate::lags::Lags;
use crate::line::Line;
use crate::pace::Paces;
use crate::tcp::Tcp;
use crate::{Friend, House, Limits, Met, Nearby, Place, Progresses, Refusal, Standing};

const STRANGERS_MAX: usize = 8;
const GREETINGS_MAX: usize = 64;
const TRIES_MAX: usize = 10;
const TRIES_TIME: Duration = Duration::from_secs(60);
const PLACES_MAX: usize = 12;

pub(crate) struct Shared {
    pub(crate) own: HiveId,
    pub(crate) house: Arc<dyn House>,
    pub(crate) store: Store,
    pub(crate) tcp: Tcp,
    /// Drawn at the start.
    pub(crate) run: u64,
    pub(crate) epoch: AtomicU64,
    /// The newest and the oldest protocol.
    pub(crate) protocols: (u16, u16),
    pub(crate) friends: watch::Sender<BTreeMap<HiveId, Friend>>,
    pub(crate) standings: watch::Sender<BTreeMap<HiveId, Standing>>,
    pub(crate) progress: watch::Sender<Progresses>,
    pub(crate) nearby: watch::Sender<Vec<Nearby>>,
    /// Who says hello at this moment; and those of them who answer an invitation.
    pub(crate) greetings: Semaphore,
    pub(crate) strangers: Semaphore,
    pub(crate) tries: Tries,
    /// Something may be wanted, or can be had.
    pub(crate) fetch: Notify,
    /// Counts up when the machine may be on another network.
    pub(crate) network: watch::Sender<u64>,
    /// Counts up when the house may answer differently.
    pub(crate) shares: watch::Sender<u64>,
    /// How often each share was to be gone through anew.
    pub(crate) anew: watch::Sender<BTreeMap<ShareId, u64>>,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) paces: Paces,
    pub(crate) lags: Lags,
    /// The door to hives that are far away, while it is open.
    far: Mutex<Option<Arc<Iroh>>>,
    own_places: Mutex<Vec<Place>>,
    lines: Mutex<BTreeMap<HiveId, Arc<Line>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Shared {
    pub(crate) fn new(
        own: HiveId,
        house: Arc<dyn House>,
        store: Store,
        tcp: Tcp,
        epoch: u64,
        protocols: (u16, u16),
    ) -> Self {
        Self {
            own,
            house,
            store,
            tcp,
            run: rand::random(),
            epoch: AtomicU64::new(epoch),
            protocols,
            friends: watch::Sender::new(BTreeMap::new()),
            standings: watch::Sender::new(BTreeMap::new()),
            progress: watch::Sender::new(BTreeMap::new()),
            nearby: watch::Sender::new(Vec::new()),
            greetings: Semaphore::new(GREETINGS_MAX),
            strangers: Semaphore::new(STRANGERS_MAX),
            tries: Tries::default(),
            fetch: Notify::new(),
            network: watch::Sender::new(0),
            shares: watch::Sender::new(0),
            anew: watch::Sender::default(),
            stopping: watch::Sender::new(false),
            paces: Paces::default(),
            lags: Lags::default(),
            far: Mutex::default(),
            own_places: Mutex::default(),
            lines: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    /// Runs a task that ends with the links.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub(crate) async fn end_tasks(&self) {
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    pub(crate) fn far(&self) -> Option<Arc<Iroh>> {
        self.far.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the door that was open before.
    pub(crate) fn set_far(&self, far: Option<Arc<Iroh>>) -> Option<Arc<Iroh>> {
        std::mem::replace(&mut *self.far.lock().unwrap_or_else(PoisonError::into_inner), far)
    }

    /// Where this hive can be called: the relay where it waits, and its addresses, best first.
    pub(crate) fn places(&self) -> Vec<Place> {
        let own = self.own_places.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let relay = self.far().and_then(|far| far.relay());
        relay.into_iter().chain(own).take(PLACES_MAX).collect()
    }

    pub(crate) fn set_places(&self, places: Vec<Place>) {
        *self.own_places.lock().unwrap_or_else(PoisonError::into_inner) = places;
    }

    pub(crate) fn may_connect(&self, hive: HiveId) -> Result<(), Refusal> {
        match self.friends.borrow().get(&hive) {
            Some(friend) if friend.paused => Err(Refusal::Paused),
            Some(_) => Ok(()),
            None => Err(Refusal::NotFriends),
        }
    }

    /// Lets a new friend in before the hive has said so.
    pub(crate) fn befriended(&self, met: &Met) {
        let (hive, addresses) = (met.hive, met.addresses.clone());
        let friend = Friend { hive, addresses, paused: false, limits: Limits::default() };
        self.friends.send_modify(|friends| drop(friends.insert(met.hive, friend)));
    }

    pub(crate) fn lines(&self) -> MutexGuard<'_, BTreeMap<HiveId, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn line(&self, hive: HiveId) -> Option<Arc<Line>> {
        self.lines().get(&hive).cloned()
    }

    /// The lines over which a share goes.
    pub(crate) fn lines_with(&self, share: ShareId) -> Vec<Arc<Line>> {
        self.lines().values().filter(|line| line.has(share)).cloned().collect()
    }

    pub(crate) fn shares_on_lines(&self) -> BTreeSet<ShareId> {
        self.lines().values().flat_map(|line| line.shares()).collect()
    }

    /// Calls whoever is away, and looks whether those who are here still are.
    pub(crate) fn network_changed(&self) {
        self.network.send_modify(|count| *count += 1);
    }

    /// A link found another way, or lost one.
    pub(crate) fn goes_otherwise(&self, line: &Arc<Line>) {
        let lines = self.lines();
        if lines.get(&line.hive).is_some_and(|other| Arc::ptr_eq(other, line)) {
            self.set_standing(&lines, line.hive, line.standing());
        }
    }

    /// How a friend stands who is not connected.
    pub(crate) fn stand(&self, hive: HiveId, standing: Standing) {
        let lines = self.lines();
        if !lines.contains_key(&hive) {
            self.set_standing(&lines, hive, standing);
        }
    }

    /// With the lines locked, so that standings follow each other as lines do.
    pub(crate) fn set_standing(
        &self,
        _: &MutexGuard<'_, BTreeMap<HiveId, Arc<Line>>>,
        hive: HiveId,
        standing: Standing,
    ) {
        self.standings.send_if_modified(|standings| {
            if standings.get(&hive) == Some(&standing) {
                return false;
            }
            standings.insert(hive, standing);
            true
        });
    }
}

/// Counts wrong secrets and words, whoever brings them.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<VecDeque<Instant>>);

impl Tries {
    pub(crate) fn may_try(&self) -> Result<(), Refusal> {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while failed.front().is_some_and(|at| at.elapsed() > TRIES_TIME) {
            failed.pop_front();
        }
        if failed.len() < TRIES_MAX { Ok(()) } else { Err(Refusal::SlowDown) }
    }

    pub(crate) fn failed(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
    }
}
