//! The `skep` command: runs a hive, or talks to the running one.

mod arguments;
mod commands;
mod failure;
mod find;
mod print;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, ConfigCommand, KeysCommand};
use crate::failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(),
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let home = arguments.home.as_deref();
    match arguments.command {
        None => commands::status::run(home, false).await,
        Some(Command::Init { name }) => commands::serve::init(home, &name).await,
        Some(Command::Serve { listen, json }) => commands::serve::run(home, listen, json).await,
        Some(Command::Open { print }) => commands::open::run(home, print).await,
        Some(Command::Share(share)) => commands::share::run(home, share).await,
        Some(Command::Unshare { share }) => commands::share::stop(home, &share).await,
        Some(Command::Status { json }) => commands::status::run(home, json).await,
        Some(Command::Ls { place, json }) => commands::files::list(home, place, json).await,
        Some(Command::Cat { file }) => commands::files::show(home, &file).await,
        Some(Command::Keys { command }) => match command {
            KeysCommand::List { json } => commands::keys::list(home, json).await,
            KeysCommand::Revoke { ids } => commands::keys::revoke(home, &ids).await,
        },
        Some(Command::Config { command }) => match command {
            ConfigCommand::Get { key, json } => commands::config::get(home, key, json),
            ConfigCommand::Set { key, value } => commands::config::set(home, &key, &value),
            ConfigCommand::Path => commands::config::path(home),
        },
        Some(Command::Completion { shell }) => commands::completion(shell),
        Some(Command::Version { json }) => commands::version(json),
    }
}

/// Warnings and faults go to standard error; `SKEP_LOG` asks for more, such as `hive=debug`.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SKEP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
