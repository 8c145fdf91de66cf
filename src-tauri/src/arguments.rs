//! What the app was started with, or a second start of it.

use std::path::{Path, PathBuf};

const LINK_SCHEME: &str = "skep:";

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Started at login: no window.
    pub(crate) hidden: bool,
    /// Serve without any window or tray.
    pub(crate) headless: bool,
    /// `skep://` links to follow.
    pub(crate) links: Vec<String>,
    /// Folders and files to share.
    pub(crate) paths: Vec<PathBuf>,
}

impl Arguments {
    pub(crate) fn read(words: impl Iterator<Item = String>, folder: &Path) -> Self {
        let mut arguments = Self::default();
        for word in words {
            match word.as_str() {
                "--hidden" => arguments.hidden = true,
                "--headless" => arguments.headless = true,
                link if link.starts_with(LINK_SCHEME) => arguments.links.push(word),
                option if option.starts_with("--") => tracing::warn!(option, "unknown option"),
                path => {
                    arguments.paths.push(folder.join(path.strip_prefix("file://").unwrap_or(path)))
                }
            }
        }
        arguments
    }

    /// The own page that answers an invitation, if the link is one.
    pub(crate) fn invitation_page(link: &str) -> Option<String> {
        let ticket = link.strip_prefix("skep://join/")?;
        let plain = !ticket.is_empty() && ticket.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then(|| format!("/app/join#{ticket}"))
    }

    /// The web address that a `skep://` link stands for, if it names a hive.
    pub(crate) fn web_address(link: &str) -> Option<String> {
        let rest = link.strip_prefix("skep://")?;
        let (host, page) = rest.split_once('/')?;
        let plain = !host.is_empty() && !host.contains(['@', '\\']) && page.starts_with("l/");
        plain.then(|| format!("http://{host}/{page}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Arguments {
        Arguments::read(words.iter().map(|word| (*word).to_owned()), Path::new("/home/ada"))
    }

    #[test]
    fn links_paths_and_switches_are_told_apart() {
        let arguments = read(&["--hidden", "skep://open", "Trip", "/srv/Music", "file:///srv/Art"]);
        assert!(arguments.hidden && !arguments.headless);
        assert_eq!(arguments.links, ["skep://open"]);
        let paths = ["/home/ada/Trip", "/srv/Music", "/srv/Art"].map(PathBuf::from);
        assert_eq!(arguments.paths, paths);
    }

    #[test]
    fn an_invitation_opens_its_page() {
        let page = Arguments::invitation_page("skep://join/afjvsyjj7");
        assert_eq!(page.as_deref(), Some("/app/join#afjvsyjj7"));
        for link in ["skep://join/", "skep://join/a'b", "skep://host/l/x"] {
            assert_eq!(Arguments::invitation_page(link), None, "{link}");
        }
    }

    #[test]
    fn only_links_to_a_shared_thing_become_addresses() {
        let address = Arguments::web_address("skep://10.0.0.5:7537/l/abcdefghij#secret");
        assert_eq!(address.as_deref(), Some("http://10.0.0.5:7537/l/abcdefghij#secret"));
        for link in ["skep://open", "skep:///l/x", "skep://host/app/keys", "skep://a@b/l/x"] {
            assert_eq!(Arguments::web_address(link), None, "{link}");
        }
    }
}
