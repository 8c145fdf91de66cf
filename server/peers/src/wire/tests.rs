//! Frames as others may send them: whole, cut, too long, bombs.

use proptest::prelude::*;
use types::{Hash, ShareId};

use super::*;

async fn read_back(bytes: &[u8]) -> Result<Control, Broken> {
    let mut stream = bytes;
    read(&mut stream, FRAME_BYTES_MAX).await
}

fn block<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(work)
}

#[tokio::test]
async fn messages_are_read_as_they_were_written() {
    let given = Given { hash: Hash::of(b"x"), bytes: Blob(vec![7; 100_000]) };
    let message = Control::Records {
        share: ShareId::from_bytes([1; 16]),
        round: 3,
        upto: Since { epoch: u64::MAX, at: 9 },
        records: vec![Said { kind: 200, key: Blob(vec![]), body: Blob(vec![1, 2]) }],
        contents: vec![given],
    };
    let written = frame(&message);
    assert!(written.len() < 1_000, "it packs: {} bytes", written.len());
    assert_eq!(read_back(&written).await.expect("it reads"), message);
}

#[tokio::test]
async fn what_is_too_long_is_refused_before_it_is_read() {
    let mut long = u32::MAX.to_le_bytes().to_vec();
    long.push(0);
    assert!(matches!(read_back(&long).await, Err(Broken::Nonsense("a message is too long"))));
    assert!(matches!(read_back(&[0; 5]).await, Err(Broken::Nonsense(_))));
}

#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let bomb = zstd::bulk::compress(&vec![0; 300 * 1_024 * 1_024], 1).expect("it packs");
    let mut sent = u32::try_from(bomb.len() + 1).expect("it is short").to_le_bytes().to_vec();
    sent.push(1);
    sent.extend(bomb);
    assert!(matches!(read_back(&sent).await, Err(Broken::Nonsense("a message is too long"))));
}

#[tokio::test]
async fn a_newer_hello_is_told_apart_from_nonsense() {
    let hello = Hello {
        about: About::default(),
        purpose: Purpose::Link,
        addresses: Vec::new(),
        now: 0,
        run: 0,
        further: Vec::new(),
        newest: 0,
    };
    let newer = hello_frame(&hello, 7, 7);
    assert!(matches!(read_hello(&mut newer.as_slice()).await, Ok(Err(Refusal::Newer))));
    let both = hello_frame(&hello, 7, 3);
    assert!(matches!(read_hello(&mut both.as_slice()).await, Ok(Ok(_))));
    let older = hello_frame(&hello, 0, 0);
    assert!(matches!(read_hello(&mut older.as_slice()).await, Ok(Err(Refusal::Older))));
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_nothing_else(bytes: Vec<u8>, mark in 0..3_u8) {
        let mut sent = u32::try_from(bytes.len() + 1).expect("it is short").to_le_bytes().to_vec();
        sent.push(mark);
        sent.extend(&bytes);
        // Some garbage happens to be a message; none may panic.
        block(async {
            drop(read_back(&sent).await);
            drop(read_back(&bytes).await);
            drop(read_hello(&mut sent.as_slice()).await);
        });
    }
}
