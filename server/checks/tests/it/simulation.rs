//! Friends' hives agree, lose nothing and bring nothing back, whatever happens to them.
//!
//! `SKEP_SEED` is the first run's seed and `SKEP_RUNS` how many there are. A failure names its seed
//! and tells its story; `SKEP_SEED=… SKEP_RUNS=1` plays it again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, thread};

use checks::simulation::{all_sequences, play, run};

const RUNS: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn hives_agree_whatever_people_disks_and_the_network_do() {
    let first = number("SKEP_SEED").unwrap_or(1);
    let runs = number("SKEP_RUNS").unwrap_or(RUNS);
    println!("seeds {first} to {}", first + runs - 1);
    let next = AtomicU64::new(first);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + runs {
                        return;
                    }
                    if run(seed, false).is_err() {
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_unstable();
    if let Some(seed) = failed.first() {
        let story = run(*seed, true).expect_err("a seed must tell the same run each time");
        panic!("{} of {runs} runs failed: {failed:?}\n{story}", failed.len());
    }
}

#[test]
fn every_sequence_of_three_deeds_on_two_names_ends_well() {
    let mut played = 0;
    for length in 1..=3 {
        for (start, deeds) in all_sequences(length) {
            played += 1;
            if play(start, &deeds, false).is_err() {
                panic!(
                    "{}",
                    play(start, &deeds, true).expect_err("it must end the same each time")
                );
            }
        }
    }
    println!("{played} sequences");
}
