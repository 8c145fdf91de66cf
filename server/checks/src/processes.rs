//! Real `skep` processes, each on a computer of its own, and what is done to them. Tests only.

mod computer;
mod disk;
mod friends;
mod network;
mod picture;
mod script;
mod story;
mod stranger;
mod trace;

pub use computer::{Computer, Outcome, PATIENCE, eventually, note, number, program};
pub use disk::Disk;
pub use friends::{Circle, history};
pub use network::Network;
pub use picture::{Picture, Thing, print_of};
pub use script::Script;
pub use story::{Story, parts};
pub use stranger::{Line, Stranger, secret_of};
pub use trace::{Blow, Trace};
