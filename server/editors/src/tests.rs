//! What holds whatever is typed on both sides.

mod algebra;
mod mirror;
mod session;
mod text;
