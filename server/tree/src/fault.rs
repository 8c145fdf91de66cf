//! Why a state cannot have been written by an honest hive: what a joined state must never grow to.

use types::{ShareId, Tick, Time};

use crate::{Node, What, root_of};

/// More hives than that never change one node apart.
pub(crate) const APART_MAX: usize = 256;
const BEFORE_MAX: usize = 64;
const VECTOR_MAX: usize = 4_096;
const ATTRIBUTES_BYTES_MAX: usize = 64 * 1024;
const TARGET_BYTES_MAX: usize = 4_096;
const BY_BYTES_MAX: usize = 512;
/// Counts leave room for the next ones.
const COUNT_MAX: u64 = 1 << 62;
/// So many counts are left to all hives together in each millisecond since 1970,
const COUNTS_BITS_PER_MS: u32 = 16;
/// with clocks that are off by no more than a year,
const CLOCKS_OFF_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// or that were never set: 2026.
const NOW_MIN_MS: i64 = 1_767_225_600_000;

/// Whether a count is further than all hives can have come by now. Who counts up to the end would
/// take all later ticks from the others; so the end moves on with time, and the others always have
/// more before them than they can use.
pub(crate) fn is_ahead_of_time(count: u64, now: Time) -> bool {
    let now = now.0.max(NOW_MIN_MS).saturating_add(CLOCKS_OFF_MS).unsigned_abs();
    count > now.saturating_mul(1 << COUNTS_BITS_PER_MS).min(COUNT_MAX)
}

/// What is wrong with a state, as a sentence's end; `None`: nothing.
pub fn fault(node: &Node, share: ShareId) -> Option<&'static str> {
    let root = root_of(share);
    if node.id == root {
        return Some("it claims to be the root");
    }
    if node.versions.is_empty() {
        return Some("it holds nothing");
    }
    if node.versions.len() > APART_MAX || node.gone.len() > APART_MAX {
        return Some("it has more versions than hives can make");
    }
    let counts = |tick: &Tick| tick.count > COUNT_MAX;
    let mut vectors = node.versions.iter().map(|version| &version.vector);
    if vectors.any(|vector| {
        vector.is_empty()
            || vector.hives().count() > VECTOR_MAX
            || vector.hives().any(|(_, count)| count > COUNT_MAX)
    }) {
        return Some("one of its versions comes from nowhere");
    }
    let mut seen = node.gone.iter().map(|gone| &gone.seen);
    if seen.any(|seen| {
        seen.hives().count() > VECTOR_MAX || seen.hives().any(|(_, count)| count > COUNT_MAX)
    }) || counts(&node.latest_tick())
    {
        return Some("its count is out of reach");
    }
    node.versions.iter().find_map(|version| match &version.what {
        _ if version.before.len() > BEFORE_MAX => Some("its list of earlier contents is too long"),
        _ if version.by.as_ref().is_some_and(|by| by.len() > BY_BYTES_MAX) => {
            Some("the name of who wrote it is too long")
        }
        What::File { attributes, .. } => {
            let bytes: usize =
                attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
            (bytes > ATTRIBUTES_BYTES_MAX).then_some("its attributes are too large")
        }
        What::Link { target } if target.len() > TARGET_BYTES_MAX || target.is_empty() => {
            Some("its link leads nowhere")
        }
        What::Link { .. } | What::Folder => None,
    })
}
