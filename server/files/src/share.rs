//! Shares: what they are, how they stand, and which folders may become one. Pure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::View;
use types::{FileId, Name, PersonId, RelPath, ShareId, Signer, Time};

use crate::Error;

/// A folder that is shared where it stands, or one file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub id: ShareId,
    pub name: String,
    pub root: PathBuf,
    /// The one file that is shared of the folder; `None`: all of it.
    pub only: Option<Name>,
    pub created_at: Time,
}

/// How a share's rows stand to its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    InStep,
    Scanning {
        seen: u64,
    },
    /// The folder is not where it was. Nothing counts as deleted.
    Missing {
        why: String,
    },
    Paused,
    /// The folder is there and cannot be read.
    Unreadable {
        why: String,
    },
}

/// How much a share holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    pub files: u64,
    pub bytes: u64,
}

/// What the hive tells of itself: its folders, and who it is.
#[derive(Clone, Default)]
pub struct Options {
    /// Skep's own folders: neither they, nor what lies in them or around them, is ever shared.
    pub own: Vec<PathBuf>,
    /// The person's home folder: what lies in it may be shared, it as a whole may not.
    pub home: Option<PathBuf>,
    /// In whose name records are written; `None`: none are.
    pub signer: Option<Arc<dyn Signer>>,
    /// How guests are called in the versions that they write; `None`: they are not named.
    pub guests: Option<GuestNames>,
    /// Files that somebody has in hand from the start.
    pub in_hand: Vec<FileId>,
    /// Names stand on every disk as Windows can hold them, and not only where nothing else will do.
    pub narrow_names: bool,
}

/// The name of a person who is a guest; the owner needs none, the version names the hive.
pub type GuestNames = Arc<dyn Fn(&View, PersonId) -> Option<String> + Send + Sync>;

/// Where something that a person wants to share belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// It lies in a share that exists, under this path.
    Inside(Share, RelPath),
    /// It becomes a share.
    New { root: PathBuf, only: Option<Name> },
}

impl Share {
    /// Whether this path is part of the share.
    pub fn holds(&self, path: &RelPath) -> bool {
        !path.is_skeps_own() && self.only.as_ref().is_none_or(|only| path.as_str() == only.as_str())
    }

    /// The path inside of the share that a path of the disk stands for.
    pub(crate) fn path_inside(&self, path: &Path) -> Option<RelPath> {
        let inside: RelPath = path.strip_prefix(&self.root).ok()?.to_str()?.parse().ok()?;
        Some(inside)
    }
}

/// Decides where a canonical path belongs. `folder` tells whether it is a folder.
pub(crate) fn place(
    path: &Path,
    folder: bool,
    shares: &[Share],
    options: &Options,
) -> Result<Place, Error> {
    for share in shares {
        if let Some(inside) = share.path_inside(path)
            && (share.only.is_none() || share.holds(&inside))
        {
            if inside.is_skeps_own() {
                return Err(Error::Refused(
                    "Skep's own files cannot be shared. Choose another file.".to_owned(),
                ));
            }
            return Ok(Place::Inside(share.clone(), inside));
        }
    }
    let (root, only) = if folder { (path, None) } else { split(path)? };
    refuse_own(path, root, only.is_some(), options)?;
    if only.is_none() {
        refuse_common(root, options)?;
        if let Some(inner) = shares.iter().find(|share| share.root.starts_with(root)) {
            return Err(Error::Refused(format!(
                "The folder {} holds {}, which is shared already as {:?}. Stop sharing that one \
                 first, or share another folder.",
                root.display(),
                inner.root.join(inner.only.as_ref().map_or("", Name::as_str)).display(),
                inner.name,
            )));
        }
    }
    if root.to_str().is_none() {
        return Err(Error::Refused(format!(
            "The name of {} is not written in UTF-8. Rename it, then share it.",
            root.display()
        )));
    }
    Ok(Place::New { root: root.to_owned(), only })
}

/// The folder of a file, and the file's name.
fn split(path: &Path) -> Result<(&Path, Option<Name>), Error> {
    let refused = || {
        Error::Refused(format!(
            "The name of {} is not written in UTF-8. Rename it, then share it.",
            path.display()
        ))
    };
    let root = path.parent().ok_or_else(refused)?;
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(refused)?;
    if RelPath::root().join(&Name::new(name)?).is_skeps_own() {
        return Err(Error::Refused(
            "Skep's own files cannot be shared. Choose another file.".to_owned(),
        ));
    }
    Ok((root, Some(Name::new(name)?)))
}

fn refuse_own(path: &Path, root: &Path, single: bool, options: &Options) -> Result<(), Error> {
    for own in &options.own {
        if path.starts_with(own) {
            return Err(Error::Refused(format!(
                "{} belongs to Skep itself and holds its keys. Choose another folder.",
                path.display()
            )));
        }
        if !single && own.starts_with(root) {
            return Err(Error::Refused(format!(
                "{} holds Skep's own data folder, {}, with its keys. Choose a folder inside it.",
                root.display(),
                own.display()
            )));
        }
    }
    Ok(())
}

fn refuse_common(root: &Path, options: &Options) -> Result<(), Error> {
    if root.parent().is_none() {
        return Err(Error::Refused(
            "This is the whole file system. Choose a folder inside it.".to_owned(),
        ));
    }
    match &options.home {
        Some(home) if root == home => Err(Error::Refused(
            "This is your whole home folder, with your keys and passwords. Choose a folder inside \
             it."
            .to_owned(),
        )),
        Some(home) if home.starts_with(root) => Err(Error::Refused(format!(
            "{} holds your home folder. Choose a folder inside your home folder.",
            root.display()
        ))),
        _ => Ok(()),
    }
}
