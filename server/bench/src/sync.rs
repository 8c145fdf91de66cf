//! Measures folders that stay equal on two hives, beside Syncthing, rsync, Unison and the floor:
//! time, bytes on the wire, processor, memory, and what arrives intact.

mod aims;
mod data;
mod end;
mod fidelity;
mod floor;
mod measures;
mod pair;
mod rsync;
mod seen;
mod skep;
mod syncthing;
mod unison;
mod wait;
mod wire;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::failure::{Failure, Outcome};
use crate::peers::Places;
use crate::report::Report;
use crate::sync::measures::Sizes;
use crate::sync::seen::Seen;
use crate::{machine, print};

pub(crate) use crate::sync::floor::FloorEnd;
pub(crate) use crate::sync::pair::Kind;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Measure {
    /// A save of 4 KiB until it is visible.
    Saves,
    /// 10,000 small files.
    Small,
    /// One file of 1 GiB.
    Large,
    /// A byte inserted, 4 KiB overwritten, 1 MiB appended in 256 MiB.
    Edits,
    /// A large file and a full folder under new names.
    Renames,
    /// Memory, processor and disk while nothing happens.
    Idle,
    /// A start with 100,000 files that did not change.
    Restart,
    /// kill -9 of the receiver half-way.
    Kill,
    /// What arrives intact.
    Fidelity,
}

/// Measures folders on two hives beside peers. Ratios below 1 mean that Skep takes less.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to measure; everything if nothing is named.
    measures: Vec<Measure>,
    /// Beside whom; everybody if nobody is named.
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Kind>,
    /// Sizes and counts of files, times this.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How often each is measured; the median counts.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    repeat: u32,
    /// How many saves are waited for; a twentieth of it by who takes seconds for one.
    #[arg(long, default_value_t = 100)]
    saves: usize,
    /// How long nothing happens, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How long anything may take, in seconds, before it is given up.
    #[arg(long, default_value_t = 300)]
    patience: u64,
    /// On which disk; the system's folder for temporary files if none is named.
    #[arg(long)]
    folder: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome<()> {
    let places = Places::find()?;
    let kinds = prepare(arguments, &places)?;
    let measures = match arguments.measures.as_slice() {
        [] => Measure::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let folder = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let sizes = Sizes::scaled(arguments.scale);
    let mut report = Report::default();
    report.line("# Folders on two hives, beside peers")?;
    report.line(&machine::words())?;
    report.line(&versions(&kinds))?;
    report.line(&sizes.words())?;
    for measure in measures {
        let mut seen = Seen::default();
        for turn in 0..arguments.repeat {
            for &kind in &kinds {
                print::line(&format!("… {}, {kind}, turn {}", measure.words(), turn + 1))?;
                let run = measures::Run {
                    kind,
                    places: &places,
                    folder: &folder,
                    sizes,
                    saves: arguments.saves,
                    quiet: Duration::from_secs(arguments.seconds),
                    patience: Duration::from_secs(arguments.patience),
                };
                if let Err(failure) = run.measure(measure, &mut seen) {
                    seen.failed(kind, &failure)?;
                }
            }
        }
        seen.tell(measure, &mut report)?;
        aims::tell(measure, &seen, &mut report)?;
    }
    let path = report.save(&places.results)?;
    Ok(print::line(&format!("Kept in {}", path.display()))?)
}

impl Measure {
    fn words(self) -> &'static str {
        match self {
            Self::Saves => "a save of 4 KiB",
            Self::Small => "small files",
            Self::Large => "a large file",
            Self::Edits => "edits in a large file",
            Self::Renames => "renames",
            Self::Idle => "idle",
            Self::Restart => "a start with many files",
            Self::Kill => "kill -9 of the receiver",
            Self::Fidelity => "what arrives intact",
        }
    }
}

impl Kind {
    fn program(self) -> Option<&'static str> {
        match self {
            Self::Skep | Self::Floor => None,
            Self::Rsync | Self::RsyncFsync => Some("rsync"),
            Self::Unison => Some("unison"),
            Self::Syncthing | Self::SyncthingFast => Some("syncthing"),
        }
    }

    fn version(self) -> Option<String> {
        let mut command = Command::new(self.program()?);
        command.arg(if self == Self::Unison { "-version" } else { "--version" });
        let said = crate::process::output(&mut command).ok()?;
        let line = said.lines().next()?;
        let words = line.split_whitespace().filter(|word| !word.contains('"'));
        Some(words.take(3).filter(|word| *word != "version").collect::<Vec<_>>().join(" "))
    }
}

/// Who can be had here; a peer that cannot is left out, with a word about it.
fn prepare(arguments: &Arguments, places: &Places) -> Outcome<Vec<Kind>> {
    let wanted = match arguments.peers.as_slice() {
        [] => Kind::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let mut kinds = Vec::new();
    for kind in wanted {
        let had = match kind {
            Kind::Skep => places.need_skep(),
            Kind::Floor => Ok(()),
            peer => peer.version().map(drop).ok_or_else(|| {
                let program = peer.program().unwrap_or_default();
                Failure::Refused(format!("{program} is not installed; ./dev bench sees to it"))
            }),
        };
        match had {
            Ok(()) => kinds.push(kind),
            Err(failure) => print::line(&format!("{kind} is left out: {failure}"))?,
        }
    }
    Ok(kinds)
}

fn versions(kinds: &[Kind]) -> String {
    let mut versions: Vec<String> = kinds.iter().filter_map(|kind| kind.version()).collect();
    versions.dedup();
    versions.join(" · ")
}
