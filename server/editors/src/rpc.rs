//! JSON-RPC 2.0 with `Content-Length` headers, as language servers and Teamtype speak it.

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader,
};
use tokio::sync::mpsc;

/// The longest message: a text of the largest size that is open live, escaped.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
const MESSAGES_WAITING_MAX: usize = 1_024;

/// The editor's end of the line: what it says, and where it listens.
pub(crate) struct Editor {
    pub(crate) hears: Ears,
    pub(crate) says: mpsc::Receiver<Value>,
    writer: tokio::task::JoinHandle<()>,
}

/// Where the editor listens. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ears(mpsc::UnboundedSender<Value>);

impl Editor {
    /// The editor that started this program, over the standard streams.
    pub(crate) fn at_standard_streams() -> Self {
        Self::new(tokio::io::stdin(), tokio::io::stdout())
    }

    pub(crate) fn new(
        from: impl tokio::io::AsyncRead + Send + Unpin + 'static,
        to: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        let (sender, says) = mpsc::channel(MESSAGES_WAITING_MAX);
        let (ears, mut waiting) = mpsc::unbounded_channel::<Value>();
        tokio::spawn(async move {
            let mut reader = BufReader::new(from);
            while let Some(message) = read(&mut reader).await {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        });
        let mut to = to;
        let writer = tokio::spawn(async move {
            while let Some(message) = waiting.recv().await {
                if write(&mut to, &message).await.is_err() {
                    return;
                }
            }
        });
        Self { hears: Ears(ears), says, writer }
    }

    /// Waits until all that was said to the editor is written.
    pub(crate) async fn finish(self) {
        let Self { hears, says, writer } = self;
        drop((hears, says));
        drop(writer.await);
    }
}

impl Ears {
    pub(crate) fn notify(&self, method: &str, params: Value) {
        self.say(json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub(crate) fn ask(&self, id: u64, method: &str, params: Value) {
        self.say(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
    }

    pub(crate) fn answer(&self, id: &Value, result: Value) {
        self.say(json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    pub(crate) fn refuse(&self, id: &Value, code: i64, message: &str) {
        let error = json!({ "code": code, "message": message });
        self.say(json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    }

    fn say(&self, message: Value) {
        // An editor that is gone ends the program elsewhere.
        drop(self.0.send(message));
    }
}

/// The next message; `None` at the end, or where what comes is no message any more.
async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> Option<Value> {
    loop {
        let mut length = None;
        loop {
            let mut line = String::new();
            if from.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
        let length = length.filter(|length| *length <= MESSAGE_BYTES_MAX)?;
        let mut body = vec![0; length];
        from.read_exact(&mut body).await.ok()?;
        match serde_json::from_slice(&body) {
            Ok(message) => return Some(message),
            Err(error) => tracing::warn!(%error, "the editor said something that is no JSON"),
        }
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), message: &Value) -> std::io::Result<()> {
    let body = message.to_string();
    let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    to.write_all(&bytes).await?;
    to.flush().await
}
