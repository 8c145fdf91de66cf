//! How far every hive of a share was when it was heard of last: from itself, or from one that is
//! linked with it, so that those who never meet know of each other.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use types::{HiveId, ShareId, Time};

use crate::line::Line;
use crate::shared::Shared;
use crate::wire::Control;
use crate::{Known, Progress, Progresses};

/// Of so many hives of one share it is remembered.
const HIVES_MAX: usize = 256;
const SHARES_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(crate) struct Lags(Mutex<BTreeMap<ShareId, BTreeMap<HiveId, Known>>>);

impl Lags {
    fn all(&self) -> MutexGuard<'_, BTreeMap<ShareId, BTreeMap<HiveId, Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn of(&self, share: ShareId) -> BTreeMap<HiveId, Known> {
        self.all().get(&share).cloned().unwrap_or_default()
    }

    /// Tells whether that was news.
    fn note(&self, share: ShareId, hive: HiveId, known: Known) -> bool {
        let mut all = self.all();
        if all.len() >= SHARES_MAX && !all.contains_key(&share) {
            return false;
        }
        let hives = all.entry(share).or_default();
        match hives.get(&hive) {
            Some(before) if before.at >= known.at => return false,
            None if hives.len() >= HIVES_MAX => return false,
            _ => {}
        }
        hives.insert(hive, known);
        true
    }
}

/// Takes in what a friend's hive says of a third one. Of who is linked with this hive, this hive
/// knows better.
pub(crate) fn heard(shared: &Shared, line: &Line, said: &Control) {
    let Control::LagOf { share, hive, lag, in_step, age } = *said else { return };
    if !line.has(share) || hive == shared.own || hive == line.hive || shared.line(hive).is_some() {
        return;
    }
    let at = Time::now().plus(-i64::try_from(age).unwrap_or(i64::MAX).min(AGE_MAX));
    if shared.lags.note(share, hive, Known { lag, in_step, at }) {
        shared.progress.send_modify(|_| {});
    }
}

/// Older than anything that is remembered.
const AGE_MAX: i64 = 366 * types::DAY_MS;

/// Tells those who are linked with this hive how far the others are that are, as that changes.
pub(crate) fn gossip(shared: &Shared, before: &Progresses, now: &Progresses) {
    for (hive, shares) in now {
        for (share, one) in shares {
            let was = before.get(hive).and_then(|shares| shares.get(share));
            if was.is_none() {
                tell_all(shared, *share, *hive);
            }
            if was.map(told) != Some(told(one)) {
                note_and_tell(shared, *share, *hive, one);
            }
        }
    }
    // Whoever went was so far at the end.
    for (hive, shares) in before {
        for (share, one) in shares {
            if now.get(hive).is_none_or(|shares| !shares.contains_key(share)) {
                note_and_tell(shared, *share, *hive, one);
            }
        }
    }
}

fn told(one: &Progress) -> (Option<crate::Lag>, bool) {
    (one.theirs, one.records_in_step)
}

fn note_and_tell(shared: &Shared, share: ShareId, hive: HiveId, one: &Progress) {
    let Some(lag) = one.theirs else { return };
    let in_step = one.records_in_step;
    if shared.lags.note(share, hive, Known { lag, in_step, at: Time::now() }) {
        for line in shared.lines_with(share).iter().filter(|line| line.hive != hive) {
            line.say(&Control::LagOf { share, hive, lag, in_step, age: 0 });
        }
    }
}

/// All that is known, for one that has just come.
fn tell_all(shared: &Shared, share: ShareId, to: HiveId) {
    let Some(line) = shared.line(to) else { return };
    let now = Time::now();
    for (hive, Known { lag, in_step, at }) in shared.lags.of(share) {
        if hive != to {
            let age = now.since(at).max(0).unsigned_abs();
            line.say(&Control::LagOf { share, hive, lag, in_step, age });
        }
    }
}
