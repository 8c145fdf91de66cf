//! Hives on the local network, by mDNS: each says who it is and where it listens.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::task::JoinHandle;
use types::HiveId;

use crate::Nearby;
use crate::shared::Shared;

const SERVICE: &str = "_skep._tcp.local.";
const NEARBY_MAX: usize = 256;

/// Speaks mDNS until it is dropped.
pub(crate) struct Beacon {
    daemon: ServiceDaemon,
    task: JoinHandle<()>,
}

impl Drop for Beacon {
    fn drop(&mut self) {
        self.task.abort();
        if let Err(error) = self.daemon.shutdown() {
            tracing::debug!(%error, "mDNS did not stop");
        }
    }
}

pub(crate) fn light(shared: &Arc<Shared>, port: u16) -> Result<Beacon, mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    let id = shared.own.to_string();
    let name = shared.house.about().name;
    let short = &id[..20];
    let properties = [("id", id.as_str()), ("name", name.as_str())];
    let host = format!("skep-{short}.local.");
    let info = ServiceInfo::new(SERVICE, short, &host, "", port, &properties[..])?;
    daemon.register(info.enable_addr_auto())?;
    let events = daemon.browse(SERVICE)?;
    let shared = shared.clone();
    let task = tokio::spawn(async move {
        while let Ok(event) = events.recv_async().await {
            match event {
                ServiceEvent::ServiceResolved(found) => {
                    let id = found.get_property_val_str("id").and_then(|id| id.parse().ok());
                    let Some(hive): Option<HiveId> = id else { continue };
                    let name = found.get_property_val_str("name").unwrap_or_default();
                    let mut addresses: Vec<SocketAddr> = found
                        .get_addresses()
                        .iter()
                        .map(|ip| SocketAddr::new(ip.to_ip_addr(), found.get_port()))
                        .filter(|address| is_callable(address.ip()))
                        .take(8)
                        .collect();
                    addresses.sort_unstable();
                    let name = name.chars().take(100).collect();
                    note(&shared, Nearby { hive, name, addresses });
                }
                ServiceEvent::ServiceRemoved(_, full_name) => {
                    shared.nearby.send_if_modified(|places| {
                        let before = places.len();
                        places
                            .retain(|place| !full_name.starts_with(&place.hive.to_string()[..20]));
                        before != places.len()
                    });
                }
                _ => {}
            }
        }
    });
    Ok(Beacon { daemon, task })
}

/// An address of one link alone cannot be called without naming the link.
fn is_callable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    }
}

pub(crate) fn note(shared: &Shared, found: Nearby) {
    if found.hive == shared.own {
        return;
    }
    shared.nearby.send_if_modified(|places| {
        if places.contains(&found) {
            return false;
        }
        places.retain(|place| place.hive != found.hive);
        if places.len() < NEARBY_MAX {
            places.push(found);
        }
        true
    });
}
