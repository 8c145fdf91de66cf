//! Notices when the machine comes to another network, loses its own, or wakes up.

use std::sync::Arc;

use iroh::Watcher;
use netwatch::netmon::Monitor;

use crate::shared::Shared;

/// Follows the machine for as long as the links run.
pub(crate) async fn run(shared: Arc<Shared>) {
    let monitor = match Monitor::new().await {
        Ok(monitor) => monitor,
        Err(error) => {
            tracing::debug!(%error, "the machine does not tell of its networks");
            return;
        }
    };
    let mut state = monitor.interface_state();
    while state.updated().await.is_ok() {
        tracing::debug!("the network changed");
        shared.network_changed();
    }
}
