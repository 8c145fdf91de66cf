//! Drives the `skep` program as a process, and tries to break it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod attacks;
mod commands;
mod damaged;
mod durable;
mod editors;
mod friends;
mod full;
mod guests;
mod history;
mod many;
mod missing;
mod network;
mod past;
mod places;
mod world;
