//! What a shared folder holds, as all its hives agree on it, and what one hive does to get there.
//! Pure: no disk, no clock, no chance, no database. The hive gives a [`Ledger`]; the simulation in
//! `checks` gives another one.
//!
//! Three trees: the disk, the records ([`Node`]) and what was last in step ([`Held`]). [`observe`]
//! brings the disk into the records, [`receive`] and [`mend`] bring a friend's records into ours,
//! and [`next_step`] with [`did`] brings the records to the disk.

mod again;
mod before;
mod fault;
mod former;
mod hand;
mod join;
mod ledger;
mod names;
mod node;
mod observe;
mod receive;
mod resolve;
mod step;
mod text;

pub use again::unresolve;
pub use fault::fault;
pub use former::{Kept, counts, look_through, signed_last};
pub use hand::COUNTS_OF_LIFE;
pub use join::{Standing, current, is_alive, join, merged_into, standing};
pub use ledger::{Held, Ledger};
pub use names::free_name;
pub use node::{
    Gone, Node, Place, Version, What, gone_message, place_message, root_of, version_message,
};
pub use observe::{ASIDE_PREFIX, Seen, known_as, observe};
pub use receive::{mend, receive};
pub use resolve::{Keep, embrace, merged, resolve, restore, stay_apart};
pub use step::{MERGE_BYTES_MAX, Step, did, first_step, next_step};
pub use text::merge_text;

#[cfg(test)]
mod tests;
