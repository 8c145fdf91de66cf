//! What can be typed after `skep`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  skep serve                              run a hive here
  skep share ~/Trip --edit                share a folder, print its link
  skep share plan.md --view --expires 7d  share one file for a week
  skep keys list                          everything that lets somebody in

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no hive is running, 4 not allowed, 5 not there.";

/// A personal hive on your own computer: share folders, edit together, invite with one link.
#[derive(Parser)]
#[command(name = "skep", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// One folder for configuration, data and socket of the hive (also: SKEP_HOME).
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) home: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Set up a hive with your name, without starting it.
    Init {
        /// Your name, as others see it.
        #[arg(long)]
        name: String,
    },
    /// Run the hive without a window until it is interrupted.
    Serve {
        /// Listen on this address alone, such as 127.0.0.1:7537 or 0.0.0.0:7537.
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
        /// Print one JSON line when ready.
        #[arg(long)]
        json: bool,
    },
    /// Open the hive's window in the browser, signed in.
    Open {
        /// Print the one-time address instead of opening it.
        #[arg(long)]
        print: bool,
    },
    /// Share a folder or file where it stands and print its link.
    Share(Share),
    /// Stop sharing. Deletes nothing.
    Unshare {
        /// A shared folder's path, name or id.
        share: String,
    },
    /// How the hive is.
    Status {
        #[arg(long)]
        json: bool,
    },
    /// What is shared, or what a shared folder holds.
    Ls {
        /// NAME, NAME/PATH or a path on disk.
        place: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Print a shared file as it is now, unsettled edits included.
    Cat {
        /// NAME/PATH or a path on disk.
        file: String,
    },
    /// Links, browsers and tokens.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Read and write the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print completions for a shell.
    Completion { shell: Shell },
    /// Print the version.
    Version {
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
#[command(group = ArgGroup::new("right").args(["view", "comment", "edit"]))]
pub(crate) struct Share {
    pub(crate) path: PathBuf,
    /// Whoever has the link may look (the default).
    #[arg(long)]
    pub(crate) view: bool,
    /// Whoever has the link may look and comment.
    #[arg(long)]
    pub(crate) comment: bool,
    /// Whoever has the link may edit.
    #[arg(long)]
    pub(crate) edit: bool,
    /// The link ends after this time: 30m, 12h, 7d, 2w.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<jiff::Span>,
    /// The link asks for a password; without a value it is asked for here.
    #[arg(long, value_name = "PASSWORD", num_args = 0..=1, default_missing_value = "")]
    pub(crate) password: Option<String>,
    /// The link lets in one browser only.
    #[arg(long)]
    pub(crate) once: bool,
    /// A name for the link, shown on the keys page.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Also print a QR code.
    #[arg(long)]
    pub(crate) qr: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Everything that lets somebody in.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Take keys back; open pages end within two seconds.
    Revoke {
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print one value, or all with where they come from.
    Get {
        key: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Write a value into the configuration file.
    Set { key: String, value: String },
    /// Print where the configuration file lies.
    Path,
}
