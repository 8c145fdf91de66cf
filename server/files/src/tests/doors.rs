//! Reading and writing: whole or not at all, never over what another program saved, never outside.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::AtomicBool;

use rand::Rng;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_write_replaces_the_file_and_its_row_and_echoes_nothing() {
    let mut home = Home::new().await;
    home.put("plan.md", "one");
    fs::set_permissions(home.path("plan.md"), fs::Permissions::from_mode(0o640)).expect("mode");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    home.told_so_far();
    let person = types::PersonId::from_bytes([7; 16]);
    let mut stamp = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads").stamp;
    for round in 0..20 {
        let text = format!("round {round}");
        stamp = home
            .handle
            .write(id, text.clone().into_bytes(), stamp, Some(person))
            .await
            .expect("it writes");
        let entry = home.at_path(share, "plan.md").expect("known");
        assert_eq!((entry.size, entry.changed_by), (text.len() as u64, Some(person)));
        assert_eq!(fs::read_to_string(home.path("plan.md")).expect("it reads"), text);
    }
    let read = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads");
    assert_eq!(read.stamp, stamp);
    home.put("last.txt", "the last event");
    home.entry(share, "last.txt", |_| true).await;
    home.rescan(share).await;
    let told = home.told_so_far();
    assert!(told.iter().all(|entry| entry.path == rel("last.txt")), "{told:?}");
    let mode = fs::metadata(home.path("plan.md")).expect("it is there").mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(home.paths(share), ["last.txt", "plan.md"]);
    assert_eq!(fs::read_dir(home.path("")).expect("it lists").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_saved_is_never_overwritten() {
    let home = Home::new().await;
    home.put("plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    let stamp = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads").stamp;
    home.put("plan.md", "two");
    let written = home.handle.write(id, b"mine".to_vec(), stamp, None).await;
    assert!(matches!(written, Err(Error::Changed)), "{written:?}");
    assert_eq!(fs::read(home.path("plan.md")).expect("it reads"), b"two");
    // The same content is the same content, whoever wrote it when.
    home.put("plan.md", "one");
    home.handle.write(id, b"mine".to_vec(), stamp, None).await.expect("it writes");
    fs::remove_file(home.path("plan.md")).expect("removed");
    let written = home.handle.write(id, b"mine".to_vec(), stamp, None).await;
    assert!(matches!(written, Err(Error::Gone)), "{written:?}");
    assert!(!home.path("plan.md").exists());
}

/// Another program saves again and again while Skep writes: none of its saves may vanish between
/// Skep's check and its rename.
#[tokio::test(flavor = "multi_thread")]
async fn a_race_with_another_program_loses_no_save() {
    let home = Home::new().await;
    home.put("plan.md", "other 0");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    let (path, temporary) = (home.path("plan.md"), home.path(".other.tmp"));
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let other = std::thread::spawn(move || {
        let mut saves = 0;
        while !stopped.load(Ordering::Relaxed) {
            saves += 1;
            let own = format!("other {saves}");
            fs::write(&temporary, &own).expect("written");
            fs::rename(&temporary, &path).expect("renamed");
            // Its save is there, perhaps with what Skep added to it.
            let start = Instant::now();
            while fs::read_to_string(&path).expect("it reads").lines().next() != Some(&own) {
                assert!(start.elapsed() < PATIENCE, "save {saves} is lost");
            }
        }
    });
    let (mut written, mut refused) = (0, 0);
    while written < 20 && refused < 400 {
        let content = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads");
        let mut text = content.bytes.clone();
        text.extend_from_slice(format!("\nskep {written}").as_bytes());
        match home.handle.write(id, text, content.stamp, None).await {
            Ok(_) => written += 1,
            Err(Error::Changed) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    stop.store(true, Ordering::Relaxed);
    other.join().expect("no save was lost");
    for entry in fs::read_dir(home.path("")).expect("it lists") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(!name.starts_with(RelPath::TEMPORARY_PREFIX), "{name} is left over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_sees_the_old_content_or_the_new_one() {
    let home = Home::new().await;
    let contents = ["a".repeat(200_000), "b".repeat(300_000)];
    home.put("big.txt", &contents[0]);
    let share = home.share().await;
    let id = home.id(share, "big.txt");
    let path = home.path("big.txt");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let reader = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            let text = fs::read(&path).expect("it is always there");
            let first = text.first().copied();
            assert!(text.iter().all(|byte| Some(*byte) == first));
            assert!(matches!((first, text.len()), (Some(b'a'), 200_000) | (Some(b'b'), 300_000)));
        }
    });
    let mut stamp = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads").stamp;
    for round in 1..40 {
        let bytes = contents[round % 2].clone().into_bytes();
        stamp = home.handle.write(id, bytes, stamp, None).await.expect("it writes");
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().expect("no part was seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn making_a_file_never_replaces_one() {
    let home = Home::new().await;
    home.put("folder/plan.md", "one");
    let share = home.share().await;
    let make = |path: &str| home.handle.create(share, rel(path), b"new".to_vec(), None);
    let entry = make("folder/new.md").await.expect("made");
    assert_eq!((entry.path.as_str(), entry.size), ("folder/new.md", 3));
    assert_eq!(fs::read(home.path("folder/new.md")).expect("it reads"), b"new");
    for (path, wanted) in [("folder/plan.md", "Taken"), ("folder", "Taken"), ("no/new.md", "Gone")]
    {
        let made = make(path).await;
        let error = made.err().map(|error| format!("{error:?}"));
        assert_eq!(error.as_deref(), Some(wanted), "{path}");
    }
    for path in ["con.txt", "a:b", "ends.", ".skep-share", ".skep-part-x"] {
        assert!(matches!(make(path).await, Err(Error::BadPath(_))), "{path}");
    }
    assert_eq!(fs::read(home.path("folder/plan.md")).expect("it reads"), b"one");
    symlink("absent", home.path("dangling")).expect("a link");
    assert!(matches!(make("dangling").await, Err(Error::Taken)));
    // A row that a removal left behind gives its id back.
    fs::remove_file(home.path("folder/new.md")).expect("removed");
    home.gone(share, "folder/new.md").await;
    assert_eq!(make("folder/new.md").await.expect("made again").id, entry.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_listed_and_never_followed() {
    let home = Home::new().await;
    let outside = home.folder.path().join("outside");
    put(&outside.join("secret.txt"), "secret");
    home.put("real/inside.txt", "inside");
    symlink(outside.join("secret.txt"), home.path("file-link")).expect("a link");
    symlink(&outside, home.path("folder-link")).expect("a link");
    symlink("real", home.path("inner-link")).expect("a link");
    symlink("..", home.path("up")).expect("a link");
    let share = home.share().await;
    assert_eq!(
        home.paths(share),
        ["file-link", "folder-link", "inner-link", "real", "real/inside.txt", "up"]
    );
    for name in ["file-link", "folder-link", "inner-link", "up"] {
        let entry = home.at_path(share, name).expect("known");
        assert_eq!(entry.kind, EntryKind::Link);
        assert!(matches!(home.handle.read(entry.id, 100).await, Err(Error::Unreadable { .. })));
        assert!(home.handle.open(entry.id).await.is_err());
    }
    for path in ["folder-link/new.txt", "inner-link/new.txt", "up/new.txt"] {
        let made = home.handle.create(share, rel(path), b"x".to_vec(), None).await;
        assert!(matches!(made, Err(Error::Gone)), "{path}: {made:?}");
    }
    assert_eq!(fs::read_dir(&outside).expect("it lists").count(), 1);
    // A known file turns into a link behind our back.
    let id = home.id(share, "real/inside.txt");
    home.handle.pause(true).await.expect("paused");
    let stamp = home.handle.read(id, 100).await.expect("it reads").stamp;
    fs::remove_file(home.path("real/inside.txt")).expect("removed");
    symlink(outside.join("secret.txt"), home.path("real/inside.txt")).expect("a link");
    assert!(matches!(home.handle.read(id, 100).await, Err(Error::Gone)));
    assert!(home.handle.open(id).await.is_err());
    assert!(home.handle.write(id, b"x".to_vec(), stamp, None).await.is_err());
    // And so does a known folder.
    fs::remove_dir_all(home.path("real")).expect("removed");
    put(&outside.join("inside.txt"), "inside");
    symlink(&outside, home.path("real")).expect("a link");
    assert!(matches!(home.handle.read(id, 100).await, Err(Error::Gone)));
    assert!(home.handle.write(id, b"x".to_vec(), stamp, None).await.is_err());
    assert_eq!(fs::read(outside.join("inside.txt")).expect("it reads"), b"inside");
}

/// A folder is swapped with a link to the outside all the time while Skep reads, writes and makes
/// files in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_swapped_with_a_link_leads_nowhere() {
    let home = Home::new().await;
    let outside = home.folder.path().join("outside");
    put(&outside.join("file.txt"), "secret");
    home.put("real/file.txt", "inside");
    let share = home.share().await;
    let id = home.id(share, "real/file.txt");
    home.handle.pause(true).await.expect("paused");
    let (real, aside, link) = (home.path("real"), home.path("aside"), home.path("link"));
    symlink(&outside, &link).expect("a link");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let swapper = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            fs::rename(&real, &aside).expect("aside");
            fs::rename(&link, &real).expect("the link in its place");
            fs::rename(&real, &link).expect("the link away");
            fs::rename(&aside, &real).expect("back");
        }
    });
    let mut stamp = None;
    for round in 0..300 {
        if let Ok(content) = home.handle.read(id, 100).await {
            assert_ne!(content.bytes, b"secret");
            stamp = Some(content.stamp);
        }
        if let Some(stamp) = stamp {
            drop(home.handle.write(id, format!("in {round}").into_bytes(), stamp, None).await);
        }
        let path = rel(&format!("real/new-{round}"));
        drop(home.handle.create(share, path, b"new".to_vec(), None).await);
    }
    stop.store(true, Ordering::Relaxed);
    swapper.join().expect("it ends");
    assert_eq!(fs::read(outside.join("file.txt")).expect("it reads"), b"secret");
    assert_eq!(fs::read_dir(&outside).expect("it lists").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_and_special_files_are_refused() {
    let home = Home::new().await;
    home.put("big.txt", "12345678901");
    let share = home.share().await;
    let id = home.id(share, "big.txt");
    let read = home.handle.read(id, 10).await;
    assert!(matches!(read, Err(Error::TooLarge { size: 11 })), "{read:?}");
    let mut open = home.handle.open(id).await.expect("it opens");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut open.file, &mut text).expect("it reads");
    assert_eq!((text.as_str(), open.size, open.entry.id), ("12345678901", 11, id));
    // A pipe under a known name must neither be read nor waited for.
    home.handle.pause(true).await.expect("paused");
    fs::remove_file(home.path("big.txt")).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(home.path("big.txt")).status();
    assert!(made.expect("mkfifo").success());
    assert!(matches!(home.handle.read(id, 100).await, Err(Error::Gone)));
    assert!(matches!(home.handle.open(id).await, Err(Error::Gone)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_or_read_only_place_is_unwritable() {
    let home = Home::new().await;
    home.put("folder/plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "folder/plan.md");
    let stamp = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads").stamp;
    let lock = |on: bool| lock(&home.path("folder"), on);
    if !lock(true) {
        println!("skipped: folders cannot be made unwritable here");
        return;
    }
    let written = home.handle.write(id, b"mine".to_vec(), stamp, None).await;
    let made = home.handle.create(share, rel("folder/new.md"), b"x".to_vec(), None).await;
    assert!(lock(false));
    assert!(matches!(written, Err(Error::Unwritable { .. })), "{written:?}");
    assert!(matches!(made, Err(Error::Unwritable { .. })), "{made:?}");
    assert_eq!(fs::read(home.path("folder/plan.md")).expect("it reads"), b"one");
    home.handle.write(id, b"mine".to_vec(), stamp, None).await.expect("it writes now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_the_old_content_and_no_rubbish() {
    let home = Home::new().await;
    let mounted = Mounted::new(&home.path(""), "size=256k");
    if mounted.is_none() {
        println!("skipped: only root can mount a small disk");
        return;
    }
    home.put("plan.md", "one");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    let stamp = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads").stamp;
    let written = home.handle.write(id, vec![b'x'; 400_000], stamp, None).await;
    assert!(matches!(written, Err(Error::Full)), "{written:?}");
    let made = home.handle.create(share, rel("big"), vec![b'x'; 400_000], None).await;
    assert!(matches!(made, Err(Error::Full)), "{made:?}");
    assert_eq!(fs::read(home.path("plan.md")).expect("it reads"), b"one");
    assert_eq!(fs::read_dir(home.path("")).expect("it lists").count(), 2);
    home.handle.write(id, vec![b'y'; 100_000], stamp, None).await.expect("there is room for it");
    home.handle.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmounted_disk_deletes_nothing() {
    let home = Home::new().await;
    let Some(mounted) = Mounted::new(&home.path(""), "size=1m") else {
        println!("skipped: only root can mount a disk");
        return;
    };
    home.put("plan.md", "one");
    let share = home.share().await;
    drop(mounted);
    assert!(home.handle.rescan(share, RelPath::root()).await.is_err());
    home.state(share, |state| matches!(state, State::Missing { .. })).await;
    assert_eq!(home.paths(share), ["plan.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_marker_that_is_empty_all_at_once_deletes_nothing() {
    let home = Home::new().await;
    home.put("plan.md", "one");
    if !lock(&home.path(""), true) {
        println!("skipped: folders cannot be made unwritable here");
        return;
    }
    let share = home.share().await;
    assert!(lock(&home.path(""), false));
    assert!(!home.path(RelPath::MARKER).exists());
    fs::rename(home.path("plan.md"), home.folder.path().join("aside")).expect("moved out");
    // The whole is looked at, as after a start.
    home.handle.pause(true).await.expect("paused");
    home.handle.pause(false).await.expect("resumed");
    let state = home.state(share, |state| matches!(state, State::Missing { .. })).await;
    assert!(matches!(&state, State::Missing { why } if why.contains("empty all at once")));
    assert_eq!(home.paths(share), ["plan.md"]);
    fs::rename(home.folder.path().join("aside"), home.path("plan.md")).expect("moved back");
    home.in_step(share).await;
    assert_eq!(home.paths(share), ["plan.md"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_an_earlier_run_left_half_written_is_removed() {
    let home = Home::new().await;
    let share = home.share().await;
    let ours = format!(".skep-part-{share}-00000000000000ab-0");
    let foreign = [
        ".skep-part-".to_owned(),
        ".skep-part-notes".to_owned(),
        format!(".skep-part-{share}"),
        format!(".skep-part-{share}-00000000000000ab-x"),
        ".skep-part-aaaaaaaaaaaaaaaaaaaaaaaaaa-00000000000000ab-0".to_owned(),
    ];
    home.put(&ours, "half");
    for name in &foreign {
        home.put(name, "not ours");
    }
    home.rescan(share).await;
    assert!(!home.path(&ours).exists());
    assert!(foreign.iter().all(|name| home.path(name).exists()));
    assert!(home.paths(share).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_kept_apart_or_counted() {
    let home = Home::new().await;
    let names = [
        "line\nbreak.txt",
        "caf\u{e9}.txt",
        "cafe\u{301}.txt",
        "Case.txt",
        "case.txt",
        "back\\slash",
        " space ",
        "\u{202e}txt.exe",
        "quote\"'",
        "-rf",
        "%2e%2e",
        "\u{1f41d}",
    ];
    for name in names {
        home.put(name, name);
    }
    let odd = std::ffi::OsStr::from_bytes(b"latin-\xe9.txt");
    fs::write(home.path("").join(odd), "odd").expect("written");
    let share = home.share().await;
    for name in names {
        let id = home.id(share, name);
        let content = home.handle.read(id, 100).await.expect("it reads");
        assert_eq!(content.bytes, name.as_bytes());
    }
    assert_eq!(home.paths(share).len(), names.len());
    let notes = home.handle.notes(share);
    assert!(notes.iter().any(|note| note.contains("1 files or folders")), "{notes:?}");
    fs::write(home.path("").join(odd), "odd and changed").expect("written");
    home.put("last.txt", "the last event");
    home.entry(share, "last.txt", |_| true).await;
    assert_eq!(home.paths(share).len(), names.len() + 1);
}

/// Random writes by Skep, random saves by another program: what is on disk at the end is always
/// what was saved last.
#[tokio::test(flavor = "multi_thread")]
async fn random_saves_from_both_sides_end_as_the_last_one() {
    let home = Home::new().await;
    home.put("plan.md", "0");
    let share = home.share().await;
    let id = home.id(share, "plan.md");
    let mut chance = StdRng::seed_from_u64(42);
    for round in 0..60_u32 {
        let text = "x".repeat((chance.next_u32() % 500) as usize) + &round.to_string();
        match chance.next_u32() % 3 {
            0 => home.put("plan.md", &text),
            1 => {
                home.put(".tmp", &text);
                fs::rename(home.path(".tmp"), home.path("plan.md")).expect("renamed");
            }
            _ => {
                let stamp = home.handle.read(id, TEXT_BYTES_MAX).await.expect("it reads").stamp;
                let bytes = text.clone().into_bytes();
                home.handle.write(id, bytes, stamp, None).await.expect("nobody else writes");
            }
        }
        assert_eq!(fs::read_to_string(home.path("plan.md")).expect("it reads"), text);
        let size = text.len() as u64;
        home.entry(share, "plan.md", |entry| entry.id == id && entry.size == size).await;
    }
}

/// Makes a folder unwritable, or writable again; for root, whom modes do not stop, by a flag.
fn lock(folder: &Path, on: bool) -> bool {
    if rustix::process::geteuid().is_root() {
        let flag = if on { "+i" } else { "-i" };
        let mut chattr = std::process::Command::new("chattr");
        let chattr = chattr.arg(flag).arg(folder).stderr(std::process::Stdio::null());
        return chattr.status().is_ok_and(|status| status.success());
    }
    let mode = fs::Permissions::from_mode(if on { 0o555 } else { 0o755 });
    fs::set_permissions(folder, mode).is_ok()
}

/// A small disk of its own, taken away at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn new(path: &Path, options: &str) -> Option<Self> {
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .stderr(std::process::Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "it stays mounted");
    }
}
