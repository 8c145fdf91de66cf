//! The one writer: a thread that runs the waiting closures and commits them together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::Rng;
use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use types::Time;

use crate::{
    Chunks, Error, Folder, Opening, Tx, View, database, journal, record, set_setting, setting,
};

/// How many changes may wait for the writer before callers wait in line.
const WRITES_WAITING_MAX: usize = 1_024;
/// How many changes share one commit at most.
const WRITES_PER_COMMIT_MAX: usize = 256;
/// How many idle connections for reading are kept.
const READERS_IDLE_MAX: usize = 4;
/// After so long without a change it is at rest.
const REST_AFTER: Duration = Duration::from_secs(5);

/// The clock that the store hands to commands; tests give their own.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// Runs a change on the open transaction, or tells its caller why there is none.
type Job = Box<dyn FnOnce(Result<Tx<'_>, Error>) -> Option<Answer> + Send>;
/// Tells the caller how the commit went.
type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// The open data folder. Cheap to clone; closed by [`Store::close`] or with the last clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    folder: Folder,
    chunks: Chunks,
    clock: Clock,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    readers: Readers,
    position: watch::Receiver<i64>,
    records: watch::Receiver<i64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the database in `folder`, restoring a snapshot if it is damaged.
    pub fn open(
        folder: Folder,
        clock: Clock,
        chance: Box<dyn Rng + Send>,
    ) -> Result<(Self, Opening), Error> {
        let (connection, opening) = database::open(&folder, clock())?;
        let (announce, position) = watch::channel(journal::position(&connection)?);
        let (announce_records, records) = watch::channel(record::position(&connection)?);
        let (jobs, waiting) = mpsc::channel(WRITES_WAITING_MAX);
        let chunks = Chunks::open(folder.path());
        let readers = Readers::default();
        let writer = Writer {
            connection,
            readers: readers.clone(),
            chunks: chunks.clone(),
            clock: clock.clone(),
            chance,
            waiting,
            position: announce,
            records: announce_records,
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Error::NotWritable {
                folder: folder.path().display().to_string(),
                why: error.to_string(),
            })?;
        let inner = Inner {
            folder,
            chunks,
            clock,
            jobs: Mutex::new(Some(jobs)),
            readers,
            position,
            records,
            thread: Mutex::new(Some(thread)),
        };
        Ok((Self { inner: Arc::new(inner) }, opening))
    }

    /// Notes which file the database is from now on. What stands in its place at a later opening,
    /// such as a copy that was put back, is [`Opening::Copied`]. To be called once everything was
    /// done that an old database needs.
    pub async fn claim_file(&self) -> Result<(), Error> {
        let born = database::born(&self.inner.folder.database());
        let known = self.read(|view| setting(view, database::BORN)).await?;
        if born.is_none() || born == known {
            return Ok(());
        }
        self.write(move |tx| set_setting(tx, database::BORN, born.as_deref())).await
    }

    /// Runs one change and waits until it is durable. Nothing is kept if `change` fails.
    pub async fn write<T, E>(
        &self,
        change: impl FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        let jobs = self.jobs()?;
        jobs.send(job(change, reply)).await.map_err(|_| Error::Closed)?;
        result.await.map_err(|_| Error::Closed)?
    }

    /// [`Store::write`] for callers outside of async code.
    pub fn write_blocking<T, E>(
        &self,
        change: impl FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, result) = oneshot::channel();
        self.jobs()?.blocking_send(job(change, reply)).map_err(|_| Error::Closed)?;
        result.blocking_recv().map_err(|_| Error::Closed)?
    }

    /// Reads at one moment, beside the writer, on a thread that may block.
    pub async fn read<T, E>(
        &self,
        look: impl FnOnce(&View) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || store.read_blocking(look)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Closed.into()),
        }
    }

    /// [`Store::read`] for callers outside of async code.
    pub fn read_blocking<T, E: From<Error>>(
        &self,
        look: impl FnOnce(&View) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = match self.inner.readers.take() {
            Some(connection) => connection,
            None => database::open_reader(self.inner.folder.path())?,
        };
        let result = {
            let moment = connection.transaction().map_err(Error::from)?;
            look(&View::new(&moment, (self.inner.clock)()))
        };
        self.inner.readers.put_back(connection);
        result
    }

    /// The newest record's position, to be awaited.
    pub fn follow_records(&self) -> watch::Receiver<i64> {
        self.inner.records.clone()
    }

    /// The journal's newest position, to be awaited.
    pub fn follow(&self) -> watch::Receiver<i64> {
        self.inner.position.clone()
    }

    pub fn now(&self) -> Time {
        (self.inner.clock)()
    }

    /// The contents of earlier versions.
    pub fn chunks(&self) -> &Chunks {
        &self.inner.chunks
    }

    /// Writes a consistent copy of the database into `snapshots/`. Blocks.
    pub fn snapshot_blocking(&self) -> Result<PathBuf, Error> {
        let folder = &self.inner.folder;
        database::snapshot(&folder.database(), &folder.snapshots(), self.now())
    }

    /// Finishes what waits, commits it, closes the database and lets the folder go. Blocks.
    pub fn close(&self) {
        self.inner.close();
    }

    fn jobs(&self) -> Result<mpsc::Sender<Job>, Error> {
        let jobs = self.inner.jobs.lock().map_err(|_| Error::Closed)?;
        jobs.clone().ok_or(Error::Closed)
    }
}

impl Inner {
    fn close(&self) {
        if let Ok(mut jobs) = self.jobs.lock() {
            jobs.take();
        }
        self.readers.clear();
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
        self.folder.unlock();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

/// Wraps a change so that its result waits for the commit.
fn job<T, E>(
    change: impl FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    reply: oneshot::Sender<Result<T, E>>,
) -> Job
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    Box::new(move |tx| match tx.map_err(E::from).and_then(|mut tx| change(&mut tx)) {
        Ok(value) => Some(Box::new(move |commit: Result<(), Error>| {
            // A caller that stopped waiting needs no answer.
            drop(reply.send(commit.map(|()| value).map_err(E::from)));
        })),
        Err(error) => {
            drop(reply.send(Err(error)));
            None
        }
    })
}

/// Connections for reading that nobody uses at the moment.
#[derive(Clone, Default)]
struct Readers(Arc<Mutex<Vec<Connection>>>);

impl Readers {
    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Connection> {
        self.idle().pop()
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle();
        if idle.len() < READERS_IDLE_MAX {
            idle.push(connection);
        }
    }

    fn clear(&self) {
        self.idle().clear();
    }
}

struct Writer {
    connection: Connection,
    readers: Readers,
    chunks: Chunks,
    clock: Clock,
    chance: Box<dyn Rng + Send>,
    waiting: mpsc::Receiver<Job>,
    position: watch::Sender<i64>,
    records: watch::Sender<i64>,
}

impl Writer {
    fn run(mut self) {
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let clock = clock.inspect_err(|error| tracing::warn!(%error, "memory is not given back"));
        while let Some(first) = self.next(clock.as_ref().ok()) {
            let mut jobs = vec![first];
            while jobs.len() < WRITES_PER_COMMIT_MAX
                && let Ok(next) = self.waiting.try_recv()
            {
                jobs.push(next);
            }
            self.commit(jobs);
        }
        if let Err(error) = self.connection.pragma_update(None, "wal_checkpoint", "truncate") {
            tracing::warn!(%error, "the last checkpoint failed");
        }
    }

    /// Waits for a change. When none comes for a while, what was kept in memory is given back.
    fn next(&mut self, clock: Option<&Runtime>) -> Option<Job> {
        let Some(clock) = clock else { return self.waiting.blocking_recv() };
        let soon = clock.block_on(async { timeout(REST_AFTER, self.waiting.recv()).await });
        soon.unwrap_or_else(|_| {
            self.readers.clear();
            if let Err(error) = self.connection.execute_batch("PRAGMA shrink_memory") {
                tracing::debug!(%error, "memory is not given back");
            }
            self.waiting.blocking_recv()
        })
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        let mut answers = Vec::with_capacity(jobs.len());
        let committed = self.run_all(jobs, &mut answers);
        if committed.is_err() && !self.connection.is_autocommit() {
            let rolled_back = self.connection.execute_batch("ROLLBACK");
            if let Err(error) = rolled_back {
                tracing::error!(%error, "a failed change could not be rolled back");
            }
        }
        if committed.is_ok() {
            match journal::position(&self.connection) {
                Ok(position) => {
                    self.position
                        .send_if_modified(|last| std::mem::replace(last, position) != position);
                }
                Err(error) => tracing::error!(%error, "the journal's position is unreadable"),
            }
            match record::position(&self.connection) {
                Ok(position) => {
                    self.records
                        .send_if_modified(|last| std::mem::replace(last, position) != position);
                }
                Err(error) => tracing::error!(%error, "the records' position is unreadable"),
            }
        }
        for answer in answers {
            answer(committed.as_ref().copied().map_err(Error::again));
        }
    }

    /// Runs each job in a savepoint of one transaction, then commits it. Jobs that find no
    /// transaction any more are refused with the reason.
    fn run_all(&mut self, jobs: Vec<Job>, answers: &mut Vec<Answer>) -> Result<(), Error> {
        let now = (self.clock)();
        let mut open = self.connection.execute_batch("BEGIN IMMEDIATE").map_err(Error::from);
        for job in jobs {
            open = match open {
                Ok(()) => self.run_one(job, now, answers),
                Err(error) => {
                    job(Err(error.again()));
                    Err(error)
                }
            };
        }
        open?;
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    /// Runs one job; fails only if the transaction as a whole cannot go on.
    fn run_one(&mut self, job: Job, now: Time, answers: &mut Vec<Answer>) -> Result<(), Error> {
        if let Err(error) = self.connection.execute_batch("SAVEPOINT job") {
            let error = Error::from(error);
            job(Err(error.again()));
            return Err(error);
        }
        let tx = Tx::new(&self.connection, now, &self.chunks, &mut *self.chance);
        let outcome = catch_unwind(AssertUnwindSafe(|| job(Ok(tx))));
        let kept = match outcome {
            Ok(answer) => answer,
            Err(_) => {
                tracing::error!("a change panicked and was rolled back");
                None
            }
        };
        let is_kept = kept.is_some();
        answers.extend(kept);
        if self.connection.is_autocommit() {
            // SQLite itself rolled everything back (disk full, I/O error).
            return Err(Error::Full);
        }
        let end = if is_kept { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        Ok(self.connection.execute_batch(end)?)
    }
}

impl Error {
    /// The same failure, for the next caller of the same commit.
    fn again(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            Self::Damaged(why) => Self::Damaged(why.clone()),
            Self::InUse => Self::InUse,
            Self::NotWritable { folder, why } => {
                Self::NotWritable { folder: folder.clone(), why: why.clone() }
            }
            Self::Newer { found, known } => Self::Newer { found: *found, known: *known },
            Self::Closed => Self::Closed,
            Self::Sql(error) => match error {
                rusqlite::Error::SqliteFailure(code, text) => {
                    Self::Sql(rusqlite::Error::SqliteFailure(*code, text.clone()))
                }
                other => Self::Damaged(other.to_string()),
            },
        }
    }
}
