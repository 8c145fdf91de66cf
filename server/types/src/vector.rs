//! What happened before what, without any clock: Lamport ticks and version vectors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::HiveId;

/// A moment in a hive's own count (Lamport 1978). Ordered by count, then by hive, so that any two
/// ticks of different writes differ and everybody orders them alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tick {
    pub count: u64,
    pub hive: HiveId,
}

/// Up to which tick the changes of each hive went into a state (version vectors, Parker et al.
/// 1983). A hive that is not named counts as zero; zero is never stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Vector(BTreeMap<HiveId, u64>);

impl Vector {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn get(&self, hive: HiveId) -> u64 {
        self.0.get(&hive).copied().unwrap_or(0)
    }

    /// This state with one more change, made at that moment. Ticks grow from write to write of a
    /// hive, so they count its changes, with gaps.
    #[must_use]
    pub fn with_change_at(&self, tick: Tick) -> Self {
        let mut next = self.clone();
        let count = next.0.entry(tick.hive).or_insert(0);
        *count = (*count).max(tick.count);
        next
    }

    /// The least state that has seen both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        for (hive, count) in &other.0 {
            let own = joined.0.entry(*hive).or_insert(0);
            *own = (*own).max(*count);
        }
        joined
    }

    /// Whether everything that went into `other` went into this too.
    pub fn has_seen(&self, other: &Self) -> bool {
        other.0.iter().all(|(hive, count)| self.get(*hive) >= *count)
    }

    /// Neither has seen the other.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        !self.has_seen(other) && !other.has_seen(self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn hives(&self) -> impl Iterator<Item = (HiveId, u64)> + '_ {
        self.0.iter().map(|(hive, count)| (*hive, *count))
    }
}
