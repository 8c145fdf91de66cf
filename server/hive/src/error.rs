//! Why a hive could not start or a call failed: what happened, why, and what to do next.

use std::path::PathBuf;

use crate::Places;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "The address {address} is in use by another program, so Skep cannot listen there. Close \
         that program, or choose another port: skep config set listen.port {}",
        suggested_port(address)
    )]
    PortTaken { address: String },
    #[error("Skep cannot listen on {address}: {why}. Check `listen` in the configuration.")]
    CannotListen { address: String, why: String },
    #[error(
        "The folder {} cannot be written: {why}. Give your account the right to write there, or \
         choose another place with the variable SKEP_HOME.",
        path.display()
    )]
    NotWritable { path: PathBuf, why: String },
    #[error("Skep is running already. Use that one: skep open")]
    AlreadyRunning { socket: PathBuf },
    #[error("Skep is not running. Start it: skep serve")]
    NotRunning,
    #[error(
        "The hive at {} belongs to another account, which alone may use it. Sign in as that \
         account, or set SKEP_HOME to a hive of your own.",
        socket.display()
    )]
    OtherAccount { socket: PathBuf },
    #[error("The configuration {} cannot be used: {why}.", path.display())]
    Config { path: PathBuf, why: String },
    #[error(
        "The hive's secret key is not there: {why}. Unlock the keyring that holds it and start \
         Skep again; without the key, friends would not know this hive."
    )]
    Secret { why: String },
    #[error(
        "The hive's secret key, {}, is damaged. Put a copy of it back, or move it away: Skep then \
         makes a new one, and friends will not know this hive by its old name.",
        path.display()
    )]
    KeyDamaged { path: PathBuf },
    #[error(
        "This hive's data was written by a newer Skep (format {found}, this one knows {known}). \
         Install the newer Skep again; nothing was changed."
    )]
    Newer { found: i32, known: i32 },
    #[error(
        "The hive's data cannot be used: {why}. Nothing was deleted; look into {}.",
        path.display()
    )]
    Damaged { path: PathBuf, why: String },
    #[error("The certificate cannot be used: {why}. Check `tls` in the configuration.")]
    Certificate { why: String },
    /// The hive answered a call with a problem.
    #[error("{detail} {hint}")]
    Problem { status: u16, code: String, detail: String, hint: String },
    #[error("The hive did not answer: {why}. Try again, or start it anew: skep serve")]
    Silent { why: String },
}

impl Error {
    pub(crate) fn of_store(error: store::Error, places: &Places) -> Self {
        match error {
            store::Error::InUse => Self::AlreadyRunning { socket: places.socket.clone() },
            store::Error::NotWritable { why, .. } => {
                Self::NotWritable { path: places.data.clone(), why }
            }
            store::Error::Full => {
                Self::NotWritable { path: places.data.clone(), why: "the disk is full".to_owned() }
            }
            store::Error::Newer { found, known } => Self::Newer { found, known },
            other => Self::Damaged { path: places.data.clone(), why: other.to_string() },
        }
    }
}

fn suggested_port(address: &str) -> u16 {
    let port: Option<u16> = address.rsplit(':').next().and_then(|port| port.parse().ok());
    port.and_then(|port| port.checked_add(10)).unwrap_or(7547)
}
