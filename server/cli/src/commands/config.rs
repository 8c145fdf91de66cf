//! `skep config`.

use std::path::Path;

use hive::{Config, KEYS, Origin, Places};
use serde_json::{Map, json};

use crate::failure::Failure;
use crate::print;

pub(crate) fn get(home: Option<&Path>, key: Option<String>, json: bool) -> Result<(), Failure> {
    let config = Config::load(&Places::find(home)?.config)?;
    warn_of_unknown(&config);
    if let Some(name) = key {
        let Some((value, _)) = config.shown(&name) else {
            let names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
            let words = format!("There is no key {name}. The keys are {}.", names.join(", "));
            return Err(Failure::not_there(words));
        };
        return Ok(print::line(&value)?);
    }
    let mut rows = Vec::new();
    let mut all = Map::new();
    for key in KEYS {
        let Some((value, origin)) = config.shown(key.name) else { continue };
        let origin = word(origin);
        all.insert(key.name.to_owned(), json!({ "value": value, "origin": origin }));
        rows.push(vec![key.name.to_owned(), value, format!("({origin})"), key.about.to_owned()]);
    }
    if json {
        return Ok(print::json(&all)?);
    }
    Ok(print::table(&rows)?)
}

pub(crate) fn set(home: Option<&Path>, key: &str, value: &str) -> Result<(), Failure> {
    let mut config = Config::load(&Places::find(home)?.config)?;
    let overruled = matches!(config.shown(key), Some((_, Origin::Environment)));
    config.set(key, value)?;
    if overruled {
        let variable = hive::variable(key);
        let words =
            format!("{key} is {value} in the file, but the variable {variable} overrules it.");
        return Ok(print::line(&words)?);
    }
    print::line(&format!("{key} is {value} from the next start of the hive on."))?;
    if key == "listen.reach" {
        super::reach::explain(&config, value)?;
    }
    Ok(())
}

pub(crate) fn path(home: Option<&Path>) -> Result<(), Failure> {
    Ok(print::line(&Places::find(home)?.config.display().to_string())?)
}

/// Tells of names in the file that mean nothing: they are rather mistyped than meant for nobody.
pub(crate) fn warn_of_unknown(config: &Config) {
    for (name, nearest) in &config.unknown {
        let meant = nearest.map(|nearest| format!(" Do you mean {nearest}?")).unwrap_or_default();
        print::warning(&format!("the configuration names {name}, which means nothing.{meant}"));
    }
}

fn word(origin: Origin) -> &'static str {
    match origin {
        Origin::Default => "default",
        Origin::File => "file",
        Origin::Environment => "environment",
    }
}
