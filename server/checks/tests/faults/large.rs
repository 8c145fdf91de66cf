//! Very many files and a very large one, and the death of the receiver half-way.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use checks::processes::{Circle, Picture, note, number};
use checks::text;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Everyday's run; a night's sets `SKEP_FILES=10000 SKEP_MIB=1024`.
const FILES: u64 = 500;
const MIB: u64 = 64;
/// How long a night's run may take for one of them.
const PATIENCE: Duration = Duration::from_secs(300);

fn is_equal(circle: &Circle) -> bool {
    circle.picture(0) == circle.picture(1)
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn many_files_arrive_though_the_receiver_dies_half_way() {
    let files = number("SKEP_FILES", FILES);
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let mut chance = StdRng::seed_from_u64(1);
    // They are made elsewhere and appear at once, as when a folder is moved into a share.
    let made = circle.computers[0].path("made");
    for file in 0..files {
        let folder = made.join(format!("{}", file % 20));
        fs::create_dir_all(&folder).expect("made");
        let mut content = vec![0; chance.random_range(1_000..8_000)];
        chance.fill(&mut content[..]);
        fs::write(folder.join(format!("{file}.bin")), content).expect("written");
    }
    fs::rename(&made, circle.folder(0).join("made")).expect("moved");
    let there = circle.folder(1);
    let some = usize::try_from(files / 4).expect("it fits");
    until("some have arrived", || Picture::of(&there).prints().count() > some);
    circle.computers[1].kill();
    let known: std::collections::BTreeSet<_> =
        circle.picture(0).prints().map(|(_, print)| print.to_owned()).collect();
    let came = circle.picture(1);
    assert!(came.prints().all(|(_, print)| known.contains(print)), "one is torn");
    note(&format!("killed with {} of {files} files there", came.prints().count()));
    circle.computers[1].start();
    until("all are there", || is_equal(&circle));
    circle.settled("with very many files");
}

/// How far the half-written file at a folder's root is filled, in bytes on disk.
fn filled(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let parts = fs::read_dir(folder).into_iter().flatten().flatten();
    let parts = parts.filter(|one| one.file_name().to_string_lossy().starts_with(".skep-t"));
    parts.filter_map(|one| one.metadata().ok()).map(|about| about.blocks() * 512).sum()
}

#[test]
fn a_large_file_goes_on_where_it_was_when_the_receiver_died() {
    let size = number("SKEP_MIB", MIB) << 20;
    let mut circle = Circle::new(&["Ana", "Bo"]);
    let path = circle.computers[0].path("made.bin");
    let mut content = vec![0; usize::try_from(size).expect("it fits")];
    StdRng::seed_from_u64(2).fill(&mut content[..]);
    fs::write(&path, content).expect("written");
    fs::rename(&path, circle.folder(0).join("large.bin")).expect("moved");
    let there = circle.folder(1);
    until("half of it has arrived", || {
        filled(&there) > size / 2 || there.join("large.bin").exists()
    });
    let died_in_time = !there.join("large.bin").exists();
    circle.computers[1].kill();
    let before = sent(&mut circle);
    circle.computers[1].start();
    until("it is there", || is_equal(&circle));
    circle.settled("with a very large file");
    let again = sent(&mut circle).saturating_sub(before);
    note(&format!("died in time: {died_in_time}; sent afterwards {again} of {size} bytes"));
    assert!(!died_in_time || again < size * 6 / 10, "{again} of {size} bytes were sent again");
}

/// Bytes that the first hive wrote to its sockets and files.
fn sent(circle: &mut Circle) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", circle.computers[0].pid()));
    let io = io.expect("a process's counts must be readable");
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    let bytes = line.and_then(|bytes| bytes.trim().parse().ok());
    bytes.unwrap_or_else(|| panic!("{}", text(&io.into())))
}
