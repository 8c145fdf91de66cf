//! What was seen, as medians and tables.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::{Failure, Outcome};
use crate::print;
use crate::report::{Report, Table, megabytes, millis, ratio, ratio_of_times};
use crate::sync::Measure;
use crate::sync::fidelity::Judged;
use crate::sync::pair::Kind;

/// One change on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transfer {
    /// Under its final name on the right.
    pub(crate) visible: Duration,
    /// Acknowledged as well.
    pub(crate) settled: Duration,
    pub(crate) sent: u64,
    /// Processor seconds, left and right.
    pub(crate) work: [f64; 2],
    pub(crate) memory: [u64; 2],
}

/// One side while nothing happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    pub(crate) memory: u64,
    /// Of one processor.
    pub(crate) work: f64,
    pub(crate) written: u64,
}

/// A start with files that did not change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restart {
    pub(crate) ready: Duration,
    pub(crate) scanned: Duration,
    pub(crate) memory_before: u64,
    pub(crate) memory: u64,
}

/// The receiver killed half-way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kill {
    /// Times the file.
    pub(crate) sent: f64,
    pub(crate) recovered: Duration,
    /// Something stood under the final name too early.
    pub(crate) visible_torn: bool,
}

/// Saves: how long each took, and processor seconds for one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Saves {
    pub(crate) times: Vec<Duration>,
    works: Vec<f64>,
}

/// All turns of one measure.
#[derive(Default)]
pub(crate) struct Seen {
    saves: BTreeMap<Kind, Saves>,
    transfers: Vec<(&'static str, Kind, Transfer)>,
    idle: Vec<(Kind, [Idle; 2])>,
    restarts: Vec<(Kind, Restart)>,
    kills: Vec<(Kind, Kill)>,
    fidelity: BTreeMap<Kind, Vec<Judged>>,
    failures: Vec<String>,
}

impl Seen {
    pub(crate) fn saves(&mut self, kind: Kind, times: Vec<Duration>, work: f64) {
        let saves = self.saves.entry(kind).or_default();
        saves.times.extend(times);
        saves.times.sort_unstable();
        saves.works.push(work);
    }

    pub(crate) fn transfer(&mut self, kind: Kind, scene: &'static str, transfer: Transfer) {
        self.transfers.push((scene, kind, transfer));
    }

    pub(crate) fn idle(&mut self, kind: Kind, sides: [Idle; 2]) {
        self.idle.push((kind, sides));
    }

    pub(crate) fn restart(&mut self, kind: Kind, restart: Restart) {
        self.restarts.push((kind, restart));
    }

    pub(crate) fn kill(&mut self, kind: Kind, kill: Kill) {
        self.kills.push((kind, kill));
    }

    pub(crate) fn fidelity(&mut self, kind: Kind, judged: Vec<Judged>) {
        self.fidelity.insert(kind, judged);
    }

    pub(crate) fn failed(&mut self, kind: Kind, failure: &Failure) -> Outcome<()> {
        print::line(&format!("  left out: {failure}"))?;
        self.failures.push(format!("{kind}: {failure}"));
        Ok(())
    }

    /// A quantile of the saves: 0.5 is the median.
    pub(crate) fn save(&self, kind: Kind, quantile: f64) -> Option<Duration> {
        let times = &self.saves.get(&kind)?.times;
        let rank = (times.len() as f64 * quantile).ceil() as usize;
        times.get(rank.saturating_sub(1)).copied()
    }

    /// The median of each figure over the turns.
    pub(crate) fn median(&self, scene: &str, kind: Kind) -> Option<Transfer> {
        let turns = self.transfers.iter().filter(|turn| turn.0 == scene && turn.1 == kind);
        let turns: Vec<Transfer> = turns.map(|turn| turn.2).collect();
        let of = |part: fn(&Transfer) -> f64| middle(turns.iter().map(part).collect());
        let time = |part| of(part).map(Duration::from_secs_f64);
        Some(Transfer {
            visible: time(|turn| turn.visible.as_secs_f64())?,
            settled: time(|turn| turn.settled.as_secs_f64())?,
            sent: of(|turn| turn.sent as f64)? as u64,
            work: [of(|turn| turn.work[0])?, of(|turn| turn.work[1])?],
            memory: [
                of(|turn| turn.memory[0] as f64)? as u64,
                of(|turn| turn.memory[1] as f64)? as u64,
            ],
        })
    }

    pub(crate) fn idle_of(&self, kind: Kind) -> Option<[Idle; 2]> {
        let turns: Vec<_> = self.idle.iter().filter(|turn| turn.0 == kind).collect();
        let side = |at: usize| {
            let of = |part: fn(&Idle) -> f64| {
                middle(turns.iter().map(|turn| part(&turn.1[at])).collect())
            };
            let (memory, work) = (of(|idle| idle.memory as f64)?, of(|idle| idle.work)?);
            let written = of(|idle| idle.written as f64)?;
            Some(Idle { memory: memory as u64, work, written: written as u64 })
        };
        Some([side(0)?, side(1)?])
    }

    pub(crate) fn restart_of(&self, kind: Kind) -> Option<Restart> {
        let of = |part: fn(&Restart) -> f64| {
            let turns = self.restarts.iter().filter(|turn| turn.0 == kind);
            middle(turns.map(|turn| part(&turn.1)).collect())
        };
        Some(Restart {
            ready: Duration::from_secs_f64(of(|turn| turn.ready.as_secs_f64())?),
            scanned: Duration::from_secs_f64(of(|turn| turn.scanned.as_secs_f64())?),
            memory_before: of(|turn| turn.memory_before as f64)? as u64,
            memory: of(|turn| turn.memory as f64)? as u64,
        })
    }

    pub(crate) fn kill_of(&self, kind: Kind) -> Option<Kill> {
        let turns: Vec<&Kill> =
            self.kills.iter().filter(|turn| turn.0 == kind).map(|turn| &turn.1).collect();
        let recovered = middle(turns.iter().map(|kill| kill.recovered.as_secs_f64()).collect())?;
        Some(Kill {
            sent: middle(turns.iter().map(|kill| kill.sent).collect())?,
            recovered: Duration::from_secs_f64(recovered),
            visible_torn: turns.iter().any(|kill| kill.visible_torn),
        })
    }

    pub(crate) fn fidelity_of(&self, kind: Kind) -> Option<&[Judged]> {
        self.fidelity.get(&kind).map(Vec::as_slice)
    }

    pub(crate) fn tell(&self, measure: Measure, report: &mut Report) -> Outcome<()> {
        match measure {
            Measure::Saves => report.table(&self.saves_table())?,
            Measure::Small => self.transfer_tables("Small files", report)?,
            Measure::Large => self.transfer_tables("One large file", report)?,
            Measure::Edits => self.transfer_tables("In a large file", report)?,
            Measure::Renames => self.transfer_tables("New names", report)?,
            Measure::Idle => report.table(&self.idle_table())?,
            Measure::Restart => report.table(&self.restart_table())?,
            Measure::Kill => report.table(&self.kill_table())?,
            Measure::Fidelity => report.table(&self.fidelity_table())?,
        }
        for failure in &self.failures {
            report.line(&format!("Left out: {failure}."))?;
        }
        Ok(())
    }

    fn saves_table(&self) -> Table {
        let columns = ["who", "saves", "p50", "p95", "p50 ratio", "p95 ratio", "processor, each"];
        let mut table = Table::new("A save of 4 KiB until its bytes are on the right", &columns);
        for (&kind, saves) in &self.saves {
            let time = |quantile| self.save(kind, quantile).unwrap_or(Duration::MAX);
            let compare =
                |quantile| ratio_of_times(self.save(Kind::Skep, quantile), time(quantile));
            table.row([
                kind.to_string(),
                saves.times.len().to_string(),
                millis(time(0.5)),
                millis(time(0.95)),
                compare(0.5),
                compare(0.95),
                format!("{:.1} ms", middle(saves.works.clone()).unwrap_or(0.0) * 1_000.0),
            ]);
        }
        table
    }

    fn transfer_tables(&self, title: &str, report: &mut Report) -> Outcome<()> {
        let mut scenes: Vec<&str> = Vec::new();
        for (scene, ..) in &self.transfers {
            if !scenes.contains(scene) {
                scenes.push(scene);
            }
        }
        scenes.iter().try_for_each(|scene| report.table(&self.transfer_table(title, scene)))
    }

    fn transfer_table(&self, title: &str, scene: &str) -> Table {
        let columns = [
            "who",
            "there after",
            "acknowledged",
            "ratio",
            "on the wire",
            "ratio",
            "processor, left + right",
            "most memory, left + right",
        ];
        let mut table = Table::new(&format!("{title}: {scene}"), &columns);
        let skep = self.median(scene, Kind::Skep);
        let nothing = f64::NAN;
        for kind in self.kinds(scene) {
            let Some(it) = self.median(scene, kind) else { continue };
            table.row([
                kind.to_string(),
                millis(it.visible),
                millis(it.settled),
                ratio_of_times(skep.map(|skep| skep.settled), it.settled),
                amount(it.sent),
                ratio(skep.map_or(nothing, |skep| skep.sent as f64), it.sent as f64),
                format!("{:.2} + {:.2} s", it.work[0], it.work[1]),
                format!("{} + {}", megabytes(it.memory[0]), megabytes(it.memory[1])),
            ]);
        }
        table
    }

    fn kinds(&self, scene: &str) -> Vec<Kind> {
        let turns = self.transfers.iter().filter(|turn| turn.0 == scene);
        let mut kinds: Vec<Kind> = turns.map(|turn| turn.1).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn idle_table(&self) -> Table {
        let columns = ["who", "memory, left + right", "processor", "written"];
        let mut table = Table::new("Nothing happens, after the small files", &columns);
        for &kind in &distinct(&self.idle) {
            let Some([left, right]) = self.idle_of(kind) else { continue };
            table.row([
                kind.to_string(),
                format!("{} + {}", megabytes(left.memory), megabytes(right.memory)),
                format!("{:.2} + {:.2} %", left.work * 100.0, right.work * 100.0),
                format!("{} + {}", amount(left.written), amount(right.written)),
            ]);
        }
        table
    }

    fn restart_table(&self) -> Table {
        let columns = ["who", "ready", "looked", "memory before", "memory after"];
        let mut table = Table::new("A start with many files that did not change", &columns);
        for &kind in &distinct(&self.restarts) {
            let Some(it) = self.restart_of(kind) else { continue };
            let memory = |bytes| if kind.is_run() { "–".to_owned() } else { megabytes(bytes) };
            table.row([
                kind.to_string(),
                if kind.is_run() { "–".to_owned() } else { millis(it.ready) },
                millis(it.scanned),
                memory(it.memory_before),
                memory(it.memory),
            ]);
        }
        table
    }

    fn kill_table(&self) -> Table {
        let columns = ["who", "there after", "sent, times the file", "torn under its name"];
        let mut table = Table::new("kill -9 of the receiver half-way", &columns);
        for &kind in &distinct(&self.kills) {
            let Some(it) = self.kill_of(kind) else { continue };
            let torn = if it.visible_torn { "yes" } else { "no" };
            let sent =
                if it.sent.is_nan() { "not counted".to_owned() } else { format!("{:.3}", it.sent) };
            table.row([kind.to_string(), millis(it.recovered), sent, torn.to_owned()]);
        }
        table
    }

    fn fidelity_table(&self) -> Table {
        let names: Vec<String> = self.fidelity.keys().map(ToString::to_string).collect();
        let columns: Vec<&str> =
            ["what"].into_iter().chain(names.iter().map(String::as_str)).collect();
        let mut table = Table::new("What arrives intact", &columns);
        let all = self.fidelity.values().next().map(Vec::as_slice).unwrap_or_default();
        for (at, (what, _)) in all.iter().enumerate() {
            let word = |judged: &Vec<Judged>| if judged[at].1 { "yes" } else { "no" }.to_owned();
            table.row([(*what).to_owned()].into_iter().chain(self.fidelity.values().map(word)));
        }
        table
    }
}

fn distinct<T>(turns: &[(Kind, T)]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = turns.iter().map(|turn| turn.0).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn middle(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

pub(crate) fn amount(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => megabytes(bytes),
    }
}
