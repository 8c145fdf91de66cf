//! The others, as an editor can show them: at line ends, in words, and by following one.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::abilities::{FOLLOW, UNFOLLOW, WHO_IS_HERE};
use super::file::{Kind, OpenFile, Stage};
use super::{Asked, Server};
use crate::offsets::Position;
use crate::session::Person;

/// Hints are drawn anew at most so often.
const HINTS_EVERY: Duration = Duration::from_millis(150);

/// Whom the editor follows, and where it was led last.
#[derive(Debug)]
pub(super) struct Following {
    person: String,
    place: Option<(u64, usize)>,
}

impl Server {
    /// Who is in the file, each at the end of their line.
    pub(super) fn hints(&self, params: &Value) -> Value {
        let Some(file) = self.key_of(params).and_then(|key| self.files.get(&key)) else {
            return json!([]);
        };
        let line = |pointer: &str| params.pointer(pointer).and_then(Value::as_u64);
        let first = line("/range/start/line").unwrap_or(0);
        let last = line("/range/end/line").unwrap_or(u64::MAX);
        let mut lines: Vec<(usize, Vec<String>)> = Vec::new();
        for (person, at) in present(file) {
            match lines.iter_mut().find(|(line, _)| *line == at.line) {
                Some((_, names)) if names.contains(&person.name) => {}
                Some((_, names)) => names.push(person.name),
                None => lines.push((at.line, vec![person.name])),
            }
        }
        let wanted = |line: usize| (first..=last).contains(&(line as u64));
        let hint = |(line, names): (usize, Vec<String>)| {
            let end = Position { line, character: usize::MAX };
            let end = file.mirror.position(file.mirror.character(file.mirror.shown(), end));
            json!({ "position": end, "label": format!("◂ {}", names.join(", ")),
                "paddingLeft": true })
        };
        lines.into_iter().filter(|(line, _)| wanted(*line)).map(hint).collect()
    }

    /// Somebody came, left or moved in this file.
    pub(super) fn people_moved(&mut self, key: u64) {
        let refreshes = self.abilities.as_ref().is_some_and(|known| known.refreshes_hints);
        if refreshes && self.hints_due.is_none() {
            self.hints_due = Some(Instant::now() + HINTS_EVERY);
        }
        self.lead(key);
    }

    pub(super) fn command(&mut self, params: &Value) -> Value {
        let argument = params.pointer("/arguments/0").and_then(Value::as_str);
        match params["command"].as_str() {
            Some(WHO_IS_HERE) => {
                let words = self.who_is_here();
                self.say(Kind::Info, &words);
                json!(words)
            }
            Some(FOLLOW) => {
                let words = self.follow(argument);
                self.say(Kind::Info, &words);
                json!(words)
            }
            Some(UNFOLLOW) => {
                self.following = None;
                Value::Null
            }
            _ => Value::Null,
        }
    }

    fn who_is_here(&self) -> String {
        let live = self.files.values().filter(|file| !file.is_closed && file.stage == Stage::Live);
        let mut here: Vec<String> = Vec::new();
        let mut files = 0;
        for file in live {
            files += 1;
            let placed = present(file);
            for person in file.live.people() {
                let at = placed.iter().find(|(one, _)| one.client == person.client);
                let line = at.map(|(_, at)| format!(", line {}", at.line + 1)).unwrap_or_default();
                here.push(format!("{} in {}{line}", person.name, file.name()));
            }
        }
        match (files, here.is_empty()) {
            (0, _) => "None of the open files is live.".to_owned(),
            (_, true) => "Nobody else is here.".to_owned(),
            _ => here.join("; "),
        }
    }

    /// Begins to follow whom the words name, or the only one who is here.
    fn follow(&mut self, named: Option<&str>) -> String {
        let all: Vec<Person> = self.files.values().flat_map(|file| file.live.people()).collect();
        let named = named.map(str::to_lowercase);
        let found = match &named {
            Some(named) => all.iter().find(|one| one.name.to_lowercase() == *named),
            None => all.first(),
        };
        let Some(person) = found else {
            return match named {
                Some(named) => format!("Nobody called {named} is in a file that is open here."),
                None => "Nobody else is in a file that is open here.".to_owned(),
            };
        };
        let words = format!("Following {}, until you type.", person.name);
        self.following = Some(Following { person: person.id.clone(), place: None });
        let keys: Vec<u64> = self.files.keys().copied().collect();
        for key in keys {
            self.lead(key);
        }
        words
    }

    /// Shows the editor where the one who is followed is now, if that is in this file.
    fn lead(&mut self, key: u64) {
        let (Some(following), Some(file)) = (&self.following, self.files.get(&key)) else { return };
        let found = present(file).into_iter().find(|(one, _)| one.id == following.person);
        let Some((person, at)) = found else { return };
        let place = Some((key, person.cursor.map_or(0, |(_, head)| head)));
        if following.place == place {
            return;
        }
        let shows = self.abilities.as_ref().is_some_and(|known| known.shows_documents);
        let params = json!({ "uri": file.uri, "takeFocus": true,
            "selection": { "start": at, "end": at } });
        let words = format!("{} is in {}, line {}.", person.name, file.name(), at.line + 1);
        if let Some(following) = &mut self.following {
            following.place = place;
        }
        if shows {
            self.ask(Asked::Other, "window/showDocument", params);
        } else {
            self.say(Kind::Info, &words);
        }
    }
}

/// Those with a cursor in this file, and where it stands in the editor's text.
fn present(file: &OpenFile) -> Vec<(Person, Position)> {
    let place = |person: Person| {
        let (_, head) = person.cursor?;
        let at = file.mirror.position(file.mirror.to_shown(head));
        Some((person, at))
    };
    file.live.people().into_iter().filter_map(place).collect()
}
