//! Where a hive can be called: an address, a name, or the relay at which it waits. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Longer relays leave no room for anything else in the link of an invitation.
const RELAY_BYTES_MAX: usize = 48;
const NAME_BYTES_MAX: usize = 48;

/// Where a hive can be called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Address(SocketAddr),
    /// A name that is looked up at each call, and a port.
    Name(String, u16),
    /// The address of a relay, such as `https://relay.example.org`.
    Relay(String),
}

/// Why a text is no place, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    #[error("it lacks a port; write it like home.example.org:7539 or 203.0.113.7:7539")]
    Port,
    #[error("no hive can be called at port 0")]
    PortZero,
    #[error("it names every address of a machine; write the one that friends call")]
    Unspecified,
    #[error("it is neither an address nor a name; write it like home.example.org:7539")]
    Name,
    #[error("it is too long for an invitation; 48 characters are allowed")]
    Long,
    #[error("a relay begins with https:// (or http:// on one's own network)")]
    Scheme,
    #[error("a relay is written like https://relay.example.org, without a path")]
    Relay,
}

impl Place {
    pub(crate) const fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(..) | Self::Relay(_) => None,
        }
    }
}

impl From<SocketAddr> for Place {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(formatter),
            Self::Name(name, port) => write!(formatter, "{name}:{port}"),
            Self::Relay(url) => formatter.write_str(url),
        }
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let text = text.trim();
        if text.contains("://") {
            return relay(text);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return match address {
                address if address.port() == 0 => Err(NoPlace::PortZero),
                address if address.ip().is_unspecified() => Err(NoPlace::Unspecified),
                address => Ok(Self::Address(address)),
            };
        }
        if text.parse::<IpAddr>().is_ok() {
            return Err(NoPlace::Port);
        }
        let (name, port) = text.rsplit_once(':').ok_or(NoPlace::Port)?;
        let port: u16 = port.parse().map_err(|_| NoPlace::Port)?;
        if port == 0 {
            return Err(NoPlace::PortZero);
        }
        host(name)?;
        Ok(Self::Name(name.to_ascii_lowercase(), port))
    }
}

fn relay(text: &str) -> Result<Place, NoPlace> {
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://").ok_or(NoPlace::Scheme)?;
    if !matches!(scheme, "http" | "https") {
        return Err(NoPlace::Scheme);
    }
    let rest = rest.trim_end_matches('/');
    let place = Place::Relay(format!("{scheme}://{rest}"));
    if rest.len() > RELAY_BYTES_MAX {
        return Err(NoPlace::Long);
    }
    if rest.parse::<SocketAddr>().is_ok() || rest.parse::<IpAddr>().is_ok() {
        return Ok(place);
    }
    let name = match rest.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => name,
        Some(_) => return Err(NoPlace::Relay),
        None => rest,
    };
    host(name).map_err(|_| NoPlace::Relay)?;
    Ok(place)
}

/// What DNS can know: letters, digits, hyphens and dots.
fn host(name: &str) -> Result<(), NoPlace> {
    if name.len() > NAME_BYTES_MAX {
        return Err(NoPlace::Long);
    }
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !part.is_empty() && part.bytes().all(plain) && !part.starts_with('-')
    };
    // Four numbers that are no address are no name either.
    let letters = name.bytes().any(|byte| byte.is_ascii_alphabetic());
    let well = letters && name.trim_end_matches('.').split('.').all(part);
    if well { Ok(()) } else { Err(NoPlace::Name) }
}

/// Whether an address is one of a local network.
pub(crate) fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for text in [
            "203.0.113.7:7539",
            "[2001:db8::7]:7539",
            "home.example.org:7539",
            "https://relay.example.org",
            "http://127.0.0.1:7540",
            "https://relay.example.org:8443",
        ] {
            let place: Place = text.parse().expect(text);
            assert_eq!(place.to_string(), text);
        }
        let relay: Place = " HTTPS://Relay.Example.org./ ".parse().expect("it reads");
        assert_eq!(relay.to_string(), "https://relay.example.org.");
    }

    #[test]
    fn what_is_no_place_says_why() {
        for (text, why) in [
            ("203.0.113.7", NoPlace::Port),
            ("home.example.org", NoPlace::Port),
            ("home.example.org:many", NoPlace::Port),
            ("home.example.org:0", NoPlace::PortZero),
            ("0.0.0.0:7539", NoPlace::Unspecified),
            ("ho me:7539", NoPlace::Name),
            ("300.1.1.1:7539", NoPlace::Name),
            (":7539", NoPlace::Name),
            ("ftp://relay.example.org", NoPlace::Scheme),
            ("https://", NoPlace::Relay),
            ("https://relay.example.org/path", NoPlace::Relay),
        ] {
            assert_eq!(text.parse::<Place>(), Err(why), "{text}");
        }
        let long = format!("https://{}.example.org", "a".repeat(60));
        assert_eq!(long.parse::<Place>(), Err(NoPlace::Long));
    }
}
