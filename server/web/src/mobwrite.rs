//! MobWrite's clients, such as Komodo: they keep no CRDT, but say what they changed in a text that
//! both sides know. Each view is a member of its document's room, through a copy of the document.
//!
//! The key is the file's name: `doc-` and a token, and for a token that opens more than one
//! document a dot and the document's id.

mod delta;
mod desk;
mod doors;
mod escape;
mod request;
mod seat;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use desk::{Desk, FILE_PREFIX};
pub use doors::listen_mobwrite;
pub(crate) use doors::{by_form, by_query};
