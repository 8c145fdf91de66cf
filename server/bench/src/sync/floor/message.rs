//! What the two ends of the floor say to each other.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::failure::{Failure, Outcome};

/// One change. Paths are within the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// A file. All but the first `kept_front` and last `kept_back` bytes follow the message; those
    /// are as in the file that stands there.
    Put {
        path: PathBuf,
        size: u64,
        kept_front: u64,
        kept_back: u64,
    },
    Folder {
        path: PathBuf,
    },
    Move {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
}

impl Message {
    pub(crate) fn write(&self, to: &mut impl Write) -> Outcome<()> {
        let (kind, path, numbers, other) = match self {
            Self::Put { path, size, kept_front, kept_back } => {
                (0, path, [*size, *kept_front, *kept_back], None)
            }
            Self::Folder { path } => (1, path, [0; 3], None),
            Self::Move { from, to } => (2, from, [0; 3], Some(to)),
            Self::Remove { path } => (3, path, [0; 3], None),
        };
        to.write_all(&[kind])?;
        write_path(path, to)?;
        if kind == 0 {
            for number in numbers {
                to.write_all(&number.to_le_bytes())?;
            }
        }
        other.map_or(Ok(()), |other| write_path(other, to))
    }

    /// Nothing once the other end has gone.
    pub(crate) fn read(from: &mut impl Read) -> Outcome<Option<Self>> {
        let mut kind = [0];
        if from.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let path = read_path(from)?;
        Ok(Some(match kind[0] {
            0 => {
                let (size, kept_front) = (read_number(from)?, read_number(from)?);
                Self::Put { path, size, kept_front, kept_back: read_number(from)? }
            }
            1 => Self::Folder { path },
            2 => Self::Move { from: path, to: read_path(from)? },
            3 => Self::Remove { path },
            _ => return Err(Failure::Malformed),
        }))
    }
}

fn write_path(path: &Path, to: &mut impl Write) -> Outcome<()> {
    let bytes = path.as_os_str().as_bytes();
    let length = u16::try_from(bytes.len()).map_err(|_| Failure::Malformed)?;
    to.write_all(&length.to_le_bytes())?;
    Ok(to.write_all(bytes)?)
}

fn read_path(from: &mut impl Read) -> Outcome<PathBuf> {
    let mut length = [0; 2];
    from.read_exact(&mut length)?;
    let mut bytes = vec![0; usize::from(u16::from_le_bytes(length))];
    from.read_exact(&mut bytes)?;
    Ok(PathBuf::from(OsStr::from_bytes(&bytes)))
}

fn read_number(from: &mut impl Read) -> Outcome<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
