//! Each measure with one pair: what is changed on the left, and when the right has it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rand::RngExt;

use crate::failure::{Failure, Outcome};
use crate::peers::Places;
use crate::sync::Measure;
use crate::sync::data;
use crate::sync::end::Used;
use crate::sync::fidelity;
use crate::sync::pair::{Kind, Pair};
use crate::sync::seen::{Idle, Kill, Restart, Seen, Transfer};
use crate::sync::wait;

const SEED: u64 = 20_261_121;
const SAVE_BYTES: usize = 4 << 10;
const SAVED_FILES: usize = 10;
/// Saves that nobody counts, while everything warms up.
const WARM_SAVES: usize = 3;
/// Who takes seconds for one save is asked for fewer.
const SLOW_SHARE: usize = 20;
const LOOK_AT_SAVE_EVERY: Duration = Duration::from_micros(200);
const EDIT_BYTES: usize = 4 << 10;

/// How much is carried over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) small_files: usize,
    pub(crate) many_files: usize,
    pub(crate) large: u64,
    pub(crate) edited: u64,
    pub(crate) appended: usize,
}

impl Sizes {
    pub(crate) fn scaled(scale: f64) -> Self {
        let files = |count: f64| (count * scale).max(100.0) as usize;
        let bytes = |count: f64| (count * scale).max(1e6) as u64;
        Self {
            small_files: files(10_000.0),
            many_files: files(100_000.0),
            large: bytes(f64::from(1 << 30)),
            edited: bytes(f64::from(256 << 20)),
            appended: 1 << 20,
        }
    }

    pub(crate) fn words(self) -> String {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        format!(
            "{} small files of 1 to 8 KiB; {:.0} MB in one file; edits in {:.0} MB; a start with \
             {} files",
            self.small_files,
            megabytes(self.large),
            megabytes(self.edited),
            self.many_files
        )
    }
}

/// One pair's turn.
pub(crate) struct Run<'a> {
    pub(crate) kind: Kind,
    pub(crate) places: &'a Places,
    pub(crate) folder: &'a Path,
    pub(crate) sizes: Sizes,
    pub(crate) saves: usize,
    pub(crate) quiet: Duration,
    pub(crate) patience: Duration,
}

impl Run<'_> {
    /// With ends of its own, so that none carries the load of the measure before.
    pub(crate) fn measure(&self, measure: Measure, seen: &mut Seen) -> Outcome<()> {
        let mut pair = self.kind.start(self.places, self.folder)?;
        let pair = pair.as_mut();
        match measure {
            Measure::Saves => self.saves(pair, seen),
            Measure::Small => self.small(pair, seen),
            Measure::Large => self.large(pair, seen),
            Measure::Edits => self.edits(pair, seen),
            Measure::Renames => self.renames(pair, seen),
            Measure::Idle => self.idle(pair, seen),
            Measure::Restart => self.restart(pair, seen),
            Measure::Kill => self.kill(pair, seen),
            Measure::Fidelity => self.fidelity(pair, seen),
        }
    }

    fn saves(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        let (left, right) = (pair.ground().left(), pair.ground().right());
        let names: Vec<String> = (0..SAVED_FILES).map(|at| format!("save-{at}.bin")).collect();
        for (at, name) in names.iter().enumerate() {
            fs::write(left.join(name), data::bytes(SEED + at as u64, SAVE_BYTES))?;
        }
        pair.begin()?;
        let first = names.last().map(|name| right.join(name)).unwrap_or_default();
        wait::until("the first saves", self.patience, || Ok(pair.is_over()? && first.exists()))?;
        let is_slow = self.kind == Kind::Syncthing;
        let count = if is_slow { (self.saves / SLOW_SHARE).max(3) } else { self.saves };
        let warm = if is_slow { 0 } else { WARM_SAVES };
        wait::for_quiet(pair)?;
        let before = work(pair);
        let mut times = Vec::new();
        for at in 0..warm + count {
            let pause = rand::rng().random_range(50..250);
            thread::sleep(Duration::from_millis(pause));
            let name = &names[at % SAVED_FILES];
            let content = data::bytes(SEED * 2 + at as u64, SAVE_BYTES);
            let time = self.one_save(pair, &left.join(name), &right.join(name), &content)?;
            if at >= warm {
                times.push(time);
            }
        }
        seen.saves(self.kind, times, (work(pair) - before) / (warm + count) as f64);
        Ok(())
    }

    fn one_save(
        &self,
        pair: &mut dyn Pair,
        left: &Path,
        right: &Path,
        content: &[u8],
    ) -> Outcome<Duration> {
        let made = pair.ground().making().join("save.bin");
        let begun = Instant::now();
        // As editors save.
        fs::write(&made, content)?;
        fs::rename(made, left)?;
        if self.kind.is_run() {
            pair.begin()?;
            wait::until("a save", self.patience, || pair.is_over())?;
        }
        while !data::holds(right, content.len() as u64, 0, content) {
            if begun.elapsed() > self.patience || self.kind.is_run() {
                return Err(Failure::Late("seeing a save", self.patience.as_secs()));
            }
            thread::sleep(LOOK_AT_SAVE_EVERY);
        }
        Ok(begun.elapsed())
    }

    fn small(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        let transfer = self.bring_many(pair, self.sizes.small_files)?;
        let (left, right) = (pair.ground().left(), pair.ground().right());
        data::is_same(&left.join("many"), &right.join("many"))?;
        seen.transfer(self.kind, "first sync", transfer);
        Ok(())
    }

    fn large(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        let transfer = self.bring_large(pair, self.sizes.large)?;
        let (left, right) = (pair.ground().left(), pair.ground().right());
        data::is_same(&left.join("large.bin"), &right.join("large.bin"))?;
        seen.transfer(self.kind, "first sync", transfer);
        Ok(())
    }

    fn edits(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        let size = self.sizes.edited;
        self.bring_large(pair, size)?;
        let left = pair.ground().left().join("large.bin");
        let right = pair.ground().right().join("large.bin");
        let making = pair.ground().making().join("inserted.bin");

        let mut inserted = File::create(&making)?;
        inserted.write_all(b"+")?;
        std::io::copy(&mut File::open(&left)?, &mut inserted)?;
        inserted.sync_all()?;
        let front = [b"+".as_slice(), &data::bytes(SEED, EDIT_BYTES)].concat();
        let insert = self.transfer(
            pair,
            || Ok(fs::rename(&making, &left)?),
            || data::holds(&right, size + 1, 0, &front),
        )?;
        data::is_same(&left, &right)?;
        seen.transfer(self.kind, "1 byte inserted at the front", insert);

        let middle = size / 2 + 1_234;
        let over = data::bytes(SEED + 1, EDIT_BYTES);
        let overwrite = self.transfer(
            pair,
            || Ok(OpenOptions::new().write(true).open(&left)?.write_all_at(&over, middle)?),
            || data::holds(&right, size + 1, middle, &over),
        )?;
        data::is_same(&left, &right)?;
        seen.transfer(self.kind, "4 KiB overwritten", overwrite);

        let more = data::bytes(SEED + 2, self.sizes.appended);
        let longer = size + 1 + more.len() as u64;
        let append = self.transfer(
            pair,
            || Ok(OpenOptions::new().append(true).open(&left)?.write_all(&more)?),
            || data::holds(&right, longer, size + 1, &more),
        )?;
        data::is_same(&left, &right)?;
        seen.transfer(self.kind, "1 MiB appended", append);
        Ok(())
    }

    fn renames(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        self.bring_many(pair, self.sizes.small_files)?;
        self.bring_large(pair, self.sizes.large)?;
        let (left, right) = (pair.ground().left(), pair.ground().right());
        let file = self.transfer(
            pair,
            || Ok(fs::rename(left.join("large.bin"), left.join("renamed.bin"))?),
            || right.join("renamed.bin").exists() && !right.join("large.bin").exists(),
        )?;
        data::is_same(&left.join("renamed.bin"), &right.join("renamed.bin"))?;
        seen.transfer(self.kind, "a large file", file);
        let count = self.sizes.small_files;
        let folder = self.transfer(
            pair,
            || Ok(fs::rename(left.join("many"), left.join("moved"))?),
            || data::arrived(&right.join("moved")) == count && !right.join("many").exists(),
        )?;
        data::is_same(&left.join("moved"), &right.join("moved"))?;
        seen.transfer(self.kind, "a folder of small files", folder);
        Ok(())
    }

    fn idle(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        if self.kind.is_run() {
            return Ok(());
        }
        self.bring_many(pair, self.sizes.small_files)?;
        wait::for_quiet(pair)?;
        let before = pair.used();
        thread::sleep(self.quiet);
        let after = pair.used();
        let side = |before: Used, after: Used| Idle {
            memory: after.memory,
            work: (after.work - before.work) / self.quiet.as_secs_f64(),
            written: after.written - before.written,
        };
        seen.idle(self.kind, [side(before.0, after.0), side(before.1, after.1)]);
        Ok(())
    }

    fn restart(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        let count = self.sizes.many_files;
        if self.kind == Kind::Floor {
            return Ok(());
        }
        if !self.kind.is_run() {
            pair.without_right()?;
        }
        let (left, making) = (pair.ground().left(), pair.ground().making());
        data::many(&making.join("many"), SEED, count)?;
        fs::rename(making.join("many"), left.join("many"))?;
        pair.begin()?;
        wait::until("the first look", self.patience, || pair.has_scanned(count))?;
        wait::for_quiet(pair)?;
        let memory_before = pair.used().0.memory;
        let begun = pair.restart_left()?;
        let ready = begun.elapsed();
        wait::until("the look after a start", self.patience, || pair.has_scanned(count))?;
        let scanned = begun.elapsed();
        wait::for_quiet(pair)?;
        let memory = pair.used().0.memory;
        seen.restart(self.kind, Restart { ready, scanned, memory_before, memory });
        Ok(())
    }

    fn kill(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        if self.kind == Kind::Floor {
            return Ok(());
        }
        let size = self.sizes.large;
        let (left, right) = (pair.ground().left(), pair.ground().right());
        let (here, there) = (left.join("large.bin"), right.join("large.bin"));
        let made = pair.ground().making().join("large.bin");
        data::large(&made, SEED, size)?;
        wait::for_quiet(pair)?;
        let before = pair.ground().wire.bytes();
        fs::rename(made, &here)?;
        pair.begin()?;
        let wire = pair.ground().wire.clone();
        wait::until("half of a file", self.patience, || Ok(wire.bytes() - before >= size / 2))?;
        pair.kill_right()?;
        let visible_torn = there.exists();
        let begun = Instant::now();
        pair.start_right()?;
        let front = data::bytes(SEED, EDIT_BYTES);
        let is_run = self.kind.is_run();
        wait::until("the recovery", self.patience, || match is_run {
            true => pair.is_over(),
            false => Ok(data::holds(&there, size, 0, &front)),
        })?;
        let recovered = begun.elapsed();
        data::is_same(&here, &there)?;
        wait::for_quiet(pair)?;
        let sent = wire.bytes() - before;
        // Less than the file means that it came another way.
        let sent = if sent >= size { sent as f64 / size as f64 } else { f64::NAN };
        seen.kill(self.kind, Kill { sent, recovered, visible_torn });
        Ok(())
    }

    fn fidelity(&self, pair: &mut dyn Pair, seen: &mut Seen) -> Outcome<()> {
        let (left, right) = (pair.ground().left(), pair.ground().right());
        let made = pair.ground().making().join("odd");
        fidelity::make(&made)?;
        fs::rename(made, left.join("odd"))?;
        pair.begin()?;
        let (here, there) = (left.join("odd"), right.join("odd"));
        let last = fidelity::names(&here)?;
        if self.kind.is_run() {
            wait::until("odd files", self.patience, || pair.is_over())?;
        } else {
            // Some never come: what has come once nothing moves any more is judged.
            let all = || Ok(fidelity::names(&there).unwrap_or_default() == last);
            drop(wait::until("odd files", Duration::from_secs(15), all));
            wait::for_quiet(pair)?;
        }
        seen.fidelity(self.kind, fidelity::judge(&here, &there));
        Ok(())
    }

    fn bring_many(&self, pair: &mut dyn Pair, count: usize) -> Outcome<Transfer> {
        let (left, right) = (pair.ground().left(), pair.ground().right().join("many"));
        let made = pair.ground().making().join("many");
        data::many(&made, SEED, count)?;
        self.transfer(
            pair,
            || Ok(fs::rename(made, left.join("many"))?),
            || data::arrived(&right) == count,
        )
    }

    fn bring_large(&self, pair: &mut dyn Pair, size: u64) -> Outcome<Transfer> {
        let (left, right) = (pair.ground().left(), pair.ground().right().join("large.bin"));
        let made = pair.ground().making().join("large.bin");
        data::large(&made, SEED, size)?;
        let front = data::bytes(SEED, EDIT_BYTES);
        self.transfer(
            pair,
            || Ok(fs::rename(made, left.join("large.bin"))?),
            || data::holds(&right, size, 0, &front),
        )
    }

    /// One change, from the moment it is made until it is there and acknowledged.
    fn transfer(
        &self,
        pair: &mut dyn Pair,
        change: impl FnOnce() -> Outcome<()>,
        is_there: impl Fn() -> bool,
    ) -> Outcome<Transfer> {
        wait::for_quiet(pair)?;
        let (before, sent) = (pair.used(), pair.ground().wire.bytes());
        let mut peak = (0, 0);
        let mut looked = Instant::now();
        let begun = Instant::now();
        change()?;
        pair.begin()?;
        if !self.kind.is_run() {
            wait::until("the arrival", self.patience, || {
                look(pair, &mut looked, &mut peak);
                Ok(is_there())
            })?;
        }
        let visible = begun.elapsed();
        wait::until("the acknowledgement", self.patience, || {
            look(pair, &mut looked, &mut peak);
            pair.is_over()
        })?;
        let settled = begun.elapsed();
        let visible = if self.kind.is_run() { settled } else { visible };
        if !is_there() {
            return Err(Failure::Refused("not everything arrived".to_owned()));
        }
        let after = pair.used();
        Ok(Transfer {
            visible,
            settled,
            sent: pair.ground().wire.bytes() - sent,
            work: [after.0.work - before.0.work, after.1.work - before.1.work],
            memory: [peak.0.max(after.0.memory_peak), peak.1.max(after.1.memory_peak)],
        })
    }
}

/// Peaks of memory, which a process that has ended does not tell any more.
fn look(pair: &dyn Pair, looked: &mut Instant, peak: &mut (u64, u64)) {
    const EVERY: Duration = Duration::from_millis(50);
    if looked.elapsed() >= EVERY {
        *looked = Instant::now();
        let (left, right) = pair.used();
        *peak = (peak.0.max(left.memory_peak), peak.1.max(right.memory_peak));
    }
}

fn work(pair: &dyn Pair) -> f64 {
    let (left, right) = pair.used();
    left.work + right.work
}
