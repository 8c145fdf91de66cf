//! What is acknowledged is durable; a store that fails is waited for; stopping saves everything.

use types::Right;

use super::client::Client;
use super::world::{World, eventually, file, member, quick};
use crate::{Error, Limits, renew_generations};

async fn one_client(world: &World, id: u32) -> Client {
    let mut client = Client::new(id);
    client.connect(&world.documents, file(1), member(1, Right::Edit)).await.unwrap();
    eventually("the client is in step", async || {
        client.pump().await;
        client.is_saved()
    })
    .await;
    client
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let mut world = World::new(quick());
    world.disk.put(file(1), b"");
    for round in 0..10 {
        let mut client = one_client(&world, 100 + round).await;
        client.type_at_end(&format!("line {round}\n")).await;
        eventually("it is acknowledged", async || {
            client.pump().await;
            client.is_saved()
        })
        .await;
        client.leave();
        if round % 3 == 0 {
            world.kill_all().await;
        } else {
            world.kill().await;
        }
        let text = world.documents.open(file(1)).await.map(|_| ());
        assert!(text.is_ok(), "{text:?}");
        let text = world.documents.text(file(1)).await.unwrap();
        assert_eq!(text.lines().count(), usize::try_from(round).unwrap() + 1);
    }
}

#[tokio::test]
async fn editing_goes_on_while_the_store_is_full() {
    let world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut one = one_client(&world, 11).await;
    let mut two = Client::new(12);
    two.connect(&world.documents, file(1), member(2, Right::Edit)).await.unwrap();
    world.fill_store(true).await;
    one.type_at_end(" unsaved").await;
    eventually("they are told", async || {
        one.pump().await;
        two.pump().await;
        let told = |client: &Client| {
            client.conditions.last().is_some_and(|last| last["state"] == "unsaved")
        };
        told(&one) && told(&two) && two.text() == "text unsaved"
    })
    .await;
    assert!(!one.is_saved());
    assert!(matches!(world.documents.settle(file(1)).await, Err(Error::Store(_))));
    assert_eq!(world.disk.text(file(1)), "text");
    world.write(file(1), "more text").await;
    world.fill_store(false).await;
    eventually("all is saved by itself", async || {
        one.pump().await;
        two.pump().await;
        let live = one.conditions.last().is_some_and(|last| last["state"] == "live");
        live && one.is_saved()
            && one.text() == "more text unsaved"
            && two.text() == "more text unsaved"
            && world.disk.text(file(1)) == "more text unsaved"
    })
    .await;
}

#[tokio::test]
async fn many_updates_are_merged_and_open_the_same() {
    let mut world = World::new(Limits { rows_max: 10, ..quick() });
    world.disk.put(file(1), b"");
    let mut client = one_client(&world, 11).await;
    for number in 0..60 {
        client.edit(0, u32::from(number % 4 == 3), &format!("{number}\n")).await;
        eventually("it is acknowledged", async || {
            client.pump().await;
            client.is_saved()
        })
        .await;
    }
    let rows = world.store.read(|view| {
        let rows: i64 =
            view.query_row("SELECT count(*) FROM documents_update", [], |row| row.get(0))?;
        Ok::<_, store::Error>(rows)
    });
    assert!(rows.await.unwrap() <= 11);
    let text = client.text();
    client.leave();
    world.kill_all().await;
    world.documents.open(file(1)).await.unwrap();
    assert_eq!(world.documents.text(file(1)).await.unwrap(), text);
}

#[tokio::test]
async fn a_document_with_many_updates_is_merged_and_forgotten() {
    let world = World::new(quick());
    world.disk.put(file(1), b"");
    let mut client = one_client(&world, 11).await;
    for number in 0..40 {
        client.type_at_end(&format!("{number}\n")).await;
        eventually("it is acknowledged", async || {
            client.pump().await;
            client.is_saved()
        })
        .await;
    }
    client.leave();
    eventually("the document is forgotten", async || world.documents.open_documents() == 0).await;
    assert_eq!(world.documents.text(file(1)).await.unwrap(), client.text());
}

#[tokio::test]
async fn stopping_saves_settles_and_says_goodbye() {
    let world = World::new(Limits {
        settle_after: std::time::Duration::from_secs(60),
        settle_at_latest: std::time::Duration::from_secs(60),
        ..quick()
    });
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world, 11).await;
    client.type_at_end(" at the last moment").await;
    world.documents.text(file(1)).await.unwrap();
    world.documents.stop().await;
    assert_eq!(world.disk.text(file(1)), "text at the last moment");
    eventually("the client is told", async || {
        client.pump().await;
        client.closed.as_ref().is_some_and(|(code, _)| *code == 1012)
    })
    .await;
    assert!(matches!(world.documents.open(file(1)).await, Err(Error::Stopped)));
    assert_eq!(world.documents.open_documents(), 0);
}

#[tokio::test]
async fn a_restored_database_gives_every_document_a_new_generation() {
    let mut world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world, 11).await;
    client.leave();
    let before = world.documents.open(file(1)).await.unwrap().generation;
    world.store.write(renew_generations).await.unwrap();
    world.kill().await;
    assert_ne!(world.documents.open(file(1)).await.unwrap().generation, before);
    let again = client.connect(&world.documents, file(1), member(1, Right::Edit)).await;
    assert!(matches!(again, Err(Error::OtherGeneration { .. })));
    assert_eq!(world.documents.text(file(1)).await.unwrap(), "text");
}
