//! People in one document: text, pointers, rights, slow readers, generations.

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Duration;
use types::{Generation, Right};

use super::client::Client;
use super::world::{World, eventually, file, member, quick};
use crate::protocol;
use crate::varint::{push_bytes, push_uint};
use crate::{Error, Limits, Outgoing};

fn with_text(text: &str, limits: Limits) -> World {
    let world = World::new(limits);
    world.disk.put(file(1), text.as_bytes());
    world
}

async fn joined(world: &World, id: u32, person: u8, right: Right) -> Client {
    let mut client = Client::new(id);
    client.connect(&world.documents, file(1), member(person, right)).await.unwrap();
    eventually("the client is in step", async || {
        client.pump().await;
        client.synced
    })
    .await;
    client
}

fn awareness(client: u64, clock: u64, state: &str) -> bytes::Bytes {
    let mut body = Vec::new();
    push_uint(&mut body, 1);
    push_uint(&mut body, client);
    push_uint(&mut body, clock);
    push_bytes(&mut body, state.as_bytes());
    protocol::awareness(&body)
}

#[tokio::test]
async fn two_people_see_each_others_text_and_the_file_follows() {
    let world = with_text("eins\n", quick());
    let mut one = joined(&world, 11, 1, Right::Edit).await;
    let mut two = joined(&world, 12, 2, Right::Edit).await;
    one.type_at_end("zwei 👋\n").await;
    two.edit(0, 0, "null\n").await;
    eventually("all have both edits", async || {
        one.pump().await;
        two.pump().await;
        let text = "null\neins\nzwei 👋\n";
        one.text() == text && two.text() == text && world.disk.text(file(1)) == text
    })
    .await;
    eventually("both are told that it is saved", async || {
        one.pump().await;
        two.pump().await;
        one.is_saved() && two.is_saved()
    })
    .await;
}

#[tokio::test]
async fn a_viewers_edits_are_refused_until_the_right_is_given() {
    let world = with_text("text", quick());
    let mut editor = joined(&world, 11, 1, Right::Edit).await;
    let mut viewer = joined(&world, 12, 2, Right::Comment).await;
    viewer.edit(0, 0, "mine ").await;
    eventually("the viewer is told", async || {
        viewer.pump().await;
        viewer.was_denied
    })
    .await;
    assert_eq!(world.documents.text(file(1)).await.unwrap(), "text");
    world.documents.set_right(2, Some(Right::Edit));
    eventually("the hive asks for what it refused", async || {
        viewer.pump().await;
        editor.pump().await;
        editor.text() == "mine text"
    })
    .await;
    world.documents.set_right(2, Some(Right::View));
    viewer.was_denied = false;
    viewer.edit(0, 0, "again ").await;
    eventually("the viewer is told again", async || {
        viewer.pump().await;
        viewer.was_denied
    })
    .await;
    assert_eq!(world.documents.text(file(1)).await.unwrap(), "mine text");
}

#[tokio::test]
async fn a_viewers_handshake_is_no_edit() {
    let world = with_text("text", quick());
    let mut viewer = joined(&world, 12, 2, Right::View).await;
    viewer.send_edit(protocol::step_2(&[0, 0])).await;
    viewer.send(protocol::step_1(&[0])).await;
    viewer.synced = false;
    eventually("the viewer is answered", async || {
        viewer.pump().await;
        viewer.synced
    })
    .await;
    assert!(!viewer.was_denied && viewer.closed.is_none());
}

#[tokio::test]
async fn a_withdrawn_right_closes_every_connection_of_its_key() {
    let world = with_text("text", quick());
    let mut one = joined(&world, 11, 1, Right::Edit).await;
    let mut two = joined(&world, 12, 2, Right::Edit).await;
    let here = world.documents.here();
    assert_eq!(here.borrow().len(), 2);
    world.documents.set_right(1, None);
    eventually("the connection is closed", async || {
        one.pump().await;
        one.closed.as_ref().is_some_and(|(code, _)| *code == 4403)
    })
    .await;
    eventually("nobody sees the person here", async || {
        here.borrow().iter().all(|present| present.key == 2)
    })
    .await;
    let again = world.documents.join(file(1), member(1, Right::Edit), None, true).await;
    assert!(matches!(again, Err(Error::Denied)));
    two.type_at_end("!").await;
    eventually("the other one goes on", async || {
        two.pump().await;
        two.is_saved()
    })
    .await;
}

#[tokio::test]
async fn a_client_of_another_generation_is_turned_away() {
    let world = with_text("text", quick());
    let current = world.documents.open(file(1)).await.unwrap().generation;
    let other = Generation::draw(&mut StdRng::seed_from_u64(99));
    let joined = world.documents.join(file(1), member(1, Right::Edit), Some(other), true).await;
    assert!(matches!(joined, Err(Error::OtherGeneration { current: found }) if found == current));
    assert!(world.documents.join(file(1), member(1, Right::Edit), None, true).await.is_ok());
}

#[tokio::test]
async fn pointers_carry_the_name_that_the_hive_knows() {
    let world = with_text("text", quick());
    let mut one = joined(&world, 11, 1, Right::Edit).await;
    let mut two = joined(&world, 12, 2, Right::View).await;
    let state = r#"{"user":{"name":"Somebody else","color":"red"},"cursor":null}"#;
    one.send(awareness(11, 1, state)).await;
    eventually("the other one sees it", async || {
        two.pump().await;
        two.states.iter().any(|(client, ..)| *client == 11)
    })
    .await;
    let shown: serde_json::Value = serde_json::from_str(&two.states[0].2).unwrap();
    assert_eq!(shown["user"]["name"], "person 1");
    assert_eq!(shown["user"]["hue"], 1);
    assert_eq!(shown["user"]["color"], "red");

    // Stock clients echo what they hear; nobody may speak for somebody else.
    two.send(awareness(11, 2, r#"{"user":{"name":"fake"}}"#)).await;
    two.send(awareness(11, 2, "null")).await;
    two.send(protocol::read(&[3]).map(|_| vec![3].into()).unwrap()).await;
    two.states.clear();
    eventually("the question is answered", async || {
        two.pump().await;
        !two.states.is_empty()
    })
    .await;
    assert!(two.states.iter().all(|(client, clock, _)| (*client, *clock) == (11, 1)));

    world.documents.set_name(1, Some("Anna"), Some(3));
    eventually("the new name is seen", async || {
        let here = world.documents.here();
        here.borrow().iter().any(|present| present.name.as_deref() == Some("Anna"))
    })
    .await;
    one.send(awareness(11, 3, state)).await;
    eventually("the other one sees it", async || {
        two.pump().await;
        two.states.iter().any(|(.., state)| state.contains("Anna"))
    })
    .await;

    two.states.clear();
    one.leave();
    eventually("the pointer goes with its connection", async || {
        two.pump().await;
        two.states.iter().any(|(client, _, state)| *client == 11 && state == "null")
    })
    .await;
}

#[tokio::test]
async fn a_silent_pointer_expires_and_a_quiet_line_is_kept_alive() {
    let limits = Limits {
        presence_expires: Duration::from_millis(60),
        alive_every: Duration::from_millis(30),
        ..quick()
    };
    let world = with_text("text", limits);
    let mut one = joined(&world, 11, 1, Right::Edit).await;
    one.send(awareness(11, 1, "{}")).await;
    eventually("it is gone again", async || {
        one.pump().await;
        one.states.iter().any(|(client, _, state)| *client == 11 && state == "null")
    })
    .await;
    let line = one.connection.as_mut().unwrap();
    let next = tokio::time::timeout(Duration::from_secs(5), line.from_room.recv()).await.unwrap();
    assert_eq!(next, Some(Outgoing::Frame(protocol::alive())));
}

#[tokio::test]
async fn a_slow_reader_is_brought_up_to_date() {
    let limits = Limits { queue_frames_max: 8, ..quick() };
    let world = with_text("", limits);
    let mut writer = joined(&world, 11, 1, Right::Edit).await;
    let mut slow = joined(&world, 12, 2, Right::Edit).await;
    for number in 0..200 {
        writer.edit(0, u32::from(number % 3 == 2), &format!("line {number}\n")).await;
        writer.pump().await;
        world.documents.text(file(1)).await.unwrap();
    }
    eventually("the slow one has all of it", async || {
        writer.pump().await;
        slow.pump().await;
        tokio::task::yield_now().await;
        slow.text() == writer.text() && writer.is_saved()
    })
    .await;
}

#[tokio::test]
async fn what_was_sent_before_hanging_up_counts() {
    let world = with_text("", quick());
    for number in 0..20 {
        let mut client = joined(&world, 100 + number, 1, Right::Edit).await;
        client.type_at_end("x").await;
        client.leave();
    }
    eventually("all of it is in the file", async || world.disk.text(file(1)) == "x".repeat(20))
        .await;
    eventually("nobody is here", async || world.documents.here().borrow().is_empty()).await;
    eventually("the document is forgotten", async || world.documents.open_documents() == 0).await;
}

#[tokio::test]
async fn a_crowd_sees_the_same() {
    let world = with_text("", Limits { crowd: 3, ..quick() });
    let mut crowd = Vec::new();
    for number in 0..12_u8 {
        crowd.push(joined(&world, 100 + u32::from(number), number, Right::Edit).await);
    }
    for round in 0..10 {
        for (who, client) in crowd.iter_mut().enumerate() {
            client.edit(0, 0, &format!("{who} {round}\n")).await;
            client.pump().await;
        }
    }
    eventually("all have everything", async || {
        for client in &mut crowd {
            client.pump().await;
        }
        let text = crowd[0].text();
        text.lines().count() == 120
            && crowd.iter().all(|client| client.text() == text && client.is_saved())
            && world.disk.text(file(1)) == text
    })
    .await;
}

/// The edit in the middle never arrives, the next one does; when the page comes back, all is there.
#[tokio::test]
async fn an_edit_that_depends_on_a_lost_one_is_kept_until_it_comes() {
    let mut world = with_text("", quick());
    let mut writer = joined(&world, 11, 1, Right::Edit).await;
    writer.type_at_end("A").await;
    writer.edit_in_vain(1, "B");
    writer.type_at_end("C").await;
    eventually("the hive asks for the lost one", async || {
        writer.pump().await;
        writer.is_saved() && world.disk.text(file(1)) == "ABC"
    })
    .await;

    writer.edit_in_vain(3, "D");
    writer.type_at_end("E").await;
    writer.leave();
    eventually("the room is forgotten", async || world.documents.open_documents() == 0).await;
    world.kill().await;
    let mut reader = joined(&world, 12, 2, Right::Edit).await;
    assert_eq!(reader.text(), "ABC");
    writer.connect(&world.documents, file(1), member(1, Right::Edit)).await.unwrap();
    eventually("nothing is missing", async || {
        writer.pump().await;
        reader.pump().await;
        reader.text() == "ABCDE" && world.disk.text(file(1)) == "ABCDE"
    })
    .await;
}
