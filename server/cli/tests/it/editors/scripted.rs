//! Conversations as editors hold them that cannot be had here: VS Code, Helix, and bad ones.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;

use checks::Page;
use serde_json::{Value, json};

use crate::world::{Home, PATIENCE, holds};

/// A language server, as the editor's end sees it.
pub(super) struct Server {
    child: Child,
    to: ChildStdin,
    from: mpsc::Receiver<Value>,
    uri: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// Opens `Trip/plan.md`, after the greetings.
    fn open(home: &Home, abilities: &Value, name: &str, text: &str) -> Self {
        Self::open_at(home, &home.path("Trip/plan.md"), abilities, name, text)
    }

    pub(super) fn open_at(
        home: &Home,
        path: &Path,
        abilities: &Value,
        name: &str,
        text: &str,
    ) -> Self {
        let mut server = Self::start(home, "lsp");
        server.uri = format!("file://{}", path.display());
        let params = json!({ "clientInfo": { "name": name }, "capabilities": abilities });
        server.say(&json!({ "id": 1, "method": "initialize", "params": params }));
        let offer = server.until(|message| message["id"] == 1);
        assert_eq!(offer["result"]["capabilities"]["textDocumentSync"]["change"], 2, "{offer}");
        server.say(&json!({ "method": "initialized", "params": {} }));
        let uri = server.uri.clone();
        server.did_open(&uri, text);
        server
    }

    fn start(home: &Home, face: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_skep"))
            .arg(face)
            .env("SKEP_HOME", &home.hive)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (sender, from) = mpsc::channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut out) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let uri = format!("file://{}", home.path("Trip/plan.md").display());
        Self { child, to, from, uri }
    }

    fn did_open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "x", "version": 1, "text": text });
        let params = json!({ "textDocument": document });
        self.say(&json!({ "method": "textDocument/didOpen", "params": params }));
    }

    pub(super) fn changed(&mut self, version: i64, changes: &Value) {
        let document = json!({ "uri": self.uri, "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.say(&json!({ "method": "textDocument/didChange", "params": params }));
    }

    /// Ends it as editors do, and waits until it ended.
    pub(super) fn leave(&mut self) {
        self.say(&json!({ "id": 900, "method": "shutdown" }));
        self.until(|message| message["id"] == 900);
        self.say(&json!({ "method": "exit" }));
        assert!(self.child.wait().unwrap().success());
    }

    fn say(&mut self, message: &Value) {
        let mut message = message.clone();
        message["jsonrpc"] = json!("2.0");
        let body = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.to.flush().unwrap();
    }

    pub(super) fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.from.recv_timeout(PATIENCE).unwrap();
            if is_it(&message) {
                return message;
            }
        }
    }

    /// The next edit for the editor: its id, version and edits.
    pub(super) fn edit(&mut self) -> (Value, i64, Value) {
        let asked = self.until(|message| message["method"] == "workspace/applyEdit");
        let change = &asked["params"]["edit"]["documentChanges"][0];
        let version = change["textDocument"]["version"].as_i64().unwrap();
        (asked["id"].clone(), version, change["edits"].clone())
    }

    pub(super) fn answer(&mut self, id: &Value, applied: bool) {
        self.say(&json!({ "id": id, "result": { "applied": applied } }));
    }
}

fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some((_, value)) => length = value.parse().ok()?,
            None => break,
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

pub(super) fn abilities(encodings: &Value) -> Value {
    json!({
        "general": { "positionEncodings": encodings },
        "workspace": { "applyEdit": true, "workspaceEdit": { "documentChanges": true } },
        "textDocument": { "inlayHint": {} },
    })
}

pub(super) fn range(line: u32, from: u32, to: u32) -> Value {
    let place = |character: u32| json!({ "line": line, "character": character });
    json!({ "start": place(from), "end": place(to) })
}

/// Refuses an edit that crosses its own typing, gets it again in its new place, tells of it before
/// it answers, and saves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_vs_code_speaks() {
    let home = Home::with_plan("one\r\ntwo\r\n");
    let _hive = home.serve();
    let mut page = Page::join(3, &home.room("Trip/plan.md")).await;
    let known = abilities(&json!(["utf-16"]));
    let mut code = Server::open(&home, &known, "Visual Studio Code", "one\r\ntwo\r\n");
    page.edit(3, 0, " 😀").await;
    let (id, version, edits) = code.edit();
    assert_eq!((version, &edits), (1, &json!([{ "range": range(0, 3, 3), "newText": " 😀" }])));
    code.changed(2, &json!([{ "range": range(0, 0, 0), "text": "é" }]));
    code.answer(&id, false);
    let (id, version, edits) = code.edit();
    assert_eq!((version, &edits), (2, &json!([{ "range": range(0, 4, 4), "newText": " 😀" }])));
    code.changed(3, &json!([{ "range": range(0, 4, 4), "text": " 😀" }]));
    code.answer(&id, true);
    code.changed(4, &json!([{ "range": range(0, 7, 7), "text": "!" }]));
    page.until("both are there", |page| page.text() == "éone 😀!\ntwo\n").await;

    // Before it saves it is given what it lacks, and the file it writes is the document's text.
    page.edit(0, 0, "0").await;
    page.until("it is stored", Page::is_saved).await;
    let (id, version, edits) = code.edit();
    assert_eq!((version, &edits[0]["newText"]), (4, &json!("0")));
    code.changed(5, &json!([{ "range": range(0, 0, 0), "text": "0" }]));
    code.answer(&id, true);
    let saved = "0éone 😀!\r\ntwo\r\n";
    let document = json!({ "uri": code.uri });
    let params = json!({ "textDocument": document, "reason": 1 });
    code.say(&json!({ "id": 9, "method": "textDocument/willSaveWaitUntil", "params": params }));
    assert_eq!(code.until(|message| message["id"] == 9)["result"], Value::Null);
    holds(&home.path("Trip/plan.md"), saved).await;
    std::fs::write(home.path("Trip/plan.md"), saved).unwrap();
    let params = json!({ "textDocument": document, "text": saved });
    code.say(&json!({ "method": "textDocument/didSave", "params": params }));
    code.changed(6, &json!([{ "range": range(1, 3, 3), "text": "." }]));
    page.until("it goes on", |page| page.text() == "0éone 😀!\ntwo.\n").await;
    holds(&home.path("Trip/plan.md"), "0éone 😀!\r\ntwo.\r\n").await;
    assert_eq!(page.text().matches("one").count(), 1);
}

/// Counts in bytes, sees who is here, asks what it likes, and goes in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_helix_speaks() {
    let home = Home::with_plan("één\ntwo\n");
    let _hive = home.serve();
    let mut page = Page::join(3, &home.room("Trip/plan.md")).await;
    let known = abilities(&json!(["utf-8", "utf-32", "utf-16"]));
    let mut helix = Server::open(&home, &known, "helix", "één\ntwo\n");
    helix.changed(2, &json!([{ "range": range(0, 5, 5), "text": "!" }]));
    page.until("it is there", |page| page.text() == "één!\ntwo\n").await;
    page.edit(4, 0, "?").await;
    let (id, version, edits) = helix.edit();
    assert_eq!((version, &edits), (2, &json!([{ "range": range(0, 6, 6), "newText": "?" }])));
    helix.changed(3, &json!([{ "range": range(0, 6, 6), "text": "?" }]));
    helix.answer(&id, true);
    let cursor = json!({ "type": null, "tname": "content", "item": null, "assoc": 0 });
    let state = json!({ "user": { "name": "Bo" }, "cursor": { "anchor": cursor, "head": cursor } });
    page.point(1, &state.to_string()).await;
    let command = json!({ "command": "skep.whoIsHere", "arguments": [] });
    let mut words = Value::Null;
    for id in 20..200 {
        helix.say(&json!({ "id": id, "method": "workspace/executeCommand", "params": command }));
        words = helix.until(|message| message["id"] == id)["result"].clone();
        if words != "Nobody else is here." {
            break;
        }
        page.listen(std::time::Duration::from_millis(20)).await;
    }
    assert!(words.as_str().unwrap().contains("in plan.md"), "{words}");
    helix.say(&json!({ "id": 300, "method": "textDocument/hover", "params": {} }));
    assert_eq!(helix.until(|message| message["id"] == 300)["error"]["code"], -32_601);
    helix.leave();
    holds(&home.path("Trip/plan.md"), "één!?\ntwo\n").await;
}

/// Sends its whole text at every change, opens again without closing, and opens what is not shared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_plain_editors_speak() {
    let home = Home::with_plan("one\ntwo\n");
    let _hive = home.serve();
    let mut page = Page::join(3, &home.room("Trip/plan.md")).await;
    let mut plain = Server::open(&home, &abilities(&Value::Null), "plain", "one\ntwo\n");
    let stray = format!("file://{}", home.path("stray.txt").display());
    plain.did_open(&stray, "nobody's\n");
    plain.changed(2, &json!([{ "text": "one!\ntwo\n" }]));
    page.until("it is there", |page| page.text() == "one!\ntwo\n").await;
    page.edit(0, 0, "0 ").await;
    let (id, _, _) = plain.edit();
    plain.answer(&id, true);
    plain.changed(3, &json!([{ "text": "0 one!\ntwo?\n" }]));
    page.until("it is there", |page| page.text() == "0 one!\ntwo?\n").await;
    let uri = plain.uri.clone();
    plain.did_open(&uri, "0 one!\ntwo? three\n");
    page.until("it is there", |page| page.text() == "0 one!\ntwo? three\n").await;
    plain.say(&json!({ "id": 7, "method": "shutdown" }));
    let all: Vec<Value> = std::iter::from_fn(|| {
        let message = plain.from.recv_timeout(PATIENCE).unwrap();
        (message["id"] != 7).then_some(message)
    })
    .collect();
    assert!(all.iter().all(|one| one["method"] != "window/showMessage"), "{all:?}");
}

/// A plugin of Teamtype: an edit that crosses one of ours comes again in its new place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_teamtype_speaks() {
    let home = Home::with_plan("one\ntwo\n");
    let _hive = home.serve();
    let mut page = Page::join(3, &home.room("Trip/plan.md")).await;
    let mut plugin = Server::start(&home, "teamtype");
    let uri = plugin.uri.clone();
    let open = json!({ "uri": uri, "content": "one\n" });
    plugin.say(&json!({ "id": 1, "method": "open", "params": open }));
    let is_edit = |message: &Value| message["method"] == "edit";
    let first = plugin.until(is_edit)["params"].clone();
    let all = json!({ "line": 1, "character": 0 });
    let range = json!({ "start": all, "end": all });
    assert_eq!(first["delta"], json!([{ "range": range, "replacement": "two\n" }]));
    assert_eq!(first["revision"], 0);
    page.edit(3, 0, "😀").await;
    let second = plugin.until(is_edit)["params"].clone();
    assert_eq!(second["delta"][0]["range"]["start"], json!({ "line": 0, "character": 3 }));
    // It saw the first and not the second, and typed before that place.
    let at = json!({ "line": 0, "character": 0 });
    let delta = json!([{ "range": { "start": at, "end": at }, "replacement": "0" }]);
    let edit = json!({ "uri": uri, "revision": 1, "delta": delta });
    plugin.say(&json!({ "id": 2, "method": "edit", "params": edit }));
    let again = plugin.until(is_edit)["params"].clone();
    assert_eq!(again["delta"][0]["range"]["start"], json!({ "line": 0, "character": 4 }));
    assert_eq!((&again["revision"], &again["delta"][0]["replacement"]), (&json!(1), &json!("😀")));
    page.until("all is there", |page| page.text() == "0one😀\ntwo\n").await;
    let cursor = json!({ "uri": uri, "ranges": [{ "start": at, "end": at }] });
    plugin.say(&json!({ "method": "cursor", "params": cursor }));
    plugin.say(&json!({ "id": 3, "method": "close", "params": { "uri": uri } }));
    assert_eq!(plugin.until(|message| message["id"] == 3)["result"], "success");
    holds(&home.path("Trip/plan.md"), "0one😀\ntwo\n").await;
}
