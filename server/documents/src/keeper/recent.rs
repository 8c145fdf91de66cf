//! What the document was lately, since its file was last written: an editor that saves its buffer
//! writes one of these.

use std::collections::VecDeque;

use tokio::time::{Duration, Instant};

use super::Keeper;
use crate::diff::{self, Edit};
use crate::replica::{Broken, Replica};

const MOMENTS_MAX: usize = 48;
/// Moments nearer to each other than this are one: nobody types so fast.
const APART: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Recent {
    moments: VecDeque<Moment>,
    noted_at: Option<Instant>,
}

struct Moment {
    /// Length of the text then, in UTF-16 units.
    units: u32,
    snapshot: Vec<u8>,
}

impl Keeper {
    /// The document is at a new moment.
    pub(crate) fn note_moment(&mut self, replica: &Replica, now: Instant) {
        let recent = &mut self.recent;
        if recent.noted_at.is_some_and(|at| now.saturating_duration_since(at) < APART) {
            return;
        }
        recent.noted_at = Some(now);
        if recent.moments.len() >= MOMENTS_MAX {
            recent.moments.pop_front();
        }
        recent.moments.push_back(Moment { units: replica.units(), snapshot: replica.moment() });
    }

    pub(super) fn forget_moments(&mut self) {
        self.recent = Recent::default();
    }

    /// The moment since the last settling at which the document was this text or, if it never was,
    /// the present one when all that changed until now is in the text too: a formatter changed what
    /// was about to be saved.
    pub(super) fn recent_base(
        &self,
        text: &str,
        replica: &Replica,
    ) -> Result<Option<Vec<u8>>, Broken> {
        if self.is_settled() {
            return Ok(None);
        }
        let present = replica.text();
        if present == text {
            return Ok(Some(replica.moment()));
        }
        let units = u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX);
        for moment in self.recent.moments.iter().rev().filter(|moment| moment.units == units) {
            if replica.at(&moment.snapshot)?.text() == text {
                return Ok(Some(moment.snapshot.clone()));
            }
        }
        let settled = replica.at(&self.settled.moment)?.text();
        let here = diff::edits(&settled, &present);
        let goes_on = !here.is_empty() && leaves_alone(&here, &diff::edits(&present, text));
        Ok(goes_on.then(|| replica.moment()))
    }
}

/// Whether later edits change nothing of what earlier ones put in or took out. The earlier ones led
/// to the text that the later ones begin with.
fn leaves_alone(earlier: &[Edit<'_>], later: &[Edit<'_>]) -> bool {
    let (mut removed, mut added) = (0, 0);
    earlier.iter().all(|edit| {
        let units = u32::try_from(edit.insert.encode_utf16().count()).unwrap_or(u32::MAX);
        let start = edit.at + added - removed;
        let end = start + units;
        removed += edit.delete;
        added += units;
        later.iter().all(|later| {
            let last = later.at + later.delete;
            if units == 0 {
                start < later.at || last < start
            } else {
                end <= later.at || last <= start
            }
        })
    })
}
