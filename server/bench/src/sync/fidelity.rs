//! What a file is besides its bytes, and how much of it arrived.

use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use std::ffi::OsStr;

use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::failure::Outcome;

/// Not whole seconds, and long ago.
const MODIFIED: Duration = Duration::new(1_234_567_890, 123_456_789);
const SPARSE_BYTES: u64 = 16 << 20;
const BLOCK_BYTES: u64 = 512;
const ATTRIBUTE: &str = "user.skep.bench";
const ATTRIBUTE_VALUE: &[u8] = b"kept";
/// "é" as one letter and as a letter with an accent.
const COMPOSED: &str = "caf\u{e9}.txt";
const DECOMPOSED: &str = "the\u{301}.txt";

/// A quality, and whether it arrived.
pub(crate) type Judged = (&'static str, bool);

pub(crate) fn make(folder: &Path) -> Outcome<()> {
    fs::create_dir_all(folder.join("empty"))?;
    fs::create_dir(folder.join("names"))?;
    for name in odd_names() {
        fs::write(folder.join("names").join(name), b"odd")?;
    }
    fs::write(folder.join(COMPOSED), b"composed")?;
    fs::write(folder.join(DECOMPOSED), b"decomposed")?;
    let bytes = OsStr::from_bytes(b"no-utf8-\xff\xfe");
    fs::write(folder.join(bytes), b"bytes")?;
    fs::write(folder.join("run.sh"), b"#!/bin/sh\n")?;
    fs::set_permissions(folder.join("run.sh"), Permissions::from_mode(0o755))?;
    fs::write(folder.join("old.txt"), b"old")?;
    let modified = SystemTime::UNIX_EPOCH + MODIFIED;
    File::options().write(true).open(folder.join("old.txt"))?.set_modified(modified)?;
    symlink("old.txt", folder.join("to-file"))?;
    symlink("nowhere", folder.join("to-nothing"))?;
    fs::write(folder.join("first"), b"one file with two names")?;
    fs::hard_link(folder.join("first"), folder.join("second"))?;
    let sparse = File::create(folder.join("sparse"))?;
    sparse.set_len(SPARSE_BYTES)?;
    sparse.write_all_at(b"island", SPARSE_BYTES / 2)?;
    let tagged = folder.join("tagged");
    fs::write(&tagged, b"tagged")?;
    let set = setxattr(&tagged, ATTRIBUTE, ATTRIBUTE_VALUE, XattrFlags::empty());
    set.map_err(std::io::Error::from)?;
    Ok(())
}

/// Every path below a folder, sorted.
pub(crate) fn names(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut names = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
            names.extend(entry.path().strip_prefix(folder).map(Path::to_owned));
        }
    }
    names.sort_unstable();
    Ok(names)
}

pub(crate) fn judge(here: &Path, there: &Path) -> Vec<Judged> {
    let same = |name: &Path| match (fs::read(here.join(name)), fs::read(there.join(name))) {
        (Ok(here), Ok(there)) => here == there,
        _ => false,
    };
    let names = odd_names();
    let odd = names.iter().filter(|name| same(&Path::new("names").join(name))).count();
    let metadata = |name: &str| fs::symlink_metadata(there.join(name));
    let link = |name: &str| fs::read_link(there.join(name)).unwrap_or_default();
    let modified = metadata("old.txt").and_then(|metadata| metadata.modified());
    let is_executable = |name: &str| metadata(name).is_ok_and(|found| found.mode() & 0o111 != 0);
    let sparse_blocks = metadata("sparse").map_or(u64::MAX, |metadata| metadata.blocks());
    let inode = |name: &str| metadata(name).map(|metadata| metadata.ino()).ok();
    let mut value = [0; 16];
    let attribute = getxattr(there.join("tagged"), ATTRIBUTE, &mut value);
    vec![
        ("odd names", odd == names.len()),
        ("names that are no UTF-8", same(Path::new(OsStr::from_bytes(b"no-utf8-\xff\xfe")))),
        ("NFC and NFD names as they are", same(COMPOSED.as_ref()) && same(DECOMPOSED.as_ref())),
        ("executable bit", is_executable("run.sh") && !is_executable("old.txt")),
        ("time of change, ns", modified.is_ok_and(|it| it == SystemTime::UNIX_EPOCH + MODIFIED)),
        ("symlinks", link("to-file") == Path::new("old.txt")),
        ("symlinks to nothing", link("to-nothing") == Path::new("nowhere")),
        ("both names of a hard link", same("first".as_ref()) && same("second".as_ref())),
        ("hard links as links", inode("first").is_some() && inode("first") == inode("second")),
        ("sparse file, bytes", same("sparse".as_ref())),
        ("sparse file, still sparse", sparse_blocks.saturating_mul(BLOCK_BYTES) < SPARSE_BYTES / 4),
        ("empty folders", metadata("empty").is_ok_and(|metadata| metadata.is_dir())),
        ("extended attributes", attribute.is_ok_and(|size| value[..size] == *ATTRIBUTE_VALUE)),
    ]
}

/// What other systems or shells have trouble with.
fn odd_names() -> Vec<String> {
    let names = [
        " leading and trailing ",
        "-rf",
        "quote ' and \" and `",
        "line\nbreak",
        "tab\there",
        "back\\slash",
        "a:b*c?d<e>f|g",
        "dot at the end.",
        "CON",
        "nul.txt",
        "~ $HOME %PATH%",
        "(brackets) [and] {braces}",
        "#hash & ampersand; semicolon",
        "\u{202e}right to left",
        "\u{1F41D}\u{1F3FD}\u{200D}",
        "Case",
        "case",
    ];
    let long = "n".repeat(240);
    names.iter().map(|name| (*name).to_owned()).chain([long]).collect()
}
