//! What a hive exchanges with friends' hives for a share: records in, contents both ways, and how
//! far the folder is from what the records say. The records themselves are read from the store.
//!
//! A hive takes in nodes ([`Handle::take_nodes`], or [`take_nodes`] inside of a transaction of its
//! own), asks what contents they need ([`Handle::wanted`]), fetches those, and gives them
//! ([`Handle::give`], [`Handle::receive`]). The folder follows by itself.

use std::sync::atomic::Ordering;

use store::{Cut, Tx, View};
use tokio::sync::watch;
use tree::Node;
use types::{FileId, Hash, HiveId, RelPath, ShareId, Signer, Time};

use crate::apart;
use crate::contents::{self, GIVE_BYTES_MAX};
use crate::db::tree as db;
use crate::follow::blocking;
use crate::ignore::{self, Rules};
use crate::ledger::Records;
use crate::task::Handle;
use crate::{Error, db as rows, ingest, kept, outline, rot, unchosen, why};

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
    /// `held_back`, `paused`, `name`, `full`, `changed`, `unwritable`, `damaged`, `unknown`.
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
///
/// `complete` tells that the friend's hive has nothing more to tell at the moment: then what hives
/// did apart is mended. Until then of a swap perhaps only one half is known.
pub fn take_nodes(
    tx: &mut Tx,
    signer: &dyn Signer,
    share: ShareId,
    nodes: &[Node],
    complete: bool,
) -> Result<bool, Error> {
    let mut records = Records::new(tx, share, signer.hive());
    let mut changed = false;
    for node in nodes {
        changed |= tree::receive(&mut records, node)?;
    }
    if complete {
        changed |= tree::mend(&mut records, signer)?;
    }
    for node in nodes {
        let held = db::unread(tx, share, node.id)?.flatten().is_some_and(|code| code == "held");
        if held && db::node(tx, share, node.id)?.is_some_and(|node| !tree::is_alive(&node)) {
            ingest::forget_removal(tx, share, node.id)?;
            changed = true;
        }
    }
    Ok(changed)
}

/// The folders of a share that are wanted on this hive; empty for all.
pub fn chosen(view: &View, share: ShareId) -> Result<Vec<RelPath>, Error> {
    Ok(db::facts(view, share)?.chosen)
}

/// A folder in the root of a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopFolder {
    pub name: types::Name,
    pub bytes: u64,
    /// Whether it, or something in it, is wanted on this hive.
    pub chosen: bool,
}

/// The folders in the root of a share, as the records tell, by name.
pub fn top_folders(view: &View, share: ShareId) -> Result<Vec<TopFolder>, Error> {
    let chosen = db::facts(view, share)?.chosen;
    let mut folders = Vec::new();
    for (id, bytes) in db::bytes_inside(view, share)? {
        let Some(node) = db::node(view, share, id)? else { continue };
        if tree::current(&node).is_none_or(|version| !version.what.is_folder()) {
            continue;
        }
        let (name, path) = (node.place.name.clone(), RelPath::root().join(&node.place.name));
        let chosen = unchosen::is_chosen(&chosen, &path);
        folders.push(TopFolder { name, bytes, chosen });
    }
    Ok(folders)
}

/// Notes whether this hive may change a share: without it nothing is written into its records.
pub(crate) fn set_may_change(tx: &mut Tx, share: ShareId, edits: bool) -> Result<(), Error> {
    let facts = db::facts(tx, share)?;
    if facts.edits == edits {
        return Ok(());
    }
    db::set_facts(tx, share, &db::Facts { edits, ..facts })?;
    if edits { db::unread_all(tx, share) } else { Ok(()) }
}

/// To be called before anything else when the database was restored from a copy: what is missing
/// in the folders then does not count as removed until the owner says so, no count that was given
/// after the copy is given again, and no change claims to have seen one that was made after it.
pub fn after_restore(tx: &mut Tx) -> Result<(), Error> {
    for share in crate::shares(tx)? {
        let [high, low, ..] = *FileId::draw(tx.chance()).as_bytes();
        let lives = 1 + u64::from(u16::from_be_bytes([high, low]));
        let skipped = lives.saturating_mul(tree::COUNTS_OF_LIFE);
        let tick = db::tick(tx, share.id)?.saturating_add(skipped);
        db::raise_tick(tx, share.id, tick)?;
        db::set_cautious(tx, share.id, true)?;
    }
    Ok(())
}

/// The files of a share, or of all, that hives changed apart.
pub fn two_versions(view: &View, share: Option<ShareId>) -> Result<Vec<TwoVersions>, Error> {
    let mut found = Vec::new();
    for (share, file) in db::nodes_apart(view, share)? {
        let Some(node) = db::node(view, share, file)? else { continue };
        let Some(standing) = tree::standing(&node).filter(|standing| !standing.others.is_empty())
        else {
            continue;
        };
        let side = |version: &tree::Version| Side {
            what: version.what.clone(),
            hive: version.tick.hive,
            by: version.by.clone(),
            at: version.at,
        };
        let versions = std::iter::once(&standing.version).chain(&standing.others);
        found.push(TwoVersions {
            share,
            file,
            path: db::path_of(view, share, file)?.unwrap_or_default(),
            sides: versions.map(|version| side(version)).collect(),
            base: base_of(standing.version, standing.others[0]),
        });
    }
    Ok(found)
}

fn base_of(one: &tree::Version, other: &tree::Version) -> Option<Hash> {
    one.before.iter().find(|hash| other.before.contains(hash)).copied()
}

impl Handle {
    /// [`take_nodes`] in a transaction of its own.
    pub async fn take_nodes(
        &self,
        share: ShareId,
        nodes: Vec<Node>,
        complete: bool,
    ) -> Result<bool, Error> {
        let signer = self.shared.signer()?;
        let taken =
            self.shared.store.write(move |tx| take_nodes(tx, &*signer, share, &nodes, complete));
        taken.await
    }

    /// A number that changes whenever [`Handle::wanted`] or [`Handle::progress`] may.
    pub fn needs(&self) -> watch::Receiver<u64> {
        self.shared.needs.subscribe()
    }

    /// The contents that a share needs, small ones first, at most a thousand.
    pub async fn wanted(&self, share: ShareId) -> Result<Vec<Wanted>, Error> {
        let live = self.live(share)?;
        blocking(move || {
            let mut wanted = live.stock.wanted(WANTED_MAX);
            let sides = apart::lacking(&live, &live.root()?)?;
            let rotten = rot::lacking(&live, &live.root()?)?;
            if !sides.is_empty() || !rotten.is_empty() {
                wanted.extend(sides);
                wanted.extend(rotten);
                wanted.sort_by_key(|one| one.size);
                wanted.truncate(WANTED_MAX);
            }
            if live.ailing.load(Ordering::Relaxed) {
                let root = live.root()?;
                for wanted in &mut wanted {
                    let base = wanted
                        .base
                        .filter(|base| matches!(contents::find(&live, &root, *base), Ok(Some(_))));
                    wanted.base = base;
                }
            }
            Ok(wanted)
        })
        .await
    }

    /// A content that this hive has, in the folder or in its history; `Gone` if it has not.
    pub async fn content(&self, share: ShareId, hash: Hash) -> Result<Reader, Error> {
        let live = self.live(share)?;
        blocking(move || contents::find_to_give(&live, &live.root()?, hash)?.ok_or(Error::Gone))
            .await
    }

    /// Where a content of the share is cut, also when its bytes are not here any more; `None` if
    /// that is not known.
    pub async fn outline(&self, share: ShareId, hash: Hash) -> Result<Option<Vec<Cut>>, Error> {
        let live = self.live(share)?;
        blocking(move || outline::outline(&live, &live.root()?, hash)).await
    }

    /// [`Handle::content`] of several small ones, read whole: those that are here, at most so many
    /// bytes of them together, in the order asked for.
    pub async fn small_contents(
        &self,
        share: ShareId,
        hashes: Vec<Hash>,
        each_max: u64,
        bytes_max: usize,
    ) -> Result<Vec<(Hash, Vec<u8>)>, Error> {
        let live = self.live(share)?;
        blocking(move || contents::read_small(&live, &hashes, each_max, bytes_max)).await
    }

    /// Hands over small contents whole, of at most 8 MiB each, wanted or about to be. One that is
    /// not what its hash says is dropped.
    pub async fn give(&self, share: ShareId, contents: Vec<(Hash, Vec<u8>)>) -> Result<(), Error> {
        let live = self.live(share)?;
        if let Some((_, bytes)) = contents.iter().find(|(_, bytes)| bytes.len() > GIVE_BYTES_MAX) {
            return Err(Error::TooLarge { size: bytes.len() as u64 });
        }
        let given = move || {
            for (hash, bytes) in contents {
                if Hash::of(&bytes) == hash {
                    live.stock.give(hash, bytes);
                    live.stock.arrived(hash);
                }
            }
            live.wake();
            Ok(())
        };
        blocking(given).await
    }

    /// Opens what is here of a content, to go on receiving it. One at a time for each hash.
    pub async fn receive(&self, share: ShareId, hash: Hash, size: u64) -> Result<Receiving, Error> {
        let live = self.live(share)?;
        blocking(move || Receiving::open(&live, hash, size)).await
    }

    pub async fn progress(&self, share: ShareId) -> Result<Progress, Error> {
        let odd = self.live(share).map(|live| live.odd()).unwrap_or_default();
        self.shared.store.read(move |view| why::progress(view, share, &odd)).await
    }

    /// Lets friends' changes wait, or go on.
    pub async fn hold(&self, share: ShareId, held: bool) -> Result<(), Error> {
        let live = self.live(share)?;
        self.shared
            .store
            .write(move |tx| {
                let facts = db::facts(tx, share)?;
                db::set_facts(tx, share, &db::Facts { paused: held, ..facts })
            })
            .await?;
        live.wake();
        live.tell_needs();
        Ok(())
    }

    /// Sets the folders that are wanted on this hive; empty for all. What stands in the others
    /// stays until [`Handle::remove_unchosen`].
    pub async fn choose(&self, share: ShareId, only_folders: Vec<RelPath>) -> Result<(), Error> {
        let live = self.live(share)?;
        self.shared
            .store
            .write(move |tx| {
                let facts = db::facts(tx, share)?;
                db::set_facts(tx, share, &db::Facts { chosen: only_folders, ..facts })?;
                db::retry_steps(tx, share)
            })
            .await?;
        live.wake();
        Ok(())
    }

    pub async fn why(&self, share: ShareId, path: RelPath) -> Result<Why, Error> {
        let live = self.live(share)?;
        blocking(move || {
            let root = live.root()?;
            let (rules, odd) = (live.rules(&root), live.odd());
            let mut why = live
                .shared
                .store
                .read_blocking(|view| why::why(view, share, &rules, &odd, path))?;
            if let Ok(form) = root.path_on_disk(&why.path)
                && why.in_step
                && form != why.path.as_str()
            {
                why.detail.push_str(&format!(
                    " This disk cannot hold its name, so that it stands there as {form}."
                ));
            }
            Ok(why)
        })
        .await
    }

    /// Ends two versions; the folder follows. `Changed` when there are others by now. Gives the
    /// number under which that can be undone.
    pub async fn resolve(&self, file: FileId, keep: Keep) -> Result<u64, Error> {
        let signer = self.shared.signer()?;
        let share = self.shared.store.read(move |view| share_of(view, file)).await?;
        let live = self.live(share)?;
        let text = match &keep {
            Keep::Text(bytes) => {
                let (live, bytes) = (live.clone(), bytes.clone());
                let hash = blocking(move || {
                    let hash = kept::keep_bytes(&live, &bytes)?;
                    live.stock.give(hash, bytes);
                    Ok(hash)
                });
                Some(hash.await?)
            }
            _ => None,
        };
        let chosen = self
            .shared
            .store
            .write(move |tx| resolve(tx, &*signer, share, file, keep, text))
            .await?;
        live.wake();
        Ok(chosen)
    }

    /// Both versions stand side by side again. `Gone` when that choice is not known any more,
    /// `Changed` when the file was changed since.
    pub async fn undo_resolve(&self, file: FileId, choice: u64) -> Result<(), Error> {
        let signer = self.shared.signer()?;
        let undone = self.shared.store.write(move |tx| {
            let choice = db::choice(tx, file, choice)?.ok_or(Error::Gone)?;
            let db::Choice { share, chosen, sides: [first, second], made } = choice;
            let mut records = Records::new(tx, share, signer.hive());
            let sides = [&first, &second];
            match tree::unresolve(&mut records, &*signer, file, &chosen, sides, made)? {
                true => Ok(share),
                false => Err(Error::Changed),
            }
        });
        self.live(undone.await?)?.wake();
        Ok(())
    }

    pub async fn ignored(&self, share: ShareId) -> Result<Ignored, Error> {
        let live = self.live(share)?;
        blocking(move || {
            let rules = live.rules(&live.root()?);
            let store = &live.shared.store;
            let caught =
                store.read_blocking(|view| why::caught(view, share, &rules, usize::MAX))?;
            Ok(Ignored {
                text: rules.text.clone(),
                defaults: ignore::DEFAULTS.to_vec(),
                ignored: caught.len() as u64,
            })
        })
        .await
    }

    /// What a text of rules would catch of what is in the folder, at most a thousand.
    pub async fn ignore_preview(&self, share: ShareId, text: String) -> Result<Vec<Caught>, Error> {
        let live = self.live(share)?;
        blocking(move || {
            let rules = Rules::new(&text);
            let store = &live.shared.store;
            store.read_blocking(|view| why::caught(view, share, &rules, CAUGHT_MAX))
        })
        .await
    }

    /// Writes `.skepignore`.
    pub async fn set_ignored(&self, share: ShareId, text: String) -> Result<Ignored, Error> {
        if text.len() as u64 > ignore::TEXT_BYTES_MAX {
            return Err(Error::TooLarge { size: text.len() as u64 });
        }
        let path: RelPath = ignore::FILE.parse()?;
        let known = path.clone();
        let entry = self.shared.store.read(move |view| rows::entry_at(view, share, &known)).await?;
        match entry {
            Some(entry) => {
                let old = self.read(entry.id, ignore::TEXT_BYTES_MAX).await?;
                self.write(entry.id, text.into_bytes(), old.stamp, None).await?;
            }
            None => drop(self.create(share, path, text.into_bytes(), None).await?),
        }
        self.live(share)?.wake();
        self.ignored(share).await
    }

    /// Lets removals go on that were held back, or takes them back: those made here, and those
    /// that friends made.
    pub async fn confirm_deletions(&self, share: ShareId, agreed: bool) -> Result<(), Error> {
        let signer = self.shared.signer()?;
        let live = self.live(share)?;
        self.shared
            .store
            .write(move |tx| {
                let own = db::held_back(tx, share)?;
                if agreed {
                    ingest::tell_gone(tx, &*signer, share, own)?;
                } else {
                    for id in own {
                        db::set_read(tx, share, id)?;
                        db::set_held(tx, share, id, None)?;
                        db::set_out_of_step(tx, share, id, true)?;
                    }
                    bring_back(tx, &*signer, share)?;
                }
                let facts = db::facts(tx, share)?;
                db::set_facts(tx, share, &db::Facts { agreed, ..facts })?;
                db::retry_steps(tx, share)
            })
            .await?;
        live.wake();
        Ok(())
    }
}

/// What friends removed and what still stands in this folder is told to live again.
fn bring_back(tx: &mut Tx, signer: &dyn Signer, share: ShareId) -> Result<(), Error> {
    let removed = db::removed_by_friends(tx, share)?;
    if !removed.is_empty() && !db::facts(tx, share)?.edits {
        return Err(Error::Refused(
            "You may not change this share, so what was removed in it stays removed. Copy what \
             you want to keep to another folder, then confirm the removals."
                .to_owned(),
        ));
    }
    for (id, held) in removed {
        let mut records = Records::new(tx, share, signer.hive());
        tree::restore(&mut records, signer, id, held.what)?;
    }
    Ok(())
}

const WANTED_MAX: usize = 1_000;
const CAUGHT_MAX: usize = 1_000;

fn share_of(view: &View, file: FileId) -> Result<ShareId, Error> {
    if let Some(entry) = rows::entry(view, file)? {
        return Ok(entry.share);
    }
    let apart = db::nodes_apart(view, None)?;
    apart.into_iter().find(|(_, id)| *id == file).map(|(share, _)| share).ok_or(Error::Gone)
}

fn resolve(
    tx: &mut Tx,
    signer: &dyn Signer,
    share: ShareId,
    file: FileId,
    keep: Keep,
    text: Option<Hash>,
) -> Result<u64, Error> {
    let node = db::node(tx, share, file)?.ok_or(Error::Gone)?;
    let standing = tree::standing(&node).ok_or(Error::Gone)?;
    let first = standing.version;
    let second = *standing.others.first().ok_or(Error::Changed)?;
    let keep = match keep {
        Keep::First => tree::Keep::First,
        Keep::Second => tree::Keep::Second,
        Keep::Both => {
            let name = node.place.name.clone();
            tree::Keep::Both { name, new: FileId::draw(tx.chance()) }
        }
        Keep::Text(bytes) => {
            let hash = text.ok_or(Error::Changed)?;
            let (executable, attributes) = match &first.what {
                tree::What::File { executable, attributes, .. } => {
                    (*executable, attributes.clone())
                }
                _ => (false, Vec::new()),
            };
            let modified_ns = tx.now().0.saturating_mul(1_000_000);
            let size = bytes.len() as u64;
            tree::Keep::Text(tree::What::File { hash, size, modified_ns, executable, attributes })
        }
    };
    let made = match &keep {
        tree::Keep::Both { new, .. } => Some(*new),
        _ => None,
    };
    let sides = (&first.vector, &second.vector);
    let mut records = Records::new(tx, share, signer.hive());
    if !tree::resolve(&mut records, signer, file, sides, keep)? {
        return Err(Error::Changed);
    }
    let now = db::node(tx, share, file)?.ok_or(Error::Gone)?;
    let chosen = tree::current(&now).ok_or(Error::Gone)?.clone();
    let choice = db::Choice { share, chosen, sides: [first.clone(), second.clone()], made };
    db::note_choice(tx, file, &choice)
}
