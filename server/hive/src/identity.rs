//! Who this hive is: an Ed25519 key that it makes at its first start and keeps.

use ed25519_dalek::{Signer as _, SigningKey};
use rand::Rng;
use types::{HiveId, Signature, Signer};

use crate::secrets::{self, Keeper};
use crate::{Config, Error, Places, wire};

/// The hive's key, and what the owner should know of how its secret half is kept.
pub(crate) struct Identity {
    key: SigningKey,
    pub(crate) warnings: Vec<wire::Warning>,
}

impl Identity {
    /// The secret half, for links that sign with it themselves.
    pub(crate) fn secret(&self) -> [u8; 32] {
        self.key.to_bytes()
    }
}

impl Signer for Identity {
    fn hive(&self) -> HiveId {
        HiveId::from_bytes(self.key.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature::from_bytes(self.key.sign(message).to_bytes())
    }
}

pub(crate) async fn load(places: &Places, config: &Config) -> Result<Identity, Error> {
    let (places, config) = (places.clone(), config.clone());
    let loaded = tokio::task::spawn_blocking(move || {
        secrets::load_or_make(&places, &config, || {
            let mut secret = [0; 32];
            rand::make_rng::<rand::rngs::StdRng>().fill_bytes(&mut secret);
            secret
        })
    });
    let (secret, keeper) =
        loaded.await.map_err(|error| Error::Secret { why: error.to_string() })??;
    Ok(Identity {
        key: SigningKey::from_bytes(&secret),
        warnings: warning(keeper).into_iter().collect(),
    })
}

fn warning(keeper: Keeper) -> Option<wire::Warning> {
    let Keeper::File { why: Some(why) } = keeper else { return None };
    Some(wire::Warning {
        code: "secret_in_file".to_owned(),
        detail: format!(
            "The hive's secret key is kept in a file that only your account can read, because the \
             system's keyring could not keep it: {why}."
        ),
        hint: "That is safe as long as nobody else uses your account.".to_owned(),
    })
}
