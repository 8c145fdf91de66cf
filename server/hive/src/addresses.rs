//! The hive's addresses: which there are, under which names it may be called, which answer.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{Address, Reach};

const TEST_TIMEOUT: Duration = Duration::from_secs(3);

/// The addresses of this machine on its networks, IPv4 before IPv6, without loopback and those
/// that work only with an interface's name.
pub(crate) fn of_this_machine() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut found: Vec<IpAddr> = interfaces
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|address| match address {
            IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
        })
        .collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.dedup();
    found
}

/// The machine's own name on its network.
pub(crate) fn machine_name() -> Option<String> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_str().ok()?.split('.').next()?.to_lowercase();
    (!name.is_empty()).then_some(name)
}

/// Names under which the hive answers: its own addresses, and what the configuration adds.
pub(crate) fn host_names(port: u16, network: &[IpAddr], configured: &[String]) -> HashSet<String> {
    let mut names: Vec<String> = ["127.0.0.1", "localhost", "[::1]"].map(str::to_owned).into();
    if !network.is_empty() {
        names.extend(network.iter().map(in_address));
        if let Some(machine) = machine_name() {
            names.extend([machine.clone(), format!("{machine}.local")]);
        }
    }
    let mut hosts: HashSet<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
    for name in configured {
        // A proxy on the scheme's own port sends the bare name.
        hosts.extend([name.to_lowercase(), format!("{}:{port}", name.to_lowercase())]);
    }
    hosts
}

/// What the owner is told of an address.
pub(crate) fn address(socket: SocketAddr, secure: bool) -> Address {
    let reach = if socket.ip().is_loopback() { Reach::Computer } else { Reach::Network };
    let scheme = if secure { "https" } else { "http" };
    Address {
        url: format!("{scheme}://{}:{}", in_address(&socket.ip()), socket.port()),
        reach,
        secure: secure || reach == Reach::Computer,
        tested_at: None,
        works: None,
        note: note(reach, secure),
    }
}

fn note(reach: Reach, secure: bool) -> String {
    match (reach, secure) {
        (Reach::Computer, _) => "Works on this computer only.",
        (Reach::Network | Reach::Internet, false) => {
            "Works for others on this network while this computer is awake. Others on the network \
             could read along, because the connection is not encrypted."
        }
        (Reach::Network | Reach::Internet, true) => {
            "Works for others on this network while this computer is awake. The connection is \
             encrypted; a browser that does not know this hive's certificate asks once."
        }
    }
    .to_owned()
}

/// Whether something answers there as a hive. A firewall that keeps other machines out does not
/// show in this test, because it runs on the hive's own machine.
pub(crate) async fn answers(socket: SocketAddr, secure: bool) -> bool {
    let test = async {
        let mut stream = TcpStream::connect(socket).await.ok()?;
        if secure {
            return Some(true);
        }
        let host = format!("{}:{}", in_address(&socket.ip()), socket.port());
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.take(4_096).read_to_end(&mut answer).await.ok()?;
        Some(answer.starts_with(b"HTTP/1.1 200"))
    };
    tokio::time::timeout(TEST_TIMEOUT, test).await.ok().flatten().unwrap_or(false)
}

/// The one address of a listener on all interfaces that its own machine always reaches.
pub(crate) fn reachable(socket: SocketAddr) -> SocketAddr {
    if socket.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), socket.port())
    } else {
        socket
    }
}

fn in_address(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}
