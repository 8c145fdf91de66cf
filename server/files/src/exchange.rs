//! What a hive exchanges with friends' hives for a share: records in, contents both ways, and how
//! far the folder is from what the records say. The records themselves are read from the store.
//!
//! A hive takes in nodes ([`Handle::take_nodes`], or [`take_nodes`] inside of a transaction of its
//! own), asks what contents they need ([`Handle::wanted`]), fetches those, and gives them
//! ([`Handle::give`], [`Handle::receive`]). The folder follows by itself.

use std::path::PathBuf;

use store::{Tx, View};
use tokio::sync::watch;
use tree::Node;
use types::{FileId, Hash, HiveId, RelPath, ShareId, Signer, Time};

use crate::task::Handle;
use crate::{Error, Share};

pub use crate::contents::{Reader, Receiving};

/// A content that the records name and that is needed on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub file: FileId,
    pub path: RelPath,
    pub hash: Hash,
    pub size: u64,
    /// What this hive holds of the same file: a difference to it is enough.
    pub base: Option<Hash>,
    /// How much of it is here already, verified.
    pub here: u64,
}

/// How far a share's folder is from what the records say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    pub in_step: bool,
    /// Own changes that are not in the records yet.
    pub files_unread: u64,
    pub files_to_go: u64,
    pub bytes_to_go: u64,
    /// What waits for something that does not come by itself, at most a hundred.
    pub waiting: Vec<Why>,
    /// How many removals wait for the owner's word: more at once than is usual.
    pub held_back: Option<HeldBack>,
}

/// Removals that wait for the owner's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBack {
    /// Removed in this folder, not told to friends yet.
    pub own: u64,
    /// Removed by friends, not removed in this folder yet.
    pub friends: u64,
}

/// Why a file is not in step, or that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    pub file: Option<FileId>,
    pub path: RelPath,
    pub in_step: bool,
    /// `in_step`, `ignored`, `not_chosen`, `unread`, `busy`, `content`, `two_versions`,
    /// `held_back`, `paused`, `name`, `full`, `changed`, `unwritable`, `unknown`.
    pub code: &'static str,
    pub detail: String,
    pub hint: String,
}

/// A file that hives changed apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwoVersions {
    pub share: ShareId,
    pub file: FileId,
    pub path: RelPath,
    /// The one that stands under the name first.
    pub sides: Vec<Side>,
    /// The newest content that both were made from.
    pub base: Option<Hash>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    pub what: tree::What,
    pub hive: HiveId,
    pub by: Option<String>,
    pub at: Time,
}

/// What is to stay of two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    First,
    Second,
    /// The second one gets a name of its own beside the first.
    Both,
    /// A text that was made of both.
    Text(Vec<u8>),
}

/// The ignore rules of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// What stands in `.skepignore`.
    pub text: String,
    /// Rules that hold without being written, with the reason.
    pub defaults: Vec<(&'static str, &'static str)>,
    /// How many files and folders are ignored.
    pub ignored: u64,
}

/// One thing that a rule catches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    pub path: RelPath,
    pub rule: String,
    /// The line in `.skepignore`, from 1; `None` for a default.
    pub line: Option<u32>,
}

/// Takes states of nodes into the records, inside of a transaction of the caller's. Whether their
/// authors had the right was decided before. The folder follows after the commit, by itself.
pub fn take_nodes(
    tx: &mut Tx,
    signer: &dyn Signer,
    share: ShareId,
    nodes: Vec<Node>,
) -> Result<bool, Error> {
    let _ = (tx, signer, share, nodes);
    Err(not_yet())
}

/// The files of a share, or of all, that hives changed apart.
pub fn two_versions(view: &View, share: Option<ShareId>) -> Result<Vec<TwoVersions>, Error> {
    let _ = (view, share);
    Ok(Vec::new())
}

impl Handle {
    /// [`take_nodes`] in a transaction of its own.
    pub async fn take_nodes(&self, share: ShareId, nodes: Vec<Node>) -> Result<bool, Error> {
        let signer = self.shared.signer()?;
        self.shared.store.write(move |tx| take_nodes(tx, &*signer, share, nodes)).await
    }

    /// Makes a friend's share appear in a folder, which is made if need be and may hold files
    /// already. `only_folders`: the top folders that are wanted; empty for all.
    pub async fn accept_share(
        &self,
        id: ShareId,
        root: PathBuf,
        name: String,
        only_folders: Vec<RelPath>,
    ) -> Result<Share, Error> {
        let _ = (id, root, name, only_folders);
        Err(not_yet())
    }

    /// A number that changes whenever [`Handle::wanted`] or [`Handle::progress`] may.
    pub fn needs(&self) -> watch::Receiver<u64> {
        self.shared.needs.subscribe()
    }

    /// The contents that a share needs, small ones first, at most a thousand.
    pub async fn wanted(&self, share: ShareId) -> Result<Vec<Wanted>, Error> {
        let _ = share;
        Ok(Vec::new())
    }

    /// A content that this hive has, in the folder or in its history; `Gone` if it has not.
    pub async fn content(&self, share: ShareId, hash: Hash) -> Result<Reader, Error> {
        let _ = (share, hash);
        Err(Error::Gone)
    }

    /// Hands over a small content whole. Tells whether it was what the hash says.
    pub async fn give(&self, share: ShareId, hash: Hash, bytes: Vec<u8>) -> Result<bool, Error> {
        let _ = (share, hash, bytes);
        Err(not_yet())
    }

    /// Opens what is here of a content, to go on receiving it. One at a time for each hash.
    pub async fn receive(&self, share: ShareId, hash: Hash, size: u64) -> Result<Receiving, Error> {
        let _ = (share, hash, size);
        Err(not_yet())
    }

    pub async fn progress(&self, share: ShareId) -> Result<Progress, Error> {
        let _ = share;
        Ok(Progress { in_step: true, ..Progress::default() })
    }

    /// Lets friends' changes wait, or go on.
    pub async fn hold(&self, share: ShareId, held: bool) -> Result<(), Error> {
        let _ = (share, held);
        Err(not_yet())
    }

    pub async fn why(&self, share: ShareId, path: RelPath) -> Result<Why, Error> {
        let _ = (share, path);
        Err(not_yet())
    }

    /// Ends two versions. Tells the hash of what stands now.
    pub async fn resolve(&self, file: FileId, keep: Keep) -> Result<(), Error> {
        let _ = (file, keep);
        Err(not_yet())
    }

    pub async fn ignored(&self, share: ShareId) -> Result<Ignored, Error> {
        let _ = share;
        Err(not_yet())
    }

    /// What a text of rules would catch of what is in the folder, at most a thousand.
    pub async fn ignore_preview(&self, share: ShareId, text: String) -> Result<Vec<Caught>, Error> {
        let _ = (share, text);
        Err(not_yet())
    }

    /// Writes `.skepignore`, or removes it with an empty text.
    pub async fn set_ignored(&self, share: ShareId, text: String) -> Result<Ignored, Error> {
        let _ = (share, text);
        Err(not_yet())
    }

    /// Lets removals go on that were held back, or takes them back.
    pub async fn confirm_deletions(&self, share: ShareId, agreed: bool) -> Result<(), Error> {
        let _ = (share, agreed);
        Err(not_yet())
    }
}

fn not_yet() -> Error {
    Error::Refused("This hive cannot do that yet.".to_owned())
}
