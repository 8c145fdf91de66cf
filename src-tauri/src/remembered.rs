//! What the app remembers between starts: the window's place, and an answer that was given once.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const FILE_NAME: &str = "desktop.json";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Remembered {
    pub(crate) window: Option<Place>,
    /// The person was asked what closing the window means where there is no tray.
    pub(crate) keeps_without_tray: bool,
}

/// In logical pixels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) maximized: bool,
}

impl Remembered {
    /// A file that is missing or unreadable means that nothing is remembered.
    pub(crate) fn load(folder: &Path) -> Self {
        let text = fs::read_to_string(file_in(folder)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) fn save(&self, folder: &Path) {
        let saved =
            serde_json::to_string_pretty(self).map_err(std::io::Error::from).and_then(|text| {
                fs::create_dir_all(folder).and_then(|()| fs::write(file_in(folder), text))
            });
        if let Err(error) = saved {
            tracing::warn!(%error, "the window's place is not remembered");
        }
    }
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}
