//! The history of a share: what stood in its folder when, whose word it was, and the contents, as
//! far as they are kept.
//!
//! A row is noted in the transaction in which the folder and the records agree on a change. The
//! contents are kept when they are read for that, or, when there are many, soon after.

use std::fs::File;

use store::{Store, Tx, Unreadable, View};
use tree::{Held, What};
use types::{FileId, Hash, HiveId, RelPath, ShareId, Time};

use crate::Error;
use crate::disk::{Root, read_at, read_error};
use crate::live::Live;

pub(crate) mod aside;
mod changes;
pub(crate) mod db;
mod put_back;
mod restore;
pub(crate) mod tend;

pub use changes::{Changed, changes};
pub use put_back::{PutBack, PutBackDone};

/// How many days versions are kept, unless they are pinned.
pub const DAYS: &str = "history.days";
/// The largest file of which versions are kept, in megabytes.
pub const FILE_MB: &str = "history.file_mb";
/// How much of the free disk the history may take: a number from 0 to 1.
pub const SHARE_OF_FREE: &str = "history.share_of_free";

const DAYS_USUAL: i64 = 30;
const FILE_MB_USUAL: u64 = 64;
const SHARE_OF_FREE_USUAL: f64 = 0.1;
const LABEL_CHARS_MAX: usize = 120;

/// One version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub id: u64,
    pub file: FileId,
    pub share: ShareId,
    /// By its author's clock.
    pub at: Time,
    pub hive: HiveId,
    /// A guest of that hive.
    pub by: Option<String>,
    pub size: u64,
    pub hash: Hash,
    pub label: Option<String>,
    pub pinned: bool,
    /// Whether it is what stands in the folder.
    pub current: bool,
    /// Whether its bytes can be had.
    pub kept: bool,
    pub verb: &'static str,
}

/// Something that was removed and can be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trashed {
    pub file: FileId,
    pub path: RelPath,
    pub kind: crate::EntryKind,
    /// Of a folder, with all that went with it.
    pub size: u64,
    pub files: u64,
    pub gone_at: Time,
    pub hive: HiveId,
    pub by: Option<String>,
    pub days_left: u32,
    pub kept: bool,
}

/// What a history keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    pub days: i64,
    pub file_bytes: u64,
    pub share_of_free: f64,
}

impl Limits {
    pub fn read(view: &View) -> Result<Self, Error> {
        fn number<T: std::str::FromStr>(view: &View, key: &str, usual: T) -> Result<T, Error> {
            Ok(store::setting(view, key)?.and_then(|text| text.parse().ok()).unwrap_or(usual))
        }
        let megabytes = number(view, FILE_MB, FILE_MB_USUAL)?;
        Ok(Self {
            days: number(view, DAYS, DAYS_USUAL)?.max(0),
            file_bytes: megabytes.saturating_mul(1_024 * 1_024),
            share_of_free: number(view, SHARE_OF_FREE, SHARE_OF_FREE_USUAL)?.clamp(0.0, 1.0),
        })
    }

    /// How many bytes the history may take on this disk.
    pub(crate) fn bytes_max(&self, store: &Store) -> u64 {
        let stored = store.chunks().stored();
        let Some(free) = store.chunks().free() else { return u64::MAX };
        #[expect(clippy::cast_precision_loss, reason = "a share of a disk is no exact number")]
        #[expect(clippy::cast_possible_truncation, reason = "it is less than the disk has")]
        #[expect(clippy::cast_sign_loss, reason = "the share is not negative")]
        let bytes = (free.saturating_add(stored) as f64 * self.share_of_free) as u64;
        bytes
    }
}

/// The versions of a file and of what was merged into it, newest first.
pub fn versions(view: &View, file: FileId) -> Result<Vec<Version>, Error> {
    db::versions(view, file)
}

pub fn version(view: &View, file: FileId, id: u64) -> Result<Version, Error> {
    db::version(view, file, id)?.ok_or(Error::Gone)
}

/// A file as it stands, or as it stood when it was removed.
pub fn entry_of(view: &View, file: FileId) -> Result<crate::Entry, Error> {
    match crate::entry(view, file) {
        Err(Error::Gone) => db::removed_entry(view, file)?.ok_or(Error::Gone),
        other => other,
    }
}

/// What was removed from a share and not brought back, newest first. What went with a folder is
/// in the folder.
pub fn trash(view: &View, share: ShareId) -> Result<Vec<Trashed>, Error> {
    crate::share(view, share)?;
    let days = Limits::read(view)?.days;
    Ok(db::trash(view, share, days)?.into_iter().map(|(trashed, _)| trashed).collect())
}

/// What was removed together with a folder in the trash, by path.
pub fn trash_inside(view: &View, file: FileId) -> Result<Vec<Trashed>, Error> {
    let top = db::removed(view, file)?.ok_or(Error::Gone)?;
    let days = Limits::read(view)?.days;
    let mut inside = Vec::new();
    for (_, row) in db::went_with(view, &top)? {
        inside.push(db::trashed(view, &row, days)?);
    }
    inside.sort_by(|one, two| one.path.cmp(&two.path));
    Ok(inside)
}

/// How something stood at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stood {
    pub file: FileId,
    pub path: RelPath,
    pub kind: crate::EntryKind,
    pub size: u64,
    /// The version of a file that it was, and when that was written.
    pub version: Option<u64>,
    pub at: Time,
    pub kept: bool,
}

/// What stood under a path at a moment, with all that was in it, by path.
pub fn stood(view: &View, share: ShareId, path: &RelPath, at: Time) -> Result<Vec<Stood>, Error> {
    crate::share(view, share)?;
    put_back::check_moment(view, share, at)?;
    let all = put_back::tree_of(db::at(view, share, at)?, share, &RelPath::root());
    let mut stood = Vec::new();
    for (path, place) in all.into_iter().filter(|(one, _)| one.is_within(path)) {
        let found = match place.what.hash() {
            Some(hash) => db::version_at(view, place.file, hash, at)?,
            None => None,
        };
        let kept = match place.what.hash() {
            Some(hash) => {
                let held = crate::db::tree::held(view, share, place.file)?;
                held.is_some_and(|held| held.what.hash() == Some(hash))
                    || contains(view, share, hash)?
            }
            None => true,
        };
        let (kind, size) = match &place.what {
            What::Folder => (crate::EntryKind::Folder, 0),
            What::File { size, .. } => (crate::EntryKind::File, *size),
            What::Link { .. } => (crate::EntryKind::Link, 0),
        };
        let (version, at) = found.unzip();
        let at = at.unwrap_or(place.at);
        stood.push(Stood { file: place.file, path, kind, size, version, at, kept });
    }
    if stood.is_empty() && !path.is_root() { Err(Error::Gone) } else { Ok(stood) }
}

/// The share that something in a trash belongs to.
pub fn trashed_in(view: &View, file: FileId) -> Result<ShareId, Error> {
    db::removed(view, file)?.map(|row| row.share).ok_or(Error::Gone)
}

/// Gives a version a name, or takes it away with an empty one; pins it, or lets it go.
pub fn describe(
    tx: &Tx,
    file: FileId,
    id: u64,
    label: Option<&str>,
    pinned: Option<bool>,
) -> Result<Version, Error> {
    let old = version(tx, file, id)?;
    let label = label.map(str::trim);
    if label.is_some_and(|label| label.chars().count() > LABEL_CHARS_MAX) {
        return Err(Error::Refused(format!(
            "The name is longer than {LABEL_CHARS_MAX} characters. Choose a shorter one."
        )));
    }
    let label = label.map_or(old.label, |label| (!label.is_empty()).then(|| label.to_owned()));
    db::describe(tx, id, label.as_deref(), pinned.unwrap_or(old.pinned))?;
    tx.announce("file", &file.to_string(), Some(old.share))?;
    version(tx, file, id)
}

/// Forgets something in the trash for good, with a folder all that went with it.
pub fn forget(tx: &Tx, file: FileId) -> Result<(), Error> {
    let row = db::removed(tx, file)?.ok_or(Error::Gone)?;
    for (file, _) in db::went_with(tx, &row)? {
        db::forget(tx, file)?;
    }
    db::forget(tx, file)?;
    tx.announce("share", &row.share.to_string(), Some(row.share))?;
    Ok(())
}

/// A content that the history holds.
#[derive(Debug)]
pub(crate) enum Reader {
    Kept(store::Kept),
    Aside(File, u64),
}

impl Reader {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Kept(kept) => kept.size(),
            Self::Aside(_, size) => *size,
        }
    }

    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        match self {
            Self::Kept(kept) => kept.read_at(at, buffer).map_err(|error| unreadable(&error)),
            Self::Aside(file, _) => read_at(file, at, buffer).map_err(|error| read_error(&error)),
        }
    }
}

fn unreadable(error: &Unreadable) -> Error {
    tracing::warn!(%error, "a version cannot be read");
    Error::Unreadable {
        why: format!("{error}. Another version, or a friend's hive, may have it whole"),
    }
}

/// Reads an open file to its end, keeps its content if it is to be kept, and tells hash and size.
pub(crate) fn keep(live: &Live, file: &File) -> Result<(Hash, u64), Error> {
    keep_within(live, file, room(&live.shared.store)?)
}

/// [`keep`] with what [`room`] told, for many files in a row.
pub(crate) fn keep_within(live: &Live, file: &File, room: u64) -> Result<(Hash, u64), Error> {
    let size = file.metadata().map_or(u64::MAX, |metadata| metadata.len());
    let most = if size > room { 0 } else { room };
    let told = live.shared.store.keep_content(file, most).map_err(|error| read_error(&error))?;
    Ok((told.hash, told.size))
}

pub(crate) fn keep_bytes(live: &Live, bytes: &[u8]) -> Result<Hash, Error> {
    let room = room(&live.shared.store)?;
    let most = if bytes.len() as u64 > room { 0 } else { room };
    let told = live.shared.store.keep_content(bytes, most).map_err(|error| read_error(&error))?;
    Ok(told.hash)
}

/// How large a content may be to be kept now.
pub(crate) fn room(store: &Store) -> Result<u64, Error> {
    let limits = store.read_blocking(Limits::read)?;
    let room = limits.bytes_max(store).saturating_sub(store.chunks().stored());
    Ok(limits.file_bytes.min(room))
}

/// A content that is kept, or was moved aside.
pub(crate) fn open(live: &Live, hash: Hash) -> Result<Option<Reader>, Error> {
    if let Some(kept) = live.shared.store.open_content(hash)? {
        return Ok(Some(Reader::Kept(kept)));
    }
    aside::open(live, hash)
}

/// Whether a content can be had without the file itself.
pub(crate) fn contains(view: &View, share: ShareId, hash: Hash) -> Result<bool, Error> {
    Ok(store::has_content(view, hash)? || db::aside(view, share, hash)?.is_some())
}

/// Whether any version in a share, of those that are remembered, had a content.
pub(crate) fn names(view: &View, share: ShareId, hash: Hash) -> Result<bool, Error> {
    db::names(view, share, hash)
}

/// Something stands in the folder as the records say. The author is a hive, and a guest there.
pub(crate) fn stands(
    tx: &Tx,
    share: ShareId,
    author: (HiveId, Option<&str>),
    file: FileId,
    held: &Held,
) -> Result<(), Error> {
    if held.name.as_str().starts_with(tree::ASIDE_PREFIX) {
        return Ok(());
    }
    if let What::File { hash, .. } = &held.what {
        store::place_content(tx, *hash)?;
    }
    db::stands(tx, share, author, file, held)
}

/// A node is no longer in the folder: removed, or merged into another, which has its versions then.
pub(crate) fn ends(tx: &Tx, file: FileId, merged_into: Option<FileId>) -> Result<(), Error> {
    db::ends(tx, file, merged_into)
}

/// Whose version it is that stands now.
pub(crate) fn told(
    tx: &Tx,
    file: FileId,
    hive: HiveId,
    by: Option<&str>,
    what: &What,
) -> Result<(), Error> {
    db::tell_author(tx, file, hive, by, what.hash())
}

/// What stands was made of two texts that did not touch.
pub(crate) fn is_merged(tx: &Tx, file: FileId, what: &What) -> Result<(), Error> {
    what.hash().map_or(Ok(()), |hash| db::mark(tx, file, hash, "merged"))
}

/// A file was removed, by a person here or by a friend.
pub(crate) fn gone(tx: &Tx, share: ShareId, file: FileId) -> Result<(), Error> {
    let node = crate::db::tree::node(tx, share, file)?;
    let removal = node.and_then(|node| node.gone.into_iter().max_by_key(|gone| gone.tick));
    match removal {
        Some(gone) if gone.merged_into.is_some() => Ok(()),
        Some(gone) => db::removed_by(tx, file, Some((gone.tick.hive, gone.at))),
        None => db::removed_by(tx, file, None),
    }
}

/// Whether a share's folder can be written now; a sentence if not.
fn root_of(live: &Live) -> Result<Root, Error> {
    live.root()
}
