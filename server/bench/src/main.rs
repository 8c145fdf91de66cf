//! Measures Skep beside its peers in the same run: how soon a key is seen, how much memory is
//! taken, how fast a long document opens, what outlives a kill, and folders on two hives.

mod client;
mod cold;
mod durable;
mod failure;
mod frame;
mod latency;
mod machine;
mod measures;
mod memory;
mod peers;
mod print;
mod process;
mod report;
mod server;
mod sync;
mod trace;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::Outcome;
use crate::measures::Run;
use crate::peers::Places;
use crate::report::Report;
use crate::server::Kind;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    Latency,
    Memory,
    Cold,
    Durable,
}

/// Measures Skep beside its peers. Ratios below 1 mean that Skep takes less.
#[derive(Parser)]
#[command(name = "bench", max_term_width = 100, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// What to measure; everything if nothing is named.
    measures: Vec<Measure>,
    /// Which servers.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<Kind>,
    /// How many people are in the document.
    #[arg(long, value_delimiter = ',', default_value = "2,10,50,200")]
    clients: Vec<usize>,
    /// How long they type.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=30))]
    seconds: u32,
    /// How often each latency is measured; the median counts.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    repeat: u32,
    /// Send a cursor with each key, as editors do.
    #[arg(long)]
    cursors: bool,
    /// How many documents are open, and how many people are in one, when memory is measured.
    #[arg(long, default_value_t = 1_000)]
    many: usize,
    /// How many edits the long document has seen.
    #[arg(long, default_value_t = 260_000)]
    edits: usize,
    /// A short look: two seconds, no repetition, smaller numbers.
    #[arg(long)]
    quick: bool,
}

/// What is measured apart from documents.
#[derive(Subcommand)]
enum Command {
    /// Folders on two hives, beside Syncthing, rsync and Unison.
    Sync(sync::Arguments),
    #[command(hide = true)]
    FloorEnd(sync::FloorEnd),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Some(Command::Sync(arguments)) => sync::run(arguments),
        Some(Command::FloorEnd(end)) => end.run(),
        None => measure_documents(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Without a terminal to tell it to, the exit code must do.
            drop(print::line(&format!("The benchmark stopped: {failure}.")));
            ExitCode::FAILURE
        }
    }
}

fn measure_documents(arguments: Arguments) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> Outcome<()> {
    raise_open_files()?;
    let places = Places::find()?;
    let servers = prepare(&arguments, &places)?;
    let measures = match arguments.measures.as_slice() {
        [] => Measure::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let run = Run {
        places: places.clone(),
        servers,
        clients: arguments.clients,
        seconds: if arguments.quick { 2 } else { arguments.seconds },
        repeat: if arguments.quick { 1 } else { arguments.repeat },
        cursors: arguments.cursors,
        many: if arguments.quick { arguments.many.min(100) } else { arguments.many },
        edits: if arguments.quick { arguments.edits.min(20_000) } else { arguments.edits },
    };
    let mut report = Report::default();
    report.line("# Skep beside its peers")?;
    report.line(&machine::words())?;
    for measure in measures {
        match measure {
            Measure::Latency => run.latency(&mut report).await?,
            Measure::Memory => run.memory(&mut report).await?,
            Measure::Cold => run.cold(&mut report).await?,
            Measure::Durable => run.durable(&mut report).await?,
        }
    }
    let path = report.save(&places.results)?;
    Ok(print::line(&format!("Kept in {}", path.display()))?)
}

/// The servers that can be had here; a peer that cannot is left out, with a word about it.
fn prepare(arguments: &Arguments, places: &Places) -> Outcome<Vec<Kind>> {
    let wanted = match arguments.servers.as_slice() {
        [] => Kind::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let mut servers = Vec::new();
    for kind in wanted {
        match kind.prepare(places) {
            Ok(()) => servers.push(kind),
            Err(failure) if kind == Kind::Skep => return Err(failure),
            Err(failure) => print::line(&format!("{kind} is left out: {failure}"))?,
        }
    }
    Ok(servers)
}

/// A thousand clients need a thousand sockets, here and in the servers that inherit the limit.
fn raise_open_files() -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).map_err(std::io::Error::from)?;
    Ok(())
}
