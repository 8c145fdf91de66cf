//! A link's password, kept as Argon2id (RFC 9106, the crate's recommended parameters).

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};

use crate::Error;

const PASSWORD_CHARS_MAX: usize = 200;

/// A hashed password.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub(crate) String);

impl Password {
    /// Hashes a new password. Takes tens of milliseconds: not for the writer's thread.
    pub fn new(plain: &str) -> Result<Self, Error> {
        if plain.is_empty() || plain.chars().count() > PASSWORD_CHARS_MAX {
            let words = format!("A password has 1 to {PASSWORD_CHARS_MAX} characters.");
            return Err(Error::Refused(words));
        }
        match Argon2::default().hash_password(plain.as_bytes()) {
            Ok(hash) => Ok(Self(hash.to_string())),
            Err(error) => Err(Error::Refused(format!("The password could not be kept: {error}."))),
        }
    }
}

/// Whether what was given fits what the link asks for. Slow on purpose, like [`Password::new`].
pub fn password_fits(asked: Option<&Password>, given: Option<&str>) -> Result<(), Error> {
    let Some(asked) = asked else { return Ok(()) };
    let given = given.filter(|given| !given.is_empty()).ok_or(Error::PasswordNeeded)?;
    let hash = PasswordHash::new(&asked.0).map_err(|_| Error::PasswordWrong)?;
    Argon2::default().verify_password(given.as_bytes(), &hash).map_err(|_| Error::PasswordWrong)
}
