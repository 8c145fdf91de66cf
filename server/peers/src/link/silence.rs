//! Whether the other end is still there.

use std::time::{Duration, Instant};

/// After this silence the other end is asked whether it is there; after the second it is not.
const ASKED_AFTER: Duration = Duration::from_secs(10);
const GONE_AFTER: Duration = Duration::from_secs(25);
/// After the network changed the other end has so long to show that it is still there.
const GONE_AFTER_CHANGE: Duration = Duration::from_secs(3);

/// How long nothing came.
pub(super) struct Silence {
    /// How many messages came.
    heard: usize,
    since: Instant,
    asked: bool,
    ends: Option<Instant>,
}

/// What a silence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Fine,
    /// The other end is to be asked.
    Ask,
    Gone,
}

impl Silence {
    pub(super) fn new() -> Self {
        Self { heard: 0, since: Instant::now(), asked: false, ends: None }
    }

    /// The network changed; the other end is asked whether it is still there.
    pub(super) fn network_changed(&mut self, heard: usize) {
        self.heard = heard;
        self.ends = Some(Instant::now() + GONE_AFTER_CHANGE);
    }

    pub(super) fn judge(&mut self, heard: usize) -> Sign {
        if heard != self.heard {
            *self = Self { heard, ..Self::new() };
            return Sign::Fine;
        }
        let silence = self.since.elapsed();
        if silence > GONE_AFTER || self.ends.is_some_and(|end| Instant::now() > end) {
            return Sign::Gone;
        }
        if silence > ASKED_AFTER && !self.asked {
            self.asked = true;
            return Sign::Ask;
        }
        Sign::Fine
    }
}
