//! Where the hive's secret key is kept: the system's keyring, or a file of the owner alone.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use types::Hash;

use crate::{Config, Error, Places};

/// A locked keyring may wait for a person who is not there.
const KEYRING_TIMEOUT: Duration = Duration::from_secs(10);
const SERVICE: &str = "skep";

/// Who kept the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keeper {
    Keyring,
    /// With the reason why the keyring does not keep it, if it was asked.
    File {
        why: Option<String>,
    },
}

/// Reads the secret, or makes it with `draw` and keeps it. Blocks; must not run on a runtime's
/// worker, because the keyring's client starts a runtime of its own.
pub(crate) fn load_or_make(
    places: &Places,
    config: &Config,
    draw: impl FnOnce() -> [u8; 32],
) -> Result<([u8; 32], Keeper), Error> {
    let file = places.data.join("hive.key");
    let marker = places.data.join("hive.key.in-keyring");
    if let Some(secret) = read_file(&file)? {
        return Ok((secret, Keeper::File { why: None }));
    }
    let user =
        format!("hive-{}", &Hash::of(places.data.as_os_str().as_encoded_bytes()).to_string()[..16]);
    if marker.exists() {
        let secret = in_time(move || read_keyring(&user))?;
        return Ok((secret.map_err(|why| Error::Secret { why })?, Keeper::Keyring));
    }
    let keeper = config.text("secrets.keeper");
    let wants_keyring = keeper == "keyring" || (keeper == "auto" && !places.portable);
    let secret = draw();
    let mut why = None;
    if wants_keyring {
        match in_time(move || write_keyring(&user, &secret))? {
            Ok(()) => {
                write_private(
                    &marker,
                    b"The hive's secret key is in the keyring of this account.\n",
                )?;
                return Ok((secret, Keeper::Keyring));
            }
            Err(reason) if keeper == "keyring" => return Err(Error::Secret { why: reason }),
            Err(reason) => why = Some(reason),
        }
    }
    write_private(&file, &secret)?;
    Ok((secret, Keeper::File { why }))
}

fn read_file(path: &Path) -> Result<Option<[u8; 32]>, Error> {
    match fs::read(path) {
        Ok(bytes) => match bytes.try_into() {
            Ok(secret) => Ok(Some(secret)),
            Err(_) => Err(Error::KeyDamaged { path: path.to_owned() }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Secret { why: format!("{}: {error}", path.display()) }),
    }
}

/// Writes a file that its owner alone can read, durably.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let not_writable = |error: std::io::Error| Error::NotWritable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let part: PathBuf = path.with_extension("part");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part).map_err(not_writable)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(not_writable)?;
    fs::rename(&part, path).map_err(not_writable)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(not_writable)
}

/// Runs a call to the keyring on a thread of its own and gives up after a while.
fn in_time<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<Result<T, String>, Error> {
    let (sender, receiver) = mpsc::channel();
    std::thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(move || drop(sender.send(call())))
        .map_err(|error| Error::Secret { why: error.to_string() })?;
    Ok(receiver
        .recv_timeout(KEYRING_TIMEOUT)
        .unwrap_or_else(|_| Err("the keyring did not answer within ten seconds".to_owned())))
}

#[cfg(target_os = "linux")]
fn entry(user: &str) -> Result<keyring_core::Entry, String> {
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
        return Err("there is no keyring in this session".to_owned());
    }
    let store =
        zbus_secret_service_keyring_store::Store::new().map_err(|error| error.to_string())?;
    keyring_core::set_default_store(store);
    keyring_core::Entry::new(SERVICE, user).map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn entry(user: &str) -> Result<keyring_core::Entry, String> {
    keyring_core::Entry::new(SERVICE, user).map_err(|error| error.to_string())
}

fn read_keyring(user: &str) -> Result<[u8; 32], String> {
    let secret = entry(user)?.get_secret().map_err(|error| error.to_string())?;
    secret.try_into().map_err(|_| "the keyring holds something else under Skep's name".to_owned())
}

/// Writes and reads back: a keyring may open and still not keep anything.
fn write_keyring(user: &str, secret: &[u8; 32]) -> Result<(), String> {
    entry(user)?.set_secret(secret).map_err(|error| error.to_string())?;
    match read_keyring(user) {
        Ok(kept) if kept == *secret => Ok(()),
        Ok(_) => Err("the keyring gave back something else".to_owned()),
        Err(why) => Err(why),
    }
}
