//! Computers of friends who share one folder, each in a place of their own.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Computer, Picture, print_of};
use crate::text;

/// How long hives may take to end with the same after all can talk again.
const SETTLING: Duration = Duration::from_secs(40);
/// The folder that all share.
const FOLDER: &str = "Trip";

/// Friends; the first began the share.
pub struct Circle {
    pub computers: Vec<Computer>,
}

impl Circle {
    /// Starts a hive for each and makes them friends of the first, and members of its folder.
    ///
    /// # Panics
    /// If they do not become so.
    pub fn new(names: &[&str]) -> Self {
        let computers = names.iter().map(|name| Computer::new(name)).collect();
        Self::of(computers)
    }

    /// [`Circle::new`] with computers that are there already, and do not run.
    ///
    /// # Panics
    /// If they do not become friends.
    pub fn of(mut computers: Vec<Computer>) -> Self {
        for computer in &mut computers {
            computer.start();
        }
        computers[0].folder(FOLDER);
        let place = computers[0].path(FOLDER).display().to_string();
        for at in 1..computers.len() {
            let invitation = computers[0].json(&["friend", "invite", "--json"]);
            let link = text(&invitation["link"]);
            assert!(link.len() < 200, "{link}");
            computers[at].skep(&["friend", "add", &link]).is(0, &computers[0].name);
            let name = computers[at].name.clone();
            computers[0].skep(&["share", &place, "--with", &name, "--edit"]).is(0, "");
            let folder = computers[at].path(FOLDER).display().to_string();
            super::eventually("the folder is held out", || {
                computers[at].skep(&["offers"]).out.contains(FOLDER)
            });
            computers[at].skep(&["join", FOLDER, &folder]).is(0, "");
        }
        Self { computers }
    }

    pub fn folder(&self, at: usize) -> PathBuf {
        self.computers[at].path(FOLDER)
    }

    pub fn picture(&self, at: usize) -> Picture {
        Picture::of(&self.folder(at))
    }

    /// Waits until every folder is the same and every hive says so, and gives it.
    ///
    /// # Panics
    /// If that does not come to be.
    pub fn settled(&mut self, now: &str) -> Picture {
        let since = Instant::now();
        loop {
            let pictures: Vec<Picture> =
                (0..self.computers.len()).map(|at| self.picture(at)).collect();
            let equal = pictures.iter().all(|picture| *picture == pictures[0]);
            let said = equal.then(|| self.unsettled());
            if said.as_ref().is_some_and(Vec::is_empty) && self.picture(0) == pictures[0] {
                return pictures[0].clone();
            }
            if since.elapsed() > SETTLING {
                let differences: Vec<_> =
                    pictures.iter().map(|picture| pictures[0].difference(picture)).collect();
                let said = self.unsettled();
                panic!("{now}: they do not end with the same: {differences:#?} {said:#?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The contents that any of the hives can bring back.
    ///
    /// # Panics
    /// As [`history`] does.
    pub fn history(&mut self) -> BTreeSet<String> {
        self.computers.iter_mut().flat_map(history).collect()
    }

    /// What hives say of shares that are not in step with those whom they meet.
    fn unsettled(&self) -> Vec<Value> {
        let mut unsettled = Vec::new();
        for computer in &self.computers {
            let status = computer.json(&["status", "--json"]);
            let shares = status["share_list"].as_array().cloned().unwrap_or_default();
            let lags = |share: &Value| {
                let friends = share["friends"].as_array().into_iter().flatten();
                let mut friends = friends.filter(|friend| friend["friend"] == true);
                share["here"]["in_sync"] != true || friends.any(|friend| friend["in_sync"] != true)
            };
            unsettled.extend(shares.into_iter().filter(lags));
        }
        unsettled
    }
}

/// The contents that a hive can bring back: of every file that is or was there. Each is read.
///
/// # Panics
/// If one that is said to be kept cannot be read, or is another.
pub fn history(computer: &mut Computer) -> BTreeSet<String> {
    let mut prints = BTreeSet::new();
    for share in computer.get("/api/v1/shares").as_array().cloned().unwrap_or_default() {
        let id = text(&share["id"]);
        let mut files: Vec<String> = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let place = format!("/api/v1/shares/{id}/files?limit=5000&folder={}", query(&folder));
            for entry in computer.get(&place)["entries"].as_array().into_iter().flatten() {
                match text(&entry["kind"]).as_str() {
                    "folder" => folders.push(text(&entry["path"])),
                    "file" => files.push(text(&entry["id"])),
                    _ => {}
                }
            }
        }
        let trash = computer.get(&format!("/api/v1/shares/{id}/trash"));
        let gone = trash.as_array().into_iter().flatten().filter(|one| one["kind"] == "file");
        files.extend(gone.map(|one| text(&one["file"])));
        for file in files {
            let versions = computer.get(&format!("/api/v1/files/{file}/versions"));
            for version in versions.as_array().into_iter().flatten() {
                if version["kept"] != true && version["current"] != true {
                    continue;
                }
                let raw = format!("/api/v1/files/{file}/versions/{}/raw", version["id"]);
                let content = computer.call("GET", &raw, None);
                let found = print_of(&content.body);
                assert_eq!(found, text(&version["hash"]), "{}: {version}", computer.name);
                prints.insert(found);
            }
        }
    }
    prints
}

/// A text as it stands in an address.
fn query(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
