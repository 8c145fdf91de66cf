//! Editors of people's own in one document, with pages and programs that save.

mod emacs;
mod joined;
mod nvim;
mod scripted;

const EDITS: u32 = 100;
const SAVES: u32 = 10;

/// Characters that only one of those who edit ever types.
fn tags(first: u32, count: u32) -> impl Iterator<Item = char> {
    (0..count).filter_map(move |at| char::from_u32(first + at))
}

/// Each of these is there once.
fn each_once(text: &str, tags: impl Iterator<Item = char>) {
    let missing: Vec<(char, usize)> = tags
        .map(|tag| (tag, text.chars().filter(|one| *one == tag).count()))
        .filter(|(_, count)| *count != 1)
        .collect();
    assert!(missing.is_empty(), "not there once: {missing:?} in {text}");
}

fn seed(name: &str) -> u64 {
    let seed = std::env::var("SKEP_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    crate::world::note(&format!("{name}: SKEP_SEED={seed}"));
    seed
}
