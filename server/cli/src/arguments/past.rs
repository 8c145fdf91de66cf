//! What can be typed after `skep history` and `skep blame`.

use clap::Args;

/// The history of a text, moment by moment, or what changed in a folder.
#[derive(Args)]
#[command(group = clap::ArgGroup::new("does").args(["diff", "restore", "copy", "name"]))]
pub(crate) struct History {
    /// NAME, NAME/PATH or a path on disk.
    pub(crate) path: String,
    /// What changed since: "tuesday", 2h, 14:00, "2026-11-20 14:00".
    #[arg(long, value_name = "TIME", conflicts_with = "at")]
    pub(crate) since: Option<String>,
    /// Print the text as it was then.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Print what changed since then, until now or until another time.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "")]
    #[arg(requires = "at")]
    pub(crate) diff: Option<String>,
    /// Bring the text of then back, as an edit.
    #[arg(long, requires = "at")]
    pub(crate) restore: bool,
    /// Bring the text of then back as a new file beside.
    #[arg(long, requires = "at")]
    pub(crate) copy: bool,
    /// Name the moment; an empty name takes its name away.
    #[arg(long, requires = "at")]
    pub(crate) name: Option<String>,
    #[arg(long)]
    pub(crate) json: bool,
}

/// Who wrote each line of a text, on which device, and when.
#[derive(Args)]
pub(crate) struct Blame {
    /// NAME/PATH or a path on disk.
    pub(crate) file: String,
    /// As it was then.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[arg(long)]
    pub(crate) json: bool,
}
