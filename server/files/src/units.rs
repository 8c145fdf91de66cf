//! What belongs together: a database with its log, and in a git repository the objects with what
//! refers to them. One is of no use, or does harm, beside another state of the other. Pure.

use std::collections::HashSet;

use types::RelPath;

/// How a database's log is called.
pub(crate) const LOG: &str = "-wal";

/// The database that a file is, or is the log of.
pub(crate) fn database_of(path: &RelPath) -> &str {
    path.as_str().strip_suffix(LOG).unwrap_or(path.as_str())
}

pub(crate) fn is_log(path: &RelPath) -> bool {
    path.as_str().ends_with(LOG)
}

/// The path of the `.git` folder that something lies in.
pub(crate) fn repository_of(path: &RelPath) -> Option<&str> {
    let text = path.as_str();
    let end = match text.starts_with(".git/") {
        true => ".git".len(),
        false => text.find("/.git/")? + "/.git".len(),
    };
    text.get(..end)
}

/// Whether something is an object of a repository, and refers to nothing that must be there first.
pub(crate) fn is_object(path: &RelPath) -> bool {
    repository_of(path)
        .is_some_and(|repository| path.as_str()[repository.len()..].starts_with("/objects/"))
}

/// What comes first of what is to be done at the same time: objects, then what refers to them,
/// then what is to go.
pub(crate) fn rank(path: &RelPath, goes: bool) -> u8 {
    match repository_of(path) {
        None => 0,
        Some(_) if goes => 2,
        Some(_) => u8::from(!is_object(path)),
    }
}

/// What is not here yet of things that others belong to.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    databases: HashSet<String>,
    /// Repositories that lack objects.
    repositories: HashSet<String>,
    paths: HashSet<RelPath>,
}

impl Missing {
    pub(crate) fn new(paths: impl Iterator<Item = RelPath>) -> Self {
        let mut missing = Self::default();
        for path in paths {
            if let Some(repository) = repository_of(&path).filter(|_| is_object(&path)) {
                missing.repositories.insert(repository.to_owned());
            }
            missing.databases.insert(database_of(&path).to_owned());
            missing.paths.insert(path);
        }
        missing
    }

    /// Whether something has to wait until what it belongs to is here.
    pub(crate) fn holds_up(&self, path: &RelPath, goes: bool) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        let database = database_of(path);
        let is_log = database.len() < path.as_str().len();
        let apart = self.databases.contains(database) && !self.paths.contains(path);
        let of_log = apart && (is_log || self.lacks(&format!("{database}{LOG}")));
        let refers = goes || !is_object(path);
        let lacking = |repository| self.repositories.contains(repository);
        of_log || (refers && repository_of(path).is_some_and(lacking))
    }

    fn lacks(&self, path: &str) -> bool {
        path.parse().is_ok_and(|path: RelPath| self.paths.contains(&path))
    }
}

#[cfg(test)]
mod tests {
    use super::{Missing, RelPath, rank, repository_of};

    fn rel(path: &str) -> RelPath {
        path.parse().expect("a path")
    }

    #[test]
    fn a_database_and_its_log_go_together() {
        let missing = Missing::new([rel("sub/a.db-wal")].into_iter());
        assert!(missing.holds_up(&rel("sub/a.db"), false));
        assert!(!missing.holds_up(&rel("sub/a.db-wal"), false));
        assert!(!missing.holds_up(&rel("a.db"), false));
        let missing = Missing::new([rel("a.db")].into_iter());
        assert!(missing.holds_up(&rel("a.db-wal"), true));
        assert!(!missing.holds_up(&rel("a.db"), false));
        assert!(!missing.holds_up(&rel("a.dbx"), false));
        assert!(!Missing::default().holds_up(&rel("a.db"), false));
    }

    #[test]
    fn what_refers_waits_for_objects() {
        let missing = Missing::new([rel("code/.git/objects/aa/bb")].into_iter());
        assert!(missing.holds_up(&rel("code/.git/refs/heads/main"), false));
        assert!(missing.holds_up(&rel("code/.git/objects/cc/dd"), true));
        assert!(!missing.holds_up(&rel("code/.git/objects/cc/dd"), false));
        assert!(!missing.holds_up(&rel("code/main.rs"), false));
        assert!(!missing.holds_up(&rel("other/.git/HEAD"), false));
        assert_eq!(repository_of(&rel(".git/HEAD")), Some(".git"));
        assert_eq!(repository_of(&rel("x.git/HEAD")), None);
        assert!(rank(&rel(".git/objects/a"), false) < rank(&rel(".git/HEAD"), false));
    }
}
