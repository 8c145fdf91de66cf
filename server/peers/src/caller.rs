//! Keeps every friend's hive connected: calls those who are away, again and again with growing
//! pauses, and takes on the links that come of it from either side.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, select_ok};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use types::HiveId;

use crate::hello::{self, Admitted, Errand};
use crate::line::Line;
use crate::shared::Shared;
use crate::transport::Pair;
use crate::{Refusal, Standing, link};

/// One address has this long to answer; the next one is tried beside it after the head start.
const CALL_TIME: Duration = Duration::from_secs(5);
const HEAD_START: Duration = Duration::from_millis(250);
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
            line.gone().await;
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
        shared.stand(hive, Standing::Away { why: Some(why.to_string()) });
        pause = (pause * 2).min(PAUSE_MAX);
        let found = |places: &Vec<crate::Nearby>| places.iter().any(|place| place.hive == hive);
        nearby.mark_unchanged();
        tokio::select! {
            () = sleep(wait.mul_f64(0.75 + rand::random::<f64>() / 2.0)) => {}
            Ok(()) = network.changed() => pause = PAUSE_FIRST,
            Ok(()) = nearby.changed() => {
                if !found(&nearby.borrow_and_update()) {
                    sleep(wait).await;
                }
            }
        }
    }
}

async fn call(shared: &Arc<Shared>, hive: HiveId) -> Result<(), Refusal> {
    let mut places = shared
        .friends
        .borrow()
        .get(&hive)
        .map(|friend| friend.addresses.clone())
        .unwrap_or_default();
    for near in shared.nearby.borrow().iter().filter(|near| near.hive == hive) {
        for address in &near.addresses {
            if !places.contains(address) {
                places.insert(0, *address);
            }
        }
    }
    shared.stand(hive, Standing::Calling);
    let mut pair = reach(shared, hive, &places).await?;
    let admitted = hello::call(shared, &mut pair, Errand::Link).await?;
    adopt(shared, pair, admitted, true)
}

/// Calls a hive at several addresses; the first that answers counts.
pub(crate) async fn reach(
    shared: &Arc<Shared>,
    hive: HiveId,
    places: &[SocketAddr],
) -> Result<Pair, Refusal> {
    let sought = || match places {
        [] => " because it is not known where it is".to_owned(),
        [first, ..] => format!(" at {first}"),
    };
    let calls = places.iter().enumerate().map(|(index, address)| -> BoxFuture<'_, _> {
        let head_start = HEAD_START * u32::try_from(index).unwrap_or(u32::MAX);
        Box::pin(async move {
            sleep(head_start).await;
            let called = timeout(CALL_TIME, shared.transport.call(hive, *address)).await;
            called.map_err(std::io::Error::from)?
        })
    });
    let calls: Vec<_> = calls.collect();
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

/// Lets a hive in that called.
pub(crate) async fn take(shared: Arc<Shared>, mut pair: Pair) {
    let (hive, address) = (pair.hive, pair.address);
    let Ok(_place) = shared.greetings.try_acquire() else { return };
    let adopted = match hello::answer(&shared, &mut pair).await {
        Ok(admitted) => adopt(&shared, pair, admitted, false),
        Err(why) => Err(why),
    };
    if let Err(why) = adopted {
        tracing::debug!(?hive, %address, %why, "a hive was not let in");
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
    let (line, out) = Line::new(hive, pair.way, called, admitted.run);
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
        let connected = Standing::Connected { way: line.way, since: line.since };
        shared.set_standing(&lines, hive, connected);
    }
    shared.spawn(link::run(shared.clone(), pair, admitted.met, line, out));
    Ok(())
}
