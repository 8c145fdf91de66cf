//! The keeper's dealings with the file: when to read and write it, and what its content means.

use tokio::time::{Duration, Instant};
use types::Hash;

use super::{Carries, DiskTrouble, Doubt, Errand, Flow, Keeper, Taken};
use crate::db::{Mark, Reach};
use crate::replica::{Broken, Replica};
use crate::text::{self, Form};
use crate::{Condition, DiskError, Error, Plain, Stamp, Write, diff};

/// A file that shrank to less than this part of what it was may be half-written.
const SHRUNK_TO_PART: usize = 2;
/// How soon a file that looks half-written is read again.
const DOUBT_STEP: Duration = Duration::from_millis(50);

impl Keeper {
    /// The next errand on the disk, if there is one and none is under way.
    pub(crate) fn next_errand(&mut self, now: Instant) -> Option<Errand> {
        if let Flow::ToWrite { bytes, holds } = &mut self.flow {
            let (bytes, holds) = (std::mem::take(bytes), std::mem::take(holds));
            let Some(expected) = self.stamp else {
                self.flow = Flow::Idle;
                self.look_at = Some(now);
                return None;
            };
            self.flow = Flow::Writing { holds: holds.clone() };
            return Some(Errand::Write(Write { bytes, expected, by: self.by, holds }));
        }
        let due = |at: Instant| at <= now;
        if let Some(holds) = self.embraces(now) {
            self.flow = Flow::Writing { holds: Vec::new() };
            return Some(Errand::Embrace(self.settled.hash, holds));
        }
        let look = self.look_at.is_some_and(due) || self.disk_retry_at().is_some_and(due);
        if !look || !matches!(self.flow, Flow::Idle) || self.carries_mark() {
            return None;
        }
        self.look_at = None;
        self.flow = Flow::Reading;
        Some(Errand::Read)
    }

    fn carries_mark(&self) -> bool {
        self.in_store.as_ref().is_some_and(|step| step.carries != Carries::Updates)
    }

    /// Friends' contents were told to be in the file, or could not be.
    pub(crate) fn embraced(&mut self) {
        self.flow = Flow::Idle;
    }

    pub(crate) fn wrote(&mut self, outcome: Result<Stamp, DiskError>, now: Instant) {
        let holds = match std::mem::replace(&mut self.flow, Flow::Idle) {
            Flow::Writing { holds } => holds,
            _ => Vec::new(),
        };
        if let Some(intent) = &mut self.intent {
            intent.failed = outcome.is_err();
        }
        match outcome {
            Ok(stamp) => {
                self.stamp = Some(stamp);
                self.wrote_holding(&holds);
                if let Some(intent) = self.intent.take() {
                    self.slot = 1 - self.slot;
                    self.settle_as(intent);
                    self.unconfirmed = true;
                }
                self.disk_trouble = None;
            }
            Err(DiskError::Changed | DiskError::Gone) => {
                // It surely was not written, and a hive that is killed now must know that.
                self.intent = None;
                self.unconfirmed = true;
                self.look_at = Some(now);
            }
            Err(error) => self.stumble(Condition::of_disk(&error), true, now),
        }
        if !self.is_settled() && self.first_change_at.is_none() {
            self.first_change_at = Some(now);
            self.last_change_at = Some(now);
        }
    }

    pub(crate) fn read(
        &mut self,
        outcome: Result<Plain, DiskError>,
        replica: &Replica,
        now: Instant,
    ) -> Result<(), Broken> {
        self.flow = Flow::Idle;
        let plain = match outcome {
            Ok(plain) => plain,
            Err(error @ (DiskError::Gone | DiskError::TooLarge(_))) => {
                if self.is_certain(None, now) {
                    self.part(Condition::of_disk(&error));
                }
                return Ok(());
            }
            Err(error) => {
                self.doubt = None;
                self.stumble(Condition::of_disk(&error), false, now);
                return Ok(());
            }
        };
        let hash = plain.stamp.hash;
        if hash == self.settled.hash {
            self.unconfirmed |= self.intent.take().is_some();
            self.sound(plain.stamp);
            return Ok(());
        }
        if let Some(intent) = self.intent.take_if(|intent| intent.mark.hash == hash) {
            self.slot = 1 - self.slot;
            self.settle_as(intent);
            self.unconfirmed = true;
            self.sound(plain.stamp);
            return Ok(());
        }
        match text::decode(&plain.bytes) {
            Ok((text, form)) => self.take(&text, form, &plain, replica, now),
            Err(error) => {
                if self.is_certain(Some(hash), now) {
                    self.part(Condition::of_unfit(&error));
                }
                Ok(())
            }
        }
    }

    /// The file holds what it was thought to hold.
    fn sound(&mut self, stamp: Stamp) {
        self.stamp = Some(stamp);
        self.recover();
    }

    /// The file could be read. If writing it failed before, that is tried again now.
    fn recover(&mut self) {
        self.doubt = None;
        let settled = self.is_settled();
        match &mut self.disk_trouble {
            Some(trouble) if trouble.in_writing && !settled => trouble.again = true,
            Some(_) => self.disk_trouble = None,
            None => return,
        }
        self.settle_now = !settled;
    }

    /// Whether a file that is read for the first time may hold what came from other hives as text,
    /// because nobody had it in hand, while they have the same as edits of this generation.
    pub(crate) fn is_foreign(&self, read: &Result<Plain, DiskError>) -> bool {
        let known = |hash: Hash| {
            let intended = self.intent.as_ref().is_some_and(|intent| intent.mark.hash == hash);
            hash == self.settled.hash || intended
        };
        let first = self.stamp.is_none() && self.disk_trouble.is_none();
        let theirs = |plain: &Plain| plain.foreign && !known(plain.stamp.hash);
        self.reach() == Reach::Common && first && read.as_ref().is_ok_and(theirs)
    }

    /// Another program wrote this text.
    fn take(
        &mut self,
        text: &str,
        form: Form,
        plain: &Plain,
        replica: &Replica,
        now: Instant,
    ) -> Result<(), Broken> {
        let base = self.base(text, replica)?;
        let rewritten = replica.rewritten(&base, text)?;
        let was = rewritten.bytes_before;
        let shrunk = was > 0 && (text.is_empty() || text.len() < was / SHRUNK_TO_PART);
        if shrunk && !self.is_certain(Some(plain.stamp.hash), now) {
            return Ok(());
        }
        let mark = Mark { hash: plain.stamp.hash, moment: rewritten.moment, form };
        self.flow = Flow::Taking(Taken {
            mark,
            edit: rewritten.edit,
            places: rewritten.places,
            at: self.changed,
            stamp: plain.stamp,
        });
        self.recover();
        Ok(())
    }

    /// From which moment another program went on: the settled one, a later one that an editor had
    /// in its buffer or, if the hive was killed while it wrote, perhaps the one that it wrote.
    fn base(&self, text: &str, replica: &Replica) -> Result<Vec<u8>, Broken> {
        if let Some(recent) = self.recent_base(text, replica)? {
            return Ok(recent);
        }
        let settled = &self.settled.moment;
        let Some(intent) = self.intent.as_ref().filter(|intent| !intent.failed) else {
            return Ok(settled.clone());
        };
        let before = replica.at(settled)?.text();
        let after = replica.at(&intent.mark.moment)?.text();
        let written = diff::goes_on_from_after(&before, &after, text);
        Ok(if written { intent.mark.moment.clone() } else { settled.clone() })
    }

    /// Whether the same was seen for long enough. If not, the file is read again soon.
    fn is_certain(&mut self, seen: Option<Hash>, now: Instant) -> bool {
        let since = match &self.doubt {
            Some(doubt) if doubt.seen == seen => doubt.since,
            _ => now,
        };
        if now.saturating_duration_since(since) >= self.limits.doubt {
            self.doubt = None;
            return true;
        }
        self.doubt = Some(Doubt { seen, since });
        self.look_at = Some(now + DOUBT_STEP.min(self.limits.doubt));
        false
    }

    /// Document and file stand apart until the file is whole again.
    fn part(&mut self, condition: Condition) {
        self.stamp = None;
        self.disk_trouble =
            Some(DiskTrouble { condition, retry: None, in_writing: false, again: false });
    }

    /// The disk refused; it is asked again later.
    fn stumble(&mut self, condition: Condition, in_writing: bool, now: Instant) {
        let last = self.disk_trouble.as_ref().and_then(|trouble| trouble.retry);
        let retry = Some(self.retry(last.map(|retry| retry.delay), now));
        self.disk_trouble = Some(DiskTrouble { condition, retry, in_writing, again: false });
    }

    /// Why the file cannot follow, for somebody who waits for it.
    pub(crate) fn trouble(&self) -> Option<Error> {
        let condition = &self.disk_trouble.as_ref()?.condition;
        let (code, detail, _) = condition.words()?;
        Some(match code {
            "gone" => Error::Gone,
            "binary" => Error::Binary,
            "not_utf8" => Error::NotUtf8 { at: 0 },
            "too_large" => Error::TooLarge { size: 0 },
            "share_missing" => Error::Missing(detail.to_owned()),
            "paused" => Error::Paused,
            "file_disk_full" => Error::Full,
            _ => Error::Unreadable(detail.to_owned()),
        })
    }
}
