//! A hive that its owner opened to the network: its addresses, names and certificates.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use checks::{Call, text};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Home, note};

/// An IPv4 address of this machine on some network; says why not if there is none.
pub(crate) fn own_address() -> Option<IpAddr> {
    let output = Command::new("ip").args(["-4", "-o", "addr", "show", "scope", "global"]).output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let found = output.ok().and_then(|lines| {
        let mut words = lines.split_whitespace();
        words.find(|word| *word == "inet")?;
        words.next()?.split('/').next()?.parse().ok()
    });
    if found.is_none() {
        note("not tested: this machine has no address on a network");
    }
    found
}

fn open_to_the_network(home: &Home) {
    home.skep(&["config", "set", "listen.port", "0"]).is(0, "");
    home.skep(&["config", "set", "listen.reach", "network"]).is(0, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hive_that_is_open_to_the_network_answers_there_and_here() {
    let Some(own) = own_address() else { return };
    let home = Home::with_plan("plan\n");
    open_to_the_network(&home);
    let mut hive = home.serve_with(&[]);
    assert!(hive.address.ip().is_loopback());
    let there = SocketAddr::new(own, hive.address.port());
    let status = home.json(&["status", "--json"]);
    assert_eq!(status["reach"], "network");
    let urls: Vec<String> =
        status["addresses"].as_array().unwrap().iter().map(|one| text(&one["url"])).collect();
    assert!(urls.contains(&format!("http://{there}")), "{urls:?}");
    assert!(urls.contains(&format!("http://{}", hive.address)), "{urls:?}");
    for address in [there, hive.address] {
        assert_eq!(Call::new(address, "GET", "/healthz").send().await.status, 200, "{address}");
        let foreign = format!("attacker.test:{}", address.port());
        let call = Call::new(address, "GET", "/healthz").with("Host", &foreign);
        assert_eq!(call.send().await.status, 421);
    }
    let tested = hive.owner("POST", "/api/v1/reach/test").await.send().await.json();
    assert!(tested.as_array().unwrap().iter().all(|one| one["works"] == true), "{tested}");
    let shared = home.json(&["share", "Trip", "--json"]);
    assert!(text(&shared["link"]).starts_with(&format!("http://{there}/l/")), "{shared}");
    let note = text(&shared["links"][0]["note"]);
    assert!(note.contains("could read along"), "it is said plainly: {note}");
    // The owner's pages need a key there as well.
    assert_eq!(Call::new(there, "GET", "/api/v1/status").send().await.status, 401);
    home.skep(&["open", "--print"]).is(0, &format!("http://{}/open#", hive.address));

    let closed = hive.owner("PUT", "/api/v1/reach").await;
    let closed = closed.json(&serde_json::json!({ "reach": "computer" })).send().await;
    assert_eq!(closed.status, 200, "{closed:?}");
    assert!(TcpStream::connect(there).await.is_err(), "the network's door is closed at once");
    assert_eq!(hive.stranger("GET", "/healthz").send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hives_own_authority_makes_the_network_secure() {
    let Some(own) = own_address() else { return };
    let home = Home::with_plan("plan\n");
    open_to_the_network(&home);
    home.skep(&["config", "set", "tls.mode", "own"]).is(0, "");
    let hive = home.serve_with(&[]);
    let there = SocketAddr::new(own, hive.address.port());
    let authority = home.hive.join("data/tls/authority.pem");
    let answer = https(there, &authority, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(hive.stranger("GET", "/healthz").send().await.status, 200, "plain loopback stays");
    let shared = home.json(&["share", "Trip", "--json"]);
    assert!(text(&shared["link"]).starts_with(&format!("https://{there}/l/")), "{shared}");
    assert_eq!(shared["links"][0]["works"], true, "{shared}");
    let (link, friend) = (text(&shared["link"]), Home::new());
    let edit = ["edit", &link, "--editor", "true"];
    friend.skep(&edit).is(6, "--authority FILE");
    let trusting = [&edit[..], &["--authority", authority.to_str().unwrap()]].concat();
    friend.skep(&trusting).is(0, "You may look");
    // Whoever calls without encryption gets nothing.
    let mut plain = TcpStream::connect(there).await.unwrap();
    plain.write_all(format!("GET / HTTP/1.1\r\nHost: {there}\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    drop(hive);
    let hive = home.serve_with(&[]);
    let there = SocketAddr::new(own, hive.address.port());
    let answer = https(there, &authority, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "the authority stays the same: {answer}");
    home.skep(&["config", "set", "tls.mode", "given"]).is(0, "");
    drop(hive);
    home.skep(&["serve"]).is(1, "certificate");
}

async fn https(there: SocketAddr, authority: &Path, path: &str) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(there).await.unwrap();
    let name = ServerName::from(there.ip());
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {there}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hive_may_listen_everywhere_from_the_start() {
    let home = Home::with_plan("plan\n");
    let hive = home.serve_with(&["--listen", "0.0.0.0:0"]);
    assert_eq!(hive.stranger("GET", "/healthz").send().await.status, 200);
    let foreign = hive.stranger("GET", "/healthz").with("Host", "attacker.test");
    assert_eq!(foreign.send().await.status, 421);
    home.skep(&["open", "--print"]).is(0, "http://127.0.0.1");
    let Some(own) = own_address() else { return };
    let there = SocketAddr::new(own, hive.address.port());
    assert_eq!(Call::new(there, "GET", "/healthz").send().await.status, 200);
    let shared = home.json(&["share", "Trip", "--json"]);
    assert!(text(&shared["link"]).starts_with(&format!("http://{there}/l/")), "{shared}");
    assert_eq!(shared["links"][0]["works"], true, "{shared}");
}
