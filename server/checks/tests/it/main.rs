//! The whole hive through its doors, and the house itself.

mod controls;
mod files;
mod gate;
mod links;
mod simulation;
mod tidy;
