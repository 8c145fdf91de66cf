//! Random ids: 128 bits, written as 26 lower-case base32 characters.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, Specification};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// How many characters a link's id has: 50 bits, enough to tell links apart; it is no secret.
pub const LINK_ID_CHARS: usize = 10;

/// Text that is no id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no id of this hive")]
pub struct BadId {
    pub text: String,
}

macro_rules! make_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Draws a new id.
            pub fn draw(chance: &mut dyn Rng) -> Self {
                let mut bytes = [0; 16];
                chance.fill_bytes(&mut bytes);
                Self(bytes)
            }

            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({})", stringify!($name), encode(&self.0))
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let bad = || BadId { text: text.chars().take(64).collect() };
                let bytes = decode(text).ok_or_else(bad)?;
                Ok(Self(bytes.try_into().map_err(|_| bad())?))
            }
        }
    };
}

make_id!(
    /// A human known to this hive.
    PersonId
);
make_id!(
    /// A shared folder, or a folder of which one file is shared.
    ShareId
);
make_id!(
    /// A file or folder inside a share; survives renames.
    FileId
);
make_id!(
    /// One browser that signed in.
    SessionId
);
make_id!(
    /// An API token, or a token for one document.
    TokenId
);
make_id!(
    /// Friends under one name.
    GroupId
);
make_id!(
    /// An invitation to become a friend.
    InvitationId
);
make_id!(
    /// One unbroken life of a document's CRDT: states of different generations never merge.
    Generation
);

/// The public name of a link: short enough to recognise in an address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LinkId(String);

impl LinkId {
    pub fn draw(chance: &mut dyn Rng) -> Self {
        let mut bytes = [0; 16];
        chance.fill_bytes(&mut bytes);
        Self(encode(&bytes)[..LINK_ID_CHARS].to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for LinkId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let fits = text.len() == LINK_ID_CHARS
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadId { text: text.chars().take(64).collect() })
        }
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut lower = Specification::new();
    lower.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    lower.encoding().ok()?.decode(text.as_bytes()).ok()
}
