//! Tells when a tray appears on the desktop after the app has started.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use zbus::blocking::Connection;
use zbus::blocking::fdo::DBusProxy;

use crate::app::Message;

const PAUSES: [Duration; 2] = [Duration::ZERO, Duration::from_secs(2)];
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Watches from its own thread, which ends with the session's bus.
pub(crate) fn watch(inbox: Sender<Message>) {
    std::thread::spawn(move || {
        if let Err(error) = follow(&inbox) {
            tracing::info!(%error, "a tray that appears later will not be noticed");
        }
    });
}

fn follow(inbox: &Sender<Message>) -> zbus::Result<()> {
    let connection = Connection::session()?;
    let bus = DBusProxy::new(&connection)?;
    for change in bus.receive_name_owner_changed_with_args(&[(0, WATCHER)])? {
        if change.args()?.new_owner().is_none() {
            continue;
        }
        // The panel that draws the icons may announce itself a little after the name.
        for pause in PAUSES {
            std::thread::sleep(pause);
            if inbox.blocking_send(Message::TrayAppeared).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
