//! What can be seen of the links from outside: who is connected, and how far everybody is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use types::{HiveId, ShareId, Time};

use crate::{Place, Refusal};

/// How a friend's hive is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Both are on one network.
    Lan,
    Direct,
    Relay,
}

/// How a friend's hive stands to this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not connected; why the last try failed, if there was one.
    Away {
        why: Option<Refusal>,
    },
    /// Being called.
    Calling,
    Connected {
        way: Way,
        since: Time,
    },
}

/// A friend whose hive may connect, and is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friend {
    pub hive: HiveId,
    /// Where it was found before, best first.
    pub addresses: Vec<Place>,
    /// Neither called nor let in for now.
    pub paused: bool,
    pub limits: Limits,
}

/// How fast contents may go, in bytes a second; 0: as fast as it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub up: u64,
    pub down: u64,
}

/// How far a hive is from having everything of a share on its disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    pub files: u64,
    pub bytes: u64,
}

/// How far a hive was when it was heard of last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub lag: Lag,
    /// Whether it had taken in all records of whom it was linked with, and they its own.
    pub in_step: bool,
    pub at: Time,
}

/// How a friend's hive and this one are with a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Since when the friend's hive is linked.
    pub since: Time,
    /// What the friend's hive says it lacks; `None` before it said so.
    pub theirs: Option<Lag>,
    /// Whether they took in all of this hive's records, and this one all of theirs.
    pub records_in_step: bool,
    /// How far they went through this hive's records, durably. [`Progress::theirs`] was said after.
    pub taken: u64,
    /// Bytes of contents that came from them, and went to them, in this session.
    pub received: u64,
    pub sent: u64,
    /// Bytes a second, smoothed over some seconds; 0 while nothing is on its way.
    pub receiving: u64,
    pub sending: u64,
}

/// By friend and share, of the friends that are connected.
pub type Progresses = BTreeMap<HiveId, BTreeMap<ShareId, Progress>>;

/// A hive that says on the local network that it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearby {
    pub hive: HiveId,
    pub name: String,
    pub addresses: Vec<SocketAddr>,
}
