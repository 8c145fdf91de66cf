//! What `web` asks of the hive as a whole, which knows its configuration and listeners.

use std::collections::HashSet;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::Error;
use crate::wire::{Address, Doors, Reach, ReachChoice, Warning};

/// Who and what this hive is.
#[derive(Debug, Clone)]
pub struct HiveName {
    /// Its public key, as text.
    pub id: String,
    /// The port that it listens on.
    pub port: u16,
    pub started_at: i64,
    /// Where its data lies, as a person reads it.
    pub data_folder: String,
}

/// The hive as `web` needs it. Implemented once, by crate `hive`; tests give their own.
pub trait Control: Send + Sync + 'static {
    fn hive(&self) -> HiveName;

    /// Host names, with port where it is not the scheme's own, under which the hive may be called.
    fn hosts(&self) -> watch::Receiver<HashSet<String>>;

    fn reach(&self) -> Reach;

    /// How far it can be open, and what each makes visible.
    fn reach_choices(&self) -> Vec<ReachChoice>;

    /// Opens or closes the hive to the network, durably.
    fn set_reach(&self, reach: Reach) -> BoxFuture<'_, Result<(), Error>>;

    /// Where friends' hives may call besides what the hive finds out by itself.
    fn doors(&self) -> Doors;

    /// Changes that, durably.
    fn set_doors(&self, doors: Doors) -> BoxFuture<'_, Result<(), Error>>;

    /// Its addresses, best first, with the result of the last test.
    fn addresses(&self) -> Vec<Address>;

    /// Calls each address and tells which answered.
    fn test_addresses(&self) -> BoxFuture<'_, Vec<Address>>;

    /// Host and port of the plain-text door for MobWrite's clients, while it is open.
    fn mobwrite(&self) -> Option<String>;

    /// What the owner should know.
    fn warnings(&self) -> Vec<Warning>;

    /// Suggested place for the folder picker to begin.
    fn home_folder(&self) -> Option<std::path::PathBuf>;
}
