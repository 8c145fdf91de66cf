//! Words to the person outside the window: notifications, questions, the choice of a folder.

use std::path::PathBuf;

use rfd::{AsyncFileDialog, AsyncMessageDialog, MessageButtons, MessageDialogResult};
use tauri::AppHandle;
use tokio::sync::oneshot;

/// Shows a notification; without a place for notifications the words go to the log.
pub(crate) fn tell(title: &str, words: &str) {
    let (title, words) = (title.to_owned(), words.to_owned());
    // The notification service may be slow to start, and nobody waits for it.
    std::thread::spawn(move || {
        let mut notification = notify_rust::Notification::new();
        notification.appname("Skep").summary(&title).body(&words).icon("skep-desktop");
        if let Err(error) = notification.show() {
            tracing::warn!(%error, "{title}: {words}");
        }
    });
}

pub(crate) async fn choose_folder(app: &AppHandle) -> Option<PathBuf> {
    let show = || AsyncFileDialog::new().set_title("Share a folder").pick_folder();
    let folder = on_main_thread(app, show).await?.await?;
    Some(folder.path().to_owned())
}

/// Asks, and tells whether the first button was chosen.
pub(crate) async fn ask(app: &AppHandle, title: &str, words: &str, buttons: [&str; 2]) -> bool {
    let [first, second] = buttons.map(str::to_owned);
    let dialog = AsyncMessageDialog::new()
        .set_title(title)
        .set_description(words)
        .set_buttons(MessageButtons::OkCancelCustom(first.clone(), second));
    let Some(answer) = on_main_thread(app, move || dialog.show()).await else { return false };
    match answer.await {
        MessageDialogResult::Ok | MessageDialogResult::Yes => true,
        MessageDialogResult::Custom(chosen) => chosen == first,
        MessageDialogResult::No | MessageDialogResult::Cancel => false,
    }
}

async fn on_main_thread<T: Send + 'static>(
    app: &AppHandle,
    make: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = oneshot::channel();
    app.run_on_main_thread(move || drop(sender.send(make()))).ok()?;
    receiver.await.ok()
}
