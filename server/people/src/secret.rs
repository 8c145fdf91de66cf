//! Secrets: 160 random bits, written as 32 base32 characters, kept as a hash.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use rand::Rng;

const SECRET_BYTES: usize = 20;
const SECRET_CHARS: usize = 32;
/// Domain separation of the hash, see BLAKE3's `derive_key`.
const CONTEXT: &str = "Skep 2026-11 secret of a link, session or token";

/// A secret as its holder knows it. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn draw(chance: &mut dyn Rng) -> Self {
        let mut bytes = [0; SECRET_BYTES];
        chance.fill_bytes(&mut bytes);
        Self(BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// Reads what somebody presented; `None` if it cannot be a secret of ours.
    pub fn read(text: &str) -> Option<Self> {
        let fits = text.len() == SECRET_CHARS
            && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is kept of it. The secret has full entropy, so a fast hash is enough, and looking a
    /// hash up in an index tells nothing by its timing.
    pub(crate) fn hash(&self) -> [u8; 32] {
        blake3::derive_key(CONTEXT, self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
