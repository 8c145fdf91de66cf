//! Documents in people's own editors: one client of a hive under several faces.
//!
//! A face knows how one kind of editor speaks. Beneath it lie, from the wire up: `door` (a
//! socket), `line` (one document's, joined again after every fall), `session` with `replica` (the
//! protocol and the CRDT, pure), `live` (both together), and `queue` over `change` (what an
//! editor has not seen yet, pure).

mod change;
mod diff;
mod door;
mod find;
mod frames;
mod line;
mod live;
pub mod lsp;
mod mirror;
mod offsets;
mod queue;
mod replica;
mod rpc;
mod session;
pub mod setup;
pub mod teamtype;
mod uri;

#[cfg(test)]
mod tests;

/// Why a face could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Hive(#[from] hive::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
