//! The doors to single files: reading, serving, writing, making.

use std::sync::Arc;

use types::{FileId, Hash, Name, PersonId, RelPath, ShareId};

use crate::db::change;
use crate::disk::{Content, OpenFile, Root, Stamp};
use crate::entry::{Entry, EntryKind, Seen};
use crate::follow::blocking;
use crate::live::Live;
use crate::task::Handle;
use crate::{Error, entry, in_hand, ingest, kept};

impl Handle {
    /// Reads a whole file of at most `max_bytes`.
    pub async fn read(&self, file: FileId, max_bytes: u64) -> Result<Content, Error> {
        let handle = self.clone();
        blocking(move || {
            let (live, entry) = handle.find(file)?;
            live.root()?.read(&entry.path, max_bytes)
        })
        .await
    }

    /// Opens a file for serving its bytes.
    pub async fn open(&self, file: FileId) -> Result<OpenFile, Error> {
        let handle = self.clone();
        blocking(move || {
            let (live, entry) = handle.find(file)?;
            live.root()?.open_file(entry)
        })
        .await
    }

    /// Replaces a file's content, provided that it still is what `expected` says. A reader, and a
    /// crash, find the old content or the new one.
    pub async fn write(
        &self,
        file: FileId,
        bytes: Vec<u8>,
        expected: Stamp,
        by: Option<PersonId>,
    ) -> Result<Stamp, Error> {
        self.write_holding(file, bytes, expected, by, Vec::new()).await
    }

    /// [`Handle::write`] of a content that holds what these contents of friends hold.
    pub async fn write_holding(
        &self,
        file: FileId,
        bytes: Vec<u8>,
        expected: Stamp,
        by: Option<PersonId>,
        holds: Vec<Hash>,
    ) -> Result<Stamp, Error> {
        let handle = self.clone();
        blocking(move || {
            let (live, entry) = handle.find(file)?;
            let id = live.share.id;
            let _writing = live.writing();
            let part = live.shared.parts.draw(id);
            let root = live.root()?;
            keep_present(&live, &root, &entry.path, expected.hash)?;
            let (stamp, stat) = root.replace(&entry.path, &bytes, &expected, &part)?;
            let seen = Seen { path: entry.path, stat };
            let written = ingest::Written::new(&live, &root, &seen, &bytes);
            let signer = live.shared.signer.clone();
            live.shared.store.write_blocking(move |tx| {
                let file = change::wrote(tx, id, &seen, by)?;
                let file = written.note(tx, id, file, by)?;
                match &signer {
                    Some(signer) if !holds.is_empty() => {
                        in_hand::embrace(tx, &**signer, id, file, &holds)
                    }
                    _ => Ok(()),
                }
            })?;
            live.wake();
            Ok(stamp)
        })
        .await
    }

    /// Makes a new file in a folder that exists, never over anything.
    pub async fn create(
        &self,
        share: ShareId,
        path: RelPath,
        bytes: Vec<u8>,
        by: Option<PersonId>,
    ) -> Result<Entry, Error> {
        let handle = self.clone();
        blocking(move || {
            let live = handle.live(share)?;
            let name = path.name().ok_or(types::BadPath::Empty)?;
            Name::new_for_all_systems(name.as_str())?;
            if !live.share.holds(&path) {
                return Err(Error::Refused(
                    "Only one file of this folder is shared, and no other can be made in it. \
                     Share the folder to make files in it."
                        .to_owned(),
                ));
            }
            let _writing = live.writing();
            let part = live.shared.parts.draw(share);
            let root = live.root()?;
            let (_, stat) = root.create(&path, &bytes, &part)?;
            let seen = Seen { path, stat };
            let written = ingest::Written::new(&live, &root, &seen, &bytes);
            let made = live.shared.store.write_blocking(move |tx| {
                let file = change::wrote(tx, share, &seen, by)?;
                let file = written.note(tx, share, file, by)?;
                entry(tx, file)
            });
            live.wake();
            made
        })
        .await
    }

    /// The file behind an id, as long as it is one.
    fn find(&self, file: FileId) -> Result<(Arc<Live>, Entry), Error> {
        let entry = self.shared.store.read_blocking(|view| entry(view, file))?;
        let live = self.live(entry.share)?;
        match entry.kind {
            EntryKind::File if live.share.holds(&entry.path) => Ok((live, entry)),
            EntryKind::File => Err(Error::Gone),
            EntryKind::Folder => Err(Error::Unreadable { why: "it is a folder".to_owned() }),
            EntryKind::Link => Err(Error::Unreadable {
                why: "it is a symbolic link, and links are not followed. Open the file that it \
                      points to"
                    .to_owned(),
            }),
        }
    }

    pub(crate) fn live(&self, share: ShareId) -> Result<Arc<Live>, Error> {
        self.lives.borrow().get(&share).cloned().ok_or(Error::Gone)
    }
}

/// What a friend wrote may stand in the folder alone so far: the history has it before it is
/// replaced.
fn keep_present(live: &Live, root: &Root, path: &RelPath, content: Hash) -> Result<(), Error> {
    let (share, store) = (live.share.id, &live.shared.store);
    if store.read_blocking(|view| kept::contains(view, share, content))? {
        return Ok(());
    }
    let (file, _) = root.open_plain(path)?;
    let (hash, _) = kept::keep_within(live, &file, kept::room(store)?)?;
    store.write_blocking(move |tx| store::place_content(tx, hash).map(drop))?;
    Ok(())
}
