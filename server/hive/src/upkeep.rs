//! What the hive does for itself: snapshots of its database, and words about its damage.

use std::time::Duration;

use store::{Opening, Store};
use tokio::time::MissedTickBehavior;

use crate::wire;

/// The first snapshot comes soon, so that a new hive is not long without one.
const SNAPSHOT_FIRST: Duration = Duration::from_secs(60);
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60 * 60);

/// Copies the database every hour in which it changed.
pub(crate) async fn snapshots(store: Store) {
    let position = store.follow();
    let mut copied = *position.borrow();
    let first = tokio::time::Instant::now() + SNAPSHOT_FIRST;
    let mut clock = tokio::time::interval_at(first, SNAPSHOT_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let newest = *position.borrow();
        if newest == copied {
            continue;
        }
        let copy = store.clone();
        match tokio::task::spawn_blocking(move || copy.snapshot_blocking()).await {
            Ok(Ok(_)) => copied = newest,
            Ok(Err(error)) => tracing::warn!(%error, "no snapshot of the database was made"),
            Err(_) => return,
        }
    }
}

pub(crate) fn warning_of(opening: &Opening) -> Option<wire::Warning> {
    let Opening::Restored { aside, snapshot, why } = opening else { return None };
    let restored = match snapshot {
        Some(_) => "The newest good copy was put in its place.",
        None => "There was no good copy, so the hive began anew: share your folders again.",
    };
    let kept = match aside.exists() {
        true => format!(" The damaged file is kept as {}.", aside.display()),
        false => String::new(),
    };
    Some(wire::Warning {
        code: "database_restored".to_owned(),
        detail: format!("The hive's database was damaged ({why}). {restored}"),
        hint: format!(
            "Your shared folders were not touched. Look through your keys: a link that you took \
             back since that copy was made may be there again.{kept}"
        ),
    })
}
