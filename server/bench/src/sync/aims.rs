//! What Skep has set itself, and whether this run shows it.

use crate::failure::Outcome;
use crate::report::Report;
use crate::sync::Measure;
use crate::sync::pair::Kind;
use crate::sync::seen::{Seen, Transfer};

const FIRST: &str = "first sync";

/// One aim in words, and the figure that decides it.
struct Aim {
    words: String,
    figure: Option<f64>,
    most: f64,
}

pub(crate) fn tell(measure: Measure, seen: &Seen, report: &mut Report) -> Outcome<()> {
    let aims = match measure {
        Measure::Saves => saves(seen),
        Measure::Small => small(seen),
        Measure::Large => vec![beside(seen, FIRST, Kind::Rsync, "the time of rsync", 1.0, time)],
        Measure::Edits => edits(seen),
        Measure::Renames => renames(seen),
        Measure::Idle => idle(seen),
        Measure::Restart => restart(seen),
        Measure::Kill => kill(seen),
        Measure::Fidelity => fidelity(seen),
    };
    for aim in aims {
        // Without Skep or the peer, or a count, there is nothing to say.
        let Some(figure) = aim.figure.filter(|figure| !figure.is_nan()) else { continue };
        let words = if figure <= aim.most { "met" } else { "missed in this run" };
        report.line(&format!("Aim: {}; {} ({}).", aim.words, words, short(figure)))?;
    }
    Ok(())
}

fn saves(seen: &Seen) -> Vec<Aim> {
    let millis = |quantile| seen.save(Kind::Skep, quantile).map(|time| time.as_secs_f64() * 1e3);
    vec![aim("p50 ≤ 10 ms", millis(0.5), 10.0), aim("p95 ≤ 40 ms", millis(0.95), 40.0)]
}

fn small(seen: &Seen) -> Vec<Aim> {
    vec![
        beside(seen, FIRST, Kind::Rsync, "1.7 times the time of rsync", 1.7, time),
        beside(seen, FIRST, Kind::Syncthing, "a 15th of Syncthing's time", 1.0 / 15.0, time),
        beside(seen, FIRST, Kind::Syncthing, "a 10th of Syncthing's processor time", 0.1, work),
    ]
}

fn edits(seen: &Seen) -> Vec<Aim> {
    const MORE_MAX: f64 = 2_048.0;
    let changed = [
        ("1 byte inserted at the front", 1.0),
        ("4 KiB overwritten", 4_096.0),
        ("1 MiB appended", 1_048_576.0),
    ];
    let of = |(scene, bytes): (&'static str, f64)| {
        let sent = seen.median(scene, Kind::Skep).map(|skep| skep.sent as f64);
        let words = format!("{scene}: on the wire ≤ what changed + 2 KiB");
        let on_wire = aim(&words, sent, bytes + MORE_MAX);
        let words = format!("the time of rsync, {scene}");
        [on_wire, beside(seen, scene, Kind::Rsync, &words, 1.0, time)]
    };
    changed.into_iter().flat_map(of).collect()
}

fn renames(seen: &Seen) -> Vec<Aim> {
    let of = |(scene, most): (&'static str, f64)| {
        let skep = seen.median(scene, Kind::Skep);
        let seconds = skep.map(|skep| skep.visible.as_secs_f64());
        let sent = skep.map(|skep| skep.sent as f64);
        let on_wire = aim(&format!("{scene}: on the wire ≤ 1 KiB"), sent, 1_024.0);
        [aim(&format!("{scene}: ≤ {most} s"), seconds, most), on_wire]
    };
    [("a large file", 0.1), ("a folder of small files", 0.2)].into_iter().flat_map(of).collect()
}

fn idle(seen: &Seen) -> Vec<Aim> {
    let skep = seen.idle_of(Kind::Skep);
    let most = |part: fn(&crate::sync::seen::Idle) -> f64| {
        skep.map(|sides| sides.iter().map(part).fold(0.0, f64::max))
    };
    vec![
        aim("memory ≤ 40 MB", most(|idle| idle.memory as f64 / 1e6), 40.0),
        aim("processor ≤ 0.2 %", most(|idle| idle.work * 100.0), 0.2),
        aim("nothing written", most(|idle| idle.written as f64), 0.0),
    ]
}

fn restart(seen: &Seen) -> Vec<Aim> {
    let skep = seen.restart_of(Kind::Skep);
    vec![
        aim("ready ≤ 1 s", skep.map(|it| it.ready.as_secs_f64()), 1.0),
        aim("looked ≤ 4 s", skep.map(|it| it.scanned.as_secs_f64()), 4.0),
        aim("memory with 100,000 files ≤ 60 MB", skep.map(|it| it.memory as f64 / 1e6), 60.0),
    ]
}

fn kill(seen: &Seen) -> Vec<Aim> {
    let skep = seen.kill_of(Kind::Skep);
    vec![
        aim("sent ≤ 1.01 times the file", skep.map(|it| it.sent), 1.01),
        aim("there ≤ 2 s after", skep.map(|it| it.recovered.as_secs_f64()), 2.0),
    ]
}

fn fidelity(seen: &Seen) -> Vec<Aim> {
    let missing = seen.fidelity_of(Kind::Skep);
    let missing = missing.map(|judged| judged.iter().filter(|(_, intact)| !intact).count() as f64);
    vec![aim("nothing is missing", missing, 0.0)]
}

fn aim(words: &str, figure: Option<f64>, most: f64) -> Aim {
    Aim { words: words.to_owned(), figure, most }
}

fn beside(
    seen: &Seen,
    scene: &str,
    peer: Kind,
    words: &str,
    most: f64,
    part: fn(&Transfer) -> f64,
) -> Aim {
    let (skep, peer) = (seen.median(scene, Kind::Skep), seen.median(scene, peer));
    let figure = skep.zip(peer).map(|(skep, peer)| part(&skep) / part(&peer));
    aim(&format!("≤ {words}"), figure, most)
}

fn time(transfer: &Transfer) -> f64 {
    transfer.settled.as_secs_f64()
}

fn work(transfer: &Transfer) -> f64 {
    transfer.work.iter().sum()
}

fn short(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.3}") }
}
