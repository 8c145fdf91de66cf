//! The humans known to this hive.

use store::{Tx, View};
use types::{PersonId, Time};

use crate::{Error, db};

/// How many picture colours there are.
pub const HUES: u8 = 12;
const NAME_CHARS_MAX: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Owner,
    Guest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: PersonId,
    pub role: Role,
    pub name: String,
    /// 0 to 11, one of the twelve colours for people.
    pub hue: u8,
    pub created_at: Time,
}

pub fn owner(view: &View) -> Result<Option<Person>, Error> {
    db::owner(view)
}

pub fn person(view: &View, id: PersonId) -> Result<Person, Error> {
    db::person(view, id)?.ok_or(Error::Gone("person"))
}

/// The owner, made with this name if the hive has none yet.
pub fn ensure_owner(tx: &mut Tx, name: &str) -> Result<Person, Error> {
    if let Some(owner) = db::owner(tx)? {
        return Ok(owner);
    }
    let id = PersonId::draw(tx.chance());
    let hue = id.as_bytes()[0] % HUES;
    let name = name_checked(name).unwrap_or_else(|_| "Owner".to_owned());
    let owner = Person { id, role: Role::Owner, name, hue, created_at: tx.now() };
    db::save_person(tx, &owner)?;
    tx.announce("person", &id.to_string(), None)?;
    Ok(owner)
}

/// A new guest. The colour differs from the owner's.
pub fn guest_named(tx: &mut Tx, name: Option<&str>) -> Result<Person, Error> {
    let id = PersonId::draw(tx.chance());
    let mut hue = id.as_bytes()[0] % HUES;
    if db::owner(tx)?.is_some_and(|owner| owner.hue == hue) {
        hue = (hue + HUES / 2) % HUES;
    }
    let name = match name {
        Some(name) => name_checked(name)?,
        None => String::new(),
    };
    let guest = Person { id, role: Role::Guest, name, hue, created_at: tx.now() };
    db::save_person(tx, &guest)?;
    Ok(guest)
}

pub fn rename(tx: &Tx, id: PersonId, name: Option<&str>, hue: Option<u8>) -> Result<Person, Error> {
    let mut person = person(tx, id)?;
    if let Some(name) = name {
        person.name = name_checked(name)?;
    }
    if let Some(hue) = hue {
        if hue >= HUES {
            return Err(Error::Refused(format!("There are {HUES} colours, 0 to 11.")));
        }
        person.hue = hue;
    }
    db::save_person(tx, &person)?;
    tx.announce("person", &id.to_string(), None)?;
    Ok(person)
}

/// A name as it is shown: trimmed, 1 to 60 characters, nothing that cannot be seen.
pub fn name_checked(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::Refused("The name is empty. Type at least one letter.".to_owned()));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        let words = format!("The name is longer than {NAME_CHARS_MAX} characters.");
        return Err(Error::Refused(words));
    }
    if !is_shown(name) {
        let words = "The name holds a character that cannot be shown.";
        return Err(Error::Refused(words.to_owned()));
    }
    Ok(name.to_owned())
}

/// Whether a text holds nothing that cannot be seen.
pub(crate) fn is_shown(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || is_direction_mark(c))
}

/// Marks that turn the direction of text can make one name look like another.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
