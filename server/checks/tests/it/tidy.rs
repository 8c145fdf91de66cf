//! The house keeps its shape: imports point one way, doors stay doors, files stay readable.

use std::fs;
use std::path::{Path, PathBuf};

/// What each crate may import of the house, from the ground up.
const LAYERS: [(&str, &[&str]); 14] = [
    ("types", &[]),
    ("store", &["types"]),
    ("people", &["types", "store", "tree"]),
    ("tree", &["types"]),
    ("files", &["types", "store", "tree"]),
    ("documents", &["types", "store"]),
    ("peers", &["types", "store"]),
    ("web", &["types", "store", "people", "files", "documents"]),
    ("hive", &["types", "store", "people", "tree", "files", "documents", "peers", "web"]),
    ("editors", &["hive"]),
    ("cli", &["hive", "editors"]),
    ("desktop", &["hive"]),
    ("checks", &["hive", "tree", "types"]),
    ("bench", &["hive", "types", "store", "documents"]),
];

/// Libraries that only these crates may name.
const DOORS: [(&str, &[&str]); 12] = [
    ("axum", &["web"]),
    ("rusqlite", &["store"]),
    ("notify", &["files", "editors"]),
    ("cap-std", &["files"]),
    ("yrs", &["documents", "editors", "bench", "checks"]),
    ("tokio-tungstenite", &["editors", "bench", "checks"]),
    ("tauri", &["desktop"]),
    ("keyring-core", &["hive"]),
    ("argon2", &["people"]),
    ("iroh", &["peers"]),
    ("iroh-relay", &["peers"]),
    ("netwatch", &["peers"]),
];

const BANNED_TEXTS: [&str; 6] = [
    "#[ignore",
    "#[should_panic",
    "thread_local!",
    "todo!(",
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
];
const BANNED_NAMES: [&str; 7] =
    ["mod.rs", "utils.rs", "util.rs", "common.rs", "helpers.rs", "manager.rs", "service.rs"];

const FILE_LINES_MAX: usize = 600;
const LINE_CHARS_MAX: usize = 100;
/// The route table reads best as a table.
const WIDE_FILES: [&str; 1] = ["routes.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every crate's name and folder.
fn crates() -> Vec<(String, PathBuf)> {
    let mut folders: Vec<PathBuf> = fs::read_dir(root().join("server"))
        .expect("the house must have a server")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.push(root().join("src-tauri"));
    folders
        .into_iter()
        .filter_map(|folder| {
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok()?;
            let name = manifest.lines().find_map(|line| line.strip_prefix("name = "))?;
            Some((name.trim_matches('"').to_owned(), folder))
        })
        .collect()
}

/// Names under `[dependencies]` and its target-specific kin, without those of tests.
fn dependencies(folder: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("it must be readable");
    let mut section = String::new();
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        } else if section.ends_with("dependencies]")
            && !section.contains("dev-")
            && let Some((name, _)) = line.split_once(['.', ' ', '='])
        {
            names.push(name.to_owned());
        }
    }
    names
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.join("src"), folder.join("tests")];
    while let Some(folder) = waiting.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn imports_point_one_way() {
    let house: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    for (name, folder) in crates() {
        let allowed = LAYERS.iter().find(|(known, _)| *known == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} has no place in LAYERS"));
        for import in dependencies(&folder).iter().filter(|import| house.contains(&import.as_str()))
        {
            assert!(allowed.contains(&import.as_str()), "{name} must not import {import}");
        }
    }
}

#[test]
fn each_danger_has_one_door() {
    for (name, folder) in crates() {
        for import in dependencies(&folder) {
            if let Some((_, owners)) = DOORS.iter().find(|(library, _)| *library == import) {
                assert!(owners.contains(&name.as_str()), "{name} must not use {import}");
            }
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut faults = Vec::new();
    for (_, folder) in crates() {
        for path in sources(&folder) {
            let text = fs::read_to_string(&path).expect("it must be readable");
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let mut fault = |what: String| faults.push(format!("{}: {what}", path.display()));
            if BANNED_NAMES.contains(&name) {
                fault("its name says nothing".to_owned());
            }
            if !text.starts_with("//! ") {
                fault("it must open with one sentence of what it is".to_owned());
            }
            if text.lines().count() > FILE_LINES_MAX {
                fault(format!("it has more than {FILE_LINES_MAX} lines"));
            }
            for (at, line) in text.lines().enumerate() {
                if line.chars().count() > LINE_CHARS_MAX && !WIDE_FILES.contains(&name) {
                    fault(format!("line {} is wider than {LINE_CHARS_MAX}", at + 1));
                }
                if let Some(banned) = BANNED_TEXTS.iter().find(|text| line.contains(**text))
                    && name != "tidy.rs"
                {
                    fault(format!("line {} has {banned}", at + 1));
                }
                let state = line.trim_start();
                // How the compiler is told of an allocator.
                let state = if state.contains("Jemalloc") { "" } else { state };
                if state.starts_with("static ") || state.starts_with("pub static ") {
                    fault(format!("line {} is state without an owner", at + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
