//! Who changed a document when. A moment ends each spell of typing; its strokes say what each
//! author put in and took out, by the clocks of the CRDT. No IO.

mod clocks;
pub(crate) mod db;
mod runs;
mod thin;
mod weave;

use bytes::Bytes;
use tokio::time::{Duration, Instant};
use types::{Hash, PersonId, Time};

pub(crate) use clocks::{News, Spans};
pub use weave::{Run, joined, text_at, weave};

use crate::handle::Limits;
use crate::replica::{Broken, Replica};
use crate::update;

/// With more authors than this at once, strokes are stored when their moment ends.
const STROKES_AT_ONCE_MAX: usize = 16;
/// A document with more new moments than this is thinned when it closes.
const MOMENTS_BEFORE_THINNING: usize = 16;
const MOMENTS_WHILE_OPEN_MAX: usize = 500;

/// How an edit came into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By a client of this hive.
    Typed,
    /// Something wrote the file.
    Saved,
    /// By another hive that has the document open too.
    Hive,
}

/// Who changed a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub person: Option<PersonId>,
    /// What they were called then.
    pub name: Option<String>,
    pub how: How,
    /// The content that was saved into the file.
    pub source: Option<Hash>,
}

/// What one author changed in a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stroke {
    pub(crate) author: Author,
    pub(crate) news: News,
}

/// When a moment was, and the content of the file if it held just this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: i64,
    pub(crate) began: Time,
    pub(crate) at: Time,
    pub(crate) content: Option<Hash>,
    pub(crate) label: Option<String>,
}

/// What of a moment has to be stored: some of its strokes, by their places.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) head: Head,
    pub(crate) strokes: Vec<(usize, Stroke)>,
}

/// The moment that goes on.
struct Open {
    head: Head,
    first: Instant,
    last: Instant,
    strokes: Vec<Stroke>,
    /// Which of them are not stored as they are, and whether the head is not.
    unsaved: Vec<bool>,
    head_unsaved: bool,
}

/// The moments of an open document that are not stored yet.
pub(crate) struct Past {
    pause: Duration,
    at_latest: Duration,
    next: i64,
    newest_at: Time,
    open: Option<Open>,
    waiting: Vec<Rows>,
    in_store: Vec<Rows>,
    /// Something has to be stored that no step of the document carries.
    urgent: bool,
    failed: bool,
    ended: usize,
}

impl Past {
    /// `last`: number and end of the newest moment that is stored.
    pub(crate) fn new(limits: &Limits, last: Option<(i64, Time)>) -> Self {
        let (number, newest_at) = last.unwrap_or((0, Time(0)));
        Self {
            pause: limits.moment_pause,
            at_latest: limits.moment_at_latest,
            next: number + 1,
            newest_at,
            open: None,
            waiting: Vec::new(),
            in_store: Vec::new(),
            urgent: false,
            failed: false,
            ended: 0,
        }
    }

    /// Somebody typed.
    pub(crate) fn typed(&mut self, strokes: Vec<Stroke>, now: Instant, time: Time) {
        let over = self.open.as_ref().is_some_and(|open| {
            now >= open.last + self.pause || now >= open.first + self.at_latest
        });
        if over {
            self.end();
        }
        for stroke in strokes {
            self.note(stroke, now, time);
        }
    }

    /// Something wrote the file, which was taken over as this update: a moment of its own.
    pub(crate) fn saved(&mut self, update: &Bytes, source: Hash, now: Instant, time: Time) {
        let Ok(news) = update::news(update) else { return };
        self.end();
        let author = Author { person: None, name: None, how: How::Saved, source: Some(source) };
        self.note(Stroke { author, news }, now, time);
        self.end();
        self.urgent = true;
    }

    /// The file holds just what the document does.
    pub(crate) fn settled(&mut self, content: Hash) {
        if let Some(open) = self.open.as_mut().filter(|open| open.head.content != Some(content)) {
            open.head.content = Some(content);
            open.head_unsaved = true;
        }
    }

    fn note(&mut self, stroke: Stroke, now: Instant, time: Time) {
        if stroke.news.is_empty() {
            return;
        }
        self.newest_at = time.max(self.newest_at.plus(i64::from(self.open.is_none())));
        let (number, at) = (self.next, self.newest_at);
        let open = self.open.get_or_insert_with(|| Open {
            head: Head { number, began: at, at, content: None, label: None },
            first: now,
            last: now,
            strokes: Vec::new(),
            unsaved: Vec::new(),
            head_unsaved: true,
        });
        self.next = open.head.number + 1;
        open.head.at = at;
        open.head.content = None;
        open.last = now;
        let known = open.strokes.iter_mut().position(|one| one.author == stroke.author);
        match known {
            Some(place) => {
                open.strokes[place].news.extend(&stroke.news);
                open.unsaved[place] = true;
            }
            None => {
                open.strokes.push(stroke);
                open.unsaved.push(true);
            }
        }
    }

    /// What comes next is another moment.
    pub(crate) fn end(&mut self) {
        if let Some(mut open) = self.open.take() {
            self.ended += 1;
            self.waiting.extend(open.rows());
        }
    }

    /// What has to be stored now. `quiet`: nobody is here who would bring a step of the document.
    pub(crate) fn is_due(&self, quiet: bool) -> bool {
        let open = self.open.as_ref().is_some_and(Open::is_unsaved);
        !self.failed && (self.urgent || (quiet && (open || !self.waiting.is_empty())))
    }

    /// What is to be stored with the next step.
    pub(crate) fn take(&mut self, all: bool) -> Vec<Rows> {
        self.urgent = false;
        let mut rows = std::mem::take(&mut self.waiting);
        let few = |open: &&mut Open| all || open.strokes.len() <= STROKES_AT_ONCE_MAX;
        rows.extend(self.open.as_mut().filter(few).and_then(Open::rows));
        self.in_store.clone_from(&rows);
        rows
    }

    /// What was taken is durable, or was not stored.
    pub(crate) fn stored(&mut self, done: bool) {
        self.failed = !done;
        let rows = std::mem::take(&mut self.in_store);
        if !done {
            self.waiting.splice(0..0, rows);
        }
    }

    /// There are enough new moments to thin the old ones when the document closes.
    pub(crate) fn is_long(&self) -> bool {
        self.ended > MOMENTS_BEFORE_THINNING
    }

    /// There are so many that it is done while the document is open.
    pub(crate) fn grew_long(&mut self) -> bool {
        let long = self.ended > MOMENTS_WHILE_OPEN_MAX;
        if long {
            self.ended = 0;
        }
        long
    }
}

impl Open {
    fn is_unsaved(&self) -> bool {
        self.head_unsaved || self.unsaved.contains(&true)
    }

    fn rows(&mut self) -> Option<Rows> {
        if !self.is_unsaved() {
            return None;
        }
        let unsaved = self.unsaved.iter_mut().zip(&self.strokes).enumerate();
        let strokes = unsaved
            .filter_map(|(place, (unsaved, stroke))| {
                std::mem::take(unsaved).then(|| (place, stroke.clone()))
            })
            .collect();
        self.head_unsaved = false;
        Some(Rows { head: self.head.clone(), strokes })
    }
}

/// All that a document ever held, as far as strokes tell of it.
pub(crate) fn runs_of(replica: &mut Replica, strokes: &[&News]) -> Result<Vec<Run>, Broken> {
    runs::of(replica, strokes)
}

/// Whose each part of a merged update is, by what each of them sent.
pub(crate) fn attribute(update: &Bytes, brought: Vec<(Author, &Bytes)>) -> Vec<Stroke> {
    let Ok(mut news) = update::news(update) else { return Vec::new() };
    let mut strokes: Vec<Stroke> = Vec::new();
    let one = brought.iter().all(|(author, _)| *author == brought[0].0);
    for (author, edit) in brought {
        let own = if one { Some(std::mem::take(&mut news)) } else { None };
        let own = own.or_else(|| Some(news.take(&update::news(edit).ok()?)));
        let Some(own) = own.filter(|own| !own.is_empty()) else { continue };
        match strokes.iter_mut().find(|stroke| stroke.author == author) {
            Some(stroke) => stroke.news.extend(&own),
            None => strokes.push(Stroke { author, news: own }),
        }
    }
    if let Some(first) = strokes.first_mut() {
        // What waited for its predecessors came earlier, from whom is not known any more.
        first.news.extend(&news);
    }
    strokes
}
