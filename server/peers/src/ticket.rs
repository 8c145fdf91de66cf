//! What is handed to somebody who is invited: a link, three words; and the words that two hives
//! show to be sure of each other. Pure.

use std::net::{IpAddr, SocketAddr};

use data_encoding::BASE32_NOPAD;
use types::HiveId;

use crate::{Place, Refusal};

/// Longer links wrap in messengers and make dense QR codes.
pub(crate) const LINK_BYTES_MAX: usize = 200;
const SCHEME: &str = "skep://join/";
const FORM: u8 = 1;
/// For places and the name together; so much of it is kept for the name.
const REST_BYTES_MAX: usize = 64;
const NAME_BYTES_MIN: usize = 10;
const NAME_BYTES_MAX: usize = 20;
/// What a place is: an address of either kind, a name, a relay with or without TLS.
const V4: u8 = 4;
const V6: u8 = 6;
const NAME: u8 = 7;
const RELAY: u8 = 8;
const PLAIN_RELAY: u8 = 9;
const WORDS_CONTEXT: &str = "Skep 2026-11 words of an invitation";
const PHRASE_CONTEXT: &str = "Skep 2026-11 phrase of two hives";
const WORDS: &str = include_str!("words.txt");
const WORD_BITS: usize = 11;

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) hive: HiveId,
    pub(crate) secret: [u8; 16],
    /// The most helpful first; what does not fit is left out.
    pub(crate) places: Vec<Place>,
    /// Whose invitation it is; for people, cut to what fits.
    pub(crate) name: String,
}

impl Link {
    pub(crate) fn write(&self) -> String {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(self.hive.as_bytes());
        bytes.extend_from_slice(&self.secret);
        let mut places = Vec::new();
        let mut count = 0;
        for place in &self.places {
            let place = write_place(place);
            if places.len() + place.len() <= REST_BYTES_MAX - NAME_BYTES_MIN {
                places.extend(place);
                count += 1;
            }
        }
        bytes.push(count);
        let name_bytes = NAME_BYTES_MAX.min(REST_BYTES_MAX - places.len());
        bytes.extend(places);
        let mut end = self.name.len().min(name_bytes);
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        bytes.extend_from_slice(&self.name.as_bytes()[..end]);
        format!("{SCHEME}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.len() > LINK_BYTES_MAX {
            return Err(Refusal::NoInvitation);
        }
        Self::parse(text).ok_or(Refusal::NoInvitation)
    }

    fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let rest = lower.strip_prefix("skep:")?.trim_start_matches('/');
        let rest = rest.strip_prefix("join/").unwrap_or(rest).trim_end_matches('/');
        let bytes = BASE32_NOPAD.decode(rest.to_ascii_uppercase().as_bytes()).ok()?;
        let mut bytes = bytes.as_slice();
        let mut take = |count: usize| {
            let (taken, left) = bytes.split_at_checked(count)?;
            bytes = left;
            Some(taken)
        };
        if take(1)? != [FORM] {
            return None;
        }
        let hive = HiveId::from_bytes(take(32)?.try_into().ok()?);
        let secret = take(16)?.try_into().ok()?;
        let mut places = Vec::new();
        for _ in 0..take(1)?[0] {
            places.push(match take(1)?[0] {
                V4 => address(<[u8; 4]>::try_from(take(4)?).ok()?, take(2)?)?,
                V6 => address(<[u8; 16]>::try_from(take(16)?).ok()?, take(2)?)?,
                NAME => {
                    let name = text_of(&mut take)?;
                    Place::Name(name, u16::from_be_bytes(take(2)?.try_into().ok()?))
                }
                RELAY => format!("https://{}", text_of(&mut take)?).parse().ok()?,
                PLAIN_RELAY => format!("http://{}", text_of(&mut take)?).parse().ok()?,
                _ => return None,
            });
        }
        let name = String::from_utf8(bytes.to_vec()).ok()?;
        Some(Self { hive, secret, places, name })
    }
}

fn write_place(place: &Place) -> Vec<u8> {
    let with_length = |kind: u8, text: &str| {
        let mut bytes = vec![kind, u8::try_from(text.len()).unwrap_or(u8::MAX)];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    match place {
        Place::Address(address) => {
            let mut bytes = match address.ip().to_canonical() {
                IpAddr::V4(ip) => [&[V4][..], &ip.octets()].concat(),
                IpAddr::V6(ip) => [&[V6][..], &ip.octets()].concat(),
            };
            bytes.extend_from_slice(&address.port().to_be_bytes());
            bytes
        }
        Place::Name(name, port) => {
            let mut bytes = with_length(NAME, name);
            bytes.extend_from_slice(&port.to_be_bytes());
            bytes
        }
        Place::Relay(url) => match url.split_once("://") {
            Some(("http", rest)) => with_length(PLAIN_RELAY, rest),
            Some((_, rest)) => with_length(RELAY, rest),
            None => with_length(RELAY, url),
        },
    }
}

fn address(ip: impl Into<IpAddr>, port: &[u8]) -> Option<Place> {
    let port = u16::from_be_bytes(port.try_into().ok()?);
    Some(Place::Address(SocketAddr::new(ip.into(), port)))
}

fn text_of<'a>(take: &mut impl FnMut(usize) -> Option<&'a [u8]>) -> Option<String> {
    let length = usize::from(take(1)?[0]);
    String::from_utf8(take(length)?.to_vec()).ok()
}

/// The three words that stand for a secret on one network.
pub(crate) fn words_of(secret: &[u8; 16]) -> String {
    pick::<3>(&blake3::derive_key(WORDS_CONTEXT, secret)).join(" ")
}

/// The words as they are compared, if they are three words at all.
pub(crate) fn tidy_words(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphabetic())
        .filter(|word| !word.is_empty())
        .collect();
    (words.len() == 3).then(|| words.join(" "))
}

/// Four words that two hives have in common, whoever asks.
pub(crate) fn phrase(one: HiveId, two: HiveId) -> [String; 4] {
    let (low, high) = if one < two { (one, two) } else { (two, one) };
    let both = [low.as_bytes().as_slice(), high.as_bytes()].concat();
    pick(&blake3::derive_key(PHRASE_CONTEXT, &both)).map(str::to_owned)
}

fn pick<const COUNT: usize>(bytes: &[u8; 32]) -> [&'static str; COUNT] {
    let words: Vec<&str> = WORDS.split_ascii_whitespace().collect();
    let bit = |index: usize| usize::from(bytes[index / 8] >> (7 - index % 8) & 1);
    std::array::from_fn(|word| {
        let start = word * WORD_BITS;
        let number = (start..start + WORD_BITS).fold(0, |number, index| number * 2 + bit(index));
        words[number % words.len()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(places: Vec<Place>, name: &str) -> Link {
        Link { hive: HiveId::from_bytes([7; 32]), secret: [9; 16], places, name: name.to_owned() }
    }

    fn places(texts: &[&str]) -> Vec<Place> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    #[test]
    fn a_link_is_short_and_read_again() {
        let link =
            link(places(&["192.168.1.20:7539", "10.0.0.3:7539", "[2001:db8::7]:7539"]), "Ada");
        let text = link.write();
        assert!(text.len() < LINK_BYTES_MAX, "{} bytes", text.len());
        assert_eq!(Link::read(&text), Ok(link.clone()));
        assert_eq!(Link::read(&format!("  {}\n", text.to_uppercase())), Ok(link));
    }

    #[test]
    fn a_link_stays_short_whatever_goes_in() {
        let addresses = (0..40u16)
            .map(|port| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, port], 7_539)))
            .map(Place::from)
            .collect();
        let text = link(addresses, &"ü".repeat(200)).write();
        assert!(text.len() < LINK_BYTES_MAX, "{} bytes", text.len());
        let read = Link::read(&text).expect("it reads");
        assert_eq!(read.places.len(), 2);
    }

    #[test]
    fn a_link_tells_the_relay_and_names() {
        let link = link(
            places(&["https://relay.example.org", "home.example.org:7539", "10.0.0.3:7539"]),
            "Ada",
        );
        let text = link.write();
        assert!(text.len() < LINK_BYTES_MAX, "{} bytes", text.len());
        assert_eq!(Link::read(&text), Ok(link));
    }

    #[test]
    fn the_longest_relay_fits_into_a_link() {
        let relay = format!("http://{}.example.org:7540", "r".repeat(31));
        let link = link(places(&[&relay, "10.0.0.3:7539"]), &"ü".repeat(200));
        let text = link.write();
        assert!(text.len() < LINK_BYTES_MAX, "{} bytes", text.len());
        let read = Link::read(&text).expect("it reads");
        assert_eq!(read.places, places(&[&relay]));
        assert_eq!(read.name, "ü".repeat(read.name.chars().count()));
        assert!(read.name.chars().count() >= 5, "{}", read.name);
    }

    #[test]
    fn what_is_no_link_is_refused() {
        let good = link(Vec::new(), "Ada").write();
        for bad in ["", "skep:", "skep://join/", "https://example.org", "skep://join/aaaa", "1"] {
            assert_eq!(Link::read(bad), Err(Refusal::NoInvitation), "{bad}");
        }
        for end in 0..70 {
            assert_eq!(Link::read(&good[..end]), Err(Refusal::NoInvitation), "{end}");
        }
    }

    #[test]
    fn the_words_are_plain_and_all_different() {
        let words: Vec<&str> = WORDS.split_ascii_whitespace().collect();
        assert_eq!(words.len(), 1 << WORD_BITS);
        let mut sorted = words.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), words.len());
        let plain = |word: &&str| {
            (3..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
        };
        assert!(words.iter().all(plain));
    }

    #[test]
    fn words_are_read_as_people_write_them() {
        let words = words_of(&[3; 16]);
        assert_eq!(tidy_words(&words), Some(words.clone()));
        assert_eq!(
            tidy_words(&format!(" {} ", words.to_uppercase().replace(' ', "-"))),
            Some(words)
        );
        assert_eq!(tidy_words("two words"), None);
    }

    #[test]
    fn both_ends_see_the_same_phrase() {
        let (one, two) = (HiveId::from_bytes([1; 32]), HiveId::from_bytes([2; 32]));
        assert_eq!(phrase(one, two), phrase(two, one));
        assert_ne!(phrase(one, two), phrase(one, HiveId::from_bytes([3; 32])));
    }
}
