//! Opening the database: check, migrate, and put a snapshot in place of a damaged file.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};
use rusqlite_migration::{M, Migrations};
use types::Time;

use crate::{Error, Folder, journal};

const SNAPSHOTS_MAX: usize = 6;
/// The setting that tells when the database's file came to be.
pub(crate) const BORN: &str = "database.born";
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages copied at a time, so that a snapshot never holds the writer up for long.
const SNAPSHOT_STEP_PAGES: i32 = 4_096;

/// How the opening went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// There was no database: a new hive.
    New,
    Sound,
    /// Sound, but another file than the one that this hive wrote last: put back from a copy, or
    /// moved here. What it tells may be old.
    Copied,
    /// The file was damaged. It was moved aside, and a snapshot (or, if none was good, an empty
    /// database) stands in its place.
    Restored {
        aside: PathBuf,
        snapshot: Option<PathBuf>,
        why: String,
    },
}

pub(crate) fn open(folder: &Folder, now: Time) -> Result<(Connection, Opening), Error> {
    let path = folder.database();
    let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if size == 0 {
        // A first start that was cut short leaves an empty file too, but no snapshot.
        if list(&folder.snapshots()).is_empty() {
            return Ok((open_and_migrate(&path)?, Opening::New));
        }
        return restore(folder, now, "the file is empty or gone".to_owned());
    }
    if wal_is_damaged(&beside(&path, "-wal")) {
        return restore(folder, now, "its newest changes are unreadable".to_owned());
    }
    match open_and_check(&path) {
        Ok(connection) => match is_copy(&connection, &path)? {
            true => Ok((connection, Opening::Copied)),
            false => Ok((connection, Opening::Sound)),
        },
        Err(Error::Damaged(why)) => restore(folder, now, why),
        Err(other) => Err(other),
    }
}

/// A copy is born later than the file that it was made from. Where the file system does not tell
/// when, nothing is known.
fn is_copy(connection: &Connection, path: &Path) -> Result<bool, Error> {
    let Some(born) = born(path) else { return Ok(false) };
    let known: Option<String> = connection
        .query_row("SELECT value FROM setting WHERE key = ?1", [BORN], |row| row.get(0))
        .optional()?;
    Ok(known.is_some_and(|known| known != born))
}

/// When the database's file came to be, if the file system tells.
pub(crate) fn born(path: &Path) -> Option<String> {
    let born = fs::metadata(path).and_then(|file| file.created()).ok()?;
    let since = born.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_nanos().to_string())
}

/// SQLite passes over a write-ahead log with a bad header as if it were empty, so that all changes
/// in it are lost without a word. The header is durable before any change is, so a crash leaves no
/// such log. Its format: https://www.sqlite.org/fileformat2.html#walformat.
fn wal_is_damaged(wal: &Path) -> bool {
    const HEADER_BYTES: usize = 32;
    const MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];
    let mut header = [0; HEADER_BYTES];
    let read = fs::File::open(wal).and_then(|mut file| {
        let long = file.metadata()?.len() > HEADER_BYTES as u64;
        file.read_exact(&mut header).map(|()| long)
    });
    if !matches!(read, Ok(true)) {
        return false;
    }
    let word = |at: usize| [header[at], header[at + 1], header[at + 2], header[at + 3]];
    let magic = u32::from_be_bytes(word(0));
    let (mut first, mut second) = (0_u32, 0_u32);
    for at in (0..24).step_by(8) {
        let number = |at| match magic & 1 {
            0 => u32::from_le_bytes(word(at)),
            _ => u32::from_be_bytes(word(at)),
        };
        first = first.wrapping_add(number(at)).wrapping_add(second);
        second = second.wrapping_add(number(at + 4)).wrapping_add(first);
    }
    let sums = (u32::from_be_bytes(word(24)), u32::from_be_bytes(word(28)));
    !MAGIC.contains(&magic) || sums != (first, second)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// A further connection, for reading alone.
pub(crate) fn open_reader(folder: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(folder.join("hive.db"), flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -1_024)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Writes a consistent copy beside the database and forgets the oldest ones.
pub(crate) fn snapshot(database: &Path, snapshots: &Path, now: Time) -> Result<PathBuf, Error> {
    let io = |error: std::io::Error| Error::NotWritable {
        folder: snapshots.display().to_string(),
        why: error.to_string(),
    };
    let target = snapshots.join(format!("hive-{:015}.db", now.0));
    let part = target.with_extension("part");
    copy(database, &part)?;
    fs::File::open(&part).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(&part, &target).map_err(io)?;
    let kept = list(snapshots);
    for old in kept.iter().take(kept.len().saturating_sub(SNAPSHOTS_MAX)) {
        fs::remove_file(old).map_err(io)?;
    }
    Ok(target)
}

fn copy(database: &Path, target: &Path) -> Result<(), Error> {
    let source = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    source.busy_timeout(BUSY_TIMEOUT)?;
    copy_from(&source, target)
}

fn copy_from(source: &Connection, target: &Path) -> Result<(), Error> {
    let mut copy = Connection::open(target)?;
    let backup = rusqlite::backup::Backup::new(source, &mut copy)?;
    backup.run_to_completion(SNAPSHOT_STEP_PAGES, Duration::from_millis(1), None)?;
    Ok(())
}

/// Oldest first.
fn list(snapshots: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(snapshots)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .collect();
    found.sort();
    found
}

fn restore(folder: &Folder, now: Time, why: String) -> Result<(Connection, Opening), Error> {
    let path = folder.database();
    let aside = path.with_file_name(format!("hive-damaged-{}.db", now.0));
    let not_writable = |error: std::io::Error| Error::NotWritable {
        folder: folder.path().display().to_string(),
        why: error.to_string(),
    };
    for suffix in ["", "-wal", "-shm"] {
        let file = beside(&path, suffix);
        if file.exists() {
            fs::rename(file, beside(&aside, suffix)).map_err(not_writable)?;
        }
    }
    for snapshot in copies(folder, &aside) {
        if restore_from(&snapshot, &path).is_ok() {
            let connection = open_and_migrate(&path)?;
            return Ok((connection, Opening::Restored { aside, snapshot: Some(snapshot), why }));
        }
    }
    Ok((open_and_migrate(&path)?, Opening::Restored { aside, snapshot: None, why }))
}

/// What may be restored, the best first: the old file itself where only its newest changes are
/// lost, then the snapshots.
fn copies(folder: &Folder, aside: &Path) -> Vec<PathBuf> {
    let mut copies = list(&folder.snapshots());
    let newest = copies.iter().rev().find_map(|copy| position(copy).ok());
    if position(aside).is_ok_and(|own| newest.is_none_or(|newest| own >= newest)) {
        copies.push(aside.to_owned());
    }
    copies.reverse();
    copies
}

/// How far a sound copy goes.
fn position(copy: &Path) -> Result<i64, Error> {
    let connection = open_as_it_lies(copy)?;
    check(&connection)?;
    journal::position(&connection)
}

fn restore_from(copy: &Path, path: &Path) -> Result<(), Error> {
    let source = open_as_it_lies(copy)?;
    check(&source)?;
    // A copy that was begun before may stand there.
    for suffix in ["", "-wal", "-shm"] {
        drop(fs::remove_file(beside(path, suffix)));
    }
    copy_from(&source, path)
}

/// Opens a file that nobody writes, without looking at a log beside it and without touching either.
fn open_as_it_lies(path: &Path) -> Result<Connection, Error> {
    let encoded =
        path.as_os_str().as_encoded_bytes().iter().fold(String::new(), |url, byte| match byte {
            b'/' | b'.' | b'-' | b'_' => url + &char::from(*byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => url + &char::from(*byte).to_string(),
            byte => url + &format!("%{byte:02X}"),
        });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(Connection::open_with_flags(format!("file:{encoded}?immutable=1"), flags)?)
}

fn open_and_check(path: &Path) -> Result<Connection, Error> {
    let connection = connect(path)?;
    check(&connection)?;
    migrate(connection)
}

fn check(connection: &Connection) -> Result<(), Error> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Error::Damaged(verdict)) }
}

fn open_and_migrate(path: &Path) -> Result<Connection, Error> {
    migrate(connect(path)?)
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let refused = |why: String| Error::NotWritable { folder: path.display().to_string(), why };
    let connection = Connection::open(path).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => refused(error.to_string()),
        _ => error.into(),
    })?;
    // SQLite opens what it may not write for reading alone.
    if connection.is_readonly("main")? {
        return Err(refused("hive.db may only be read".to_owned()));
    }
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", "on")?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn migrate(mut connection: Connection) -> Result<Connection, Error> {
    let steps = [
        M::up(include_str!("../migrations/0001_journal.sql")),
        M::up(include_str!("../migrations/0002_people.sql")),
        M::up(include_str!("../migrations/0003_files.sql")),
        M::up(include_str!("../migrations/0004_documents.sql")),
        M::up(include_str!("../migrations/0005_records.sql")),
        M::up(include_str!("../migrations/0006_friends.sql")),
        M::up(include_str!("../migrations/0007_versions.sql")),
        M::up(include_str!("../migrations/0008_tree.sql")),
        M::up(include_str!("../migrations/0009_peers.sql")),
        M::up(include_str!("../migrations/0010_whole.sql")),
        M::up(include_str!("../migrations/0011_controls.sql")),
        M::up(include_str!("../migrations/0012_outline.sql")),
        M::up(include_str!("../migrations/0013_limits.sql")),
        M::up(include_str!("../migrations/0014_linked.sql")),
        M::up(include_str!("../migrations/0015_reach.sql")),
        M::up(include_str!("../migrations/0016_merged.sql")),
        M::up(include_str!("../migrations/0017_rot.sql")),
        M::up(include_str!("../migrations/0018_moments.sql")),
    ];
    let known = i32::try_from(steps.len()).expect("the number of migrations must fit");
    let found: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(Error::Newer { found, known });
    }
    Migrations::from_slice(&steps).to_latest(&mut connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => Error::from(err),
        other => Error::Damaged(other.to_string()),
    })?;
    Ok(connection)
}
