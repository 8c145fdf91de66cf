//! `skep lsp`: a language server by which any editor takes part in documents. It answers nothing
//! about languages and goes beside those that do.

mod abilities;
mod file;
mod people;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use hive::{Client, Places};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::line::{News, Seek};
use crate::live::{Live, PRESENCE_EVERY};
use crate::mirror::{Mirror, Told};
use crate::offsets::Range;
use crate::rpc::{Ears, Editor};
use crate::{Error, uri};
use abilities::Abilities;
use file::{Kind, OpenFile, Todo};

const NEWS_WAITING_MAX: usize = 1_024;
/// How long the end waits until the hive has what was typed last.
const LEAVING_MAX: Duration = Duration::from_secs(3);
const NOT_FOUND: i64 = -32_601;
const NOT_READY: i64 = -32_002;

/// Serves the editor that started this program, until it ends.
pub async fn run(home: Option<&Path>) -> Result<(), Error> {
    let client = Client::new(Places::find(home)?);
    let mut editor = Editor::at_standard_streams();
    let (news, mut heard) = mpsc::channel(NEWS_WAITING_MAX);
    let mut server = Server::new(client, editor.hears.clone(), news);
    let mut presence = tokio::time::interval(PRESENCE_EVERY);
    // Some editors end their servers by a signal, and before these have left.
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    while !server.has_left() {
        let due = server.due_at();
        tokio::select! {
            message = editor.says.recv(), if server.leaving.is_none() => match message {
                Some(message) => server.take(&message),
                None => server.leave(),
            },
            news = heard.recv() => if let Some(news) = news {
                server.take_news(news);
            },
            () = sleep_until(due) => server.is_due(),
            _ = terminated.recv() => break,
            _ = hung_up.recv(), if server.leaving.is_none() => server.leave(),
            _ = presence.tick() => server.renew_presence(),
        }
    }
    server.files.values().for_each(OpenFile::keep_unsent);
    drop(server);
    editor.finish().await;
    Ok(())
}

struct Server {
    client: Client,
    ears: Ears,
    news: mpsc::Sender<News>,
    abilities: Option<Abilities>,
    files: BTreeMap<u64, OpenFile>,
    next_key: u64,
    /// What the editor was asked and did not yet answer.
    asked: HashMap<u64, Asked>,
    next_question: u64,
    hints_due: Option<Instant>,
    following: Option<people::Following>,
    leaving: Option<Instant>,
}

#[derive(Debug)]
enum Asked {
    Apply { key: u64, number: u64 },
    Other,
}

#[derive(Deserialize)]
struct Document {
    uri: String,
    #[serde(default)]
    version: Option<i64>,
    #[serde(default)]
    text: String,
}

impl Server {
    fn new(client: Client, ears: Ears, news: mpsc::Sender<News>) -> Self {
        Self {
            client,
            ears,
            news,
            abilities: None,
            files: BTreeMap::new(),
            next_key: 0,
            asked: HashMap::new(),
            next_question: 0,
            hints_due: None,
            following: None,
            leaving: None,
        }
    }

    fn take(&mut self, message: &Value) {
        let params = &message["params"];
        match (message["method"].as_str(), message.get("id")) {
            (Some(method), Some(id)) => self.answer(id, method, params),
            (Some(method), None) => self.note(method, params),
            (None, Some(id)) => self.take_answer(id, message),
            (None, None) => {}
        }
    }

    fn answer(&mut self, id: &Value, method: &str, params: &Value) {
        if method == "initialize" {
            let abilities = Abilities::of(params);
            self.ears.answer(id, abilities.offer());
            self.abilities = Some(abilities);
            return;
        }
        if self.abilities.is_none() {
            return self.ears.refuse(id, NOT_READY, "initialize comes first");
        }
        match method {
            "shutdown" => self.ears.answer(id, Value::Null),
            "textDocument/willSaveWaitUntil" => match self.key_of(params) {
                Some(key) => {
                    if let Some(file) = self.files.get_mut(&key) {
                        file.will_save(id.clone(), &self.ears);
                    }
                }
                None => self.ears.answer(id, Value::Null),
            },
            "textDocument/inlayHint" => {
                let hints = self.hints(params);
                self.ears.answer(id, hints);
            }
            "workspace/executeCommand" => {
                let result = self.command(params);
                self.ears.answer(id, result);
            }
            _ => self.ears.refuse(id, NOT_FOUND, "Skep does not answer this"),
        }
    }

    fn note(&mut self, method: &str, params: &Value) {
        if method == "exit" {
            return self.leave();
        }
        if self.abilities.is_none() {
            return;
        }
        match method {
            "textDocument/didOpen" => self.open(params),
            "textDocument/didChange" => self.change(params),
            "textDocument/didSave" => self.saved(params),
            "textDocument/didClose" => self.close(params),
            "workspace/didRenameFiles" => self.renamed(params),
            "skep/cursor" => self.cursor(params),
            _ => {}
        }
    }

    fn take_answer(&mut self, id: &Value, message: &Value) {
        let Some(Asked::Apply { key, number }) = id.as_u64().and_then(|id| self.asked.remove(&id))
        else {
            return;
        };
        let made = message.pointer("/result/applied").and_then(Value::as_bool) == Some(true);
        let why = message.pointer("/result/failureReason").or(message.pointer("/error/message"));
        let why = why.and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(file) = self.files.get_mut(&key) else { return };
        let todo = file.answered(number, made, &why, &self.ears);
        self.todo(key, todo);
    }

    fn open(&mut self, params: &Value) {
        let Ok(document) = Document::deserialize(&params["textDocument"]) else { return };
        let version = document.version.unwrap_or(0);
        if let Some(key) = self.key_of(params) {
            // Opened again without having been closed: the text is what it is now.
            let told = [Told { range: None, text: document.text }];
            return self.tell(key, version, &told);
        }
        let (Some(path), Some(abilities)) = (uri::path(&document.uri), &self.abilities) else {
            return;
        };
        if !abilities.applies_edits {
            let words = "This editor takes no edits from a language server, so files cannot be \
                         live in it. What you save is shared all the same.";
            return self.ears.notify("window/logMessage", json!({ "type": 2, "message": words }));
        }
        let key = self.next_key;
        self.next_key += 1;
        let mirror = Mirror::new(&document.text, version, abilities.manner);
        let seek = Seek::Path(self.client.clone(), path.clone());
        let live = Live::new(seek, &abilities.name, key, self.news.clone());
        self.files.insert(key, OpenFile::new(document.uri, path, mirror, live));
    }

    fn change(&mut self, params: &Value) {
        let Some(key) = self.key_of(params) else { return };
        let told = Vec::<Told>::deserialize(&params["contentChanges"]).unwrap_or_default();
        let version = params.pointer("/textDocument/version").and_then(Value::as_i64);
        self.tell(key, version.unwrap_or(0), &told);
    }

    fn tell(&mut self, key: u64, version: i64, told: &[Told]) {
        let Some(file) = self.files.get_mut(&key) else { return };
        let before = file.live.text().len_chars();
        let todo = file.told(version, told, &self.ears);
        if file.live.text().len_chars() != before {
            self.following = None;
        }
        self.todo(key, todo);
    }

    fn saved(&mut self, params: &Value) {
        let Some(key) = self.key_of(params) else { return };
        let unshared = self.files.get(&key).is_some_and(|file| file.is_unshared);
        if unshared && let Some(file) = self.files.remove(&key) {
            // It may have come into a share by now.
            let text = file.mirror.shown().to_string();
            let document =
                json!({ "uri": file.uri, "version": file.mirror.version(), "text": text });
            self.open(&json!({ "textDocument": document }));
        }
    }

    fn close(&mut self, params: &Value) {
        let Some(key) = self.key_of(params) else { return };
        if let Some(file) = self.files.get_mut(&key) {
            file.is_closed = true;
            file.live.point(None);
        }
        self.forget_closed();
    }

    fn renamed(&mut self, params: &Value) {
        for pair in params["files"].as_array().into_iter().flatten() {
            let (Some(old), Some(new)) = (pair["oldUri"].as_str(), pair["newUri"].as_str()) else {
                continue;
            };
            let known = self.files.values().any(|file| !file.is_closed && file.uri == new);
            let file = self.files.values_mut().find(|file| !file.is_closed && file.uri == old);
            if let (Some(file), Some(path), false) = (file, uri::path(new), known) {
                file.uri = new.to_owned();
                file.path = path;
            }
        }
    }

    /// The editor's own word on where its cursors are, which the protocol lacks.
    fn cursor(&mut self, params: &Value) {
        let Some(key) = self.key_of(params) else { return };
        let Some(file) = self.files.get_mut(&key) else { return };
        let range = Range::deserialize(&params["ranges"][0]).ok();
        let place = |position| {
            let shown = file.mirror.character(file.mirror.shown(), position);
            file.mirror.to_document(shown)
        };
        let cursor = range.map(|range| (place(range.start), place(range.end)));
        file.live.point(cursor);
    }

    fn take_news(&mut self, news: News) {
        let Some(file) = self.files.get_mut(&news.key) else { return };
        for event in file.live.take(news.what) {
            let Some(file) = self.files.get_mut(&news.key) else { return };
            let todo = file.heard(event, &self.ears);
            self.todo(news.key, todo);
        }
        self.forget_closed();
    }

    fn todo(&mut self, key: u64, todo: Todo) {
        let (Some(file), Some(abilities)) = (self.files.get(&key), &self.abilities) else { return };
        if let Some((kind, words)) = todo.words
            && !file.is_closed
        {
            let params = json!({ "type": kind as u8, "message": words });
            self.ears.notify("window/showMessage", params);
        }
        if todo.live && abilities.hears_live && !file.is_closed {
            let is_live = file.stage == file::Stage::Live;
            self.ears.notify("skep/live", json!({ "uri": file.uri, "live": is_live }));
        }
        if let Some(sending) = todo.apply {
            let edit = if abilities.knows_versions {
                let document = json!({ "uri": file.uri, "version": sending.version });
                let changes = json!([{ "textDocument": document, "edits": sending.edits }]);
                json!({ "documentChanges": changes })
            } else {
                let mut changes = serde_json::Map::new();
                changes.insert(file.uri.clone(), json!(sending.edits));
                json!({ "changes": changes })
            };
            let asked = Asked::Apply { key, number: sending.number };
            // Without a label, which some editors print each time.
            self.ask(asked, "workspace/applyEdit", json!({ "edit": edit }));
        }
        if todo.people {
            self.people_moved(key);
        }
    }

    fn ask(&mut self, asked: Asked, method: &str, params: Value) {
        let id = self.next_question;
        self.next_question += 1;
        self.asked.insert(id, asked);
        self.ears.ask(id, method, params);
    }

    fn say(&self, kind: Kind, words: &str) {
        let params = json!({ "type": kind as u8, "message": words });
        self.ears.notify("window/showMessage", params);
    }

    fn key_of(&self, params: &Value) -> Option<u64> {
        let uri = params.pointer("/textDocument/uri").or(params.get("uri"))?.as_str()?;
        let open = |file: &OpenFile| !file.is_closed && file.uri == uri;
        self.files.iter().find(|(_, file)| open(file)).map(|(key, _)| *key)
    }

    fn due_at(&self) -> Instant {
        let far = Instant::now() + PRESENCE_EVERY;
        let files = self.files.values().filter_map(OpenFile::due_at);
        files.chain(self.hints_due).chain(self.leaving).min().unwrap_or(far)
    }

    fn is_due(&mut self) {
        let now = Instant::now();
        if self.hints_due.take_if(|at| *at <= now).is_some() {
            self.ask(Asked::Other, "workspace/inlayHint/refresh", Value::Null);
        }
        let due = |file: &OpenFile| file.due_at().is_some_and(|at| at <= now);
        let keys: Vec<u64> =
            self.files.iter().filter(|(_, file)| due(file)).map(|(key, _)| *key).collect();
        for key in keys {
            let Some(file) = self.files.get_mut(&key) else { continue };
            let todo = file.is_due(now, &self.ears);
            self.todo(key, todo);
        }
    }

    fn renew_presence(&mut self) {
        for file in self.files.values_mut().filter(|file| !file.is_closed) {
            file.live.renew_presence();
        }
    }

    /// A closed file is left once the hive has all that was typed in it.
    fn forget_closed(&mut self) {
        self.files.retain(|_, file| !file.is_closed || !file.live.is_stored());
    }

    fn leave(&mut self) {
        self.leaving = Some(Instant::now() + LEAVING_MAX);
        for file in self.files.values_mut() {
            file.is_closed = true;
        }
        self.forget_closed();
        // The hive is away, and the editor does not wait until it is back.
        let away = self.files.extract_if(.., |_, file| !file.live.is_connected());
        away.for_each(|(_, file)| file.keep_unsent());
    }

    fn has_left(&self) -> bool {
        self.leaving.is_some_and(|until| self.files.is_empty() || until <= Instant::now())
    }
}
