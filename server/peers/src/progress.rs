//! How far friends are and how fast contents go, put together a few times a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};
use types::{HiveId, ShareId};

use crate::line::Traffic;
use crate::shared::Shared;
use crate::{Progress, Progresses, lags};

const TICK: Duration = Duration::from_millis(250);
/// Speeds follow what happens within about this time.
const SMOOTHING: f64 = 3.0;

#[derive(Default)]
struct Pace {
    last: Traffic,
    receiving: f64,
    sending: f64,
}

pub(crate) async fn run(shared: Arc<Shared>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut paces: BTreeMap<(HiveId, ShareId), Pace> = BTreeMap::new();
    let mut standings = shared.standings.subscribe();
    let mut last = Instant::now();
    loop {
        // With nobody connected there is nothing to count.
        if shared.lines().is_empty() && shared.progress.borrow().is_empty() {
            if standings.changed().await.is_err() {
                return;
            }
            last = Instant::now();
        }
        ticks.tick().await;
        let seconds = last.elapsed().as_secs_f64().max(0.001);
        last = Instant::now();
        let lines: Vec<_> = shared.lines().values().cloned().collect();
        let mut now = Progresses::new();
        let mut kept = BTreeMap::new();
        for line in lines {
            for share in line.shares() {
                let key = (line.hive, share);
                let traffic = line.traffic(share);
                let mut pace = paces.remove(&key).unwrap_or_default();
                let smooth = |speed: f64, bytes: u64| {
                    let part = (seconds / SMOOTHING).min(1.0);
                    let next = speed + (bytes as f64 / seconds - speed) * part;
                    if next < 1.0 { 0.0 } else { next }
                };
                let received = traffic.received.saturating_sub(pace.last.received);
                let sent = traffic.sent.saturating_sub(pace.last.sent);
                pace.receiving = smooth(pace.receiving, received);
                pace.sending = smooth(pace.sending, sent);
                pace.last = traffic;
                let (theirs, records_in_step, taken) = line.theirs(share);
                let progress = Progress {
                    since: line.since,
                    theirs,
                    records_in_step,
                    taken,
                    received: traffic.received,
                    sent: traffic.sent,
                    receiving: pace.receiving as u64,
                    sending: pace.sending as u64,
                };
                now.entry(line.hive).or_default().insert(share, progress);
                kept.insert(key, pace);
            }
        }
        paces = kept;
        let before = shared.progress.borrow().clone();
        if before != now {
            lags::gossip(&shared, &before, &now);
        }
        shared.progress.send_if_modified(|before| {
            let changed = *before != now;
            *before = now;
            changed
        });
    }
}
