//! One document on two hives: they type together, are cut off, come back, and each disk follows.
//! Nothing is lost, nothing is doubled.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;
use types::{FileId, Hash, Right};

use super::client::Client;
use super::property::Shown;
use super::world::{World, eventually, file, member, quick};
use crate::{Connection, Error, Outgoing};

/// Each hive's seat in the other's room, and what goes between them.
struct Bridge(Vec<JoinHandle<()>>);

impl Drop for Bridge {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Bridge {
    fn is_up(&self) -> bool {
        self.0.iter().all(|half| !half.is_finished())
    }
}

/// Joins the rooms of two hives, the second of which gives its own document up if the two stand in
/// different generations, if the first's file ever held what the second's does.
async fn bridge(one: &World, two: &World, file: FileId, right: Right) -> Result<Bridge, Error> {
    let mut generation = one.documents.open(file).await?.generation;
    let second = two.documents.open(file).await?;
    if second.generation != generation {
        let given = one.documents.give(file, second.content).await?.ok_or(Error::Gone)?;
        two.documents.adopt(file, given).await?;
        generation = two.documents.open(file).await?.generation;
    }
    let here = one.documents.link(file, member(102, right), generation).await?;
    let there = two.documents.link(file, member(101, Right::Edit), generation).await?;
    let Connection { to_room: to_one, from_room: from_one, .. } = here;
    let Connection { to_room: to_two, from_room: from_two, .. } = there;
    let carry = |mut from: crate::Receiver, to: crate::Sender| {
        tokio::spawn(async move {
            while let Some(Outgoing::Frame(frame)) = from.recv().await {
                if to.send(frame).await.is_err() {
                    return;
                }
            }
        })
    };
    Ok(Bridge(vec![carry(from_one, to_two), carry(from_two, to_one)]))
}

fn worlds() -> [World; 2] {
    [World::by_chance(quick(), 1), World::by_chance(quick(), 2)]
}

async fn client(world: &World, file: FileId, number: u8) -> Client {
    let mut client = Client::new(u32::from(number) + 10);
    client.connect(&world.documents, file, member(number, Right::Edit)).await.unwrap();
    eventually("it is read", async || {
        client.pump().await;
        client.synced
    })
    .await;
    client
}

/// Waits until all clients show the same text and both disks hold it.
async fn agree(one: &World, two: &World, clients: &mut [&mut Client], file: FileId) -> String {
    eventually("all show and hold the same", async || {
        for client in clients.iter_mut() {
            client.pump().await;
        }
        let text = one.documents.text(file).await.unwrap();
        let on_disk = |world: &World| world.disk.text(file) == text;
        clients.iter().all(|client| client.text() == text) && on_disk(one) && on_disk(two)
    })
    .await;
    one.documents.text(file).await.unwrap()
}

#[tokio::test]
async fn two_hives_type_together_apart_and_together_again() {
    let [one, two] = worlds();
    let file = file(1);
    let begin = "first line\nlast line\n";
    one.write(file, begin).await;
    two.write(file, begin).await;
    let mut ana = client(&one, file, 1).await;
    let mut bo = client(&two, file, 2).await;
    let link = bridge(&one, &two, file, Right::Edit).await.unwrap();
    eventually("the second's people are told to come back", async || {
        bo.pump().await;
        bo.closed.as_ref().is_some_and(|(code, _)| *code == crate::close::OTHER_GENERATION)
    })
    .await;
    let mut bo = client(&two, file, 2).await;
    ana.edit(0, 0, "Ana: ").await;
    eventually("the other sees it", async || {
        bo.pump().await;
        bo.text().starts_with("Ana: ")
    })
    .await;
    bo.type_at_end("Bo was here\n").await;
    let text = agree(&one, &two, &mut [&mut ana, &mut bo], file).await;
    assert_eq!(text, "Ana: first line\nlast line\nBo was here\n");

    drop(link);
    ana.edit(0, 0, "1").await;
    bo.edit(0, 0, "2").await;
    two.write(file, format!("{}by another program\n", two.disk.text(file))).await;
    eventually("each disk has its own", async || {
        ana.pump().await;
        bo.pump().await;
        one.disk.text(file).starts_with('1')
            && two.disk.text(file).starts_with('2')
            && bo.text().ends_with("program\n")
    })
    .await;
    let _link = bridge(&one, &two, file, Right::Edit).await.unwrap();
    let text = agree(&one, &two, &mut [&mut ana, &mut bo], file).await;
    let (both, rest) = text.split_at(2);
    assert!(["12", "21"].contains(&both), "{text:?}");
    assert_eq!(rest, "Ana: first line\nlast line\nBo was here\nby another program\n");
}

#[tokio::test]
async fn documents_whose_files_stand_apart_are_not_made_one() {
    let [one, two] = worlds();
    let file = file(1);
    one.write(file, "a\nb\n").await;
    two.write(file, "a\nb and more\n").await;
    let mut ana = client(&one, file, 1).await;
    assert!(bridge(&one, &two, file, Right::Edit).await.is_err());
    // The files come together first.
    one.write(file, "a\nb and more\n").await;
    eventually("the first document has it", async || {
        ana.pump().await;
        ana.text().ends_with("more\n")
    })
    .await;
    let mut link = None;
    eventually("they become one", async || {
        link = bridge(&one, &two, file, Right::Edit).await.ok();
        link.is_some()
    })
    .await;
    ana.type_at_end("c\n").await;
    assert_eq!(agree(&one, &two, &mut [&mut ana], file).await, "a\nb and more\nc\n");
}

#[tokio::test]
async fn a_client_that_names_no_generation_is_known_by_its_edits() {
    let [one, two] = worlds();
    let file = file(1);
    one.write(file, "one\n").await;
    two.write(file, "one\n").await;
    // A stock client does not say which generation it knows.
    let mut stock = client(&two, file, 2).await;
    stock.type_at_end("two\n").await;
    one.write(file, "one\ntwo\n").await;
    eventually("both files hold it", async || {
        stock.pump().await;
        let first = one.documents.open(file).await.unwrap().content;
        two.disk.text(file) == "one\ntwo\n" && first == Hash::of(b"one\ntwo\n")
    })
    .await;
    let _link = bridge(&one, &two, file, Right::Edit).await.unwrap();
    stock.generation = None;
    stock.connect(&two.documents, file, member(2, Right::Edit)).await.unwrap();
    eventually("it is told to open the document again", async || {
        stock.pump().await;
        stock.closed.as_ref().is_some_and(|(code, _)| *code == crate::close::OTHER_GENERATION)
    })
    .await;
    assert_eq!(agree(&one, &two, &mut [], file).await, "one\ntwo\n");
}

#[tokio::test]
async fn each_hive_knows_which_contents_of_the_other_its_document_holds() {
    let [one, two] = worlds();
    let file = file(1);
    one.write(file, "x\n").await;
    two.write(file, "x\n").await;
    let mut ana = client(&one, file, 1).await;
    let _link = bridge(&one, &two, file, Right::Edit).await.unwrap();
    ana.edit(0, 0, "more ").await;
    let held = vec![Hash::of(b"more x\n")];
    eventually("the second holds what stands in the first's file", async || {
        ana.pump().await;
        two.documents.takes_in(file, held.clone()).await.unwrap()
    })
    .await;
    eventually("and its file follows at once", async || two.disk.text(file) == "more x\n").await;
    let strange = vec![Hash::of(b"somebody else's")];
    assert!(!two.documents.takes_in(file, strange).await.unwrap());
}

#[tokio::test]
async fn who_may_only_view_changes_nothing_on_the_other_hive() {
    let [one, two] = worlds();
    let file = file(1);
    one.write(file, "theirs\n").await;
    two.write(file, "theirs\n").await;
    let mut ana = client(&one, file, 1).await;
    let _link = bridge(&one, &two, file, Right::View).await.unwrap();
    let mut bo = client(&two, file, 2).await;
    bo.edit(0, 0, "mine, not ").await;
    ana.type_at_end("goes on\n").await;
    eventually("the viewer's hive hears what goes on", async || {
        ana.pump().await;
        bo.pump().await;
        bo.text().ends_with("goes on\n")
    })
    .await;
    assert_eq!(one.documents.text(file).await.unwrap(), "theirs\ngoes on\n");
    assert_eq!(ana.text(), "theirs\ngoes on\n");
}

#[tokio::test]
async fn text_that_came_as_a_file_ends_a_generation_that_others_have() {
    let [one, two] = worlds();
    let file = file(1);
    one.write(file, "x\n").await;
    two.write(file, "x\n").await;
    let mut ana = client(&one, file, 1).await;
    let link = bridge(&one, &two, file, Right::Edit).await.unwrap();
    let before = two.documents.open(file).await.unwrap().generation;
    drop(link);
    ana.edit(0, 0, "typed ").await;
    eventually("it is in the first's file", async || {
        ana.pump().await;
        one.disk.text(file) == "typed x\n"
    })
    .await;
    // The file reaches the second hive by another way than the edits.
    two.documents.end_generation(file).await.unwrap();
    assert_ne!(two.documents.open(file).await.unwrap().generation, before);
    two.write(file, "typed x\n").await;
    eventually("the second has it", async || {
        two.documents.open(file).await.unwrap().content == Hash::of(b"typed x\n")
    })
    .await;
    let _link = bridge(&one, &two, file, Right::Edit).await.unwrap();
    ana.type_at_end("end\n").await;
    assert_eq!(agree(&one, &two, &mut [&mut ana], file).await, "typed x\nend\n");
}

#[test]
fn cut_and_healed_at_random_nothing_is_lost_or_doubled() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("SKEP_SEED").unwrap_or(1);
    let cases = number("SKEP_CASES").unwrap_or(60);
    std::thread::scope(|scope| {
        for lane in 0..4 {
            scope.spawn(move || {
                for seed in (first..first + cases).skip(lane).step_by(4) {
                    let driver = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let shown = Shown(seed);
                    driver.unwrap().block_on(run(seed));
                    drop(shown);
                }
            });
        }
    });
}

/// How the two stood last; shown when a test fails.
#[derive(Debug, Default)]
struct Stand {
    linked: bool,
    documents: [String; 2],
    disks: [String; 2],
}

impl Drop for Stand {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?}\n{:?}\n{:?}", self.linked, self.documents, self.disks);
        }
    }
}

/// What the hives do with files that they cannot bring together as documents.
async fn merge_files(one: &World, two: &World, file: FileId) {
    for world in [one, two] {
        world.documents.settle(file).await.unwrap();
    }
    let mut text = one.disk.text(file);
    let missing: String = two.disk.text(file).chars().filter(|one| !text.contains(*one)).collect();
    text.push_str(&missing);
    for world in [one, two] {
        world.documents.end_generation(file).await.unwrap();
        world.write(file, &text).await;
    }
}

/// Two people and two other programs, each on a hive; the line breaks, hives are killed, documents
/// are forgotten. Every insert is a character that occurs nowhere else.
async fn run(seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut worlds = worlds();
    let file = file(1);
    let begin = "begin\nmiddle\nend\n";
    for world in &worlds {
        world.write(file, begin).await;
    }
    let mut clients: Vec<Option<Client>> = vec![None, None];
    let [one, two] = &worlds;
    let begun = bridge(one, two, file, Right::Edit).await;
    let mut link = Some(begun.unwrap());
    let mut unique = 0x4e00;
    let mut inserted = BTreeSet::new();
    for _ in 0..40 {
        let side = usize::from(chance.random_bool(0.5));
        match chance.random_range(0..10) {
            0..=4 => {
                if clients[side].is_none() {
                    let mut new = Client::new(chance.random());
                    let who = member(side as u8 + 1, Right::Edit);
                    if new.connect(&worlds[side].documents, file, who).await.is_ok() {
                        clients[side] = Some(new);
                    }
                }
                let Some(client) = &mut clients[side] else { continue };
                client.pump().await;
                if client.connection.is_none() {
                    clients[side] = None;
                    continue;
                }
                if !client.synced {
                    continue;
                }
                unique += 1;
                let letter = char::from_u32(unique).unwrap();
                let at = chance.random_range(0..=client.units());
                client.edit(at, 0, &letter.to_string()).await;
                eventually("it is durable", async || {
                    client.pump().await;
                    client.is_saved() || client.connection.is_none()
                })
                .await;
                if client.connection.is_some() {
                    inserted.insert(letter);
                }
            }
            5 => {
                unique += 1;
                let letter = char::from_u32(unique).unwrap();
                worlds[side].disk.change(file, |text| text.push(letter));
                worlds[side].documents.disk_changed(file).await;
                inserted.insert(letter);
            }
            6 => clients[side] = None,
            7 => link = None,
            8 if chance.random_bool(0.3) => {
                link = None;
                clients[side] = None;
                worlds[side].kill().await;
            }
            _ => {
                if link.as_ref().is_none_or(|link| !link.is_up()) {
                    let [one, two] = &worlds;
                    link = bridge(one, two, file, Right::Edit).await.ok();
                }
            }
        }
    }
    clients.iter_mut().for_each(|client| *client = None);
    drop(link);
    let [one, two] = &worlds;
    let mut last = None;
    let mut stand = Stand::default();
    eventually("the two are one again", async || {
        if last.as_ref().is_none_or(|last: &Bridge| !last.is_up()) {
            last = bridge(one, two, file, Right::Edit).await.ok();
            if last.is_none() {
                merge_files(one, two, file).await;
            }
        }
        stand = Stand {
            linked: last.is_some(),
            documents: [
                one.documents.text(file).await.unwrap(),
                two.documents.text(file).await.unwrap(),
            ],
            disks: [one.disk.text(file), two.disk.text(file)],
        };
        let has = |letter: &char| stand.disks[0].contains(*letter);
        stand.linked
            && stand.documents[0] == stand.documents[1]
            && stand.disks[0] == stand.disks[1]
            && inserted.iter().all(has)
    })
    .await;
    let text = one.disk.text(file);
    let letters = text.chars().filter(|letter| *letter as u32 >= 0x4e00);
    let (mut seen, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for letter in letters {
        if !seen.insert(letter) {
            twice.insert(letter);
        }
    }
    assert!(twice.is_empty(), "seed {seed}: doubled {twice:?} in {text:?}");
    for (side, other) in [(one, two), (two, one)] {
        for (content, holds) in side.disk.claims(&other.disk) {
            for held in holds {
                let has = held.chars().all(|letter| content.contains(letter));
                assert!(has, "seed {seed}: {content:?} was told to hold {held:?}");
            }
        }
    }
}
