//! The marker in a share's root: it tells the folder from an empty mount point.

use std::io::{self, Read, Write};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::OpenOptions;
use types::RelPath;

use super::{Root, is_absent, open_plain};

const MARKER_BYTES_MAX: u64 = 64 * 1_024;
const EXPLANATION: &str = "# This folder is shared with Skep. By this file Skep tells the folder \
                           from an empty mount point. One line for each share.\n";

impl Root {
    pub(crate) fn has_marker(&self) -> io::Result<bool> {
        Ok(self.marker_lines()?.iter().any(|line| *line == self.share.to_string()))
    }

    /// Adds this share to the marker; other hives may share the same folder.
    pub(crate) fn set_marker(&self, part: &str) -> io::Result<()> {
        let mut lines = self.marker_lines()?;
        let own = self.share.to_string();
        if lines.contains(&own) {
            return Ok(());
        }
        if lines.is_empty() {
            lines.push(EXPLANATION.trim_end().to_owned());
        }
        lines.push(own);
        self.put_marker(&lines, part)
    }

    /// Takes this share out of the marker, and removes the file with its last share.
    pub(crate) fn clear_marker(&self, part: &str) -> io::Result<()> {
        let mut lines = self.marker_lines()?;
        let own = self.share.to_string();
        if !lines.contains(&own) {
            return Ok(());
        }
        lines.retain(|line| *line != own);
        if lines.iter().all(|line| line.starts_with('#')) {
            self.dir.remove_file(RelPath::MARKER)
        } else {
            self.put_marker(&lines, part)
        }
    }

    fn marker_lines(&self) -> io::Result<Vec<String>> {
        let mut text = Vec::new();
        match open_plain(&self.dir, RelPath::MARKER) {
            Ok(file) => file.take(MARKER_BYTES_MAX).read_to_end(&mut text)?,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(|line| line.trim().to_owned());
        Ok(lines.filter(|line| !line.is_empty()).collect())
    }

    fn put_marker(&self, lines: &[String], part: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).follow(FollowSymlinks::No);
        let mut file = self.dir.open_with(part, &options)?;
        let written = file
            .write_all(format!("{}\n", lines.join("\n")).as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| self.dir.rename(part, &self.dir, RelPath::MARKER));
        if written.is_err() {
            // The first failure is the one to tell.
            drop(self.dir.remove_file(part));
        }
        written
    }
}
