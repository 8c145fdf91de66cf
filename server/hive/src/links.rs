//! Keeps the links with friends' hives in line with what the database says of friends and shares.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use store::Store;
use tokio::sync::mpsc;
use tokio::time::Instant;
use types::{ShareId, Signer};
use web::Control;
use web::friends::Accept;
use web::wire::Reach;

use crate::addresses;
use crate::friends::FriendsOfHive;
use crate::house::{HouseOfHive, of_files};
use crate::listeners::Listeners;
use crate::metered::Metered;

/// The longest sleep until a pause ends by itself, in case the clock was set or the machine slept.
const PAUSE_LOOK_MAX: Duration = Duration::from_secs(60);
/// What could not be looked at is looked at again after this time.
const AGAIN: Duration = Duration::from_secs(10);
const NETWORK_LOOK_EVERY: Duration = Duration::from_secs(15);
/// How often it is looked whether friends have told all, and how long that is waited for.
const MEND_LOOK_EVERY: Duration = Duration::from_millis(100);
const MEND_WITHIN: Duration = Duration::from_secs(30);
const CHANGES_AT_ONCE: u32 = 1_000;

/// Kinds of the journal after which friends, shares or offers may stand otherwise.
const KINDS: [&str; 8] =
    ["friend", "group", "invitation", "member", "offer", "pause", "person", "settings"];

/// Follows the journal as long as the hive runs.
pub(crate) async fn follow(
    store: Store,
    house: Arc<HouseOfHive>,
    friends: FriendsOfHive,
    files: files::Handle,
    metered: Arc<Metered>,
    signer: Arc<dyn Signer>,
) {
    let mut network = metered.changes();
    let mut position = store.follow();
    let mut seen = *position.borrow_and_update();
    let mut paused = false;
    loop {
        let rest = match look(&store, &house, &friends, &signer).await {
            Ok(rest) => rest,
            Err(people::Error::Store(store::Error::Closed)) => return,
            Err(error) => {
                tracing::warn!(%error, "friends could not be looked at");
                Some(AGAIN)
            }
        };
        if let Err(error) = pause_folders(&store, &files, &mut paused).await {
            tracing::warn!(%error, "the folders could not be paused");
        }
        let due = rest.map(|rest| Instant::now() + rest);
        loop {
            tokio::select! {
                moved = position.changed() => if moved.is_err() { return },
                Ok(()) = network.changed() => break,
                () = until(due) => break,
            }
            let since = seen;
            seen = *position.borrow_and_update();
            let changes =
                store.read(move |view| store::changes_since(view, since, CHANGES_AT_ONCE)).await;
            match changes {
                Ok(changes) => {
                    let many = changes.len() >= CHANGES_AT_ONCE as usize;
                    if many || changes.iter().any(|one| KINDS.contains(&one.kind.as_str())) {
                        break;
                    }
                }
                Err(store::Error::Closed) => return,
                Err(error) => tracing::warn!(%error, "the journal could not be read"),
            }
        }
    }
}

/// Brings the links in line. Tells when to look again even if nothing changes.
async fn look(
    store: &Store,
    house: &HouseOfHive,
    friends: &FriendsOfHive,
    signer: &Arc<dyn Signer>,
) -> Result<Option<Duration>, people::Error> {
    let renamed = house.look_at_itself().await;
    if renamed.map_err(|failure| people::Error::Refused(failure.to_string()))? {
        let signer = signer.clone();
        store.write(move |tx| people::introduce(tx, &*signer)).await?;
        friends.renamed();
    }
    friends.tell_friends().await?;
    let (end, now) = store
        .read(|view| Ok::<_, people::Error>((people::next_pause_end(view)?, view.now())))
        .await?;
    Ok(end
        .map(|end| Duration::from_millis(end.since(now).max(1).unsigned_abs()).min(PAUSE_LOOK_MAX)))
}

/// Follows the folders no longer, or again, as the whole hive is paused.
async fn pause_folders(
    store: &Store,
    files: &files::Handle,
    paused: &mut bool,
) -> Result<(), people::Error> {
    let wanted = store.read(people::hive_pause).await?.is_some();
    if wanted == *paused {
        return Ok(());
    }
    files.pause(wanted).await.map_err(of_files)?;
    *paused = wanted;
    // Of a pause that ended by itself the pages are told.
    let end = |tx: &mut store::Tx| match people::hive_pause(tx)? {
        Some(_) => Ok(()),
        None => people::pause_hive(tx, None),
    };
    if wanted { Ok(()) } else { store.write(end).await }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Takes up what friends offer whose offers need no question.
pub(crate) async fn take_up(friends: FriendsOfHive, mut wanted: mpsc::UnboundedReceiver<ShareId>) {
    while let Some(share) = wanted.recv().await {
        let accept = Accept { share, path: None, name: None, folders: None };
        if let Err(error) = friends.take_up(accept).await {
            tracing::warn!(%share, error = error.detail, "an offer was not taken up");
        }
    }
}

/// Mends what hives did apart as soon as no connected friend has more to tell of a share: of what
/// changed together, perhaps only one half is known until then.
pub(crate) async fn mend(house: Arc<HouseOfHive>, peers: peers::Handle) {
    let mut unmended = house.unmended();
    while unmended.wait_for(|shares| !shares.is_empty()).await.is_ok() {
        let waiting = unmended.borrow().clone();
        let links = peers.progress().borrow().clone();
        for (share, since) in waiting {
            let mut courses = links.values().filter_map(|shares| shares.get(&share));
            let told_all = courses.all(|course| course.records_in_step);
            if !told_all && since.elapsed() < MEND_WITHIN {
                continue;
            }
            if let Err(error) = house.mend(share).await {
                tracing::warn!(%share, %error, "what hives did apart could not be mended");
            }
        }
        tokio::time::sleep(MEND_LOOK_EVERY).await;
    }
}

/// Hands on what changes in the links and in the folders to whoever watches the pages.
pub(crate) async fn watch(friends: FriendsOfHive, peers: peers::Handle, files: files::Handle) {
    let mut standings = peers.standings();
    let mut progress = peers.progress();
    let mut needs = files.needs();
    loop {
        let moved = tokio::select! {
            moved = standings.changed() => moved,
            moved = progress.changed() => moved,
            moved = needs.changed() => moved,
        };
        if moved.is_err() {
            return;
        }
        friends.changed();
    }
}

/// From where friends' hives may call at present.
pub(crate) fn doors(listeners: &Listeners, port: u16) -> peers::Doors {
    let here = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let (told, relays) = listeners.places();
    let reach = listeners.reach();
    if reach == Reach::Computer {
        return peers::Doors { listen: vec![here], told, ..peers::Doors::default() };
    }
    let network = addresses::of_this_machine().into_iter();
    let network = network.map(|address| SocketAddr::new(address, port));
    let internet = reach == Reach::Internet;
    let far = (internet || !relays.is_empty()).then(|| peers::Far {
        port,
        only: Vec::new(),
        relays,
        map_ports: internet,
    });
    peers::Doors { listen: network.chain([here]).collect(), nearby: true, told, far }
}

/// Opens and closes the doors for friends as the hive's reach and the machine's network change.
pub(crate) async fn follow_network(listeners: Arc<Listeners>, peers: peers::Handle, port: u16) {
    let mut open = doors(&listeners, port);
    let mut reaches = listeners.reaches();
    let mut network = peers.network();
    loop {
        tokio::select! {
            moved = reaches.changed() => if moved.is_err() { return },
            moved = network.changed() => if moved.is_err() { return },
            () = tokio::time::sleep(NETWORK_LOOK_EVERY) => {}
        }
        let wanted = doors(&listeners, port);
        if wanted == open {
            continue;
        }
        match peers.listen(wanted.clone()).await {
            Ok(()) => open = wanted,
            Err(error) => tracing::warn!(%error, "the doors for friends could not be changed"),
        }
        peers.network_changed();
    }
}
