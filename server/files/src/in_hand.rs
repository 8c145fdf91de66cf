//! Files that somebody edits live: what friends wrote into them is told to whoever has them in
//! hand, and stays off the disk until that one took it in or lets it through.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use store::Tx;
use tokio::sync::broadcast;
use tree::{Held, Step, What};
use types::{FileId, Hash, ShareId, Signer};

use crate::db::tree as db;
use crate::ledger::Records;
use crate::task::Handle;
use crate::{Error, entry};

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
    fn lock(&self) -> MutexGuard<'_, HashMap<FileId, BTreeSet<Hash>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_through(&self, file: FileId, contents: Vec<Hash>) -> bool {
        let mut files = self.lock();
        let passed = files.get_mut(&file);
        passed.is_some_and(|passed| {
            passed.extend(contents);
            true
        })
    }

    /// The contents that a step would bring, if they are to stay off the disk.
    pub(crate) fn keeps_off(
        &self,
        file: FileId,
        held: Option<&Held>,
        step: &Step,
    ) -> Option<Vec<Hash>> {
        let files = self.lock();
        let passed = files.get(&file)?;
        let held = held.and_then(|held| held.what.hash());
        let contents = match step {
            Step::Write { what: What::File { hash, .. }, instead_of: Some(_), .. } => vec![*hash],
            Step::Merge { first, second, .. } => vec![*first, *second],
            _ => return None,
        };
        let new = contents.into_iter().filter(|hash| Some(*hash) != held && !passed.contains(hash));
        let new: Vec<Hash> = new.collect();
        (!new.is_empty()).then_some(new)
    }
}

impl Handle {
    /// What friends write into a file from now on is told by [`Handle::arrivals`], not written.
    pub fn take_in_hand(&self, file: FileId) {
        self.shared.in_hand.lock().entry(file).or_default();
    }

    /// Files in hand for which contents arrived. Told again while they wait.
    pub fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.shared.arrivals.subscribe()
    }

    /// These contents reach the file as if nobody had it in hand.
    pub async fn let_through(&self, file: FileId, contents: Vec<Hash>) -> Result<(), Error> {
        let in_hand = self.shared.in_hand.let_through(file, contents);
        if in_hand { self.step_again(file).await } else { Ok(()) }
    }

    /// Nobody has the file in hand any more: what waits reaches it.
    pub async fn let_go(&self, file: FileId) -> Result<(), Error> {
        let was_in_hand = self.shared.in_hand.lock().remove(&file).is_some();
        if was_in_hand { self.step_again(file).await } else { Ok(()) }
    }

    /// What the file holds also holds what these contents hold that friends made apart from it.
    pub async fn embrace(&self, file: FileId, contents: Vec<Hash>) -> Result<(), Error> {
        let Some(signer) = self.shared.signer.clone() else { return Ok(()) };
        let embraced = self.shared.store.write(move |tx| {
            let share = entry(tx, file)?.share;
            embrace(tx, &*signer, share, file, &contents)
        });
        embraced.await
    }

    /// Names the version that the file holds, if it holds this content and that is in the records:
    /// the same on every hive that is in step with it, and of no other version.
    pub async fn version_of(&self, file: FileId, content: Hash) -> Result<Option<Hash>, Error> {
        let found = self.shared.store.read(move |view| {
            let share = entry(view, file)?.share;
            let held = db::held(view, share, file)?;
            let held = held.filter(|held| held.what.hash() == Some(content));
            Ok::<_, Error>(held.map(|held| (share, held.vector)))
        });
        let Some((share, vector)) = found.await? else { return Ok(None) };
        let name = (share, file, content, vector);
        // Into memory, from plain data: it cannot fail.
        Ok(Some(Hash::of(&postcard::to_stdvec(&name).unwrap_or_default())))
    }

    async fn step_again(&self, file: FileId) -> Result<(), Error> {
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
