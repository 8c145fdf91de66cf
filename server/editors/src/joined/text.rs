//! One text of a link: between its file in the link's folder and its document.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ropey::Rope;
use tokio::time::Instant;

use crate::diff;
use crate::line::What;
use crate::live::{Event, Live};
use crate::place::{Place, keep_unsent};
use crate::queue::Queue;
use crate::session::left_over;

/// A file that was written so lately may be written on.
const AT_REST_AFTER: Duration = Duration::from_millis(40);
/// One that was just emptied will mostly be filled again.
const EMPTY_FOR: Duration = Duration::from_secs(1);
/// Programs that save take a file away for a moment.
const MISSING_FOR: Duration = Duration::from_millis(1_500);
/// How long the edits that an editor saved may take to come by the document.
const EDITS_AWAITED: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(25);
const MOMENTS_MAX: usize = 256;
const MOMENTS_FOR: Duration = Duration::from_secs(15);
const WRITABLE: u32 = 0o200;

#[derive(Debug)]
pub(super) struct Text {
    pub(super) id: String,
    pub(super) path: PathBuf,
    /// `None`: nobody has touched it lately.
    pub(super) live: Option<Live>,
    /// Size and time as the hive last listed it.
    pub(super) stamp: (u64, i64),
    pub(super) touched_at: Instant,
    has_begun: bool,
    /// It will not be live again.
    is_apart: bool,
    /// What the file held when it was last read or written here.
    disk: Option<Rope>,
    /// From there to the document.
    queue: Queue,
    /// What the document was lately.
    moments: VecDeque<(Instant, Rope)>,
    /// Since when the file holds something that cannot be taken yet.
    odd_since: Option<Instant>,
    look_at: Option<Instant>,
    write_now: bool,
    /// What the folder remembers as in step.
    base: Option<Rope>,
}

/// What there is to tell of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Note {
    Connected,
    Away(String),
    Ended(String),
    /// What could not be sent stands beside it.
    Kept(String),
    Words(String),
}

enum Held {
    Missing,
    NoText,
    Text(Rope),
}

impl Text {
    pub(super) fn new(id: String, path: PathBuf, stamp: (u64, i64), base: Option<String>) -> Self {
        Self {
            id,
            path,
            live: None,
            stamp,
            touched_at: Instant::now(),
            has_begun: false,
            is_apart: false,
            disk: None,
            queue: Queue::default(),
            moments: VecDeque::new(),
            odd_since: None,
            look_at: None,
            write_now: false,
            base: base.map(Rope::from),
        }
    }

    pub(super) fn wake(&mut self, live: Live) {
        self.live = Some(live);
        self.has_begun = false;
        self.touched_at = Instant::now();
    }

    /// Nothing is under way: its line can be given up.
    pub(super) fn can_sleep(&self) -> bool {
        self.has_begun && !self.is_unsent() && self.queue.is_empty() && !self.is_due()
    }

    pub(super) fn sleep(&mut self) {
        self.live = None;
        self.has_begun = false;
    }

    pub(super) fn is_apart(&self) -> bool {
        self.is_apart
    }

    /// Its text has come, or will not come.
    pub(super) fn is_there(&self) -> bool {
        self.disk.is_some() || self.is_apart
    }

    fn is_due(&self) -> bool {
        self.write_now || self.look_at.is_some() || self.odd_since.is_some()
    }

    /// Something that was written here is not durable at the hive.
    pub(super) fn is_unsent(&self) -> bool {
        let stored = self.live.as_ref().is_none_or(|live| self.has_begun && live.is_stored());
        let read = match (read(&self.path), &self.disk, &self.base) {
            (Held::Text(held), Some(disk), _) => held != *disk,
            (Held::Text(held), None, Some(base)) => held != *base,
            _ => false,
        };
        read || !stored && (self.has_begun || self.is_apart)
    }

    pub(super) fn take(&mut self, what: What, place: &Place) -> Vec<Note> {
        let Some(live) = &mut self.live else { return Vec::new() };
        let mut notes = Vec::new();
        if matches!(what, What::Connected(_)) {
            notes.push(Note::Connected);
        }
        for event in live.take(what) {
            match event {
                Event::Began => notes.extend(self.begin(place)),
                Event::Changed { change, .. } if self.has_begun => {
                    self.queue.remote(&change);
                    self.note_moment();
                    self.touched_at = Instant::now();
                    self.write_now = true;
                }
                Event::Waiting(why) => notes.push(Note::Away(why)),
                Event::Ended(why) => {
                    self.is_apart = true;
                    notes.push(Note::Ended(why));
                    notes.extend(self.keep_copy());
                }
                Event::Condition(condition) if condition.state != "live" => {
                    let words = format!("{}: {} {}", self.name(), condition.detail, condition.hint);
                    notes.push(Note::Words(words));
                }
                Event::Stored => self.keep_base(place),
                _ => {}
            }
        }
        notes
    }

    /// The document is here: what the file and the document became since they were in step last
    /// comes together.
    fn begin(&mut self, place: &Place) -> Option<Note> {
        self.has_begun = true;
        self.write_now = true;
        let base = self.disk.take().or(self.base.take());
        let base = base.or_else(|| place.base(&self.id).map(Rope::from));
        let live = self.live.as_mut()?;
        let document = live.text().to_string();
        let mut note = None;
        self.queue = Queue::default();
        if let Held::Text(held) = read(&self.path) {
            let shown = held.to_string();
            self.disk = Some(held);
            if let Some(base) = base.map(|base| base.to_string()) {
                let theirs = diff::change(&base, &document);
                let own = left_over(&diff::change(&base, &shown), &theirs);
                let (_, own) = theirs.beside(&own);
                if own.is_empty() || live.may_edit() {
                    live.edit(&own);
                } else {
                    note = self.keep_aside(&shown);
                }
            } else if shown != document {
                note = self.keep_aside(&shown);
            }
            let now = self.live.as_ref()?.text().to_string();
            self.queue.remote(&diff::change(&shown, &now));
        }
        self.note_moment();
        note
    }

    fn note_moment(&mut self) {
        let Some(live) = &self.live else { return };
        let now = Instant::now();
        self.moments.retain(|(at, _)| now.saturating_duration_since(*at) < MOMENTS_FOR);
        if self.moments.len() >= MOMENTS_MAX {
            self.moments.pop_front();
        }
        self.moments.push_back((now, live.text().clone()));
    }

    /// Somebody may have saved the file.
    pub(super) fn look_soon(&mut self, after: Duration) {
        let at = Instant::now() + after;
        self.look_at = Some(self.look_at.map_or(at, |known| known.min(at)));
    }

    pub(super) fn due_at(&self) -> Option<Instant> {
        // What waits to be written was due when somebody touched it.
        let write = (self.write_now && self.odd_since.is_none()).then_some(self.touched_at);
        write.into_iter().chain(self.look_at).min()
    }

    /// The file changed while its line was given up.
    pub(super) fn is_to_wake(&self) -> bool {
        self.live.is_none()
            && !self.is_apart
            && match (read(&self.path), &self.disk) {
                (Held::Text(held), Some(disk)) => held != *disk,
                (Held::Missing, Some(_)) => true,
                _ => false,
            }
    }

    /// Takes what was saved, and writes what others did.
    pub(super) fn go_on(&mut self, place: &Place) -> Vec<Note> {
        let now = Instant::now();
        self.look_at.take_if(|at| *at <= now);
        if !self.has_begun || self.is_apart {
            return Vec::new();
        }
        let mut notes = Vec::new();
        if !self.look(place, now, &mut notes) {
            self.odd_since.get_or_insert(now);
            self.look_soon(LOOK_AGAIN);
            return notes;
        }
        self.odd_since = None;
        if let Err(error) = self.write(place) {
            let words = format!("{} cannot be written: {error}.", self.path.display());
            notes.push(Note::Words(words));
            self.look_soon(EMPTY_FOR);
        }
        self.keep_base(place);
        notes
    }

    /// Takes what the file holds; false if that is too early.
    fn look(&mut self, place: &Place, now: Instant, notes: &mut Vec<Note>) -> bool {
        let odd_for = self.odd_since.map(|since| now.saturating_duration_since(since));
        let waited = |time: Duration| odd_for.is_some_and(|odd| odd >= time);
        let held = match read(&self.path) {
            Held::Missing if self.disk.is_none() || waited(MISSING_FOR) => {
                self.disk = None;
                self.write_now = true;
                return true;
            }
            Held::Missing => return false,
            Held::NoText => {
                let words = format!("{} is no text any more, and is not sent.", self.name());
                notes.push(Note::Words(words));
                return false;
            }
            Held::Text(held) => held,
        };
        if self.disk.as_ref() == Some(&held) {
            return true;
        }
        let emptied = held.len_bytes() == 0 && !waited(EMPTY_FOR);
        if emptied || !is_at_rest(&self.path) {
            return false;
        }
        if place.is_open(&self.id) {
            // An editor that has the document saved it: its edits come, or came, by the document.
            if self.moments.iter().any(|(_, moment)| *moment == held) {
                self.holds(held);
                return true;
            }
            if !waited(EDITS_AWAITED) {
                return false;
            }
        }
        notes.extend(self.take_saved(held));
        true
    }

    /// The file holds this, of which the document has all that it wants.
    fn holds(&mut self, held: Rope) {
        let document = self.live.as_ref().map(|live| live.text().to_string()).unwrap_or_default();
        self.queue = Queue::default();
        self.queue.remote(&diff::change(&held.to_string(), &document));
        self.disk = Some(held);
        self.write_now = true;
    }

    /// What somebody saved enters the document as the smallest edit.
    fn take_saved(&mut self, held: Rope) -> Option<Note> {
        self.touched_at = Instant::now();
        let shown = held.to_string();
        let may_edit = self.live.as_ref().is_some_and(Live::may_edit);
        let Some(disk) = self.disk.as_ref().filter(|_| may_edit) else {
            self.holds(held);
            return self.keep_aside(&shown);
        };
        let own = diff::change(&disk.to_string(), &shown);
        let change = self.queue.local(&own);
        self.disk = Some(held);
        self.write_now = true;
        if let Some(live) = &mut self.live {
            live.edit(&change);
        }
        self.note_moment();
        None
    }

    fn write(&mut self, place: &Place) -> io::Result<()> {
        self.write_now = false;
        let Some(live) = &self.live else { return Ok(()) };
        let text = live.text().clone();
        if self.disk.as_ref() != Some(&text) {
            let before = replace(&self.path, &text, live.may_edit(), place)?;
            let expected = self.disk.replace(text);
            self.queue = Queue::default();
            if let (Some(before), Some(expected)) = (before, expected)
                && before != expected
            {
                // It was saved in this very moment.
                let own = diff::change(&expected.to_string(), &before.to_string());
                let theirs = diff::change(&expected.to_string(), &live.text().to_string());
                let (_, own) = theirs.beside(&own);
                if let Some(live) = &mut self.live {
                    live.edit(&own);
                    self.queue.remote(&own);
                }
                self.write_now = true;
            }
        }
        Ok(())
    }

    /// Remembers in the folder what is in step, so that a later visit knows what was changed apart.
    pub(super) fn keep_base(&mut self, place: &Place) {
        let in_step = self.has_begun && self.queue.is_empty() && !self.is_due();
        let stored = self.live.as_ref().is_some_and(Live::is_stored);
        if in_step && stored && self.disk.is_some() && self.base != self.disk {
            self.base = self.disk.clone();
            let text = self.disk.as_ref().map(Rope::to_string).unwrap_or_default();
            drop(place.keep_base(&self.id, &text));
        }
    }

    /// Puts a copy of what could not be sent beside the file.
    pub(super) fn keep_copy(&self) -> Option<Note> {
        if !self.is_unsent() {
            return None;
        }
        let Held::Text(held) = read(&self.path) else { return None };
        let text = match (&self.live, &self.disk) {
            (Some(live), Some(disk)) if held == *disk && self.has_begun => live.text().to_string(),
            _ => held.to_string(),
        };
        self.keep_aside(&text)
    }

    fn keep_aside(&self, text: &str) -> Option<Note> {
        let words = match keep_unsent(&self.path, text) {
            Ok(copy) => format!(
                "What was written in {} could not be sent. It is kept in {}.",
                self.name(),
                copy.display()
            ),
            Err(error) => format!("A copy of {} cannot be kept: {error}.", self.path.display()),
        };
        Some(Note::Kept(words))
    }

    /// The hive has it no more: the file goes too, unless it holds something that was not sent.
    pub(super) fn remove(&self) -> Option<Note> {
        match self.keep_copy() {
            None => {
                drop(fs::remove_file(&self.path));
                None
            }
            kept => kept,
        }
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

fn read(path: &Path) -> Held {
    match fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let ends = text.bytes().filter(|byte| *byte == b'\n').count();
            let crlf = ends > 0 && text.matches("\r\n").count() == ends;
            Held::Text(if crlf { Rope::from(text.replace("\r\n", "\n")) } else { text.into() })
        }
        Ok(Err(_)) => Held::NoText,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Held::Missing,
        Err(_) => Held::NoText,
    }
}

fn is_at_rest(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|known| known.modified());
    let age = modified.ok().and_then(|at| std::time::SystemTime::now().duration_since(at).ok());
    age.is_none_or(|age| age >= AT_REST_AFTER)
}

/// Puts a text in the place of a file, and gives what stood there.
fn replace(path: &Path, text: &Rope, may_edit: bool, place: &Place) -> io::Result<Option<Rope>> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let new = place.own(&format!("new-{}", std::process::id()));
    text.write_to(io::BufWriter::new(fs::File::create(&new)?))?;
    let mode = fs::metadata(path).map_or(0o644, |known| known.permissions().mode());
    let mode = if may_edit { mode | WRITABLE } else { mode & !0o222 };
    fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    if renameat_with(CWD, &new, CWD, path, RenameFlags::EXCHANGE).is_ok() {
        let before = read(&new);
        fs::remove_file(&new)?;
        return Ok(if let Held::Text(before) = before { Some(before) } else { None });
    }
    fs::rename(&new, path)?;
    Ok(None)
}
