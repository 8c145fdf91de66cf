//! What the hive does for itself: snapshots of its database, and the end of a pause.

use std::time::Duration;

use store::{Opening, Store};
use tokio::time::MissedTickBehavior;

use crate::wire;

/// The first snapshot comes soon, so that a new hive is not long without one.
const SNAPSHOT_FIRST: Duration = Duration::from_secs(60);
const SNAPSHOT_EVERY: Duration = Duration::from_secs(60 * 60);
const PAUSE_LOOK_EVERY: Duration = Duration::from_secs(10);
/// As `web` writes it: `since until`.
const PAUSED: &str = "paused";

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

/// Pauses the files if the hive was paused when it stopped, and resumes when the time is over.
pub(crate) async fn pauses(store: Store, files: files::Handle) {
    let mut paused = false;
    let mut position = store.follow();
    loop {
        let (is_set, wanted) = match store.read(pause_of).await {
            Ok(read) => read,
            Err(store::Error::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "whether the hive is paused is unreadable");
                return;
            }
        };
        if is_set && !wanted {
            let ended = store.write(|tx| store::set_setting(tx, PAUSED, None)).await;
            if let Err(error) = ended {
                tracing::warn!(%error, "the pause could not be ended");
            }
        }
        if wanted != paused {
            match files.pause(wanted).await {
                Ok(()) => paused = wanted,
                Err(error) => tracing::warn!(%error, "the folders could not be paused"),
            }
        }
        tokio::select! {
            moved = position.changed() => if moved.is_err() { return },
            () = tokio::time::sleep(PAUSE_LOOK_EVERY) => {}
        }
    }
}

/// Whether the owner has paused the whole hive.
pub(crate) fn is_paused(view: &store::View) -> Result<bool, store::Error> {
    Ok(pause_of(view)?.1)
}

/// Whether a pause was set, and whether it holds now.
fn pause_of(view: &store::View) -> Result<(bool, bool), store::Error> {
    let setting = store::setting(view, PAUSED)?;
    let until = setting.as_deref().and_then(|text| text.split_once(' ')).map(|(_, end)| end);
    let over = until.and_then(|end| end.parse().ok()).is_some_and(|end: i64| end <= view.now().0);
    Ok((setting.is_some(), until.is_some() && !over))
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
