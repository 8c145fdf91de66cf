//! The configuration keeps its layers and comments; a hive starts once, stops, and starts again.

use std::fs;

use crate::{Client, Config, Error, Hive, Options, Origin, Places};

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder must be made")
}

fn options(home: &tempfile::TempDir) -> Options {
    let listen = "127.0.0.1:0".parse().expect("it must be an address");
    Options { home: Some(home.path().to_owned()), listen: Some(listen), ..Options::default() }
}

#[test]
fn a_value_that_is_set_keeps_the_comments_around_it() {
    let home = home();
    let path = home.path().join("config.toml");
    fs::write(&path, "# mine\n[listen]\nport = 8000 # why\n").expect("written");
    let mut config = Config::load(&path).expect("it loads");
    assert_eq!(config.shown("listen.port"), Some(("8000".to_owned(), Origin::File)));
    assert_eq!(config.shown("listen.reach"), Some(("computer".to_owned(), Origin::Default)));
    config.set("listen.reach", "network").expect("it is set");
    config.set("listen.hosts", "a.example, b.example").expect("it is set");
    let text = fs::read_to_string(&path).expect("it is there");
    assert!(text.contains("# mine") && text.contains("port = 8000 # why"), "{text}");
    let config = Config::load(&path).expect("it loads");
    assert_eq!(config.list("listen.hosts"), ["a.example", "b.example"]);
}

#[test]
fn what_cannot_be_meant_is_refused_with_words() {
    let home = home();
    let path = home.path().join("config.toml");
    let mut config = Config::load(&path).expect("it loads");
    for (key, value, words) in [
        ("listen.port", "many", "number"),
        ("listen.reach", "world", "computer, network, internet"),
        ("peers.addresses", "home.example.org", "lacks a port"),
        ("peers.addresses", "10.0.0.1:7539, https://relay.example.org", "peers.relays"),
        ("peers.relays", "relay.example.org", "begins with https://"),
        ("listen.prot", "1", "listen.port"),
    ] {
        let error = config.set(key, value).expect_err("it must be refused").to_string();
        assert!(error.contains(words), "{error}");
    }
    fs::write(&path, "[listen\n").expect("written");
    assert!(matches!(Config::load(&path), Err(Error::Config { .. })));
    fs::write(&path, "[listen]\nprot = 1\n").expect("written");
    let unknown = Config::load(&path).expect("it loads").unknown;
    assert_eq!(unknown, [("listen.prot".to_owned(), Some("listen.port"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hive_starts_once_stops_and_starts_again() {
    let home = home();
    let hive = Hive::start(options(&home)).await.expect("it starts");
    let client = Client::attach(Some(home.path())).await.expect("it answers");
    let id = client.status().await.expect("it answers").hive.id;
    let second = Hive::start(options(&home)).await;
    assert!(matches!(second, Err(Error::AlreadyRunning { .. })));
    hive.stop().await;
    assert!(matches!(client.status().await, Err(Error::NotRunning)));

    let hive = Hive::start(options(&home)).await.expect("it starts again");
    assert_eq!(client.status().await.expect("it answers").hive.id, id);
    hive.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let home = home();
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = other.local_addr().expect("an address");
    let options = Options { listen: Some(taken), ..options(&home) };
    match Hive::start(options).await {
        Err(Error::PortTaken { address }) => assert_eq!(address, taken.to_string()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two programs listen on one port"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn init_names_the_owner() {
    let home = home();
    crate::init(Some(home.path()), "Grace").await.expect("it is set up");
    let hive = Hive::start(options(&home)).await.expect("it starts");
    let status = hive.client().status().await.expect("it answers");
    assert_eq!((status.hive.owner.name.as_str(), status.onboarded), ("Grace", true));
    crate::init(Some(home.path()), "Ada").await.expect("a running hive is told");
    assert_eq!(hive.client().status().await.expect("it answers").hive.owner.name, "Ada");
    hive.stop().await;
}

#[test]
fn places_follow_the_home_that_is_given() {
    let home = home();
    let places = Places::find(Some(home.path())).expect("found");
    assert_eq!(places.config, home.path().join("config.toml"));
    assert!(places.portable);
    let deep = home.path().join("x".repeat(200));
    let places = Places::find(Some(&deep)).expect("found");
    assert!(places.socket.as_os_str().len() <= 107, "{}", places.socket.display());
}
