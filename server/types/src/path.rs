//! Names and paths inside a share, checked when they are made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest path inside a share, in bytes of UTF-8.
pub const PATH_BYTES_MAX: usize = 4_096;
const NAME_BYTES_MAX: usize = 255;

/// Why a text is no name or path inside a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    #[error("the name is empty")]
    Empty,
    #[error("the name {0:?} leads out of the folder")]
    Outside(String),
    #[error("the name {0:?} holds a character that no file name can hold")]
    Character(String),
    #[error("the name {0:?} is longer than 255 bytes")]
    Long(String),
    #[error("the name {0:?} is reserved")]
    Reserved(String),
}

/// The name of one file or folder: not empty, no `/`, no NUL, neither `.` nor `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl TryFrom<String> for Name {
    type Error = BadPath;

    fn try_from(text: String) -> Result<Self, BadPath> {
        Self::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl Name {
    /// Checks a name that stands on the disk already.
    pub fn new(text: &str) -> Result<Self, BadPath> {
        let shown = || text.chars().take(80).collect::<String>();
        match text {
            "" => Err(BadPath::Empty),
            "." | ".." => Err(BadPath::Outside(shown())),
            _ if text.contains(['/', '\0']) => Err(BadPath::Character(shown())),
            _ if text.len() > NAME_BYTES_MAX => Err(BadPath::Long(shown())),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// Checks a name that a person wants to give to something new: it must also be possible on
    /// the other systems that friends use (no `\ : * ? " < > |`, control characters, device names,
    /// or a dot or space at the end).
    pub fn new_for_all_systems(text: &str) -> Result<Self, BadPath> {
        let name = Self::new(text)?;
        let shown = || text.chars().take(80).collect::<String>();
        if text.chars().any(|c| c.is_control() || r#"\:*?"<>|"#.contains(c)) {
            return Err(BadPath::Character(shown()));
        }
        if text.ends_with([' ', '.']) || is_device(text) || is_skeps_own(text) {
            return Err(BadPath::Reserved(shown()));
        }
        Ok(name)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last dot, in lower case, if there is one.
    pub fn extension(&self) -> Option<String> {
        let (stem, extension) = self.0.rsplit_once('.')?;
        (!stem.is_empty()).then(|| extension.to_lowercase())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Windows opens a device instead of a file for these, whatever stands after the first dot.
fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let mut characters = stem.chars();
    let numbered = stem.chars().count() == 4
        && (stem.starts_with("COM") || stem.starts_with("LPT"))
        && characters.next_back().is_some_and(|last| "0123456789¹²³".contains(last));
    numbered || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
}

/// Names that Skep itself puts into a share.
fn is_skeps_own(text: &str) -> bool {
    let folded = text.to_lowercase();
    folded == RelPath::MARKER || folded.starts_with(RelPath::TEMPORARY_PREFIX)
}

/// A path inside a share: names joined by `/`; empty for the share's root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct RelPath(String);

impl RelPath {
    /// The file that tells a share's folder from an empty mount point.
    pub const MARKER: &'static str = ".skep-share";
    /// How the names of half-written files begin.
    pub const TEMPORARY_PREFIX: &'static str = ".skep-part-";

    pub fn root() -> Self {
        Self::default()
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn join(&self, name: &Name) -> Self {
        if self.is_root() { Self(name.0.clone()) } else { Self(format!("{}/{}", self.0, name.0)) }
    }

    /// The folder that holds this; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(Self(self.0.rsplit_once('/').map(|(parent, _)| parent.to_owned()).unwrap_or_default()))
    }

    /// The last name; `None` for the root.
    pub fn name(&self) -> Option<Name> {
        self.0.rsplit('/').next().filter(|name| !name.is_empty()).map(|name| Name(name.to_owned()))
    }

    /// Whether this is `folder` itself or lies somewhere under it.
    pub fn is_within(&self, folder: &Self) -> bool {
        folder.is_root()
            || self.0 == folder.0
            || self.0.strip_prefix(&folder.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether one of its names is Skep's own (marker, half-written file).
    pub fn is_skeps_own(&self) -> bool {
        self.0.split('/').any(is_skeps_own)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for RelPath {
    type Err = BadPath;

    /// Reads `a/b/c`. Refuses absolute paths, `.`, `..`, empty names and NUL; never repairs them.
    fn from_str(text: &str) -> Result<Self, BadPath> {
        if text.is_empty() {
            return Ok(Self::root());
        }
        if text.len() > PATH_BYTES_MAX {
            return Err(BadPath::Long(text.chars().take(80).collect()));
        }
        if text.starts_with('/') {
            return Err(BadPath::Outside(text.chars().take(80).collect()));
        }
        for name in text.split('/') {
            Name::new(name)?;
        }
        Ok(Self(text.to_owned()))
    }
}
