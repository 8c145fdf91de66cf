//! JSON of a text's past, and of what changed in a folder.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Person;

/// All that a text held, as far as it is known. Its text at a moment is that of the runs that a
/// stroke of this moment or an earlier one put in and none of these took out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Past {
    /// Oldest first.
    pub moments: Vec<PastMoment>,
    /// In the order of their moments.
    pub strokes: Vec<Stroke>,
    pub authors: Vec<Author>,
    /// In the order in which they stand, or stood.
    pub runs: Vec<Run>,
}

/// The end of a spell of typing, or a version of the file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PastMoment {
    /// Names the moment; no two have the same.
    pub at: i64,
    pub began: i64,
    pub name: Option<String>,
    /// The version of the file that held just this; the owner alone is told.
    pub version: Option<u64>,
}

/// What one author changed in a moment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Stroke {
    /// Its place among the moments.
    pub moment: u32,
    /// Their place among the authors.
    pub author: u32,
    /// In UTF-16 units; what stayed for a moment at least.
    pub added: u32,
    pub removed: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Author {
    /// `null`: it is not known who that was.
    pub by: Option<Person>,
    /// Who wrote it on another hive, when it was a guest there.
    pub guest: Option<String>,
    /// The hive on which it was written, where known; guests are not told.
    pub device: String,
    /// `typed` into the document, or `saved` into the file.
    pub how: String,
}

/// A piece of text, and the strokes that put it in and took it out, by their places.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Run {
    pub text: String,
    pub born: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died: Option<u32>,
}

/// Names a moment; `null` takes its name away.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NameMoment {
    pub at: i64,
    pub name: Option<String>,
}

/// Brings the text of a moment back: as an edit, or as a new file beside.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RestoreMoment {
    pub at: i64,
    #[serde(default)]
    pub as_copy: bool,
    /// What the copy is called; without it the hive chooses.
    #[serde(default)]
    pub name: Option<String>,
}

/// A file that is other than it was.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    pub file: String,
    pub path: String,
    /// Where it stood before, if it was moved or renamed.
    pub was: Option<String>,
    /// `added`, `changed`, `removed` or `renamed`.
    pub verb: String,
    /// A file that was renamed has another content, too.
    pub edited: bool,
    /// `file` or `link`.
    pub kind: String,
    pub size: u64,
    /// When it changed last.
    pub at: i64,
    /// Who changed it since, the last one first.
    pub by: Vec<Author>,
    /// The versions that it was and is; the owner alone is told.
    pub before: Option<u64>,
    pub now: Option<u64>,
}
