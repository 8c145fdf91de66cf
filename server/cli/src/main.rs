//! The `skep` command: runs a hive, or talks to the running one.

mod arguments;
mod commands;
mod failure;
mod find;
mod print;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, ConfigCommand, EditorCommand, KeysCommand};
use crate::failure::Failure;

/// Gives memory back soon after a burst; the system's own allocator keeps it for the next one.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(),
    };
    let outcome = runtime.block_on(run(arguments));
    // A read of standard input that never ends must not hold the end up.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let home = arguments.home.as_deref();
    match arguments.command {
        None => commands::status::run(home, false).await,
        Some(Command::Init { name }) => commands::serve::init(home, &name).await,
        Some(Command::Serve { listen, internet, json }) => {
            commands::serve::run(home, listen, internet, json).await
        }
        Some(Command::Reach { reach, yes, json }) => {
            commands::reach::run(home, reach, yes, json).await
        }
        Some(Command::Relay { listen, json }) => commands::reach::relay(listen, json).await,
        Some(Command::Open { print }) => commands::open::run(home, print).await,
        Some(Command::Share(share)) => commands::share::run(home, share).await,
        Some(Command::Program(program)) => commands::program::run(home, program).await,
        Some(Command::Unshare { share, with }) => commands::share::stop(home, &share, &with).await,
        Some(Command::Friend { command }) => commands::friend::run(home, command).await,
        Some(Command::Group { command }) => commands::group::run(home, command).await,
        Some(Command::Limit(limit)) => commands::limit::run(home, limit).await,
        Some(Command::Offers { json }) => commands::member::offers(home, json).await,
        Some(Command::Join(join)) if commands::edit::is_address(&join.what) => {
            commands::edit::join(join).await
        }
        Some(Command::Join(join)) => commands::member::join(home, join).await,
        Some(Command::Edit(edit)) => commands::edit::run(home, edit).await,
        Some(Command::Members { share, json }) => commands::member::list(home, &share, json).await,
        Some(Command::Folders { share, only, all, remove_copies, json }) => {
            let wanted = (all || !only.is_empty()).then_some(only);
            commands::folders::run(home, &share, (wanted, remove_copies), json).await
        }
        Some(Command::Leave { share, delete_local }) => {
            commands::member::leave(home, &share, delete_local).await
        }
        Some(Command::Why { path, json }) => commands::sync::why(home, &path, json).await,
        Some(Command::Scrub { share, json }) => commands::scrub::run(home, share, json).await,
        Some(Command::Conflicts { share, json, command }) => match command {
            None => commands::sync::conflicts(home, share, json).await,
            Some(command) => commands::sync::resolve(home, command).await,
        },
        Some(Command::Deletions { share, confirm, take_back, json }) => {
            let word = (confirm || take_back).then_some(confirm);
            commands::sync::deletions(home, &share, word, json).await
        }
        Some(Command::Pause { what, time }) => commands::sync::pause(home, what, time).await,
        Some(Command::Resume { what }) => commands::sync::resume(home, what).await,
        Some(Command::Log { follow, limit, json }) => {
            commands::sync::log(home, follow, limit, json).await
        }
        Some(Command::Status { json }) => commands::status::run(home, json).await,
        Some(Command::Ls { place, json }) => commands::files::list(home, place, json).await,
        Some(Command::Cat { file }) => commands::files::show(home, &file).await,
        Some(Command::Versions { file, json }) => {
            commands::history::versions(home, &file, json).await
        }
        Some(Command::History(wanted)) => commands::past::history(home, &wanted).await,
        Some(Command::Blame(wanted)) => commands::past::blame(home, &wanted).await,
        Some(Command::VersionsOf { path, at, to, json }) => {
            commands::stood::run(home, &path, &at, to.as_deref(), json).await
        }
        Some(Command::Restore { file, version, at, as_copy, json }) => {
            let how = (as_copy, json);
            commands::history::restore(home, &file, version, at.as_deref(), how).await
        }
        Some(Command::Trash { place, restore, json }) => {
            commands::history::trash(home, &place, restore, json).await
        }
        Some(Command::PutBack { folder, at, undo, json }) => {
            let (folder, at) = (folder.as_deref(), at.as_deref());
            commands::history::put_back(home, folder, at, undo, json).await
        }
        Some(Command::Keys { command }) => match command {
            KeysCommand::List { json } => commands::keys::list(home, json).await,
            KeysCommand::Revoke { ids } => commands::keys::revoke(home, &ids).await,
        },
        Some(Command::Config { command }) => match command {
            ConfigCommand::Get { key, json } => commands::config::get(home, key, json),
            ConfigCommand::Set { key, value } => commands::config::set(home, &key, &value),
            ConfigCommand::Path => commands::config::path(home),
        },
        Some(Command::Teamtype) => Ok(editors::teamtype::run(home).await?),
        Some(Command::Lsp) => Ok(editors::lsp::run(home).await?),
        Some(Command::Editor { command: EditorCommand::Setup { editor, write } }) => {
            commands::editor::setup(editor, write)
        }
        Some(Command::Completion { shell }) => commands::completion(shell),
        Some(Command::Version { json }) => commands::version(json),
    }
}

/// `notify` warns of each folder that was moved with what is in it, which is nothing to warn of.
const LOG_USUAL: &str = "warn,notify=error";

/// Warnings and faults go to standard error; `SKEP_LOG` asks for more, such as `hive=debug`.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("SKEP_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(LOG_USUAL));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
