//! The floor carries what it shall, and the wire counts what passes.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use crate::sync::data;
use crate::sync::fidelity;
use crate::sync::floor::Message;
use crate::sync::wire::Wire;

#[test]
fn every_byte_is_counted_and_handed_on() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let wire = Wire::default();
    let through = wire.towards(listener.local_addr().unwrap().port()).unwrap();
    let sent = data::bytes(7, 3 << 20);
    let expected = sent.clone();
    let caller = thread::spawn(move || {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, through)).unwrap();
        socket.write_all(&sent).unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        answer
    });
    let (mut socket, _) = listener.accept().unwrap();
    let mut received = Vec::new();
    socket.read_to_end(&mut received).unwrap();
    socket.write_all(b"thanks").unwrap();
    drop(socket);
    assert_eq!(caller.join().unwrap(), b"thanks");
    assert!(received == expected);
    assert_eq!(wire.bytes(), (3 << 20) + 6);
}

#[test]
fn messages_of_the_floor_come_back_as_they_were() {
    let path = |path: &str| PathBuf::from(path);
    let messages = [
        Message::Put { path: path("a/b"), size: 1 << 40, kept_front: 3, kept_back: 4 },
        Message::Folder { path: path("a") },
        Message::Move { from: path("a"), to: path("c d") },
        Message::Remove { path: path("") },
    ];
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| message.write(&mut bytes).unwrap());
    let mut bytes = Cursor::new(bytes);
    for message in messages {
        assert_eq!(Message::read(&mut bytes).unwrap(), Some(message));
    }
    assert_eq!(Message::read(&mut bytes).unwrap(), None);
}

#[test]
fn a_difference_of_one_byte_or_name_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    for place in [&here, &there] {
        data::many(place, 1, 250).unwrap();
    }
    assert_eq!(data::arrived(&here), 250);
    data::is_same(&here, &there).unwrap();
    let one = there.join("d0001/f000101.bin");
    let mut bytes = fs::read(&one).unwrap();
    bytes[500] ^= 1;
    fs::write(&one, &bytes).unwrap();
    assert!(data::is_same(&here, &there).is_err());
    bytes[500] ^= 1;
    fs::write(&one, bytes).unwrap();
    data::is_same(&here, &there).unwrap();
    fs::write(there.join("d0001/more"), b"").unwrap();
    assert!(data::is_same(&here, &there).is_err());
}

#[test]
fn what_is_judged_is_judged_intact_where_it_was_made() {
    // Not below the system's folder, which may be in memory and know no attributes.
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let odd = folder.path().join("odd");
    fidelity::make(&odd).unwrap();
    let judged = fidelity::judge(&odd, &odd);
    assert!(judged.iter().all(|(_, intact)| *intact), "{judged:?}");
    assert!(fidelity::judge(&odd, folder.path()).iter().all(|(_, intact)| !intact));
}
