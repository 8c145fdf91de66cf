//! Drives the `skep` program as a process, and tries to break it.

mod attacks;
mod commands;
mod damaged;
mod durable;
mod full;
mod guests;
mod many;
mod missing;
mod network;
mod places;
mod world;
