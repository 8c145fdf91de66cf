//! The window on the hive's pages: made anew each time, and never anywhere else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tauri::webview::{DownloadEvent, NewWindowResponse};
use tauri::{
    AppHandle, DragDropEvent, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder,
};

use crate::notice;
use crate::remembered::Place;

pub(crate) const LABEL: &str = "main";
/// How long a page may take to tell that it works before the browser opens instead.
pub(crate) const READY_TIME_MAX: Duration = Duration::from_secs(5);

const SIZE: (f64, f64) = (1120.0, 760.0);
const SIZE_MIN: (f64, f64) = (360.0, 480.0);
const NAMES_TRIED_MAX: u32 = 1_000;

/// Brings the window to the front, if there is one.
pub(crate) fn raise(app: &AppHandle) -> Option<WebviewWindow> {
    let window = app.get_webview_window(LABEL)?;
    let raised = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
    if let Err(error) = raised {
        tracing::warn!(%error, "the window could not be raised");
    }
    Some(window)
}

/// Makes the window on a one-time sign-in address of the hive.
pub(crate) fn make(
    app: &AppHandle,
    address: &str,
    place: Option<Place>,
    data: &Path,
) -> anyhow::Result<WebviewWindow> {
    let url: Url = address.parse()?;
    let (home, for_new) = (url.origin(), url.origin());
    let mut builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::External(url))
        .title("Skep")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SIZE_MIN.0, SIZE_MIN.1)
        .prevent_overflow()
        .data_directory(data.to_owned())
        .on_navigation(move |url| url.origin() == home || is_blank(url) || refuse(url))
        .on_new_window(move |url, _| {
            // A page of the hive in a second window has no place here either: the browser has it.
            if url.origin() == for_new || !refuse(&url) {
                open_in_browser(url.as_str());
            }
            NewWindowResponse::Deny
        })
        .on_download(|webview, event| {
            download(webview.app_handle(), event);
            true
        });
    if let Some(place) = place {
        builder = builder
            .inner_size(place.width, place.height)
            .position(place.x, place.y)
            .maximized(place.maximized);
    } else {
        builder = builder.center();
    }
    Ok(builder.build()?)
}

pub(crate) fn go_to(window: &WebviewWindow, page: &str) {
    run(window, &format!("location.assign({})", json(page)));
}

/// Where the window is, for the next time.
pub(crate) fn place(window: &WebviewWindow) -> Option<Place> {
    let scale = window.scale_factor().ok()?;
    let position = window.outer_position().ok()?.to_logical::<f64>(scale);
    let size = window.inner_size().ok()?.to_logical::<f64>(scale);
    let maximized = window.is_maximized().unwrap_or_default();
    Some(Place { x: position.x, y: position.y, width: size.width, height: size.height, maximized })
}

/// Hands files dragged over the window to its page.
pub(crate) fn dragged(window: &WebviewWindow, event: &DragDropEvent) {
    match event {
        DragDropEvent::Enter { .. } => {
            send(window, "skep:drag", &serde_json::json!({ "over": true }))
        }
        DragDropEvent::Leave => send(window, "skep:drag", &serde_json::json!({ "over": false })),
        DragDropEvent::Drop { paths, .. } => {
            send(window, "skep:drag", &serde_json::json!({ "over": false }));
            send(window, "skep:drop", &serde_json::json!({ "paths": paths }));
        }
        _ => {}
    }
}

pub(crate) fn open_in_browser(url: &str) {
    if let Err(error) = tauri_plugin_opener::open_url(url, None::<&str>) {
        tracing::warn!(%error, "no browser opened");
        notice::tell("No browser opened", "Open Skep in your browser by hand: skep open --print");
    }
}

fn refuse(url: &Url) -> bool {
    if matches!(url.scheme(), "http" | "https" | "mailto") {
        open_in_browser(url.as_str());
    }
    false
}

fn is_blank(url: &Url) -> bool {
    url.scheme() == "about"
}

fn send(window: &WebviewWindow, name: &str, detail: &serde_json::Value) {
    let script = format!("dispatchEvent(new CustomEvent({}, {{ detail: {detail} }}))", json(name));
    run(window, &script);
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn run(window: &WebviewWindow, script: &str) {
    if let Err(error) = window.eval(script) {
        tracing::warn!(%error, "the page did not hear");
    }
}

fn download(app: &AppHandle, event: DownloadEvent<'_>) {
    match event {
        DownloadEvent::Requested { destination, .. } => {
            if let Some(folder) = downloads(app) {
                let name = destination.file_name().map_or("download".into(), PathBuf::from);
                *destination = free_name(&folder, &name);
            }
        }
        DownloadEvent::Finished { path: Some(path), success: true, .. } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let folder = path.parent().unwrap_or(Path::new("")).display();
            notice::tell("Downloaded", &format!("{name} is in {folder}."));
        }
        DownloadEvent::Finished { url, .. } => {
            let name = url.path_segments().and_then(Iterator::last).unwrap_or_default();
            let words = format!(
                "{name} did not arrive. The connection ended or the disk is full; try again."
            );
            notice::tell("Not downloaded", &words);
        }
        _ => {}
    }
}

/// The system's folder for downloads, or one of that name where none is set up.
fn downloads(app: &AppHandle) -> Option<PathBuf> {
    let paths = app.path();
    let folder =
        paths.download_dir().ok().or_else(|| Some(paths.home_dir().ok()?.join("Downloads")))?;
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

/// `plan.md`, or `plan (2).md` where that is taken: a download never replaces a file.
fn free_name(folder: &Path, name: &Path) -> PathBuf {
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let ending = name.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
    let numbered = (2..NAMES_TRIED_MAX)
        .map(|number| format!("{stem} ({number}){}", ending.as_deref().unwrap_or_default()).into());
    std::iter::once(name.to_owned())
        .chain(numbered)
        .map(|name: PathBuf| folder.join(name))
        .find(|path| !path.exists())
        .unwrap_or_else(|| folder.join(name))
}
