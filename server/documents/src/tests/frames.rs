//! Frames as stock clients write them, byte for byte, and frames that nobody should write.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use tokio::time::Instant;
use types::Right;

use super::client::Client;
use super::world::{World, eventually, file, member, quick};
use crate::presence::Presence;
use crate::protocol::{self, Incoming};
use crate::replica::{Outcome, Replica};
use crate::update::{self, Refused};
use crate::{Condition, Error};

fn bytes(hex: &str) -> Bytes {
    HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap().into()
}

/// `doc.getText('content').insert(0, 'hi')` by client 5, as Yjs 13.6 encodes it.
const HI: &str = "01 01 05 00 04 01 07 636f6e74656e74 02 6869 00";

#[test]
fn frames_of_stock_clients_are_read() {
    assert_eq!(protocol::read(&bytes("00 00 01 00")), Ok(Incoming::Step1(&[0])));
    assert_eq!(protocol::read(&bytes("00 01 02 00 00")), Ok(Incoming::Step2(&[0, 0])));
    assert_eq!(protocol::read(&bytes("00 02 02 00 00")), Ok(Incoming::Update(&[0, 0])));
    assert_eq!(protocol::read(&bytes("01 01 00")), Ok(Incoming::Awareness(&[0])));
    assert_eq!(protocol::read(&bytes("03")), Ok(Incoming::QueryAwareness));
    assert_eq!(protocol::read(&bytes("7f 01")), Ok(Incoming::Other));
    for cut in
        ["", "00", "00 03 00", "00 00 05 00", "00 02 ff ff ff ff ff ff ff ff ff 01", "01 02 00"]
    {
        assert!(protocol::read(&bytes(cut)).is_err(), "{cut}");
    }
}

#[test]
fn frames_for_clients_are_written_as_they_expect() {
    assert_eq!(protocol::step_1(&[0]), bytes("00 00 01 00"));
    assert_eq!(protocol::step_2(&[0, 0]), bytes("00 01 02 00 00"));
    assert_eq!(protocol::update(&[0, 0]), bytes("00 02 02 00 00"));
    assert_eq!(protocol::alive(), bytes("01 01 00"));
    let reason = b"This key may only view the document; what was typed was not taken.";
    assert_eq!(protocol::denied(), [&[2, 0, 66][..], reason].concat());
    assert_eq!(protocol::stored(300), bytes("64 ac02"));
    let frame = protocol::condition(&Condition::Live);
    assert_eq!(&frame[..1], [101]);
    let json: serde_json::Value = serde_json::from_slice(&frame[2..]).unwrap();
    assert_eq!(json["state"], "live");
}

#[test]
fn an_update_of_a_stock_client_is_applied() {
    let mut replica = Replica::empty();
    let applied = replica.apply(&[bytes(HI)], 100).unwrap();
    assert_eq!(applied.outcomes, [Outcome::Taken]);
    assert_eq!(applied.update.unwrap(), bytes(HI));
    assert_eq!(replica.text(), "hi");
}

#[test]
fn the_same_text_is_promoted_to_the_same_document_everywhere() {
    let state = Replica::promoted("Grüße 👋\n").state();
    assert_eq!(state, Replica::promoted("Grüße 👋\n").state());
    assert_eq!(
        HEXLOWER.encode(&state),
        "0101a5a2feb70800040107636f6e74656e740d4772c3bcc39f6520f09f918b0a00"
    );
}

fn check_refused(update: &str, why: Refused) {
    assert_eq!(update::admit(&bytes(update), |_| 0).unwrap_err(), why, "{update}");
}

#[test]
fn what_is_not_text_of_the_one_root_is_refused() {
    let other_root = "01 01 05 00 04 01 05 6f74686572 02 6869 00";
    let embed = "01 01 05 00 05 01 07 636f6e74656e74 02 7b7d 00";
    let map_entry = "01 01 05 00 24 01 07 636f6e74656e74 01 6b 02 6869 00";
    let nested = "01 01 05 00 04 00 05 00 02 6869 00";
    for update in [other_root, embed, map_entry, nested] {
        check_refused(update, Refused::NotText);
    }
}

#[test]
fn counts_and_clocks_that_lie_are_refused() {
    let many_clients = "ffffffff0f 01 05 00";
    let many_structs = "01 ffffffff0f 05 00";
    let late_clock = "01 01 05 ffffffff07 04 01 07 636f6e74656e74 02 6869 00";
    let wide_client = "01 01 ffffffffffffffff1f 00 04 01 07 636f6e74656e74 02 6869 00";
    let empty_text = "01 01 05 00 04 01 07 636f6e74656e74 00 00";
    let bad_text = "01 01 05 00 04 01 07 636f6e74656e74 02 c328 00";
    let cut_short = "01 01 05 00 04 01 07 636f6e74656e74 02 68";
    let endless_delete = "00 01 05 01 01 ffffffff07";
    for update in [
        many_clients,
        many_structs,
        late_clock,
        wide_client,
        empty_text,
        bad_text,
        cut_short,
        endless_delete,
    ] {
        check_refused(update, Refused::Malformed);
    }
}

#[test]
fn disorderly_deletes_are_put_in_order() {
    let update = bytes("00 02 05 02 04 02 00 03 05 01 02 01");
    let admitted = update::admit(&update, |_| 0).unwrap();
    assert_eq!(admitted.bytes.as_ref(), bytes("00 01 05 02 00 03 04 02").as_ref());
    assert!(admitted.deletes);
}

#[test]
fn what_lacks_its_predecessor_waits_for_it() {
    let second = bytes("01 01 05 02 84 05 01 01 21 00");
    let mut replica = Replica::empty();
    let applied = replica.apply(&[second], 100).unwrap();
    assert_eq!((applied.outcomes, applied.update), (vec![Outcome::Waits], None));
    assert_eq!(replica.waiting().len(), 1);
    let applied = replica.apply(&[bytes(HI)], 100).unwrap();
    assert!(applied.update.is_some());
    assert_eq!(replica.text(), "hi!");
    assert!(replica.waiting().is_empty());
}

#[test]
fn random_bytes_harm_nothing() {
    let mut chance = StdRng::seed_from_u64(3);
    let mut replica = Replica::promoted("some text 👋 to begin with\n");
    let valid = [bytes(HI), Bytes::from(replica.state())];
    let mut presence = Presence::default();
    for round in 0..20_000 {
        let noise = if round % 2 == 0 {
            let mut noise = vec![0; chance.random_range(0..40)];
            chance.fill_bytes(&mut noise);
            noise
        } else {
            let mut noise = valid[round / 2 % 2].to_vec();
            for _ in 0..chance.random_range(1..4) {
                let at = chance.random_range(0..noise.len());
                noise[at] = chance.random();
            }
            noise
        };
        let _read = protocol::read(&noise);
        let _checked = update::check_state_vector(&noise);
        let _taken = presence.take(1, &member(1, Right::Edit), &noise, Instant::now());
        replica.apply(&[Bytes::from(noise)], 10_000).expect("no input breaks a document");
        assert!(replica.text().len() < 40_000);
    }
    let again = Replica::load(&replica.state(), replica.waiting().iter().map(AsRef::as_ref));
    assert_eq!(again.unwrap().text(), replica.text());
}

#[tokio::test]
async fn a_frame_that_is_not_understood_ends_the_connection_and_harms_no_other() {
    let world = World::new(quick());
    world.disk.put(file(1), b"text");
    let mut good = Client::new(11);
    good.connect(&world.documents, file(1), member(1, Right::Edit)).await.unwrap();
    for (frame, code) in [("00 02 05 ff", 4400), ("00 07", 4400), ("01 04 01 05 01 ff", 4400)] {
        let mut bad = Client::new(12);
        bad.connect(&world.documents, file(1), member(2, Right::Edit)).await.unwrap();
        bad.send(bytes(frame)).await;
        eventually("the connection is closed", async || {
            bad.pump().await;
            bad.closed.as_ref().is_some_and(|(found, _)| *found == code)
        })
        .await;
    }
    let mut large = Client::new(13);
    large.connect(&world.documents, file(1), member(3, Right::Edit)).await.unwrap();
    large.send(vec![0; (16 << 20) + 1].into()).await;
    eventually("the frame is too large", async || {
        large.pump().await;
        large.closed.as_ref().is_some_and(|(code, _)| *code == 4413)
    })
    .await;
    good.pump().await;
    good.edit(0, 0, "more ").await;
    eventually("the other one goes on", async || {
        good.pump().await;
        good.is_saved() && world.disk.text(file(1)) == "more text"
    })
    .await;
}

#[tokio::test]
async fn a_text_may_not_grow_beyond_the_limit() {
    let world = World::new(crate::Limits { text_units_max: 100, ..quick() });
    world.disk.put(file(1), b"text");
    let mut client = Client::new(11);
    client.connect(&world.documents, file(1), member(1, Right::Edit)).await.unwrap();
    eventually("it has the text", async || {
        client.pump().await;
        client.is_saved()
    })
    .await;
    client.edit(0, 0, &"x".repeat(200)).await;
    eventually("the connection is closed", async || {
        client.pump().await;
        client.closed.as_ref().is_some_and(|(code, _)| *code == 4413)
    })
    .await;
    assert_eq!(world.documents.text(file(1)).await.unwrap(), "text");
}

#[tokio::test]
async fn files_that_are_no_text_are_not_opened() {
    let world = World::new(quick());
    world.disk.put(file(1), b"a\0b");
    world.disk.put(file(2), b"a\xff");
    world.disk.put(file(3), &vec![b'a'; 5_000_001]);
    let open = async |number| world.documents.open(file(number)).await;
    assert!(matches!(open(1).await, Err(Error::Binary)));
    assert!(matches!(open(2).await, Err(Error::NotUtf8 { at: 1 })));
    assert!(matches!(open(3).await, Err(Error::TooLarge { size: 5_000_001 })));
    assert!(matches!(open(4).await, Err(Error::Gone)));
    eventually("nothing stays open", async || world.documents.open_documents() == 0).await;
    world.disk.put(file(1), b"text");
    assert!(open(1).await.is_ok());
}
