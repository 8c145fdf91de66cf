//! The app's one task: owns hive, tray and window, and does what messages ask for.

mod shell;

use std::path::PathBuf;

use tauri::{DragDropEvent, Manager, RunEvent, WindowEvent};
use tauri_plugin_autostart::Builder as Autostart;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Sender, channel};

use crate::arguments::Arguments;
use crate::tray::Choice;
use crate::window;
use shell::Shell;

const MESSAGES_MAX: usize = 256;

/// What happened outside the task.
#[derive(Debug)]
pub(crate) enum Message {
    Chosen(Choice),
    /// A second start, or a link that the system hands over.
    Started(Arguments),
    /// Something that the tray shows has changed.
    Changed,
    TrayAppeared,
    Dragged(DragDropEvent),
    CloseAsked,
    /// The answer to what closing means without a tray.
    KeepSharing,
    /// After a failed start.
    TryAgain,
    Quit,
}

/// Runs until the person quits. Must be called on the main thread.
pub(crate) fn run(arguments: Arguments, runtime: &Runtime) -> anyhow::Result<()> {
    tauri::async_runtime::set(runtime.handle().clone());
    let (inbox, messages) = channel(MESSAGES_MAX);
    let places = hive::Places::find(None)?;
    let app = tauri::Builder::default()
        .plugin(single_instance(inbox.clone(), &places))
        .plugin(Autostart::new().arg("--hidden").app_name("Skep").build())
        .plugin(tauri_plugin_deep_link::init())
        .build(tauri::generate_context!())?;
    #[cfg(target_os = "macos")]
    follow_links(&app, inbox.clone());

    let shell = Shell::new(app.handle().clone(), places, inbox.clone());
    runtime.spawn(shell.run(arguments, messages));
    app.run(move |app, event| match event {
        // Closing the window keeps the hive running; only `exit` carries a code.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::WindowEvent { label, event, .. } if label == window::LABEL => {
            let message = match event {
                WindowEvent::CloseRequested { api, .. } => {
                    api.prevent_close();
                    Message::CloseAsked
                }
                WindowEvent::DragDrop(event) => Message::Dragged(event),
                _ => return,
            };
            send(&inbox, message);
        }
        RunEvent::WindowEvent { label, event: WindowEvent::CloseRequested { .. }, .. }
            if label == crate::start_error::LABEL && app.webview_windows().len() <= 1 =>
        {
            send(&inbox, Message::Quit);
        }
        _ => {}
    });
    Ok(())
}

/// The later start hands its arguments to the first and ends. Hives of other homes are others.
fn single_instance(
    inbox: Sender<Message>,
    places: &hive::Places,
) -> tauri::plugin::TauriPlugin<tauri::Wry> {
    let builder = tauri_plugin_single_instance::Builder::new();
    let builder = if places.portable { builder.dbus_id(bus_name(&places.data)) } else { builder };
    builder
        .callback(move |_, words, folder| {
            let words = words.into_iter().skip(1);
            send(&inbox, Message::Started(Arguments::read(words, &PathBuf::from(folder))));
        })
        .build()
}

/// A bus name may hold only letters, digits, `_` and dots, and is limited in length.
fn bus_name(data: &std::path::Path) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    format!("app.skep.desktop.home_{:016x}", hasher.finish())
}

#[cfg(target_os = "macos")]
fn follow_links(app: &tauri::App, inbox: Sender<Message>) {
    use tauri_plugin_deep_link::DeepLinkExt;
    app.deep_link().on_open_url(move |event| {
        let links = event.urls().iter().map(ToString::to_string).collect();
        send(&inbox, Message::Started(Arguments { links, ..Arguments::default() }));
    });
}

/// From the main thread, which must never wait for the task.
fn send(inbox: &Sender<Message>, message: Message) {
    if let Err(error) = inbox.try_send(message) {
        tracing::warn!(%error, "the app is too busy to hear this");
    }
}
