//! `skep teamtype`: the daemon's side of Teamtype's editor protocol, for its unchanged plugins.
//! They count in characters, and both sides count each other's edits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hive::{Client, Places};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::change::{Change, Edit};
use crate::line::{News, Seek};
use crate::live::{Event, Live, PRESENCE_EVERY};
use crate::offsets::{Range, Unit};
use crate::queue::Queue;
use crate::rpc::{Ears, Editor};
use crate::{Error, diff, place, uri};

const NEWS_WAITING_MAX: usize = 1_024;
const LEAVING_MAX: Duration = Duration::from_secs(3);
const NOT_FOUND: i64 = -32_601;
const BAD_PARAMS: i64 = -32_602;

/// Serves the plugin that started this program, until it ends.
pub async fn run(home: Option<&Path>) -> Result<(), Error> {
    let client = Client::new(Places::find(home)?);
    let mut editor = Editor::at_standard_streams();
    let (news, mut heard) = mpsc::channel(NEWS_WAITING_MAX);
    let ears = editor.hears.clone();
    let mut daemon = Daemon { client, ears, news, files: BTreeMap::new(), next_key: 0 };
    let mut presence = tokio::time::interval(PRESENCE_EVERY);
    let mut leaving: Option<Instant> = None;
    loop {
        daemon.forget_closed();
        if leaving.is_some_and(|until| daemon.files.is_empty() || until <= Instant::now()) {
            break;
        }
        let until = leaving.unwrap_or_else(|| Instant::now() + PRESENCE_EVERY);
        tokio::select! {
            message = editor.says.recv(), if leaving.is_none() => match message {
                Some(message) => daemon.take(&message),
                None => {
                    leaving = Some(Instant::now() + LEAVING_MAX);
                    daemon.files.values_mut().for_each(|file| file.is_closed = true);
                }
            },
            news = heard.recv() => if let Some(news) = news {
                daemon.take_news(news);
            },
            _ = presence.tick() => daemon.files.values_mut().for_each(|f| f.live.renew_presence()),
            () = tokio::time::sleep_until(until) => {}
        }
    }
    for file in daemon.files.values().filter(|file| file.has_begun && !file.is_apart) {
        if !file.live.is_stored() {
            place::keep_unsent(&file.path, &file.live.text().to_string())?;
        }
    }
    drop(daemon);
    editor.finish().await;
    Ok(())
}

struct Daemon {
    client: Client,
    ears: Ears,
    news: mpsc::Sender<News>,
    files: BTreeMap<u64, OpenFile>,
    next_key: u64,
}

struct OpenFile {
    uri: String,
    path: PathBuf,
    live: Live,
    queue: Queue,
    /// The editor's text.
    shown: ropey::Rope,
    /// How many edits of the editor came, and how many of ours it had seen then.
    editor_edits: usize,
    seen: usize,
    has_begun: bool,
    is_apart: bool,
    is_closed: bool,
    /// Who was shown, so that those who left are taken away.
    people: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Replaced {
    range: Range,
    replacement: String,
}

impl Daemon {
    fn take(&mut self, message: &Value) {
        let (params, id) = (&message["params"], message.get("id"));
        let Some(method) = message["method"].as_str() else { return };
        let outcome = match method {
            "open" => self.open(params),
            "close" => self.close(params),
            "edit" => self.edit(params),
            "cursor" => self.cursor(params),
            _ => Err((NOT_FOUND, format!("Skep does not know {method}"))),
        };
        match (outcome, id) {
            (Ok(()), Some(id)) => self.ears.answer(id, json!("success")),
            (Err((code, words)), Some(id)) => self.ears.refuse(id, code, &words),
            (_, None) => {}
        }
    }

    fn open(&mut self, params: &Value) -> Result<(), (i64, String)> {
        let uri = params["uri"].as_str().unwrap_or_default().to_owned();
        let path = uri::path(&uri).ok_or((BAD_PARAMS, format!("{uri} is no file here")))?;
        if let Some(key) = self.key_of(&uri) {
            self.files.remove(&key);
        }
        let text = match params["content"].as_str() {
            Some(text) => text.to_owned(),
            None => std::fs::read_to_string(&path).unwrap_or_default(),
        };
        let key = self.next_key;
        self.next_key += 1;
        let seek = Seek::Path(self.client.clone(), path.clone());
        let live = Live::new(seek, "An editor", key, self.news.clone());
        let file = OpenFile {
            uri,
            path,
            live,
            queue: Queue::default(),
            shown: ropey::Rope::from(text),
            editor_edits: 0,
            seen: 0,
            has_begun: false,
            is_apart: false,
            is_closed: false,
            people: Vec::new(),
        };
        self.files.insert(key, file);
        Ok(())
    }

    fn close(&mut self, params: &Value) -> Result<(), (i64, String)> {
        let (file, _) = self.file(params)?;
        file.live.point(None);
        file.is_closed = true;
        Ok(())
    }

    fn edit(&mut self, params: &Value) -> Result<(), (i64, String)> {
        let (file, ears) = self.file(params)?;
        let bad = |_| (BAD_PARAMS, "that is no edit".to_owned());
        let delta = Vec::<Replaced>::deserialize(&params["delta"]).map_err(bad)?;
        let seen = params["revision"].as_u64().and_then(|seen| usize::try_from(seen).ok());
        file.edited(seen.unwrap_or(file.seen), &delta, ears)
    }

    fn cursor(&mut self, params: &Value) -> Result<(), (i64, String)> {
        let (file, _) = self.file(params)?;
        let range = Range::deserialize(&params["ranges"][0]).ok();
        let place = |position| {
            let at = Unit::Utf32.character(&file.shown, position);
            file.queue.ahead(at)
        };
        let cursor = range.map(|range| (place(range.start), place(range.end)));
        if file.has_begun {
            file.live.point(cursor);
        }
        Ok(())
    }

    fn file(&mut self, params: &Value) -> Result<(&mut OpenFile, &Ears), (i64, String)> {
        let uri = params["uri"].as_str().unwrap_or_default();
        let key = self.key_of(uri);
        let file = key.and_then(|key| self.files.get_mut(&key));
        file.map(|file| (file, &self.ears)).ok_or((BAD_PARAMS, format!("{uri} is not open")))
    }

    fn key_of(&self, uri: &str) -> Option<u64> {
        let open = |file: &OpenFile| !file.is_closed && file.uri == uri;
        self.files.iter().find(|(_, file)| open(file)).map(|(key, _)| *key)
    }

    fn take_news(&mut self, news: News) {
        let Some(file) = self.files.get_mut(&news.key) else { return };
        for event in file.live.take(news.what) {
            file.heard(event, &self.ears);
        }
    }

    /// A closed file is left once the hive has all that was typed in it.
    fn forget_closed(&mut self) {
        self.files.retain(|_, file| !file.is_closed || !file.live.is_stored());
    }
}

impl OpenFile {
    fn edited(
        &mut self,
        seen: usize,
        delta: &[Replaced],
        ears: &Ears,
    ) -> Result<(), (i64, String)> {
        let mut edits: Vec<Edit> = delta.iter().map(|one| self.placed(one)).collect();
        edits.sort_by_key(|edit| (edit.start, edit.end));
        if edits.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return Err((BAD_PARAMS, "edits of one delta must not overlap".to_owned()));
        }
        self.editor_edits += 1;
        let newly = seen.saturating_sub(self.seen).min(self.queue.sent());
        self.take_seen(newly);
        self.seen = seen;
        let change = Change::of_edits(&edits_of(&edits));
        change.apply(&mut self.shown);
        if self.is_apart || !self.has_begun {
            return Ok(());
        }
        if !self.live.may_edit() {
            self.is_apart = true;
            self.live.end();
            return Err((BAD_PARAMS, "You may read this file and not edit it".to_owned()));
        }
        let local = self.queue.local(&change);
        self.live.edit(&local);
        // What it has not seen it passes over from now on: it is to be told anew.
        self.queue.unsend();
        self.send(ears);
        Ok(())
    }

    /// The editor's text holds the first edits that it was sent.
    fn take_seen(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(first) = self.queue.first() {
                first.apply(&mut self.shown);
            }
            self.queue.seen(1);
        }
    }

    fn placed(&self, one: &Replaced) -> Edit {
        let start = Unit::Utf32.character(&self.shown, one.range.start);
        let end = Unit::Utf32.character(&self.shown, one.range.end).max(start);
        Edit { start, end, insert: one.replacement.clone() }
    }

    fn heard(&mut self, event: Event, ears: &Ears) {
        match event {
            Event::Began => {
                self.has_begun = true;
                let document = self.live.text().to_string();
                self.queue.remote(&diff::change(&self.shown.to_string(), &document));
                self.send(ears);
                self.show_people(ears);
            }
            Event::Changed { change, .. } if self.has_begun && !self.is_apart => {
                self.queue.remote(&change);
                self.send(ears);
                self.show_people(ears);
            }
            Event::People => self.show_people(ears),
            Event::Ended(why) => {
                self.is_apart = true;
                tracing::warn!(file = %self.path.display(), %why, "not live in this editor");
            }
            _ => {}
        }
    }

    fn send(&mut self, ears: &Ears) {
        let before = self.queue.sent_on(&self.shown);
        let Some(change) = self.queue.send() else { return };
        let replaced = |edit: Edit| Replaced {
            range: Unit::Utf32.range(&before, edit.start, edit.end),
            replacement: edit.insert,
        };
        let delta: Vec<Replaced> = change.edits().into_iter().map(replaced).collect();
        let params = json!({ "uri": self.uri, "revision": self.editor_edits, "delta": delta });
        ears.notify("edit", params);
    }

    /// Everybody's cursor; of those who left, that they have none.
    fn show_people(&mut self, ears: &Ears) {
        if !self.has_begun || self.is_closed {
            return;
        }
        let people = self.live.people();
        let text = self.live.text();
        for person in &people {
            let range = |(anchor, head)| Unit::Utf32.range(text, anchor, head);
            let ranges: Vec<Range> = person.cursor.map(range).into_iter().collect();
            let id = person.client.to_string();
            let params =
                json!({ "userid": id, "name": person.name, "uri": self.uri, "ranges": ranges });
            ears.notify("cursor", params);
        }
        for gone in self.people.iter().filter(|one| people.iter().all(|p| p.client != **one)) {
            let params = json!({ "userid": gone.to_string(), "uri": self.uri, "ranges": [] });
            ears.notify("cursor", params);
        }
        self.people = people.iter().map(|person| person.client).collect();
    }
}

/// Edits at the same place as one.
fn edits_of(edits: &[Edit]) -> Vec<Edit> {
    let mut merged: Vec<Edit> = Vec::with_capacity(edits.len());
    for edit in edits {
        match merged.last_mut() {
            Some(last) if last.end == edit.start => {
                last.insert.push_str(&edit.insert);
                last.end = edit.end;
            }
            _ => merged.push(edit.clone()),
        }
    }
    merged
}
