//! The hive as its owner sees it: what it is called, and whether all of it is paused.

use store::{Tx, View};
use types::Time;

use crate::{Error, Pause, db, name_checked};

const NAME: &str = "hive_name";
/// `since until`, both in milliseconds; `until` is `-` for "until resumed".
const PAUSED: &str = "paused";

/// What the hive is called: as its owner named it, else after its owner.
pub fn hive_name(view: &View) -> Result<String, Error> {
    if let Some(name) = store::setting(view, NAME)? {
        return Ok(name);
    }
    let owner = db::owner(view)?;
    Ok(owner.map_or_else(|| "Skep".to_owned(), |owner| format!("{}'s hive", owner.name)))
}

pub fn rename_hive(tx: &Tx, name: &str) -> Result<(), Error> {
    Ok(store::set_setting(tx, NAME, Some(&name_checked(name)?))?)
}

/// The pause of the whole hive that holds now.
pub fn hive_pause(view: &View) -> Result<Option<Pause>, Error> {
    Ok(pause_set(view)?.filter(|pause| pause.holds(view.now())))
}

/// Pauses everything: links, guests, friends; `None` resumes.
pub fn pause_hive(tx: &Tx, pause: Option<Pause>) -> Result<(), Error> {
    let value = pause.map(|Pause { since, until }| {
        let until = until.map_or_else(|| "-".to_owned(), |until| until.0.to_string());
        format!("{} {until}", since.0)
    });
    Ok(store::set_setting(tx, PAUSED, value.as_deref())?)
}

/// When the pause of the whole hive ends by itself.
pub(crate) fn hive_pause_end(view: &View) -> Result<Option<Time>, Error> {
    Ok(hive_pause(view)?.and_then(|pause| pause.until))
}

fn pause_set(view: &View) -> Result<Option<Pause>, Error> {
    let Some(text) = store::setting(view, PAUSED)? else { return Ok(None) };
    let (since, until) = text.split_once(' ').unwrap_or((&text, "-"));
    let since = Time(since.parse().unwrap_or_default());
    Ok(Some(Pause { since, until: until.parse().ok().map(Time) }))
}
