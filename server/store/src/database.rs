//! Opening the database: check, migrate, and put a snapshot in place of a damaged file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use types::Time;

use crate::{Error, Folder};

const SNAPSHOTS_MAX: usize = 6;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pages copied at a time, so that a snapshot never holds the writer up for long.
const SNAPSHOT_STEP_PAGES: i32 = 4_096;

/// How the opening went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// There was no database: a new hive.
    New,
    Sound,
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
    if !path.exists() {
        return Ok((open_and_migrate(&path)?, Opening::New));
    }
    match open_and_check(&path) {
        Ok(connection) => Ok((connection, Opening::Sound)),
        Err(Error::Damaged(why)) => restore(folder, now, why),
        Err(other) => Err(other),
    }
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
    let mut copy = Connection::open(target)?;
    let backup = rusqlite::backup::Backup::new(&source, &mut copy)?;
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
    fs::rename(&path, &aside).map_err(not_writable)?;
    for suffix in ["-wal", "-shm"] {
        let companion = PathBuf::from(format!("{}{suffix}", path.display()));
        if companion.exists() {
            let target = PathBuf::from(format!("{}{suffix}", aside.display()));
            fs::rename(companion, target).map_err(not_writable)?;
        }
    }
    for snapshot in list(&folder.snapshots()).into_iter().rev() {
        if open_and_check_copy(&snapshot, &path).is_ok() {
            let connection = open_and_migrate(&path)?;
            return Ok((connection, Opening::Restored { aside, snapshot: Some(snapshot), why }));
        }
    }
    Ok((open_and_migrate(&path)?, Opening::Restored { aside, snapshot: None, why }))
}

fn open_and_check_copy(snapshot: &Path, path: &Path) -> Result<(), Error> {
    check(&Connection::open_with_flags(snapshot, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?;
    copy(snapshot, path)
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
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", "on")?;
    connection.pragma_update(None, "cache_size", -2_048)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn migrate(mut connection: Connection) -> Result<Connection, Error> {
    let steps = [
        M::up(include_str!("../migrations/0001_journal.sql")),
        M::up(include_str!("../migrations/0002_people.sql")),
        M::up(include_str!("../migrations/0003_files.sql")),
        M::up(include_str!("../migrations/0004_documents.sql")),
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
