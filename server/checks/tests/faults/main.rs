//! Real processes, and what befalls them: death, power cuts, full disks, wrong clocks, strangers.

mod boundaries;
mod clocks;
mod full;
mod large;
mod networks;
mod power;
mod processes;
mod receiving;
mod refusals;
mod restored;
mod strangers;
mod whole;
