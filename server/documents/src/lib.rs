//! Live editing of plain text files: one CRDT document per file, the people in it, and the way of
//! its text to the disk and back. Knows no HTTP, no shares and no paths: the hive gives it a disk.
//!
//! What is acknowledged is durable in the store. What stands in the file follows within half a
//! second; what another program writes there enters the document as the smallest change.

mod condition;
mod connection;
mod db;
mod diff;
mod disk;
mod handle;
mod hives;
mod keeper;
mod mirror;
mod past;
mod presence;
mod protocol;
mod replica;
mod rewrite;
mod room;
mod task;
mod text;
mod told;
mod update;
pub mod varint;

pub use condition::Condition;
pub use connection::{Connection, Ended, Member, Outgoing, Present, Receiver, Sender};
pub use db::renew_generations;
pub use diff::{Edit, edits};
pub use disk::{BoxFuture, Disk, DiskError, Plain, Stamp, Write};
pub use handle::{Handle, Limits, Opened};
pub use hives::{Given, linked_files};
pub use mirror::{Mirror, Mirrored, Moment, Other, Spoilt};
pub use past::{Author, How, Run, joined, text_at, weave};
pub use protocol::close;
pub use text::{TEXT_BYTES_MAX, check};
pub use told::{Told, ToldMoment, ToldStroke, name_moment, readable};
pub use update::ROOT as TEXT_NAME;

use types::Generation;

/// Why a document could not be opened, joined, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It holds bytes that no text holds.
    #[error("the file is not text")]
    Binary,
    /// It is larger than live editing can carry.
    #[error("the file is too large to be edited live: {} MB", size.div_ceil(1_000_000))]
    TooLarge { size: u64 },
    /// It is text in another encoding; `at` is the first byte that does not fit.
    #[error("the file is not UTF-8 (byte {at})")]
    NotUtf8 { at: usize },
    /// There is no such file any more.
    #[error("the file is gone")]
    Gone,
    /// It is there but cannot be read or written.
    #[error("the file cannot be used: {0}")]
    Unreadable(String),
    /// The folder that holds it is not there, for instance because its drive is not connected.
    #[error("the shared folder is missing: {0}")]
    Missing(String),
    /// Sharing is paused.
    #[error("the hive is paused")]
    Paused,
    /// The client knows a document that lived before; its unsent edits must be made anew.
    #[error("the document was made anew; its generation is {current}")]
    OtherGeneration { current: Generation },
    /// The right was withdrawn while the door opened.
    #[error("access was withdrawn")]
    Denied,
    /// The disk that holds the file is full.
    #[error("the disk that holds the file is full")]
    Full,
    /// What the store keeps of the document cannot be put together.
    #[error("the stored document is damaged: {0}")]
    Damaged(String),
    /// The hive is stopping.
    #[error("the hive is stopping")]
    Stopped,
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// The same failure, for the next one who waits.
    fn again(&self) -> Self {
        match self {
            Self::Binary => Self::Binary,
            Self::TooLarge { size } => Self::TooLarge { size: *size },
            Self::NotUtf8 { at } => Self::NotUtf8 { at: *at },
            Self::Gone => Self::Gone,
            Self::Unreadable(why) => Self::Unreadable(why.clone()),
            Self::Missing(why) => Self::Missing(why.clone()),
            Self::Paused => Self::Paused,
            Self::OtherGeneration { current } => Self::OtherGeneration { current: *current },
            Self::Denied => Self::Denied,
            Self::Full => Self::Full,
            Self::Damaged(why) => Self::Damaged(why.clone()),
            Self::Stopped => Self::Stopped,
            Self::Store(store::Error::Full) => Self::Store(store::Error::Full),
            Self::Store(store::Error::Closed) => Self::Store(store::Error::Closed),
            Self::Store(other) => Self::Store(store::Error::Damaged(other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
