//! One person's line into a room, and the bounded queue of what waits to be sent on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, mpsc};
use types::{FileId, PersonId, Right, Time};

use crate::task::{Message, Urgent};

/// Who joins a document, and what they may do there.
#[derive(Debug, Clone)]
pub struct Member {
    /// `None`: somebody without a name of their own here; the client's own words are believed.
    pub person: Option<PersonId>,
    pub name: Option<String>,
    pub hue: Option<u8>,
    pub right: Right,
    /// By which [`crate::Handle::set_right`] finds every connection of one key.
    pub key: u64,
}

/// Somebody who has a document open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    pub file: FileId,
    pub connection: u64,
    pub person: Option<PersonId>,
    pub name: Option<String>,
    pub hue: Option<u8>,
    pub key: u64,
    pub since: Time,
}

/// What a room wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// One binary frame.
    Frame(Bytes),
    /// The last thing to send.
    Close { code: u16, reason: String },
}

/// A seat in a room, left by dropping `to_room`. Without `from_room` it is still heard.
pub struct Connection {
    pub id: u64,
    pub to_room: Sender,
    pub from_room: Receiver,
}

/// The room closed this connection, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the room is closed")]
pub struct Ended;

/// Hands frames to the room. Dropping it leaves the room; what was sent before still counts.
pub struct Sender {
    id: u64,
    mailbox: mpsc::Sender<Message>,
    urgent: mpsc::UnboundedSender<Urgent>,
    /// Bytes of frames that may wait in the mailbox of this room.
    room_for: Arc<Semaphore>,
    frame_bytes_max: usize,
}

/// Yields what the room wants sent.
pub struct Receiver {
    id: u64,
    queue: Arc<Queue>,
    urgent: mpsc::UnboundedSender<Urgent>,
}

impl Sender {
    pub(crate) fn new(
        id: u64,
        mailbox: mpsc::Sender<Message>,
        urgent: mpsc::UnboundedSender<Urgent>,
        room_for: Arc<Semaphore>,
        frame_bytes_max: usize,
    ) -> Self {
        Self { id, mailbox, urgent, room_for, frame_bytes_max }
    }

    /// Hands one binary frame to the room; waits while the room is busy. A frame above the limit is
    /// not taken: the room closes the connection.
    pub async fn send(&self, frame: impl Into<Bytes>) -> Result<(), Ended> {
        let frame = frame.into();
        if frame.len() > self.frame_bytes_max {
            return self.urgent.send(Urgent::TooLarge(self.id)).map_err(|_| Ended);
        }
        let weight = u32::try_from(frame.len().max(1)).map_err(|_| Ended)?;
        let permit = self.room_for.clone().acquire_many_owned(weight).await.map_err(|_| Ended)?;
        let message = Message::Frame { from: self.id, frame, permit };
        self.mailbox.send(message).await.map_err(|_| Ended)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // A room that has ended needs no goodbye.
        drop(self.urgent.send(Urgent::Leave(self.id)));
    }
}

impl Receiver {
    pub(crate) fn new(id: u64, urgent: mpsc::UnboundedSender<Urgent>) -> (Self, Arc<Queue>) {
        let queue = Arc::new(Queue::default());
        (Self { id, queue: queue.clone(), urgent }, queue)
    }

    /// The next thing to send; `None` after a close. May be dropped while it waits.
    pub async fn recv(&mut self) -> Option<Outgoing> {
        loop {
            let woken = self.queue.wake.notified();
            if let Some(next) = self.take() {
                return next;
            }
            woken.await;
        }
    }

    /// What can be sent without waiting, so that a burst is written in one go.
    pub fn try_recv(&mut self) -> Option<Outgoing> {
        self.take().flatten()
    }

    /// `Some(None)`: nothing will come any more.
    fn take(&self) -> Option<Option<Outgoing>> {
        let mut backlog = self.queue.lock();
        if let Some(frame) = backlog.frames.pop_front() {
            backlog.bytes -= frame.len();
            return Some(Some(Outgoing::Frame(frame)));
        }
        if let Some((code, reason)) = backlog.close.take() {
            backlog.ended = true;
            return Some(Some(Outgoing::Close { code, reason }));
        }
        if backlog.ended {
            return Some(None);
        }
        if backlog.lagging && !backlog.asked {
            backlog.asked = true;
            drop(self.urgent.send(Urgent::Drained(self.id)));
        }
        None
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        *self.queue.lock() = Backlog { ended: true, ..Backlog::default() };
    }
}

/// What waits to be sent to one connection.
#[derive(Default)]
pub(crate) struct Queue {
    backlog: Mutex<Backlog>,
    wake: Notify,
}

#[derive(Default)]
struct Backlog {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// The backlog was dropped; the reader must be brought up to date when it reads again.
    lagging: bool,
    asked: bool,
    close: Option<(u16, String)>,
    ended: bool,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().frames.is_empty()
    }

    /// Adds a frame. A reader so slow that its backlog passes the limits loses it all and lags:
    /// returns false.
    pub(crate) fn push(&self, frame: Bytes, frames_max: usize, bytes_max: usize) -> bool {
        let mut backlog = self.lock();
        if backlog.ended || backlog.close.is_some() {
            return true;
        }
        if backlog.lagging {
            return false;
        }
        let full = backlog.frames.len() >= frames_max || backlog.bytes + frame.len() > bytes_max;
        if full && !backlog.frames.is_empty() {
            backlog.frames = VecDeque::new();
            backlog.bytes = 0;
            backlog.lagging = true;
            backlog.asked = false;
            return false;
        }
        backlog.bytes += frame.len();
        backlog.frames.push_back(frame);
        drop(backlog);
        self.wake.notify_one();
        true
    }

    /// Fills the queue of a reader that lagged and reads again.
    pub(crate) fn refill(&self, frames: impl IntoIterator<Item = Bytes>) {
        let mut backlog = self.lock();
        backlog.lagging = false;
        for frame in frames {
            backlog.bytes += frame.len();
            backlog.frames.push_back(frame);
        }
        drop(backlog);
        self.wake.notify_one();
    }

    /// Sends nothing more than what waits already and then a close; `at_once` drops what waits.
    pub(crate) fn close(&self, code: u16, reason: &str, at_once: bool) {
        let mut backlog = self.lock();
        if at_once {
            backlog.frames = VecDeque::new();
            backlog.bytes = 0;
        }
        if !backlog.ended && backlog.close.is_none() {
            backlog.close = Some((code, reason.to_owned()));
        }
        drop(backlog);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
