//! One file that the editor has open: between its buffer and the document.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::change::Change;
use crate::live::{Event, Live};
use crate::mirror::{Mirror, Sending, Told};
use crate::place::{self, Place};
use crate::rpc::Ears;

/// How long an editor may take to show that it made an edit that it says it made.
const ECHO_AWAITED: Duration = Duration::from_secs(2);
/// The same, once it told of other changes first.
const ECHO_AWAITED_AFTER_OTHERS: Duration = Duration::from_millis(250);
/// How long it may take to answer at all; some ask the person.
const ANSWER_AWAITED: Duration = Duration::from_secs(20);
const RETRY_FIRST: Duration = Duration::from_millis(15);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// How long saving waits for the edit under way, and for the hive. Emacs waits half a second.
const SAVE_WAITS: Duration = Duration::from_millis(400);
/// A file that was not written for so long is at rest.
const AT_REST_AFTER: Duration = Duration::from_secs(10);
/// After so many refusals in a row the person is told.
const REFUSALS_BEFORE_WORDS: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The document is not here yet; what is typed meanwhile enters it then.
    Joining,
    Live,
    /// The buffer and the document go ways of their own.
    Apart,
}

#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) uri: String,
    pub(super) path: PathBuf,
    pub(super) mirror: Mirror,
    pub(super) live: Live,
    pub(super) stage: Stage,
    pub(super) is_closed: bool,
    /// It lies in no share.
    pub(super) is_unshared: bool,
    /// The hive did not answer yet.
    is_away: bool,
    /// What both the editor's text and the document's come from.
    base: String,
    retry_at: Option<Instant>,
    doubt_at: Option<Instant>,
    refusals: u32,
    /// A save that waits for its last edits: the question's id.
    saving: Option<(Value, Instant)>,
    /// The trouble that the person was told of last.
    trouble: Option<String>,
    /// In a link's folder: says there that this editor has the document itself.
    _open: Option<place::Told>,
}

/// What the server has to do about a file.
#[derive(Debug, Default)]
pub(super) struct Todo {
    pub(super) apply: Option<Sending>,
    pub(super) people: bool,
    /// Whether the file is live has changed.
    pub(super) live: bool,
    pub(super) words: Option<(Kind, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Warning = 2,
    Info = 3,
}

impl OpenFile {
    pub(super) fn new(uri: String, path: PathBuf, mirror: Mirror, live: Live) -> Self {
        let base = base(&path, &mirror.shown().to_string());
        Self {
            uri,
            path,
            mirror,
            live,
            stage: Stage::Joining,
            is_closed: false,
            is_unshared: false,
            is_away: false,
            base,
            retry_at: None,
            doubt_at: None,
            refusals: 0,
            saving: None,
            trouble: None,
            _open: None,
        }
    }

    /// Puts what the hive did not get of it beside the file, when there is no more time.
    pub(super) fn keep_unsent(&self) {
        if self.stage == Stage::Live && !self.live.is_stored() {
            let text = self.live.text().to_string();
            if let Err(error) = place::keep_unsent(&self.path, &text) {
                tracing::error!(file = self.name(), %error, "what was typed cannot be kept");
            }
        }
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The editor told of changes.
    pub(super) fn told(&mut self, version: i64, told: &[Told], ears: &Ears) -> Todo {
        let document = self.live.text().clone();
        let local = self.mirror.told(version, told, &document);
        self.retry_at = None;
        self.refusals = 0;
        if !self.mirror.is_under_way() {
            self.doubt_at = None;
        }
        let mut todo = Todo::default();
        if self.stage == Stage::Live && !local.is_empty() {
            self.own(&local, &mut todo);
        }
        self.go_on(todo, ears)
    }

    fn own(&mut self, local: &Change, todo: &mut Todo) {
        if !self.live.may_edit() {
            let words = format!(
                "You may read {} and not edit it. What you type stays in this window; close the \
                 file and open it again to follow the others.",
                self.name()
            );
            self.part(words, todo);
            return;
        }
        self.live.edit(local);
        if let Some(last) = local.edits().last() {
            let end = last.start + crate::change::characters(&last.insert);
            let moved: isize = local.edits().iter().rev().skip(1).map(shift).sum();
            let end = end.saturating_add_signed(moved);
            self.live.point(Some((end, end)));
        }
    }

    /// Something happened to the document.
    pub(super) fn heard(&mut self, event: Event, ears: &Ears) -> Todo {
        let mut todo = Todo::default();
        match event {
            Event::Began => self.begin(&mut todo),
            Event::Changed { change, before } if self.stage == Stage::Live => {
                if let Some(own) = self.mirror.remote(&change, &before) {
                    self.live.edit(&own);
                }
                todo.people = true;
            }
            Event::People => todo.people = true,
            Event::Condition(condition) => {
                let words = format!("{}: {} {}", self.name(), condition.detail, condition.hint);
                match condition.state.as_str() {
                    "live" => self.trouble = None,
                    _ => self.say(words, &mut todo),
                }
            }
            Event::Ended(why) => {
                let words = format!("{} is not live in this window. {why}", self.name());
                self.part(words, &mut todo);
            }
            Event::Waiting(why) if self.stage == Stage::Live => {
                let words = format!(
                    "{} is not live now: {why} What you type stays in this window, and goes out \
                     when the hive is back.",
                    self.name()
                );
                self.say(words, &mut todo);
            }
            Event::Waiting(why) => {
                self.is_away = true;
                tracing::debug!(file = self.name(), %why, "not live now");
            }
            Event::Unshared => self.is_unshared = true,
            Event::Stored | Event::Changed { .. } => {}
        }
        self.go_on(todo, ears)
    }

    fn begin(&mut self, todo: &mut Todo) {
        self.stage = Stage::Live;
        let place = Place::of(&self.path).zip(self.live.file());
        self._open = place.map(|((place, _), file)| place.tell_open(file));
        todo.live = true;
        todo.people = true;
        let document = self.live.text().clone();
        let own = self.mirror.start(&std::mem::take(&mut self.base), &document);
        if !own.is_empty() {
            self.own(&own, todo);
        }
    }

    /// From now on the buffer goes its own way.
    fn part(&mut self, words: String, todo: &mut Todo) {
        self.live.end();
        let was_live = self.stage == Stage::Live;
        self.stage = Stage::Apart;
        todo.live = was_live;
        todo.people = true;
        self.say(words, todo);
    }

    fn say(&mut self, words: String, todo: &mut Todo) {
        if self.trouble.as_ref() != Some(&words) {
            self.trouble = Some(words.clone());
            todo.words = Some((Kind::Warning, words));
        }
    }

    /// The editor answered an edit.
    pub(super) fn answered(&mut self, number: u64, made: bool, why: &str, ears: &Ears) -> Todo {
        let mut todo = Todo::default();
        let under_way = self.mirror.is_under_way();
        self.mirror.answered(number, made);
        if made {
            let after_others = self.mirror.is_doubtful();
            let wait = if after_others { ECHO_AWAITED_AFTER_OTHERS } else { ECHO_AWAITED };
            self.doubt_at = self.mirror.is_under_way().then(|| Instant::now() + wait);
        } else if under_way && !self.mirror.is_under_way() {
            self.refusals += 1;
            self.retry_at = Some(Instant::now() + self.pause());
            if self.refusals == REFUSALS_BEFORE_WORDS {
                let words = format!(
                    "The editor does not take the others' edits of {}. {why} It is tried again.",
                    self.name()
                );
                self.say(words, &mut todo);
            }
        }
        self.go_on(todo, ears)
    }

    fn pause(&self) -> Duration {
        RETRY_FIRST.saturating_mul(1 << self.refusals.min(10)).min(RETRY_LAST)
    }

    /// The editor is about to save, and waits for the last edits before it does.
    pub(super) fn will_save(&mut self, id: Value, ears: &Ears) {
        if !self.may_be_saved() && !self.is_unshared {
            self.saving = Some((id, Instant::now() + SAVE_WAITS));
        } else {
            self.answer_save(&id, ears);
        }
    }

    /// The hive has what the file will hold, so that it knows the file for the editor's.
    fn may_be_saved(&self) -> bool {
        let has_all = || self.live.is_stored() || !self.live.is_connected();
        match self.stage {
            Stage::Joining => self.is_away,
            Stage::Live => !self.mirror.is_under_way() && has_all(),
            Stage::Apart => true,
        }
    }

    fn answer_save(&mut self, id: &Value, ears: &Ears) {
        let sending = match self.stage {
            Stage::Live => self.mirror.next(),
            Stage::Joining | Stage::Apart => None,
        };
        match sending {
            None => ears.answer(id, Value::Null),
            Some(sending) => {
                self.mirror.answered(sending.number, true);
                self.doubt_at = Some(Instant::now() + ECHO_AWAITED);
                ears.answer(id, json!(sending.edits));
            }
        }
    }

    /// When [`OpenFile::is_due`] is to be asked.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let save = self.saving.as_ref().map(|(_, until)| *until);
        [self.retry_at, self.doubt_at, save].into_iter().flatten().min()
    }

    pub(super) fn is_due(&mut self, now: Instant, ears: &Ears) -> Todo {
        if let Some((id, _)) = self.saving.take_if(|(_, until)| *until <= now) {
            ears.answer(&id, Value::Null);
        }
        if self.doubt_at.take_if(|at| *at <= now).is_some() && self.mirror.is_under_way() {
            self.mirror.give_up();
            self.refusals += 1;
            self.retry_at = Some(now + self.pause());
        }
        self.retry_at.take_if(|at| *at <= now);
        self.go_on(Todo::default(), ears)
    }

    /// What is to be sent to the editor next.
    fn go_on(&mut self, mut todo: Todo, ears: &Ears) -> Todo {
        if self.stage != Stage::Live || self.is_closed {
            return todo;
        }
        if self.may_be_saved()
            && let Some((id, _)) = self.saving.take()
        {
            self.answer_save(&id, ears);
        }
        if self.retry_at.is_none() {
            todo.apply = self.mirror.next();
            if todo.apply.is_some() {
                self.doubt_at = Some(Instant::now() + ANSWER_AWAITED);
            }
        }
        todo
    }
}

/// How far an edit moves what stands after it.
fn shift(edit: &crate::change::Edit) -> isize {
    let inserted = isize::try_from(crate::change::characters(&edit.insert)).unwrap_or(0);
    inserted - isize::try_from(edit.end - edit.start).unwrap_or(0)
}

/// What an editor's text was made from: the file on disk, if it has been at rest since before the
/// editor can have read it, so that a difference is somebody's unsaved work. Otherwise the editor
/// may hold what the file was a moment ago, and the difference is the others'.
fn base(path: &Path, shown: &str) -> String {
    let at_rest = || {
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        let age = std::time::SystemTime::now().duration_since(modified).ok()?;
        (age >= AT_REST_AFTER).then_some(())
    };
    at_rest().and_then(|()| text_of(path)).unwrap_or_else(|| shown.to_owned())
}

/// A file's text as a document would hold it.
fn text_of(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let ends = text.bytes().filter(|byte| *byte == b'\n').count();
    let crlf = ends > 0 && text.matches("\r\n").count() == ends;
    Some(if crlf { text.replace("\r\n", "\n") } else { text.to_owned() })
}
