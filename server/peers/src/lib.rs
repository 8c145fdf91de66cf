//! Links to friends' hives: who is at the other end, what each side still lacks, and content on
//! its way. Knows no feature: the hive gives it something to offer and somebody to hand on to.
//!
//! The hive implements [`House`], calls [`Handle::start`], tells it its friends
//! ([`Handle::set_friends`]) and hints at changes. Records are read from the store and followed by
//! the link itself; everything else goes through the house.

mod caller;
mod db;
mod difference;
mod far;
mod fetch;
mod hello;
mod house;
mod lags;
mod large;
mod line;
mod link;
mod narrow;
mod nearby;
mod network;
mod pace;
mod place;
mod progress;
mod proof;
mod refusal;
mod relay;
mod serve;
mod session;
mod shared;
mod state;
mod task;
mod tcp;
mod ticket;
mod tls;
mod transport;
mod wire;

pub use far::Far;
pub use house::{
    About, Content, DOCUMENT_BYTES_MAX, Failure, House, Met, Named, Proof, SMALL_BYTES_MAX, Sink,
    Wanted, Whole,
};
pub use place::{NoPlace, Place};
pub use refusal::Refusal;
pub use relay::Relay;
pub use state::{Friend, Known, Lag, Limits, Nearby, Progress, Progresses, Standing, Way};
pub use task::{Doors, Handle, Options, Ticket};

#[cfg(test)]
mod tests;
