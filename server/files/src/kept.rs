//! The history, as far as reading and changing folders needs it.

use std::fs::File;

use store::Tx;
use tree::What;
use types::{FileId, Hash, HiveId, Name, RelPath, ShareId};

use crate::Error;
use crate::disk::{Root, read_error};
use crate::ignore::KEPT_FOLDER;
use crate::live::Live;

/// A content that the history holds.
#[derive(Debug)]
pub(crate) struct Reader(());

impl Reader {
    pub(crate) fn size(&self) -> u64 {
        0
    }

    pub(crate) fn read_at(&self, _: u64, _: &mut [u8]) -> Result<usize, Error> {
        Err(Error::Gone)
    }
}

/// Reads an open file to its end, keeps its content if it is to be kept, and tells hash and size.
pub(crate) fn keep(_: &Live, file: &File) -> Result<(Hash, u64), Error> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(|error| read_error(&error))?;
    Ok((Hash::from_bytes(*hasher.finalize().as_bytes()), hasher.count()))
}

pub(crate) fn keep_bytes(_: &Live, bytes: &[u8]) -> Result<Hash, Error> {
    Ok(Hash::of(bytes))
}

pub(crate) fn open(_: &Live, _: Hash) -> Result<Option<Reader>, Error> {
    Ok(None)
}

/// Notes a version of a file.
pub(crate) fn note(
    _: &mut Tx,
    _: ShareId,
    _: FileId,
    _: HiveId,
    _: &RelPath,
    _: &What,
    _: Option<&str>,
) -> Result<(), Error> {
    Ok(())
}

/// Notes that a file is gone.
pub(crate) fn gone(_: &mut Tx, _: ShareId, _: FileId) -> Result<(), Error> {
    Ok(())
}

/// How many things of one name are kept aside.
const ASIDE_MAX: u32 = 10_000;

/// Keeps what a friend's change replaced or removed, which stands under a part's name.
pub(crate) fn set_aside(_: &Live, root: &Root, (folder, part): (&RelPath, &str), path: &RelPath) {
    let kept = (|| {
        let kept_folder = RelPath::root().join(&Name::new(KEPT_FOLDER)?);
        match root.make_folder(&kept_folder) {
            Ok(_) | Err(Error::Taken) => {}
            Err(error) => return Err(error),
        }
        let name = path.name().map_or_else(|| Name::new("recovered"), Ok)?;
        let (stem, extension) = match name.as_str().rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            _ => (name.as_str(), String::new()),
        };
        for number in 1..=ASIDE_MAX {
            let aside = Name::new(&format!("{stem} {number}{extension}"))?;
            match root.give_name(folder, part, &kept_folder.join(&aside)) {
                Err(Error::Taken) => {}
                other => return other,
            }
        }
        Err(Error::Taken)
    })();
    if let Err(error) = kept {
        tracing::warn!(%path, part, %error, "an old content stays under a hidden name");
    }
}
