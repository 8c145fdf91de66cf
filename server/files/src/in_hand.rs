//! Files that somebody edits live: what friends wrote into them is told to whoever has them in
//! hand, and stays off the disk until that one took it in or lets it through.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::{Tx, View};
use tokio::sync::broadcast;
use tree::{Ledger, Step, What};
use types::{FileId, Hash, HiveId, ShareId, Signer, Vector};

use crate::db::tree as db;
use crate::follow::blocking;
use crate::ledger::{Moment, Records};
use crate::task::Handle;
use crate::{Error, entry};

/// Why a step waits that would bring something into a file in hand.
pub(crate) const KEPT_OFF: &str = "live";

/// Contents that came for a file in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub file: FileId,
    pub contents: Vec<Hash>,
}

/// The files in hand, with the contents that may reach the disk all the same.
#[derive(Default)]
pub(crate) struct InHand(Mutex<HashMap<FileId, BTreeSet<Hash>>>);

impl InHand {
    pub(crate) fn of(files: Vec<FileId>) -> Self {
        Self(Mutex::new(files.into_iter().map(|file| (file, BTreeSet::new())).collect()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FileId, BTreeSet<Hash>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has(&self, file: FileId) -> bool {
        self.lock().contains_key(&file)
    }

    /// False if the file is not in hand.
    fn let_through(&self, file: FileId, contents: Vec<Hash>) -> bool {
        let mut files = self.lock();
        let passed = files.get_mut(&file);
        passed.is_some_and(|passed| {
            *passed = contents.into_iter().collect();
            true
        })
    }

    /// The contents that a step would bring, if they are to stay off the disk.
    pub(crate) fn keeps_off(
        &self,
        ledger: &Moment<'_, '_>,
        own: HiveId,
        file: FileId,
        step: &Step,
    ) -> Result<Option<Vec<Hash>>, Error> {
        let Some(passed) = self.lock().get(&file).cloned() else { return Ok(None) };
        let brought = match step {
            Step::Write { what: What::File { hash, .. }, .. } => vec![*hash],
            Step::Merge { first, second, .. } => vec![*first, *second],
            _ => return Ok(None),
        };
        let held = ledger.held(file)?.and_then(|held| held.what.hash());
        let new = brought.into_iter().filter(|hash| Some(*hash) != held && !passed.contains(hash));
        let new: Vec<Hash> = new.collect();
        if new.is_empty() || was_made_here(ledger, own, file, step)? {
            return Ok(None);
        }
        Ok(Some(new))
    }
}

/// Whether somebody on this hive put the file back, or chose of two versions.
fn was_made_here(
    ledger: &Moment<'_, '_>,
    own: HiveId,
    file: FileId,
    step: &Step,
) -> Result<bool, Error> {
    let Step::Write { what, .. } = step else { return Ok(false) };
    is_made_here(ledger, own, file, what)
}

fn is_made_here(
    ledger: &Moment<'_, '_>,
    own: HiveId,
    file: FileId,
    what: &What,
) -> Result<bool, Error> {
    let node = ledger.node(file)?;
    let versions = node.iter().flat_map(|node| &node.versions);
    let mut these = versions.filter(|version| version.what.reads_like(what));
    Ok(these.any(|version| version.tick.hive == own && version.carried.is_none()))
}

impl Handle {
    /// What friends write into a file from now on is told by [`Handle::arrivals`], not written.
    /// When this returns, nothing of theirs is on its way to the disk any more.
    pub async fn take_in_hand(&self, file: FileId) -> Result<(), Error> {
        match self.shared.in_hand.lock().entry(file) {
            Entry::Occupied(_) => return Ok(()),
            Entry::Vacant(free) => free.insert(BTreeSet::new()),
        };
        self.out_of_steps(file).await
    }

    /// Files in hand for which contents arrived. Told again while they wait.
    pub fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.shared.arrivals.subscribe()
    }

    /// These contents, and no others, reach the file as if nobody had it in hand.
    pub async fn let_through(&self, file: FileId, contents: Vec<Hash>) -> Result<(), Error> {
        let in_hand = self.shared.in_hand.let_through(file, contents);
        if in_hand { self.step_again(file).await } else { Ok(()) }
    }

    /// What was let through and did not come stays off the file again. It is told once more after
    /// [`Handle::step_again`].
    pub async fn keep_off(&self, file: FileId) -> Result<(), Error> {
        self.shared.in_hand.let_through(file, Vec::new());
        self.out_of_steps(file).await
    }

    /// Whether something is about to reach the file, and not kept off it.
    pub async fn is_changing(&self, file: FileId) -> Result<bool, Error> {
        let waits_for = self.waits_for(file).await?;
        Ok(waits_for.is_some_and(|code| code.is_none_or(|code| code == "content")))
    }

    /// Whether something of friends' waits to be taken in or let through.
    pub async fn is_kept_off(&self, file: FileId) -> Result<bool, Error> {
        Ok(self.waits_for(file).await?.flatten().as_deref() == Some(KEPT_OFF))
    }

    /// For what a step waits, if one does.
    async fn waits_for(&self, file: FileId) -> Result<Option<Option<String>>, Error> {
        let found = self.shared.store.read(move |view| {
            let share = entry(view, file)?.share;
            Ok::<_, Error>(db::waiting(view, share, file)?.map(|waiting| waiting.code))
        });
        found.await
    }

    /// Nobody has the file in hand any more: what waits reaches it. Unless somebody has it after
    /// all, which is asked while nobody can take it.
    pub async fn let_go(&self, file: FileId, is_held: impl FnOnce() -> bool) -> Result<(), Error> {
        let was_in_hand = {
            let mut files = self.shared.in_hand.lock();
            !is_held() && files.remove(&file).is_some()
        };
        if was_in_hand { self.step_again(file).await } else { Ok(()) }
    }

    /// The file, if it holds this content, also holds what these contents hold that friends made
    /// apart from it.
    pub async fn embrace(
        &self,
        file: FileId,
        content: Hash,
        contents: Vec<Hash>,
    ) -> Result<(), Error> {
        let Some(signer) = self.shared.signer.clone() else { return Ok(()) };
        let embraced = self.shared.store.write(move |tx| {
            let share = entry(tx, file)?.share;
            let held = db::held(tx, share, file)?.and_then(|held| held.what.hash());
            if held != Some(content) {
                return Ok(());
            }
            embrace(tx, &*signer, share, file, &contents)
        });
        embraced.await
    }

    /// Names the version that the file holds, if it holds this content and that is in the records:
    /// the same on every hive that is in step with it, and of no other version.
    pub async fn version_of(&self, file: FileId, content: Hash) -> Result<Option<Hash>, Error> {
        let found = self.shared.store.read(move |view| {
            let share = entry(view, file)?.share;
            Ok::<_, Error>(vector_of(view, share, file, content)?.map(|vector| (share, vector)))
        });
        let Some((share, vector)) = found.await? else { return Ok(None) };
        let name = (share, file, content, vector);
        // Into memory, from plain data: it cannot fail.
        Ok(Some(Hash::of(&postcard::to_stdvec(&name).unwrap_or_default())))
    }

    /// Whether a friend's hive made this content that the file holds, or it was merged from what
    /// one made.
    pub async fn is_foreign(&self, file: FileId, content: Hash) -> Result<bool, Error> {
        let Some(signer) = self.shared.signer.clone() else { return Ok(false) };
        let found = self.shared.store.read(move |view| {
            let share = entry(view, file)?.share;
            let ledger = Moment { view, share };
            let held = ledger.held(file)?.filter(|held| held.what.hash() == Some(content));
            let Some(held) = held else { return Ok(false) };
            Ok::<_, Error>(!is_made_here(&ledger, signer.hive(), file, &held.what)?)
        });
        found.await
    }

    /// What the version that the file holds has seen, if it holds this content and that is in the
    /// records.
    pub async fn vector_of(&self, file: FileId, content: Hash) -> Result<Option<Vector>, Error> {
        let found = self.shared.store.read(move |view| {
            let share = entry(view, file)?.share;
            vector_of(view, share, file, content)
        });
        found.await
    }

    /// Whether a friend's version of the file, with this content, went into what it holds here.
    pub async fn has_seen(
        &self,
        file: FileId,
        content: Hash,
        vector: Vector,
    ) -> Result<bool, Error> {
        let found = self.shared.store.read(move |view| {
            let share = entry(view, file)?.share;
            let held = db::held(view, share, file)?;
            Ok::<_, Error>(held.is_some_and(|held| {
                held.what.hash() == Some(content) || held.vector.has_seen(&vector)
            }))
        });
        found.await
    }

    /// Waits until no step is being taken that was looked at before.
    async fn out_of_steps(&self, file: FileId) -> Result<(), Error> {
        let handle = self.clone();
        blocking(move || {
            let share = handle.shared.store.read_blocking(|view| entry(view, file))?.share;
            drop(handle.live(share)?.writing());
            Ok(())
        })
        .await
    }

    /// Tries what waits to reach the file, or tells of it.
    pub async fn step_again(&self, file: FileId) -> Result<(), Error> {
        let share = self.shared.store.write(move |tx| {
            let share = entry(tx, file)?.share;
            if db::waiting(tx, share, file)?.is_some() {
                db::set_out_of_step(tx, share, file, true)?;
            }
            Ok::<_, Error>(share)
        });
        self.live(share.await?)?.wake();
        Ok(())
    }
}

fn vector_of(
    view: &View,
    share: ShareId,
    file: FileId,
    content: Hash,
) -> Result<Option<Vector>, Error> {
    let held = db::held(view, share, file)?;
    Ok(held.filter(|held| held.what.hash() == Some(content)).map(|held| held.vector))
}

/// [`Handle::embrace`] inside of a transaction.
pub(crate) fn embrace(
    tx: &mut Tx,
    signer: &dyn Signer,
    share: ShareId,
    file: FileId,
    contents: &[Hash],
) -> Result<(), Error> {
    let mut records = Records::new(tx, share, signer.hive());
    tree::embrace(&mut records, signer, file, contents).map(drop)
}
