//! A running hive in one process, and a client that sends exactly what a test says. Tests only.

mod http;
mod page;
pub mod processes;
pub mod simulation;
mod world;

pub use http::{Answer, Call};
pub use page::{Page, Room, sync_update};
pub use world::{World, text};
