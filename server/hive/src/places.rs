//! Where a hive's files lie: one folder if `SKEP_HOME` says so, else the user's own folders.

use std::env;
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_base_strategy};

use crate::Error;

const HOME_VARIABLE: &str = "SKEP_HOME";
/// Longer names of sockets are refused by the system (`sun_path` has 108 bytes on Linux, 104 on
/// macOS, the closing zero included).
const SOCKET_BYTES_MAX: usize = 100;

/// The files and folders of one hive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `config.toml`.
    pub config: PathBuf,
    /// Database and snapshots.
    pub data: PathBuf,
    /// Logs.
    pub state: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// Whether everything lies in one folder, apart from the user's other hives and keyring.
    pub portable: bool,
}

impl Places {
    /// `home`, or `SKEP_HOME`, or the folders of the system's convention (XDG on Linux).
    pub fn find(home: Option<&Path>) -> Result<Self, Error> {
        let chosen = home.map(Path::to_owned).or_else(|| {
            env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
        });
        match chosen {
            Some(home) => Ok(Self::in_one_folder(&absolute(&home)?)),
            None => Self::by_convention(),
        }
    }

    fn in_one_folder(home: &Path) -> Self {
        Self {
            config: home.join("config.toml"),
            data: home.join("data"),
            state: home.join("state"),
            socket: short_socket(home.join("skep.sock")),
            portable: true,
        }
    }

    fn by_convention() -> Result<Self, Error> {
        let folders = choose_base_strategy().map_err(|error| Error::NotWritable {
            path: PathBuf::from("~"),
            why: error.to_string(),
        })?;
        let data = folders.data_dir().join("skep");
        let runtime = folders.runtime_dir().filter(|folder| folder.is_dir());
        let socket = runtime.unwrap_or_else(|| data.clone()).join("skep.sock");
        Ok(Self {
            config: folders.config_dir().join("skep").join("config.toml"),
            state: folders.state_dir().unwrap_or_else(|| data.clone()).join("skep"),
            data,
            socket: short_socket(socket),
            portable: false,
        })
    }

    /// Folders that must never be shared, because they hold the hive's own data.
    pub(crate) fn own_folders(&self) -> Vec<PathBuf> {
        let mut own = vec![self.data.clone(), self.state.clone()];
        own.extend(self.config.parent().map(Path::to_owned));
        own
    }

    pub(crate) fn remove_socket(&self) {
        if let Err(error) = std::fs::remove_file(&self.socket)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the control socket stays behind");
        }
    }
}

/// The person's home folder.
pub(crate) fn home_folder() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// The name of the person's account, with a capital.
pub(crate) fn account_name() -> Option<String> {
    let name = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|key| env::var(key).ok())?;
    let mut characters = name.chars();
    let first = characters.next()?;
    Some(first.to_uppercase().chain(characters).collect())
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path)
        .map_err(|error| Error::NotWritable { path: path.to_owned(), why: error.to_string() })
}

/// The socket itself, or a shorter name in the temporary folder that every process of this account
/// finds for the same place.
fn short_socket(socket: PathBuf) -> PathBuf {
    if socket.as_os_str().len() <= SOCKET_BYTES_MAX {
        return socket;
    }
    let hash = types::Hash::of(socket.as_os_str().as_encoded_bytes()).to_string();
    env::temp_dir().join(format!("skep-{}.sock", &hash[..16]))
}
