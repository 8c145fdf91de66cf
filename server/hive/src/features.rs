//! Where features meet: the one place that knows both files and documents.

use std::collections::{BTreeMap, BTreeSet};

use documents::{BoxFuture, Disk, DiskError, Plain, Stamp, Write};
use tokio::sync::broadcast::error::RecvError;
use types::{FileId, Hash, ShareId};

/// A document settles into its file through this.
pub(crate) struct FilesAsDisk {
    files: files::Handle,
}

impl FilesAsDisk {
    pub(crate) fn new(files: files::Handle) -> Self {
        Self { files }
    }
}

impl Disk for FilesAsDisk {
    fn read(&self, file: FileId) -> BoxFuture<'_, Result<Plain, DiskError>> {
        Box::pin(async move {
            self.files.take_in_hand(file).await.map_err(disk_error)?;
            let read = self.files.read(file, documents::TEXT_BYTES_MAX).await;
            let content = read.map_err(disk_error)?;
            let version = self.files.version_of(file, content.stamp.hash).await;
            let version = version.map_err(disk_error)?;
            let foreign = self.files.is_foreign(file, content.stamp.hash).await;
            let foreign = foreign.map_err(disk_error)?;
            Ok(Plain { bytes: content.bytes, stamp: to_document(&content.stamp), version, foreign })
        })
    }

    fn write(&self, file: FileId, write: Write) -> BoxFuture<'_, Result<Stamp, DiskError>> {
        Box::pin(async move {
            let Write { bytes, expected, by, holds } = write;
            let expected = to_file(&expected);
            let written = self.files.write_holding(file, bytes, expected, by, holds).await;
            Ok(to_document(&written.map_err(disk_error)?))
        })
    }

    fn embrace(
        &self,
        file: FileId,
        content: Hash,
        holds: Vec<Hash>,
    ) -> BoxFuture<'_, Result<(), DiskError>> {
        Box::pin(async move { self.files.embrace(file, content, holds).await.map_err(disk_error) })
    }
}

/// A file that any program changed on disk enters its open document, and a document hears when the
/// folder of its share goes away or comes back.
pub(crate) async fn follow(files: files::Handle, documents: documents::Handle) {
    let mut changes = files.changes();
    let mut states = files.states();
    let mut away = shares_away(&states.borrow_and_update());
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Ok(changed) => {
                    for entry in changed.entries {
                        documents.disk_changed(entry.id).await;
                    }
                }
                // Too many changes at once: every open document looks at its file.
                Err(RecvError::Lagged(_)) => documents.all_disks_changed(),
                Err(RecvError::Closed) => return,
            },
            changed = states.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = shares_away(&states.borrow_and_update());
                if now != away {
                    away = now;
                    documents.all_disks_changed();
                }
            }
        }
    }
}

/// The shares whose folder cannot be read at present.
fn shares_away(standing: &BTreeMap<ShareId, files::Standing>) -> BTreeSet<ShareId> {
    let is_away = |state: &files::State| {
        matches!(state, files::State::Missing { .. } | files::State::Unreadable { .. })
    };
    standing.iter().filter(|(_, one)| is_away(&one.state)).map(|(share, _)| *share).collect()
}

fn to_document(stamp: &files::Stamp) -> Stamp {
    Stamp { hash: stamp.hash, token: [stamp.size, stamp.modified_ns as u64, stamp.inode] }
}

fn to_file(stamp: &Stamp) -> files::Stamp {
    let [size, modified_ns, inode] = stamp.token;
    files::Stamp { size, modified_ns: modified_ns as i64, inode, hash: stamp.hash }
}

fn disk_error(error: files::Error) -> DiskError {
    match error {
        files::Error::Changed => DiskError::Changed,
        files::Error::Gone => DiskError::Gone,
        files::Error::Full => DiskError::Full,
        files::Error::TooLarge { size } => DiskError::TooLarge(size),
        files::Error::Unwritable { why } => DiskError::Unwritable(why),
        files::Error::Missing { why } => DiskError::Missing(why),
        files::Error::Store(error) => DiskError::Store(error),
        files::Error::Unreadable { why } => DiskError::Unreadable(why),
        other => DiskError::Unreadable(other.to_string()),
    }
}
