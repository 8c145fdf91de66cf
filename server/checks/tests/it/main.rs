//! The whole hive through its doors, and the house itself.

mod boundaries;
mod files;
mod gate;
mod links;
mod power;
mod processes;
mod refusals;
mod simulation;
mod tidy;
