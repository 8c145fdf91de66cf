//! A hive around the documents that can be killed, with a disk in memory that other programs use.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{Folder, Store};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Duration, Instant};
use types::{FileId, Hash, PersonId, Right, Time};

use crate::*;

/// How long a condition may take to come true before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Times short enough for tests.
pub(super) fn quick() -> Limits {
    Limits {
        settle_after: Duration::from_millis(5),
        settle_at_latest: Duration::from_millis(15),
        settle_far_after: Duration::from_millis(40),
        retry_first: Duration::from_millis(10),
        retry_last: Duration::from_millis(40),
        evict_after: Duration::from_millis(20),
        doubt: Duration::from_millis(20),
        ..Limits::default()
    }
}

pub(super) struct World {
    pub(super) documents: Handle,
    pub(super) disk: Arc<MemoryDisk>,
    pub(super) store: Store,
    limits: Limits,
    runtime: Option<Runtime>,
    home: tempfile::TempDir,
    seed: u64,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        Self::by_chance(limits, 1)
    }

    /// A hive that draws other numbers than another one.
    pub(super) fn by_chance(limits: Limits, seed: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = open_store(home.path(), seed);
        let disk = Arc::new(MemoryDisk::default());
        let (runtime, documents) = start(&store, &disk, &limits);
        Self { documents, disk, store, limits, runtime: Some(runtime), home, seed }
    }

    /// Kills everything that is in memory and starts anew from the store and the disk.
    pub(super) async fn kill(&mut self) {
        let runtime = self.runtime.take().unwrap();
        let ended = std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE));
        ended.join().unwrap();
        // What the killed hive had handed to the store is let through, as it might have been.
        self.store.write(|_| Ok::<_, store::Error>(())).await.unwrap();
        (self.runtime, self.documents) = {
            let (runtime, documents) = start(&self.store, &self.disk, &self.limits);
            (Some(runtime), documents)
        };
    }

    /// [`World::kill`], with the database closed and opened again.
    pub(super) async fn kill_all(&mut self) {
        self.kill().await;
        let runtime = self.runtime.take().unwrap();
        std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE)).join().unwrap();
        let old = self.store.clone();
        std::thread::spawn(move || old.close()).join().unwrap();
        let spare = tempfile::tempdir().unwrap();
        // The lock on the folder ends with the last clone of the old store.
        self.store = open_store(spare.path(), self.seed);
        let idle = Arc::new(MemoryDisk::default());
        let (spare_runtime, spare_documents) = start(&self.store, &idle, &self.limits);
        self.documents = spare_documents;
        self.store = open_store(self.home.path(), self.seed);
        std::thread::spawn(move || spare_runtime.shutdown_timeout(PATIENCE)).join().unwrap();
        let (runtime, documents) = start(&self.store, &self.disk, &self.limits);
        self.documents = documents;
        self.runtime = Some(runtime);
    }

    /// Puts a file on the disk and tells the documents.
    pub(super) async fn write(&self, file: FileId, bytes: impl AsRef<[u8]>) {
        self.disk.put(file, bytes.as_ref());
        self.documents.disk_changed(file).await;
    }

    /// Makes the store fail as a full disk does, or work again.
    pub(super) async fn fill_store(&self, full: bool) {
        let sql = if full {
            "CREATE TRIGGER full_update BEFORE INSERT ON documents_update
             BEGIN SELECT RAISE(ABORT, 'the test says no'); END;
             CREATE TRIGGER full_mark BEFORE INSERT ON documents_mark
             BEGIN SELECT RAISE(ABORT, 'the test says no'); END;"
        } else {
            "DROP TRIGGER full_update; DROP TRIGGER full_mark;"
        };
        let change = move |tx: &mut store::Tx| tx.execute_batch(sql).map_err(store::Error::from);
        self.store.write(change).await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn open_store(home: &std::path::Path, seed: u64) -> Store {
    let clock = Arc::new(|| Time(1_000));
    let chance = Box::new(StdRng::seed_from_u64(seed));
    Store::open(Folder::open(home).unwrap(), clock, chance).unwrap().0
}

fn start(store: &Store, disk: &Arc<MemoryDisk>, limits: &Limits) -> (Runtime, Handle) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let entered = runtime.enter();
    let documents = Handle::start(store.clone(), disk.clone(), limits.clone());
    drop(entered);
    (runtime, documents)
}

/// Waits until something is true.
pub(super) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < until, "it never came true: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(super) fn file(number: u8) -> FileId {
    FileId::from_bytes([number; 16])
}

pub(super) fn member(number: u8, right: Right) -> Member {
    Member {
        person: Some(PersonId::from_bytes([number; 16])),
        name: Some(format!("person {number}")),
        hue: Some(number % 12),
        right,
        key: u64::from(number),
    }
}

/// Files in memory, as a folder on disk behaves.
#[derive(Default)]
pub(super) struct MemoryDisk {
    files: Mutex<BTreeMap<FileId, (Vec<u8>, u64)>>,
    tokens: AtomicU64,
    pub(super) writes: AtomicU64,
    /// Answers to the next calls, while they last.
    pub(super) failing: Mutex<Option<fn() -> DiskError>>,
    pub(super) slow: AtomicBool,
    /// Every content that a file ever had,
    contents: Mutex<BTreeMap<Hash, String>>,
    /// and what was told to be in which of them.
    claims: Mutex<Vec<(Hash, Vec<Hash>)>>,
}

impl MemoryDisk {
    pub(super) fn put(&self, file: FileId, bytes: &[u8]) {
        let token = self.tokens.fetch_add(1, Ordering::SeqCst);
        self.note(bytes);
        self.files.lock().unwrap().insert(file, (bytes.to_vec(), token));
    }

    fn note(&self, bytes: &[u8]) -> Hash {
        let hash = Hash::of(bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.contents.lock().unwrap().insert(hash, text);
        hash
    }

    /// The contents that were told to hold others, each with those that another disk knows.
    pub(super) fn claims(&self, other: &Self) -> Vec<(String, Vec<String>)> {
        let (own, other) = (self.contents.lock().unwrap(), other.contents.lock().unwrap());
        let claims = self.claims.lock().unwrap();
        let each = claims.iter().map(|(content, holds)| {
            let holds = holds.iter().filter_map(|hash| other.get(hash).cloned());
            (own[content].clone(), holds.collect())
        });
        each.collect()
    }

    /// Changes a file in one go, as a program does that holds a lock on it.
    pub(super) fn change(&self, file: FileId, change: impl FnOnce(&mut String)) {
        let mut files = self.files.lock().unwrap();
        let Some((bytes, token)) = files.get_mut(&file) else { return };
        let mut text = String::from_utf8(std::mem::take(bytes)).unwrap();
        change(&mut text);
        *bytes = text.into_bytes();
        self.note(bytes);
        *token = self.tokens.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn remove(&self, file: FileId) {
        self.files.lock().unwrap().remove(&file);
    }

    pub(super) fn get(&self, file: FileId) -> Option<Vec<u8>> {
        self.files.lock().unwrap().get(&file).map(|(bytes, _)| bytes.clone())
    }

    pub(super) fn text(&self, file: FileId) -> String {
        String::from_utf8(self.get(file).unwrap_or_default()).unwrap()
    }

    pub(super) fn fail(&self, with: Option<fn() -> DiskError>) {
        *self.failing.lock().unwrap() = with;
    }

    fn look(&self, file: FileId) -> Result<Plain, DiskError> {
        if let Some(failing) = *self.failing.lock().unwrap() {
            return Err(failing());
        }
        let files = self.files.lock().unwrap();
        let (bytes, token) = files.get(&file).ok_or(DiskError::Gone)?;
        Ok(Plain {
            bytes: bytes.clone(),
            stamp: stamp(bytes, *token),
            version: None,
            foreign: false,
        })
    }

    /// Another program may come in between here.
    async fn pause(&self) {
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
}

fn stamp(bytes: &[u8], token: u64) -> Stamp {
    Stamp { hash: Hash::of(bytes), token: [token, bytes.len() as u64, 0] }
}

impl Disk for MemoryDisk {
    fn read(&self, file: FileId) -> BoxFuture<'_, Result<Plain, DiskError>> {
        Box::pin(async move {
            self.pause().await;
            let plain = self.look(file);
            self.pause().await;
            plain
        })
    }

    fn embrace(
        &self,
        file: FileId,
        content: Hash,
        holds: Vec<Hash>,
    ) -> BoxFuture<'_, Result<(), DiskError>> {
        if self.get(file).is_some_and(|bytes| Hash::of(&bytes) == content) {
            self.claims.lock().unwrap().push((content, holds));
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn write(&self, file: FileId, write: Write) -> BoxFuture<'_, Result<Stamp, DiskError>> {
        Box::pin(async move {
            let Write { bytes, expected, by: _, holds } = write;
            self.pause().await;
            if let Some(failing) = *self.failing.lock().unwrap() {
                return Err(failing());
            }
            let stamp = {
                let mut files = self.files.lock().unwrap();
                let (old, token) = files.get_mut(&file).ok_or(DiskError::Gone)?;
                if stamp(old, *token) != expected {
                    return Err(DiskError::Changed);
                }
                *token = self.tokens.fetch_add(1, Ordering::SeqCst);
                *old = bytes;
                self.writes.fetch_add(1, Ordering::SeqCst);
                let content = self.note(old);
                self.claims.lock().unwrap().push((content, holds));
                stamp(old, *token)
            };
            tokio::task::yield_now().await;
            Ok(stamp)
        })
    }
}
