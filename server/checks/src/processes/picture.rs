//! What stands in a folder, to the last byte and attribute, so that two folders can be compared.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The hash of a content, as Skep shows it.
pub fn print_of(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

/// One file, folder or link.
#[derive(Clone, PartialEq, Eq)]
pub enum Thing {
    Folder,
    Link(PathBuf),
    File {
        print: String,
        size: u64,
        mode: u32,
        /// Seconds and nanoseconds.
        modified: (i64, i64),
        attributes: BTreeMap<OsString, Vec<u8>>,
    },
}

impl std::fmt::Debug for Thing {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder => write!(to, "folder"),
            Self::Link(target) => write!(to, "link to {}", target.display()),
            Self::File { print, size, mode, modified, attributes } => {
                let print = print.get(..8).unwrap_or_default();
                let names: Vec<_> = attributes.keys().collect();
                write!(to, "file {print} {size} B {mode:o} {modified:?} {names:?}")
            }
        }
    }
}

/// Everything under a folder, by path. What is Skep's own is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture(pub BTreeMap<PathBuf, Thing>);

impl Picture {
    /// What vanishes while it is looked at is not there.
    pub fn of(root: &Path) -> Self {
        let mut things = BTreeMap::new();
        let mut waiting = vec![PathBuf::new()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(root.join(&folder)).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let path = folder.join(&name);
                let is_own = name.as_bytes().starts_with(b".skep-");
                let Some(thing) = (!is_own).then(|| thing(&root.join(&path))).flatten() else {
                    continue;
                };
                if thing == Thing::Folder {
                    waiting.push(path.clone());
                }
                things.insert(path, thing);
            }
        }
        Self(things)
    }

    /// The contents of all files.
    pub fn prints(&self) -> impl Iterator<Item = (&PathBuf, &str)> {
        self.0.iter().filter_map(|(path, thing)| match thing {
            Thing::File { print, .. } => Some((path, print.as_str())),
            Thing::Folder | Thing::Link(_) => None,
        })
    }

    /// Where two pictures differ, in words; empty where they are equal.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let paths: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let unequal = paths.into_iter().filter(|path| self.0.get(*path) != other.0.get(*path));
        unequal
            .map(|path| format!("{path:?}: {:?} and {:?}", self.0.get(path), other.0.get(path)))
            .collect()
    }
}

fn thing(path: &Path) -> Option<Thing> {
    let about = fs::symlink_metadata(path).ok()?;
    if about.is_dir() {
        return Some(Thing::Folder);
    }
    if about.is_symlink() {
        return Some(Thing::Link(fs::read_link(path).ok()?));
    }
    let content = fs::read(path).ok()?;
    Some(Thing::File {
        print: print_of(&content),
        size: content.len() as u64,
        mode: about.mode() & 0o7777,
        modified: (about.mtime(), about.mtime_nsec()),
        attributes: attributes(path),
    })
}

/// Those that people and their programs set.
fn attributes(path: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let mut names = vec![0; 65_536];
    let Ok(length) = rustix::fs::llistxattr(path, &mut names[..]) else { return BTreeMap::new() };
    let names = names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user."));
    let value = |name: &[u8]| {
        let mut value = vec![0; 65_536];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).ok()?;
        Some((std::ffi::OsStr::from_bytes(name).to_owned(), value[..length].to_vec()))
    };
    names.filter_map(value).collect()
}
