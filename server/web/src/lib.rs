//! The hive's doors for browsers and programs: HTTP, WebSocket, events, the embedded UI.
//!
//! The only crate that knows axum, JSON and status codes. Every request passes [`gate`], and every
//! route stands in [`routes::table`] with the callers it is for. No SQL, no rules of its own.

mod control;
mod error;
pub mod friends;
mod gate;
mod hocuspocus;
mod keyring;
mod limits;
mod live;
mod mobwrite;
mod openapi;
mod page;
mod past;
mod raw;
mod routes;
mod serve;
mod socket;
mod state;
mod view;
pub mod wire;

pub use control::{Control, HiveName};
pub use error::Error;
pub use friends::Friends;
pub use mobwrite::listen_mobwrite;
pub use routes::{onboard, openapi_json};
pub use serve::{Door, Listening, listen, listen_local};
pub use state::State;

#[cfg(test)]
mod tests;
