//! The configuration: defaults, then the file, then `SKEP_…` variables. Comments in the file stay.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use peers::{NoPlace, Place};
use toml_edit::{DocumentMut, Item, value};

use crate::Error;

/// One thing that can be configured.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub default: Value<&'static str>,
    pub about: &'static str,
    /// The words that are allowed; empty for anything.
    pub words: &'static [&'static str],
}

/// A configured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<T> {
    Text(T),
    Number(u16),
    /// Texts separated by commas.
    List(T),
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Default,
    File,
    Environment,
}

/// Everything that can be configured.
pub const KEYS: [Key; 11] = [
    Key {
        name: "listen.port",
        default: Value::Number(7537),
        about: "The port of the hive's pages and API; 0 for any that is free.",
        words: &[],
    },
    Key {
        name: "listen.reach",
        default: Value::Text("computer"),
        about: "From where the hive may be reached.",
        words: &["computer", "network", "internet"],
    },
    Key {
        name: "listen.hosts",
        default: Value::List(""),
        about: "Further names under which the hive may be called, for instance behind a proxy.",
        words: &[],
    },
    Key {
        name: "tls.mode",
        default: Value::Text("off"),
        about: "Who signs the certificate for the network: nobody, the hive itself, or yours.",
        words: &["off", "own", "given"],
    },
    Key {
        name: "tls.certificate",
        default: Value::Text(""),
        about: "With tls.mode = given: the certificate chain, a PEM file.",
        words: &[],
    },
    Key {
        name: "tls.key",
        default: Value::Text(""),
        about: "With tls.mode = given: its private key, a PEM file.",
        words: &[],
    },
    Key {
        name: "peers.port",
        default: Value::Number(7539),
        about: "The port that friends' hives call; 0 for any that is free.",
        words: &[],
    },
    Key {
        name: "peers.addresses",
        default: Value::List(""),
        about: "Further addresses that friends are told, such as home.example.org:7539.",
        words: &[],
    },
    Key {
        name: "peers.relays",
        default: Value::List(""),
        about: "Relays of your own, such as https://relay.example.org; then no public one is used.",
        words: &[],
    },
    Key {
        name: "mobwrite.port",
        default: Value::Number(3017),
        about: "The port for MobWrite's clients, open while a program has a token; 0 for any.",
        words: &[],
    },
    Key {
        name: "secrets.keeper",
        default: Value::Text("auto"),
        about: "Who keeps the hive's secret key: the system's keyring, a file, or as it comes.",
        words: &["auto", "keyring", "file"],
    },
];

/// The configuration in force, and where each value comes from.
#[derive(Debug, Clone)]
pub struct Config {
    path: PathBuf,
    values: BTreeMap<&'static str, (Value<String>, Origin)>,
    /// Names in the file that mean nothing, with the nearest that does.
    pub unknown: Vec<(String, Option<&'static str>)>,
}

impl Config {
    /// Reads the file, if there is one, and the environment.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let bad = |why: String| Error::Config { path: path.to_owned(), why };
        let document = read(path)?;
        let mut config =
            Self { path: path.to_owned(), values: BTreeMap::new(), unknown: unknown(&document) };
        for key in KEYS {
            let variable = variable(key.name);
            let from_file = lookup(&document, key.name);
            let (text, origin) = match (env::var(&variable).ok(), from_file) {
                (Some(text), _) => (text, Origin::Environment),
                (None, Some(item)) => (as_text(item), Origin::File),
                (None, None) => (default_text(key.default), Origin::Default),
            };
            let parsed = parse(&key, &text).map_err(|why| match origin {
                Origin::Environment => bad(format!("the variable {variable}: {why}")),
                Origin::File | Origin::Default => bad(why),
            })?;
            config.values.insert(key.name, (parsed, origin));
        }
        Ok(config)
    }

    pub fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some((Value::Text(text) | Value::List(text), _)) => text,
            Some((Value::Number(_), _)) | None => "",
        }
    }

    pub fn number(&self, name: &str) -> u16 {
        match self.values.get(name) {
            Some((Value::Number(number), _)) => *number,
            Some((Value::Text(_) | Value::List(_), _)) | None => 0,
        }
    }

    pub fn list(&self, name: &str) -> Vec<String> {
        let words = self.text(name).split(',').map(str::trim);
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// Where hives can be called, as a list names it.
    pub(crate) fn places(&self, name: &str) -> Vec<Place> {
        self.list(name).iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// The value as it is written, and where it comes from.
    pub fn shown(&self, name: &str) -> Option<(String, Origin)> {
        let (value, origin) = self.values.get(name)?;
        let text = match value {
            Value::Text(text) | Value::List(text) => text.clone(),
            Value::Number(number) => number.to_string(),
        };
        Some((text, *origin))
    }

    /// Whether a value can be set.
    pub fn check(&self, name: &str, text: &str) -> Result<(), Error> {
        self.parsed(name, text).map(drop)
    }

    /// Writes one value into the file, durably, keeping its comments and order.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let (key, parsed) = self.parsed(name, text)?;
        let mut document = read(&self.path)?;
        let (table, entry) = name.split_once('.').expect("every key must have a table");
        if !document.contains_table(table) {
            document[table] = Item::Table(toml_edit::Table::new());
        }
        document[table][entry] = match &parsed {
            Value::Text(text) => value(text.as_str()),
            Value::Number(number) => value(i64::from(*number)),
            Value::List(list) => {
                let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
                value(words.collect::<toml_edit::Array>())
            }
        };
        write(&self.path, &document.to_string())?;
        self.values.insert(key.name, (parsed, Origin::File));
        Ok(())
    }

    fn parsed(&self, name: &str, text: &str) -> Result<(&'static Key, Value<String>), Error> {
        let bad = |why: String| Error::Config { path: self.path.clone(), why };
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let nearest = nearest(name).map(|name| format!("; do you mean {name}"));
            return Err(bad(format!("there is no key {name}{}", nearest.unwrap_or_default())));
        };
        Ok((key, parse(key, text).map_err(bad)?))
    }
}

/// The variable that overrules a key: `SKEP_LISTEN_PORT` for `listen.port`.
pub fn variable(name: &str) -> String {
    format!("SKEP_{}", name.replace('.', "_").to_uppercase())
}

fn read(path: &Path) -> Result<DocumentMut, Error> {
    let bad = |why: String| Error::Config { path: path.to_owned(), why };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // Where no file can be, the data folder cannot be either, and says so better.
        Err(error) if is_absent(error.kind()) => String::new(),
        Err(error) => {
            let why = format!("it cannot be read ({error}). Allow your account to read it");
            return Err(bad(why));
        }
    };
    text.parse().map_err(|error: toml_edit::TomlError| bad(error.to_string().trim().to_owned()))
}

fn is_absent(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(kind, Kind::NotFound | Kind::NotADirectory | Kind::InvalidFilename)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let not_writable = |error: std::io::Error| Error::NotWritable {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(not_writable)?;
    let part = path.with_extension("toml.part");
    let mut file = fs::File::create(&part).map_err(not_writable)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(not_writable)?;
    fs::rename(&part, path).map_err(not_writable)?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(not_writable)
}

fn lookup<'a>(document: &'a DocumentMut, name: &str) -> Option<&'a Item> {
    let (table, entry) = name.split_once('.')?;
    document.get(table)?.get(entry)
}

fn as_text(item: &Item) -> String {
    match item.as_value() {
        Some(toml_edit::Value::String(text)) => text.value().clone(),
        Some(toml_edit::Value::Array(array)) => {
            let words: Vec<_> = array.iter().filter_map(|word| word.as_str()).collect();
            words.join(",")
        }
        // Without the comment behind it.
        Some(other) => other.clone().decorated("", "").to_string(),
        None => String::new(),
    }
}

fn default_text(default: Value<&str>) -> String {
    match default {
        Value::Text(text) | Value::List(text) => text.to_owned(),
        Value::Number(number) => number.to_string(),
    }
}

fn parse(key: &Key, text: &str) -> Result<Value<String>, String> {
    let name = key.name;
    match key.default {
        Value::Number(_) => match text.trim().parse() {
            Ok(number) => Ok(Value::Number(number)),
            Err(_) => Err(format!("{name} must be a number from 0 to 65535, and {text:?} is none")),
        },
        Value::List(_) => {
            let mut entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            entries.try_for_each(|entry| check_entry(name, entry))?;
            Ok(Value::List(text.to_owned()))
        }
        Value::Text(_) if key.words.is_empty() || key.words.contains(&text) => {
            Ok(Value::Text(text.to_owned()))
        }
        Value::Text(_) => {
            Err(format!("{name} is one of {}, and {text:?} is none of them", key.words.join(", ")))
        }
    }
}

/// Whether one entry of a list can be meant.
fn check_entry(name: &str, entry: &str) -> Result<(), String> {
    let no = |why: &dyn std::fmt::Display| Err(format!("{name} names {entry:?}: {why}"));
    match (name, entry.parse::<Place>()) {
        ("peers.addresses", Ok(Place::Relay(_))) => no(&"a relay belongs into peers.relays"),
        ("peers.relays", Ok(Place::Address(_) | Place::Name(..))) => no(&NoPlace::Scheme),
        ("peers.relays", Err(NoPlace::Port | NoPlace::Name)) => no(&NoPlace::Scheme),
        ("peers.addresses" | "peers.relays", Err(why)) => no(&why),
        _ => Ok(()),
    }
}

fn unknown(document: &DocumentMut) -> Vec<(String, Option<&'static str>)> {
    let mut unknown = Vec::new();
    for (table, item) in document.iter() {
        let Some(entries) = item.as_table_like() else {
            unknown.push((table.to_owned(), nearest(table)));
            continue;
        };
        for (entry, _) in entries.iter() {
            let name = format!("{table}.{entry}");
            if !KEYS.iter().any(|key| key.name == name) {
                let nearest = nearest(&name);
                unknown.push((name, nearest));
            }
        }
    }
    unknown
}

/// The key that was probably meant: its name, with or without its table, differs in few letters.
fn nearest(name: &str) -> Option<&'static str> {
    const LETTERS_MAX: usize = 3;
    let away = |key: &Key| {
        let short = key.name.split_once('.').map_or(key.name, |(_, entry)| entry);
        distance(name, key.name).min(distance(name, short))
    };
    KEYS.iter()
        .min_by_key(|key| away(key))
        .filter(|key| away(key) <= LETTERS_MAX)
        .map(|key| key.name)
}

/// How many letters must be put in, taken out or changed to make one name from the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (column, known) in other.iter().enumerate() {
            let changed = corner + usize::from(letter != *known);
            corner = row[column + 1];
            row[column + 1] = changed.min(corner + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
