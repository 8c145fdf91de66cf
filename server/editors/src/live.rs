//! One document that is open live in an editor: its session over its line.

use std::time::Duration;

use hive::wire::Right;
use ropey::Rope;
use tokio::sync::mpsc;

use crate::change::Change;
use crate::frames::Condition;
use crate::line::{self, Frames, Line, News, Seek, What};
use crate::session::{Person, Session};

/// How often a client says that it is still here; after 30 s of silence it counts as gone.
pub(crate) const PRESENCE_EVERY: Duration = Duration::from_secs(12);

#[derive(Debug)]
pub(crate) struct Live {
    session: Session,
    frames: Option<Frames>,
    /// `None` once it ended.
    line: Option<Line>,
    right: Right,
    file: Option<String>,
    has_begun: bool,
}

/// What a face has to act on.
#[derive(Debug)]
pub(crate) enum Event {
    /// The document's text is here for the first time.
    Began,
    /// Somebody else changed the document, which held `before`.
    Changed {
        change: Change,
        before: Rope,
    },
    /// Somebody came, left or moved.
    People,
    Condition(Condition),
    /// All that was done here is durable.
    Stored,
    Unshared,
    Waiting(String),
    Ended(String),
}

impl Live {
    pub(crate) fn new(seek: Seek, program: &str, key: u64, news: mpsc::Sender<News>) -> Self {
        Self {
            session: Session::new(program),
            frames: None,
            line: Some(line::keep(seek, key, news)),
            right: Right::View,
            file: None,
            has_begun: false,
        }
    }

    pub(crate) fn take(&mut self, what: What) -> Vec<Event> {
        match what {
            What::Opened(document) => {
                self.right = document.right;
                self.file = Some(document.file.clone());
                self.session.opened(&document.generation);
                Vec::new()
            }
            What::Connected(frames) => {
                self.frames = Some(frames);
                for frame in self.session.connected() {
                    self.send(frame);
                }
                Vec::new()
            }
            What::Frame(frame) => self.take_frame(&frame),
            What::Disconnected => {
                self.frames = None;
                self.session.disconnected();
                vec![Event::People]
            }
            What::Unshared => vec![Event::Unshared],
            What::Waiting(why) => vec![Event::Waiting(why)],
            What::Ended(why) => {
                self.end();
                vec![Event::People, Event::Ended(why)]
            }
        }
    }

    fn take_frame(&mut self, frame: &[u8]) -> Vec<Event> {
        let before = self.session.text().clone();
        let was_stored = self.session.is_stored();
        let brought = self.session.take(frame);
        for answer in brought.answers {
            self.send(answer);
        }
        let mut events = Vec::new();
        if brought.denied {
            let why = "You may read this file and not edit it, so what is typed here stays here.";
            events.push(Event::Ended(why.to_owned()));
        }
        if brought.synced && !self.has_begun {
            self.has_begun = true;
            events.push(Event::Began);
        } else if !brought.change.is_empty() {
            events.push(Event::Changed { change: brought.change, before });
        }
        if brought.people {
            events.push(Event::People);
        }
        events.extend(brought.condition.map(Event::Condition));
        if !was_stored && self.session.is_stored() {
            events.push(Event::Stored);
        }
        events
    }

    /// Makes an own change of the document.
    pub(crate) fn edit(&mut self, change: &Change) {
        if let Some(frame) = self.session.edit(change) {
            self.send(frame);
        }
    }

    /// Shows the own cursor to the others; `None` takes it away.
    pub(crate) fn point(&mut self, cursor: Option<(usize, usize)>) {
        if let Some(frame) = self.session.point(cursor) {
            self.send(frame);
        }
    }

    pub(crate) fn renew_presence(&mut self) {
        if self.frames.is_some() {
            let frame = self.session.presence();
            self.send(frame);
        }
    }

    /// Leaves the document for good.
    pub(crate) fn end(&mut self) {
        self.line = None;
        self.frames = None;
        self.session.disconnected();
    }

    pub(crate) fn text(&self) -> &Rope {
        self.session.text()
    }

    pub(crate) fn people(&self) -> Vec<Person> {
        self.session.people()
    }

    /// The file's id, once the hive told it.
    pub(crate) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    pub(crate) fn may_edit(&self) -> bool {
        matches!(self.right, Right::Edit | Right::Manage)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.frames.is_some()
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.session.is_stored()
    }

    fn send(&mut self, frame: bytes::Bytes) {
        let full = self.frames.as_ref().is_some_and(|frames| frames.try_send(frame).is_err());
        if full {
            // The line falls, and on the next one all that is lacking goes out.
            self.frames = None;
            self.session.disconnected();
        }
    }
}
