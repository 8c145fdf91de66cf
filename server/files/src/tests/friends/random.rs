//! Random people in two hives end with the same, whatever the seed.

use rand::RngExt;

use super::*;

/// What random people do; a step that is not possible is left out.
fn do_something(home: &Home, chance: &mut StdRng, number: u32) {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let mut pick = || NAMES[chance.random_range(0..NAMES.len())];
    let mut path = |folders: usize| {
        let names: Vec<&str> = (0..=folders).map(|_| pick()).collect();
        home.path(&names.join("/"))
    };
    let (one, two) = (path(number as usize % 3), path(number as usize / 3 % 3));
    let done = match chance.random_range(0..10) {
        0 | 1 => fs::create_dir_all(&one),
        2..=4 => fs::write(&one, format!("content {number}\nof {}\n", chance.random_range(0..3))),
        5 | 6 => fs::rename(&one, &two),
        7 => fs::remove_file(&one),
        8 => fs::remove_dir_all(&one),
        _ => fs::read(&one).and_then(|mut bytes| {
            bytes.extend_from_slice(format!("line {number}\n").as_bytes());
            fs::write(&one, bytes)
        }),
    };
    drop(done);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_people_end_with_the_same() {
    let runs = std::env::var("SKEP_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(2_u64);
    let first = std::env::var("SKEP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + runs {
        println!("SKEP_SEED={seed}");
        let mut chance = StdRng::seed_from_u64(seed);
        let mut pair = Pair::new().await;
        for number in 0..40 {
            let home = if chance.random_bool(0.5) { &pair.one } else { &pair.two };
            do_something(home, &mut chance, number);
            if chance.random_bool(0.3) {
                pair.hand_over().await;
            }
        }
        pair.meet().await;
        for home in [&pair.one, &pair.two] {
            let on_disk: Vec<String> = tree_of(home).into_keys().collect();
            let mut known = home.paths(pair.share);
            known.retain(|path| !path.starts_with(".skep-"));
            assert_eq!(known, on_disk, "seed {seed}");
        }
    }
}
