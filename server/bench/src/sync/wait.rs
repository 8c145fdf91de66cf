//! Waiting for something to happen, without taking the processor from whoever does it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::sync::end::End;
use crate::sync::pair::Pair;

const START_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// The history takes in what came after three seconds of quiet.
const QUIET_FOR: Duration = Duration::from_secs(4);
const QUIET_WITHIN: Duration = Duration::from_secs(60);
/// A process that only keeps itself alive may take so much while it is called quiet.
const QUIET_WORK: f64 = 0.025;

pub(crate) fn until(
    what: &'static str,
    within: Duration,
    mut is_so: impl FnMut() -> Outcome<bool>,
) -> Outcome<()> {
    let begun = Instant::now();
    loop {
        let looked = Instant::now();
        if is_so()? {
            return Ok(());
        }
        if begun.elapsed() > within {
            return Err(Failure::Late(what, within.as_secs()));
        }
        // A look that costs much, or that may be late by little, is taken more rarely.
        let rest = (looked.elapsed() * 4).max(begun.elapsed() / 100).max(LOOK_EVERY);
        thread::sleep(rest.min(Duration::from_millis(100)));
    }
}

pub(crate) fn for_port(port: u16, end: &End) -> Outcome<()> {
    until("starting a process", START_WITHIN, || {
        if end.has_ended()? {
            return Err(Failure::Refused("a process ended at its start".to_owned()));
        }
        Ok(is_listened_on(port))
    })
}

/// Without a call, which some would take for their one client.
fn is_listened_on(port: u16) -> bool {
    const LISTENING: &str = "0A";
    let port = format!(":{port:04X}");
    let is_it = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let address = words.next().unwrap_or_default();
        address.ends_with(&port) && words.nth(1) == Some(LISTENING)
    };
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    tables.iter().any(|table| fs::read_to_string(table).is_ok_and(|all| all.lines().any(is_it)))
}

/// Until neither side does anything any more. One that never rests is measured as it is.
pub(crate) fn for_quiet(pair: &dyn Pair) -> Outcome<()> {
    let begun = Instant::now();
    let mut last = (work(pair), pair.ground().wire.bytes());
    while begun.elapsed() < QUIET_WITHIN {
        thread::sleep(QUIET_FOR);
        let now = (work(pair), pair.ground().wire.bytes());
        if now.0 - last.0 <= QUIET_WORK && now.1 == last.1 {
            return Ok(());
        }
        last = now;
    }
    Ok(())
}

fn work(pair: &dyn Pair) -> f64 {
    let (left, right) = pair.used();
    left.work + right.work
}
