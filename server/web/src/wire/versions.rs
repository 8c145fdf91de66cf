//! JSON of versions, of the trash, and of putting a folder back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Person;

/// One version of a file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Version {
    pub id: u64,
    pub at: i64,
    /// Their `id` is that of their hive; `null` for a hive that is no longer known.
    pub by: Option<Person>,
    pub device: String,
    /// Who wrote it there, when it was a guest.
    pub guest: Option<String>,
    pub size: u64,
    pub hash: String,
    pub name: Option<String>,
    pub pinned: bool,
    /// Whether it is what the file holds now.
    pub current: bool,
    /// Whether its bytes can be had.
    pub kept: bool,
    /// `added`, `changed`, `restored` or `merged`.
    pub verb: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RestoreVersion {
    /// Beside the file instead of over it.
    #[serde(default)]
    pub as_copy: bool,
}

/// What to change; a field that is absent stays, `null` clears the name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeVersion {
    #[serde(default, deserialize_with = "super::present", skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<String>>,
    pub pinned: Option<bool>,
}

/// Something that was removed and can be brought back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Trashed {
    pub file: String,
    pub path: String,
    pub name: String,
    /// `folder`, `file` or `link`.
    pub kind: String,
    /// Of a folder, with all that went with it.
    pub size: u64,
    pub files: u64,
    pub gone_at: i64,
    pub by: Option<Person>,
    pub device: String,
    pub days_left: u32,
    /// Whether all of it can be had.
    pub kept: bool,
}

/// Puts a folder back to how it stood.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PutBack {
    /// A path in the share; without one, all of it.
    pub folder: Option<String>,
    pub at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DidPutBack {
    /// Undoes it.
    pub id: u64,
    pub restored: u64,
    pub removed: u64,
    /// Files that stay as they are, because their bytes of that moment are no longer kept.
    pub missing: u64,
}

/// What the history keeps.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct History {
    pub days: i64,
    /// The largest file of which versions are kept, in megabytes.
    pub file_mb: u64,
    /// How much of the free disk it may take, from 0 to 1.
    pub share_of_free: f64,
    /// How many bytes it takes.
    pub stored: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeHistory {
    pub days: Option<i64>,
    pub file_mb: Option<u64>,
    pub share_of_free: Option<f64>,
}

/// How a file or folder stood at a moment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Stood {
    pub file: String,
    pub path: String,
    /// `file`, `folder` or `link`.
    pub kind: String,
    pub size: u64,
    /// The version of a file that it was.
    pub version: Option<u64>,
    pub at: i64,
    /// Whether its bytes can be had.
    pub kept: bool,
}
