//! Each measure over all servers, in turn, and what its figures come to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::Outcome;
use crate::latency::{Latency, Scene};
use crate::memory::State;
use crate::peers::Places;
use crate::report::{Report, Table, megabytes, millis, ratio, ratio_of_times};
use crate::server::{Kind, Server};
use crate::{cold, durable, latency, memory, print, trace};

/// One person types faster than a crowd, so that there is enough to count.
const KEYS_ALONE: u32 = 20;
const KEYS_IN_CROWD: u32 = 5;

/// The aims that Skep has set itself.
const IDLE_BYTES_AIM: u64 = 30_000_000;
const DOCUMENTS_BYTES_AIM: u64 = 60_000_000;
const COLD_AIM: Duration = Duration::from_millis(40);

/// What to measure with.
pub(crate) struct Run {
    pub(crate) places: Places,
    pub(crate) servers: Vec<Kind>,
    pub(crate) clients: Vec<usize>,
    pub(crate) seconds: u32,
    pub(crate) repeat: u32,
    pub(crate) cursors: bool,
    pub(crate) many: usize,
    pub(crate) edits: usize,
}

impl Run {
    pub(crate) async fn latency(&self, report: &mut Report) -> Outcome<()> {
        let mut seen: BTreeMap<(Scene, Kind), Vec<Latency>> = BTreeMap::new();
        for turn in 0..self.repeat {
            for scene in self.scenes() {
                for &kind in &self.servers {
                    print::line(&format!("… {}, {kind}, turn {}", words(scene), turn + 1))?;
                    match self.one_latency(kind, scene).await {
                        Ok(latency) => seen.entry((scene, kind)).or_default().push(latency),
                        Err(failure) => print::line(&format!("  left out: {failure}"))?,
                    }
                }
            }
        }
        let seen = seen.into_iter().map(|(key, turns)| (key, median(&turns))).collect();
        for crowd in [false, true] {
            report.table(&self.latency_table(&seen, crowd))?;
        }
        Ok(())
    }

    /// A fresh server for each, so that none carries the load of the one before.
    async fn one_latency(&self, kind: Kind, scene: Scene) -> Outcome<Latency> {
        let mut server = Server::start(kind, &self.places).await?;
        let latency = latency::measure(&server, "latency", scene).await;
        server.stop().await?;
        latency
    }

    fn scenes(&self) -> Vec<Scene> {
        let scene = |clients, typists, keys_per_second| {
            let (seconds, cursors) = (self.seconds, self.cursors);
            Scene { clients, typists, keys_per_second, seconds, cursors }
        };
        let alone = self.clients.iter().map(|&clients| scene(clients, 1, KEYS_ALONE));
        let crowd = self.clients.iter().map(|&clients| scene(clients, clients, KEYS_IN_CROWD));
        alone.chain(crowd).collect()
    }

    fn latency_table(&self, seen: &BTreeMap<(Scene, Kind), Latency>, crowd: bool) -> Table {
        let cursors = if self.cursors { ", each with a cursor" } else { "" };
        let title = match crowd {
            false => format!("One types {KEYS_ALONE} keys a second{cursors}, the others watch"),
            true => format!("All type {KEYS_IN_CROWD} keys a second{cursors}"),
        };
        let columns = [
            "clients, server",
            "p50",
            "p95",
            "p99",
            "p50 ratio",
            "p99 ratio",
            "arrived",
            "whole",
            "processor",
        ];
        let mut table = Table::new(&title, &columns);
        let of_kind = |scene: &Scene| (scene.keys_per_second == KEYS_IN_CROWD) == crowd;
        for ((scene, kind), latency) in seen.iter().filter(|((scene, _), _)| of_kind(scene)) {
            let skep = seen.get(&(*scene, Kind::Skep));
            let compare =
                |part: fn(&Latency) -> Duration| ratio_of_times(skep.map(part), part(latency));
            let arrived = 100.0 * latency.arrived as f64 / latency.expected.max(1) as f64;
            table.row([
                format!("{} {kind}", scene.clients),
                millis(latency.p50),
                millis(latency.p95),
                millis(latency.p99),
                compare(|latency| latency.p50),
                compare(|latency| latency.p99),
                format!("{arrived:.1} %"),
                if latency.whole { "yes" } else { "no" }.to_owned(),
                format!("{:.0} %", latency.work * 100.0),
            ]);
        }
        table
    }

    pub(crate) async fn memory(&self, report: &mut Report) -> Outcome<()> {
        let states = [State::Idle, State::Documents(self.many), State::Clients(self.many)];
        let mut seen = BTreeMap::new();
        for state in states {
            for &kind in &self.servers {
                print::line(&format!("… memory, {}, {kind}", about(state)))?;
                match self.one_memory(kind, state).await {
                    Ok(bytes) => drop(seen.insert((state, kind), bytes)),
                    Err(failure) => print::line(&format!("  left out: {failure}"))?,
                }
            }
        }
        let mut table = Table::new("Resident memory", &["state, server", "memory", "ratio"]);
        for ((state, kind), bytes) in &seen {
            let skep = seen.get(&(*state, Kind::Skep)).map_or(f64::NAN, |bytes| *bytes as f64);
            let cells = [megabytes(*bytes), ratio(skep, *bytes as f64)];
            table.row([vec![format!("{}, {kind}", about(*state))], cells.to_vec()].concat());
        }
        report.table(&table)?;
        for (state, aim) in [(states[0], IDLE_BYTES_AIM), (states[1], DOCUMENTS_BYTES_AIM)] {
            if let Some(bytes) = seen.get(&(state, Kind::Skep)) {
                let words = aim_words(*bytes <= aim);
                report.line(&format!("Aim, {}: {}; {words}.", about(state), megabytes(aim)))?;
            }
        }
        Ok(())
    }

    async fn one_memory(&self, kind: Kind, state: State) -> Outcome<u64> {
        let mut server = Server::start(kind, &self.places).await?;
        let bytes = memory::measure(&server, state).await;
        server.stop().await?;
        bytes
    }

    pub(crate) async fn cold(&self, report: &mut Report) -> Outcome<()> {
        print::line(&format!("… making a history of {} edits", self.edits))?;
        let trace = trace::history(self.edits);
        let mut seen = BTreeMap::new();
        for &kind in self.servers.iter().filter(|kind| kind.keeps_documents()) {
            print::line(&format!("… cold open, {kind}"))?;
            match self.one_cold(kind, &trace).await {
                Ok(cold) => drop(seen.insert(kind, cold)),
                Err(failure) => print::line(&format!("  left out: {failure}"))?,
            }
        }
        let (edits, bytes) = (self.edits, trace.text.len());
        let title = format!("Cold open: {edits} edits, {bytes} bytes of text");
        let columns =
            ["server", "first", "ratio", "later", "ratio", "on the wire", "on disk", "taken in"];
        let mut table = Table::new(&title, &columns);
        let skep = seen.get(&Kind::Skep);
        for (kind, cold) in &seen {
            let compare =
                |part: fn(&cold::Cold) -> Duration| ratio_of_times(skep.map(part), part(cold));
            table.row([
                kind.to_string(),
                millis(cold.first),
                compare(|cold| cold.first),
                millis(cold.later),
                compare(|cold| cold.later),
                megabytes(cold.state_bytes as u64),
                megabytes(cold.disk_bytes),
                format!("{:.1} s", cold.written_in.as_secs_f64()),
            ]);
        }
        report.table(&table)?;
        if let Some(cold) = skep {
            let words = aim_words(cold.later <= COLD_AIM);
            report.line(&format!("Aim, cold open: {}; {words}.", millis(COLD_AIM)))?;
        }
        Ok(())
    }

    async fn one_cold(&self, kind: Kind, trace: &trace::Trace) -> Outcome<cold::Cold> {
        let mut server = Server::start(kind, &self.places).await?;
        let cold = cold::measure(&mut server, trace).await;
        server.stop().await?;
        cold
    }

    pub(crate) async fn durable(&self, report: &mut Report) -> Outcome<()> {
        let columns = ["server", "kept after kill -9", "killed when"];
        let mut table = Table::new("What outlives a kill", &columns);
        for &kind in self.servers.iter().filter(|kind| kind.keeps_documents()) {
            print::line(&format!("… durability, {kind}"))?;
            let mut server = Server::start(kind, &self.places).await?;
            match durable::measure(&mut server).await {
                Ok(durable) => {
                    let when = match durable.acknowledged {
                        true => "the hive had acknowledged the edit as durable",
                        false => "another client had seen the edit (it acknowledges nothing)",
                    };
                    let kept = format!("{} of {}", durable.kept, durable.rounds);
                    table.row([kind.to_string(), kept, when.to_owned()]);
                }
                Err(failure) => print::line(&format!("  left out: {failure}"))?,
            }
        }
        report.table(&table)
    }
}

fn words(scene: Scene) -> String {
    let Scene { clients, typists, keys_per_second, .. } = scene;
    format!("{clients} clients, {typists} typing {keys_per_second} keys a second")
}

fn about(state: State) -> String {
    match state {
        State::Idle => "idle".to_owned(),
        State::Documents(count) => format!("{count} documents"),
        State::Clients(count) => format!("{count} clients in one document"),
    }
}

fn aim_words(met: bool) -> &'static str {
    if met { "met" } else { "missed in this run" }
}

/// Each figure's median over the turns.
fn median(turns: &[Latency]) -> Latency {
    let middle = |part: fn(&Latency) -> Duration| {
        let mut parts: Vec<Duration> = turns.iter().map(part).collect();
        parts.sort_unstable();
        parts[parts.len() / 2]
    };
    let work = turns.iter().map(|turn| turn.work).sum::<f64>() / turns.len() as f64;
    Latency {
        p50: middle(|turn| turn.p50),
        p95: middle(|turn| turn.p95),
        p99: middle(|turn| turn.p99),
        expected: turns.iter().map(|turn| turn.expected).sum(),
        arrived: turns.iter().map(|turn| turn.arrived).sum(),
        work,
        whole: turns.iter().all(|turn| turn.whole),
    }
}
