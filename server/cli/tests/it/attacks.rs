//! Silence, floods and garbage: whoever sends them is cut off, and everybody else goes on.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use checks::{Page, Room, sync_update};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::network::own_address;
use crate::world::{Hive, Home, PATIENCE, note, type_and_store};

/// What a hive under attack may take, in a build with debug assertions.
const MEMORY_BYTES_MAX: u64 = 256 << 20;
const GARBAGE_FRAMES: u32 = 2_000;

/// One way of saying little: what is sent at once, and again and again.
#[derive(Debug, Clone, Copy)]
struct Quiet {
    what: &'static str,
    first: &'static str,
    again: &'static str,
}

const QUIET: [Quiet; 4] = [
    Quiet { what: "says nothing", first: "", again: "" },
    Quiet { what: "stops in its headers", first: "GET / HTTP/1.1\r\nHost: x\r\n", again: "" },
    Quiet { what: "dribbles its headers", first: "GET / HTTP/1.1\r\n", again: "X-Slow: a\r\n" },
    Quiet {
        what: "stops in its body",
        first: "POST /api/v1/session HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\n\
                Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
        again: "",
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn who_says_little_is_cut_off() {
    let home = Home::with_plan("plan\n");
    let hive = home.serve();
    let mut page = Page::join(1, &home.room("Trip/plan.md")).await;
    let mut waiting = Vec::new();
    for quiet in QUIET {
        for _ in 0..10 {
            waiting.push(tokio::spawn(lasts(hive.address, quiet)));
        }
    }
    let since = Instant::now();
    for lasted in waiting {
        let (what, lasted) = lasted.await.unwrap();
        let Some(lasted) = lasted else { panic!("a connection that {what} stays open") };
        assert!(lasted < PATIENCE, "{what}");
    }
    note(&format!("forty quiet connections were closed within {:?}", since.elapsed()));
    // An open document is quiet too, and stays.
    type_and_store(&mut page, "still here\n").await;
    assert_eq!(hive.stranger("GET", "/healthz").send().await.status, 200);
}

async fn lasts(address: SocketAddr, quiet: Quiet) -> (&'static str, Option<Duration>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let first = quiet.first.replace("HOST", &address.to_string());
    stream.write_all(first.as_bytes()).await.unwrap();
    let since = Instant::now();
    let mut buffer = [0; 1_024];
    while since.elapsed() < PATIENCE {
        let came = tokio::time::timeout(Duration::from_millis(500), stream.read(&mut buffer)).await;
        if matches!(came, Ok(Ok(0) | Err(_))) {
            return (quiet.what, Some(since.elapsed()));
        }
        if !quiet.again.is_empty() && stream.write_all(quiet.again.as_bytes()).await.is_err() {
            return (quiet.what, Some(since.elapsed()));
        }
    }
    (quiet.what, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_takes_only_its_part() {
    let Some(own) = own_address() else { return };
    let home = Home::with_plan("plan\n");
    let hive = home.serve_with(&["--listen", "0.0.0.0:0"]);
    let there = SocketAddr::new(own, hive.address.port());
    let mut streams = Vec::new();
    for _ in 0..300 {
        streams.push(TcpStream::connect(there).await.unwrap());
    }
    let mut refused = 0;
    for stream in &mut streams {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut byte)).await;
        refused += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    note(&format!("{refused} of 300 connections from {own} were refused"));
    assert!(refused >= 44, "one address takes all places");
    assert_eq!(hive.stranger("GET", "/healthz").send().await.status, 200);
    // Many from this very computer are its owner's tabs and programs.
    let mut own_streams = Vec::new();
    for _ in 0..300 {
        own_streams.push(TcpStream::connect(hive.address).await.unwrap());
    }
    assert_eq!(hive.stranger("GET", "/healthz").send().await.status, 200);
    drop(streams);
    let mut answered = false;
    let since = Instant::now();
    while !answered && since.elapsed() < PATIENCE {
        answered = is_answered(there).await;
    }
    assert!(answered, "places are given back");
}

async fn is_answered(there: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(there).await else { return false };
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {there}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    stream.write_all(request.as_bytes()).await.is_ok()
        && stream.read_to_end(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_opens_only_under_the_hives_own_name_and_for_its_own_pages() {
    let home = Home::with_plan("plan\n");
    let mut hive = home.serve();
    let by_token = home.room("Trip/plan.md");
    let file = hive.file("plan.md").await;
    let path = format!("/yjs/{}?stored=1", file["id"].as_str().unwrap());
    let by_cookie = Room::new(hive.address, &path).with("Cookie", &hive.cookie());
    drop(by_cookie.open().await.expect("the owner's page opens it"));
    drop(by_token.clone().with("Origin", "").open().await.expect("a program opens it"));
    let port = hive.address.port();
    for host in [
        format!("attacker.test:{port}"),
        format!("127.0.0.1.attacker.test:{port}"),
        format!("127.0.0.1.:{port}"),
        format!("attacker.test@127.0.0.1:{port}"),
        "127.0.0.1".to_owned(),
        "127.0.0.1:1".to_owned(),
    ] {
        for room in [&by_cookie, &by_token] {
            let origin = format!("http://{host}");
            let room = room.clone().with("Host", &host).with("Origin", &origin);
            assert_eq!(room.open().await.err(), Some(421), "{host}");
        }
    }
    for origin in [
        "http://attacker.test",
        "null",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
        &format!("https://{}", hive.address),
        &format!("http://{}.attacker.test", hive.address),
        "",
    ] {
        let room = by_cookie.clone().with("Origin", origin);
        assert_eq!(room.open().await.err(), Some(403), "{origin}");
    }
    for site in ["cross-site", "same-site"] {
        let room = by_cookie.clone().with("Sec-Fetch-Site", site);
        assert_eq!(room.open().await.err(), Some(403), "{site}");
    }
    for (room, status) in [
        (Room::new(hive.address, &path), 401),
        (Room::new(hive.address, &format!("{path}&token=aaaa")), 401),
        (Room::new(hive.address, "/yjs/nothing").with("Cookie", &hive.cookie()), 400),
    ] {
        let refused = room.open().await.err();
        assert!(refused == Some(status) || refused == Some(422), "{room:?}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_ends_its_own_connection_and_no_other() {
    const SEED: u64 = 20_261_121;
    let home = Home::with_plan("plan\n");
    let hive = home.serve();
    let room = home.room("Trip/plan.md");
    let mut good = Page::join(1, &room).await;
    let mut chance = StdRng::seed_from_u64(SEED);
    let mut bad = Page::join(2, &room).await;
    let mut lines = 1;
    for number in 0..GARBAGE_FRAMES {
        bad.send(garbage(&mut chance)).await;
        if number % 20 == 0 {
            bad.listen(Duration::from_millis(5)).await;
        }
        if bad.closed.is_some() {
            bad.connect(&room).await.unwrap_or_else(|status| panic!("refused with {status}"));
            lines += 1;
        }
        if number % 200 == 0 {
            type_and_store(&mut good, &format!("{number}\n")).await;
        }
    }
    note(&format!("{GARBAGE_FRAMES} frames of garbage took {lines} connections"));
    survived(&home, &hive, &mut good, &room).await;
}

/// Bytes that look more or less like a frame.
fn garbage(chance: &mut StdRng) -> Vec<u8> {
    let length = chance.random_range(0..200_usize);
    let mut bytes = vec![0; length];
    chance.fill(&mut bytes[..]);
    match chance.random_range(0..6) {
        0 => bytes,
        1 => sync_update(&bytes),
        2 => [vec![0, chance.random_range(0..2), length.min(127) as u8], bytes].concat(),
        3 => [vec![1, length.min(127) as u8], bytes].concat(),
        // Lengths and counts that promise what never comes.
        4 => [vec![0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f], bytes].concat(),
        _ => [vec![chance.random_range(3..128)], bytes].concat(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_leave_the_others_alone() {
    let home = Home::with_plan("plan\n");
    let hive = home.serve();
    let room = home.room("Trip/plan.md");
    let mut good = Page::join(1, &room).await;

    let mut large = Page::join(2, &room).await;
    large.send(vec![0; 17 << 20]).await;
    large.until("a frame of 17 MB ends its connection", |page| page.closed.is_some()).await;
    let mut large = Page::join(3, &room).await;
    large.send(sync_update(&vec![0x41; 15 << 20])).await;
    large.until("so does one that is no update", |page| page.closed.is_some()).await;
    type_and_store(&mut good, "after large frames\n").await;

    let mut flood = Page::join(4, &room).await;
    let state = format!("{{\"user\":{{\"name\":\"{}\"}}}}", "x".repeat(7_000));
    for clock in 1..5_000 {
        flood.point(clock, &state).await;
    }
    type_and_store(&mut good, "in a flood of pointers\n").await;
    flood.point(6_000, &"y".repeat(1 << 20)).await;
    for kind in [4_u8, 50, 99, 102, 127] {
        flood.send(vec![kind, 1, 2, 3]).await;
    }
    let mut unknown = Page::join(5, &room).await;
    for kind in 4..100_u8 {
        unknown.send(vec![kind]).await;
    }
    type_and_store(&mut unknown, "unknown frames are passed over\n").await;
    good.until("it sees the others", |page| page.text().ends_with("passed over\n")).await;
    survived(&home, &hive, &mut good, &room).await;
}

async fn survived(home: &Home, hive: &Hive<'_>, good: &mut Page, room: &Room) {
    type_and_store(good, "the last line\n").await;
    let fresh = Page::join(99, room).await;
    assert_eq!(fresh.text(), good.text());
    assert!(fresh.text().starts_with("plan\n"));
    let memory = hive.memory_bytes();
    note(&format!("the hive takes {} MB", memory >> 20));
    assert!(memory < MEMORY_BYTES_MAX, "{memory}");
    assert!(!home.log_text().contains("panicked"), "{}", home.log_text());
    assert_eq!(hive.address.ip(), IpAddr::from([127, 0, 0, 1]));
}
