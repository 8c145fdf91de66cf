//! Several hives in one process, with disks that crash, a network that loses and reorders, and
//! people who do anything at any time. One seed tells the whole run.

mod chance;
mod disk;
mod forger;
mod hive;
mod members;
mod memory;
mod network;
mod people;
mod sequences;
mod tale;
mod world;

#[cfg(test)]
mod tests;

pub use sequences::{Deed, Start, all_sequences, play};
pub use world::run;
