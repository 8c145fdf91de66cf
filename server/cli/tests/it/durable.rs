//! What was shown as saved survives the death of the hive at any moment.

use std::fs;
use std::time::Duration;

use checks::Page;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::world::{Home, holds, note, type_and_store};

/// Hives that are killed at the same time, each in a thread of its own.
const LANES: u32 = 4;
const ROUNDS_PER_LANE: u32 = 25;
const SETTLING_ROUNDS_PER_LANE: u32 = 8;
/// The longest life of a hive that is killed at a random moment.
const LIFE_MS_MAX: u64 = 900;

fn in_lanes(lane: impl Fn(u32) + Sync) {
    let lane = &lane;
    std::thread::scope(|scope| {
        for number in 0..LANES {
            scope.spawn(move || lane(number));
        }
    });
}

fn run(lane: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(lane);
}

#[test]
fn nothing_that_is_acknowledged_is_lost_in_a_hundred_kills() {
    in_lanes(|lane| run(killed_after_each_word(lane)));
}

async fn killed_after_each_word(lane: u32) {
    let home = Home::with_plan("plan\n");
    let mut hive = home.serve();
    let address = hive.address;
    let room = home.room("Trip/plan.md");
    let mut page = Page::join(lane * 1_000 + 1, &room).await;
    let mut expected = "plan\n".to_owned();
    for round in 0..ROUNDS_PER_LANE {
        let line = format!("{lane}-{round}\n");
        type_and_store(&mut page, &line).await;
        hive.kill();
        expected.push_str(&line);
        hive = home.serve_at(address);
        let fresh = Page::join(lane * 1_000 + 100 + round, &room).await;
        assert_eq!(fresh.text(), expected, "lane {lane}, round {round}");
        page.connect(&room).await.unwrap();
        page.until("it is back", |page| page.synced && page.text() == fresh.text()).await;
        holds(&home.path("Trip/plan.md"), &expected).await;
    }
}

#[test]
fn a_file_is_never_torn_when_the_hive_dies_while_it_writes() {
    in_lanes(|lane| run(killed_at_random(lane)));
}

async fn killed_at_random(lane: u32) {
    let seed = u64::from(lane) + 77;
    let mut chance = StdRng::seed_from_u64(seed);
    // Long enough for a write to take its time.
    let mut text = "a line of the plan that stays as it is\n".repeat(8_000);
    let home = Home::with_plan(&text);
    let file = home.path("Trip/plan.md");
    let mut hive = home.serve();
    let address = hive.address;
    let room = home.room("Trip/plan.md");
    let mut page = Page::join(lane * 1_000 + 1, &room).await;
    let mut behind = 0;
    for round in 0..SETTLING_ROUNDS_PER_LANE {
        let mut current = vec![text.clone()];
        let life = Duration::from_millis(chance.random_range(20..LIFE_MS_MAX));
        let end = tokio::time::Instant::now() + life;
        let mut saved = text.len();
        while tokio::time::Instant::now() < end {
            let line = format!("{lane}-{round}-{}\n", current.len());
            page.type_at_end(&line).await;
            text.push_str(&line);
            current.push(text.clone());
            page.listen(Duration::from_millis(chance.random_range(0..60))).await;
            if page.is_saved() {
                saved = text.len();
            }
        }
        hive.kill();
        let on_disk = fs::read_to_string(&file).unwrap();
        let known = current.contains(&on_disk);
        assert!(known, "seed {seed}, round {round}: {} bytes were never current", on_disk.len());
        behind += usize::from(on_disk != text);

        hive = home.serve_at(address);
        let fresh = Page::join(lane * 1_000 + 100 + round, &room).await;
        let kept = fresh.text();
        assert!(kept.len() >= saved && text.starts_with(&kept), "seed {seed}, round {round}");
        page.connect(&room).await.unwrap();
        page.until("it is back", |page| page.synced && page.is_saved()).await;
        assert_eq!(page.text().len(), text.len(), "seed {seed}: lost or doubled");
        holds(&file, &text).await;
    }
    drop(hive);
    note(&format!(
        "seed {seed}: the file was behind at {behind} of {SETTLING_ROUNDS_PER_LANE} kills"
    ));
    no_parts_are_left(&home).await;
}

/// Half-written files of killed hives are tidied away by the next one.
async fn no_parts_are_left(home: &Home) {
    let mut hive = home.serve();
    hive.share_is("in_step").await;
    let names: Vec<_> = fs::read_dir(home.path("Trip"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "plan.md" && name != ".skep-share")
        .collect();
    assert!(names.is_empty(), "{names:?}");
}
