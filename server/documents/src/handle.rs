//! The way in: opens and joins documents, each of which has a task of its own while it is open.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::Store;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{Duration, Instant};
use types::{FileId, Generation, Hash, Right};

use crate::connection::{Connection, Member, Present, Receiver, Sender};
use crate::task::{self, Message, Urgent};
use crate::{Condition, Disk, Error, db, text};

/// Messages that may wait for one room.
const MAILBOX_MAX: usize = 256;
/// How often a message is sent anew to a room that closed just then.
const TRIES_MAX: usize = 8;
/// For how long a changed right overrules what a connection that is being made was told.
const RIGHT_REMEMBERED: Duration = Duration::from_secs(60);

/// Times and sizes that a hive may choose otherwise, and tests do.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A file is written this long after the last change,
    pub settle_after: Duration,
    /// but no later than this after the first one that it lacks.
    pub settle_at_latest: Duration,
    /// What only other hives changed is written after this time, unless they do it first.
    pub settle_far_after: Duration,
    /// A moment of the past ends with such a pause, or when it has lasted so long.
    pub moment_pause: Duration,
    pub moment_at_latest: Duration,
    /// Pauses between attempts after a failure.
    pub retry_first: Duration,
    pub retry_last: Duration,
    /// A document that nobody has open is forgotten after this time.
    pub evict_after: Duration,
    /// For how long a file must look gone, emptied or unreadable as text before that is believed.
    pub doubt: Duration,
    /// A pointer that is not renewed disappears.
    pub presence_expires: Duration,
    /// Something is sent to a quiet connection this often.
    pub alive_every: Duration,
    /// With more connections than this, what goes out is gathered for a moment.
    pub crowd: usize,
    pub crowd_gathers: Duration,
    pub crowd_moves_every: Duration,
    /// What may wait for a slow reader.
    pub queue_frames_max: usize,
    pub queue_bytes_max: usize,
    pub frame_bytes_max: usize,
    /// How far typing may grow a text.
    pub text_units_max: usize,
    /// When stored updates are merged: so many rows, or so many times the state's size.
    pub rows_max: usize,
    pub rows_times_state: usize,
    /// How long stopping may wait for disks.
    pub stop_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            settle_after: Duration::from_millis(150),
            settle_at_latest: Duration::from_millis(500),
            settle_far_after: Duration::from_secs(2),
            moment_pause: Duration::from_secs(1),
            moment_at_latest: Duration::from_secs(3),
            retry_first: Duration::from_millis(500),
            retry_last: Duration::from_secs(5),
            evict_after: Duration::from_secs(30),
            doubt: Duration::from_millis(300),
            presence_expires: Duration::from_secs(30),
            alive_every: Duration::from_secs(12),
            crowd: 50,
            crowd_gathers: Duration::from_millis(4),
            crowd_moves_every: Duration::from_millis(40),
            queue_frames_max: 1_024,
            queue_bytes_max: 4 << 20,
            frame_bytes_max: 16 << 20,
            text_units_max: 5_000_000,
            rows_max: 500,
            rows_times_state: 4,
            stop_within: Duration::from_secs(2),
        }
    }
}

/// A document that is open now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub generation: Generation,
    pub condition: Condition,
    /// What its file holds.
    pub content: Hash,
}

/// All documents of a hive. Cheap to clone; [`Handle::stop`] ends it.
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

/// What the handle and the tasks of the open documents share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) limits: Limits,
    pub(crate) here: watch::Sender<Vec<Present>>,
    /// The documents that are open.
    pub(crate) open: watch::Sender<BTreeSet<FileId>>,
    rooms: Mutex<HashMap<FileId, Door>>,
    rights: Mutex<HashMap<u64, (Option<Right>, Instant)>>,
    connections: AtomicU64,
    stopping: AtomicBool,
    /// Where the tasks run, whoever asks for them.
    runtime: tokio::runtime::Handle,
}

/// How to reach the task of one open document.
#[derive(Clone)]
struct Door {
    mailbox: mpsc::Sender<Message>,
    urgent: mpsc::UnboundedSender<Urgent>,
    room_for: Arc<Semaphore>,
}

impl Handle {
    /// Starts with every document closed, except those whose files are behind: they are settled.
    /// Must be called inside of a Tokio runtime.
    pub fn start(store: Store, disk: Arc<dyn Disk>, limits: Limits) -> Self {
        let shared = Arc::new(Shared {
            store,
            disk,
            limits,
            here: watch::channel(Vec::new()).0,
            open: watch::Sender::default(),
            rooms: Mutex::default(),
            rights: Mutex::default(),
            connections: AtomicU64::new(1),
            stopping: AtomicBool::new(false),
            runtime: tokio::runtime::Handle::current(),
        });
        let handle = Self { shared };
        drop(handle.shared.runtime.spawn(handle.clone().settle_left_over()));
        handle
    }

    /// Opens a document, making it from its file if it was never open before.
    pub async fn open(&self, file: FileId) -> Result<Opened, Error> {
        self.ask(file, |reply| Message::Open { reply }).await
    }

    /// Takes a seat in a document, opening it if need be. `generation` is the one that the client
    /// knows; `stored_frames` says that it understands frames of types 100 and 101.
    pub async fn join(
        &self,
        file: FileId,
        who: Member,
        generation: Option<Generation>,
        stored_frames: bool,
    ) -> Result<Connection, Error> {
        self.sit_down(file, who, generation, (stored_frames, false)).await
    }

    pub(crate) async fn sit_down(
        &self,
        file: FileId,
        who: Member,
        generation: Option<Generation>,
        (stored_frames, hive): (bool, bool),
    ) -> Result<Connection, Error> {
        for _ in 0..TRIES_MAX {
            let (reply, answer) = oneshot::channel();
            let join = |door: &Door| {
                let id = self.shared.connections.fetch_add(1, Ordering::Relaxed);
                let (from_room, queue) = Receiver::new(id, door.urgent.clone());
                let to_room = Sender::new(
                    id,
                    door.mailbox.clone(),
                    door.urgent.clone(),
                    door.room_for.clone(),
                    self.shared.limits.frame_bytes_max,
                );
                Message::Join(Box::new(task::Join {
                    member: who.clone(),
                    generation,
                    stored_frames,
                    hive,
                    queue,
                    connection: Connection { id, to_room, from_room },
                    reply,
                }))
            };
            if self.tell(file, join).await?
                && let Ok(answer) = answer.await
            {
                return answer;
            }
        }
        Err(Error::Stopped)
    }

    /// Changes what every connection of a key may do; `None` closes them at once. To be called on
    /// every change of a right, also for keys that nobody uses at the moment.
    pub fn set_right(&self, key: u64, right: Option<Right>) {
        let now = Instant::now();
        {
            let mut rights = lock(&self.shared.rights);
            rights.retain(|_, (_, since)| now.duration_since(*since) < RIGHT_REMEMBERED);
            rights.insert(key, (right, now));
        }
        for door in lock(&self.shared.rooms).values() {
            drop(door.urgent.send(Urgent::Right { key, right }));
        }
    }

    /// A person goes by another name or colour from now on, on every connection of a key. Others
    /// see it when that person's pointer moves next.
    pub fn set_name(&self, key: u64, name: Option<&str>, hue: Option<u8>) {
        for door in lock(&self.shared.rooms).values() {
            let name = name.map(str::to_owned);
            drop(door.urgent.send(Urgent::Name { key, name, hue }));
        }
    }

    /// The file changed on the disk, appeared or vanished. Nothing is done for a document that is
    /// not open: it looks at its file when it opens.
    #[expect(clippy::unused_async, reason = "callers need not care that this does not wait")]
    pub async fn disk_changed(&self, file: FileId) {
        self.urge(file, Urgent::Look);
    }

    /// Tells a document, if it is open.
    pub(crate) fn urge(&self, file: FileId, message: Urgent) {
        if let Some(door) = lock(&self.shared.rooms).get(&file) {
            drop(door.urgent.send(message));
        }
    }

    /// So many files changed that it is not known which: every open document looks at its own.
    pub fn all_disks_changed(&self) {
        for door in lock(&self.shared.rooms).values() {
            drop(door.urgent.send(Urgent::Look));
        }
    }

    /// Brings the file up to date now. Fails if that is not possible at the moment; it is tried
    /// again by itself.
    pub async fn settle(&self, file: FileId) -> Result<(), Error> {
        if !lock(&self.shared.rooms).contains_key(&file) {
            return Ok(());
        }
        self.ask(file, |reply| Message::Settle { reply }).await
    }

    /// The present text.
    pub async fn text(&self, file: FileId) -> Result<String, Error> {
        if lock(&self.shared.rooms).contains_key(&file) {
            return self.ask(file, |reply| Message::Text { reply }).await;
        }
        let plain = self.shared.disk.read(file).await.map_err(Error::from)?;
        let (text, _) = text::decode(&plain.bytes)?;
        Ok(text.into_owned())
    }

    /// Who is in which document.
    pub fn here(&self) -> watch::Receiver<Vec<Present>> {
        self.shared.here.subscribe()
    }

    /// Saves and settles everything, then closes every connection. Opens nothing any more.
    pub async fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let doors: Vec<Door> = lock(&self.shared.rooms).values().cloned().collect();
        let mut ends = Vec::with_capacity(doors.len());
        for door in doors {
            let (reply, end) = oneshot::channel();
            drop(door.urgent.send(Urgent::Stop { reply }));
            ends.push(end);
        }
        for end in ends {
            // A task that has ended already has nothing more to say.
            drop(end.await);
        }
    }

    pub fn open_documents(&self) -> usize {
        lock(&self.shared.rooms).len()
    }

    pub(crate) async fn ask<T>(
        &self,
        file: FileId,
        message: impl Fn(oneshot::Sender<Result<T, Error>>) -> Message,
    ) -> Result<T, Error> {
        for _ in 0..TRIES_MAX {
            let (reply, answer) = oneshot::channel();
            if self.tell(file, |_| message(reply)).await?
                && let Ok(answer) = answer.await
            {
                return answer;
            }
        }
        Err(Error::Stopped)
    }

    /// Puts a message into the mailbox of a document, opening it if need be. False if the document
    /// closed at that moment. A document that opens has its first message before it runs, so one
    /// that cannot be opened says so to whoever asked, however fast it fails.
    async fn tell(
        &self,
        file: FileId,
        message: impl FnOnce(&Door) -> Message,
    ) -> Result<bool, Error> {
        let (mailbox, message) = {
            let mut rooms = lock(&self.shared.rooms);
            if self.shared.stopping.load(Ordering::SeqCst) {
                return Err(Error::Stopped);
            }
            match rooms.get(&file).filter(|door| !door.mailbox.is_closed()) {
                Some(door) => (door.mailbox.clone(), message(door)),
                None => return Ok(self.open_door(&mut rooms, file, message)),
            }
        };
        Ok(mailbox.send(message).await.is_ok())
    }

    fn open_door(
        &self,
        rooms: &mut HashMap<FileId, Door>,
        file: FileId,
        first: impl FnOnce(&Door) -> Message,
    ) -> bool {
        let (mailbox, messages) = mpsc::channel(MAILBOX_MAX);
        let (urgent, urgent_messages) = mpsc::unbounded_channel();
        let bytes = self.shared.limits.frame_bytes_max * 2;
        let door = Door { mailbox, urgent, room_for: Arc::new(Semaphore::new(bytes)) };
        let sent = door.mailbox.try_send(first(&door)).is_ok();
        rooms.insert(file, door);
        self.shared.open.send_if_modified(|open| open.insert(file));
        let task = task::run(self.shared.clone(), file, messages, urgent_messages);
        drop(self.shared.runtime.spawn(task));
        sent
    }

    /// Opens the documents that were killed between the store and the disk.
    async fn settle_left_over(self) {
        let files = match self.shared.store.read(db::unsettled).await {
            Ok(files) => files,
            Err(error) => {
                tracing::error!(%error, "looking for documents whose files are behind");
                return;
            }
        };
        for file in files {
            if let Err(error) = self.open(file).await {
                tracing::warn!(%file, %error, "a document whose file is behind cannot be opened");
            }
        }
    }
}

impl Shared {
    /// The right that was set last, if that was so recently that a connection may not know it.
    pub(crate) fn recent_right(&self, key: u64) -> Option<Option<Right>> {
        lock(&self.rights).get(&key).map(|(right, _)| *right)
    }

    /// Takes a room's door away if nobody stands in front of it. `idle` is asked under the lock
    /// that new messages come through.
    pub(crate) fn close_door(&self, file: FileId, idle: impl FnOnce() -> bool) -> bool {
        let mut rooms = lock(&self.rooms);
        let closes = idle();
        if closes {
            rooms.remove(&file);
            self.open.send_if_modified(|open| open.remove(&file));
        }
        closes
    }
}

impl From<crate::DiskError> for Error {
    fn from(error: crate::DiskError) -> Self {
        use crate::DiskError;
        match error {
            DiskError::Gone => Self::Gone,
            DiskError::Full => Self::Full,
            DiskError::Missing(why) => Self::Missing(why),
            DiskError::TooLarge(size) => Self::TooLarge { size },
            DiskError::Paused => Self::Paused,
            DiskError::Unwritable(why) | DiskError::Unreadable(why) => Self::Unreadable(why),
            DiskError::Changed => Self::Unreadable(error.to_string()),
            DiskError::Store(error) => Self::Store(error),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
