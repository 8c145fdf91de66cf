//! JSON of how far shares are, of two versions and of ignore rules.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Lag, Member, Paused, Person};

/// How far a share is, here and at friends.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Sync {
    /// Whether this hive and all who take part have everything.
    pub in_sync: bool,
    /// How this hive stands in the share: `member`, `left` or `removed`.
    pub state: String,
    /// What this hive still lacks.
    pub here: Lag,
    /// What this hive and those who take part still lack, in all.
    pub files_to_go: u64,
    pub bytes_to_go: u64,
    pub friends: Vec<Member>,
    pub waiting: Vec<Waiting>,
    pub held_back: Option<HeldBack>,
    pub paused: Option<Paused>,
    /// Why nothing goes to and from any friend at present.
    pub resting: Option<Resting>,
    pub limits: Limits,
}

/// Why everything with friends rests: `metered`, `paused`, or `ended` when the share was taken
/// from this hive.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Resting {
    pub code: String,
    pub detail: String,
    pub hint: String,
}

/// How fast contents may go, with all friends together, and over which networks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// In kB a second; 0: no limit.
    pub up_kb: u32,
    pub down_kb: u32,
    /// Whether friends' hives rest on a network that costs by the byte.
    pub only_unmetered: bool,
    /// `metered`, `unmetered`, or `unknown`, which counts as unmetered; `null` unless it matters.
    pub network: Option<String>,
}

/// What to change; a field that is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeLimits {
    pub up_kb: Option<u32>,
    pub down_kb: Option<u32>,
    pub only_unmetered: Option<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    pub file: Option<String>,
    pub path: String,
    pub code: String,
    pub detail: String,
    pub hint: String,
}

/// Deletions that wait for a word of the owner.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HeldBack {
    pub deletions: u64,
    /// Made here, not told to friends yet.
    pub own: u64,
    /// Made by friends, not done here yet.
    pub friends: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Why {
    pub path: String,
    pub in_step: bool,
    pub code: String,
    pub detail: String,
    pub hint: String,
}

/// A file that hives changed apart.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TwoVersions {
    pub file: String,
    pub share: String,
    pub share_name: String,
    pub path: String,
    /// As of a file.
    pub r#type: String,
    /// The first stands under the name.
    pub sides: Vec<Side>,
    /// Whether both are texts that can be merged by hand.
    pub mergeable: bool,
    /// Whether the version that both were made from can be read.
    pub base: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Side {
    pub hash: String,
    pub at: i64,
    /// Their `id` is that of their hive.
    pub by: Option<Person>,
    pub device: String,
    /// Who wrote it there, when it was a guest.
    pub guest: Option<String>,
    pub size: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Resolve {
    /// `first`, `second`, `both` or `text`.
    pub keep: String,
    /// What was made of both, for `text`.
    pub text: Option<String>,
}

/// How a choice can be undone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Undo {
    pub undo: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IgnoreText {
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Ignore {
    /// What stands in `.skepignore`.
    pub text: String,
    pub defaults: Vec<IgnoreDefault>,
    /// How many files and folders are ignored now.
    pub ignored: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IgnoreDefault {
    pub rule: String,
    pub why: String,
}

/// A path that a rule catches.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Caught {
    pub path: String,
    pub rule: String,
    /// Its line in the text; `null` for a default.
    pub line: Option<u32>,
}

/// Which contents are looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct BeginScrub {
    /// Only the files of this share; `null` for all shares and the history.
    pub share: Option<String>,
}

/// How a look at all contents went, or how far it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Scrub {
    pub running: bool,
    pub began_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub files: u64,
    pub bytes: u64,
    pub of_files: u64,
    pub of_bytes: u64,
    /// Files that were just being changed, and so could not be judged.
    pub skipped: u64,
    /// Pieces of earlier versions that were looked at.
    pub pieces: u64,
    pub damaged: Vec<Damaged>,
}

/// A file, or an earlier version of it, that the disk spoilt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Damaged {
    pub share: String,
    pub share_name: String,
    pub file: String,
    pub path: String,
    pub hash: String,
    pub earlier: bool,
    /// Whether it is whole again.
    pub healed: bool,
}
