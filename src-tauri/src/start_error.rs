//! The window that says why the hive could not start, and offers to try again.

use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder};
use tokio::sync::mpsc::Sender;

use crate::app::Message;
use crate::notice;

pub(crate) const LABEL: &str = "start-error";
const BUTTON_SCHEME: &str = "skep-shell";

/// Shows the error's own words. Where no window can be made, a dialog asks instead.
pub(crate) async fn show(app: &AppHandle, words: &str, inbox: &Sender<Message>) {
    let shown = match app.get_webview_window(LABEL) {
        Some(window) => say_anew(&window, words),
        None => make(app, words, inbox.clone()),
    };
    if let Err(error) = shown {
        tracing::warn!(%error, "no window for the failed start");
        let again = notice::ask(app, "Skep could not start", words, ["Try again", "Quit"]).await;
        let message = if again { Message::TryAgain } else { Message::Quit };
        drop(inbox.send(message).await);
    }
}

pub(crate) fn close(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        drop(window.destroy());
    }
}

fn say_anew(window: &WebviewWindow, words: &str) -> tauri::Result<()> {
    let words = serde_json::to_string(words)?;
    window.eval(format!("document.getElementById('what').textContent = {words};"))?;
    window.set_focus()
}

fn make(app: &AppHandle, words: &str, inbox: Sender<Message>) -> tauri::Result<()> {
    let words = serde_json::to_string(words)?;
    let page = WebviewUrl::App("start_error.html".into());
    WebviewWindowBuilder::new(app, LABEL, page)
        .title("Skep could not start")
        .inner_size(520.0, 400.0)
        .center()
        .initialization_script(format!("window.skepStartError = {words};"))
        // The page has no other way to speak: its buttons are links that never open.
        .on_navigation(move |url| {
            if url.scheme() != BUTTON_SCHEME {
                return is_own(url);
            }
            let again = url.path() == "again";
            drop(inbox.try_send(if again { Message::TryAgain } else { Message::Quit }));
            false
        })
        .build()
        .map(drop)
}

fn is_own(url: &tauri::Url) -> bool {
    matches!(url.scheme(), "tauri" | "http")
        && matches!(url.host_str(), Some("localhost" | "tauri.localhost"))
}
