//! One editor's view of one text: the shadow that both sides know, the versions of both sides, and
//! what the client has not acknowledged yet. Pure; the text itself stands behind a trait.

use super::delta::{self, Change, Counts};
use super::escape::escape;
use super::request::{Action, Does};

/// The text that a view is of.
pub(super) trait Text {
    type Moment: Clone;

    fn text(&self) -> String;
    fn moment(&self) -> Self::Moment;
    /// Makes changes in the text as it was at a moment; gives the moment right after them, before
    /// whatever others did since.
    fn change(&mut self, at: &Self::Moment, changes: &[Change]) -> Result<Self::Moment, Lost>;
    fn may_edit(&self) -> bool;
}

/// The text is out of reach; the view has to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost;

/// What a client is known to have, and the moment of the text that it is, if it is one.
#[derive(Debug, Clone)]
struct Shadow<M> {
    text: String,
    at: Option<M>,
}

#[derive(Debug)]
pub(super) struct View<M> {
    shadow: Shadow<M>,
    backup: Shadow<M>,
    /// Edits of the client that were taken (`n`), and of the hive that were sent (`m`).
    from_client: i64,
    from_hive: i64,
    /// `m` when the backup was made.
    backup_version: i64,
    unseen: Vec<(i64, String)>,
    counts: Counts,
}

impl<M: Clone> View<M> {
    pub(super) fn new() -> Self {
        let empty = Shadow { text: String::new(), at: None };
        Self {
            shadow: empty.clone(),
            backup: empty,
            from_client: 0,
            from_hive: 0,
            backup_version: 0,
            unseen: Vec::new(),
            counts: Counts::Units,
        }
    }

    /// Bytes that the view keeps.
    pub(super) fn weight(&self) -> usize {
        let unseen: usize = self.unseen.iter().map(|(_, line)| line.len()).sum();
        self.shadow.text.len() + self.backup.text.len() + unseen
    }

    /// What the client has, as far as is known.
    pub(super) fn shadow(&self) -> &str {
        &self.shadow.text
    }

    /// Does what a client asks for in one go; `names` opens the answer where that is needed.
    pub(super) fn visit(
        &mut self,
        actions: &[Action],
        text: &mut impl Text<Moment = M>,
        user_named: bool,
        file_named: bool,
    ) -> Result<String, Lost> {
        let mut fits = true;
        let mut denied = false;
        let mut answered = None;
        for action in actions {
            self.acknowledge(action.seen);
            match &action.does {
                Does::Raw { number, force, text: given } => {
                    fits = true;
                    denied |= !self.raw(text, action.seen, *number, *force, given)?;
                    answered = Some((action, *force));
                }
                Does::Delta { number, force, delta } => {
                    let mut force = *force;
                    let took = self.delta(text, action.seen, *number, &mut force, delta)?;
                    fits &= took != Took::Misfit;
                    denied |= took == Took::Denied;
                    answered = Some((action, force));
                }
                Does::Nullify if text.may_edit() => self.rewrite(text, "")?,
                Does::Nullify | Does::Close | Does::About(_) => {}
            }
        }
        let mut answer = String::new();
        let Some((last, force)) = answered else { return Ok(answer) };
        if user_named {
            line(&mut answer, &format!("u:{}", last.user));
        }
        if file_named {
            line(&mut answer, &format!("F:{}:{}", self.from_client, last.file));
        }
        if denied {
            line(&mut answer, &format!("O:{}", last.file));
        }
        self.answer(text, fits, force, &mut answer);
        Ok(answer)
    }

    /// What the client says to have is not sent again; what it missed is.
    fn acknowledge(&mut self, seen: i64) {
        if seen != self.from_hive && seen == self.backup_version {
            // The last answer was lost.
            self.shadow = self.backup.clone();
            self.from_hive = self.backup_version;
            self.unseen.clear();
        }
        self.unseen.retain(|(version, _)| *version > seen);
    }

    /// False if the text was to be changed and may not be.
    fn raw(
        &mut self,
        text: &mut impl Text<Moment = M>,
        seen: i64,
        number: i64,
        force: bool,
        given: &str,
    ) -> Result<bool, Lost> {
        let mut taken = true;
        let present = text.text();
        if force || present.is_empty() {
            match text.may_edit() {
                true => self.rewrite(text, given)?,
                false => taken = unreturned(given) == present,
            }
        }
        let at = (text.text() == given).then(|| text.moment());
        self.shadow = Shadow { text: given.to_owned(), at };
        self.backup = self.shadow.clone();
        self.from_client = number;
        self.from_hive = seen;
        self.backup_version = seen;
        self.unseen.clear();
        Ok(taken)
    }

    fn delta(
        &mut self,
        text: &mut impl Text<Moment = M>,
        seen: i64,
        number: i64,
        force: &mut bool,
        delta: &str,
    ) -> Result<Took, Lost> {
        if seen != self.from_hive || number > self.from_client {
            return Ok(Took::Misfit);
        }
        if number < self.from_client {
            // It was taken already.
            return Ok(Took::All);
        }
        self.from_client += 1;
        let Some(applied) = delta::read(delta, &self.shadow.text) else {
            return Ok(Took::Misfit);
        };
        if applied.counts == Counts::Characters {
            self.counts = Counts::Characters;
        }
        let mut took = Took::All;
        let mut at = self.shadow.at.clone();
        let is_empty = text.text().is_empty();
        if !text.may_edit() {
            took = if applied.changes.is_empty() { Took::All } else { Took::Denied };
            at = at.filter(|_| applied.changes.is_empty());
        } else if is_empty || (*force && !applied.changes.is_empty()) {
            *force &= !is_empty;
            self.rewrite(text, &applied.after)?;
            at = Some(text.moment()).filter(|_| text.text() == applied.after);
        } else if !applied.changes.is_empty() {
            at = self.merge(text, &applied.changes)?;
        }
        self.shadow = Shadow { text: applied.after, at };
        self.backup = self.shadow.clone();
        self.backup_version = self.from_hive;
        Ok(took)
    }

    /// Brings a client's changes of its shadow into the text. Gives the moment that the client's
    /// text is then, if it is one.
    fn merge(
        &self,
        text: &mut impl Text<Moment = M>,
        changes: &[Change],
    ) -> Result<Option<M>, Lost> {
        let present = text.text();
        let others = documents::edits(&self.shadow.text, &present);
        // Of two replacements of one passage the first stays, as everywhere in MobWrite.
        let loses = |change: &&Change| {
            let end = change.at + change.delete;
            let replaced = others.iter().any(|other| {
                let covers = other.at <= change.at && end <= other.at + other.delete;
                covers && !other.insert.is_empty()
            });
            change.delete > 0 && !change.insert.is_empty() && replaced
        };
        let mut whole = true;
        let mut kept: Vec<Change> = Vec::with_capacity(changes.len());
        for change in changes {
            if loses(&change) {
                whole = false;
                continue;
            }
            let insert = unreturned(&change.insert);
            whole &= insert == change.insert;
            kept.push(Change { insert, ..*change });
        }
        if kept.is_empty() {
            return Ok(None);
        }
        let after = match &self.shadow.at {
            Some(at) => text.change(at, &kept)?,
            None => {
                let moved = moved(&kept, &delta::owned(&others));
                text.change(&text.moment(), &moved)?;
                return Ok(None);
            }
        };
        Ok(whole.then_some(after))
    }

    fn rewrite(&self, text: &mut impl Text<Moment = M>, to: &str) -> Result<(), Lost> {
        let to = unreturned(to);
        let changes = delta::owned(&documents::edits(&text.text(), &to));
        if !changes.is_empty() {
            text.change(&text.moment(), &changes)?;
        }
        Ok(())
    }

    fn answer(
        &mut self,
        text: &impl Text<Moment = M>,
        fits: bool,
        force: bool,
        answer: &mut String,
    ) {
        let present = text.text();
        let version = self.from_hive;
        let words = if fits {
            let delta = delta::write(&self.shadow.text, &present, self.counts);
            self.from_hive += 1;
            format!("{}:{version}:{delta}", if force { 'D' } else { 'd' })
        } else if present.is_empty() {
            format!("r:{version}:")
        } else {
            let mut words = format!("R:{version}:");
            escape(&present, &mut words);
            words
        };
        self.unseen.push((version, words));
        self.shadow = Shadow { text: present, at: Some(text.moment()) };
        for (_, words) in &self.unseen {
            line(answer, words);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    All,
    /// The delta is not of the text that the client is known to have.
    Misfit,
    Denied,
}

fn line(answer: &mut String, words: &str) {
    answer.push_str(words);
    answer.push('\n');
}

/// Lines end with a line feed alone.
fn unreturned(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Changes of a text, moved to where they stand after others changed it. What others put in stays.
fn moved(changes: &[Change], others: &[Change]) -> Vec<Change> {
    let units = |text: &str| text.encode_utf16().count() as i64;
    // Behind what others put in at the same place; at the end of it, inside of what they took out.
    let place = |at: u32| {
        let mut shift = 0;
        for other in others.iter().take_while(|other| other.at <= at) {
            if at < other.at + other.delete {
                return i64::from(other.at) + shift + units(&other.insert);
            }
            shift += units(&other.insert) - i64::from(other.delete);
        }
        i64::from(at) + shift
    };
    let fit = |value: i64| u32::try_from(value).unwrap_or_default();
    let mut found = Vec::new();
    for change in changes {
        let (start, end) = (change.at, change.at + change.delete);
        let insert = change.insert.clone();
        found.push(Change { at: fit(place(start)), delete: 0, insert });
        let mut points: Vec<u32> =
            others.iter().flat_map(|one| [one.at, one.at + one.delete]).collect();
        points.retain(|point| start < *point && *point < end);
        points.extend([start, end]);
        points.sort_unstable();
        points.dedup();
        for part in points.windows(2) {
            let is_gone =
                |other: &Change| other.at <= part[0] && part[1] <= other.at + other.delete;
            if !others.iter().any(is_gone) {
                let delete = part[1] - part[0];
                found.push(Change { at: fit(place(part[0])), delete, insert: String::new() });
            }
        }
    }
    found.retain(|change| change.delete > 0 || !change.insert.is_empty());
    found
}
