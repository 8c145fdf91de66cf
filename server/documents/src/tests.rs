//! Documents through their handle: a disk in memory, a store in a folder, clients that speak the
//! protocol as stock ones do.

mod client;
mod frames;
mod hives;
mod live;
mod on_disk;
mod past;
mod property;
mod saved;
mod world;
