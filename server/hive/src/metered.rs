//! Whether the network costs by the byte, as NetworkManager tells. Asked only while somebody wants
//! to know; where nobody tells, the network counts as one that does not.

use std::sync::Arc;

use tokio::sync::watch;
use web::friends::Network;

/// What is known of the network, and whether that is wanted.
pub(crate) struct Metered {
    wanted: watch::Sender<bool>,
    known: watch::Sender<Network>,
}

impl Metered {
    pub(crate) fn new() -> Self {
        Self { wanted: watch::Sender::new(false), known: watch::Sender::new(Network::Unknown) }
    }

    pub(crate) fn want(&self, wanted: bool) {
        self.wanted.send_if_modified(|was| std::mem::replace(was, wanted) != wanted);
    }

    /// `None` while nobody wants to know.
    pub(crate) fn network(&self) -> Option<Network> {
        self.wanted.borrow().then(|| *self.known.borrow())
    }

    pub(crate) fn changes(&self) -> watch::Receiver<Network> {
        self.known.subscribe()
    }

    fn is(&self, network: Network) {
        self.known.send_if_modified(|was| std::mem::replace(was, network) != network);
    }
}

/// Follows the network for as long as that is wanted.
pub(crate) async fn follow(metered: Arc<Metered>) {
    let mut wanted = metered.wanted.subscribe();
    while wanted.wait_for(|wanted| *wanted).await.is_ok() {
        tokio::select! {
            () = ask(&metered) => {}
            unwanted = wanted.wait_for(|wanted| !wanted) => if unwanted.is_err() { return },
        }
    }
}

#[cfg(not(target_os = "linux"))]
async fn ask(_: &Metered) {
    std::future::pending().await
}

#[cfg(target_os = "linux")]
async fn ask(metered: &Metered) {
    /// How soon a system without NetworkManager is asked again.
    const AGAIN: std::time::Duration = std::time::Duration::from_secs(5 * 60);
    let told = match zbus::Connection::system().await {
        Ok(bus) => linux::hear(&bus, |network| metered.is(network)).await,
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        tracing::debug!(%error, "nobody tells whether the network is metered");
    }
    metered.is(Network::Unknown);
    tokio::time::sleep(AGAIN).await;
}

#[cfg(target_os = "linux")]
mod linux {
    use futures::StreamExt;
    use web::friends::Network;
    use zbus::{Connection, Proxy};

    const NAME: &str = "org.freedesktop.NetworkManager";
    const PATH: &str = "/org/freedesktop/NetworkManager";
    const PROPERTY: &str = "Metered";

    /// Tells the state now and each time it changes, until the connection ends.
    pub(super) async fn hear(bus: &Connection, mut tell: impl FnMut(Network)) -> zbus::Result<()> {
        let manager = Proxy::new(bus, NAME, PATH, NAME).await?;
        let mut changes = manager.receive_property_changed::<u32>(PROPERTY).await;
        tell(meaning(manager.get_property(PROPERTY).await?));
        while let Some(change) = changes.next().await {
            tell(meaning(change.get().await?));
        }
        Ok(())
    }

    /// `NMMetered`: 0 unknown, 1 yes, 2 no, 3 a guess that yes, 4 a guess that no.
    fn meaning(number: u32) -> Network {
        match number {
            1 | 3 => Network::Metered,
            2 | 4 => Network::Unmetered,
            _ => Network::Unknown,
        }
    }

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use tokio::sync::mpsc;
        use zbus::connection::Builder;

        use super::*;

        struct Manager(u32);

        #[zbus::interface(name = "org.freedesktop.NetworkManager")]
        impl Manager {
            #[zbus(property)]
            fn metered(&self) -> u32 {
                self.0
            }
        }

        #[tokio::test]
        async fn the_network_is_what_the_system_says_now_and_later() {
            let (near, far) = tokio::net::UnixStream::pair().expect("a pair");
            let server = Builder::unix_stream(far).p2p();
            let server = server.server(zbus::Guid::generate()).expect("a server");
            let server = server.serve_at(PATH, Manager(4)).expect("an object");
            let client = Builder::unix_stream(near).p2p();
            let (server, client) =
                tokio::try_join!(server.build(), client.build()).expect("they speak");
            let (told, mut heard) = mpsc::unbounded_channel();
            let listening = tokio::spawn(async move {
                hear(&client, |network| told.send(network).unwrap_or_default()).await
            });
            let object = server.object_server().interface::<_, Manager>(PATH).await.expect("there");
            for (number, network) in
                [(4, Network::Unmetered), (1, Network::Metered), (0, Network::Unknown)]
            {
                let mut manager = object.get_mut().await;
                manager.0 = number;
                manager.metered_changed(object.signal_emitter()).await.expect("it is told");
                drop(manager);
                let said = async { while heard.recv().await != Some(network) {} };
                tokio::time::timeout(Duration::from_secs(20), said).await.expect("it is heard");
            }
            listening.abort();
        }
    }
}
