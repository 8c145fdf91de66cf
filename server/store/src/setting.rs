//! Facts about the hive itself that belong to its data rather than to its configuration.

use rusqlite::OptionalExtension;
use rusqlite::params;

use crate::{Error, Tx, View};

pub fn setting(view: &View, key: &str) -> Result<Option<String>, Error> {
    Ok(view
        .prepare_cached("SELECT value FROM setting WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// Sets or, with `None`, forgets a fact, and announces it as kind `settings`.
pub fn set_setting(tx: &Tx, key: &str, value: Option<&str>) -> Result<(), Error> {
    match value {
        Some(value) => tx.execute(
            "INSERT INTO setting (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![key, value],
        )?,
        None => tx.execute("DELETE FROM setting WHERE key = ?1", [key])?,
    };
    tx.announce("settings", key, None)
}
