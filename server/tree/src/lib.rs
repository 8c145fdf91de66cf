//! What a shared folder holds, as all its hives agree on it, and what one hive does to get there.
//! Pure: no disk, no clock, no chance, no database. The hive gives a [`Ledger`]; the simulation in
//! `checks` gives another one.

mod ledger;
mod node;

pub use ledger::{Held, Ledger};
pub use node::{Gone, Node, Place, Version, What, place_message, root_of, version_message};
