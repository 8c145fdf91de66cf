//! The task of one open document: carries messages, store and disk to the pure parts and back.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use types::{FileId, Generation, Right};

use crate::connection::{Connection, Member, Present, Queue};
use crate::disk::BoxFuture;
use crate::handle::{Opened, Shared};
use crate::keeper::{Errand, Keeper};
use crate::past::Past;
use crate::protocol::close;
use crate::replica::Broken;
use crate::room::Room;
use crate::{DiskError, Error, Plain, Stamp};

mod hives;
mod moments;
mod opening;

use hives::Adopting;
pub(crate) use hives::HiveMessage;
use opening::{load, past, turn_away};

/// How many messages are handled before what they brought is sent on.
const MESSAGES_PER_BATCH_MAX: usize = 128;
/// Edits that may wait for the end of a crowd's moment.
const GATHERED_BYTES_MAX: usize = 1 << 20;
/// With more rows than this, updates are merged before a document is forgotten.
const ROWS_AT_REST_MAX: usize = 24;

/// What a room is told, in the order of sending.
pub(crate) enum Message {
    Open { reply: oneshot::Sender<Result<Opened, Error>> },
    Join(Box<Join>),
    Frame { from: u64, frame: Bytes, permit: OwnedSemaphorePermit },
    Settle { reply: oneshot::Sender<Result<(), Error>> },
    Text { reply: oneshot::Sender<Result<String, Error>> },
    Hive(HiveMessage),
}

/// Somebody at the door, with the connection that is handed out if they may come in.
pub(crate) struct Join {
    pub(crate) member: Member,
    pub(crate) generation: Option<Generation>,
    pub(crate) stored_frames: bool,
    /// Whether it is another hive that has it open too.
    pub(crate) hive: bool,
    pub(crate) queue: Arc<Queue>,
    pub(crate) connection: Connection,
    pub(crate) reply: oneshot::Sender<Result<Connection, Error>>,
}

/// What must not wait behind a full mailbox. Few by nature: one or two for each connection.
pub(crate) enum Urgent {
    Leave(u64),
    Drained(u64),
    TooLarge(u64),
    Right { key: u64, right: Option<Right> },
    Name { key: u64, name: Option<String>, hue: Option<u8> },
    People { connection: u64, people: bool },
    Sync(u64),
    EndMoment,
    Look,
    Stop { reply: oneshot::Sender<()> },
}

enum DiskOutcome {
    Read(Result<Plain, DiskError>),
    Wrote(Result<Stamp, DiskError>),
    Embraced(Result<(), DiskError>),
}

/// Runs a document from its opening to its eviction.
pub(crate) async fn run(
    shared: Arc<Shared>,
    file: FileId,
    mut mailbox: mpsc::Receiver<Message>,
    mut urgent: mpsc::UnboundedReceiver<Urgent>,
) {
    let _present = PresentGuard { shared: shared.clone(), file };
    match load(&shared, file).await {
        Ok((generation, room, keeper)) => {
            let past = past(&shared, file).await;
            let task = Task::new(shared.clone(), file, generation, (room, keeper, past));
            task.run(&mut mailbox, &mut urgent).await;
        }
        Err(error) => turn_away(&shared, file, &error, &mut mailbox, &mut urgent),
    }
}

struct Task {
    shared: Arc<Shared>,
    file: FileId,
    generation: Generation,
    room: Room,
    keeper: Keeper,
    past: Past,
    store_job: Option<BoxFuture<'static, Result<(), store::Error>>>,
    disk_job: Option<BoxFuture<'static, DiskOutcome>>,
    /// Nobody is let in before the file was looked at.
    opening: bool,
    /// Kept until what they made room for was applied.
    permits: Vec<OwnedSemaphorePermit>,
    gathered: usize,
    flushed_at: Instant,
    waiters: Vec<(u64, oneshot::Sender<Result<(), Error>>)>,
    idle_since: Option<Instant>,
    stopping: Option<(Instant, Vec<oneshot::Sender<()>>)>,
    adopting: Option<Adopting>,
    /// The generation ends, and who waits for that.
    ends: bool,
    ended: Vec<oneshot::Sender<Result<(), Error>>>,
}

impl Task {
    fn new(
        shared: Arc<Shared>,
        file: FileId,
        generation: Generation,
        (room, keeper, past): (Room, Keeper, Past),
    ) -> Self {
        Self {
            shared,
            file,
            generation,
            room,
            keeper,
            past,
            store_job: None,
            disk_job: None,
            opening: true,
            permits: Vec::new(),
            gathered: 0,
            flushed_at: Instant::now(),
            waiters: Vec::new(),
            idle_since: None,
            stopping: None,
            adopting: None,
            ends: false,
            ended: Vec::new(),
        }
    }

    async fn run(
        mut self,
        mailbox: &mut mpsc::Receiver<Message>,
        urgent: &mut mpsc::UnboundedReceiver<Urgent>,
    ) {
        let mut messages = Vec::new();
        let outcome = loop {
            let now = Instant::now();
            if let Err(broken) = self.advance(now) {
                break Err(broken);
            }
            if let Some(error) = self.opening_failed() {
                turn_away(&self.shared, self.file, &error, mailbox, urgent);
                return;
            }
            if self.ends {
                self.renew().await;
            }
            if self.adopted(now).await {
                break Ok(());
            }
            if self.may_end(now) && self.end(mailbox, urgent) {
                break Ok(());
            }
            let deadline = self.deadline(now);
            let step = tokio::select! {
                biased;
                Some(message) = urgent.recv() => self.hear_urgent(message, mailbox),
                outcome = finish(&mut self.store_job) => self.stored(outcome),
                outcome = finish(&mut self.disk_job) => self.on_disk(outcome),
                count = mailbox.recv_many(&mut messages, MESSAGES_PER_BATCH_MAX),
                    if !self.opening =>
                {
                    debug_assert_eq!(count, messages.len());
                    messages.drain(..).for_each(|message| self.hear(message));
                    Ok(())
                }
                () = until(deadline) => Ok(()),
            };
            if let Err(broken) = step {
                break Err(broken);
            }
        };
        match outcome {
            Ok(()) => self.thin().await,
            Err(broken) => self.break_down(broken).await,
        }
        for end in self.stopping.into_iter().flat_map(|(_, ends)| ends) {
            // Whoever stops the hive may have given up waiting.
            let (Ok(()) | Err(())) = end.send(());
        }
    }

    /// Does everything that can be done at this moment.
    fn advance(&mut self, now: Instant) -> Result<(), Broken> {
        self.opening &= self.keeper.is_looking() && !self.keeper.has_store_trouble();
        let gather_until = self.flushed_at + self.shared.limits.crowd_gathers;
        if !self.room.is_crowded() || now >= gather_until || self.gathered > GATHERED_BYTES_MAX {
            self.flush(now)?;
        }
        self.room.tick(now);
        if self.store_job.is_none()
            && let Some(step) = self.keeper.next_step(self.room.replica(), now)
        {
            self.room.carry();
            self.store_job = Some(self.save(Some(step)));
        }
        let quiet = self.room.is_idle() || self.stopping.is_some();
        if self.store_job.is_none() && self.past.is_due(quiet) {
            self.store_job = Some(self.save(None));
        }
        if self.disk_job.is_none()
            && let Some(errand) = self.keeper.next_errand(now)
        {
            self.disk_job = Some(self.go(errand));
        }
        if self.keeper.is_durable() {
            self.room.acknowledge(true, now);
        }
        self.room.set_condition(self.keeper.condition(), now);
        self.room.set_settled(self.keeper.settled_hash(), now);
        if self.keeper.is_settled() {
            self.past.settled(self.keeper.settled_hash());
        }
        self.answer_waiters();
        self.forget_present();
        let busy = !self.room.is_idle() || !self.waiters.is_empty() || self.opening;
        self.idle_since = if busy { None } else { self.idle_since.or(Some(now)) };
        Ok(())
    }

    fn flush(&mut self, now: Instant) -> Result<(), Broken> {
        let had_news = self.room.has_news();
        let batch = self.room.flush(now)?;
        if batch.changed {
            self.past.typed(batch.strokes, now, self.shared.store.now());
            self.keeper.changed(batch.updates, batch.by, batch.near, now);
            if !self.room.is_crowded() {
                self.keeper.note_moment(self.room.replica(), now);
            }
        } else {
            self.keeper.keep(batch.updates);
        }
        for (from, content) in batch.holds {
            if self.keeper.hold(content) {
                self.room.spread_holds(content, Some(from), now);
            }
        }
        if had_news {
            self.flushed_at = now;
        }
        self.permits.clear();
        self.gathered = 0;
        Ok(())
    }

    fn go(&self, errand: Errand) -> BoxFuture<'static, DiskOutcome> {
        let disk = self.shared.disk.clone();
        let file = self.file;
        Box::pin(async move {
            match errand {
                Errand::Read => DiskOutcome::Read(disk.read(file).await),
                Errand::Write(write) => DiskOutcome::Wrote(disk.write(file, write).await),
                Errand::Embrace(content, holds) => {
                    DiskOutcome::Embraced(disk.embrace(file, content, holds).await)
                }
            }
        })
    }

    fn hear(&mut self, message: Message) {
        if !matches!(message, Message::Frame { .. }) {
            // Another hive's frames say nothing of people here.
            self.idle_since = None;
        }
        match message {
            Message::Open { reply } => {
                let condition = self.keeper.condition();
                let generation = self.next_generation();
                let content = self.keeper.settled_hash();
                drop(reply.send(Ok(Opened { generation, condition, content })));
            }
            Message::Join(join) => self.join(*join),
            Message::Frame { from, frame, permit } => {
                self.gathered += frame.len();
                self.permits.push(permit);
                self.room.frame(from, &frame, Instant::now());
            }
            Message::Hive(message) => self.hear_hive(message),
            Message::Settle { reply } => {
                // What waits to be applied counts too.
                if let Err(broken) = self.flush(Instant::now()) {
                    drop(reply.send(Err(Error::Damaged(broken.to_string()))));
                    return;
                }
                self.keeper.settle_now(Instant::now());
                self.waiters.push((self.keeper.change(), reply));
            }
            Message::Text { reply } => {
                let flushed = self.flush(Instant::now());
                let text = flushed.map(|()| self.room.replica().text());
                drop(reply.send(text.map_err(|broken| Error::Damaged(broken.to_string()))));
            }
        }
    }

    fn join(&mut self, join: Join) {
        let Join { mut member, generation, stored_frames, hive, queue, connection, reply } = join;
        let current = self.next_generation();
        let outcome = if self.adopting.is_some() || generation.is_some_and(|known| known != current)
        {
            Err(Error::OtherGeneration { current })
        } else if self.stopping.is_some() {
            Err(Error::Stopped)
        } else {
            match self.shared.recent_right(member.key) {
                Some(None) => Err(Error::Denied),
                Some(Some(right)) => {
                    member.right = right;
                    Ok(connection)
                }
                None => Ok(connection),
            }
        };
        if let Ok(connection) = &outcome {
            let id = connection.id;
            let present = Present {
                file: self.file,
                connection: id,
                person: member.person,
                name: member.name.clone(),
                hue: member.hue,
                key: member.key,
                since: self.shared.store.now(),
            };
            self.room.join(id, member, queue, (stored_frames, hive), Instant::now());
            if hive {
                self.keeper.link();
            } else {
                self.shared.here.send_modify(|here| here.push(present));
            }
        }
        // A connection that nobody waits for any more leaves as it is dropped here.
        drop(reply.send(outcome));
    }

    fn hear_urgent(
        &mut self,
        message: Urgent,
        mailbox: &mut mpsc::Receiver<Message>,
    ) -> Result<(), Broken> {
        let now = Instant::now();
        match message {
            Urgent::Leave(id) => {
                // What was sent before the goodbye stands in the mailbox and still counts.
                while let Ok(message) = mailbox.try_recv() {
                    self.hear(message);
                }
                self.flush(now)?;
                self.room.leave(id);
            }
            Urgent::Drained(id) => self.room.drained(id, now),
            Urgent::TooLarge(id) => self.room.too_large(id),
            Urgent::Right { key, right } => self.room.set_right(key, right, now),
            Urgent::Name { key, name, hue } => self.rename(key, name.as_deref(), hue),
            Urgent::People { connection, people } => self.room.set_people(connection, people),
            Urgent::Sync(connection) => self.room.sync(connection, now),
            Urgent::EndMoment => {
                self.flush(now)?;
                self.past.end();
            }
            Urgent::Look => self.keeper.look(now),
            Urgent::Stop { reply } => {
                let until = now + self.shared.limits.stop_within;
                self.stopping.get_or_insert((until, Vec::new())).1.push(reply);
                self.keeper.settle_now(now);
            }
        }
        Ok(())
    }

    fn rename(&mut self, key: u64, name: Option<&str>, hue: Option<u8>) {
        if !self.room.set_name(key, name, hue) {
            return;
        }
        self.shared.here.send_modify(|here| {
            let own = |present: &&mut Present| present.file == self.file && present.key == key;
            for present in here.iter_mut().filter(own) {
                present.name = name.map(str::to_owned);
                present.hue = hue;
            }
        });
    }

    fn stored(&mut self, outcome: Result<(), store::Error>) -> Result<(), Broken> {
        let now = Instant::now();
        self.past.stored(outcome.is_ok());
        match outcome {
            Ok(()) => {
                let kept = self.keeper.stored(now);
                self.room.acknowledge(false, now);
                if let Some(edit) = kept.edit {
                    self.flush(now)?;
                    let update = self.room.take(&edit, kept.places, now)?;
                    let source = self.keeper.settled_hash();
                    if let Some(update) = update {
                        self.past.saved(&update, source, now, self.shared.store.now());
                    }
                }
            }
            Err(error) => {
                tracing::warn!(file = %self.file, %error, "saving a document");
                self.keeper.not_stored(&error, now);
            }
        }
        Ok(())
    }

    fn on_disk(&mut self, outcome: DiskOutcome) -> Result<(), Broken> {
        let now = Instant::now();
        match outcome {
            DiskOutcome::Wrote(outcome) => {
                if let Err(error) = &outcome {
                    tracing::debug!(file = %self.file, %error, "writing a document's file");
                }
                self.keeper.wrote(outcome, now);
                Ok(())
            }
            DiskOutcome::Embraced(outcome) => {
                if let Err(error) = outcome {
                    tracing::warn!(file = %self.file, %error, "telling what a file holds");
                }
                self.keeper.embraced();
                Ok(())
            }
            DiskOutcome::Read(outcome) => {
                self.ends |= self.keeper.is_foreign(&outcome);
                self.keeper.read(outcome, self.room.replica(), now)
            }
        }
    }

    /// Somebody waits for the opening, and the file turns out to hold no text any more.
    fn opening_failed(&mut self) -> Option<Error> {
        let fresh = self.room.is_empty() && self.idle_since.is_some() && !self.opening;
        if !fresh || !self.keeper.is_settled() || !self.keeper.is_at_rest() {
            return None;
        }
        self.keeper.trouble().filter(|error| {
            matches!(error, Error::Binary | Error::NotUtf8 { .. } | Error::TooLarge { .. })
        })
    }

    fn answer_waiters(&mut self) {
        if self.waiters.is_empty() {
            return;
        }
        let settled = self.keeper.settled_change();
        let trouble = || {
            let store = self.keeper.has_store_trouble().then_some(Error::Store(store::Error::Full));
            store.or_else(|| self.keeper.trouble())
        };
        for (change, reply) in std::mem::take(&mut self.waiters) {
            if settled >= change {
                drop(reply.send(Ok(())));
            } else if let Some(error) = trouble() {
                drop(reply.send(Err(error)));
            } else {
                self.waiters.push((change, reply));
            }
        }
    }

    /// Takes those out of sight whom the room let go.
    fn forget_present(&mut self) {
        let left = self.room.take_left();
        if !left.is_empty() {
            self.shared.here.send_modify(|here| {
                here.retain(|present| !left.contains(&present.connection));
            });
        }
    }

    fn deadline(&self, now: Instant) -> Option<Instant> {
        let limits = &self.shared.limits;
        let gathered = self.room.has_news().then(|| self.flushed_at + limits.crowd_gathers);
        let evict = self.idle_since.map(|since| since + limits.evict_after);
        // A document that is due to be forgotten but not at rest is waited for by other deadlines.
        let evict = evict.filter(|at| *at > now);
        let stop = self.stopping.as_ref().map(|(until, _)| *until);
        let adopt = self.adopting.as_ref().map(|adopting| adopting.until);
        let parts = [self.room.deadline(), self.keeper.deadline(now), gathered, evict, stop, adopt];
        parts.into_iter().flatten().min()
    }

    fn may_end(&mut self, now: Instant) -> bool {
        if let Some((until, _)) = self.stopping {
            let at_rest = self.keeper.is_at_rest() && !self.room.has_news();
            return now >= until || (at_rest && self.store_job.is_none());
        }
        let evict_after = self.shared.limits.evict_after;
        let due = self.idle_since.is_some_and(|since| since + evict_after <= now);
        if !due || !self.keeper.is_at_rest() || self.store_job.is_some() {
            return false;
        }
        if self.keeper.rows() > ROWS_AT_REST_MAX {
            self.keeper.merge_soon();
            return false;
        }
        true
    }

    /// Ends the room unless somebody came to its door just now.
    fn end(
        &mut self,
        mailbox: &mut mpsc::Receiver<Message>,
        urgent: &mut mpsc::UnboundedReceiver<Urgent>,
    ) -> bool {
        let stopping = self.stopping.is_some();
        let idle = || stopping || (mailbox.is_empty() && urgent.is_empty());
        if !self.shared.close_door(self.file, idle) {
            return false;
        }
        self.room.close_all(close::STOPPED, "The hive is stopping.");
        self.forget_present();
        mailbox.close();
        true
    }

    /// The document's structure broke. What was taken before is saved; it opens anew from there.
    async fn break_down(&mut self, broken: Broken) {
        tracing::error!(file = %self.file, error = %broken, "closing a document");
        self.room.close_all(close::FAILED, "The document had to be closed. It opens again.");
        self.forget_present();
        if let Some(job) = self.store_job.take() {
            match job.await {
                Ok(()) => drop(self.keeper.stored(Instant::now())),
                Err(error) => self.keeper.not_stored(&error, Instant::now()),
            }
        }
        if let Some(step) = self.keeper.last_step()
            && let Err(error) = self.save(Some(step)).await
        {
            tracing::error!(file = %self.file, %error, "saving a document that broke");
        }
        self.shared.close_door(self.file, || true);
    }
}

/// Takes everybody out of sight, however the task ends.
struct PresentGuard {
    shared: Arc<Shared>,
    file: FileId,
}

impl Drop for PresentGuard {
    fn drop(&mut self) {
        self.shared.here.send_if_modified(|here| {
            let before = here.len();
            here.retain(|present| present.file != self.file);
            here.len() != before
        });
    }
}

/// Waits for a job, if there is one, and takes it away when it is done.
async fn finish<T>(job: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(running) = job else { return pending().await };
    let outcome = running.await;
    *job = None;
    outcome
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
