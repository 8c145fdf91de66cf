//! A relay of one's own: hives that share no direct path meet at it. It sees who talks to whom and
//! how much, and never what: hives encrypt from end to end.

use std::io;
use std::net::SocketAddr;

use iroh_relay::server::{RelayConfig, Server, ServerConfig};

/// A running relay. Ends when it is dropped.
pub struct Relay {
    server: Server,
    address: SocketAddr,
}

impl Relay {
    /// Listens for plain HTTP: on loopback, or behind a proxy that speaks TLS.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        // The server's own error does not tell a taken port from others.
        drop(tokio::net::TcpListener::bind(address).await?);
        let mut config = ServerConfig::default();
        config.relay = Some(RelayConfig::new(address));
        let server = Server::spawn(config).await.map_err(io::Error::other)?;
        let address = server.http_addr().ok_or_else(|| io::Error::other("it does not listen"))?;
        Ok(Self { server, address })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn close(self) {
        if let Err(error) = self.server.shutdown().await {
            tracing::debug!(%error, "the relay did not end in order");
        }
    }
}
