//! What an editor that speaks the language server protocol holds of a document, and what it is to
//! be told next. One edit is under way at a time; that it arrived is read from the editor's text.

use ropey::Rope;
use serde::{Deserialize, Serialize};

use crate::change::{Change, Edit};
use crate::diff;
use crate::offsets::{Position, Range, Unit};
use crate::queue::Queue;
use crate::session::left_over;

const MARK: char = '\u{feff}';
/// In more changes than these at once the echo is looked for at their start alone.
const CHANGES_SEARCHED_MAX: usize = 64;

/// One change as the editor tells it, on its text after those before. Without a range: the whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Told {
    pub(crate) range: Option<Range>,
    pub(crate) text: String,
}

/// One edit for the editor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TextEdit {
    pub(crate) range: Range,
    #[serde(rename = "newText")]
    pub(crate) text: String,
}

/// Edits for the editor, made on its text of `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sending {
    /// Which one it is, for [`Mirror::answered`].
    pub(crate) number: u64,
    pub(crate) version: i64,
    pub(crate) edits: Vec<TextEdit>,
}

/// How an editor behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) unit: Unit,
    /// It is known to make no edit on another version than the edit names, whatever it answers.
    pub(crate) strict: bool,
    /// Its last line always has an end.
    pub(crate) ends_last_line: bool,
}

#[derive(Debug)]
pub(crate) struct Mirror {
    /// The editor's text, as far as it told.
    shown: Rope,
    version: i64,
    manner: Manner,
    queue: Queue,
    flight: Option<Flight>,
    flights: u64,
    /// The editor ends its lines with CR LF; here and in the document they end with LF.
    crlf: bool,
    /// The editor's text begins with a byte order mark, which the document's does not have.
    mark: bool,
    /// The editor shows a line end after the last line that the document does not have.
    last_line_end: bool,
}

/// The edit that is under way.
#[derive(Debug)]
struct Flight {
    number: u64,
    version: i64,
    /// As it was sent: lines, and characters along them.
    edits: Vec<TextEdit>,
    /// The editor says that it made it.
    claimed: bool,
    /// The editor told of other changes since.
    passed: bool,
}

impl Mirror {
    pub(crate) fn new(text: &str, version: i64, manner: Manner) -> Self {
        let unmarked = text.strip_prefix(MARK);
        let mark = unmarked.is_some();
        let text = unmarked.unwrap_or(text);
        let ends = text.bytes().filter(|byte| *byte == b'\n').count();
        let crlf = ends > 0 && text.matches("\r\n").count() == ends;
        let shown = if crlf { Rope::from(text.replace("\r\n", "\n")) } else { Rope::from(text) };
        Self {
            shown,
            version,
            manner,
            queue: Queue::default(),
            flight: None,
            flights: 0,
            crlf,
            mark,
            last_line_end: false,
        }
    }

    /// The document is there. `base` is what both texts come from: the editor's difference to it
    /// is an edit of its own and given back for the document, the document's comes to the editor.
    pub(crate) fn start(&mut self, base: &str, document: &Rope) -> Change {
        let (shown, text) = (self.shown.to_string(), document.to_string());
        self.queue = Queue::default();
        self.flight = None;
        self.last_line_end = shown.strip_suffix('\n') == Some(text.as_str());
        if self.last_line_end || shown == text {
            return Change::default();
        }
        // What the editor saved meanwhile is in the document already.
        let theirs = diff::change(base, &text);
        let own = left_over(&diff::change(base, &shown), &theirs);
        let (_, local) = theirs.beside(&own);
        let mut after = document.clone();
        local.apply(&mut after);
        self.queue.remote(&diff::change(&shown, &after.to_string()));
        local
    }

    /// Somebody else changed the document; gives what the document is to have besides.
    pub(crate) fn remote(&mut self, change: &Change, before: &Rope) -> Option<Change> {
        let end = self.take_line_end(before);
        let own = match &end {
            // The line end is the editor's own, made beside the change.
            Some(end) => {
                let (remote, local) = change.beside(end);
                self.queue.remote(&remote);
                Some(local)
            }
            None => {
                self.queue.remote(change);
                None
            }
        };
        let mut after = before.clone();
        change.apply(&mut after);
        if let Some(own) = &own {
            own.apply(&mut after);
        }
        let length = after.len_chars();
        if !self.manner.ends_last_line || length == 0 || after.char(length - 1) == '\n' {
            return own;
        }
        let line_end = Change::replace(length, length, "\n");
        self.queue.remote(&line_end);
        Some(own.unwrap_or_default().then(&line_end))
    }

    /// The editor's line end after the last line, as a change of a document with this text.
    fn take_line_end(&mut self, document: &Rope) -> Option<Change> {
        let length = document.len_chars();
        std::mem::take(&mut self.last_line_end).then(|| Change::replace(length, length, "\n"))
    }

    /// The editor told of changes: what the document, with this text, is to have of them.
    pub(crate) fn told(&mut self, version: i64, told: &[Told], document: &Rope) -> Change {
        let end = self.take_line_end(document).unwrap_or_default();
        self.version = version;
        let mut texts = vec![self.shown.clone()];
        let mut steps = Vec::new();
        for one in told {
            let now = texts.last().cloned().unwrap_or_default();
            for step in self.steps_of(one, &now) {
                let mut next = texts.last().cloned().unwrap_or_default();
                if step.apply(&mut next) {
                    texts.push(next);
                    steps.push(step);
                }
            }
        }
        let echo = self.echo(&texts);
        self.shown = texts.last().cloned().unwrap_or_default();
        let all = |steps: &[Change]| steps.iter().fold(Change::default(), |all, one| all.then(one));
        let Some((from, to)) = echo else {
            let local = self.queue.local(&all(&steps));
            let strict = self.minds_version();
            if let Some(flight) = &mut self.flight
                && !steps.is_empty()
            {
                flight.passed = true;
                if flight.claimed || strict {
                    self.give_up();
                }
            }
            return end.then(&local);
        };
        let before = self.queue.local(&all(&steps[..from]));
        self.take_echo(&texts[from], &texts[to], &all(&steps[from..to]));
        let after = self.queue.local(&all(&steps[to..]));
        end.then(&before).then(&after)
    }

    /// The edit under way arrived: it led from one text to the other.
    fn take_echo(&mut self, before: &Rope, after: &Rope, made: &Change) {
        self.flight = None;
        let wanted = self.queue.first().cloned().unwrap_or_default();
        self.queue.seen(1);
        let mut right = before.clone();
        if wanted.apply(&mut right) && right == *after {
            return;
        }
        // The editor made it on a text that it was not meant for: it landed beside its place.
        let mend = made.back(before).then(&wanted);
        self.queue.mend(&mend);
    }

    /// Between which of these texts the edit under way was made.
    fn echo(&self, texts: &[Rope]) -> Option<(usize, usize)> {
        let flight = self.flight.as_ref()?;
        let last = texts.len().saturating_sub(1);
        let found = |from: usize, expected: &Rope| {
            let mut after = texts.iter().enumerate().skip(from + 1);
            let same = |text: &Rope| text.len_bytes() == expected.len_bytes() && text == expected;
            after.find(|(_, text)| same(text)).map(|(to, _)| (from, to))
        };
        let mut expected = texts.first()?.clone();
        if last > 0 && self.queue.first()?.apply(&mut expected) {
            let first = found(0, &expected);
            if first.is_some() {
                return first;
            }
        }
        // Who minds versions makes it on the text that was known last, or not at all.
        if self.minds_version() || last > CHANGES_SEARCHED_MAX {
            return None;
        }
        (0..last).rev().find_map(|from| {
            let expected = self.made(&flight.edits, &texts[from]);
            found(from, &expected)
        })
    }

    /// Some take the version 0 for none.
    fn minds_version(&self) -> bool {
        self.manner.strict && self.flight.as_ref().is_some_and(|flight| flight.version > 0)
    }

    /// These edits as an editor makes them on this text: by their lines and places along them.
    fn made(&self, edits: &[TextEdit], text: &Rope) -> Rope {
        let mut result = text.clone();
        let places = edits.iter().rev().map(|edit| {
            let start = self.character(text, edit.range.start);
            (start, self.character(text, edit.range.end).max(start), edit)
        });
        for (start, end, edit) in places {
            if end <= result.len_chars() {
                result.remove(start..end);
                result.insert(start, &self.inside(&edit.text));
            }
        }
        result
    }

    /// A told change on this text. The whole text is taken for the edit under way and the rest, if
    /// the editor said that it made it, or if that leaves less to explain.
    fn steps_of(&mut self, told: &Told, text: &Rope) -> Vec<Change> {
        if let Some(range) = told.range {
            if !self.crlf && text.len_lines() == 1 && told.text.contains("\r\n") {
                self.crlf = true;
            }
            let start = self.character(text, range.start);
            let end = self.character(text, range.end).max(start);
            return vec![Change::replace(start, end, &self.inside(&told.text))];
        }
        let unmarked = told.text.strip_prefix(MARK);
        self.mark = unmarked.is_some();
        let whole = self.inside(unmarked.unwrap_or(&told.text));
        let plain = diff::change(&text.to_string(), &whole);
        let (Some(flight), Some(sent)) = (&self.flight, self.queue.first()) else {
            return vec![plain];
        };
        let made = self.made(&flight.edits, text);
        let rest = diff::change(&made.to_string(), &whole);
        let mut right = text.clone();
        let fits = sent.apply(&mut right) && right == made;
        let is_likely = rest.weight() < plain.weight() && rest.keeps_what(sent);
        if fits && (is_likely || flight.claimed) {
            let all = [sent.clone(), rest];
            return all.into_iter().filter(|change| !change.is_empty()).collect();
        }
        vec![plain]
    }

    /// What the editor is to be told now, unless an edit is under way.
    pub(crate) fn next(&mut self) -> Option<Sending> {
        if self.flight.is_some() {
            return None;
        }
        // Neovim may tell of several edits in several messages, and others come between.
        let change = if self.manner.strict { self.queue.send_one()? } else { self.queue.send()? };
        let mut after = self.shown.clone();
        change.apply(&mut after);
        if after == self.shown {
            self.queue.seen(1);
            return None;
        }
        let edits: Vec<TextEdit> = change
            .edits()
            .into_iter()
            .map(|edit| before_last_line_end(edit, &self.shown))
            .map(|edit| TextEdit {
                range: Range { start: self.position(edit.start), end: self.position(edit.end) },
                text: self.outside(edit.insert),
            })
            .collect();
        self.flights += 1;
        let (number, sent) = (self.flights, edits.clone());
        let version = self.version;
        let flight = Flight { number, version, edits: sent, claimed: false, passed: false };
        self.flight = Some(flight);
        Some(Sending { number, version, edits })
    }

    /// The editor says that it made an edit, or that it did not.
    pub(crate) fn answered(&mut self, number: u64, made: bool) {
        match &mut self.flight {
            Some(flight) if flight.number == number && made => flight.claimed = true,
            Some(flight) if flight.number == number => self.give_up(),
            _ => {}
        }
    }

    /// The edit under way was not made: it is to be told anew.
    pub(crate) fn give_up(&mut self) {
        if self.flight.take().is_some() {
            self.queue.unsend();
        }
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.flight.is_some()
    }

    /// The editor said that it made the edit, and told of other changes only.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.claimed && flight.passed)
    }

    /// The editor holds the document's text.
    #[cfg(test)]
    pub(crate) fn is_in_step(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn shown(&self) -> &Rope {
        &self.shown
    }

    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    /// A place in the document as a character of the editor's text.
    pub(crate) fn to_shown(&self, place: usize) -> usize {
        self.queue.back(&self.shown).map_or(place, |back| back.place(place))
    }

    /// A character of the editor's text as a place in the document.
    pub(crate) fn to_document(&self, place: usize) -> usize {
        self.queue.ahead(place)
    }

    pub(crate) fn character(&self, text: &Rope, mut position: Position) -> usize {
        if self.mark && position.line == 0 {
            position.character = position.character.saturating_sub(self.mark_width());
        }
        self.manner.unit.character(text, position)
    }

    pub(crate) fn position(&self, character: usize) -> Position {
        let mut position = self.manner.unit.position(&self.shown, character);
        if self.mark && position.line == 0 {
            position.character += self.mark_width();
        }
        position
    }

    fn mark_width(&self) -> usize {
        if self.manner.unit == Unit::Utf8 { MARK.len_utf8() } else { 1 }
    }

    fn inside(&self, text: &str) -> String {
        if self.crlf { text.replace("\r\n", "\n") } else { text.to_owned() }
    }

    fn outside(&self, text: String) -> String {
        if self.crlf { text.replace('\n', "\r\n") } else { text }
    }
}

/// The same edit so that it leaves the last line end alone, where there is one before and after:
/// editors do not agree on what stands behind it. Neovim joins to the last line what is put there.
fn before_last_line_end(edit: Edit, text: &Rope) -> Edit {
    let length = text.len_chars();
    let ends_line = |at: usize| at > 0 && text.char(at - 1) == '\n';
    if edit.end != length || !ends_line(length) {
        return edit;
    }
    let Edit { start, end, insert } = edit;
    match insert.strip_suffix('\n') {
        Some(insert) if start == end => {
            Edit { start: start - 1, end: end - 1, insert: format!("\n{insert}") }
        }
        Some(insert) => Edit { start, end: end - 1, insert: insert.to_owned() },
        None if insert.is_empty() && start < end && ends_line(start) => {
            Edit { start: start - 1, end: end - 1, insert }
        }
        None => Edit { start, end, insert },
    }
}
