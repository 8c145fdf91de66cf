//! The words of the house: ids, paths, hashes, time, rights. Pure data, no IO, no clock.

mod hash;
mod hive;
mod id;
mod path;
mod right;
mod time;
mod vector;

pub use hash::Hash;
pub use hive::{HiveId, Signature, Signer};
pub use id::{
    BadId, FileId, Generation, GroupId, InvitationId, LINK_ID_CHARS, LinkId, PersonId, SessionId,
    ShareId, TokenId,
};
pub use path::{BadPath, Name, PATH_BYTES_MAX, RelPath};
pub use right::{BadRight, Right};
pub use time::{DAY_MS, HOUR_MS, MINUTE_MS, Time};
pub use vector::{Tick, Vector};

#[cfg(test)]
mod tests;
