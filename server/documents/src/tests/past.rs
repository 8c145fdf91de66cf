//! What a document was at each moment, and who made it so.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Duration;
use types::{HOUR_MS, Hash, Right, Time};

use super::client::Client;
use super::world::{World, eventually, file, member, quick};
use crate::{How, Limits, Run, Told, name_moment, text_at};

/// Every edit is a moment.
fn fine() -> Limits {
    Limits { moment_pause: Duration::ZERO, ..quick() }
}

async fn joined(world: &World, id: u32, person: u8) -> Client {
    let mut client = Client::new(id);
    client.connect(&world.documents, file(1), member(person, Right::Edit)).await.unwrap();
    eventually("the client is in step", async || {
        client.pump().await;
        client.synced
    })
    .await;
    client
}

async fn saved(client: &mut Client) {
    eventually("it is saved", async || {
        client.pump().await;
        client.is_saved()
    })
    .await;
}

async fn told(world: &World) -> Told {
    world.documents.told(file(1)).await.unwrap().expect("a past")
}

/// The text at the end of each moment.
fn texts(told: &Told) -> Vec<String> {
    let last = |moment| told.strokes.iter().rposition(|stroke| stroke.moment == moment);
    let at = |moment| text_at(&told.runs, last(moment).map(|place| place as u32));
    (0..told.moments.len()).map(at).collect()
}

fn named(told: &Told) -> Vec<Option<String>> {
    told.strokes.iter().map(|stroke| stroke.author.name.clone()).collect()
}

#[tokio::test]
async fn a_past_tells_who_wrote_and_removed_what() {
    let world = World::new(fine());
    world.disk.put(file(1), b"eins\n");
    let mut one = joined(&world, 11, 1).await;
    assert_eq!(world.documents.told(file(1)).await.unwrap(), None, "nothing was changed yet");
    let mut two = joined(&world, 12, 2).await;
    one.type_at_end("zwei \u{1f44b}\n").await;
    saved(&mut one).await;
    eventually("it came", async || {
        two.pump().await;
        two.text() == "eins\nzwei \u{1f44b}\n"
    })
    .await;
    two.edit(0, 5, "").await;
    saved(&mut two).await;
    let past = told(&world).await;
    assert_eq!(texts(&past), ["eins\nzwei \u{1f44b}\n", "zwei \u{1f44b}\n"]);
    assert_eq!(text_at(&past.runs, None), "eins\n");
    let people: Vec<_> = past.strokes.iter().map(|stroke| stroke.author.person).collect();
    assert_eq!(people, [member(1, Right::Edit).person, member(2, Right::Edit).person]);
    let sizes: Vec<_> = past.strokes.iter().map(|stroke| (stroke.added, stroke.removed)).collect();
    assert_eq!(sizes, [(8, 0), (0, 5)]);
}

#[tokio::test]
async fn what_a_program_saved_is_a_moment_of_its_own() {
    let mut world = World::new(fine());
    world.disk.put(file(1), b"eins\n");
    let mut one = joined(&world, 11, 1).await;
    one.type_at_end("zwei\n").await;
    eventually("the file has it", async || world.disk.text(file(1)) == "eins\nzwei\n").await;
    world.write(file(1), "eins\nzwei\ndrei\n").await;
    eventually("it came", async || {
        one.pump().await;
        one.text() == "eins\nzwei\ndrei\n"
    })
    .await;
    eventually("it is told of", async || told(&world).await.moments.len() == 2).await;
    let past = told(&world).await;
    let last = &past.strokes[1].author;
    assert_eq!((last.how, last.source), (How::Saved, Some(Hash::of(b"eins\nzwei\ndrei\n"))));
    assert_eq!(past.moments[0].content, Some(Hash::of(b"eins\nzwei\n")));
    world.kill_all().await;
    assert_eq!(told(&world).await, past);
}

#[tokio::test]
async fn a_spell_of_typing_is_one_moment_of_all_who_typed() {
    let world = World::new(Limits { moment_pause: Duration::from_secs(60), ..quick() });
    world.disk.put(file(1), b"");
    let mut one = joined(&world, 11, 1).await;
    let mut two = joined(&world, 12, 2).await;
    for letter in ["a", "b", "c"] {
        one.type_at_end(letter).await;
        saved(&mut one).await;
        two.type_at_end(letter).await;
        saved(&mut two).await;
    }
    let past = told(&world).await;
    assert_eq!(past.moments.len(), 1);
    assert_eq!(named(&past), [member(1, Right::Edit).name, member(2, Right::Edit).name]);
    assert_eq!(past.strokes[0].added + past.strokes[1].added, 6);
}

/// Puts all moments a day back, all but the last within one span.
async fn grow_old(world: &World) {
    let old = |tx: &mut store::Tx| {
        let at = tx.now().plus(-48 * HOUR_MS).0;
        let sql = "UPDATE documents_moment SET at = ?1 + number, began = ?1 + number";
        tx.execute(sql, [at]).map(drop).map_err(store::Error::from)
    };
    world.store.write(old).await.unwrap();
    let thin = |tx: &mut store::Tx| crate::past::db::thin(tx, file(1));
    world.store.write(thin).await.unwrap();
}

#[tokio::test]
async fn old_moments_become_fewer_and_named_ones_stay() {
    let world = World::new(fine());
    world.disk.put(file(1), b"0");
    let mut one = joined(&world, 11, 1).await;
    for number in 1..=6 {
        one.edit(0, 1, &number.to_string()).await;
        saved(&mut one).await;
    }
    let past = told(&world).await;
    assert_eq!(texts(&past), ["1", "2", "3", "4", "5", "6"]);
    let at = past.moments[2].at;
    let name = move |tx: &mut store::Tx| name_moment(tx, file(1), at, Some("draft"));
    assert!(world.store.write(name).await.unwrap());
    let none = move |tx: &mut store::Tx| name_moment(tx, file(1), Time(1), Some("no"));
    assert!(!world.store.write(none).await.unwrap());
    grow_old(&world).await;
    let past = told(&world).await;
    assert_eq!(texts(&past), ["3", "6"]);
    assert_eq!(past.moments[0].name.as_deref(), Some("draft"));
    one.edit(0, 1, "7").await;
    saved(&mut one).await;
    assert_eq!(texts(&told(&world).await), ["3", "6", "7"]);
}

/// Random edits of three people and of the disk: each text that stood is in the past, in order, and
/// thinning changes nothing of what stays.
#[tokio::test]
async fn every_text_that_stood_is_found_again() {
    let seed = std::env::var("SKEP_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("SKEP_SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut world = World::new(fine());
    world.disk.put(file(1), "Anfang \u{1f41d}\n".as_bytes());
    let mut clients = Vec::new();
    for person in 1..=3 {
        clients.push(joined(&world, 20 + u32::from(person), person).await);
    }
    let mut stood = Vec::new();
    for step in 0..60 {
        if step == 30 {
            world.kill().await;
            clients.clear();
            for person in 1..=3 {
                clients.push(joined(&world, 30 + u32::from(person), person).await);
            }
        }
        if chance.random_range(0..8) == 0 {
            let before = world.documents.text(file(1)).await.unwrap();
            eventually("the file has it", async || world.disk.text(file(1)) == before).await;
            world.write(file(1), format!("{before}disk {step}\n")).await;
            eventually("it came", async || {
                world.documents.text(file(1)).await.unwrap().ends_with(&format!("{step}\n"))
            })
            .await;
        } else {
            let who = chance.random_range(0..clients.len());
            let one = &mut clients[who];
            let now = world.documents.text(file(1)).await.unwrap();
            eventually("in step", async || {
                one.pump().await;
                one.text() == now
            })
            .await;
            let units = one.units();
            let at = chance.random_range(0..=units);
            let delete = chance.random_range(0..=(units - at).min(5));
            one.edit(at, delete, ["", "x", "yz\n", "\u{e4}"][chance.random_range(0..4)]).await;
            saved(one).await;
        }
        stood.push(world.documents.text(file(1)).await.unwrap());
    }
    stood.dedup();
    let wanted = stood.last().unwrap().clone();
    eventually("all is told", async || texts(&told(&world).await).last() == Some(&wanted)).await;
    let past = told(&world).await;
    let found = texts(&past);
    let mut rest = found.iter();
    for text in &stood {
        assert!(rest.any(|one| one == text), "{text:?} is not in the past");
    }
    let alive = |run: &&Run| run.died.is_none();
    let now: String = past.runs.iter().filter(alive).map(|run| run.text.as_str()).collect();
    assert_eq!(now, wanted);
    grow_old(&world).await;
    assert_eq!(texts(&told(&world).await), [wanted]);
}
