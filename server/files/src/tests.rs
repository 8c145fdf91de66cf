//! The tree follows the disk, ids stay, nothing is lost, and nothing outside can be reached.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{Folder, Store};
use tempfile::TempDir;
use tokio::sync::broadcast;
use types::{FileId, Hash, HiveId, RelPath, ShareId, Signature, Signer, Time};

use super::*;

mod doors;
mod friends;
mod history;
mod ids;
mod pages;
mod rules;
mod shares;
mod watching;

/// How long anything may take before the test calls it missing.
const PATIENCE: Duration = Duration::from_secs(20);
const TEXT_BYTES_MAX: u64 = 1_000_000;

/// Signs nothing: whether signatures are right is looked at elsewhere.
struct Own(HiveId);

impl Signer for Own {
    fn hive(&self) -> HiveId {
        self.0
    }

    fn sign(&self, _: &[u8]) -> Signature {
        Signature::from_bytes([0; 64])
    }
}

/// A hive's files in a temporary home: `data` is Skep's own, the shared folder is `trip`.
struct Home {
    folder: TempDir,
    store: Store,
    handle: Handle,
    changes: broadcast::Receiver<Changed>,
    /// How far the hive's clock is ahead.
    ahead_ms: Arc<AtomicI64>,
}

impl Home {
    async fn new() -> Self {
        Self::at(tempfile::tempdir().expect("a folder")).await
    }

    /// A hive whose disk is taken for one that cannot hold every name.
    async fn narrow() -> Self {
        Self::with(tempfile::tempdir().expect("a folder"), true).await
    }

    /// Starts a hive on what an earlier one may have left.
    async fn at(folder: TempDir) -> Self {
        Self::with(folder, false).await
    }

    async fn with(folder: TempDir, narrow_names: bool) -> Self {
        let data = folder.path().join("data");
        fs::create_dir_all(folder.path().join("trip")).expect("a folder");
        let chance = StdRng::seed_from_u64(Time::now().0.unsigned_abs());
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let ahead = ahead_ms.clone();
        let clock = Arc::new(move || Time::now().plus(ahead.load(Ordering::Relaxed)));
        // The same hive whenever it is started in the same place.
        let own = *Hash::of(folder.path().as_os_str().as_encoded_bytes()).as_bytes();
        let opened = Folder::open(&data).expect("a data folder");
        let (store, _) = Store::open(opened, clock, Box::new(chance)).expect("a store");
        let signer: Arc<dyn Signer> = Arc::new(Own(HiveId::from_bytes(own)));
        let home = Some(folder.path().to_owned());
        let options = Options {
            own: vec![data],
            home,
            signer: Some(signer),
            guests: None,
            in_hand: Vec::new(),
            narrow_names,
        };
        let (handle, _) = Handle::start(store.clone(), options).await.expect("it starts");
        let changes = handle.changes();
        Self { folder, store, handle, changes, ahead_ms }
    }

    /// Stops the hive and starts it again.
    async fn again(self) -> Self {
        Self::at(self.stop().await).await
    }

    /// Stops the hive, and gives its folder back.
    async fn stop(self) -> TempDir {
        let Self { folder, store, handle, changes, .. } = self;
        handle.stop().await.expect("it stops");
        drop((handle, changes));
        store.close();
        folder
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("trip").join(path)
    }

    fn put(&self, path: &str, text: &str) {
        put(&self.path(path), text);
    }

    /// Shares the folder and waits until it is seen whole.
    async fn share(&self) -> ShareId {
        let placed = self.handle.share(self.path(""), None).await.expect("it is shared");
        self.in_step(placed.share.id).await;
        placed.share.id
    }

    async fn in_step(&self, share: ShareId) {
        self.state(share, |state| *state == State::InStep).await;
    }

    async fn state(&self, share: ShareId, wanted: impl Fn(&State) -> bool) -> State {
        let mut states = self.handle.states();
        let there = states
            .wait_for(|states| states.get(&share).is_some_and(|standing| wanted(&standing.state)));
        match tokio::time::timeout(PATIENCE, there).await {
            Ok(_) => self.handle.state(share),
            Err(_) => panic!("it stays {:?}", self.handle.state(share)),
        }
    }

    fn at_path(&self, share: ShareId, path: &str) -> Option<Entry> {
        let path = rel(path);
        match self.store.read_blocking(|view| entry_at(view, share, &path)) {
            Ok(entry) => Some(entry),
            Err(Error::Gone) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn id(&self, share: ShareId, path: &str) -> FileId {
        self.at_path(share, path).unwrap_or_else(|| panic!("{path:?} is not known")).id
    }

    /// Waits until a path is known, and for what the entry must be.
    async fn entry(&self, share: ShareId, path: &str, wanted: impl Fn(&Entry) -> bool) -> Entry {
        self.until(path, || self.at_path(share, path).filter(&wanted)).await
    }

    async fn gone(&self, share: ShareId, path: &str) {
        self.until(path, || self.at_path(share, path).is_none().then_some(())).await;
    }

    async fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "still waiting for {what:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits for a message about a path.
    async fn told(&mut self, path: &str) -> ChangedEntry {
        let wanted = rel(path);
        loop {
            let message = tokio::time::timeout(PATIENCE, self.changes.recv()).await;
            let message = message.unwrap_or_else(|_| panic!("nothing was told of {path:?}"));
            let changed = message.expect("a message");
            if let Some(entry) = changed.entries.into_iter().find(|entry| entry.path == wanted) {
                return entry;
            }
        }
    }

    /// Everything that was told so far.
    fn told_so_far(&mut self) -> Vec<ChangedEntry> {
        let mut all = Vec::new();
        while let Ok(changed) = self.changes.try_recv() {
            all.extend(changed.entries);
        }
        all
    }

    /// Every path that is known in a share, sorted.
    fn paths(&self, share: ShareId) -> Vec<String> {
        let mut paths = Vec::new();
        let mut folders = vec![RelPath::root()];
        while let Some(folder) = folders.pop() {
            let listing = self
                .store
                .read_blocking(|view| list(view, share, &folder, Sort::Name, false, 0, 100_000));
            // A folder may go between two looks.
            let Ok(listing) = listing else { continue };
            for entry in listing.entries {
                paths.push(entry.path.to_string());
                if entry.kind == EntryKind::Folder {
                    folders.push(entry.path);
                }
            }
        }
        paths.sort();
        paths
    }

    /// The journal's position: unchanged means that nothing was written.
    fn position(&self) -> i64 {
        *self.store.follow().borrow()
    }

    /// Waits until everything is read, and kept.
    async fn settled(&self, share: ShareId) {
        let start = Instant::now();
        loop {
            let progress = self.handle.progress(share).await.expect("progress");
            let kept = self.store.read_blocking(|view| {
                let all = "SELECT count(*) FROM files_version WHERE hash IS NOT NULL AND NOT EXISTS
                           (SELECT 1 FROM chunk_content WHERE hash = files_version.hash)";
                Ok::<i64, store::Error>(view.query_row(all, [], |row| row.get(0))?)
            });
            if progress.in_step && kept.expect("a count") == 0 {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{progress:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn rescan(&self, share: ShareId) {
        self.handle.rescan(share, RelPath::root()).await.expect("it is looked at");
    }
}

fn put(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("it is written");
}

fn rel(path: &str) -> RelPath {
    path.parse().expect("a path")
}
