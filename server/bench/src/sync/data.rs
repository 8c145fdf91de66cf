//! What is carried over: files from a seed, and the proof that both ends hold the same bytes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use crate::failure::{Failure, Outcome};

const PIECE: usize = 1 << 20;
const IN_ONE_FOLDER: usize = 100;
const SMALL_BYTES_MIN: usize = 1 << 10;
const SMALL_BYTES_MAX: usize = 8 << 10;

pub(crate) fn bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// One file of bytes that do not shrink, on the disk when this is done.
pub(crate) fn large(path: &Path, seed: u64, size: u64) -> Outcome<()> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut file = File::create(path)?;
    let mut piece = vec![0; PIECE];
    let mut left = size;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        chance.fill_bytes(&mut piece[..now]);
        file.write_all(&piece[..now])?;
        left -= now as u64;
    }
    file.sync_all()?;
    Ok(())
}

/// Many small files, a hundred in a folder, on the disk when this is done.
pub(crate) fn many(folder: &Path, seed: u64, count: usize) -> Outcome<()> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut content = vec![0; SMALL_BYTES_MAX];
    fs::create_dir(folder)?;
    for at in 0..count {
        let inner = folder.join(format!("d{:04}", at / IN_ONE_FOLDER));
        if at % IN_ONE_FOLDER == 0 {
            fs::create_dir(&inner)?;
        }
        let size = chance.random_range(SMALL_BYTES_MIN..=SMALL_BYTES_MAX);
        chance.fill_bytes(&mut content[..size]);
        fs::write(inner.join(format!("f{at:06}.bin")), &content[..size])?;
    }
    rustix::fs::syncfs(File::open(folder)?).map_err(std::io::Error::from)?;
    Ok(())
}

/// How many of the files that [`many`] made are there under their final names.
pub(crate) fn arrived(folder: &Path) -> usize {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten();
    let inside = |inner: fs::DirEntry| {
        let entries = fs::read_dir(inner.path()).into_iter().flatten().flatten();
        entries.filter(|entry| is_final(entry.file_name().as_encoded_bytes())).count()
    };
    folders.map(inside).sum()
}

fn is_final(name: &[u8]) -> bool {
    name.len() == "f000000.bin".len() && name.starts_with(b"f") && name.ends_with(b".bin")
}

/// Every name and byte of `here` is `there` as well, and nothing else is.
pub(crate) fn is_same(here: &Path, there: &Path) -> Outcome<()> {
    let differs = |why: &str| Failure::Refused(format!("{} {why}", there.display()));
    let kind = fs::symlink_metadata(here)?.file_type();
    let other = fs::symlink_metadata(there).map_err(|_| differs("did not arrive"))?.file_type();
    if kind.is_dir() != other.is_dir() {
        return Err(differs("is of another kind"));
    }
    if !kind.is_dir() {
        let same = has_same_bytes(here, there)?;
        return if same { Ok(()) } else { Err(differs("has other bytes")) };
    }
    let (names, others) = (names(here)?, names(there)?);
    if names != others {
        let extra = others.iter().find(|name| !names.contains(name));
        let extra = extra.map(|name| format!(", for instance {}", name.display()));
        let words = format!("holds other names{}", extra.unwrap_or_default());
        return Err(differs(&words));
    }
    names.iter().try_for_each(|name| is_same(&here.join(name), &there.join(name)))
}

fn names(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(PathBuf::from(entry?.file_name()));
    }
    names.sort_unstable();
    Ok(names)
}

fn has_same_bytes(here: &Path, there: &Path) -> Outcome<bool> {
    let (mut here, mut there) = (File::open(here)?, File::open(there)?);
    if here.metadata()?.len() != there.metadata()?.len() {
        return Ok(false);
    }
    let size = usize::try_from(here.metadata()?.len()).unwrap_or(PIECE).min(PIECE);
    let (mut left, mut right) = (vec![0; size], vec![0; size]);
    loop {
        let read = here.read(&mut left)?;
        if read == 0 {
            return Ok(true);
        }
        there.read_exact(&mut right[..read])?;
        if left[..read] != right[..read] {
            return Ok(false);
        }
    }
}

/// Whether a file of this size holds these bytes there.
pub(crate) fn holds(path: &Path, size: u64, at: u64, expected: &[u8]) -> bool {
    let Ok(file) = File::open(path) else { return false };
    if !file.metadata().is_ok_and(|metadata| metadata.len() == size) {
        return false;
    }
    let mut found = vec![0; expected.len()];
    file.read_exact_at(&mut found, at).is_ok() && found == expected
}
