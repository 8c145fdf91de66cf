//! The file and the document: settling, other programs, files that are gone, torn or not text.

use std::sync::atomic::Ordering;

use tokio::time::Duration;
use types::Right;

use super::client::Client;
use super::world::{World, eventually, file, member, quick};
use crate::{Condition, DiskError, Error, Limits};

async fn one_client(world: &World) -> Client {
    let mut client = Client::new(11);
    client.connect(&world.documents, file(1), member(1, Right::Edit)).await.unwrap();
    eventually("the client is in step", async || {
        client.pump().await;
        client.is_saved()
    })
    .await;
    client
}

async fn has(client: &mut Client, text: &str) {
    eventually(&format!("the client has {text:?}"), async || {
        client.pump().await;
        client.text() == text
    })
    .await;
}

async fn file_is(world: &World, bytes: &[u8]) {
    eventually(&format!("the file is {:?}", String::from_utf8_lossy(bytes)), async || {
        world.disk.get(file(1)).as_deref() == Some(bytes)
    })
    .await;
}

fn last_state(client: &Client) -> Option<&str> {
    client.conditions.last().and_then(|condition| condition["state"].as_str())
}

async fn told(client: &mut Client, state: &str, code: &str) {
    eventually(&format!("the client is told {state} {code}"), async || {
        client.pump().await;
        let last = client.conditions.last();
        last.is_some_and(|found| found["state"] == state && found["code"] == code)
    })
    .await;
}

#[tokio::test]
async fn what_another_program_writes_enters_as_the_smallest_change() {
    let world = World::new(quick());
    world.disk.put(file(1), b"one\ntwo\nthree\n");
    let mut client = one_client(&world).await;
    world.write(file(1), "one\n2 \u{1f44b}\nthree\nfour\n").await;
    has(&mut client, "one\n2 \u{1f44b}\nthree\nfour\n").await;
    client.type_at_end("five\n").await;
    file_is(&world, "one\n2 \u{1f44b}\nthree\nfour\nfive\n".as_bytes()).await;
}

#[tokio::test]
async fn mark_and_line_ends_of_the_file_are_kept_and_adopted() {
    let world = World::new(quick());
    world.disk.put(file(1), "\u{feff}one\r\ntwo\r\n".as_bytes());
    let mut client = one_client(&world).await;
    assert_eq!(client.text(), "one\ntwo\n");
    client.type_at_end("three\n").await;
    file_is(&world, "\u{feff}one\r\ntwo\r\nthree\r\n".as_bytes()).await;
    world.write(file(1), "one\ntwo\nthree\n").await;
    let writes = world.disk.writes.load(Ordering::SeqCst);
    client.type_at_end("four\n").await;
    file_is(&world, b"one\ntwo\nthree\nfour\n").await;
    assert_eq!(world.disk.writes.load(Ordering::SeqCst), writes + 1);
}

#[tokio::test]
async fn a_file_that_nobody_changed_is_not_written() {
    let world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world).await;
    world.documents.disk_changed(file(1)).await;
    client.edit(0, 0, "x").await;
    client.edit(0, 1, "").await;
    world.documents.settle(file(1)).await.unwrap();
    client.leave();
    eventually("the document is forgotten", async || world.documents.open_documents() == 0).await;
    assert_eq!(world.disk.text(file(1)), "text");
}

#[tokio::test]
async fn a_torn_file_is_waited_for() {
    let limits = Limits { doubt: Duration::from_millis(200), ..quick() };
    let world = World::new(limits);
    world.disk.put(file(1), "a long text\n".repeat(50).as_bytes());
    let mut client = one_client(&world).await;
    for torn in ["", "a lo"] {
        world.write(file(1), torn).await;
        world.documents.text(file(1)).await.unwrap();
        world.write(file(1), "a long text\n".repeat(50) + "and more\n").await;
        client.pump().await;
        assert!(client.text().len() > 500);
    }
    has(&mut client, &("a long text\n".repeat(50) + "and more\n")).await;
    world.write(file(1), "").await;
    has(&mut client, "").await;
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_made_again() {
    let world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world).await;
    world.disk.remove(file(1));
    world.documents.disk_changed(file(1)).await;
    told(&mut client, "read_only", "gone").await;
    client.type_at_end(" kept").await;
    eventually("the edit is kept in the hive", async || {
        client.pump().await;
        client.is_saved()
    })
    .await;
    assert!(matches!(world.documents.settle(file(1)).await, Err(Error::Gone)));
    assert_eq!(world.disk.get(file(1)), None);
    world.write(file(1), "new text").await;
    told(&mut client, "live", "").await;
    has(&mut client, "new text kept").await;
    file_is(&world, b"new text kept").await;
}

#[tokio::test]
async fn a_file_that_became_something_else_is_left_alone() {
    let world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world).await;
    world.write(file(1), b"\x00\x01binary").await;
    told(&mut client, "read_only", "binary").await;
    client.type_at_end(" kept").await;
    world.write(file(1), b"latin \xe9").await;
    told(&mut client, "read_only", "not_utf8").await;
    assert_eq!(world.disk.get(file(1)).unwrap(), b"latin \xe9");
    world.write(file(1), "text again").await;
    told(&mut client, "live", "").await;
    eventually("both changes are in the file", async || {
        client.pump().await;
        let text = world.disk.text(file(1));
        text == client.text() && text.contains(" kept") && text.contains(" again")
    })
    .await;
}

#[tokio::test]
async fn an_unwritable_file_follows_when_it_can() {
    let world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world).await;
    type Failure = (fn() -> DiskError, &'static str);
    let failures: [Failure; 4] = [
        (|| DiskError::Unwritable("not allowed".to_owned()), "unwritable"),
        (|| DiskError::Full, "file_disk_full"),
        (|| DiskError::Missing("not mounted".to_owned()), "share_missing"),
        (|| DiskError::Paused, "paused"),
    ];
    for (failure, code) in failures {
        world.disk.fail(Some(failure));
        client.type_at_end(code).await;
        told(&mut client, "unsaved", code).await;
        eventually("the hive has it nevertheless", async || {
            client.pump().await;
            client.is_saved()
        })
        .await;
        assert!(world.documents.settle(file(1)).await.is_err());
        world.disk.fail(None);
        file_is(&world, client.text().as_bytes()).await;
        told(&mut client, "live", "").await;
    }
}

#[tokio::test]
async fn a_closed_document_takes_in_what_happened_meanwhile() {
    let world = World::new(quick());
    world.disk.put(file(1), b"one\ntwo\n");
    let mut client = one_client(&world).await;
    client.leave();
    eventually("the document is forgotten", async || world.documents.open_documents() == 0).await;
    world.disk.put(file(1), b"one\n2\ntwo\n");
    client.edit(0, 0, "zero\n").await;
    client.connect(&world.documents, file(1), member(1, Right::Edit)).await.unwrap();
    has(&mut client, "zero\none\n2\ntwo\n").await;
    file_is(&world, b"zero\none\n2\ntwo\n").await;
    client.leave();
    eventually("the document is forgotten", async || world.documents.open_documents() == 0).await;
    world.disk.put(file(1), b"\0");
    assert!(matches!(world.documents.open(file(1)).await, Err(Error::Binary)));
}

#[tokio::test]
async fn a_kill_between_store_and_file_is_made_good_without_anybody() {
    let mut world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world).await;
    world.disk.fail(Some(|| DiskError::Unwritable("later".to_owned())));
    client.type_at_end(" saved").await;
    eventually("it is saved", async || {
        client.pump().await;
        client.is_saved()
    })
    .await;
    client.leave();
    world.kill_all().await;
    assert_eq!(world.disk.text(file(1)), "text");
    world.disk.fail(None);
    file_is(&world, b"text saved").await;
}

#[tokio::test]
async fn a_document_opens_with_its_condition() {
    let world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut client = one_client(&world).await;
    assert_eq!(last_state(&client), None);
    client.leave();
    eventually("the document is forgotten", async || world.documents.open_documents() == 0).await;
    world.disk.remove(file(1));
    let condition = world.documents.open(file(1)).await.unwrap().condition;
    assert!(matches!(condition, Condition::ReadOnly { code: "gone", .. }), "{condition:?}");
}

/// Documents that are settled late, so that an editor saves first.
fn patient() -> World {
    let late = Duration::from_secs(2);
    World::new(Limits { settle_after: late, settle_at_latest: late, ..quick() })
}

#[tokio::test]
async fn an_editor_that_saves_what_was_just_typed_doubles_nothing() {
    let world = patient();
    world.disk.put(file(1), b"one\n");
    let mut client = one_client(&world).await;
    for letter in ["a", "b", "c", "d"] {
        client.edit(0, 0, letter).await;
        eventually("it is durable", async || {
            client.pump().await;
            client.is_saved()
        })
        .await;
        // No two moments are one.
        tokio::time::sleep(Duration::from_millis(6)).await;
    }
    // Its buffer, two letters ago; then with what a formatter adds.
    world.write(file(1), "baone\n").await;
    file_is(&world, b"dcbaone\n").await;
    has(&mut client, "dcbaone\n").await;
    client.edit(0, 0, "efgh").await;
    eventually("it is durable", async || {
        client.pump().await;
        client.is_saved()
    })
    .await;
    world.write(file(1), "efghdcbaone\nlast\n").await;
    has(&mut client, "efghdcbaone\nlast\n").await;
    file_is(&world, b"efghdcbaone\nlast\n").await;
}

#[tokio::test]
async fn what_is_taken_back_by_another_program_stays_so_while_somebody_types() {
    let world = patient();
    world.disk.put(file(1), b"one\ntwo\n");
    let mut client = one_client(&world).await;
    world.write(file(1), "one\ntwo\nthree\n").await;
    has(&mut client, "one\ntwo\nthree\n").await;
    client.edit(0, 0, "x").await;
    world.write(file(1), "one\ntwo\n").await;
    has(&mut client, "xone\ntwo\n").await;
    file_is(&world, b"xone\ntwo\n").await;
}
