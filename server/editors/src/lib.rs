//! Documents in people's own editors: one client of a hive under several faces.
//!
//! A face knows how one kind of editor speaks; `joined` is that of an editor that only saves, in a
//! folder with a link's files. Beneath them lie, from the wire up: `door` (the way to a hive, its
//! owner's or that of a `guest`), `line` (one document's, joined again after every fall), `session`
//! with `replica` (the protocol and the CRDT, pure), `live` (both together), and `queue` over
//! `change` (what an editor has not seen yet, pure).

mod change;
mod diff;
mod door;
mod find;
mod frames;
mod guest;
pub mod joined;
mod line;
mod link;
mod live;
pub mod lsp;
mod mirror;
mod offsets;
mod place;
mod queue;
mod replica;
mod rpc;
mod session;
pub mod setup;
pub mod teamtype;
mod tls;
mod uri;

#[cfg(test)]
mod tests;

/// Why a face could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Hive(#[from] hive::Error),
    #[error(
        "That is no link to shared files. One begins with http:// or https:// and has a # with \
         letters behind it; copy it whole, in quotes."
    )]
    NoLink,
    #[error(
        "{} holds the files of another link. Name another folder.",
        folder.display()
    )]
    OtherLink { folder: std::path::PathBuf },
    #[error(
        "Not everything could be sent. It is kept in {}; nothing there is removed.",
        folder.display()
    )]
    NotSent { folder: std::path::PathBuf },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
