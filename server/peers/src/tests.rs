//! Hives that meet, talk and lose each other, over real sockets.

mod hive;
mod meeting;
mod proxy;
mod sync;
