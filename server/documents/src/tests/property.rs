//! Three clients and another program change one document at once; lines break, rooms are forgotten,
//! the hive is killed. In the end all have the same text and nothing was lost or doubled.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Duration;
use types::Right;

use super::client::Client;
use super::world::{World, eventually, file, member, quick};
use crate::Limits;

const CLIENTS: usize = 3;
const CASES: u64 = 200;
const LANES: usize = 6;
const STEPS: usize = 60;

#[test]
fn nothing_is_lost_or_doubled() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("SKEP_SEED").unwrap_or(1);
    let cases = number("SKEP_CASES").unwrap_or(CASES);
    // A case mostly waits, so several run at once.
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                for seed in (first..first + cases).skip(lane).step_by(LANES) {
                    let seed_is_shown = Shown(seed);
                    run(seed);
                    drop(seed_is_shown);
                }
            });
        }
    });
}

/// Says which seed it was if the test fails.
pub(super) struct Shown(pub(super) u64);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it failed with SKEP_SEED={} SKEP_CASES=1", self.0);
        }
    }
}

fn run(seed: u64) {
    let driver = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    driver.block_on(async {
        let mut case = Case::new(seed);
        for _ in 0..STEPS {
            case.step().await;
        }
        case.end().await;
    });
}

struct Case {
    chance: StdRng,
    world: World,
    clients: Vec<Client>,
    /// Each insert holds characters that occur nowhere else.
    unique: u32,
    inserted: BTreeSet<char>,
    deleted: BTreeSet<char>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        // Another program that is slow on a busy machine must still be waited for.
        let world = World::new(Limits { doubt: Duration::from_secs(3), ..quick() });
        world.disk.slow.store(chance.random_bool(0.5), Ordering::SeqCst);
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::new(chance.random())).collect();
        clients.iter_mut().for_each(|client| client.synced = false);
        let mut case = Self {
            chance,
            world,
            clients,
            unique: 0,
            inserted: BTreeSet::new(),
            deleted: BTreeSet::new(),
        };
        let start = case.some_text();
        case.world.disk.put(file(1), start.as_bytes());
        case
    }

    async fn step(&mut self) {
        let who = self.chance.random_range(0..CLIENTS);
        match self.chance.random_range(0..100) {
            0..45 => self.edit(who).await,
            45..60 => self.clients[who].pump().await,
            60..66 => self.connect(who).await,
            66..71 => self.clients[who].leave(),
            71..83 => self.change_disk().await,
            83..85 => self.world.kill().await,
            85..87 => self.half_write().await,
            87..90 => {
                // So long that a room without connections may be forgotten.
                tokio::time::sleep(Duration::from_millis(self.chance.random_range(0..30))).await;
            }
            90..92 => drop(self.world.documents.settle(file(1)).await),
            _ => tokio::time::sleep(Duration::from_millis(self.chance.random_range(0..8))).await,
        }
    }

    async fn connect(&mut self, who: usize) {
        let person = member(u8::try_from(who).unwrap(), Right::Edit);
        self.clients[who].connect(&self.world.documents, file(1), person).await.unwrap();
    }

    /// A client edits; one that never had the document waits until it does, as pages do.
    async fn edit(&mut self, who: usize) {
        self.clients[who].pump().await;
        if self.clients[who].generation.is_none() || self.clients[who].units() == 0 {
            return;
        }
        let text = self.clients[who].text();
        let starts = boundaries(&text);
        let from = self.chance.random_range(0..starts.len());
        let (mut at, mut delete) = (starts[from], 0);
        let mut insert = String::new();
        if self.chance.random_bool(0.3) {
            let to = (from + self.chance.random_range(1..4)).min(starts.len() - 1);
            delete = starts[to] - at;
            let removed: String = text.chars().skip(from).take(to - from).collect();
            self.deleted.extend(removed.chars());
        }
        if delete == 0 || self.chance.random_bool(0.3) {
            insert = self.some_text();
        }
        if self.chance.random_bool(0.05) {
            at = 0;
            delete = 0;
        }
        self.clients[who].edit(at, delete, &insert).await;
    }

    /// Another program reads the file, changes something, and writes it back.
    async fn change_disk(&mut self) {
        let insert = self.some_text();
        let (pick, much) = (self.chance.random::<u32>() as usize, self.chance.random_range(0..4));
        let deleted = &mut self.deleted;
        self.world.disk.change(file(1), |text| {
            let chars: Vec<char> = text.chars().collect();
            let from = pick % (chars.len() + 1);
            let to = (from + much).min(chars.len());
            deleted.extend(&chars[from..to]);
            *text = chars[..from].iter().collect::<String>()
                + &insert
                + &chars[to..].iter().collect::<String>();
        });
        if self.chance.random_bool(0.8) {
            self.world.documents.disk_changed(file(1)).await;
        }
    }

    /// Another program empties the file before it writes it anew.
    async fn half_write(&mut self) {
        let mut whole = String::new();
        self.world.disk.change(file(1), |text| whole = std::mem::take(text));
        self.world.documents.disk_changed(file(1)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.world.disk.change(file(1), |text| text.clone_from(&whole));
        self.world.documents.disk_changed(file(1)).await;
    }

    async fn end(mut self) {
        for who in 0..CLIENTS {
            self.connect(who).await;
        }
        self.world.documents.disk_changed(file(1)).await;
        let mut before = String::new();
        eventually("all have the same text", async || {
            for client in &mut self.clients {
                client.pump().await;
            }
            let text = self.clients[0].text();
            let same = self.clients.iter().all(|client| client.text() == text && client.is_saved())
                && self.world.disk.text(file(1)) == text;
            // Twice in a row, so that nothing is still on its way.
            let still = same && before == text;
            before = if same { text } else { "\0".to_owned() };
            if same && !still {
                let settled = self.world.documents.settle(file(1)).await;
                assert!(settled.is_ok(), "{settled:?}");
            }
            still
        })
        .await;
        self.check(&before);
        self.world.kill_all().await;
        let documents = &self.world.documents;
        assert_eq!(documents.open(file(1)).await.unwrap().condition, crate::Condition::Live);
        assert_eq!(documents.text(file(1)).await.unwrap(), before);
        assert_eq!(self.world.disk.text(file(1)), before);
    }

    fn check(&self, text: &str) {
        for unique in &self.inserted {
            let times = text.chars().filter(|found| found == unique).count();
            let expected = usize::from(!self.deleted.contains(unique));
            let fits = times == expected || (times == 0 && expected == 0);
            assert!(fits || (times <= 1 && expected == 0), "{unique:?} is there {times} times");
        }
    }

    fn some_text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.chance.random_range(1..4) {
            // Above the basic plane every other time: two UTF-16 units.
            let base = if self.unique.is_multiple_of(2) { 0x1_0000 } else { 0x4e00 };
            let unique = char::from_u32(base + self.unique).unwrap();
            self.unique += 1;
            self.inserted.insert(unique);
            text.push(unique);
            for _ in 0..self.chance.random_range(0..3) {
                text.push(['a', 'b', ' ', '\n', 'é'][self.chance.random_range(0..5)]);
            }
        }
        text
    }
}

/// UTF-16 offsets between characters, the end included.
fn boundaries(text: &str) -> Vec<u32> {
    let mut at = 0;
    let mut found = vec![0];
    for character in text.chars() {
        at += u32::try_from(character.len_utf16()).unwrap();
        found.push(at);
    }
    found
}
