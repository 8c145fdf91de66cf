//! Tells open sockets and streams when some key may have changed, so that they look again.

use std::time::Duration;

use store::Store;
use tokio::sync::watch;
use types::Time;

/// Journal kinds after which a key may open less than before.
const KINDS: [&str; 4] = ["link", "key", "share", "settings"];
const CHANGES_PER_LOOK: u32 = 1_000;
/// The longest sleep between two looks at what expires, in case the machine slept.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(20);

/// Counts the moments at which keys may have changed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct KeyRing {
    moments: watch::Receiver<u64>,
}

impl KeyRing {
    pub(crate) fn start(store: Store) -> Self {
        let (sender, moments) = watch::channel(0);
        tokio::spawn(follow(store, sender));
        Self { moments }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.moments.clone()
    }
}

async fn follow(store: Store, moments: watch::Sender<u64>) {
    let mut position = store.follow();
    let mut seen = *position.borrow_and_update();
    loop {
        let (next_end, now) = (next_expiry(&store).await, store.now());
        let until_end = next_end.map_or(LOOK_AT_LEAST_EVERY, |end| {
            Duration::from_millis(u64::try_from(end.since(now)).unwrap_or(0))
        });
        tokio::select! {
            moved = position.changed() => {
                if moved.is_err() {
                    return;
                }
                let newest = *position.borrow_and_update();
                if concerns_keys(&store, seen).await {
                    moments.send_modify(|count| *count += 1);
                }
                seen = newest;
            }
            () = tokio::time::sleep(until_end.min(LOOK_AT_LEAST_EVERY)) => {
                moments.send_modify(|count| *count += 1);
            }
            () = moments.closed() => return,
        }
    }
}

async fn concerns_keys(store: &Store, since: i64) -> bool {
    let changes: Result<_, store::Error> =
        store.read(move |view| store::changes_since(view, since, CHANGES_PER_LOOK)).await;
    match changes {
        Ok(changes) => changes.iter().any(|change| KINDS.contains(&change.kind.as_str())),
        Err(_) => true,
    }
}

/// The first moment at which some key will end by itself.
async fn next_expiry(store: &Store) -> Option<Time> {
    let keys: Result<_, people::Error> = store
        .read(|view| {
            let now = view.now();
            let ends = people::keys(view)?.into_iter().filter_map(|key| key.expires_at);
            Ok(ends.filter(|end| *end > now).min())
        })
        .await;
    keys.ok().flatten()
}
