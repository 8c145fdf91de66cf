//! Hives that meet, talk and lose each other, over real sockets.

mod far;
mod hive;
mod meeting;
mod proxy;
mod sync;
