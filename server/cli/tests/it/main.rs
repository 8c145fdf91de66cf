//! Drives the `skep` program as a process, and tries to break it.

mod commands;
mod places;
mod world;
