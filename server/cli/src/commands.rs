//! One file a command; what is too small for one stands here.

pub(crate) mod config;
pub(crate) mod edit;
pub(crate) mod editor;
pub(crate) mod files;
pub(crate) mod folders;
pub(crate) mod friend;
pub(crate) mod group;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod limit;
pub(crate) mod member;
pub(crate) mod open;
pub(crate) mod past;
pub(crate) mod program;
pub(crate) mod reach;
pub(crate) mod scrub;
pub(crate) mod serve;
pub(crate) mod share;
pub(crate) mod status;
pub(crate) mod stood;
pub(crate) mod sync;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::print;

pub(crate) fn completion(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "skep", &mut script);
    Ok(print::bytes(&script)?)
}

pub(crate) fn version(json: bool) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match json {
        true => print::json(&json!({ "version": version }))?,
        false => print::line(&format!("skep {version}"))?,
    }
    Ok(())
}
