//! What a folder knows of the link whose files stand in it: `.skep-link`, for its user alone.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) const NAME: &str = ".skep-link";
/// Words in the names of copies of what could not be sent.
pub(crate) const NOT_SENT: &str = " (not sent";

/// A folder with files of a link.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
}

/// By what its files are reached. A secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// The link's address without its secret.
    pub(crate) address: String,
    pub(crate) cookie: String,
    pub(crate) share: String,
    /// The folder of the share that stands here.
    pub(crate) inside: String,
    pub(crate) authority: Option<PathBuf>,
}

impl Place {
    /// The folder of a link in which this path lies, and the path in it.
    pub(crate) fn of(path: &Path) -> Option<(Self, String)> {
        let root = path.ancestors().skip(1).find(|folder| folder.join(NAME).is_dir())?;
        let inside = path.strip_prefix(root).ok()?.to_str()?.to_owned();
        Some((Self { root: root.to_owned() }, inside))
    }

    /// Makes the folder one of a link, if need be. It must be empty, or be one already.
    pub(crate) fn make(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        let is_one = root.join(NAME).is_dir();
        if !is_one && fs::read_dir(&root)?.next().is_some() {
            let words = format!(
                "{} holds files already. Name an empty folder, or one that does not exist yet",
                root.display()
            );
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, words));
        }
        fs::DirBuilder::new().mode(0o700).recursive(true).create(root.join(NAME))?;
        Ok(Self { root })
    }

    /// Takes the folder for this program alone, as long as what is given back lives.
    pub(crate) fn lock(&self) -> io::Result<fs::File> {
        use rustix::fs::{FlockOperation, flock};
        let file = fs::File::create(self.own("lock"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                let place = self.root.display();
                let words = format!("The files in {place} are live already, by another `skep`.");
                Err(io::Error::new(io::ErrorKind::ResourceBusy, words))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn own(&self, name: &str) -> PathBuf {
        self.root.join(NAME).join(name)
    }

    pub(crate) fn key(&self) -> Option<Key> {
        serde_json::from_slice(&fs::read(self.own("key.json")).ok()?).ok()
    }

    pub(crate) fn keep_key(&self, key: &Key) -> io::Result<()> {
        write_private(&self.own("key.json"), &serde_json::to_vec(key).map_err(io::Error::other)?)
    }

    /// What a file held when it was last in step with its document.
    pub(crate) fn base(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.own(&base_name(file))).ok()
    }

    pub(crate) fn keep_base(&self, file: &str, text: &str) -> io::Result<()> {
        write_private(&self.own(&base_name(file)), text.as_bytes())
    }

    /// Tells that an editor has this file's document itself, until what is given back is dropped.
    pub(crate) fn tell_open(&self, file: &str) -> Told {
        let path = self.own(&format!("open-{file}-{}", std::process::id()));
        drop(write_private(&path, b""));
        Told(path)
    }

    /// Whether an editor of a running program has this file's document itself.
    pub(crate) fn is_open(&self, file: &str) -> bool {
        self.has_open(&format!("open-{file}-"))
    }

    /// Whether an editor of a running program has any document itself.
    pub(crate) fn is_any_open(&self) -> bool {
        self.has_open("open-")
    }

    fn has_open(&self, begins: &str) -> bool {
        let entries = fs::read_dir(self.root.join(NAME)).into_iter().flatten().flatten();
        let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.any(|name| {
            let process = name.strip_prefix(begins).and_then(|rest| rest.rsplit('-').next());
            let process = process.and_then(|process| process.parse::<i32>().ok());
            let process = process.and_then(rustix::process::Pid::from_raw);
            process.is_some_and(|process| rustix::process::test_kill_process(process).is_ok())
        })
    }
}

fn base_name(file: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    format!("base-{}", file.chars().map(plain).collect::<String>())
}

/// Says, while it lives, that an editor has a document itself.
#[derive(Debug)]
pub(crate) struct Told(PathBuf);

impl Drop for Told {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// Writes a text beside a file, under a name that says that it was not sent.
pub(crate) fn keep_unsent(path: &Path, text: &str) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, end) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name.as_str(), ""),
    };
    for count in 1.. {
        let count = if count == 1 { String::new() } else { format!(" {count}") };
        let copy = path.with_file_name(format!("{stem}{NOT_SENT}{count}){end}"));
        match fs::OpenOptions::new().write(true).create_new(true).open(&copy) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                return Ok(copy);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read(&copy).is_ok_and(|held| held == text.as_bytes()) {
                    return Ok(copy);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no name is free"))
}

/// Whole or not at all, and for the user alone.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&new, path)
}
