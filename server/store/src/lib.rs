//! The data folder: one SQLite database, its snapshots, its journal. Nothing else writes there.
//!
//! Every change is one closure over a [`Tx`], run by one writer thread. Closures that wait at the
//! same moment share one commit, and so one fsync; a closure's result is handed back only when that
//! commit is durable (WAL, `synchronous=FULL`).

mod chunks;
mod database;
mod folder;
mod journal;
mod record;
mod setting;
mod tx;
mod writer;

pub use chunks::{
    CHUNK_BYTES_MAX, Chunks, Cut, Found, Kept, Measured, OUTLINE_BYTES_MIN, Told, Unreadable,
    chunks_after, content_size, contents_with, drop_content, forget_chunk, has_content, measure,
    mend_content, place_content, put_outline,
};
pub use database::Opening;
pub use folder::Folder;
pub use journal::{Change, changes_since, oldest_position, position};
pub use record::{
    Kind, Record, newest_record, put_record, record, records_of, records_since, remove_record,
    remove_records,
};
pub use rusqlite as sql;
pub use setting::{set_setting, setting};
pub use tx::{Tx, View};
pub use writer::{Clock, Store};

/// Why the store could not do what was asked. Nothing of the change was kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk, or the quota on it, is full.
    #[error("the disk is full")]
    Full,
    /// The database cannot be read; the next start restores a snapshot.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Another hive has this data folder open.
    #[error("another hive uses this data folder")]
    InUse,
    /// The folder cannot be made or written.
    #[error("the data folder {folder} cannot be written: {why}")]
    NotWritable { folder: String, why: String },
    /// The database was made by a newer Skep.
    #[error(
        "the database was made by a newer Skep (its format is {found}, this one knows {known})"
    )]
    Newer { found: i32, known: i32 },
    /// The store was closed while the call waited.
    #[error("the hive is stopping")]
    Closed,
    /// A mistake in our own SQL, or a failure of the disk.
    #[error("the database refused: {0}")]
    Sql(#[source] rusqlite::Error),
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::NotWritable { folder: "chunks".to_owned(), why: error.to_string() },
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Sql(error),
        }
    }
}

#[cfg(test)]
mod tests;
