//! Arguments of people's own editors.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Subcommand)]
pub(crate) enum EditorCommand {
    /// Show the few lines by which files of shares are live in an editor.
    Setup {
        editor: Editor,
        /// Write them where the editor finds them; what stood there is kept.
        #[arg(long)]
        write: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Editor {
    Nvim,
    Helix,
    Emacs,
    Vscode,
    Kate,
    Zed,
}

/// What somebody may say who comes by a link.
#[derive(Args)]
pub(crate) struct ByLink {
    /// Open it in this editor: nvim, emacs, helix, vscode, or any program with its arguments.
    #[arg(long, value_name = "EDITOR")]
    pub(crate) editor: Option<String>,
    /// The link's password; without a value it is asked for here.
    #[arg(long, value_name = "PASSWORD", num_args = 0..=1, default_missing_value = "")]
    pub(crate) password: Option<String>,
    /// Trust the authority in this file, by which the hive signs its certificate.
    #[arg(long, value_name = "FILE")]
    pub(crate) authority: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Edit {
    /// A file of a share, as a path or `SHARE/PATH`, or a link in quotes.
    pub(crate) what: String,
    /// Where the files of a link shall stand: an empty folder, or one of this link. Without it
    /// they go when the editor ends.
    pub(crate) folder: Option<PathBuf>,
    /// How others see you where you come by a link.
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) link: ByLink,
}
