//! What is not shared although it lies in the folder: what `.skepignore` names, and the half-made
//! files of other programs. Pure.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use types::RelPath;

/// Holds the rules of a share, in its root.
pub(crate) const FILE: &str = ".skepignore";
pub(crate) const TEXT_BYTES_MAX: u64 = 256 * 1_024;
/// Where what friends' changes replaced is kept: never shared.
pub(crate) const KEPT_FOLDER: &str = ".skep-kept";

/// Rules that hold without being written; a line `!rule` in `.skepignore` takes one back.
pub(crate) const DEFAULTS: &[(&str, &str)] = &[
    ("*~", "backup copies of editors"),
    (".*.sw[a-p]", "swap files of Vim"),
    ("4913", "a probe of Vim"),
    (".#*", "locks of Emacs"),
    ("\\#*#", "autosaves of Emacs"),
    (".~lock.*#", "locks of LibreOffice"),
    ("~$*", "locks of Microsoft Office"),
    ("~WR[LD]*.tmp", "half-made files of Microsoft Word"),
    (".goutputstream-*", "half-made files of GNOME"),
    ("*.kate-swp", "swap files of Kate"),
    ("*.part", "unfinished downloads"),
    ("*.crdownload", "unfinished downloads"),
    ("*.download/", "unfinished downloads"),
    ("*-journal", "journals of databases, of no use without the moment they belong to"),
    ("**/.git/**/*.lock", "locks of Git"),
    ("*-shm", "memory of databases, of no use on another machine"),
    (".nfs*", "removed files that a program still holds open"),
    (".fuse_hidden*", "removed files that a program still holds open"),
    (".Trash-*/", "the trash of a drive"),
    (".DS_Store", "notes of the Finder"),
    ("._*", "notes of the Finder"),
    ("Thumbs.db", "previews of the Explorer"),
    ("desktop.ini", "notes of the Explorer"),
    (".directory", "notes of Dolphin"),
];

/// Compiled rules.
#[derive(Debug)]
pub(crate) struct Rules {
    own: Gitignore,
    defaults: Gitignore,
    pub(crate) text: String,
}

/// The rule that catches something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) rule: String,
    /// The line of `.skepignore`, from 1; `None` for a default.
    pub(crate) line: Option<u32>,
}

impl Rules {
    /// Lines that are no rules are passed over.
    pub(crate) fn new(text: &str) -> Self {
        let mut own = GitignoreBuilder::new("");
        for line in text.lines() {
            if let Err(error) = own.add_line(None, line) {
                tracing::debug!(line, %error, "a line is no rule");
            }
        }
        let mut defaults = GitignoreBuilder::new("");
        for (rule, _) in DEFAULTS {
            if let Err(error) = defaults.add_line(None, rule) {
                tracing::error!(rule, %error, "a default is no rule");
            }
        }
        let built = |builder: &GitignoreBuilder| {
            builder.build().unwrap_or_else(|error| {
                tracing::warn!(%error, "the rules cannot be used");
                Gitignore::empty()
            })
        };
        Self { own: built(&own), defaults: built(&defaults), text: text.to_owned() }
    }

    pub(crate) fn ignores(&self, path: &RelPath, is_folder: bool) -> bool {
        self.rule_for(path, is_folder).is_some()
    }

    pub(crate) fn rule_for(&self, path: &RelPath, is_folder: bool) -> Option<Rule> {
        if path.is_root() {
            return None;
        }
        if path.as_str().split('/').next() == Some(KEPT_FOLDER) {
            return Some(Rule { rule: format!("{KEPT_FOLDER}/"), line: None });
        }
        match self.own.matched_path_or_any_parents(path.as_str(), is_folder) {
            Match::Whitelist(_) => None,
            Match::Ignore(glob) => {
                let rule = glob.original().to_owned();
                let line = self.text.lines().position(|line| line.trim_end() == rule);
                let line = line.and_then(|line| u32::try_from(line + 1).ok());
                Some(Rule { rule, line })
            }
            Match::None => {
                let found = self.defaults.matched_path_or_any_parents(path.as_str(), is_folder);
                let Match::Ignore(glob) = found else { return None };
                Some(Rule { rule: glob.original().to_owned(), line: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, path: &str) -> Option<Rule> {
        Rules::new(text).rule_for(&path.parse().expect("a path"), false)
    }

    #[test]
    fn defaults_catch_what_other_programs_leave() {
        for path in ["a/notes.txt~", ".plan.md.swp", ".~lock.a.odt#", "x/~$letter.docx", "db-shm"] {
            assert!(rule("", path).is_some(), "{path}");
        }
        for path in ["notes.txt", "a/b.tmp", "#1 hit.mp3", "part", "journal"] {
            assert_eq!(rule("", path), None, "{path}");
        }
    }

    #[test]
    fn own_rules_tell_their_line_and_take_defaults_back() {
        let text = "# films\n*.mkv\n!*~\nbuild/\n";
        assert_eq!(rule(text, "a/b.mkv"), Some(Rule { rule: "*.mkv".to_owned(), line: Some(2) }));
        assert_eq!(rule(text, "a/b~"), None);
        assert_eq!(rule(text, "build/x.o").map(|rule| rule.line), Some(Some(4)));
        assert_eq!(rule(text, ".skep-kept/x").map(|rule| rule.line), Some(None));
    }
}
