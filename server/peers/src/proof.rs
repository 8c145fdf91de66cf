//! How two hives prove to each other that they know the same three words, so that nobody who
//! listens or asks can try words out (SPAKE2, RFC 9382's ancestor): each try costs a call.

use spake2::{Ed25519Group, Identity, Password, Spake2};
use subtle::ConstantTimeEq;
use types::HiveId;

const CONTEXT: &str = "Skep 2026-11 proof of words";

/// The caller's side.
pub(crate) struct Asking(Spake2<Ed25519Group>);

impl Asking {
    pub(crate) fn begin(words: &str, caller: HiveId, called: HiveId) -> (Self, Vec<u8>) {
        let (state, message) = Spake2::start_a(
            &Password::new(words.as_bytes()),
            &Identity::new(caller.as_bytes()),
            &Identity::new(called.as_bytes()),
        );
        (Self(state), message)
    }

    /// The proof to send, if the called hive proved the same words.
    pub(crate) fn finish(self, message: &[u8], proof: &[u8; 32]) -> Option<[u8; 32]> {
        let key = self.0.finish(message).ok()?;
        let right: bool = prove(&key, "called").ct_eq(proof).into();
        right.then(|| prove(&key, "caller"))
    }
}

/// The called side: what to send, and the proof to expect.
pub(crate) struct Asked {
    pub(crate) message: Vec<u8>,
    pub(crate) proof: [u8; 32],
    expected: [u8; 32],
}

impl Asked {
    pub(crate) fn answer(
        words: &str,
        caller: HiveId,
        called: HiveId,
        message: &[u8],
    ) -> Option<Self> {
        let (state, own) = Spake2::<Ed25519Group>::start_b(
            &Password::new(words.as_bytes()),
            &Identity::new(caller.as_bytes()),
            &Identity::new(called.as_bytes()),
        );
        let key = state.finish(message).ok()?;
        Some(Self { message: own, proof: prove(&key, "called"), expected: prove(&key, "caller") })
    }

    pub(crate) fn is_proved_by(&self, proof: &[u8; 32]) -> bool {
        self.expected.ct_eq(proof).into()
    }
}

fn prove(key: &[u8], side: &str) -> [u8; 32] {
    *blake3::keyed_hash(&blake3::derive_key(CONTEXT, key), side.as_bytes()).as_bytes()
}
