//! What stands in a share, and what differs between the last seen tree and a scan. Pure.

use std::collections::{HashMap, HashSet};

use types::{FileId, Name, PersonId, RelPath, ShareId, Time};

/// One thing in a share, as it was last seen on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: FileId,
    pub share: ShareId,
    pub path: RelPath,
    pub name: Name,
    pub kind: EntryKind,
    pub size: u64,
    pub modified_at: Time,
    /// Who changed it last, if the change came through Skep.
    pub changed_by: Option<PersonId>,
    /// When the hive noticed its last change.
    pub seen_at: Time,
}

/// What a thing is; a symbolic link is never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    Folder,
    File,
    Link,
}

impl EntryKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::File => "file",
            Self::Link => "link",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "folder" => Self::Folder,
            "link" => Self::Link,
            _ => Self::File,
        }
    }
}

/// What happened to a file last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Added,
    Changed,
    Removed,
}

impl Verb {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A file's last news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    pub entry: Entry,
    pub verb: Verb,
}

/// One page of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub total: u64,
    pub entries: Vec<Entry>,
}

/// In what order a folder is listed; folders always come before files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    Name,
    Size,
    Changed,
    Kind,
}

/// What other programs changed in a share, after the rows were brought in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub share: ShareId,
    pub entries: Vec<ChangedEntry>,
}

/// One changed thing, with the path where it stands or stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedEntry {
    pub id: FileId,
    pub path: RelPath,
    pub what: What,
}

/// How a thing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Added,
    Changed,
    Removed,
    /// It was renamed or moved; its content may have changed as well.
    Moved {
        from: RelPath,
    },
}

/// What the file system says of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) kind: EntryKind,
    pub(crate) size: u64,
    pub(crate) modified_ns: i64,
    pub(crate) inode: u64,
    /// When the inode was made, where the file system tells.
    pub(crate) born_ns: Option<i64>,
    /// When anything of the inode was changed, its mode and names as well; 0: not known.
    pub(crate) changed_ns: i64,
    /// How many names a file has.
    pub(crate) names: u64,
}

impl Stat {
    fn is_folder(&self) -> bool {
        self.kind == EntryKind::Folder
    }

    /// Whether nothing that people see has changed. A folder's own size and time only mirror what
    /// happened to its entries.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.inode == other.inode
            && (self.is_folder()
                || (self.size == other.size && self.modified_ns == other.modified_ns))
    }

    /// How it stands after a rename, or after it was dressed anew: what else is different by now is
    /// somebody's change and is seen as such.
    pub(crate) fn renamed(self, now: Option<Self>) -> Self {
        let now = now.filter(|now| now.is_as(&self));
        now.map_or(self, |now| Self { changed_ns: now.changed_ns, names: now.names, ..self })
    }

    /// Whether both are names of one file.
    pub(crate) fn is_twin_of(&self, other: &Self) -> bool {
        self.kind == EntryKind::File && self.is_the_thing(other)
    }

    /// Whether both describe one and the same thing under perhaps two names. Inodes are used
    /// again, so the inode alone proves nothing.
    fn is_the_thing(&self, other: &Self) -> bool {
        if self.inode != other.inode || self.kind != other.kind {
            return false;
        }
        match (self.born_ns, other.born_ns) {
            (Some(one), Some(two)) => one == two,
            _ => self.is_as(other),
        }
    }
}

/// A thing as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: FileId,
    pub(crate) path: RelPath,
    pub(crate) stat: Stat,
}

/// A thing as a scan saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: RelPath,
    pub(crate) stat: Stat,
}

/// How the known becomes the seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Diff {
    pub(crate) added: Vec<Seen>,
    pub(crate) changed: Vec<(Known, Seen)>,
    /// A file stands where a folder stood, or the other way round: another thing.
    pub(crate) replaced: Vec<(Known, Seen)>,
    pub(crate) moved: Vec<(Known, Seen)>,
    pub(crate) missing: Vec<Known>,
}

/// Compares what is known with what was seen in the same folders. `elsewhere` are known things
/// outside of these folders that may have come here. A path keeps its id whatever inode stands
/// there; only what stands under a new path is looked for among the missing.
pub(crate) fn diff(known: Vec<Known>, seen: Vec<Seen>, elsewhere: Vec<Known>) -> Diff {
    let mut diff = Diff::default();
    let mut by_path: HashMap<RelPath, Known> =
        known.into_iter().map(|known| (known.path.clone(), known)).collect();
    let mut new = Vec::new();
    for seen in seen {
        match by_path.remove(&seen.path) {
            None => new.push(seen),
            Some(known) if known.stat.is_as(&seen.stat) => {}
            Some(known) if known.stat.is_folder() != seen.stat.is_folder() => {
                diff.replaced.push((known, seen));
            }
            Some(known) => diff.changed.push((known, seen)),
        }
    }
    let mut missing: Vec<Known> = by_path.into_values().collect();
    missing.sort_by(|one, two| one.path.cmp(&two.path));
    let mut by_inode: HashMap<u64, Vec<&Known>> = HashMap::new();
    for known in missing.iter().chain(&elsewhere) {
        by_inode.entry(known.stat.inode).or_default().push(known);
    }
    let mut found = HashSet::new();
    for seen in new {
        let known = by_inode.get(&seen.stat.inode).and_then(|candidates| {
            candidates
                .iter()
                .find(|known| known.stat.is_the_thing(&seen.stat) && !found.contains(&known.id))
        });
        match known {
            Some(known) => {
                found.insert(known.id);
                diff.moved.push(((*known).clone(), seen));
            }
            None => diff.added.push(seen),
        }
    }
    diff.missing = missing.into_iter().filter(|known| !found.contains(&known.id)).collect();
    diff
}

impl Diff {
    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.changed.is_empty()
            && self.replaced.is_empty()
            && self.moved.is_empty()
    }
}

/// Bytes whose order is the order in which people expect names: without regard to case, numbers
/// by their value. Different names have different keys.
pub(crate) fn sort_key(name: &str) -> Vec<u8> {
    let lower = name.to_lowercase();
    let mut key = Vec::with_capacity(lower.len() * 2 + 4);
    let mut rest = lower.as_bytes();
    while let Some(&byte) = rest.first() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            key.push(byte);
            rest = &rest[1..];
            continue;
        }
        let zeros = rest[..digits].iter().take_while(|&&byte| byte == b'0').count();
        let number = &rest[zeros.min(digits - 1)..digits];
        key.push(b'0');
        key.push(u8::try_from(number.len()).unwrap_or(u8::MAX));
        key.extend_from_slice(number);
        rest = &rest[digits..];
    }
    key.push(0);
    key.extend_from_slice(name.as_bytes());
    key
}
