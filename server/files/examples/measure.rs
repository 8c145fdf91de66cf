//! Measures scans, pages and the time from a save to its message: `cargo run -p files --profile
//! fast --example measure -- [FOLDER FOR THE FILES]`.

#![expect(clippy::print_stdout, reason = "figures are for reading")]

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use files::{Handle, Options, Sort, State};
use rand::SeedableRng;
use rand::rngs::StdRng;
use store::{Folder, Store};
use types::{RelPath, ShareId, Time};

const FILES: u32 = 100_000;
const TICKS_PER_SECOND: f64 = 100.0;
const SAVES: u32 = 300;
const PAGES: u32 = 20;

#[tokio::main]
async fn main() {
    let base = tempfile::tempdir().expect("a folder");
    let trees = match std::env::args().nth(1) {
        Some(path) => tempfile::tempdir_in(path).expect("a folder"),
        None => tempfile::tempdir().expect("a folder"),
    };
    let (flat, deep) = (trees.path().join("flat"), trees.path().join("deep"));
    fs::create_dir(&flat).expect("a folder");
    for number in 0..FILES {
        let folder = deep.join(format!("{}/{}", number % 100, number / 100 % 10));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("file {number}.txt")), "text").expect("a file");
        fs::write(flat.join(format!("file {number}.txt")), "text").expect("a file");
    }
    let start = |data: std::path::PathBuf| async move {
        let folder = Folder::open(&data).expect("a data folder");
        let chance = Box::new(StdRng::seed_from_u64(1));
        let (store, _) = Store::open(folder, Arc::new(Time::now), chance).expect("a store");
        let begun = Instant::now();
        let handle = Handle::start(store.clone(), Options::default()).await.expect("it starts").0;
        (store, handle, begun)
    };
    let (store, handle, _) = start(base.path().join("data")).await;
    for root in [&deep, &flat] {
        let (begun, used) = (Instant::now(), processor());
        let share = handle.share(root.clone(), None).await.expect("shared").share.id;
        in_step(&handle, share).await;
        println!("first scan, {}: {:?}", root.display(), begun.elapsed());
        println!("  processor: {:.2} s", processor() - used);
        let (begun, used) = (Instant::now(), processor());
        handle.rescan(share, RelPath::root()).await.expect("scanned");
        println!("second scan: {:?}", begun.elapsed());
        println!("  processor: {:.2} s", processor() - used);
        let saved =
            if root == &flat { flat.join("file 7.txt") } else { deep.join("7/0/file 7.txt") };
        saves(&handle, &saved).await;
        memory();
    }
    let shares = store.read(files::shares).await.expect("shares");
    pages(&store, shares.iter().find(|share| share.name == "flat").expect("flat").id).await;
    let begun = Instant::now();
    fs::rename(deep.join("5"), deep.join("moved")).expect("renamed");
    let mut changes = handle.changes();
    changes.recv().await.expect("a message");
    println!("a folder of 1,000 files renamed: {:?}", begun.elapsed());
    handle.stop().await.expect("it stops");
    drop(handle);
    store.close();
    drop(store);
    let (_store, handle, begun) = start(base.path().join("data")).await;
    for share in shares {
        in_step(&handle, share.id).await;
    }
    println!("restart, both in step again: {:?}", begun.elapsed());
    memory();
}

async fn in_step(handle: &Handle, share: ShareId) {
    let mut states = handle.states();
    let there = states.wait_for(|states| {
        states.get(&share).is_some_and(|standing| standing.state == State::InStep)
    });
    there.await.map(drop).expect("in step");
}

async fn saves(handle: &Handle, path: &std::path::Path) {
    let mut changes = handle.changes();
    let mut times = Vec::new();
    for number in 0..SAVES {
        let begun = Instant::now();
        fs::write(path, format!("save {number}")).expect("saved");
        changes.recv().await.expect("a message");
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
        while changes.try_recv().is_ok() {}
    }
    times.sort();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!("save to message: p50 {:?}, p95 {:?}, p99 {:?}", at(50), at(95), at(99));
}

async fn pages(store: &Store, share: ShareId) {
    for sort in [Sort::Name, Sort::Size, Sort::Changed, Sort::Kind] {
        for (descending, offset) in [(false, 0), (false, 50_000), (true, 99_000)] {
            let mut best = Duration::MAX;
            let used = processor();
            for _ in 0..PAGES {
                let begun = Instant::now();
                store
                    .read(move |view| {
                        files::list(view, share, &RelPath::root(), sort, descending, offset, 500)
                    })
                    .await
                    .expect("a page");
                best = best.min(begun.elapsed());
            }
            let each = (processor() - used) / f64::from(PAGES) * 1_000.0;
            println!("page by {sort:?} at {offset}: best {best:?}, processor {each:.1} ms");
        }
    }
    for words in ["77 txt", "nothing"] {
        let begun = Instant::now();
        let found = store.read(move |view| files::search(view, share, words, 100)).await;
        println!("search {words:?}: {} in {:?}", found.expect("found").len(), begun.elapsed());
    }
    let (begun, used) = (Instant::now(), processor());
    for _ in 0..PAGES {
        store.read(move |view| files::totals(view, share)).await.expect("totals");
    }
    let each = (processor() - used) / f64::from(PAGES) * 1_000.0;
    println!("totals: {:?}, processor {each:.1} ms", begun.elapsed() / PAGES);
}

/// Processor time of all threads, in seconds: what counts on a busy machine.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    (ticks(13).unwrap_or(0.0) + ticks(14).unwrap_or(0.0)) / TICKS_PER_SECOND
}

fn memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"))
    {
        println!("{line}");
    }
}
