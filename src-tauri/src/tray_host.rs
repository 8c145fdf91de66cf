//! Tells when a tray appears on the desktop after the app has started.

use tokio::sync::mpsc::Sender;
use zbus::blocking::Connection;
use zbus::blocking::fdo::DBusProxy;

use crate::app::Message;

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
        let appeared = change.args()?.new_owner().is_some();
        if appeared && inbox.blocking_send(Message::TrayAppeared).is_err() {
            break;
        }
    }
    Ok(())
}
