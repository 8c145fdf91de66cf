//! What can be typed after `skep`.

mod editors;
mod past;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use editors::{ByLink, Edit, Editor, EditorCommand};
pub(crate) use past::{Blame, History};

const EXAMPLES: &str = "\
Examples:
  skep serve                              run a hive here
  skep share ~/Trip --edit                share a folder, print its link
  skep share plan.md --view --expires 7d  share one file for a week
  skep keys list                          everything that lets somebody in
  skep friend invite --share ~/Trip --edit  become friends and share, in one step
  skep join skep:… ~/Trip                 answer an invitation, take up what it holds out
  skep edit LINK                          open what a link opens in your own editor

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no hive is running, 4 not allowed, 5 not there,
6 a friend's hive did not answer.";

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
        /// Open the hive to friends' hives on the internet, and say what that makes visible.
        #[arg(long)]
        internet: bool,
        /// Print one JSON line when ready.
        #[arg(long)]
        json: bool,
    },
    /// How far the hive is open, or open and close it: computer, network, internet.
    Reach {
        #[arg(value_parser = ["computer", "network", "internet"])]
        reach: Option<String>,
        /// Open it to the internet without asking back.
        #[arg(long)]
        yes: bool,
        #[arg(long)]
        json: bool,
    },
    /// Run a relay, where hives meet that share no direct path. It never sees what they send.
    Relay {
        /// Plain HTTP is spoken here: on this computer, or behind a proxy that speaks TLS.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7540")]
        listen: SocketAddr,
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
    /// Share a folder or file where it stands and print its link, or share it with friends.
    Share(Share),
    /// Let another program into a document and print the addresses to paste into it.
    Program(Program),
    /// Stop sharing, with all or with some. Deletes nothing.
    Unshare {
        /// A shared folder's path, name or id.
        share: String,
        /// Stop sharing with this friend or group alone.
        #[arg(long, value_name = "FRIEND")]
        with: Vec<String>,
    },
    /// Friends: owners of other hives.
    Friend {
        #[command(subcommand)]
        command: FriendCommand,
    },
    /// Groups: friends under one name, to share with all of them at once.
    Group {
        #[command(subcommand)]
        command: GroupCommand,
    },
    /// How fast contents may go to and from friends, and over which networks.
    Limit(Limit),
    /// What friends hold out to you.
    Offers {
        #[arg(long)]
        json: bool,
    },
    /// Answer an invitation, or take up what a friend holds out. With the link of a page, open its
    /// files in an editor of yours.
    Join(Join),
    /// Open a shared file, or what a link opens, in your editor ($VISUAL, $EDITOR), live.
    Edit(Edit),
    /// Who is in a share, and how far they are.
    Members {
        /// A shared folder's path, name or id.
        share: String,
        #[arg(long)]
        json: bool,
    },
    /// Which folders of a share come to this computer. What is here of the others stays, unless
    /// asked otherwise.
    Folders {
        /// A shared folder's path, name or id.
        share: String,
        /// Only these folders, as they are called in the share; may be given several times.
        #[arg(long, value_name = "FOLDER")]
        only: Vec<String>,
        /// All folders.
        #[arg(long, conflicts_with = "only")]
        all: bool,
        /// Remove the copies of all other folders from this computer. Friends keep theirs.
        #[arg(long, conflicts_with = "all")]
        remove_copies: bool,
        #[arg(long)]
        json: bool,
    },
    /// Leave a friend's share. The copy here stays.
    Leave {
        /// A shared folder's path, name or id.
        share: String,
        /// Delete the copy here, too.
        #[arg(long)]
        delete_local: bool,
    },
    /// Why a file is in step with friends, or not.
    Why {
        /// NAME/PATH or a path on disk.
        path: OsString,
        #[arg(long)]
        json: bool,
    },
    /// Look whether the disk still gives back what was saved, and mend what it spoilt.
    Scrub {
        /// Only this share: its name, id or folder; without it all shares and earlier versions.
        share: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Files that two hives changed apart: list them, or choose what stays.
    #[command(args_conflicts_with_subcommands = true)]
    Conflicts {
        /// Only those of this share.
        share: Option<String>,
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        command: Option<ConflictsCommand>,
    },
    /// Removals of very much at once, which wait for your word.
    Deletions {
        /// A shared folder's path, name or id.
        share: String,
        /// Let them pass.
        #[arg(long, conflicts_with = "take_back")]
        confirm: bool,
        /// Bring back what they removed.
        #[arg(long)]
        take_back: bool,
        #[arg(long)]
        json: bool,
    },
    /// Pause sharing: all of it, or one share, or one friend.
    Pause {
        /// A share's or a friend's name; without one, everything.
        what: Option<String>,
        /// Resume by itself after this time: 30m, 12h, 7d.
        #[arg(long = "for", value_name = "TIME")]
        time: Option<jiff::Span>,
    },
    /// Resume what was paused.
    Resume {
        /// A share's or a friend's name; without one, everything.
        what: Option<String>,
    },
    /// What changed last.
    Log {
        /// Go on with what happens from now on.
        #[arg(short, long)]
        follow: bool,
        /// How many changes.
        #[arg(short = 'n', long, default_value_t = 20)]
        limit: usize,
        #[arg(long)]
        json: bool,
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
    /// The versions of a file, newest first.
    Versions {
        /// NAME/PATH or a path on disk.
        file: String,
        #[arg(long)]
        json: bool,
    },
    History(History),
    Blame(Blame),
    /// How a file or folder stood at a moment.
    VersionsOf {
        /// NAME, NAME/PATH or a path on disk.
        path: String,
        /// The moment: 14:00, "tuesday 14:00", "2026-11-20 14:00", 2h.
        #[arg(long, value_name = "TIME")]
        at: String,
        /// Copy it into this folder, which is made if it is not there.
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
        #[arg(long)]
        json: bool,
    },
    /// Bring an earlier version of a file back; without a choice, the one before.
    Restore {
        /// NAME/PATH or a path on disk.
        file: String,
        /// The version, by its number in `skep versions`.
        #[arg(long, value_name = "ID", conflicts_with = "at")]
        version: Option<u64>,
        /// The version that stood at this moment: 14:00, "tuesday 14:00", 2h.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Beside the file instead of over it.
        #[arg(long)]
        as_copy: bool,
        #[arg(long)]
        json: bool,
    },
    /// What was removed, with the days that it is still kept.
    Trash {
        /// NAME, NAME/PATH or a path on disk.
        place: String,
        /// Bring back what stood under this path.
        #[arg(long)]
        restore: bool,
        #[arg(long)]
        json: bool,
    },
    /// Put a folder back to how it stood at a moment.
    PutBack {
        /// NAME, NAME/PATH or a path on disk.
        folder: Option<String>,
        /// The moment: 14:00, "tuesday 14:00", "2026-11-20 14:00", 2h.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Undo a putting back, by its number.
        #[arg(long, value_name = "ID", conflicts_with_all = ["folder", "at"])]
        undo: Option<u64>,
        #[arg(long)]
        json: bool,
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
    /// Speak with an editor as a language server: files of shares are live in it. Editors start
    /// this themselves.
    Lsp,
    /// Speak with a plugin of Teamtype (Ethersync), which starts this instead of its own program.
    Teamtype,
    /// Your own editors and Skep.
    Editor {
        #[command(subcommand)]
        command: EditorCommand,
    },
    /// Print completions for a shell.
    Completion {
        shell: Shell,
    },
    /// Print the version.
    Version {
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(crate) struct Share {
    pub(crate) path: PathBuf,
    /// Share with this friend or group, hive to hive, instead of by a link.
    #[arg(long, value_name = "FRIEND", conflicts_with_all = ["expires", "password", "once", "qr"])]
    pub(crate) with: Vec<String>,
    #[command(flatten)]
    pub(crate) right: Right,
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

#[derive(Args)]
pub(crate) struct Program {
    /// A file or folder of a share, or a whole share.
    pub(crate) place: String,
    #[command(flatten)]
    pub(crate) right: Right,
    /// Its name on the keys page.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its token ends after this time: 30m, 12h, 7d, 2w. Otherwise it lasts until it is taken back.
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<jiff::Span>,
    #[arg(long)]
    pub(crate) json: bool,
}

/// What whoever has it may do.
#[derive(Args)]
#[command(group = ArgGroup::new("right").args(["view", "comment", "edit", "manage"]))]
pub(crate) struct Right {
    /// They may look (the default).
    #[arg(long)]
    pub(crate) view: bool,
    /// They may look and comment.
    #[arg(long)]
    pub(crate) comment: bool,
    /// They may edit.
    #[arg(long)]
    pub(crate) edit: bool,
    /// They may edit, and let others in. For friends, not for links.
    #[arg(long)]
    pub(crate) manage: bool,
}

#[derive(Args)]
pub(crate) struct Join {
    /// The link of an invitation, its three words in quotes, the name of what is held out, or the
    /// link of a page.
    pub(crate) what: String,
    /// Where it shall stand; made if it is not there.
    pub(crate) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) link: ByLink,
    /// Your own name for it; by the link of a page, how others see you.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Take only this folder of it; may be given several times.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) only: Vec<String>,
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum FriendCommand {
    /// Print a link and three words that make whoever answers them a friend.
    Invite {
        /// Hold this folder out to them in the same step: a path, or a share's name.
        #[arg(long, value_name = "PATH")]
        share: Option<String>,
        #[command(flatten)]
        right: Right,
        /// Also print a QR code.
        #[arg(long)]
        qr: bool,
        #[arg(long)]
        json: bool,
    },
    /// Answer an invitation.
    Add {
        /// Its link, or its three words.
        #[arg(required = true, value_name = "LINK|WORDS")]
        invitation: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// Your friends.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Hives on the same network that are no friends yet.
    Nearby {
        #[arg(long)]
        json: bool,
    },
    /// Call a friend as you like; an empty name gives their own back.
    Rename { friend: String, name: String },
    /// End a friendship. What you shared with them ends at once; nothing is deleted.
    Remove { friend: String },
    /// Hear nothing of a friend's changes.
    Mute {
        friend: String,
        /// Hear of them again.
        #[arg(long)]
        off: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum GroupCommand {
    /// Your groups.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Who is in a group.
    Members {
        group: String,
        #[arg(long)]
        json: bool,
    },
    /// Put friends into a group; made if there is none of this name.
    Add {
        group: String,
        friends: Vec<String>,
        #[arg(long)]
        json: bool,
    },
    /// Take friends out of a group; without any, dissolve it.
    Remove { group: String, friends: Vec<String> },
    /// Give a group another name.
    Rename { group: String, name: String },
}

#[derive(Args)]
pub(crate) struct Limit {
    /// To friends, in kB a second; 0 for no limit.
    #[arg(long, value_name = "KB")]
    pub(crate) up: Option<u32>,
    /// From friends, in kB a second; 0 for no limit.
    #[arg(long, value_name = "KB")]
    pub(crate) down: Option<u32>,
    /// Only with this friend, beside the limit for all.
    #[arg(long, value_name = "FRIEND", conflicts_with = "only_unmetered")]
    pub(crate) friend: Option<String>,
    /// Whether friends wait while the network costs by the byte.
    #[arg(long, value_name = "YES|NO")]
    pub(crate) only_unmetered: Option<Choice>,
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Choice {
    Yes,
    No,
}

impl From<Choice> for bool {
    fn from(choice: Choice) -> Self {
        matches!(choice, Choice::Yes)
    }
}

#[derive(Subcommand)]
pub(crate) enum ConflictsCommand {
    /// Choose what stays of files with two versions. The rest is kept in their history.
    Resolve {
        /// NAME/PATH or paths on disk.
        #[arg(required = true)]
        files: Vec<String>,
        #[command(flatten)]
        keep: Keep,
        #[arg(long)]
        json: bool,
    },
    /// Undo such a choice.
    Undo {
        file: String,
        /// What the choice printed.
        undo: String,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Keep {
    /// The version that stands under the name.
    #[arg(long)]
    pub(crate) first: bool,
    /// The other one.
    #[arg(long)]
    pub(crate) second: bool,
    /// Both: the second gets a name of its own.
    #[arg(long)]
    pub(crate) both: bool,
    /// The text in this file, made of both.
    #[arg(long, value_name = "FILE")]
    pub(crate) text: Option<PathBuf>,
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
