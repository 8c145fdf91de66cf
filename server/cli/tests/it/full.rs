//! A full disk: editing goes on, the page is told at once, and all is saved when there is room.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use checks::Page;

use crate::world::{Home, eventually, holds, is_root, note, type_and_store};

/// A small disk of its own.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: PathBuf, bytes: u64) -> Option<Self> {
        if !is_root() {
            note("not tested: only root can mount a small disk");
            return None;
        }
        fs::create_dir_all(&folder).unwrap();
        let size = format!("size={bytes}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&folder);
        let output = mount.output().unwrap();
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            note(&format!("not tested: no small disk can be mounted here: {why}"));
            return None;
        }
        Some(Self(folder))
    }

    /// Takes all room but a little.
    fn fill(&self) {
        let mut ballast = fs::File::create(self.0.join("ballast")).unwrap();
        for size in [65_536, 4_096, 512, 1] {
            let block = vec![b'x'; size];
            while ballast.write_all(&block).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let output = Command::new("umount").arg("-l").arg(&self.0).output();
        if !output.is_ok_and(|output| output.status.success()) {
            note(&format!("{} stays mounted", self.0.display()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_the_data_is_full() {
    let home = Home::with_plan("plan\n");
    let Some(disk) = Disk::mount(home.hive.clone(), 12 << 20) else { return };
    let mut hive = home.serve();
    let room = home.room("Trip/plan.md");
    hive.share_is("in_step").await;
    let mut one = Page::join(1, &room).await;
    let mut two = Page::join(2, &room).await;
    type_and_store(&mut one, "before\n").await;
    disk.fill();
    // Each edit is small, and what is left of the journal's last block may still take some.
    let mut expected = "plan\nbefore\n".to_owned();
    while one.condition() == "live" {
        let line = format!("{}\n", "while it is full ".repeat(200));
        one.type_at_end(&line).await;
        expected.push_str(&line);
        one.listen(std::time::Duration::from_millis(20)).await;
        assert!(expected.len() < 10_000_000, "the disk takes all: {:?}", one.conditions);
    }
    assert_eq!(one.condition(), "disk_full");
    let told = one.conditions.last().unwrap();
    assert_eq!(told["state"], "unsaved");
    assert!(told["hint"].as_str().is_some_and(|hint| hint.contains("Make room")), "{told}");
    one.type_at_end("still typing\n").await;
    expected.push_str("still typing\n");
    two.until("the other page sees it", |page| page.text() == expected).await;
    assert!(!one.is_saved());
    let status = hive.owner("GET", "/api/v1/me").await.send().await;
    assert_eq!(status.status, 200, "reading goes on: {status:?}");
    let refused = home.skep(&["share", "Trip", "--edit"]);
    refused.is(1, "full");

    disk.make_room();
    one.until("it is saved by itself", |page| page.is_saved() && page.condition() == "live").await;
    holds(&home.path("Trip/plan.md"), &expected).await;
    hive.kill();
    let hive = home.serve();
    let fresh = Page::join(3, &room.at(hive.address)).await;
    assert_eq!(fresh.text(), expected);
    drop(hive);

    disk.fill();
    let hive = home.serve();
    assert_eq!(home.skep(&["cat", "Trip/plan.md"]).out, expected, "reading works all the same");
    disk.make_room();
    assert_eq!(hive.stop().0, Some(0));
    drop(home.serve());
    assert!(!damaged(&home.hive), "a full disk is no damage");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_the_share_is_full() {
    let home = Home::new();
    let Some(disk) = Disk::mount(home.path("Trip"), 512 << 10) else { return };
    let start = "a line of the plan\n".repeat(5_000);
    let file = home.path("Trip/plan.md");
    fs::write(&file, &start).unwrap();
    let _hive = home.serve();
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    disk.fill();
    page.type_at_end("while it is full\n").await;
    page.until("it is stored all the same", |page| page.is_saved()).await;
    page.until("the page is told", |page| page.condition() == "file_disk_full").await;
    assert_eq!(fs::read_to_string(&file).unwrap(), start, "nothing torn under its name");
    page.type_at_end("and more\n").await;
    page.until("it is stored", |page| page.is_saved()).await;
    disk.make_room();
    let expected = format!("{start}while it is full\nand more\n");
    holds(&file, &expected).await;
    page.until("the page is told", |page| page.condition() == "live").await;
    let left = async || {
        let mut names = fs::read_dir(home.path("Trip")).unwrap().flatten();
        !names.any(|entry| entry.file_name().to_string_lossy().starts_with(".skep-t"))
    };
    eventually("no half-written file is left", left).await;
}

fn damaged(home: &Path) -> bool {
    let mut names = fs::read_dir(home.join("data")).unwrap().flatten();
    names.any(|entry| entry.file_name().to_string_lossy().contains("damaged"))
}
