//! Keeps every friend's hive connected: calls those who are away, again and again with growing
//! pauses, and takes on the links that come of it from either side.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, select_ok};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use types::HiveId;

use crate::hello::{self, Admitted, Errand};
use crate::line::Line;
use crate::shared::Shared;
use crate::transport::{Pair, Transport};
use crate::{Place, Refusal, Standing, Way, link};

/// How long a hive that is called has to answer.
const CALL_TIME: Duration = Duration::from_secs(8);
/// TCP costs a third of what iroh does, so it is called so much earlier.
const TCP_HEAD_START: Duration = Duration::from_millis(500);
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Who refused is not called again so soon.
const REFUSED_PAUSE: Duration = Duration::from_secs(120);
/// Two links made within this time were made at once by both sides.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Follows the friends for as long as the links run.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut friends = shared.friends.subscribe();
    let mut callers = JoinSet::new();
    let mut running: HashMap<HiveId, AbortHandle> = HashMap::new();
    loop {
        let now = friends.borrow_and_update().clone();
        running.retain(|hive, caller| {
            let stays = now.get(hive).is_some_and(|friend| !friend.paused);
            if !stays {
                caller.abort();
            }
            stays
        });
        for friend in now.values().filter(|friend| !friend.paused) {
            running
                .entry(friend.hive)
                .or_insert_with(|| callers.spawn(keep(shared.clone(), friend.hive)));
        }
        shared.standings.send_if_modified(|standings| {
            let before = standings.len();
            standings.retain(|hive, _| now.contains_key(hive));
            for hive in now.keys() {
                standings.entry(*hive).or_insert(Standing::Away { why: None });
            }
            before != standings.len()
        });
        while callers.try_join_next().is_some() {}
        if friends.changed().await.is_err() {
            return;
        }
    }
}

async fn keep(shared: Arc<Shared>, hive: HiveId) {
    let mut pause = PAUSE_FIRST;
    let mut network = shared.network.subscribe();
    let mut nearby = shared.nearby.subscribe();
    loop {
        if let Some(line) = shared.line(hive) {
            tokio::select! {
                () = line.gone() => {}
                () = past_the_relay(&shared, &line, &mut network, &mut nearby) => {}
            }
            pause = PAUSE_FIRST;
        }
        let why = match call(&shared, hive).await {
            Ok(()) => continue,
            Err(_) if shared.line(hive).is_some() => continue,
            Err(why) => why,
        };
        let wait = match &why {
            Refusal::Unreachable { .. } | Refusal::Twice | Refusal::Stopping => pause,
            _ => REFUSED_PAUSE,
        };
        shared.stand(hive, Standing::Away { why: Some(why) });
        pause = (pause * 2).min(PAUSE_MAX);
        let found = |places: &Vec<crate::Nearby>| places.iter().any(|place| place.hive == hive);
        nearby.mark_unchanged();
        tokio::select! {
            () = sleep(wait.mul_f64(0.75 + rand::random::<f64>() / 2.0)) => {}
            Ok(()) = network.changed() => pause = PAUSE_FIRST,
            () = linked(&shared, hive) => {}
            Ok(()) = nearby.changed() => {
                if !found(&nearby.borrow_and_update()) {
                    sleep(wait).await;
                }
            }
        }
    }
}

/// Waits until the other hive has called.
async fn linked(shared: &Shared, hive: HiveId) {
    let mut standings = shared.standings.subscribe();
    let connected =
        |standing: Option<&Standing>| matches!(standing, Some(Standing::Connected { .. }));
    drop(standings.wait_for(|all| connected(all.get(&hive))).await);
}

/// Calls a friend past the relay whenever the network may have brought them nearer. Ends with a
/// new link.
async fn past_the_relay(
    shared: &Arc<Shared>,
    line: &Line,
    network: &mut watch::Receiver<u64>,
    nearby: &mut watch::Receiver<Vec<crate::Nearby>>,
) {
    let hive = line.hive;
    loop {
        let moved = tokio::select! {
            moved = network.changed() => moved,
            moved = nearby.changed() => moved,
        };
        if moved.is_err() {
            return std::future::pending().await;
        }
        if *line.way.borrow() != Way::Relay {
            continue;
        }
        let places = places_of(shared, hive);
        let Ok(Ok(mut pair)) = timeout(CALL_TIME, shared.tcp.call(hive, &places)).await else {
            continue;
        };
        if let Ok(admitted) = hello::call(shared, &mut pair, Errand::Link).await
            && adopt(shared, pair, admitted, true).is_ok()
        {
            return;
        }
    }
}

async fn call(shared: &Arc<Shared>, hive: HiveId) -> Result<(), Refusal> {
    let places = places_of(shared, hive);
    shared.stand(hive, Standing::Calling);
    let mut pair = reach(shared, hive, &places).await?;
    let admitted = hello::call(shared, &mut pair, Errand::Link).await?;
    adopt(shared, pair, admitted, true)
}

/// Where a friend may be, best first: what the local network says before what they said.
fn places_of(shared: &Shared, hive: HiveId) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for near in shared.nearby.borrow().iter().filter(|near| near.hive == hive) {
        places.extend(near.addresses.iter().copied().map(Place::from));
    }
    if let Some(friend) = shared.friends.borrow().get(&hive) {
        places.extend(friend.addresses.iter().cloned());
    }
    let mut seen = std::collections::HashSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places
}

/// Calls a hive by every way there is; the first that answers counts.
pub(crate) async fn reach(
    shared: &Arc<Shared>,
    hive: HiveId,
    places: &[Place],
) -> Result<Pair, Refusal> {
    let far = shared.far();
    let near = places.iter().any(|place| !matches!(place, Place::Relay(_)));
    let mut calls: Vec<BoxFuture<'_, std::io::Result<Pair>>> = Vec::new();
    if near {
        calls.push(Box::pin(async { timeout(CALL_TIME, shared.tcp.call(hive, places)).await? }));
    }
    if let Some(far) = &far {
        let head_start = if near { TCP_HEAD_START } else { Duration::ZERO };
        calls.push(Box::pin(async move {
            sleep(head_start).await;
            timeout(CALL_TIME, far.call(hive, places)).await?
        }));
    }
    let sought = || sought(places, far.is_some());
    if calls.is_empty() {
        return Err(Refusal::Unreachable { sought: sought() });
    }
    match select_ok(calls).await {
        Ok((pair, _)) => Ok(pair),
        Err(error) => {
            tracing::debug!(?hive, %error, "a hive does not answer");
            Err(Refusal::Unreachable { sought: sought() })
        }
    }
}

/// Where a hive was sought, as the words of a refusal go on.
fn sought(places: &[Place], far: bool) -> String {
    let relay = places.iter().find(|place| matches!(place, Place::Relay(_)));
    let first = places.iter().find(|place| !matches!(place, Place::Relay(_)));
    match (first, relay) {
        (None, None) => " because it is not known where it is".to_owned(),
        (first, Some(relay)) if !far => {
            let at = first.map(|first| format!(" at {first}")).unwrap_or_default();
            format!(
                "{at}; it waits at {relay}, which this hive asks once it is open to the internet"
            )
        }
        (Some(first), None) => format!(" at {first}"),
        (Some(first), Some(relay)) => format!(" at {first}, nor at {relay}"),
        (None, Some(relay)) => format!(" at {relay}"),
    }
}

/// Lets a hive in that called.
pub(crate) async fn take(shared: Arc<Shared>, mut pair: Pair) {
    let hive = pair.hive;
    let Ok(_place) = shared.greetings.try_acquire() else { return };
    let adopted = match hello::answer(&shared, &mut pair).await {
        Ok(admitted) => adopt(&shared, pair, admitted, false),
        Err(why) => Err(why),
    };
    if let Err(why) = adopted {
        tracing::debug!(?hive, %why, "a hive was not let in");
    }
}

/// Makes a link of two streams, unless there is one already. When both sides called at once, both
/// keep the call of the smaller id; otherwise the newer call shows that the older link is dead.
pub(crate) fn adopt(
    shared: &Arc<Shared>,
    pair: Pair,
    admitted: Admitted,
    called: bool,
) -> Result<(), Refusal> {
    let hive = pair.hive;
    if *shared.stopping.borrow() {
        return Err(Refusal::Stopping);
    }
    let pace = shared.paces.of(hive);
    let newest = admitted.newest.min(shared.protocols.0);
    let (line, out) = Line::new(hive, pair.way.clone(), called, (admitted.run, newest), pace);
    let line = Arc::new(line);
    {
        let mut lines = shared.lines();
        shared.may_connect(hive)?;
        if let Some(old) = lines.get(&hive) {
            let wins = |called: bool| called == (shared.own < hive);
            let at_once = old.run == line.run && old.began.elapsed() < AT_ONCE;
            if at_once && wins(old.called) && !wins(called) {
                return Err(Refusal::Twice);
            }
            old.end(Refusal::Twice);
        }
        lines.insert(hive, line.clone());
        shared.set_standing(&lines, hive, line.standing());
    }
    shared.spawn(link::run(shared.clone(), pair, admitted.met, line, out));
    Ok(())
}
