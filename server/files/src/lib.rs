//! Shares of folders that stand where they are: a tree in the database kept in step with the disk,
//! safe reading, atomic writing. Nothing else touches shared folders, and nothing outside of a
//! share's root is reachable from here.
//!
//! The tree on disk is the truth, file events are hints where to look. A path keeps its [`FileId`]
//! whatever is saved there; a thing that was renamed or moved inside of its share keeps it too.

mod apart;
mod contents;
mod db;
mod disk;
mod door;
mod entry;
mod exchange;
mod follow;
mod guard;
pub mod history;
mod ignore;
mod in_hand;
mod ingest;
mod kept;
mod kind;
mod leave;
mod ledger;
mod live;
mod outline;
mod rights;
mod rot;
mod scan;
mod scrub;
mod share;
mod steps;
mod task;
mod twins;
mod unchosen;
mod units;
mod watch;
mod why;

use std::path::Path;

use store::{Tx, View};
use types::{FileId, Name, RelPath, ShareId};

pub use disk::{Content, OpenFile, Stamp};
pub use entry::{Changed, ChangedEntry, Entry, EntryKind, Listing, Recent, Sort, Verb, What};
pub use exchange::{
    Caught, HeldBack, Ignored, Keep, Progress, Reader, Receiving, Side, TopFolder, TwoVersions,
    Wanted, Why, after_restore, chosen, take_nodes, top_folders, two_versions,
};
pub use in_hand::Arrival;
pub use kind::{Type, looks_like_text, mime_of, type_of, type_of_name};
pub use live::Standing;
pub use rights::{asked_anew, asks_anew, note_refused, set_writers, writers};
pub use scrub::{Damaged, Scrubbed};
pub use share::{GuestNames, Options, Share, State, Totals};
pub use task::{Handle, Placed};
pub use unchosen::{LeftOver, left_over};

/// How many characters a share's name has at most.
const SHARE_NAME_CHARS_MAX: usize = 120;

/// Why something with a share or a file could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("it is no longer there: it was removed, renamed or moved out of the share")]
    Gone,
    #[error("there is already something with this name")]
    Taken,
    #[error("another program changed the file in the meantime")]
    Changed,
    #[error("the file is too large: it has {size} bytes")]
    TooLarge { size: u64 },
    #[error("the disk is full, or your share of it is used up")]
    Full,
    /// So much has to become free before more is received.
    #[error("Waiting for {} free on the disk.", why::size(*.bytes))]
    NoRoom { bytes: u64 },
    #[error("it cannot be written: {why}")]
    Unwritable { why: String },
    #[error("it cannot be read: {why}")]
    Unreadable { why: String },
    /// The share's folder is not where it was.
    #[error("{why}")]
    Missing { why: String },
    /// A sentence that says why not, and what to do instead.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    BadPath(#[from] types::BadPath),
}

impl From<store::sql::Error> for Error {
    fn from(error: store::sql::Error) -> Self {
        Self::Store(error.into())
    }
}

/// All shares, oldest first.
pub fn shares(view: &View) -> Result<Vec<Share>, Error> {
    db::shares(view)
}

pub fn share(view: &View, id: ShareId) -> Result<Share, Error> {
    db::share(view, id)?.ok_or(Error::Gone)
}

/// The entry with this id, as long as it is there.
pub fn entry(view: &View, id: FileId) -> Result<Entry, Error> {
    db::entry(view, id)?.ok_or(Error::Gone)
}

/// The entry under this path; `Gone` for the root, which has none.
pub fn entry_at(view: &View, share: ShareId, path: &RelPath) -> Result<Entry, Error> {
    db::entry_at(view, share, path)?.ok_or(Error::Gone)
}

/// One page of a folder, folders first.
pub fn list(
    view: &View,
    share: ShareId,
    folder: &RelPath,
    sort: Sort,
    descending: bool,
    offset: u32,
    limit: u32,
) -> Result<Listing, Error> {
    db::share(view, share)?.ok_or(Error::Gone)?;
    if !folder.is_root() {
        let found = db::entry_at(view, share, folder)?.ok_or(Error::Gone)?;
        if found.kind != EntryKind::Folder {
            return Err(Error::Gone);
        }
    }
    db::list(view, share, folder, sort, descending, offset, limit)
}

/// The row in the order of [`list`] of the first entry whose name begins so, whatever its case.
pub fn row_of(
    view: &View,
    share: ShareId,
    folder: &RelPath,
    sort: Sort,
    descending: bool,
    begins: &str,
) -> Result<Option<u32>, Error> {
    db::row_of(view, share, folder, sort, descending, begins)
}

/// Entries with every word in their path, without regard to case; those with all words in the name
/// come first.
pub fn search(view: &View, share: ShareId, words: &str, limit: u32) -> Result<Vec<Entry>, Error> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    if words.is_empty() { Ok(Vec::new()) } else { db::search(view, share, &words, limit) }
}

/// What happened last in all shares, newest first, one row for each file.
pub fn recent(view: &View, limit: u32) -> Result<Vec<Recent>, Error> {
    db::recent(view, limit)
}

pub fn totals(view: &View, share: ShareId) -> Result<Totals, Error> {
    db::totals(view, share)
}

/// Adds a share of a canonical folder. Whether it may be shared was decided before.
pub fn add_share(
    tx: &mut Tx,
    root: &Path,
    only: Option<Name>,
    name: String,
    marked: bool,
) -> Result<Share, Error> {
    let name = share_name(&name)?;
    let id = ShareId::draw(tx.chance());
    let share = Share { id, name, root: root.to_owned(), only, created_at: tx.now() };
    db::insert_share(tx, &share, marked)?;
    tx.announce("share", &id.to_string(), Some(id))?;
    Ok(share)
}

pub fn rename_share(tx: &mut Tx, id: ShareId, name: &str) -> Result<Share, Error> {
    let name = share_name(name)?;
    db::rename_share(tx, id, &name)?;
    tx.announce("share", &id.to_string(), Some(id))?;
    share(tx, id)
}

/// Forgets a share and what was known of its files. Touches nothing on disk.
pub fn remove_share(tx: &mut Tx, id: ShareId) -> Result<(), Error> {
    share(tx, id)?;
    db::tree::forget(tx, id)?;
    db::scrub::forget_share(tx, id)?;
    db::delete_share(tx, id)?;
    Ok(tx.announce("share", &id.to_string(), Some(id))?)
}

fn share_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::Refused("A share needs a name. Give it one.".to_owned()));
    }
    if name.chars().count() > SHARE_NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Error::Refused(format!(
            "The name is longer than {SHARE_NAME_CHARS_MAX} characters, or holds a line break. \
             Choose another one."
        )));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests;
